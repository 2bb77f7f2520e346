//! 01 to 05: topic chat.

use std::fs;
use std::time::Duration;

use runtime_tokio::im::{Event, ImEvent, Publish, Subscribe, TopicName};

use crate::place::{ALICE, BOB, CAROL, Place, blocking};
use crate::program::{On, Program, example};

#[tokio::test(flavor = "multi_thread")]
async fn connect_and_send() {
    let place = Place::new().await;
    for (count, on) in On::ALL.into_iter().enumerate() {
        let mut command = place.im(example!(on, "01_connect_and_send"), "101");
        command.args([BOB, "Hello, Bob"]);
        let stored = format!("stored as message {} of {BOB}", count + 1);
        let echo = format!("echo from {ALICE}: Some(\"Hello, Bob\")");
        let ended = blocking(|| Program::start(command).end()).await;
        ended.said(&[&stored, &echo, "closed: Cleanly"]);
    }
    // A wrong password is told, and the program ends.
    let mut command = place.im(example!(On::Tokio, "01_connect_and_send"), "101");
    command.env("CHAT_IM_PASSWORD", "wrong").args([BOB, "Hello"]);
    blocking(|| Program::start(command).end()).await.failed("incorrect username or password");
}

#[tokio::test(flavor = "multi_thread")]
async fn echo_bot() {
    for on in On::ALL {
        let place = Place::new().await;
        let command = place.im(example!(on, "02_echo_bot"), "102");
        let mut bot = blocking(move || {
            let mut bot = Program::start(command);
            bot.until("listens");
            bot
        })
        .await;

        let alice = place.client("101").await;
        let mut events = alice.events();
        let topic = TopicName::new(BOB);
        alice.subscribe(&topic, Subscribe::default()).await.unwrap();
        for text in ["one", "two", "three"] {
            alice.publish(&topic, Publish::text(text)).await.unwrap();
            let mut heard = Vec::new();
            while heard.len() < 2 {
                if let Some(Event::Service(ImEvent::Message(message))) = events.next().await {
                    heard.push((message.from().decode().into_owned(), message.as_text().unwrap()));
                }
            }
            let heard: Vec<_> = heard.iter().map(|(from, text)| (&**from, text.clone())).collect();
            assert_eq!(heard, [(ALICE, text.to_owned()), (BOB, text.to_owned())], "{on:?}");
        }
        alice.publish(&topic, Publish::text("/quit")).await.unwrap();
        let ended = blocking(move || {
            bot.until("three");
            bot.end()
        });
        ended.await.said(&["one", "two", "three", "closed: Cleanly"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn group_administration() {
    let place = Place::new().await;
    for on in On::ALL {
        let mut command = place.im(example!(on, "03_group_administration"), "101");
        command.args([BOB, CAROL]);
        let ended = blocking(|| Program::start(command).end()).await;
        ended.said(&[
            "created",
            &format!("members: {BOB} "),
            &format!("{ALICE} "),
            &format!("{CAROL} JR"),
            "named Some(\"{\\\"fn\\\":\\\"Lunch at noon\\\"}\")",
            "left: ",
            &format!("{BOB} owns it: true"),
            "no longer ours: rejected: 403",
            "closed: Cleanly",
        ]);
        let left = ended.out.lines().find(|line| line.starts_with("left: ")).unwrap();
        assert!(left.contains(ALICE) && left.contains(BOB) && !left.contains(CAROL), "{left}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_export() {
    const MESSAGES: usize = 45;
    let place = Place::new().await;
    let alice = place.client("101").await;
    let topic = TopicName::new(BOB);
    alice.subscribe(&topic, Subscribe::default()).await.unwrap();
    for number in 1..=MESSAGES {
        let text = format!("message {number} \u{2014} \"quoted\"");
        alice.publish(&topic, Publish::text(&text)).await.unwrap();
    }
    alice.close(Duration::from_secs(5)).await;
    for on in On::ALL {
        let file = place.file(&format!("{on:?}.jsonl"));
        let mut command = place.im(example!(on, "04_history_export"), "101");
        command.args([BOB, &file]);
        let ended = blocking(|| Program::start(command).end()).await;
        ended.said(&["45 messages", "closed: Cleanly"]);
        let lines = fs::read_to_string(&file).unwrap();
        assert_eq!(lines.lines().count(), MESSAGES);
        for (index, line) in lines.lines().enumerate() {
            let frame: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(frame["data"]["seq"], index + 1);
            let text = format!("message {} \u{2014} \"quoted\"", index + 1);
            assert_eq!(frame["data"]["content"], text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn file_up_and_down() {
    let place = Place::new().await;
    let picture: Vec<u8> = (0..3_000_000_u32).map(|at| (at.wrapping_mul(97) >> 5) as u8).collect();
    let from = place.file("picture.png");
    fs::write(&from, &picture).unwrap();
    for on in On::ALL {
        let to = place.file(&format!("{on:?}.png"));
        let mut command = place.im(example!(on, "05_file_up_and_down"), "101");
        command.args([BOB, &from, &to]);
        let ended = blocking(|| Program::start(command).end()).await;
        ended.said(&[
            "up 100 %",
            "picture.png is there, 3000000 bytes",
            "down 100 %",
            "has 3000000 bytes",
            "closed: Cleanly",
        ]);
        assert!(fs::read(&to).unwrap() == picture, "the copy differs");
    }
}
