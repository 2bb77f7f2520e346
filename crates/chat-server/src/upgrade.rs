//! From HTTP to WebSocket (RFC 6455, section 4.2).

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chat_hub::Offer;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use tungstenite::handshake::derive_accept_key;

use crate::answer;
use crate::hub_task::{HubGone, HubHandle};

/// Where the upgrade that was accepted waits for the connection to be free for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot(Arc<Mutex<Option<Upgraded>>>);

/// An upgrade that was accepted.
#[derive(Debug)]
pub(crate) struct Upgraded {
    pub(crate) offer: Offer,
    /// Whether it is one of order chat.
    pub(crate) is_c2c: bool,
}

impl Slot {
    pub(crate) fn take(&self) -> Option<Upgraded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, upgraded: Upgraded) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(upgraded);
    }
}

/// Whether the client wants another protocol, and it is this one.
pub(crate) fn is_asked(head: &Request<()>) -> bool {
    has_token(head.headers(), header::UPGRADE, "websocket")
}

/// The answer to an upgrade: `101` once the hub has agreed.
pub(crate) async fn answer(
    hub: &HubHandle,
    head: Request<()>,
    slot: &Slot,
) -> Result<Response<Bytes>, HubGone> {
    // First the form: what the hub agrees to may be used up.
    let accept = match check(&head) {
        Ok(key) => derive_accept_key(key.as_bytes()),
        Err(refusal) => return Ok(*refusal),
    };
    let is_c2c = head.uri().path().starts_with("/chat/");
    let offer = match hub.offer(head).await? {
        Ok(offer) => offer,
        Err(refusal) => return Ok(refusal),
    };
    slot.put(Upgraded { offer, is_c2c });
    let mut response = answer::empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::try_from(accept).expect("base64 is visible ASCII");
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

/// The client's key, when everything is as it must be.
fn check(head: &Request<()>) -> Result<String, Box<Response<Bytes>>> {
    let bad = |why| Box::new(answer::errors(StatusCode::BAD_REQUEST, "BAD_REQUEST", why));
    if head.method() != Method::GET || head.version() != Version::HTTP_11 {
        return Err(bad("a WebSocket is opened by GET in HTTP/1.1"));
    }
    if !has_token(head.headers(), header::CONNECTION, "upgrade") {
        return Err(bad("a WebSocket needs the header Connection: Upgrade"));
    }
    if head.headers().get(header::SEC_WEBSOCKET_VERSION).is_none_or(|it| it != "13") {
        let why = "the WebSocket version must be 13";
        let mut response = answer::errors(StatusCode::UPGRADE_REQUIRED, "UPGRADE_REQUIRED", why);
        let headers = response.headers_mut();
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(Box::new(response));
    }
    let mut keys = head.headers().get_all(header::SEC_WEBSOCKET_KEY).iter();
    match (keys.next().and_then(|key| key.to_str().ok()), keys.next()) {
        // 16 bytes in base64.
        (Some(key), None) if key.len() == 24 && key.ends_with("==") => Ok(key.to_owned()),
        _ => Err(bad("a WebSocket needs one Sec-WebSocket-Key of 16 bytes")),
    }
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|it| it.trim().eq_ignore_ascii_case(token))
}
