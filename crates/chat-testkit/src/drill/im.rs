//! A service of topic chat that says anything.

use bytes::Bytes;
use chat_proto::Now;
use chat_proto::client::{Event, RequestId, Session};
use chat_proto::im::client::{
    Answer, Credentials, HistoryQuery, ImConfig, ImEvent, Publish, Query, Section, SetRequest,
    Subscribe, TypingKind,
};
use chat_proto::im::{Im, TopicName, UserId};
use chat_proto::json::Raw;
use chat_proto::rest::BaseUrl;

use super::{Peer, json};
use crate::laws::Watched;

const TOPICS: [&str; 5] = ["me", "usr2", "grpA", "grpB", "new"];
const CODES: [u16; 14] = [200, 200, 202, 204, 208, 303, 304, 400, 401, 403, 409, 429, 500, 503];
const PARAMS: [&str; 8] = [
    "{}",
    r#"{"seq":9}"#,
    r#"{"what":"data","count":2}"#,
    r#"{"what":"desc"}"#,
    r#"{"tmpname":"new"}"#,
    r#"{"unsub":true}"#,
    r#"{"user":"usr1","token":"dG9rZW4="}"#,
    r#"{"seq":18446744073709551615}"#,
];

/// Topic chat in a drill.
#[derive(Debug, Default)]
pub struct Topics {
    /// Verb, id and topic of what was written on the live link.
    asked: Vec<(String, String, String)>,
    /// Moves the numbers of messages on.
    ticks: u64,
}

impl Topics {
    fn topic(b: u8) -> &'static str {
        TOPICS[usize::from(b) % TOPICS.len()]
    }

    fn ctrl(&self, a: u8, b: u8) -> String {
        let none = (String::new(), String::new(), Self::topic(b).to_owned());
        let back = usize::from(b >> 4) % self.asked.len().max(1);
        let (verb, id, topic) = self.asked.iter().rev().nth(back).unwrap_or(&none);
        let (mut code, mut params) =
            (CODES[usize::from(a >> 4) % CODES.len()], PARAMS[usize::from(b & 7)]);
        // Mostly what a server that works says.
        if b & 8 == 0 {
            (code, params) = match verb.as_str() {
                "login" => (200, PARAMS[6]),
                "pub" => (202, PARAMS[1]),
                "get" => (208, PARAMS[2]),
                _ => (200, PARAMS[0]),
            };
        }
        let topic = if topic == "new" && b & 16 == 0 { "grpB" } else { topic };
        format!(
            r#"{{"ctrl":{{"id":"{id}","topic":"{topic}","params":{params},"code":{code},"text":"t","ts":"2024-10-24T01:06:38Z"}}}}"#
        )
    }
}

impl Peer for Topics {
    type S = Im;

    fn session(&self, now: Now) -> Session<Im> {
        let base = BaseUrl::parse("https://pbx.example.com:8887").expect("a constant address");
        let mut config = ImConfig::new(&base, credentials()).expect("a short address");
        config.session.max_requests = 12;
        config.max_fill = 20;
        config.fill_page = 3;
        config.max_topics = 4;
        Session::im(config, 7, now)
    }

    fn verb(&mut self, session: &mut Watched<Im>, a: u8, b: u8, now: Now) -> Option<RequestId> {
        let topic = TopicName::from(Self::topic(b));
        let text = Publish::text("hello");
        let user = UserId::new("usr3");
        let made = match a % 16 {
            0..3 => session.ask(now, |it, now| it.subscribe(&topic, Subscribe::default(), now)),
            3 => session.ask(now, |it, now| it.publish(&topic, text, now)),
            4 => session.ask(now, |it, now| it.publish(&topic, text.without_echo(), now)),
            5 => {
                let query = Query::of(&[Section::Desc, Section::Tags]);
                session.ask(now, |it, now| it.get(&topic, &query, now))
            }
            6 => {
                let limit = (b & 32 != 0).then_some(u64::from(b & 3));
                let query = HistoryQuery::newest(limit.unwrap_or(0)).since(1);
                session.ask(now, |it, now| it.history(&topic, query, now))
            }
            7..10 => {
                let id = session.ask(now, |it, now| match a % 16 {
                    7 => it.leave(&topic, now),
                    8 => it.unsubscribe(&topic, now),
                    _ => it.delete_topic(&topic, now),
                });
                if let Ok(id) = &id {
                    session.memory_mut().leaving(*id, topic);
                }
                id
            }
            10 => {
                let request = SetRequest::default().public(Raw::from_text("x"));
                let request = request.member_mode(&user, None);
                session.ask(now, |it, now| it.set(&topic, request, now))
            }
            11 => session.ask(now, |it, now| it.remove_member(&topic, &user, now)),
            12 => {
                session.call(now, |it, now| {
                    let _ = it.note_read(&topic, u64::from(b), now);
                    let _ = it.note_received(&topic, u64::from(a), now);
                    it.note_typing(&topic, TypingKind::Audio, now);
                });
                return None;
            }
            13 if b < 128 => {
                session.call(now, |it, now| it.set_credentials(credentials(), now));
                return None;
            }
            _ => session.ask(now, |it, now| it.publish(&topic, text, now)),
        };
        made.ok()
    }

