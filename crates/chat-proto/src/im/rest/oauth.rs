//! Tokens of the PBX.

use std::time::Duration;

use bytes::Bytes;
use chat_sign::Secret;
use http::{Response, StatusCode, header};

use super::{is_busy, sensitive};
use crate::codec::from_text;
use crate::json::{SecretStr, Str, frame};
use crate::machine::HttpRequest;
use crate::rest::{BaseUrl, Body, UrlError, form, printable, retry_after};

/// The client id that the service's documentation gives to everybody. (portsip-docs)
pub const PUBLIC_CLIENT_ID: &str = "9d806019-75b2-4b3d-bb8b-f5a3a412cc0a";

/// The longest life of a token that is believed (choice): beyond it, clocks overflow.
pub const MAX_TOKEN_LIFETIME: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// How much of a message from the server is kept, in bytes.
const MAX_MESSAGE: usize = 256;

/// Builds the requests for tokens. (portsip-docs)
///
/// ```
/// use chat_proto::{im::rest::Oauth, rest::BaseUrl};
/// use chat_sign::Secret;
///
/// let oauth = Oauth::new(&BaseUrl::parse("https://pbx.example.com:8887")?)?;
/// let request = oauth.password("101", Some("pbx.example.com"), &Secret::new("demo-101"));
/// assert_eq!(request.request().uri(), "https://pbx.example.com:8887/api/login/oauth/token");
/// # Ok::<(), chat_proto::rest::UrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oauth {
    token_url: http::Uri,
    revoke_url: http::Uri,
    client_id: String,
}

impl Oauth {
    /// Requests to the PBX at `base`, with the [`PUBLIC_CLIENT_ID`].
    ///
    /// # Errors
    ///
    /// The address is so long that no path fits behind it.
    pub fn new(base: &BaseUrl) -> Result<Self, UrlError> {
        Ok(Self {
            token_url: base.join("/api/login/oauth/token")?,
            revoke_url: base.join("/api/login/oauth/revoke")?,
            client_id: PUBLIC_CLIENT_ID.to_owned(),
        })
    }

    /// The same with another client id.
    #[must_use]
    pub fn with_client_id(self, client_id: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), ..self }
    }

    /// Asks for tokens by password. `domain` is the tenant's SIP domain; only the administrator of
    /// the whole system has none. Read the answer with [`token_answer`].
    #[must_use]
    pub fn password(&self, username: &str, domain: Option<&str>, password: &Secret) -> HttpRequest {
        let mut pairs = vec![
            ("grant_type", "password"),
            ("username", username),
            ("password", password.expose()),
            ("scope", "all"),
            ("client_id", self.client_id.as_str()),
        ];
        pairs.extend(domain.map(|domain| ("domain", domain)));
        self.token_request(&pairs)
    }

    /// Asks for new tokens. Read the answer with [`refresh_answer`].
    #[must_use]
    pub fn refresh(&self, refresh_token: &Secret) -> HttpRequest {
        self.token_request(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
            ("client_id", self.client_id.as_str()),
        ])
    }

    /// Revokes the tokens. Read the answer with [`revoke_answer`].
    ///
    /// # Errors
    ///
    /// No header can carry the token; one that came from [`token_answer`] always can.
    pub fn revoke(&self, access_token: &Secret) -> Result<HttpRequest, http::Error> {
        let bearer = sensitive(&format!("Bearer {}", access_token.expose()))?;
        let request = http::Request::post(&self.revoke_url)
            .header(header::AUTHORIZATION, bearer)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::new())?;
        Ok(HttpRequest::new(request))
    }

    fn token_request(&self, pairs: &[(&str, &str)]) -> HttpRequest {
        let request = http::Request::post(&self.token_url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(form(pairs))
            .expect("a checked URL and constant headers make a request");
        HttpRequest::new(request)
    }
}

