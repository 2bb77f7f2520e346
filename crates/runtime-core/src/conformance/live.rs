//! Conversations of the typed clients with a whole server. An adapter starts the server, as it knows
//! how, and runs these; they panic where something is wrong.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use chat_proto::client::{Event, Service};
use chat_proto::json::Raw;

use super::dropped::waiting;
use crate::c2c::{self, C2cClient, C2cEvent, DownloadRules, Kind, SendOptions, Since};
use crate::client::{Closed, EventOf, Events, FileCallError, NotReady, SendError, Spoken};
use crate::files::{DownloadOptions, Source, UploadOptions};
use crate::im::{self, AccessMode, Credentials, HistoryQuery, ImClient, ImEvent, Publish};
use crate::im::{Query, Section, Seqs, SetRequest, Subscribe, TopicKind, TopicName};
use crate::{Network, Runtime};

const DEADLINE: Duration = Duration::from_secs(20);

/// Waits for an event that `wanted` takes.
async fn expect<S: Spoken, T>(
    events: &mut Events<S>,
    mut wanted: impl FnMut(&<S as Service>::Event) -> Option<T>,
) -> T {
    loop {
        let event: EventOf<S> = events.next().await.expect("the session has ended");
        if let Event::Service(event) = &event
            && let Some(found) = wanted(event)
        {
            return found;
        }
    }
}

