//! The REST calls of order chat.

use std::time::Duration;

use bytes::Bytes;
use chat_proto::c2c::answer::{CredentialData, Envelope, UploadData};
use chat_proto::c2c::rest::{
    API_KEY_HEADER, CHAT_PATH, CLIENT_TYPE_HEADER, MarkBody, RiskBody, TIME_PATH,
    UPLOADS_PER_MINUTE, UploadBody,
};
use chat_proto::codec::{Decode, Limits, from_text};
use chat_proto::json::{Encode, Raw};
use chat_sign::{VerifiedQuery, VerifyError, verify_query};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};

use super::faults::{self, Fault};
use super::{C2cState, answer, chat, history, images};
use crate::effects::Cx;
use crate::http_answer;
use crate::world::{Faults, MarkSigning};

/// The window of [`UPLOADS_PER_MINUTE`].
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// How many calls an account has made in this minute. (published documentation)
const USED_WEIGHT: &str = "x-sapi-used-uid-weight-1m";

/// Refusals of the gateway; codes and words from the published documentation, but for -31002.
#[derive(Debug)]
pub(super) struct Gateway(pub(super) StatusCode, pub(super) i64, pub(super) String);

impl Gateway {
    pub(super) fn illegal() -> Self {
        Self(StatusCode::BAD_REQUEST, -31002, "illegal parameter".to_owned())
    }

    pub(super) fn mandatory(name: &str) -> Self {
        let text =
            format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
        Self(StatusCode::BAD_REQUEST, -1102, text)
    }

    pub(super) fn respond(&self) -> Response<Bytes> {
        answer(self.0, &Envelope::gateway(self.1, &self.2))
    }
}

impl From<VerifyError> for Gateway {
    fn from(error: VerifyError) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "further errors get the same code")]
        let (code, text) = match error {
            VerifyError::BadSignature => {
                (-1022, "Signature for this request is not valid.".to_owned())
            }
            VerifyError::OutsideWindow { timestamp_ms, server_time_ms, .. } => {
                let text = if timestamp_ms > server_time_ms {
                    "Timestamp for this request was 1000ms ahead of the server's time."
                } else {
                    "Timestamp for this request is outside of the recvWindow."
                };
                (-1021, text.to_owned())
            }
            VerifyError::MissingSignature | VerifyError::SignatureNotLast => {
                return Self::mandatory("signature");
            }
            VerifyError::MissingTimestamp => return Self::mandatory("timestamp"),
            VerifyError::MalformedParameter { name } => return Self::mandatory(&name),
            VerifyError::DuplicateParameter { .. } => {
                (-1101, "Duplicate values for a parameter detected.".to_owned())
            }
            VerifyError::RecvWindowTooLarge => {
                (-1131, "recvWindow must be less than 60000.".to_owned())
            }
            other => (-1101, other.to_string()),
        };
        Self(StatusCode::BAD_REQUEST, code, text)
    }
}

/// Answers `/sapi/…` and `/api/v3/…`.
pub(super) fn handle(
    state: &mut C2cState,
    cx: &mut Cx<'_>,
    request: &Request<Bytes>,
) -> Response<Bytes> {
    let path = request.uri().path();
    if path == TIME_PATH && request.method() == Method::GET {
        let body = serde_json::json!({ "serverTime": state.clock(cx).as_millis() });
        return http_answer::json(StatusCode::OK, &body);
    }
    let call = path.strip_prefix(CHAT_PATH).and_then(|name| Call::of(request.method(), name));
    let Some(call) = call else { return unknown(state) };
    let fault = state.call_fault(call.name());
    if let Some(Fault::Refuse(response)) = fault {
        return *response;
    }
    let result = authenticate(state, cx, call, request).and_then(|(user, query)| {
        let used = match state.weigh(cx, user) {
            Ok(used) => used,
            Err(refusal) => return Ok(*refusal),
        };
        let mut response = perform(state, cx, call, user, query.as_ref(), request)?;
        response.headers_mut().insert(USED_WEIGHT, HeaderValue::from(used));
        Ok(response)
    });
    match result {
        Ok(_) if fault.is_some() => faults::lost(),
        Ok(response) => response,
        Err(gateway) => gateway.respond(),
    }
}

