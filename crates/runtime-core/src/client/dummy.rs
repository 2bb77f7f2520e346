//! A chat server of a few lines, for tests: it answers frames of topic chat.

#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "for tests only")]

use chat_proto::codec::{Codec, Limits, Server};
use chat_proto::im::Im;
use chat_proto::im::up::Verb;
use std::time::Duration;

use chat_proto::im::client::Credentials;
use chat_proto::im::rest::TokenPair;

use crate::im::Config;

/// What a client of the dummy is configured with: the tokens are there, so that nothing is fetched.
pub(crate) fn config(url: &str) -> Config {
    let pair = TokenPair {
        access_token: "access".into(),
        refresh_token: "refresh".into(),
        expires_in: Duration::from_secs(3600),
        token_type: "Bearer".to_owned(),
    };
    let (username, domain) = ("101".to_owned(), "pbx.example.com".to_owned());
    Config::new(url, Credentials::Tokens { username, domain, pair }).unwrap()
}

/// One connection's server.
#[derive(Debug, Default)]
pub(crate) struct Dummy {
    /// Does not answer `pub`.
    pub(crate) mute: bool,
    /// The contents of the messages that were published, as they came.
    pub(crate) published: Vec<String>,
}

const TS: &str = "2026-01-02T03:04:05.678901Z";

impl Dummy {
    /// The answers to a frame.
    pub(crate) fn answer(&mut self, text: &str) -> Vec<String> {
        let up = Codec::<Im, Server>::new(Limits::default()).decode(text).unwrap();
        let (id, topic) = (up.id().to_string(), up.topic().to_string());
        let ctrl = |code: u16, params: &str| {
            format!(
                r#"{{"ctrl":{{"id":"{id}","topic":"{topic}","params":{params},"code":{code},"text":"ok","ts":"{TS}"}}}}"#
            )
        };
        match up.verb {
            Verb::Login(_) => vec![ctrl(200, r#"{"user":"usr1","authlvl":"auth"}"#)],
            Verb::Get(get) if get.what == "desc" => vec![format!(
                r#"{{"meta":{{"id":"{id}","topic":"{topic}","ts":"{TS}","desc":{{"seq":{}}}}}}}"#,
                self.published.len()
            )],
            Verb::Pub(message) => {
                let content = message.content.unwrap().as_text().unwrap();
                self.published.push(content);
                if self.mute {
                    return Vec::new();
                }
                let seq = self.published.len();
                let mut answers = vec![ctrl(202, &format!(r#"{{"seq":{seq}}}"#))];
                if message.noecho != Some(true) {
                    answers.push(data(&topic, seq as u64, self.published.last().unwrap(), &id));
                }
                answers
            }
            Verb::Note(_) => Vec::new(),
            _ => vec![ctrl(200, "{}")],
        }
    }
}

/// A message of a topic.
pub(crate) fn data(topic: &str, seq: u64, content: &str, reqid: &str) -> String {
    format!(
        r#"{{"data":{{"topic":"{topic}","from":"usr1","ts":"{TS}","seq":{seq},"content":"{content}","reqid":"{reqid}"}}}}"#
    )
}