/// Two extensions of one tenant use every verb of topic chat that PortSIP knows.
pub async fn topic_chat<R: Runtime + From<Network>>(
    alice: im::Config,
    bob: im::Config,
    folder: &Path,
) {
    let a: ImClient<R> = im::connect(alice.clone()).await.unwrap();
    let b: ImClient<R> = im::start(bob);
    b.ready().await.unwrap();
    let (alice_id, bob_id) = (a.user().await.unwrap().unwrap(), b.user().await.unwrap().unwrap());
    let mut bob_hears = b.events();
    b.subscribe(&TopicName::me(), Subscribe::default()).await.unwrap();

    // One to one: receipt, the peer's copy, what was read, history, the mirror.
    let (to_bob, to_alice) = (TopicName::p2p(&bob_id), TopicName::p2p(&alice_id));
    a.subscribe(&to_bob, Subscribe::default()).await.unwrap();
    b.subscribe(&to_alice, Subscribe::default()).await.unwrap();
    let mut alice_hears = a.events();
    a.note_typing(&to_bob, im::TypingKind::Text).await.unwrap();
    let receipt = a.publish(&to_bob, Publish::text("hello")).await.unwrap();
    assert_eq!(receipt.topic, to_bob);
    let copy = expect(&mut bob_hears, |event| match event {
        ImEvent::Message(message) => Some(message.clone()),
        _ => None,
    });
    let copy = copy.await;
    assert_eq!((copy.seq(), copy.ts()), (receipt.seq.get(), receipt.ts));
    b.note_received(&to_alice, receipt.seq).await.unwrap();
    b.note_read(&to_alice, receipt.seq).await.unwrap();
    expect(&mut alice_hears, |event| match event {
        ImEvent::Receipt(read) if read.seq == receipt.seq && read.user == bob_id => Some(()),
        _ => None,
    })
    .await;
    assert_eq!(b.topic(&to_alice).await.unwrap().unwrap().unread, 0);
    assert!(b.topics().await.unwrap().iter().any(|topic| topic.name == to_alice && topic.followed));
    for n in 1..=4 {
        a.publish(&to_bob, Publish::text(&format!("{n}")).without_echo()).await.unwrap();
    }
    let (mut query, mut pages) = (Some(HistoryQuery::newest(2)), Vec::new());
    while let Some(next) = query {
        let page = a.history(&to_bob, next).await.unwrap();
        pages.push(page.messages.len());
        query = page.older();
    }
    assert_eq!(pages, [2, 2, 1]);
    a.hide_messages(&to_bob, Seqs::from(1)).await.unwrap();
    a.delete_messages(&to_bob, Seqs::from(2..=3)).await.unwrap();
    assert_eq!(a.history(&to_bob, HistoryQuery::newest(9)).await.unwrap().messages.len(), 2);

    // A group: create, invite, describe, change, hand over, ban, remove, delete.
    let group = a.create_group(Subscribe::default()).await.unwrap().topic;
    assert_eq!(group.kind(), TopicKind::Group);
    a.invite(&group, &bob_id, None).await.unwrap();
    b.subscribe(&group, Subscribe::default()).await.unwrap();
    assert_eq!(a.subscriptions(&group).await.unwrap().sub.unwrap().len(), 2);
    let name = Raw::new(r#"{"fn":"Ours"}"#).unwrap().detach();
    let changed = a.set(&group, SetRequest::default().public(name.clone())).await.unwrap();
    assert_eq!(changed.done.len(), 1);
    assert_eq!(b.describe(&group).await.unwrap().desc.unwrap().public, Some(name));
    let members = a.get(&group, &Query::of(&[Section::Sub]).only(&bob_id)).await.unwrap();
    assert!(members.sub.is_some());
    b.leave(&group).await.unwrap();
    b.subscribe(&group, Subscribe::default()).await.unwrap();
    b.unsubscribe(&group).await.unwrap();
    let refused = b.publish(&group, Publish::text("a stranger")).await.unwrap_err();
    assert!(matches!(refused, SendError::Request(_)), "{refused}");
    b.subscribe(&group, Subscribe::default()).await.unwrap();
    a.ban(&group, &bob_id).await.unwrap();
    a.invite(&group, &bob_id, Some(AccessMode::parse_lenient("JRWPS"))).await.unwrap();
    b.subscribe(&group, Subscribe::default()).await.unwrap();
    a.remove_member(&group, &bob_id).await.unwrap();
    b.subscribe(&group, Subscribe::default()).await.unwrap();
    a.transfer_ownership(&group, &bob_id).await.unwrap();
    assert!(matches!(a.accept_ownership(&group).await.unwrap_err(), SendError::Call(_)));
    b.delete_topic(&group).await.unwrap();

    // A file, there and back.
    let content: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(folder.join("up.bin"), &content).unwrap();
    let source = Source::open(folder.join("up.bin")).await.unwrap();
    let file = a.upload_file(source, UploadOptions::default()).await.unwrap();
    let down = folder.join("down.bin");
    let got = b.download_file(&file, &down, DownloadOptions::default()).await.unwrap();
    assert_eq!((got.bytes, std::fs::read(&down).unwrap()), (content.len() as u64, content));

    assert_eq!(a.close(DEADLINE).await, Closed::Cleanly);
    assert_eq!(b.close(DEADLINE).await, Closed::Cleanly);
    assert_eq!(a.close(DEADLINE).await, Closed::Before);

    // The wrong password says so, and another one goes on from there.
    let right = alice.clone();
    let wrong = alice.tune(|config| {
        let (user, domain) = (config.credentials.username(), config.credentials.domain());
        config.credentials = Credentials::password(user, domain, "not-the-password");
    });
    let error = im::connect::<R>(wrong.clone()).await.unwrap_err();
    assert!(matches!(error, NotReady::Credentials(_)), "{error}");
    let client: ImClient<R> = im::start(wrong);
    // Also when it was told before.
    for _ in 0..2 {
        let told = client.ready().await;
        assert!(matches!(told, Err(NotReady::Credentials(_))), "{told:?}");
    }
    let files = client.upload_file(Source::bytes("x"), UploadOptions::default()).await;
    assert!(matches!(files, Err(FileCallError::NotLoggedIn)));
    client.set_credentials(right.into_parts().0.credentials).await.unwrap();
    client.ready().await.unwrap();
}

/// The two sides of an order use every verb of order chat.
pub async fn order_chat<R: Runtime + From<Network>>(
    merchant: c2c::Config,
    buyer: c2c::Config,
    order: &str,
    folder: &Path,
) {
    let quick = |config: c2c::Config| config.tune(|config| config.pace = Duration::from_millis(1));
    let m: C2cClient<R> = c2c::connect(quick(merchant)).await.unwrap();
    let b: C2cClient<R> = c2c::connect(quick(buyer)).await.unwrap();
    let mut merchant_hears = m.events();
    m.watch(order, Since::Now).await.unwrap();

    let sent = b.send_text(order, "Hello, I have paid.").await.unwrap();
    let heard = expect(&mut merchant_hears, |event| match event {
        C2cEvent::Push(incoming) if incoming.push.kind() == Kind::Text => Some(incoming.clone()),
        _ => None,
    });
    let heard = heard.await;
    assert_eq!(heard.push.content_text().as_deref(), Some("Hello, I have paid."));
    let options = SendOptions { uuid: Some("mine-1".to_owned()), ..SendOptions::default() };
    let frame = c2c::Up::text("", "", "with an id of my own", 0);
    assert_eq!(b.send_frame(order, frame, &options).await.unwrap().uuid, "mine-1");

    // A call that is dropped: it stands in the chat once, and its end is an event.
    let mut buyer_hears = b.events();
    {
        let dropped = std::pin::pin!(b.send_text(order, "dropped"));
        assert!(waiting(0, dropped).await.is_none());
    }
    loop {
        let event = buyer_hears.next().await.expect("the end of the call is missing");
        if let Event::Completed { result, .. } = event {
            assert!(matches!(result, Ok(c2c::Answer::Accepted(_))), "{result:?}");
            break;
        }
    }
    drop(buyer_hears);
    let page = m.history(c2c::HistoryQuery::newest(order)).await.unwrap();
    let is_dropped = |item: &&c2c::HistoryItem<'_>| {
        c2c::Push::from((*item).clone()).content_text().as_deref() == Some("dropped")
    };
    assert_eq!(page.items.iter().filter(is_dropped).count(), 1);
    assert!(page.items.iter().any(|item| item.uuid == *sent.uuid.as_str()));
    m.mark_read(order, None).await.unwrap();

    // A picture from memory and one from a file.
    let picture = picture();
    let bytes = Bytes::from(picture.clone());
    b.send_picture(order, "memory.png", bytes, SendOptions::default()).await.unwrap();
    let up = folder.join("receipt.png");
    std::fs::write(&up, &picture).unwrap();
    b.send_picture_file(order, &up, UploadOptions::default()).await.unwrap();
    for _ in 0..2 {
        let url = expect(&mut merchant_hears, |event| match event {
            C2cEvent::Push(incoming) if incoming.push.kind() == Kind::Image => {
                assert_eq!(incoming.push.width.as_ref().map(ToString::to_string), Some("8".into()));
                Some(incoming.push.image_url.decode().into_owned())
            }
            _ => None,
        });
        let (url, down) = (url.await, folder.join("copy.png"));
        let rules = DownloadRules::default();
        m.download_picture(&url, &rules, &down, DownloadOptions::default()).await.unwrap();
        assert_eq!(std::fs::read(&down).unwrap(), picture);
    }
    std::fs::write(&up, "no picture").unwrap();
    let error = b.send_picture_file(order, &up, UploadOptions::default()).await.unwrap_err();
    assert!(matches!(error, FileCallError::NotAPicture), "{error}");
    assert!(b.pre_signed_url("x.png").await.unwrap().image_url.contains("://"));

    assert!(m.checkpoints().await.unwrap().contains_key(order));
    assert_eq!(m.checkpoint(order).await.unwrap(), m.unwatch(order).await.unwrap());
    assert_eq!(m.checkpoint(order).await.unwrap(), None);
    m.weights().await.unwrap();
    m.skew().await.unwrap();
    let mark = c2c::Rest::MarkUser { user_id: None };
    let _ = m.rest(mark).await;
    assert_eq!(m.close(DEADLINE).await, Closed::Cleanly);
    assert_eq!(b.close(DEADLINE).await, Closed::Cleanly);
}

/// Eight pixels by four, as far as its header goes.
fn picture() -> Vec<u8> {
    let mut picture = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    picture.extend([0, 0, 0, 8, 0, 0, 0, 4, 8, 2, 0, 0, 0]);
    picture.extend([7; 100_000]);
    picture
}
