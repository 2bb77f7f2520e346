//! HTTP exchanges of topic chat: tokens, files, and the upgrade to a WebSocket.
//!
//! A PortSIP system has two addresses: the PBX gives out tokens ([`Oauth`]), the IM service takes
//! the WebSocket and the files ([`ImHost`]). They are often the same, but need not be.
//! (portsip-docs)

mod files;
mod oauth;

pub use files::{
    FileError, FileLocation, FileUrl, HostError, ImHost, MAX_FILE_URL_LEN, check_download,
    upload_answer,
};
pub use oauth::{
    MAX_TOKEN_LIFETIME, Oauth, OauthError, PUBLIC_CLIENT_ID, TokenPair, refresh_answer,
    revoke_answer, token_answer,
};

use http::HeaderValue;

/// A header value that intermediaries and `Debug` treat as secret.
fn sensitive(value: &str) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(value)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether the server could not be asked at all: too many requests, or nobody behind the proxy. Such
/// an answer says nothing about what was asked.
fn is_busy(status: http::StatusCode) -> bool {
    use http::StatusCode;
    status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
}
