//! Order chat byte by byte: what the wire itself does.

use chat_hub::world::Faults;
use chat_proto::c2c::rest::Ticket;
use chat_server::TestServer;
use futures_util::StreamExt;
use runtime_tokio::Runtime;
use serde_json::{Value, json};
use tungstenite::Message;

use crate::support::{Raw, api, exchange, plain, runtime, server, soon, upgrade};

const ORDER: &str = "20476365073825144832";

async fn connect(server: &TestServer, who: &str) -> Result<Raw, tungstenite::Error> {
    let now = runtime(server).now().unix;
    let answer = exchange(&runtime(server), api(server, who).credential(now).into_request()).await;
    let ticket = Ticket::read(&answer.unwrap()).unwrap().upgrade().unwrap().into_request();
    let socket = upgrade(server, &ticket.uri().to_string()).await?;
    Ok(Raw { socket, login: Value::Null })
}

async fn fault(server: &TestServer, change: impl FnOnce(&mut Faults) + Send + 'static) {
    let set = server.hub(|hub, now| {
        let mut faults = hub.faults().clone();
        change(&mut faults);
        hub.set_faults(faults, now)
    });
    set.await.unwrap().unwrap();
}

fn text(uuid: &str, content: &str) -> String {
    json!({"type": "text", "uuid": uuid, "orderNo": ORDER, "content": content, "self": true,
        "clientType": "web", "createTime": 1_700_000_000_123_u64, "sendStatus": 0})
    .to_string()
}

#[tokio::test]
async fn c2c_rule_106_messages_in_pieces_arrive_whole() {
    let server = server().await;
    let mut merchant = connect(&server, "merchant").await.unwrap();
    fault(&server, |faults| faults.fragment_bytes = 7).await;
    merchant.send(&text("u1", &"long ".repeat(1000))).await;
    let echo = merchant.frame().await;
    assert_eq!((&echo["uuid"], &echo["content"]), (&json!("u1"), &json!("long ".repeat(1000))));
    fault(&server, |faults| faults.fragment_bytes = 0).await;
    merchant.send(&text("u2", "short")).await;
    assert_eq!(merchant.frame().await["uuid"], "u2");
}

#[tokio::test]
async fn c2c_rule_107_a_dead_link_is_open_and_says_nothing() {
    let server = server().await;
    let mut merchant = connect(&server, "merchant").await.unwrap();
    fault(&server, |faults| faults.dead_links = true).await;
    merchant.send(&text("u1", "into the void")).await;
    // A call of the same account shows that the text was taken, though nothing came back.
    let stored = async || {
        let snapshot = server.hub(|hub, _| hub.snapshot());
        snapshot.await.unwrap().iter().any(|it| format!("{it:?}").contains("into the void"))
    };
    soon("the text", async {
        while !stored().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
    fault(&server, |faults| faults.dead_links = false).await;
    merchant.send(&text("u2", "here again")).await;
    assert_eq!(merchant.frame().await["uuid"], "u2", "what the dead link swallowed is gone");
}

#[tokio::test]
async fn c2c_rule_108_109_a_connection_ends_where_and_how_the_switches_say() {
    let server = plain(|_| {}).await;
    fault(&server, |faults| {
        faults.close_after = 1;
        faults.close_code = 4001;
    })
    .await;
    let mut merchant = connect(&server, "merchant").await.unwrap();
    merchant.send(&text("u1", "hi")).await;
    assert_eq!(merchant.closed().await, (4001, "fault".to_owned()));

    fault(&server, |faults| faults.close_abruptly = true).await;
    let mut merchant = connect(&server, "merchant").await.unwrap();
    merchant.send(&text("u2", "hi")).await;
    let end = merchant.next().await;
    assert!(!matches!(end, Some(Ok(Message::Close(_) | Message::Text(_)))), "{end:?}");

    fault(&server, |faults| {
        *faults = Faults::default();
        faults.refuse_upgrade = 503;
    })
    .await;
    let Err(tungstenite::Error::Http(answer)) = connect(&server, "merchant").await else {
        panic!("the upgrade was not refused")
    };
    assert_eq!(answer.status(), 503);
}

#[tokio::test]
async fn c2c_rule_036_a_second_connection_throws_the_first_one_out() {
    let server = server().await;
    let mut first = connect(&server, "merchant").await.unwrap();
    let mut second = connect(&server, "merchant").await.unwrap();
    assert_eq!(first.closed().await, (1000, "Bye".to_owned()));
    assert!(soon("the end", first.socket.next()).await.is_none());
    second.send(&text("u1", "hi")).await;
    assert_eq!(second.frame().await["self"], true);
}
