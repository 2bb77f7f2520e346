//! The typed clients, with a chat server of a few lines on the other side.

use std::pin::pin;
use std::time::Duration;

use chat_proto::client::Event;
use chat_proto::error::{CloseReason, RequestError};
use futures_util::StreamExt;
use futures_util::future::{Either, join_all, select};
use tungstenite::Message as Wire;

use super::dropped::waiting;
use super::peer::{self, Peer, Ws};
use super::{Subject, run};
use crate::Runtime;
use crate::client::dummy::{self, Dummy};
use crate::client::{Closed, NotReady, SendError};
use crate::im::{
    self, Answer, Config, Event as ImEventOf, ImClient, ImEvent, Publish, Subscribe, TopicName,
};

const DEADLINE: Duration = Duration::from_secs(30);

fn topic() -> TopicName {
    TopicName::new("grpTest")
}

/// A server that answers until the client has gone; its outcome is what was published.
fn server(mut dummy: Dummy) -> Peer<Vec<String>> {
    Peer::websocket(move |mut ws: Ws| {
        while let Ok(message) = ws.read() {
            let Wire::Text(text) = message else { continue };
            for answer in dummy.answer(text.as_str()) {
                ws.send(Wire::text(answer)).unwrap();
            }
        }
        dummy.published
    })
}

async fn ready<S: Subject, T>(
    peer: &Peer<T>,
    config: impl FnOnce(Config) -> Config,
) -> ImClient<S::Runtime>
where
    T: Send + 'static,
{
    let im = im::connect::<S::Runtime>(config(dummy::config(&peer.http()))).await.unwrap();
    im.subscribe(&topic(), Subscribe::default()).await.unwrap();
    im
}

fn content(event: &ImEventOf) -> Option<String> {
    match event {
        Event::Service(ImEvent::Message(message)) => message.as_text(),
        _ => None,
    }
}

/// A message is published, its receipt comes back, its echo is an event, both sides say goodbye, and
/// the events end.
pub fn client_publishes<S: Subject>() {
    const fn is_shared<T: Clone + Send + Sync>() {}
    const fn is_sent<T: Send>(_: &T) {}
    is_shared::<ImClient<S::Runtime>>();
    is_shared::<crate::c2c::C2cClient<S::Runtime>>();
    run::<S>(async {
        let peer = server(Dummy::default());
        let im = ready::<S, _>(&peer, |config| config).await;
        let mut events = im.events();
        let topic = topic();
        let publishing = im.publish(&topic, Publish::text("hello"));
        is_sent(&publishing);
        let receipt = publishing.await.unwrap();
        assert_eq!((&receipt.topic, receipt.seq.get()), (&topic, 1));
        loop {
            // As a stream, and by its own name.
            let event = StreamExt::next(&mut events).await.expect("the echo is missing");
            if let Some(text) = content(&event) {
                assert_eq!(text, "hello");
                break;
            }
        }
        assert_eq!(im.topic(&topic).await.unwrap().unwrap().seq.get(), 1);
        assert_eq!(im.close(DEADLINE).await, Closed::Cleanly);
        let mut last = None;
        while let Some(event) = events.next().await {
            last = Some(event);
        }
        assert_eq!(last, Some(Event::Closed(CloseReason::Requested)));
        assert_eq!(im.publish(&topic, Publish::text("late")).await.unwrap_err(), SendError::Ended);
        drop((im, events));
        assert_eq!(peer.outcome().await, ["hello"]);
    });
}

/// Nobody is there: connecting says so.
pub fn client_refused<S: Subject>() {
    run::<S>(async {
        let config = dummy::config(&format!("http://{}", peer::nobody()));
        let error = im::connect::<S::Runtime>(config).await.unwrap_err();
        assert!(matches!(error, NotReady::Lost(_)), "{error}");
    });
}

