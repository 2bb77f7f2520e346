//! Order chat's messages: judged, copied, delivered.

use chat_hub::HubAction;
use chat_hub::HubConfig;
use chat_proto::c2c::frame::{ImageRef, Kind, Up};
use chat_proto::c2c::rest::HistoryQuery;
use chat_proto::codec::Wire;
use chat_proto::machine::{Input, Message, Text};
use chat_proto::server::ServerConfig;
use proptest::prelude::*;

use crate::c2c_front::{Front, ORDER, OTHER, START, order_page, text};

#[test]
fn c2c_rule_041_042_043_a_text_is_echoed_and_delivered_each_with_its_own_self() {
    let mut front = Front::new();
    let (merchant, buyer, third) =
        (front.dial("merchant"), front.dial("buyer"), front.dial("third"));
    let content = "hello \u{1F642}\r\n\u{4f60}\u{597d}<br>https://example.com";
    front.send(merchant, text("1682102167020", ORDER, content));
    let echo = front.pushes(merchant).remove(0);
    let copy = front.pushes(buyer).remove(0);
    assert!(front.messages(third).is_empty());
    assert_eq!((echo.self_, copy.self_), (Some(true), Some(false)));
    assert!(!echo.is_from_counterparty() && copy.is_from_counterparty());
    for frame in [&echo, &copy] {
        assert_eq!(frame.uuid, "1682102167020");
        assert_eq!(*frame.order().unwrap(), ORDER);
        assert_eq!(frame.content_text().unwrap(), content);
        assert_eq!(frame.status, "unread");
        assert_eq!(frame.from_nickname.clone().unwrap(), "my-shop");
        assert_eq!(frame.create_millis(), Some(START));
        assert!(!frame.id.as_loose().is_bare(), "ids travel as strings");
    }
    assert_eq!(echo.id, copy.id);
    assert!(echo.id.as_i64().unwrap() > 1 << 53);
    assert_eq!(front.stored(), 1);
}

