//! Futures that are dropped before they end.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use chat_proto::Message;
use tungstenite::Message as Wire;

use super::peer::{self, Peer, Ws};
use super::probe::{Event, Probe};
use super::tls::Identity;
use super::watched::Watched;
use super::{Subject, never, run, runtime};
use crate::{Connection, HttpLimits, Network, Options, http};

/// Polls `future` until it has waited `times` times; `None` then, and it is dropped.
pub(super) async fn waiting<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// A connection over TLS that is dropped wherever it waits, from TCP to the echo, closes its socket
/// and leaves no task behind.
pub fn dropped_at_every_await<S: Subject>() {
    run::<S>(async {
        let identity = Identity::new("127.0.0.1");
        let network = Network::new(identity.policy());
        let runtime = Watched::new(S::Runtime::from(network));
        let tasks = S::tasks();
        for times in 0.. {
            let before = runtime.connects();
            let config = identity.config.clone();
            let peer = Peer::tcp(move |stream| {
                let watch = stream.try_clone().unwrap();
                // Fails wherever the client leaves.
                if let Ok(mut ws) = tungstenite::accept(super::tls::accept(config, stream)) {
                    if let Ok(message) = ws.read() {
                        let _ = ws.send(message);
                    }
                    let _ = ws.read();
                }
                peer::until_gone(&watch);
            });
            let uri = format!("wss://{}/", peer.address);
            let mut machine = Probe::default();
            machine.dial(1, &uri);
            machine.text("hello");
            let mut conn = Connection::new(machine, runtime.clone(), Options::default());
            let told = waiting(times, async {
                assert_eq!(conn.next().await, Some(Event::Opened(1)));
                conn.next().await
            })
            .await;
            drop(conn);
            if runtime.connects() == before {
                peer.knock();
            }
            peer.outcome().await;
            assert_eq!(runtime.spawned(), 0, "a task was spawned");
            assert_eq!(S::tasks(), tasks, "a task is left");
            if let Some(event) = told {
                assert_eq!(event, Some(Event::Message(Message::text("hello"))));
                // For TCP, TLS and the upgrade at least.
                assert!(times >= 3, "it has waited {times} times only");
                break;
            }
        }
    });
}

/// The same for an HTTP exchange.
pub fn dropped_exchange_at_every_await<S: Subject>() {
    run::<S>(async {
        let runtime = Watched::new(runtime::<S>());
        let tasks = S::tasks();
        for times in 0.. {
            let before = runtime.connects();
            let peer = Peer::tcp(|mut stream| {
                // Each step may find the client gone.
                if peer::head(&mut stream).is_ok() {
                    use std::io::Write;
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwo");
                    let _ = stream.write_all(b"rd");
                }
                peer::until_gone(&stream);
            });
            let request =
                ::http::Request::post(peer.http()).body(Bytes::from_static(b"x")).unwrap();
            let limits = HttpLimits::default();
            let exchange = http::exchange(&runtime, request, never(&runtime), &limits);
            let answer = waiting(times, exchange).await;
            if runtime.connects() == before {
                peer.knock();
            }
            peer.outcome().await;
            assert_eq!(runtime.spawned(), 0, "a task was spawned");
            assert_eq!(S::tasks(), tasks, "a task is left");
            if let Some(answer) = answer {
                assert_eq!(answer.unwrap().body(), "word");
                assert!(times >= 1, "it has not waited");
                break;
            }
        }
    });
}

/// `Connection::next` that is dropped whenever it waits loses and doubles nothing, in either
/// direction.
pub fn next_dropped_at_every_await<S: Subject>() {
    const COUNT: u32 = 2000;
    run::<S>(async {
        let peer = Peer::websocket(|mut ws: Ws| {
            for n in 0..COUNT {
                assert_eq!(ws.read().unwrap(), Wire::text(n.to_string()));
                ws.send(Wire::text(n.to_string())).unwrap();
            }
            peer::until_gone(ws.get_ref());
        });
        let mut conn = super::client::<S>(&peer.ws());
        super::opened(&mut conn).await;
        for n in 0..COUNT {
            conn.machine().0.text(&n.to_string());
        }
        let mut drops = 0;
        for n in 0..COUNT {
            let event = loop {
                // One poll, which leaves its waker; then the future is dropped.
                let mut first = true;
                let event = poll_fn(|cx| {
                    let mut next = pin!(conn.next());
                    match next.as_mut().poll(cx) {
                        Poll::Ready(event) => Poll::Ready(Some(event)),
                        Poll::Pending if first => {
                            first = false;
                            Poll::Pending
                        }
                        Poll::Pending => Poll::Ready(None),
                    }
                })
                .await;
                match event {
                    Some(event) => break event,
                    None => drops += 1,
                }
            };
            assert_eq!(event, Some(Event::Message(Message::text(n.to_string()))));
        }
        drop(conn);
        peer.outcome().await;
        let _ = drops;
    });
}