/// Many clones publish at once, from tasks of their own and many at a time: each message is stored once,
/// each task's in its order, and each gets its own receipt.
pub fn client_clones<S: Subject>() {
    const TASKS: usize = 8;
    const EACH: usize = 50;
    run::<S>(async {
        let peer = server(Dummy::default());
        let im = ready::<S, _>(&peer, |config| config).await;
        let rt = im.runtime().clone();
        let (tell, mut told) = futures_channel::mpsc::unbounded();
        for task in 0..TASKS {
            let (im, tell) = (im.clone(), tell.clone());
            rt.spawn(async move {
                let publish = |n| {
                    let text = format!("{task} {n}");
                    let im = im.clone();
                    async move {
                        let receipt = im.publish(&topic(), Publish::text(&text)).await.unwrap();
                        (receipt.seq.get(), text)
                    }
                };
                for receipt in join_all((0..EACH).map(publish)).await {
                    tell.unbounded_send(receipt).unwrap();
                }
            });
        }
        drop(tell);
        let mut receipts = Vec::new();
        while let Some(receipt) = told.next().await {
            receipts.push(receipt);
        }
        assert_eq!(im.close(DEADLINE).await, Closed::Cleanly);
        let published = peer.outcome().await;
        receipts.sort_unstable();
        let texts: Vec<_> = receipts.iter().map(|(_, text)| text.clone()).collect();
        assert_eq!(published, texts, "a receipt is not that of its message");
        for task in 0..TASKS {
            let mine = published.iter().filter(|text| text.starts_with(&format!("{task} ")));
            assert!(mine.eq(&(0..EACH).map(|n| format!("{task} {n}")).collect::<Vec<_>>()));
        }
    });
}

/// A server that does not answer the close frame: the link is dropped at the deadline, requests end,
/// events end.
pub fn client_close_deadline<S: Subject>() {
    run::<S>(async {
        let (tell, arrived) = futures_channel::oneshot::channel();
        let peer = Peer::websocket(move |mut ws: Ws| {
            let mut dummy = Dummy { mute: true, ..Dummy::default() };
            while dummy.published.is_empty() {
                let Ok(Wire::Text(text)) = ws.read() else { continue };
                for answer in dummy.answer(text.as_str()) {
                    ws.send(Wire::text(answer)).unwrap();
                }
            }
            tell.send(()).unwrap();
            // Neither an answer nor a goodbye.
            peer::until_gone(ws.get_ref());
        });
        let im = ready::<S, _>(&peer, |config| config).await;
        let mut events = im.events();
        let topic = topic();
        let mut publishing = pin!(im.publish(&topic, Publish::text("never answered")));
        assert!(waiting(0, publishing.as_mut()).await.is_none());
        // What was not written yet would be taken back.
        arrived.await.unwrap();
        let began = im.runtime().now().mono;
        assert_eq!(im.close(Duration::from_millis(100)).await, Closed::Dropped);
        assert!(im.runtime().now().mono >= began + Duration::from_millis(100));
        peer.outcome().await;
        assert_eq!(publishing.await.unwrap_err(), SendError::Request(RequestError::Unknown));
        let mut ended = 0;
        while let Some(event) = events.next().await {
            ended += usize::from(event == Event::Closed(CloseReason::Requested));
        }
        assert_eq!(ended, 1);
    });
}

/// With as many requests unanswered as may be, one more is an error with their number.
pub fn client_queue_full<S: Subject>() {
    const MOST: usize = 4;
    run::<S>(async {
        let peer = server(Dummy { mute: true, ..Dummy::default() });
        let im = ready::<S, _>(&peer, |config| config.max_requests(MOST)).await;
        let topic = topic();
        let mut calls: Vec<_> =
            (0..MOST).map(|_| Box::pin(im.publish(&topic, Publish::text("x")))).collect();
        for call in &mut calls {
            assert!(waiting(0, call.as_mut()).await.is_none());
        }
        let error = im.publish(&topic, Publish::text("one more")).await.unwrap_err();
        assert_eq!(error, SendError::QueueFull { len: MOST });
        drop(calls);
        drop(im);
        assert!(!peer.outcome().await.contains(&"one more".to_owned()));
    });
}