/// What the PBX gives. Keep both tokens together: the old refresh token may be void at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPair {
    /// For REST calls, and for the secret of `login`. Visible ASCII; otherwise opaque.
    pub access_token: Secret,
    /// For the next pair.
    pub refresh_token: Secret,
    /// Life of the access token from the moment it was given, at most [`MAX_TOKEN_LIFETIME`].
    pub expires_in: Duration,
    /// `Bearer`.
    pub token_type: String,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OauthError {
    /// The PBX does not accept user, domain or password. (portsip-docs)
    #[error("the PBX refused the login: {message}")]
    Unauthorized {
        /// The words of the PBX.
        message: String,
    },
    /// The PBX does not accept the refresh token: the password is needed again. (portsip-docs)
    #[error("the PBX refused the refresh token ({code}): {message}")]
    RefreshFailed {
        /// The code of the PBX.
        code: String,
        /// The words of the PBX.
        message: String,
    },
    /// Too many requests, or the PBX is down. Says nothing about password or token: ask again.
    #[error("the PBX is busy (HTTP {status})")]
    Busy {
        /// The HTTP status.
        status: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// Another refusal.
    #[error("the PBX refused with HTTP {status} {code}: {message}")]
    Unknown {
        /// The HTTP status.
        status: u16,
        /// The code of the PBX; empty when it was not the PBX that answered.
        code: String,
        /// The words of the PBX.
        message: String,
    },
    /// A success that carries no tokens.
    #[error("the answer of the PBX is malformed: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl OauthError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}

/// Reads the answer to [`Oauth::password`].
///
/// # Errors
///
/// Only the PBX's own words blame the password; a proxy's page never does.
pub fn token_answer(answer: &Response<Bytes>) -> Result<TokenPair, OauthError> {
    let body = succeeded(answer, |status, code, message| {
        if code == UNAUTHORIZED {
            OauthError::Unauthorized { message }
        } else {
            OauthError::Unknown { status, code, message }
        }
    })?;
    let (pair, refresh_token) = parse(&body)?;
    let refresh_token = refresh_token.ok_or(MISSING_REFRESH)?;
    Ok(TokenPair { refresh_token, ..pair })
}

/// Reads the answer to [`Oauth::refresh`]. `sent` is the refresh token that was sent; it stays when
/// the answer brings no other.
///
/// # Errors
///
/// [`OauthError::RefreshFailed`] when the PBX itself refuses.
pub fn refresh_answer(answer: &Response<Bytes>, sent: &Secret) -> Result<TokenPair, OauthError> {
    let body = succeeded(answer, |status, code, message| {
        if code == UNAUTHORIZED || code == "UNKNOWN" {
            OauthError::RefreshFailed { code, message }
        } else {
            OauthError::Unknown { status, code, message }
        }
    })?;
    let (pair, refresh_token) = parse(&body)?;
    Ok(TokenPair { refresh_token: refresh_token.unwrap_or_else(|| sent.clone()), ..pair })
}

/// Reads the answer to [`Oauth::revoke`]: empty on success.
///
/// # Errors
///
/// The PBX refused, or could not be asked. [`OauthError::Unauthorized`] means that the token was
/// void already.
pub fn revoke_answer(answer: &Response<Bytes>) -> Result<(), OauthError> {
    succeeded(answer, |status, code, message| {
        if code == UNAUTHORIZED || status == StatusCode::UNAUTHORIZED.as_u16() {
            OauthError::Unauthorized { message }
        } else {
            OauthError::Unknown { status, code, message }
        }
    })
    .map(drop)
}

const UNAUTHORIZED: &str = "UNAUTHORIZED";
const MISSING_REFRESH: OauthError = OauthError::Malformed { reason: "no refresh_token" };

/// The body of a success; [`OauthError::Busy`], or what `refused` makes of status, code and message.
fn succeeded(
    answer: &Response<Bytes>,
    refused: impl FnOnce(u16, String, String) -> OauthError,
) -> Result<Body, OauthError> {
    let status = answer.status();
    let body = Body::of(answer);
    if status.is_success() {
        return Ok(body);
    }
    if is_busy(status) {
        let retry_after = retry_after(answer.headers());
        return Err(OauthError::Busy { status: status.as_u16(), retry_after });
    }
    let (code, message) = refusal(&body).unwrap_or_default();
    Err(refused(status.as_u16(), code, message))
}

frame! {
    /// `{"errors":[{"code":…,"message":…}]}`. (portsip-docs)
    struct Refusal<'a> {
        errors: Vec<Reason<'a>> => "errors";
    }
}

frame! {
    /// One of them.
    struct Reason<'a> {
        code: Option<Str<'a>> => "code";
        message: Str<'a> => "message";
    }
}

