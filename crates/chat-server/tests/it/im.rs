//! Whole conversations through the real client, over TLS.

use chat_proto::client::{CredentialsProblem, Event};
use chat_proto::im::client::{Answer, ImEvent, Publish, Subscribe};
use chat_proto::im::{TopicName, UserId};
use chat_server::{TestServer, world};
use serde_json::json;

use crate::support::{ANN, BOB, Client, DOMAIN, Raw, json_of, oauth, server, two_tenants};

#[tokio::test]
async fn two_users_talk() {
    let server = server().await;
    let mut ann = Client::ready(&server, "101").await;
    let mut bob = Client::ready(&server, "102").await;

    let (session, now) = ann.connection.machine();
    assert_eq!(session.user(), Some(&UserId::new(ANN)));
    let to_bob = TopicName::new(BOB);
    let subscribed = session.subscribe(&to_bob, Subscribe::default(), now).unwrap();
    assert!(matches!(ann.completed(subscribed).await, Ok(Answer::Subscribed(_))));

    let to_ann = TopicName::new(ANN);
    let (session, now) = bob.connection.machine();
    let subscribed = session.subscribe(&to_ann, Subscribe::default(), now).unwrap();
    assert!(matches!(bob.completed(subscribed).await, Ok(Answer::Subscribed(_))));

    let (session, now) = ann.connection.machine();
    let published = session.publish(&to_bob, Publish::text("hello, Bob"), now).unwrap();
    let Ok(Answer::Published(receipt)) = ann.completed(published).await else {
        panic!("not published");
    };
    assert_eq!((receipt.topic, receipt.seq), (to_bob, 1));
    let message = |event| match event {
        Event::Service(ImEvent::Message(data)) => Some(data),
        _ => None,
    };
    let data = bob.until(message).await;
    // Each side sees the topic under the other's name.
    assert_eq!((&*data.topic.decode(), data.seq), (ANN, 1));
    assert_eq!(data.content.as_ref().map(|it| it.as_str()), Some("\"hello, Bob\""));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_gets_the_words_of_the_pbx() {
    let server = server().await;
    let answer = oauth(&server, "101", DOMAIN, "wrong").await;
    assert_eq!(answer.status(), 400);
    let body = json_of(&answer);
    assert_eq!(body["errors"][0]["message"], "incorrect username or password");

    let mut client = Client::new(&server, "101", DOMAIN, "wrong");
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
