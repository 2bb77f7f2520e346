//! What only Tinode's flavour has: the API key, the handshake, and its place before all else.

use bytes::Bytes;
use chat_proto::im::Flavor;
use chat_proto::im::up::{Hi, Up, Verb};
use http::{Request, Response};
use serde_json::json;

use super::Im;
use super::files::{cookies, ctrl, query};
use super::find::Search;
use super::reply::{Ask, Done, Status, params};
use super::tags::TAG_CHARS;
use crate::config::HubConfig;
use crate::effects::Cx;

/// The version of the protocol that is spoken. (tinode-doc)
const VERSION: &str = "0.25";
/// The oldest version of a client that is served. (tinode-code)
const OLDEST: (u32, u32) = (0, 20);
/// The longest name of a client that is kept, in bytes. (choice)
const MAX_UA: usize = 256;

/// What a connection of this flavour has said and asked.
#[derive(Debug, Default)]
pub(super) struct State {
    hello: Option<Hello>,
    pub(super) search: Option<Search>,
}

/// The handshake of a connection.
#[derive(Debug)]
struct Hello {
    version: (u32, u32),
    /// What the client calls itself.
    ua: String,
}

impl Im {
    /// Whether the frame may be looked at; `Ok(false)` is to be dropped without a word.
    pub(super) fn may_ask(&self, ask: &Ask, up: &Up<'_>) -> Result<bool, Status> {
        let note = matches!(up.verb, Verb::Note(_));
        let greeted = self.peers.get(&ask.conn).is_some_and(|peer| peer.tinode.hello.is_some());
        if ask.flavor == Flavor::Tinode && !greeted && !matches!(up.verb, Verb::Hi(_)) {
            return if note { Ok(false) } else { Err(Status::OUT_OF_SEQUENCE) };
        }
        // Nobody here may act for others. (tinode-code)
        let acts_for_others = up
            .extra
            .as_ref()
            .is_some_and(|extra| !extra.obo.is_empty() || !extra.authlevel.is_empty());
        if acts_for_others {
            return if note { Ok(false) } else { Err(Status::DENIED) };
        }
        Ok(true)
    }

    /// The handshake; answered on PortSIP's path too, though nobody needs it there.
    pub(super) fn hi(&mut self, cx: &mut Cx<'_>, ask: &Ask, hi: &Hi<'_>) -> Done {
        let Some(peer) = self.peers.get_mut(&ask.conn) else { return Ok(()) };
        let said = hi.ver.decode();
        let version = match (&peer.tinode.hello, &*said) {
            (Some(hello), "") => hello.version,
            (None, "") if ask.flavor == Flavor::PortSip => OLDEST,
            (_, text) => version(text).ok_or(Status::MALFORMED)?,
        };
        if version < OLDEST {
            return Err(Status::VERSION.into());
        }
        let status = match &peer.tinode.hello {
            None => Status::CREATED,
            Some(hello) if hello.version != version => return Err(Status::OUT_OF_SEQUENCE.into()),
            // What it changes belongs to the user. (tinode-code)
            Some(_) if peer.user.is_none() => return Err(Status::AUTH_REQUIRED.into()),
            Some(_) => Status::OK,
        };
        let ua = hi.ua.decode();
        let ua = match (&peer.tinode.hello, &*ua) {
            (Some(hello), "") => hello.ua.clone(),
            (_, ua) => ua.chars().filter(|it| !it.is_control()).take(MAX_UA).collect(),
        };
        let old = peer.tinode.hello.replace(Hello { version, ua: ua.clone() });
        if old.is_some_and(|old| old.ua != ua) {
            self.client_renamed(cx, ask.conn);
        }
        let said = json!({
            "build": concat!("chat-hub:", env!("CARGO_PKG_VERSION")),
            "maxFileUploadSize": cx.config.max_file_bytes,
            "maxMessageSize": cx.config.session.limits.max_bytes,
            "maxSubscriberCount": cx.config.max_members,
            "maxTagCount": cx.config.max_tags,
            "maxTagLength": TAG_CHARS.end(),
            "minTagLength": TAG_CHARS.start(),
            "ver": VERSION,
        });
        self.ctrl(cx, ask, status, Some(params(&said)));
        Ok(())
    }

    /// What the client of a session on `me` calls itself; empty where none has said.
    pub(super) fn ua_of(&self, user: u64) -> &str {
        self.sessions(crate::record::TopicId::Me(user))
            .filter_map(|(conn, _)| Some(self.peers.get(&conn)?.tinode.hello.as_ref()?.ua.as_str()))
            .find(|ua| !ua.is_empty())
            .unwrap_or_default()
    }
}

/// Major and minor number of `0.25`, `v0.25`, `0.25.3` or `0.25-rc1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut numbers = text.splitn(3, ['.', '-']);
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next().map_or(Some(0), |minor| minor.parse().ok())?;
    Some((major, minor))
}

/// The answer to a call without a key that is known: header, query or cookie. Without keys in the
/// configuration every call passes. (tinode-doc)
#[expect(clippy::result_large_err, reason = "the answer is sent at once")]
pub(crate) fn check_api_key(
    config: &HubConfig,
    head: &Request<()>,
    stamp: i64,
) -> Result<(), Response<Bytes>> {
    if config.api_keys.is_empty() {
        return Ok(());
    }
    let header = head.headers().get("x-tinode-apikey");
    let shown = header.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let shown = shown
        .into_iter()
        .chain(
            query(head)
                .chain(cookies(head.headers()))
                .filter_map(|(name, value)| (name == "apikey").then_some(value)),
        )
        .next();
    let shown = chat_sign::Secret::new(shown.unwrap_or_default());
    if config.api_keys.contains(&shown) {
        return Ok(());
    }
    Err(ctrl(stamp, Flavor::Tinode, "", Status::API_KEY, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_form() {
        for text in ["0.25", "v0.25", "0.25.3", "0.25-rc1", "0.25.0-beta2"] {
            assert_eq!(version(text), Some((0, 25)), "{text}");
        }
        assert_eq!(version("1"), Some((1, 0)));
        for text in ["", "abc", "0.x", "-1", "0.-5"] {
            assert_eq!(version(text), None, "{text}");
        }
    }
}
