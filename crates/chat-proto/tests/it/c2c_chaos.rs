//! A session of order chat against a peer and a transport that do anything at all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use chat_proto::c2c::client::{C2cConfig, Resend, SendOptions, Since};
use chat_proto::c2c::rest::HistoryQuery;
use chat_proto::c2c::{Api, C2c};
use chat_proto::client::{Event, Phase, RequestId, Session};
use chat_proto::machine::{CloseFrame, HttpFailure, LinkFailure};
use chat_proto::rest::Quota;
use chat_proto::{Action, ConnId, HttpId, Input, Machine, Message, Now, UnixMillis};
use proptest::prelude::*;

use crate::c2c_laws::same_cases_each_run;

const ORDER: &str = "20476365073825144832";
const TICKET: &str = r#"{"code":"000000","data":{"chatWssUrl":"wss://h/chat","listenKey":"k","listenToken":"t"},"success":true}"#;

const PLACE: &str = r#"{"code":"000000","data":{"uploadUrl":"https://b/1","imageUrl":"https://b/2"},"success":true}"#;
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x08\0\0\0\x06";

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Opened(u64),
    Text(u64, String),
    /// Echo, error or history of what was written last.
    Echo(bool),
    Lost(u64, bool),
    Answer(u64, u16, String),
    NoAnswer(u64),
    SendText,
    SendPicture,
    History,
    Mark,
    Watch,
    Unwatch,
    Connect,
    /// All that it takes to be ready.
    Ready,
    Cancel(u64),
}

