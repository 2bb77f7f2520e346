//! A service of order chat that says anything.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chat_proto::Now;
use chat_proto::c2c::client::{Answer, C2cConfig, C2cEvent, Since};
use chat_proto::c2c::rest::HistoryQuery;
use chat_proto::c2c::{Api, C2c};
use chat_proto::client::{Event, RequestId, Session};

use super::{Peer, json};
use crate::laws::Watched;

const ORDERS: [&str; 3] = ["20476365073825144832", "7", "8"];

/// Order chat in a drill.
#[derive(Debug, Default)]
pub struct Orders {
    /// Uuid and order of what was written, in the order of writing.
    sent: Vec<(String, String)>,
    /// Ids of messages of the counterparty that were told.
    ids: BTreeSet<String>,
    /// The last message of the counterparty that was told with this uuid: its id and its words.
    uuids_told: BTreeMap<String, (Option<i64>, String)>,
    uuids: BTreeMap<String, usize>,
    ticks: u64,
}

impl Orders {
    fn order(b: u8) -> &'static str {
        ORDERS[usize::from(b) % ORDERS.len()]
    }
}

impl Peer for Orders {
    type S = C2c;

    fn session(&self, now: Now) -> Session<C2c> {
        let api = Api::new(&"key".into(), &"secret".into()).expect("constant keys");
        let mut config = C2cConfig { max_watched: 2, ..C2cConfig::default() };
        config.session.max_requests = 8;
        Session::c2c(config, api, 7, now)
    }

    fn verb(&mut self, session: &mut Watched<C2c>, a: u8, b: u8, now: Now) -> Option<RequestId> {
        let order = Self::order(b);
        let made = match a % 8 {
            0..4 => session.ask(now, |it, now| it.send_text(order, "hello", now)),
            4 => session.ask(now, |it, now| it.history(HistoryQuery::newest(order), now)),
            5 => session.ask(now, |it, now| it.mark_read(order, None, now)),
            6 => {
                let since = if b & 64 == 0 { Since::Start } else { Since::Now };
                let _ = session.call(now, |it, now| it.watch(order, since, now));
                return None;
            }
            _ => {
                session.call(now, |it, now| it.unwatch(order, now));
                return None;
            }
        };
        made.ok()
    }

    fn body(&self, request: &http::Request<Bytes>) -> String {
        match request.uri().path().rsplit('/').next().unwrap_or_default() {
            "retrieveChatCredential" => r#"{"code":"000000","message":"success","data":{"chatWssUrl":"wss://chat.example.com/chat","listenKey":"c2c_key","listenToken":"T"},"success":true}"#.to_owned(),
            "time" => format!(r#"{{"serverTime":{}}}"#, 1_730_000_005_000_u64 + self.ticks),
            "retrieveChatMessagesWithPagination" => {
                let rows: Vec<_> = self.sent.iter().rev().take(3).enumerate().map(|(at, (uuid, order))| format!(
                    r#"{{"id":{},"uuid":"{uuid}","orderNo":"{order}","type":"text","content":"hello","self":true,"createTime":1730000000000}}"#,
                    100 + at
                )).collect();
                format!(r#"{{"code":"000000","message":"success","data":[{}],"total":{},"success":true}}"#, rows.join(","), rows.len())
            }
            _ => r#"{"code":"000000","message":"success","data":null,"success":true}"#.to_owned(),
        }
    }

    fn frame(&mut self, a: u8, b: u8) -> String {
        self.ticks += 1;
        let order = Self::order(b);
        match a % 8 {
            0..3 => {
                let back = usize::from(b >> 4);
                let none = ("nobody".to_owned(), order.to_owned());
                let (uuid, order) = self.sent.iter().rev().nth(back).unwrap_or(&none);
                let kind = if b & 7 == 0 { "error" } else { "text" };
                format!(
                    r#"{{"type":"{kind}","uuid":"{uuid}","id":{},"orderNo":"{order}","self":true,"content":"hello","createTime":1730000000000}}"#,
                    self.ticks
                )
            }
            3 => r#"{"type":"ping"}"#.to_owned(),
            4 => "{}".to_owned(),
            _ => format!(
                r#"{{"type":"text","uuid":"peer-{}","id":{},"orderNo":"{order}","self":false,"content":"x","createTime":1730000000000}}"#,
                b % 16,
                1000 + u64::from(b % 16)
            ),
        }
    }

    fn welcome(&mut self) -> Option<String> {
        None
    }

    fn on_written(&mut self, text: &str) {
        let frame = json(text);
        let word = |name: &str| frame[name].as_str().unwrap_or_default().to_owned();
        let (uuid, order) = (word("uuid"), word("orderNo"));
        if !uuid.is_empty() {
            let times = self.uuids.entry(uuid.clone()).or_default();
            *times += 1;
            assert_eq!(*times, 1, "law 12: {text} again");
            self.sent.push((uuid, order));
        }
    }

    fn on_event(&mut self, event: &Event<C2cEvent, Answer>) {
        if let Event::Service(C2cEvent::Push(incoming)) = event
            && incoming.push.self_ == Some(false)
            && incoming.push.kind().is_message()
        {
            let push = &incoming.push;
            let name = |what: &str| format!("{:?} {what}", push.order_no);
            if !push.id.is_empty() {
                let id = name(&format!("{:?}", push.id));
                assert!(self.ids.insert(id), "law 6: {push:?} told twice");
            }
            if !push.uuid.is_empty() {
                // A uuid is the sender's choice: with another id and other words it is another message.
                let (id, words) = (push.id.as_i64(), format!("{:?}", push.content));
                let last = self.uuids_told.insert(name(&push.uuid.decode()), (id, words.clone()));
                let is_another = last.is_none_or(|(before, said)| {
                    before.is_some() && id.is_some() && before != id && said != words
                });
                assert!(is_another, "law 6: {push:?} told twice");
            }
        }
    }

    fn on_lost(&mut self) {}
}