frame! {
    /// The answer to a request for tokens. (portsip-docs)
    struct Tokens<'a> {
        access_token: Option<SecretStr<'a>> => "access_token";
        refresh_token: SecretStr<'a> => "refresh_token";
        expires_in: Option<u64> => "expires_in";
        token_type: Option<Str<'a>> => "token_type";
    }
}

/// Code and message of the first reason.
fn refusal(body: &Body) -> Option<(String, String)> {
    let Body::Json(text) = body else { return None };
    let refusal: Refusal<'_> = from_text(text.as_str(), usize::MAX).ok()?;
    let Reason { code, message, .. } = refusal.errors.into_iter().next()?;
    Some((printable(&code?.decode(), 64), printable(&message.decode(), MAX_MESSAGE)))
}

/// The pair, without a refresh token, and the refresh token where there is one.
fn parse(body: &Body) -> Result<(TokenPair, Option<Secret>), OauthError> {
    let malformed = |reason| OauthError::Malformed { reason };
    let Body::Json(text) = body else { return Err(malformed("not JSON")) };
    let tokens: Tokens<'_> =
        from_text(text.as_str(), usize::MAX).map_err(|_| malformed("not an object of tokens"))?;
    let secret = |text: SecretStr<'_>| Secret::new(text.expose().decode().into_owned());
    let access_token = tokens.access_token.map(secret);
    let access_token = access_token.ok_or(malformed("no access_token"))?;
    let text = access_token.expose();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(malformed("the access_token is not visible ASCII"));
    }
    let expires_in = tokens.expires_in.ok_or(malformed("no expires_in"))?;
    let pair = TokenPair {
        access_token,
        refresh_token: Secret::new(""),
        expires_in: Duration::from_secs(expires_in).min(MAX_TOKEN_LIFETIME),
        token_type: printable(&tokens.token_type.unwrap_or("Bearer".into()).decode(), 32),
    };
    let refresh_token = tokens.refresh_token;
    Ok((pair, (!refresh_token.expose().is_empty()).then(|| secret(refresh_token))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oauth() -> Oauth {
        Oauth::new(&BaseUrl::parse("https://pbx.example.com:8887").unwrap()).unwrap()
    }

    fn answer(status: u16, body: &'static str) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    const PAIR: &str = r#"{"access_token":"ACCESS","expires_in":1800,"refresh_token":"REFRESH","token_type":"Bearer"}"#;

    #[test]
    fn a_password_travels_in_the_form() {
        let secret = Secret::new("p&s=w ö");
        let request = oauth().password("101", Some("pbx.example.com"), &secret);
        let request = request.into_request();
        assert_eq!(request.method(), "POST");
        assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
        assert!(!request.headers().contains_key("authorization"));
        assert_eq!(
            std::str::from_utf8(request.body()).unwrap(),
            "grant_type=password&username=101&password=p%26s%3Dw+%C3%B6&scope=all\
             &client_id=9d806019-75b2-4b3d-bb8b-f5a3a412cc0a&domain=pbx.example.com"
        );
        let admin = oauth().with_client_id("x").password("admin", None, &secret).into_request();
        let body = std::str::from_utf8(admin.body()).unwrap();
        assert!(body.ends_with("&client_id=x"), "{body}");
    }

    #[test]
    fn refresh_and_revoke() {
        let request = oauth().refresh(&Secret::new("R+1")).into_request();
        assert_eq!(
            std::str::from_utf8(request.body()).unwrap(),
            "grant_type=refresh_token&refresh_token=R%2B1\
             &client_id=9d806019-75b2-4b3d-bb8b-f5a3a412cc0a"
        );
        let request = oauth().revoke(&Secret::new("ACCESS")).unwrap().into_request();
        assert_eq!(request.uri(), "https://pbx.example.com:8887/api/login/oauth/revoke");
        assert_eq!(request.headers()["authorization"], "Bearer ACCESS");
        assert!(request.headers()["authorization"].is_sensitive());
        assert_eq!(request.headers()["content-type"], "application/json");
        assert!(oauth().revoke(&Secret::new("a\r\nb: c")).is_err());
        assert_eq!(revoke_answer(&answer(200, "")), Ok(()));
        let void = answer(400, r#"{"errors":[{"code":"UNAUTHORIZED","message":"expired"}]}"#);
        let void = revoke_answer(&void).unwrap_err();
        assert_eq!(void, OauthError::Unauthorized { message: "expired".into() });
    }

    #[test]
    fn tokens_are_read_and_do_not_print() {
        let pair = token_answer(&answer(200, PAIR)).unwrap();
        assert_eq!(pair.access_token.expose(), "ACCESS");
        assert_eq!(pair.refresh_token.expose(), "REFRESH");
        assert_eq!(pair.expires_in, Duration::from_secs(1800));
        assert_eq!(pair.token_type, "Bearer");
        let shown = format!("{pair:?}");
        assert!(!shown.contains("ACCESS") && !shown.contains("REFRESH"), "{shown}");
    }

    #[test]
    fn a_refresh_token_that_is_not_replaced_stays() {
        let kept = answer(200, r#"{"access_token":"A","expires_in":60}"#);
        let pair = refresh_answer(&kept, &Secret::new("OLD")).unwrap();
        assert_eq!(pair.refresh_token.expose(), "OLD");
        assert_eq!(token_answer(&kept).unwrap_err(), MISSING_REFRESH);
        let pair = refresh_answer(&answer(200, PAIR), &Secret::new("OLD")).unwrap();
        assert_eq!(pair.refresh_token.expose(), "REFRESH");
    }

    #[test]
    fn the_documented_refusals_are_told_apart() {
        let wrong =
            answer(400, r#"{"errors":[{"code":"UNAUTHORIZED","message":"Bad\u0007 user"}]}"#);
        assert_eq!(
            token_answer(&wrong).unwrap_err(),
            OauthError::Unauthorized { message: "Bad  user".into() }
        );
        let failed = answer(400, r#"{"errors":[{"code":"UNKNOWN","message":"no such token"}]}"#);
        assert_eq!(
            refresh_answer(&failed, &Secret::new("R")).unwrap_err(),
            OauthError::RefreshFailed { code: "UNKNOWN".into(), message: "no such token".into() }
        );
        assert_eq!(
            token_answer(&failed).unwrap_err(),
            OauthError::Unknown {
                status: 400,
                code: "UNKNOWN".into(),
                message: "no such token".into()
            }
        );
    }

    #[test]
    fn a_busy_pbx_never_blames_the_password() {
        let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"wrong"}]}"#;
        for status in [408, 429, 500, 502, 503, 504] {
            let mut busy = answer(status, body);
            busy.headers_mut().insert("retry-after", http::HeaderValue::from_static("7"));
            let error = token_answer(&busy).unwrap_err();
            let retry_after = Some(Duration::from_secs(7));
            assert_eq!(error, OauthError::Busy { status, retry_after });
            assert!(error.is_transient());
            assert_eq!(refresh_answer(&busy, &Secret::new("R")).unwrap_err(), error);
        }
    }

    #[test]
    fn a_page_of_a_proxy_never_blames_the_password() {
        for status in [302, 400, 401, 403, 404] {
            for body in ["", "<html>UNAUTHORIZED</html>", r#"{"errors":[]}"#, "{\"errors\":[5]}"] {
                let (code, message) = (String::new(), String::new());
                assert_eq!(
                    token_answer(&answer(status, body)).unwrap_err(),
                    OauthError::Unknown { status, code, message }
                );
            }
        }
    }

    #[test]
    fn a_success_without_tokens_is_malformed_and_quotes_nothing() {
        for body in [
            "",
            "<html>welcome</html>",
            "[]",
            "{}",
            r#"{"access_token":"","expires_in":1,"refresh_token":"R"}"#,
            r#"{"access_token":"hush\n","expires_in":1,"refresh_token":"R"}"#,
            r#"{"access_token":"hush","expires_in":"hush","refresh_token":"R"}"#,
            r#"{"access_token":"hush","expires_in":-1,"refresh_token":"R"}"#,
            r#"{"access_token":"hush","refresh_token":"R"}"#,
            r#"{"access_token":"hush","expires_in":1}"#,
        ] {
            let error = token_answer(&answer(200, body)).unwrap_err();
            assert!(matches!(error, OauthError::Malformed { .. }), "{body}");
            assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
        }
    }

    #[test]
    fn an_endless_token_ends() {
        let body = r#"{"access_token":"A","expires_in":18446744073709551615,"refresh_token":"R"}"#;
        assert_eq!(token_answer(&answer(200, body)).unwrap().expires_in, MAX_TOKEN_LIFETIME);
    }
}