#[test]
fn c2c_rule_041_the_wire_spells_the_nickname_with_a_small_n() {
    let mut front = Front::new();
    let merchant = front.dial("merchant");
    front.send(merchant, text("u1", ORDER, "hi"));
    let [Message::Text(echo)] = &front.messages(merchant)[..] else { panic!() };
    assert!(echo.as_str().contains(r#""fromNickname":"my-shop""#), "{}", echo.as_str());
}

#[test]
fn c2c_rule_055_the_first_text_of_the_taker_gets_the_automatic_reply_once() {
    let mut front = Front::new();
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.send(merchant, text("m1", ORDER, "hello"));
    front.send(buyer, text("b1", ORDER, "hi"));
    front.send(buyer, text("b2", ORDER, "there"));
    let kinds: Vec<_> = front.pushes(buyer).iter().map(|it| (it.kind(), it.self_)).collect();
    assert_eq!(
        kinds,
        [
            (Kind::Text, Some(false)),
            (Kind::Text, Some(true)),
            (Kind::AutoReply, Some(false)),
            (Kind::Text, Some(true))
        ]
    );
    let reply = front.pushes(merchant).into_iter().find(|it| it.kind() == Kind::AutoReply);
    let reply = reply.unwrap();
    assert_eq!((reply.self_, reply.content_text().unwrap().as_ref()), (Some(true), "Welcome!"));
}

/// A whole picture, with something behind it.
fn image(change: &str) -> String {
    format!(
        r#"{{"type":"image","uuid":"u1","orderNo":"{ORDER}","imageUrl":"https://h/a.jpg","thumbnailUrl":"https://h/a.jpg","imageType":"jpg","width":8,"height":6{change}}}"#
    )
}

/// The one frame that answers `frame` must be an error, and the connection must stay.
fn is_refused(front: &mut Front, frame: &str) {
    let conn = front.dial("merchant");
    front.send(conn, frame);
    let frames = front.pushes(conn);
    let [error] = &frames[..] else { panic!("{frame}: {frames:?}") };
    let content = error.content_text().unwrap();
    assert_eq!((error.kind(), &*content), (Kind::Error, "ILLEGAL_PARAM"), "{frame}");
    assert_eq!(error.uuid == "u1", frame.contains("\"u1\""), "{frame}");
    assert!(frame.contains(&*error.topic_id.text()), "{frame}: {error:?}");
    assert_eq!(front.stored(), 0, "{frame}");
    front.send(conn, r#"{"type":"ping"}"#);
    assert_eq!(front.pushes(conn)[0].kind(), Kind::Pong, "the connection is there");
}

#[test]
fn c2c_rule_047_048_052_pictures_that_are_not_as_they_should_be() {
    let mut front = Front::new();
    let whole = image("");
    for bad in [
        image(r#","content":"https://h/a.jpg""#),
        whole.replace("imageUrl", "imageUri"),
        whole.replace("thumbnailUrl", "thumb"),
        whole.replace("imageType", "kind"),
        whole.replace("\"width\":8,", ""),
        whole.replace("\"width\":8", "\"width\":0"),
        whole.replace("\"height\":6", "\"height\":\"tall\""),
        whole.replace("\"height\":6", "\"height\":-6"),
    ] {
        is_refused(&mut front, &bad);
    }
}

#[test]
fn c2c_rule_049_050_051_052_frames_that_are_not_as_they_should_be() {
    let mut front = Front::new();
    let strangers = text("u1", ORDER, "hi").as_str().replace(ORDER, "22000000000000000099");
    for bad in [
        text("u1", ORDER, "").as_str(),
        text("", ORDER, "no uuid").as_str(),
        strangers.as_str(),
        r#"{"type":"text","uuid":"u1","content":"hi"}"#,
        format!(r#"{{"type":"video","uuid":"u1","orderNo":"{ORDER}"}}"#).as_str(),
        format!(r#"{{"type":"recall","uuid":"u1","orderNo":"{ORDER}"}}"#).as_str(),
        "not json",
        "{}",
        "[]",
        "7",
        r#"{"type":7}"#,
    ] {
        is_refused(&mut front, bad);
    }
}

#[test]
fn c2c_rule_050_nobody_writes_into_orders_of_others() {
    let mut front = Front::new();
    let (third, merchant) = (front.dial("third"), front.dial("merchant"));
    front.send(third, text("u1", ORDER, "let me in"));
    assert_eq!(front.pushes(third)[0].kind(), Kind::Error);
    front.send(third, text("u2", OTHER, "mine"));
    assert_eq!(front.pushes(third)[0].kind(), Kind::Text);
    assert_eq!(front.pushes(merchant).len(), 1);
}

#[test]
fn c2c_rule_044_045_046_053_other_forms_are_taken() {
    let mut front = Front::new();
    let (conn, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.send(conn, image("").replace("\"width\":8", "\"width\":\"8\""));
    let flat = format!(
        r#"{{"type":"TEXT","content":"hi","topicId":"{ORDER}","topicType":"ORDER","orderNo":{ORDER},"sourceType":"contact","uuid":"u2","clientType":"web"}}"#
    );
    front.send(conn, flat);
    let picture =
        ImageRef { url: "https://h/b".into(), image_type: "png".into(), width: 1, height: 2 };
    front.send(conn, Wire::encode(&Up::image("u3", ORDER, picture, START)));
    let (echoes, copies) = (front.pushes(conn), front.pushes(buyer));
    for frames in [&echoes, &copies] {
        let kinds: Vec<_> = frames.iter().map(|it| it.kind()).collect();
        assert_eq!(kinds, [Kind::Image, Kind::Text, Kind::Image]);
        assert_eq!(
            (&frames[0].image_url, &frames[0].thumbnail_url),
            (&"https://h/a.jpg".into(), &"https://h/a.jpg".into())
        );
        assert_eq!(frames[0].image_type, "jpg");
        let side = |it: &Option<chat_proto::c2c::Loose<'_>>| it.as_ref().unwrap().as_u32();
        assert_eq!((side(&frames[0].width), side(&frames[0].height)), (Some(8), Some(6)));
        assert!(frames[0].content.is_none());
        assert_eq!(*frames[1].order().unwrap(), ORDER);
    }
}

#[test]
fn c2c_rule_054_the_same_uuid_twice() {
    let mut front = Front::new();
    let conn = front.dial("merchant");
    front.send(conn, text("u1", ORDER, "once"));
    front.send(conn, text("u1", ORDER, "twice"));
    let ids: Vec<_> = front.pushes(conn).iter().map(|it| it.id.clone()).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1]);
    assert_eq!(front.stored(), 2);

    let mut front = Front::with_faults(r#"{"dedupe_uuids":true}"#);
    let (conn, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.send(conn, text("u1", ORDER, "once"));
    front.send(conn, text("u1", ORDER, "twice"));
    let echoes = front.pushes(conn);
    assert_eq!((echoes.len(), &echoes[0]), (2, &echoes[1]));
    assert_eq!((front.pushes(buyer).len(), front.stored()), (1, 1));
    // Each side has its own, and each order.
    front.send(buyer, text("u1", ORDER, "mine"));
    front.send(conn, text("u1", OTHER, "elsewhere"));
    assert_eq!(front.stored(), 4, "with the automatic reply");
}

#[test]
fn c2c_rule_056_a_commit_that_fails_leaves_nothing_behind() {
    let mut front = Front::new();
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.broken = true;
    front.send(buyer, text("u1", ORDER, "lost"));
    let frames = front.pushes(buyer);
    assert_eq!((frames[0].kind(), frames.len()), (Kind::Error, 1));
    assert_eq!(frames[0].uuid, "u1");
    assert!(front.pushes(merchant).is_empty());
    front.broken = false;
    assert!(order_page(&mut front, "buyer", &HistoryQuery::newest(ORDER)).is_empty());
    // The first message that counts gets the automatic reply.
    front.send(buyer, text("u2", ORDER, "kept"));
    assert_eq!(front.pushes(buyer).len(), 2);
}

#[test]
fn who_waits_for_a_commit_that_fails_is_read_from_again() {
    let session = ServerConfig { max_answers: 16, ..ServerConfig::default() };
    let mut front = Front::with("{}", HubConfig { session, ..HubConfig::default() });
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    let ping = Text::from(r#"{"type":"ping"}"#);
    let messages = [(merchant, text("u", ORDER, "x")), (buyer, ping.clone()), (buyer, ping)];
    for (conn, text) in messages {
        front.hub.handle_input(Input::Received { conn, message: Message::Text(text) }, front.now);
    }
    assert!(!front.hub.wants_input(buyer));
    let Some(HubAction::Commit { upto, .. }) = front.hub.poll_action() else { panic!() };
    front.hub.commit_failed(upto, front.now);
    // A ping gets no error, so nothing else would wake it.
    assert!(std::iter::from_fn(|| front.hub.poll_wake()).any(|conn| conn == buyer));
    assert!(front.hub.wants_input(buyer));
}

/// A connection that was taken over is closed even when the commit that its close waits for fails:
/// nothing is pushed to it any more, so it must not look open.
#[test]
fn who_is_taken_over_while_a_commit_fails_is_closed_all_the_same() {
    let mut front = Front::new();
    let (older, buyer) = (front.dial("merchant"), front.dial("buyer"));
    let ticket = front.ticket("merchant");
    let message = Message::Text(text("u", ORDER, "x"));
    front.hub.handle_input(Input::Received { conn: buyer, message }, front.now);
    let Some(HubAction::Commit { upto, .. }) = front.hub.poll_action() else { panic!() };
    let newer = front.try_dial(&ticket).unwrap();
    assert!(front.messages(older).is_empty(), "nothing is said before the commit ends");
    front.hub.commit_failed(upto, front.now);
    front.pump();
    let messages = front.messages(older);
    assert!(
        matches!(&messages[..], [Message::Close(Some(close))] if close.reason.as_str() == "Bye"),
        "{messages:?}"
    );
    front.send(buyer, text("u2", ORDER, "y"));
    assert_eq!(front.pushes(newer).len(), 2, "with the automatic reply");
}

proptest! {
    #![proptest_config(crate::lab::cases(512))]

    /// Whole frames with something cut out or put in, and noise.
    #[test]
    fn c2c_rule_057_no_frame_does_harm(
        at in 0usize..200,
        cut in 0usize..40,
        noise in "[\\x00-\\x7f\u{e9}\u{1F642}]{0,20}",
        whole in 0usize..3,
    ) {
        let frames = [image(""), text("u1", ORDER, "hi").as_str().to_owned(), String::new()];
        let chars: Vec<char> = frames[whole].chars().collect();
        let at = at.min(chars.len());
        let (head, tail) = (&chars[..at], &chars[(at + cut).min(chars.len())..]);
        let frame: String = head.iter().copied().chain(noise.chars()).chain(tail.iter().copied()).collect();
        let mut front = Front::new();
        let (conn, buyer) = (front.dial("merchant"), front.dial("buyer"));
        front.send(conn, frame);
        let answers = front.pushes(conn);
        prop_assert!(answers.len() <= 1);
        for message in front.pushes(buyer) {
            prop_assert!(matches!(message.kind(), Kind::Text | Kind::Image));
        }
        front.send(conn, r#"{"type":"ping"}"#);
        prop_assert_eq!(front.pushes(conn)[0].kind(), Kind::Pong);
    }
}