fn body() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("<html>".to_owned()),
        Just(TICKET.to_owned()),
        Just(r#"{"code":"000000","data":{"chatWssUrl":"nowhere","listenKey":"k","listenToken":"t"},"success":true}"#.to_owned()),
        Just(r#"{"serverTime":1700000099999}"#.to_owned()),
        Just(PLACE.to_owned()),
        Just(r#"{"code":"000000","data":[],"success":true}"#.to_owned()),
        (1i64..200).prop_map(|id| format!(r#"{{"code":"000000","data":[{{"id":{id},"uuid":"u{id}","type":"text","orderNo":"{ORDER}","content":"x","self":false}}],"success":true}}"#)),
        prop_oneof![Just(-1021i64), Just(-1022), Just(-1003), Just(-31002), Just(-2008)]
            .prop_map(|code| format!(r#"{{"code":{code},"msg":"no"}}"#)),
        ".{0,20}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,20}",
        (1i64..60, any::<bool>()).prop_map(|(id, own)| format!(
            r#"{{"type":"text","id":"{id}","uuid":"u{id}","orderNo":"{ORDER}","self":{own},"content":"x"}}"#
        )),
        Just(r#"[{"type":"ping"},{"type":"error","uuid":"u"},{"type":"statistics"}]"#.to_owned()),
        Just(r#"{"type":"system","content":{"type":"seller_payed"}}"#.to_owned()),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u64..40_000).prop_map(Step::Pass),
        3 => (0u64..3).prop_map(Step::Opened),
        3 => (0u64..3, text()).prop_map(|(back, text)| Step::Text(back, text)),
        2 => any::<bool>().prop_map(Step::Echo),
        1 => (0u64..3, any::<bool>()).prop_map(|(back, bye)| Step::Lost(back, bye)),
        5 => (0u64..4, prop_oneof![4 => Just(200u16), 1 => 400u16..600], body())
            .prop_map(|(back, status, body)| Step::Answer(back, status, body)),
        1 => (0u64..4).prop_map(Step::NoAnswer),
        2 => Just(Step::SendText),
        1 => Just(Step::SendPicture),
        1 => Just(Step::History),
        1 => Just(Step::Mark),
        1 => Just(Step::Watch),
        1 => Just(Step::Unwatch),
        1 => Just(Step::Connect),
        4 => Just(Step::Ready),
        1 => (1u64..20).prop_map(Step::Cancel),
    ]
}

#[derive(Default)]
struct Seen {
    conn: u64,
    http: u64,
    live: Option<ConnId>,
    asked: BTreeSet<RequestId>,
    ended: BTreeSet<RequestId>,
    closed: bool,
    written: Option<String>,
    /// How often each message was written.
    times: BTreeMap<String, u32>,
}

impl Seen {
    /// Empties the lanes and checks what must always hold.
    fn drain(&mut self, session: &mut Session<C2c>) {
        while let Some(action) = session.poll_action() {
            match action {
                Action::Dial { conn, .. } => {
                    assert_eq!(self.live.replace(conn), None, "two live attempts");
                    self.conn = conn.get();
                }
                Action::Drop { conn } => assert_eq!(self.live.take(), Some(conn)),
                Action::Http { id, .. } => self.http = id.get(),
                Action::AbortHttp { id } => assert!(id.get() <= self.http),
            }
        }
        while let Some(transmit) = session.poll_transmit() {
            assert_eq!(Some(transmit.conn), self.live, "written to a dead link");
            if let Message::Text(text) = transmit.message
                && text.as_str().contains("\"uuid\"")
            {
                let written = text.as_str().to_owned();
                let times = self.times.entry(written.clone()).or_default();
                *times += 1;
                assert!(*times <= 2, "a third time: {written}");
                self.written = Some(written);
            }
        }
        while let Some(event) = session.poll_event() {
            assert!(!self.closed, "an event after the last one");
            match event {
                Event::Completed { id, .. } => {
                    assert!(self.asked.contains(&id) && self.ended.insert(id), "{id:?} twice");
                }
                Event::Closed(_) => self.closed = true,
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(same_cases_each_run())]

    #[test]
    fn every_request_ends_once_whatever_happens(
        steps in prop::collection::vec(step(), 0..120),
        resend: bool,
        recycle: bool,
    ) {
        let api = Api::new(&"key".into(), &"secret".into()).unwrap();
        let mut now = Now { mono: crate::some_instant(), unix: UnixMillis::new(1_700_000_000_000) };
        let config = C2cConfig {
            max_seen: 16,
            max_watched: 2,
            resend: if resend { Resend::WhenProvenLost } else { Resend::Never },
            resend_after: Duration::ZERO,
            recycle_after: recycle.then_some(Duration::from_secs(60)),
            calls: Quota::per_minute(12),
            ..C2cConfig::default()
        };
        let mut session = Session::c2c(config, api, 1, now);
        let mut seen = Seen::default();
        for step in steps {
            let conn = |back: u64| ConnId::new(seen.conn.saturating_sub(back));
            let id = |back: u64| HttpId::new(seen.http.saturating_sub(back));
            match step {
                Step::Pass(millis) => {
                    now = now.after(Duration::from_millis(millis));
                    session.handle_input(Input::Timeout, now);
                    prop_assert!(session.poll_timeout().is_none_or(|at| at > now.mono));
                }
                Step::Opened(back) => session.handle_input(Input::Opened { conn: conn(back) }, now),
                Step::Text(back, text) => {
                    let message = Message::text(text);
                    session.handle_input(Input::Received { conn: conn(back), message }, now);
                }
                Step::Echo(good) => {
                    let Some(text) = seen.written.clone() else { continue };
                    let text = if good { text } else { text.replace("\"text\"", "\"error\"") };
                    let message = Message::text(text);
                    session.handle_input(Input::Received { conn: conn(0), message }, now);
                }
                Step::Lost(back, bye) => {
                    let input = if bye {
                        let close = CloseFrame::new(1000, "Bye");
                        let message = Message::Close(Some(close));
                        Input::Received { conn: conn(back), message }
                    } else {
                        Input::Lost { conn: conn(back), failure: LinkFailure::Ended }
                    };
                    session.handle_input(input, now);
                }
                Step::Answer(back, status, body) => {
                    let response = http::Response::builder().status(status);
                    let result = Ok(response.body(Bytes::from(body)).unwrap());
                    session.handle_input(Input::Response { id: id(back), result }, now);
                }
                Step::NoAnswer(back) => {
                    let result = Err(HttpFailure::Io("reset".to_owned()));
                    session.handle_input(Input::Response { id: id(back), result }, now);
                }
                Step::SendText => seen.asked.extend(session.send_text(ORDER, "x", now)),
                Step::SendPicture => {
                    let bytes = Bytes::from_static(PICTURE);
                    let options = SendOptions::default();
                    seen.asked.extend(session.send_picture(ORDER, "a.png", bytes, options, now));
                }
                Step::Mark => seen.asked.extend(session.mark_read(ORDER, None, now)),
                Step::History => {
                    seen.asked.extend(session.history(HistoryQuery::newest(ORDER), now));
                }
                Step::Watch => drop(session.watch(ORDER, Since::Start, now)),
                Step::Unwatch => drop(session.unwatch(ORDER, now)),
                Step::Connect => session.connect(now),
                Step::Ready => {
                    session.connect(now);
                    seen.drain(&mut session);
                    let result = Ok(http::Response::new(Bytes::from_static(TICKET.as_bytes())));
                    let id = HttpId::new(seen.http);
                    session.handle_input(Input::Response { id, result }, now);
                    seen.drain(&mut session);
                    session.handle_input(Input::Opened { conn: ConnId::new(seen.conn) }, now);
                }
                Step::Cancel(nth) => {
                    let found = seen.asked.iter().find(|id| id.get() == nth).copied();
                    if let Some(id) = found {
                        session.cancel(id, now);
                    }
                }
            }
            seen.drain(&mut session);
        }
        session.close(now);
        for _ in 0..4 {
            now = now.after(Duration::from_secs(10));
            session.handle_input(Input::Timeout, now);
        }
        seen.drain(&mut session);
        prop_assert_eq!(session.phase(), Phase::Closed);
        prop_assert!(seen.closed && session.is_finished());
        prop_assert_eq!(seen.asked, seen.ended);
        prop_assert!(resend || seen.times.values().all(|times| *times == 1));
        prop_assert_eq!(session.poll_timeout(), None);
    }
}