/// There is no such endpoint. The live service is reported to answer 200 with nothing in it.
fn unknown(state: &C2cState) -> Response<Bytes> {
    let quirk = state.faults.unknown_path_200;
    http_answer::empty(if quirk { StatusCode::OK } else { StatusCode::NOT_FOUND })
}

pub(super) fn too_many(retry_after_secs: u64) -> Response<Bytes> {
    limited(StatusCode::TOO_MANY_REQUESTS, retry_after_secs)
}

/// A refusal with `Retry-After`.
pub(super) fn limited(status: StatusCode, retry_after_secs: u64) -> Response<Bytes> {
    let mut response = Gateway(status, -1003, "Too many requests.".to_owned()).respond();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_secs));
    response
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Credential,
    History,
    PreSignedUrl,
    MarkOrder,
    MarkUser,
    RiskTips,
}

impl Call {
    const ALL: [Self; 6] = [
        Self::Credential,
        Self::History,
        Self::PreSignedUrl,
        Self::MarkOrder,
        Self::MarkUser,
        Self::RiskTips,
    ];

    fn of(method: &Method, name: &str) -> Option<Self> {
        let call = Self::ALL.into_iter().find(|call| call.name() == name)?;
        let by = match call {
            Self::Credential | Self::History => Method::GET,
            Self::PreSignedUrl | Self::MarkOrder | Self::MarkUser | Self::RiskTips => Method::POST,
        };
        (*method == by).then_some(call)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Credential => "retrieveChatCredential",
            Self::History => "retrieveChatMessagesWithPagination",
            Self::PreSignedUrl => "image/pre-signed-url",
            Self::MarkOrder => "markOrderMessagesAsRead",
            Self::MarkUser => "markUserMessagesAsRead",
            Self::RiskTips => "getRiskWarningTips",
        }
    }

    /// Field reports disagree whether read marks are signed, so both are taken.
    fn signing(self, faults: &Faults) -> MarkSigning {
        if matches!(self, Self::MarkOrder | Self::MarkUser) {
            faults.marks
        } else {
            MarkSigning::Signed
        }
    }

    /// History is reported to work without the header. (field reports)
    const fn needs_client_type(self, faults: &Faults) -> bool {
        !matches!(self, Self::History) || faults.history_needs_client_type
    }
}

/// Key, signature over the query as it was received, freshness, `clientType`: in this order.
fn authenticate<'r>(
    state: &C2cState,
    cx: &Cx<'_>,
    call: Call,
    request: &'r Request<Bytes>,
) -> Result<(u64, Option<VerifiedQuery<'r>>), Gateway> {
    let key = request.headers().get(API_KEY_HEADER).and_then(|key| key.to_str().ok());
    let key = key.filter(|key| !key.is_empty()).ok_or_else(|| {
        Gateway(StatusCode::UNAUTHORIZED, -2014, "API-key format invalid.".to_owned())
    })?;
    let user = state.by_key.get(key).copied();
    let trader = user.and_then(|user| Some((user, state.traders.get(&user)?)));
    let (user, trader) = trader.ok_or_else(|| {
        let text = "Invalid API-key, IP, or permissions for action.";
        Gateway(StatusCode::UNAUTHORIZED, -2015, text.to_owned())
    })?;
    let raw = request.uri().query().unwrap_or_default();
    let signed = raw.split('&').any(|pair| pair.starts_with("signature="));
    let query = match call.signing(&state.faults) {
        // What the one report says a signature gets there is not known to the number.
        MarkSigning::Unsigned if signed => return Err(VerifyError::BadSignature.into()),
        MarkSigning::Either | MarkSigning::Unsigned if !signed => None,
        MarkSigning::Either | MarkSigning::Signed | MarkSigning::Unsigned => {
            Some(verify_query(raw.as_bytes(), &trader.signer, state.clock(cx).as_millis())?)
        }
    };
    // One report passes it in the query.
    let named = request.headers().get(CLIENT_TYPE_HEADER).is_some_and(|it| !it.is_empty())
        || query.as_ref().is_some_and(|query| query.get("clientType").is_some());
    if call.needs_client_type(&state.faults) && !named {
        return Err(Gateway::illegal());
    }
    Ok((user, query))
}