/// Calls that are dropped after any number of turns: each message is stored once, and its outcome is
/// either the call's or an event, never both.
pub fn client_call_dropped<S: Subject>() {
    const COUNT: usize = 60;
    run::<S>(async {
        let peer = server(Dummy::default());
        let im = ready::<S, _>(&peer, |config| config).await;
        let mut events = im.events();
        let topic = topic();
        // Never polled.
        drop(im.publish(&topic, Publish::text("never")));
        let mut answered = 0;
        for n in 0..COUNT {
            let text = n.to_string();
            let call = pin!(im.publish(&topic, Publish::text(&text)));
            let turns = pin!(async {
                // Each waits for a turn of the client's task.
                for _ in 0..n {
                    im.phase().await.unwrap();
                }
            });
            if let Either::Left((receipt, _)) = select(call, turns).await {
                receipt.unwrap();
                answered += 1;
            }
        }
        let mut told = 0;
        let mut heard = 0;
        while answered + told < COUNT || heard < COUNT {
            let event = events.next().await.expect("an outcome is missing");
            heard += usize::from(content(&event).is_some());
            if let Event::Completed { result, .. } = event {
                assert!(matches!(result, Ok(Answer::Published(_))), "{result:?}");
                told += 1;
            }
        }
        assert_eq!(im.close(DEADLINE).await, Closed::Cleanly);
        while let Some(event) = events.next().await {
            assert!(!matches!(event, Event::Completed { .. }), "told twice: {event:?}");
        }
        let expected: Vec<_> = (0..COUNT).map(|n| n.to_string()).collect();
        assert_eq!(peer.outcome().await, expected);
    });
}

/// An application that holds the events and does not take them stops the server; nothing is lost once
/// it goes on. Nobody who holds them stops nothing.
pub fn client_slow_application<S: Subject>() {
    const COUNT: u64 = 20_000;
    run::<S>(async {
        for listens in [true, false] {
            let (tell, stuck) = futures_channel::oneshot::channel();
            let peer = Peer::websocket(move |mut ws: Ws| {
                let mut dummy = Dummy::default();
                // Until the topic is described.
                for _ in 0..3 {
                    let Ok(Wire::Text(text)) = ws.read() else { panic!("no frame") };
                    for answer in dummy.answer(text.as_str()) {
                        ws.send(Wire::text(answer)).unwrap();
                    }
                }
                let long = "x".repeat(1000);
                ws.get_ref().set_write_timeout(Some(Duration::from_millis(300))).unwrap();
                let mut was_stuck = false;
                for seq in 1..=COUNT {
                    if ws.send(Wire::text(dummy::data("grpTest", seq, &long, ""))).is_err() {
                        was_stuck = true;
                        break;
                    }
                }
                tell.send(was_stuck).unwrap();
                ws.get_ref().set_write_timeout(Some(DEADLINE)).unwrap();
                // The client may be content with less.
                let _ = ws.flush();
                peer::until_gone(ws.get_ref());
            });
            let config = dummy::config(&peer.http()).event_queue(16);
            let im = im::connect::<S::Runtime>(config).await.unwrap();
            let events = listens.then(|| im.events());
            im.subscribe(&topic(), Subscribe::default()).await.unwrap();
            // 20 MB are more than buffers hold.
            assert_eq!(stuck.await.unwrap(), listens);
            if let Some(mut events) = events {
                let mut next = 1;
                while next < 200 {
                    let event = events.next().await.unwrap();
                    if let Event::Service(ImEvent::Message(message)) = event {
                        assert_eq!(message.seq(), next, "a message is missing");
                        next += 1;
                    }
                }
                assert_eq!(im.discarded(), 0);
            }
            drop(im);
            peer.outcome().await;
        }
    });
}
