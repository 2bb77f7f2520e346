//! A client that does not read.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tungstenite::Message;

use crate::support::{ANN, BOB, Raw, plain, soon};

const MESSAGES: usize = 300;
const BYTES: usize = 100 << 10;

#[tokio::test]
async fn rule_248_249_a_slow_reader_is_cut_off_and_delays_nobody() {
    let server = plain(|config| {
        config.hub.session.max_queued = 8;
        // It is told why, however late it wakes up.
        config.hub.session.close_within = Duration::from_secs(60);
    })
    .await;
    let mut ann = Raw::extension(&server, "101").await;
    let mut quick = Raw::extension(&server, "102").await;
    let mut slow = Raw::extension(&server, "102").await;
    ann.subscribe(BOB).await;
    quick.subscribe(ANN).await;
    slow.subscribe(ANN).await;

    let content = "x".repeat(BYTES);
    for number in 1..=MESSAGES {
        let id = format!("p{number}");
        let publish = json!({"pub": {"id": id, "topic": BOB, "noecho": true, "content": content}});
        ann.send(&publish.to_string()).await;
        assert_eq!(ann.answer(&id).await["code"], 202);
        assert_eq!(quick.until("data").await["seq"], number);
    }
    // What the slow one finds when it wakes up: the beginning, then that it missed something.
    let mut found = 0;
    let end = soon("the end", async {
        loop {
            match slow.socket.next().await {
                Some(Ok(Message::Text(text))) if text.contains("\"data\"") => found += 1,
                Some(Ok(Message::Close(Some(frame)))) => return Some(u16::from(frame.code)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    })
    .await;
    assert_eq!(end, Some(1013));
    assert!((1..MESSAGES).contains(&found), "{found} of {MESSAGES} messages were kept for it");
    // The others are still there.
    ann.send(r#"{"pub":{"id":"last","topic":"usr804252613548703744","content":"?"}}"#).await;
    assert_eq!(ann.answer("last").await["code"], 202);
}

#[tokio::test]
async fn a_client_that_asks_and_does_not_read_is_slowed_down() {
    let server = plain(|config| config.hub.session.max_answers = 32).await;
    let mut raw = Raw::extension(&server, "101").await;
    raw.subscribe(BOB).await;
    let content = "x".repeat(BYTES);
    for number in 0..10 {
        let id = format!("p{number}");
        let publish = json!({"pub": {"id": id, "topic": BOB, "noecho": true, "content": content}});
        raw.send(&publish.to_string()).await;
        assert_eq!(raw.answer(&id).await["code"], 202);
    }
    // Each question is answered with one large message: far more than the buffers hold, so that the
    // server has to stop reading questions.
    let asked = 400;
    let (mut write, mut read) = raw.socket.split();
    let mut ask = pin!(async {
        for number in 0..asked {
            let id = format!("g{number}");
            let one = json!({"since": 1, "before": 2});
            let get = json!({"get": {"id": id, "topic": BOB, "what": "data", "data": one}});
            write.send(Message::text(get.to_string())).await.unwrap();
        }
    });
    // Nothing is read while the server has time to run into the wall.
    let mut all_asked = false;
    for _ in 0..2000 {
        all_asked = all_asked || poll_fn(|cx| Poll::Ready(ask.as_mut().poll(cx).is_ready())).await;
        tokio::task::yield_now().await;
    }
    let listen = async {
        let mut answered = 0;
        while answered < asked {
            match read.next().await {
                Some(Ok(Message::Text(text))) if text.contains("\"data\":{") => answered += 1,
                Some(Ok(Message::Text(_) | Message::Ping(_))) => {}
                other => panic!("cut off: {other:?}"),
            }
        }
    };
    let ask = async {
        if !all_asked {
            ask.await;
        }
    };
    soon("all answers", async { tokio::join!(ask, listen) }).await;
}