    fn body(&self, _: &http::Request<Bytes>) -> String {
        let life = 30 + self.ticks;
        format!(
            r#"{{"access_token":"A","expires_in":{life},"refresh_token":"R","token_type":"Bearer"}}"#
        )
    }

    fn frame(&mut self, a: u8, b: u8) -> String {
        self.ticks += 1;
        let (topic, seq) = (Self::topic(b), self.ticks / 2 + u64::from(b >> 5));
        match a % 16 {
            0..8 => self.ctrl(a, b),
            8 => format!(
                r#"{{"data":{{"topic":"{topic}","from":"usr2","ts":"2024-10-24T08:24:41Z","seq":{seq},"content":"m"}}}}"#
            ),
            // An own message, perhaps one that was just asked for.
            9 => {
                let pubs = self.asked.iter().rev().filter(|(verb, ..)| verb == "pub");
                let found = pubs.map(|(_, id, topic)| (id.as_str(), topic.as_str())).next();
                let (id, topic) = found.filter(|_| b & 1 == 0).unwrap_or(("", topic));
                format!(
                    r#"{{"data":{{"topic":"{topic}","from":"usr1","ts":"2024-10-24T08:24:41Z","seq":{seq},"content":"m","reqid":"{id}"}}}}"#
                )
            }
            10 => format!(
                r#"{{"data":{{"topic":"{topic}","from":"usr2","seq":{},"content":"m"}}}}"#,
                u64::from(b >> 4) * u64::from(a >> 4)
            ),
            11..14 => {
                let empty = (String::new(), String::new(), topic.to_owned());
                let back = usize::from(b >> 4);
                let (_, id, topic) = self.asked.iter().rev().nth(back).unwrap_or(&empty);
                let seq = if a == 0xfb { u64::MAX } else { seq + u64::from(b & 15) };
                format!(r#"{{"meta":{{"id":"{id}","topic":"{topic}","desc":{{"seq":{seq}}}}}}}"#)
            }
            14 => {
                const WHAT: [&str; 12] = [
                    "gone", "term", "msg", "acs", "upd", "on", "off", "read", "recv", "del",
                    "tags", "?",
                ];
                let what = WHAT[usize::from(a >> 4) % WHAT.len()];
                if b & 16 == 0 {
                    format!(
                        r#"{{"pres":{{"topic":"me","src":"{topic}","what":"{what}","seq":{seq},"dacs":{{"want":"-J","given":"+J"}}}}}}"#
                    )
                } else if b & 32 == 0 {
                    format!(
                        r#"{{"info":{{"topic":"{topic}","from":"usr1","what":"read","seq":{seq}}}}}"#
                    )
                } else {
                    let me = self.asked.iter().rev().find(|(_, _, topic)| topic == "me");
                    let id = me.map_or("", |(_, id, _)| id);
                    let deleted = if b & 1 == 0 { "2024-10-24T08:24:41Z" } else { "" };
                    format!(
                        r#"{{"meta":{{"id":"{id}","topic":"me","ts":"2024-10-24T08:24:41Z","desc":{{}},"sub":[{{"topic":"grpA","seq":{seq},"deleted":"{deleted}"}},{{"topic":"{topic}"}}]}}}}"#
                    )
                }
            }
            _ => format!(
                r#"{{"ctrl":{{"topic":"{topic}","params":{{"unsub":{}}},"code":205,"text":"evicted"}}}}"#,
                b & 8 == 0
            ),
        }
    }

    fn welcome(&mut self) -> Option<String> {
        let (_, id, _) = self.asked.iter().rev().find(|(verb, ..)| verb == "login")?;
        Some(format!(r#"{{"ctrl":{{"id":"{id}","params":{},"code":200}}}}"#, PARAMS[6]))
    }

    fn on_written(&mut self, text: &str) {
        let frame = json(text);
        let Some((verb, body)) = frame.as_object().and_then(|it| it.iter().next()) else { return };
        let word = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        self.asked.push((verb.clone(), word("id"), word("topic")));
    }

    fn on_event(&mut self, _: &Event<ImEvent, Answer>) {}

    fn on_lost(&mut self) {
        self.asked.clear();
    }
}

fn credentials() -> Credentials {
    Credentials::password("101", "pbx.example.com", "demo-101")
}