fn perform(
    state: &mut C2cState,
    cx: &mut Cx<'_>,
    call: Call,
    user: u64,
    query: Option<&VerifiedQuery<'_>>,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Gateway> {
    match call {
        Call::Credential => Ok(credential(state, cx, user)),
        Call::History => history::page(state, cx, user, query),
        Call::PreSignedUrl => pre_signed_url(state, cx, user, request),
        Call::MarkOrder => {
            let order_no = body::<MarkBody<'_>>(request)?.order_no.text().into_owned();
            if state.order_of(&order_no, user).is_none() {
                return Err(Gateway::illegal());
            }
            chat::mark_read(state, cx, &order_no, user);
            Ok(marked(state))
        }
        Call::MarkUser => {
            let of = body::<MarkBody<'_>>(request)?.user_id;
            let orders = state.orders.iter().filter(|(_, order)| {
                let other = i64::try_from(order.other(user)).ok();
                order.has(user) && of.is_none_or(|of| other == Some(of))
            });
            let orders: Vec<_> = orders.map(|(order_no, _)| order_no.clone()).collect();
            for order_no in orders {
                chat::mark_read(state, cx, &order_no, user);
            }
            Ok(marked(state))
        }
        Call::RiskTips => {
            let order_no = body::<RiskBody<'_>>(request)?.order_no;
            if state.order_of(&order_no.text(), user).is_none() {
                return Err(Gateway::illegal());
            }
            // This world has no warnings; the shape of one is not known.
            let none = Raw::from_value::<[u8]>(&[]).ok();
            Ok(success(state, none))
        }
    }
}

/// Reads a JSON body.
fn body<'r, T: Decode<'r>>(request: &'r Request<Bytes>) -> Result<T, Gateway> {
    let text = std::str::from_utf8(request.body()).ok();
    text.and_then(|text| from_text(text, Limits::default().max_depth).ok()).ok_or_else(|| {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
            // What a form gets. (field report)
            let text = "An unknown error occurred while processing the request.";
            return Gateway(StatusCode::BAD_REQUEST, -1000, text.to_owned());
        }
        Gateway::illegal()
    })
}

/// The answer to a call that worked.
fn success(state: &C2cState, data: Option<Raw<'static>>) -> Response<Bytes> {
    answer(StatusCode::OK, &succeeded(state, data))
}

pub(super) fn succeeded(state: &C2cState, data: Option<Raw<'static>>) -> Envelope<'static> {
    let mut envelope = Envelope::success(data);
    if state.faults.null_message {
        envelope.message = None;
    }
    envelope
}

pub(super) fn raw(value: &impl Encode) -> Option<Raw<'static>> {
    let mut out = Vec::new();
    value.encode(&mut out);
    let text = String::from_utf8(out).ok()?;
    Raw::new(&text).ok().map(|raw| raw.detach())
}

fn marked(state: &C2cState) -> Response<Bytes> {
    success(state, Raw::from_value(&true).ok())
}

fn credential(state: &mut C2cState, cx: &mut Cx<'_>, user: u64) -> Response<Bytes> {
    let (listen_key, token) = state.issue_ticket(cx, user);
    let data = CredentialData {
        chat_wss_url: cx.config.urls.chat.clone().into(),
        listen_key: listen_key.into(),
        listen_token: token.into(),
        ..CredentialData::default()
    };
    success(state, raw(&data))
}

fn pre_signed_url(
    state: &mut C2cState,
    cx: &mut Cx<'_>,
    user: u64,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Gateway> {
    let name = body::<UploadBody<'_>>(request)?.image_name.decode().into_owned();
    let now = cx.now.mono;
    let asked = state.asked.entry(user).or_default();
    while asked.front().is_some_and(|at| now.saturating_duration_since(*at) >= MINUTE) {
        asked.pop_front();
    }
    if let Some(oldest) = asked.front().filter(|_| asked.len() >= UPLOADS_PER_MINUTE as usize) {
        return Ok(too_many(faults::wait(MINUTE, now.saturating_duration_since(*oldest))));
    }
    let (upload, image) = images::open(state, cx, user, &name).ok_or_else(Gateway::illegal)?;
    state.asked.entry(user).or_default().push_back(now);
    let data =
        UploadData { upload_url: upload.into(), image_url: image.into(), ..UploadData::default() };
    let data = raw(&data).map(|data| {
        if !state.faults.pre_signed_name {
            return data;
        }
        let text = data.as_str().replacen("\"uploadUrl\"", "\"preSignedUrl\"", 1);
        Raw::new(&text).map_or(Raw::NULL, |raw| raw.detach())
    });
    Ok(success(state, data))
}
