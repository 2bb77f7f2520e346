//! HTTP answers.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

/// An answer with a JSON body.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response<Bytes> {
    let body = serde_json::to_vec(body).expect("the bodies have string keys and plain values");
    json_text(status, body)
}

/// An answer with a body that is JSON already.
pub(crate) fn json_text(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// An error in the form of the PBX: `{"errors":[{"code":…,"message":…}]}`. (portsip-docs)
pub(crate) fn errors(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    let errors = [serde_json::json!({ "code": code, "message": message })];
    json(status, &serde_json::json!({ "errors": errors }))
}

/// Wrong method, with `Allow`.
pub(crate) fn not_allowed(allow: &'static str) -> Response<Bytes> {
    let mut response =
        errors(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "method not allowed");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}
