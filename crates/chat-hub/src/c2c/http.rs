//! The REST calls of order chat.

use std::time::Duration;

use bytes::Bytes;
use chat_proto::c2c::HistoryItem;
use chat_proto::c2c::answer::{CredentialData, Envelope, UploadData};
use chat_proto::c2c::rest::{
    API_KEY_HEADER, CHAT_PATH, CLIENT_TYPE_HEADER, MAX_ROWS, MarkBody, RiskBody, TIME_PATH,
    UPLOADS_PER_MINUTE, UploadBody,
};
use chat_proto::json::{Encode, Raw};
use chat_sign::{VerifiedQuery, VerifyError, verify_query};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde::Deserialize;

use super::{C2cState, answer, chat, images};
use crate::effects::Cx;
use crate::http_answer;

/// Rows of a page when none are asked for. (choice)
const DEFAULT_ROWS: u32 = 20;
/// The window of [`UPLOADS_PER_MINUTE`].
const MINUTE: Duration = Duration::from_secs(60);

/// Refusals of the gateway; codes and words from the published documentation, but for -31002.
struct Gateway(StatusCode, i64, String);

impl Gateway {
    fn illegal() -> Self {
        Self(StatusCode::BAD_REQUEST, -31002, "illegal parameter".to_owned())
    }

    fn mandatory(name: &str) -> Self {
        let text =
            format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
        Self(StatusCode::BAD_REQUEST, -1102, text)
    }

    fn respond(&self) -> Response<Bytes> {
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
    if let Some(fault) = fault(state) {
        return fault;
    }
    let result = authenticate(state, cx, call, request)
        .and_then(|(user, query)| perform(state, cx, call, user, query.as_ref(), request));
    result.unwrap_or_else(|gateway| gateway.respond())
}

/// There is no such endpoint. The live service is reported to answer 200 with nothing in it.
fn unknown(state: &C2cState) -> Response<Bytes> {
    let quirk = state.faults.unknown_path_200;
    http_answer::empty(if quirk { StatusCode::OK } else { StatusCode::NOT_FOUND })
}

/// What goes wrong on purpose.
fn fault(state: &C2cState) -> Option<Response<Bytes>> {
    let faults = &state.faults;
    if faults.html_403 {
        let page = "<!DOCTYPE html><html><head><title>ERROR: The request could not be satisfied\
                    </title></head><body><h1>403 ERROR</h1></body></html>";
        let mut response = Response::new(Bytes::from_static(page.as_bytes()));
        *response.status_mut() = StatusCode::FORBIDDEN;
        let html = HeaderValue::from_static("text/html");
        response.headers_mut().insert(header::CONTENT_TYPE, html);
        return Some(response);
    }
    if faults.retry_after_secs > 0 {
        return Some(too_many(u64::from(faults.retry_after_secs)));
    }
    faults.empty_200.then(|| http_answer::empty(StatusCode::OK))
}

fn too_many(retry_after_secs: u64) -> Response<Bytes> {
    let mut response =
        Gateway(StatusCode::TOO_MANY_REQUESTS, -1003, "Too many requests.".to_owned()).respond();
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
    fn of(method: &Method, name: &str) -> Option<Self> {
        let (call, by) = match name {
            "retrieveChatCredential" => (Self::Credential, Method::GET),
            "retrieveChatMessagesWithPagination" => (Self::History, Method::GET),
            "image/pre-signed-url" => (Self::PreSignedUrl, Method::POST),
            "markOrderMessagesAsRead" => (Self::MarkOrder, Method::POST),
            "markUserMessagesAsRead" => (Self::MarkUser, Method::POST),
            "getRiskWarningTips" => (Self::RiskTips, Method::POST),
            _ => return None,
        };
        (*method == by).then_some(call)
    }

    /// Field reports disagree whether read marks are signed, so both are taken.
    const fn may_be_unsigned(self) -> bool {
        matches!(self, Self::MarkOrder | Self::MarkUser)
    }

    /// History is reported to work without the header. (field reports)
    const fn needs_client_type(self) -> bool {
        !matches!(self, Self::History)
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
    let query = if signed || !call.may_be_unsigned() {
        Some(verify_query(raw.as_bytes(), &trader.signer, state.clock(cx).as_millis())?)
    } else {
        None
    };
    // One report passes it in the query.
    let named = request.headers().get(CLIENT_TYPE_HEADER).is_some_and(|it| !it.is_empty())
        || query.as_ref().is_some_and(|query| query.get("clientType").is_some());
    if call.needs_client_type() && !named {
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
        Call::History => history(state, user, query),
        Call::PreSignedUrl => pre_signed_url(state, cx, user, request),
        Call::MarkOrder => {
            let order_no = body::<MarkBody<'_>>(request)?.order_no.text().into_owned();
            if state.order_of(&order_no, user).is_none() {
                return Err(Gateway::illegal());
            }
            chat::mark_read(state, cx, &order_no, user);
            Ok(marked())
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
            Ok(marked())
        }
        Call::RiskTips => {
            let order_no = body::<RiskBody<'_>>(request)?.order_no;
            if state.order_of(&order_no.text(), user).is_none() {
                return Err(Gateway::illegal());
            }
            // This world has no warnings; the shape of one is not known.
            let none = Raw::from_value::<[u8]>(&[]).ok();
            Ok(answer(StatusCode::OK, &Envelope::success(none)))
        }
    }
}

/// Reads a JSON body.
fn body<'r, T: Deserialize<'r>>(request: &'r Request<Bytes>) -> Result<T, Gateway> {
    serde_json::from_slice(request.body()).map_err(|_| {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
            // What a form gets. (field report)
            let text = "An unknown error occurred while processing the request.";
            return Gateway(StatusCode::BAD_REQUEST, -1000, text.to_owned());
        }
        Gateway::illegal()
    })
}

fn raw(value: &impl Encode) -> Option<Raw<'static>> {
    let mut out = Vec::new();
    value.encode(&mut out);
    let text = String::from_utf8(out).ok()?;
    Raw::new(&text).ok().map(|raw| raw.detach())
}

