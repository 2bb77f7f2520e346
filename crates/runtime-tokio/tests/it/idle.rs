//! With a stopped clock: nothing spins, everything wakes.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use chat_proto::Message;
use futures_util::{SinkExt, StreamExt};
use runtime_tokio::{Connection, Options, Runtime, WsConfig};
use tungstenite::Message as Wire;

use crate::support::{accepted, dialled, pipe, rests, runtime, soon};
use runtime_core::conformance::probe::{Event, Probe};

/// Awaits `future` and counts how often it was polled.
async fn counted<T>(future: impl Future<Output = T>) -> (T, u32) {
    let mut future = pin!(future);
    let mut polls = 0;
    let value = poll_fn(|cx| {
        polls += 1;
        future.as_mut().poll(cx)
    })
    .await;
    (value, polls)
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_polled_for_its_timers_only() {
    let (mut conn, peer) = accepted(1024, Options::default()).await;
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    let (machine, now) = conn.machine();
    machine.timer = Some(now.mono + Duration::from_secs(3600));
    let (event, polls) = counted(conn.next()).await;
    assert_eq!(event, Some(Event::Timeout));
    assert!(polls <= 3, "{polls} polls in an idle hour");
    let elapsed = conn.runtime().now().mono - now.mono;
    assert!((3600..3601).contains(&elapsed.as_secs()), "{elapsed:?}");
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_spawned_driver_rests_too() {
    let (mut conn, peer) = accepted(1024, Options { event_queue: 1, ..Options::default() }).await;
    let (machine, now) = conn.machine();
    machine.timer = Some(now.mono + Duration::from_secs(3600));
    let (handle, driver) = conn.into_handle();
    let driver = tokio::spawn(counted(driver));
    // The queue is full with the first event, the timer's does not fit.
    tokio::time::sleep(Duration::from_secs(7200)).await;
    assert_eq!(handle.next().await, Some(Event::Opened(1)));
    assert_eq!(handle.next().await, Some(Event::Timeout));
    assert!(rests(handle.next()).await);
    drop(handle);
    let ((), polls) = driver.await.unwrap();
    assert!(polls <= 8, "{polls} polls in two idle hours");
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_moves_is_followed() {
    let (mut conn, peer) = accepted(1024, Options::default()).await;
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    let (machine, start) = conn.machine();
    machine.timer = Some(start.mono + Duration::from_secs(10));
    assert!(rests(conn.next()).await);
    // Later: the armed timer is kept, and its end is no timeout of the machine's.
    conn.machine().0.timer = Some(start.mono + Duration::from_secs(20));
    let (event, polls) = counted(conn.next()).await;
    assert_eq!(event, Some(Event::Timeout));
    assert!(polls <= 4, "{polls} polls");
    assert_eq!((conn.machine().1.mono - start.mono).as_secs(), 20);
    // Earlier: armed anew.
    conn.machine().0.timer = Some(start.mono + Duration::from_secs(90));
    assert!(rests(conn.next()).await);
    conn.machine().0.timer = Some(start.mono + Duration::from_secs(30));
    assert_eq!(conn.next().await, Some(Event::Timeout));
    assert_eq!((conn.machine().1.mono - start.mono).as_secs(), 30);
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_blocked_socket_is_not_polled() {
    let (mut conn, mut peer) = accepted(64, Options::default()).await;
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    let (machine, now) = conn.machine();
    machine.send(Message::Binary(vec![1; 100_000].into()));
    machine.send(Message::Binary(vec![2; 100_000].into()));
    machine.timer = Some(now.mono + Duration::from_secs(60));
    let (event, polls) = counted(conn.next()).await;
    // The timer goes on, the second message waits in the machine.
    assert_eq!(event, Some(Event::Timeout));
    assert!(polls <= 3, "{polls} polls while blocked");
    assert_eq!(conn.get().transmits.len(), 1);
    let reading = async {
        for part in [1, 2] {
            let message = soon(peer.next()).await.unwrap().unwrap();
            assert!(message.into_data() == vec![part; 100_000]);
        }
    };
    tokio::select! {
        event = conn.next() => panic!("{event:?}"),
        () = reading => {}
    }
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_while_idle() {
    for server in [true, false] {
        let (conn, mut peer) = if server {
            accepted(1024, Options::default()).await
        } else {
            dialled(1024, Options::default()).await
        };
        let (handle, driver) = conn.into_handle();
        let task = tokio::spawn(driver);
        handle.call(|machine, _| machine.mute = true).await.unwrap();
        for n in 0..3_u8 {
            peer.send(Wire::Ping(Bytes::from(vec![n]))).await.unwrap();
            assert_eq!(soon(peer.next()).await.unwrap().unwrap(), Wire::Pong(Bytes::from(vec![n])));
        }
        drop(handle);
        task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_pings_and_never_reads_gets_the_last_pong_and_not_our_memory() {
    let config = WsConfig { max_write_bytes: 8 << 10, cork_bytes: 4 << 10, ..WsConfig::server() };
    let (socket, mut peer) = pipe(256, &config).await;
    let machine = Probe { mute: true, ..Probe::default() };
    let conn = chat_proto::ConnId::new(1);
    let conn = Connection::accepted(machine, runtime(), conn, socket, Options::default());
    let (handle, driver) = conn.into_handle();
    tokio::spawn(driver);
    let count = 10_000_u32;
    for n in 1..=count {
        // Each gets through: reading goes on although writing is blocked.
        peer.send(Wire::Ping(n.to_be_bytes().to_vec().into())).await.unwrap();
    }
    let mut pongs = 0;
    loop {
        let Wire::Pong(payload) = soon(peer.next()).await.unwrap().unwrap() else { panic!() };
        pongs += 1;
        if payload[..] == count.to_be_bytes() {
            break;
        }
    }
    // What fits into the buffers, the pipe, and the last one.
    assert!(pongs < 2000, "{pongs} pongs were kept");
    // A message still gets through.
    handle.call(|machine, _| machine.text("alive")).await.unwrap();
    assert_eq!(soon(peer.next()).await.unwrap().unwrap(), Wire::text("alive"));
}

#[tokio::test(start_paused = true)]
async fn small_writes_leave_together() {
    let (mut conn, mut peer) = accepted(1 << 20, Options::default()).await;
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    for n in 0..10 {
        conn.machine().0.text(&n.to_string());
    }
    assert!(rests(conn.next()).await);
    for n in 0..10 {
        assert_eq!(soon(peer.next()).await.unwrap().unwrap(), Wire::text(n.to_string()));
    }
    assert!(rests(peer.next()).await);
}

#[tokio::test(start_paused = true)]
async fn next_can_be_dropped_at_any_await() {
    let (mut conn, mut peer) = accepted(64, Options::default()).await;
    conn.machine().0.echo = true;
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    let total = 200;
    let talking = async {
        for n in 0..total {
            peer.send(Wire::text(format!("message number {n}"))).await.unwrap();
            let back = soon(peer.next()).await.unwrap().unwrap();
            assert_eq!(back, Wire::text(format!("message number {n}")));
        }
    };
    let mut heard = 0;
    let mut talking = pin!(talking);
    loop {
        let mut next = pin!(conn.next());
        // One poll, then dropped.
        let event = poll_fn(|cx| match next.as_mut().poll(cx) {
            std::task::Poll::Ready(event) => std::task::Poll::Ready(event),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        });
        tokio::select! {
            biased;
            () = &mut talking => break,
            event = async { let event = event.await; tokio::task::yield_now().await; event } => {
                if let Some(Event::Message(message)) = event {
                    assert_eq!(message, Message::text(format!("message number {heard}")));
                    heard += 1;
                }
            }
        }
    }
    assert!(heard >= total - 1, "{heard}");
}
