//! Whole conversations through the real client, over TLS.

use chat_proto::client::{CredentialsProblem, Event};
use chat_proto::im::client::{Answer, ImEvent, Publish, Subscribe};
use chat_proto::im::{TopicName, UserId};
use chat_server::{TestServer, world};
use serde_json::json;

use crate::support::{ANN, BOB, DOMAIN, ImClient, Raw, json_of, oauth, server, two_tenants};

#[tokio::test]
async fn rule_047_two_users_talk() {
    let server = server().await;
    let mut ann = ImClient::ready(&server, "101").await;
    let mut bob = ImClient::ready(&server, "102").await;

    assert_eq!(ann.connection.get().user(), Some(&UserId::new(ANN)));
    let (to_ann, to_bob) = (TopicName::new(ANN), TopicName::new(BOB));
    let how = Subscribe::default();
    let answer = ann.ask(|im, now| im.subscribe(&to_bob, how.clone(), now)).await;
    assert!(matches!(answer, Ok(Answer::Subscribed(_))));
    let answer = bob.ask(|im, now| im.subscribe(&to_ann, how, now)).await;
    assert!(matches!(answer, Ok(Answer::Subscribed(_))));

    let text = Publish::text("hello, Bob");
    let answer = ann.ask(|im, now| im.publish(&to_bob, text, now)).await;
    let Ok(Answer::Published(receipt)) = answer else { panic!("not published") };
    assert_eq!((receipt.topic, receipt.seq.get()), (to_bob, 1));
    let message = |event| match event {
        Event::Service(ImEvent::Message(data)) => Some(data),
        _ => None,
    };
    let data = bob.until(message).await;
    // Each side sees the topic under the other's name.
    assert_eq!((&*data.topic().decode(), data.seq()), (ANN, 1));
    assert_eq!(data.as_text().as_deref(), Some("hello, Bob"));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn rule_020_a_wrong_password_gets_the_words_of_the_pbx() {
    let server = server().await;
    let answer = oauth(&server, "101", DOMAIN, "wrong").await;
    assert_eq!(answer.status(), 400);
    let body = json_of(&answer);
    assert_eq!(body["errors"][0]["message"], "incorrect username or password");

    let mut client = ImClient::new(&server, "101", DOMAIN, "wrong");
    let why = client
        .until(|event| match event {
            Event::CredentialsNeeded { why } => Some(why),
            _ => None,
        })
        .await;
    let CredentialsProblem::Refused(rejection) = why else { panic!("{why}") };
    assert_eq!(rejection.text, "incorrect username or password");
}

#[tokio::test]
async fn another_world_has_other_people() {
    let world = "[[tenants]]\ndomain = \"example.org\"\n[[tenants.extensions]]\nnumber = \"7\"\n\
                 password = \"seven\"\nuser_id = \"18446744073709551615\"\n";
    let server = TestServer::start(world::from_toml(world).unwrap()).await.unwrap();
    let raw = Raw::login(&server, "7", "example.org", "seven").await;
    assert_eq!(raw.login["params"]["user"], "usr18446744073709551615");
    let answer = oauth(&server, "101", DOMAIN, "demo-101").await;
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let server = TestServer::start(two_tenants()).await.unwrap();
    let mut other = Raw::login(&server, "101", "other.example", "other-101").await;
    assert_eq!(other.login["params"]["user"], "usr7");
    other.send(&json!({"sub": {"id": "x", "topic": ANN}}).to_string()).await;
    assert_eq!(other.answer("x").await["code"], 404);
    // The extension exists in both, its password does not.
    let answer = oauth(&server, "101", "other.example", "demo-101").await;
    assert_eq!(answer.status(), 400);
}
