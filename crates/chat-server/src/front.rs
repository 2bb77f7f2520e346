//! Every request comes through here: the hub decides, the front carries.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use chat_hub::Transfer;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use crate::admin;
use crate::answer::{self, AnswerBody};
use crate::download;
use crate::hub_task::HubGone;
use crate::server::Shared;
use crate::upgrade::{self, Slot};
use crate::upload;

/// Answers one request.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    is_local: bool,
    slot: &Slot,
) -> Result<Response<AnswerBody>, Infallible> {
    let method = request.method().clone();
    let route = route(request.uri().path());
    let response = match answer(&shared, request, is_local, slot).await {
        Ok(response) => response,
        Err(HubGone) => answer::gone().map(Into::into),
    };
    let status = response.status().as_u16();
    tracing::debug!(%method, route, status, "answered");
    Ok(response)
}

async fn answer(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
    is_local: bool,
    slot: &Slot,
) -> Result<Response<AnswerBody>, HubGone> {
    let (parts, body) = request.into_parts();
    let mut head = Request::new(());
    *head.method_mut() = parts.method;
    *head.uri_mut() = parts.uri;
    *head.version_mut() = parts.version;
    *head.headers_mut() = parts.headers;
    if upgrade::is_asked(&head) {
        return Ok(upgrade::answer(&shared.hub, head, slot).await?.map(Into::into));
    }
    if let Some(access) = shared.admin.as_ref().filter(|_| admin::is_asked(&head)) {
        if let Some(refusal) = access.refusal(&head, is_local) {
            return Ok(refusal.map(Into::into));
        }
        let whole = async {
            match read(shared, &head, body).await {
                Ok(body) => access.answer(&shared.hub, &head, body).await,
                Err(refusal) => Ok(*refusal),
            }
        };
        return Ok(in_time(shared, whole).await?.map(Into::into));
    }
    let is_whole = body.is_end_stream();
    match shared.hub.begin_transfer(head.clone()).await? {
        Transfer::NotMine => {
            let whole = async {
                match read(shared, &head, body).await {
                    Ok(body) => shared.hub.http(head.map(|()| body)).await,
                    Err(refusal) => Ok(*refusal),
                }
            };
            Ok(in_time(shared, whole).await?.map(Into::into))
        }
        Transfer::Answer(response) if is_whole => Ok(response.map(Into::into)),
        Transfer::Answer(response) => Ok(closing(response).map(Into::into)),
        Transfer::Receive { key, body: form, max_bytes } => {
            // A task of its own: the client's leaving must not keep it from cleaning up.
            let task = upload::receive(shared.clone(), head, body, key, form, max_bytes);
            let response = tokio::spawn(task).await.unwrap_or(Err(HubGone))?;
            Ok(response.map(Into::into))
        }
        Transfer::Send(file) => Ok(download::send(shared, &head, file).await),
    }
}

/// An exchange that may take so long and no longer.
async fn in_time(
    shared: &Shared,
    whole: impl Future<Output = Result<Response<Bytes>, HubGone>>,
) -> Result<Response<Bytes>, HubGone> {
    match timeout(shared.limits.request_within, whole).await {
        Ok(response) => response,
        Err(_) => Ok(late()),
    }
}

/// A small body.
async fn read(
    shared: &Shared,
    head: &Request<()>,
    body: Incoming,
) -> Result<Bytes, Box<Response<Bytes>>> {
    let max = shared.limits.max_body_bytes;
    let length = head.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > max as u64) {
        return Err(Box::new(too_large()));
    }
    match Limited::new(body, max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Box::new(too_large())),
        Err(_) => {
            let why = "the body of the request is malformed or did not come whole";
            Err(Box::new(answer::errors(StatusCode::BAD_REQUEST, "BAD_REQUEST", why)))
        }
    }
}

fn too_large() -> Response<Bytes> {
    let why = "the body of the request is too large";
    closing(answer::errors(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", why))
}

/// An answer before the end of the request's body: the connection is of no further use, and a client
/// that is not told may send its next request there.
pub(crate) fn closing(mut response: Response<Bytes>) -> Response<Bytes> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn late() -> Response<Bytes> {
    let why = "the request did not come whole in time, or the server is too busy";
    closing(answer::errors(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", why))
}

/// A path for the log: what may be a key, an id or a name is left out.
fn route(path: &str) -> &'static str {
    const WHOLE: [&str; 9] = [
        "/admin/faults",
        "/admin/script",
        "/im",
        "/im/file",
        "/v0/channels",
        "/v0/file/u/",
        "/api/login/oauth/token",
        "/api/login/oauth/revoke",
        "/api/v3/time",
    ];
    const BEGIN: [(&str, &str); 6] = [
        ("/im/file/", "/im/file/…"),
        ("/v0/file/s/", "/v0/file/s/…"),
        ("/chat/", "/chat/…"),
        ("/sapi/v1/c2c/chat/", "/sapi/v1/c2c/chat/…"),
        ("/sapi/", "/sapi/…"),
        ("/client_upload/", "/client_upload/…"),
    ];
    let whole = WHOLE.into_iter().find(|it| *it == path);
    let begin = || BEGIN.iter().find(|(it, _)| path.starts_with(it)).map(|(_, shown)| *shown);
    whole.or_else(begin).unwrap_or("…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_show_no_keys() {
        assert_eq!(route("/chat/c2c_123"), "/chat/…");
        assert_eq!(route("/im/file/NDW4_NYseeH20iuC3rih"), "/im/file/…");
        assert_eq!(route("/im/file"), "/im/file");
        assert_eq!(route("/v0/file/s/NDW4_NYseeH20iuC3rih.png"), "/v0/file/s/…");
        assert_eq!(route("/token=abc"), "…");
    }
}