fn marked() -> Response<Bytes> {
    answer(StatusCode::OK, &Envelope::success(Raw::from_value(&true).ok()))
}

fn credential(state: &mut C2cState, cx: &mut Cx<'_>, user: u64) -> Response<Bytes> {
    let (listen_key, token) = state.issue_ticket(cx, user);
    let data = CredentialData {
        chat_wss_url: cx.config.urls.chat.clone().into(),
        listen_key: listen_key.into(),
        listen_token: token.into(),
        ..CredentialData::default()
    };
    answer(StatusCode::OK, &Envelope::success(raw(&data)))
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
        let wait = MINUTE.saturating_sub(now.saturating_duration_since(*oldest));
        return Ok(too_many(wait.as_millis().div_ceil(1000).try_into().unwrap_or(60)));
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
    Ok(answer(StatusCode::OK, &Envelope::success(data)))
}

/// A page, newest first; `id` is an exclusive upper bound. (seed)
fn history(
    state: &C2cState,
    user: u64,
    query: Option<&VerifiedQuery<'_>>,
) -> Result<Response<Bytes>, Gateway> {
    let get = |name: &str| query.and_then(|it| it.get(name)).filter(|value| !value.is_empty());
    let order_no = get("orderNo").ok_or_else(|| Gateway::mandatory("orderNo"))?;
    let number = |name: &str, default: u32| {
        get(name).map_or(Ok(default), |text| text.parse().map_err(|_| Gateway::mandatory(name)))
    };
    let (page, rows) = (number("page", 1)?, number("rows", DEFAULT_ROWS)?);
    if page == 0 {
        return Err(Gateway::mandatory("page"));
    }
    let rows = rows.clamp(1, MAX_ROWS) as usize;
    let before = match get("id") {
        Some(id) => id.parse().map_err(|_| Gateway::mandatory("id"))?,
        None => i64::MAX,
    };
    let order = state.order_of(order_no, user).ok_or_else(Gateway::illegal)?;
    let kind = get("chatMessageType");
    let visible = |id: &&i64| {
        state.messages.get(id).is_some_and(|row| {
            row.to.is_none_or(|to| to == user)
                && kind.is_none_or(|kind| row.kind.eq_ignore_ascii_case(kind))
        })
    };
    let matching = || order.messages.range(..before).filter(visible);
    let total = matching().count();
    let skip = (page as usize - 1).saturating_mul(rows);
    let mut ids: Vec<i64> = if get("sort").is_some_and(|sort| sort.eq_ignore_ascii_case("asc")) {
        matching().skip(skip).take(rows).copied().collect()
    } else {
        matching().rev().skip(skip).take(rows).copied().collect()
    };
    if state.faults.mixed_history {
        // The newest message of another order of the same account. (field report)
        let others = state.orders.iter().filter(|(no, it)| *no != order_no && it.has(user));
        ids.extend(others.filter_map(|(_, order)| order.messages.last()).max());
    }
    let items = ids.into_iter().filter_map(|id| {
        let row = state.messages.get(&id)?;
        let item = HistoryItem::from(chat::push(state, id, row, user));
        Some(HistoryItem { topic_id: Default::default(), ..item })
    });
    let items: Vec<_> = items.collect();
    let envelope = Envelope {
        total: Some(chat_proto::c2c::Loose::number(i64::try_from(total).unwrap_or(i64::MAX))),
        ..Envelope::success(raw(&items))
    };
    Ok(answer(StatusCode::OK, &envelope))
}
