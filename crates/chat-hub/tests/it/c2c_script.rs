//! What a script makes the other side and the service of order chat do.

use std::collections::BTreeSet;

use chat_hub::{C2cPicture, Script, ScriptError};
use chat_proto::c2c::frame::{Kind, Push};
use chat_proto::c2c::rest::HistoryQuery;
use chat_proto::c2c::{OrderEvent, Role, SystemContent};
use chat_proto::machine::{CloseFrame, Message};
use serde_json::Value;

use crate::c2c_front::{Front, ORDER, api, order_page, text};

fn play(front: &mut Front, script: Script) -> Result<Option<i64>, ScriptError> {
    let result = front.hub.c2c_script(ORDER, script, front.now);
    front.pump();
    result
}

fn buyer() -> String {
    "buyer-key".to_owned()
}

fn event(frame: &Push<'_>) -> SystemContent<'static> {
    assert_eq!(frame.kind(), Kind::System);
    SystemContent::parse(&frame.content_text().unwrap()).unwrap()
}

#[test]
fn c2c_rule_089_texts_pictures_and_automatic_replies() {
    let mut front = Front::new();
    let (merchant, other) = (front.dial("merchant"), front.dial("buyer"));
    let picture = C2cPicture {
        url: "https://h/1.jpg".into(),
        thumbnail: "https://h/1.jpg".into(),
        extension: "jpg".into(),
        width: 8,
        height: 6,
    };
    let id = play(&mut front, Script::Text { from: buyer(), content: "paid?".into() }).unwrap();
    play(&mut front, Script::Image { from: buyer(), picture }).unwrap();
    play(&mut front, Script::AutoReply { content: "soon".into() }).unwrap();
    play(&mut front, Script::SystemText { content: "plain".into() }).unwrap();
    let content = r#"{"addKycVrfInfo":[]}"#.to_owned();
    play(&mut front, Script::Card { sub_type: "add_kyc_vrf".into(), content: content.clone() })
        .unwrap();
    let frames = front.pushes(merchant);
    let kinds: Vec<_> =
        frames.iter().map(|it| (it.kind(), it.self_, it.is_from_counterparty())).collect();
    assert_eq!(
        kinds,
        [
            (Kind::Text, Some(false), true),
            (Kind::Image, Some(false), true),
            (Kind::AutoReply, Some(true), false),
            (Kind::System, Some(false), false),
            (Kind::Card, Some(false), false),
        ]
    );
    let request = api("buyer").history(&HistoryQuery::newest(ORDER), front.at()).unwrap();
    let (_, body) = front.json(request.into_request());
    let newest = &body["data"][0];
    assert_eq!((&newest["type"], &newest["subType"]), (&"card".into(), &"add_kyc_vrf".into()));
    assert_eq!(newest["content"], content);
    assert!(body["data"][1].get("subType").is_none());
    assert_eq!(frames[0].id.as_i64(), id);
    let own: Vec<_> = front.pushes(other).iter().map(|it| it.self_).collect();
    assert_eq!(own, [Some(true), Some(true), Some(false), Some(false), Some(false)]);
}

#[test]
fn c2c_rule_090_092_each_side_reads_its_own_role() {
    let mut front = Front::new();
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    play(&mut front, Script::OrderEvent { event: "payed_with_ref".into() }).unwrap();
    for (conn, reader, other) in
        [(merchant, Role::Seller, "Pat***"), (buyer, Role::Buyer, "my-shop")]
    {
        let frame = front.pushes(conn).remove(0);
        let content = event(&frame);
        assert_eq!(content.event().event, OrderEvent::Paid { reader, name_mismatch: false });
        assert_eq!(content.event().event.actor(), Some(Role::Buyer));
        assert!(content.event().with_ref);
        assert_eq!((&content.nick_name, &content.symbol), (&other.into(), &"USDT".into()));
        assert_eq!(content.order_no, ORDER);
        assert!(content.ref_message.is_some());
        assert_eq!(frame.self_, Some(false), "nobody wrote it");
    }
}

/// The names that reports agree on, and those of the checks of identity.
const NAMES: &str = "\
    seller_merchant_trading buyer_merchant_trading seller_user_trading buyer_user_trading \
    order_created cash_trade_order_created seller_payed buyer_payed seller_payed_name_mismatch \
    seller_completed buyer_completed seller_quick_completed buyer_quick_completed \
    seller_force_released seller_cancelled buyer_cancelled cancelled_by_system \
    buyer_force_cancelled submit_appeal be_appeal seller_appeal_completed buyer_appeal_completed \
    seller_cancel_appeal_completed buyer_cancel_appeal_completed seller_system_cancel_appeal \
    buyer_system_cancel_appeal seller_reason_agree seller_reason_disagree seller_reason_expired \
    seller_reason_confirm_pending seller_reason_buyer_requested risk_alert risk_reminder \
    order_created_with_additional_kyc_maker_sell order_created_with_additional_kyc_taker_buy \
    maker_verified_additional_kyc_maker_sell maker_verified_additional_kyc_taker_buy \
    liveness_check_complete_maker liveness_check_complete_taker";

#[test]
fn c2c_rule_091_every_system_message_can_be_played() {
    let mut front = Front::new();
    let conns = [("buyer", front.dial("buyer")), ("seller", front.dial("merchant"))];
    for script in Script::every_event("merchant-key") {
        play(&mut front, script).unwrap();
    }
    let mut seen = BTreeSet::new();
    for (role, conn) in conns {
        for frame in front.pushes(conn) {
            let content = event(&frame);
            let name = content.type_name.decode().into_owned();
            assert_ne!(content.event().event, OrderEvent::Other, "{name}");
            for other in ["seller_", "buyer_"].iter().filter(|it| !it.starts_with(role)) {
                assert!(!name.starts_with(other), "{name} reached the {role}");
            }
            seen.insert(name);
        }
    }
    let names: BTreeSet<_> = NAMES.split_whitespace().map(str::to_owned).collect();
    assert_eq!(seen, names);
}

#[test]
fn c2c_rule_091_an_appeal_is_read_in_two_ways() {
    let mut front = Front::new();
    let (merchant, other) = (front.dial("merchant"), front.dial("buyer"));
    play(&mut front, Script::Appeal { by: buyer() }).unwrap();
    assert_eq!(event(&front.pushes(merchant)[0]).type_name, "be_appeal");
    assert_eq!(event(&front.pushes(other)[0]).type_name, "submit_appeal");
}

#[test]
fn c2c_rule_093_what_is_withdrawn_is_gone() {
    let mut front = Front::new();
    let conns = [front.dial("merchant"), front.dial("buyer")];
    let id = play(&mut front, Script::Text { from: buyer(), content: "oops".into() }).unwrap();
    play(&mut front, Script::Text { from: buyer(), content: "hi".into() }).unwrap();
    play(&mut front, Script::Recall { id: id.unwrap() }).unwrap();
    for conn in conns {
        let recall = front.pushes(conn).remove(2);
        assert_eq!((recall.kind(), recall.id.as_i64()), (Kind::Recall, id));
        assert_eq!(*recall.order().unwrap(), ORDER);
    }
    let found = order_page(&mut front, "merchant", &HistoryQuery::newest(ORDER));
    assert_eq!(found, [("hi".to_owned(), false)]);
    let again = play(&mut front, Script::Recall { id: id.unwrap() });
    assert_eq!(again, Err(ScriptError::NoMessage));
}

#[test]
fn c2c_rule_094_a_side_reads() {
    let mut front = Front::new();
    let merchant = front.dial("merchant");
    front.send(merchant, text("u1", ORDER, "read this"));
    front.pushes(merchant);
    play(&mut front, Script::Read { by: buyer() }).unwrap();
    assert_eq!(front.pushes(merchant)[0].kind(), Kind::Mark);
}

#[test]
fn c2c_rule_095_frames_without_an_order() {
    let mut front = Front::new();
    let (merchant, other) = (front.dial("merchant"), front.dial("buyer"));
    play(&mut front, Script::Text { from: buyer(), content: "hi".into() }).unwrap();
    let to = || "merchant-key".to_owned();
    play(&mut front, Script::Statistics { to: to() }).unwrap();
    play(&mut front, Script::Enquiry { to: to(), content: "cheaper?".into() }).unwrap();
    let frames = front.pushes(merchant);
    assert_eq!(
        (frames[1].kind(), &frames[1].sub_type),
        (Kind::Statistics, &"unreadChatCount".into())
    );
    assert_eq!(frames[1].unread_count.as_ref().unwrap().as_u32(), Some(1));
    assert_eq!((frames[2].kind(), frames[2].is_from_counterparty()), (Kind::Text, true));
    assert!(!frames[2].group_id.is_empty());
    assert!(frames[1..].iter().all(|frame| frame.order().is_none()));
    assert_eq!(front.pushes(other).len(), 1);
    assert_eq!(order_page(&mut front, "merchant", &HistoryQuery::newest(ORDER)).len(), 1);
}

#[test]
fn c2c_rule_096_anything_can_be_said() {
    let mut front = Front::new();
    let merchant = front.dial("merchant");
    for said in [r#"{"type":"confetti","n":1}"#, "{broken", ""] {
        play(&mut front, Script::Raw { to: "merchant-key".into(), text: said.into() }).unwrap();
        assert_eq!(front.messages(merchant), [Message::Text(said.into())]);
    }
}

#[test]
fn c2c_rule_097_connections_are_closed() {
    let mut front = Front::new();
    let close = |code| Script::Close { of: "merchant-key".into(), code };
    for (code, reason) in [(1000, "Bye"), (1011, "fault"), (4321, "fault")] {
        let (merchant, other) = (front.dial("merchant"), front.dial("buyer"));
        play(&mut front, close(code)).unwrap();
        assert_eq!(front.messages(merchant), [Message::Close(Some(CloseFrame::new(code, reason)))]);
        assert!(front.messages(other).is_empty());
    }
    let merchant = front.dial("merchant");
    play(&mut front, close(0)).unwrap();
    assert!(front.messages(merchant).is_empty());
    assert_eq!(front.dropped.last(), Some(&merchant));
    assert_eq!(play(&mut front, close(1006)), Err(ScriptError::NoCode));
}

#[test]
fn c2c_rule_098_scripts_that_make_no_sense() {
    let mut front = Front::new();
    let text = |from: &str| Script::Text { from: from.into(), content: "x".into() };
    assert_eq!(play(&mut front, Script::Recall { id: 1 }), Err(ScriptError::NoMessage));
    assert_eq!(play(&mut front, text("third-key")), Err(ScriptError::NoAccount));
    assert_eq!(play(&mut front, text("nobody")), Err(ScriptError::NoAccount));
    assert_eq!(
        play(&mut front, Script::Appeal { by: "nobody".into() }),
        Err(ScriptError::NoAccount)
    );
    let nowhere = front.hub.c2c_script("7", text("buyer-key"), front.now);
    assert_eq!(nowhere, Err(ScriptError::NoOrder));
    assert_eq!(front.stored(), 0);
    let request = api("merchant").history(&HistoryQuery::newest(ORDER), front.at()).unwrap();
    assert_eq!(front.json(request.into_request()).1["total"], Value::from(0));
}

#[test]
fn scripts_are_read_from_json() {
    let read = |json: &str| serde_json::from_str::<Script>(json);
    assert_eq!(read(r#"{"appeal":{"by":"k"}}"#).unwrap(), Script::Appeal { by: "k".into() });
    let raw = read(r#"{"raw":{"to":"k","text":"{\"a\":1}"}}"#).unwrap();
    assert_eq!(raw, Script::Raw { to: "k".into(), text: r#"{"a":1}"#.into() });
    for wrong in [r#"{"dance":{}}"#, r#"{"text":{"from":"k"}}"#, r#"{"read":{"by":"k","x":1}}"#] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
