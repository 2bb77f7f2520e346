//! 06: the bot is killed at awkward moments, and answers each question once.

use std::time::Duration;

use runtime_tokio::c2c::{self, C2cClient, Config, Event, HistoryQuery, Kind};

use crate::place::{Place, blocking};
use crate::program::{On, Program, example};

const ORDER: &str = "20476365073825144832";

/// The bot, killed when it is dropped.
async fn bot(place: &Place, on: On) -> Program {
    let mut command = place.c2c(example!(on, "06_order_auto_reply_bot"), "merchant");
    command.args([ORDER, &place.file("bot.json")]);
    blocking(move || Program::start(command)).await
}

/// Waits until the bot prints this.
async fn until(mut bot: Program, text: &'static str) -> Program {
    blocking(move || {
        bot.until(text);
        bot
    })
    .await
}

/// What people wrote, oldest first: by the buyer or not, and the text.
async fn said(buyer: &C2cClient) -> Vec<(bool, String)> {
    let page = buyer.history(HistoryQuery::newest(ORDER)).await.unwrap();
    let texts = page.items.iter().rev().filter(|item| item.kind() == Kind::Text);
    let mut said: Vec<_> = texts
        .map(|item| {
            let text = item.content.as_ref().unwrap().text().into_owned();
            (item.id.as_i64().unwrap(), item.self_ == Some(true), text)
        })
        .collect();
    said.sort();
    said.into_iter().map(|(_, mine, text)| (mine, text)).collect()
}

fn replies(said: &[(bool, String)]) -> Vec<&str> {
    said.iter().filter(|(mine, _)| !mine).map(|(_, text)| text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_question_has_one_answer() {
    const HOW: &str = "Please pay to the account on the order's page.";
    const PAID: &str = "Thank you. I look at my account and release the coins.";
    const SOON: &str = "I will be with you in a minute.";
    for on in On::ALL {
        let place = Place::new().await;
        let buyer = Config::new("demo-buyer-key", "demo-buyer-secret").unwrap();
        let buyer = buyer.base_url(&place.server.urls().c2c).unwrap();
        let buyer = c2c::connect(buyer.tls(place.server.tls_policy())).await.unwrap();
        let mut events = buyer.events();
        let mut answered = async || loop {
            // Told once, whoever wrote: an echo of the buyer's own is no event.
            if let Some(Event::Service(c2c::C2cEvent::Push(message))) = events.next().await
                && message.push.kind() == Kind::Text
            {
                return;
            }
        };

        // Asked before the bot was there, and while it is.
        buyer.send_text(ORDER, "How do I pay?").await.unwrap();
        let first = until(bot(&place, on).await, "up to date").await;
        answered().await;
        buyer.send_text(ORDER, "I have paid").await.unwrap();
        answered().await;
        assert_eq!(replies(&said(&buyer).await), [HOW, PAID]);

        // Killed as soon as the answer was seen: whether it was written down is a matter of luck.
        drop(first);
        buyer.send_text(ORDER, "Are you there?").await.unwrap();
        let second = until(bot(&place, on).await, "up to date").await;
        answered().await;
        assert_eq!(replies(&said(&buyer).await), [HOW, PAID, SOON], "{on:?}");
        drop(second);

        // As after a crash between the answer and the file: the file is older than the chat, or lost.
        for _ in 0..2 {
            let third = until(bot(&place, on).await, "up to date").await;
            let still = said(&buyer).await;
            assert_eq!(replies(&still), [HOW, PAID, SOON], "{on:?}");
            assert_eq!(still.len(), 6);
            drop(third);
            std::fs::remove_file(place.file("bot.json")).unwrap();
        }
        buyer.close(Duration::from_secs(5)).await;
    }
}
