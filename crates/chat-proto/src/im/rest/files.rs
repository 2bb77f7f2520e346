//! The IM service: its WebSocket and its files.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use chat_sign::{FileToken, Secret};
use http::{HeaderValue, Response, StatusCode, Uri, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{is_busy, sensitive};
use crate::codec::{Limits, Wire as _};
use crate::im::down::Ctrl;
use crate::im::{Down, Flavor};
use crate::json::{Str, frame};
use crate::machine::{HttpRequest, Redacted, Upgrade};
use crate::rest::{
    BaseUrl, Body, FilePart, Multipart, Upload, UrlError, parse_http, percent_encode, printable,
    retry_after,
};

/// The longest reference to a file that is followed, in bytes (choice).
pub const MAX_FILE_URL_LEN: usize = 2048;

/// Where the WebSocket and the files of one IM service are.
///
/// ```
/// use chat_proto::{im::rest::{FileUrl, ImHost}, rest::BaseUrl};
///
/// let host = ImHost::portsip(BaseUrl::parse("https://pbx.example.com:8887")?)?;
/// assert_eq!(host.upgrade().request().uri(), "wss://pbx.example.com:8887/im");
/// let file = host.locate(&FileUrl::new("NDW4_NYseeH20iuC3rih_wAAwItyRIMM"))?;
/// assert_eq!(file.url, "https://pbx.example.com:8887/im/file/NDW4_NYseeH20iuC3rih_wAAwItyRIMM");
/// assert!(file.send_credentials);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ImHost {
    base: BaseUrl,
    flavor: Flavor,
    ws_url: Uri,
    upload_url: Uri,
    api_key: Option<HeaderValue>,
}

/// Why an [`ImHost`] cannot be made: a mistake of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The address is so long that no path fits behind it.
    #[error("the address of the IM service: {0}")]
    Url(#[from] UrlError),
    /// The API key holds line breaks or other control characters.
    #[error("no header can carry the API key")]
    ApiKey,
}

impl ImHost {
    /// A PortSIP IM service. (seed)
    ///
    /// # Errors
    ///
    /// The address is too long.
    pub fn portsip(base: BaseUrl) -> Result<Self, HostError> {
        let (ws_url, upload_url) = (base.join_ws("/im")?, base.join("/im/file")?);
        Ok(Self { base, flavor: Flavor::PortSip, ws_url, upload_url, api_key: None })
    }

    /// A Tinode server with its API key. (tinode-doc)
    ///
    /// # Errors
    ///
    /// The address is too long, or no header can carry the key.
    pub fn tinode(base: BaseUrl, api_key: &Secret) -> Result<Self, HostError> {
        let key = percent_encode(api_key.expose());
        let ws_url = base.join_ws(&format!("/v0/channels?apikey={key}"))?;
        let upload_url = base.join("/v0/file/u/")?;
        let api_key = Some(sensitive(api_key.expose()).map_err(|_| HostError::ApiKey)?);
        Ok(Self { base, flavor: Flavor::Tinode, ws_url, upload_url, api_key })
    }

    /// Which of the two it is.
    #[must_use]
    pub const fn flavor(&self) -> Flavor {
        self.flavor
    }

    /// Its address.
    #[must_use]
    pub const fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// The upgrade to a WebSocket: `/im`, or `/v0/channels?apikey=…`.
    #[must_use]
    pub fn upgrade(&self) -> Upgrade {
        let request = http::Request::get(&self.ws_url).body(());
        Upgrade::new(request.expect("a checked URL makes a request"))
    }

    /// The upload of a file under the request id `id`; read its answer with [`upload_answer`].
    /// `seed` makes the boundary of the form ([`Multipart::new`]).
    #[must_use]
    pub fn upload(&self, token: &FileToken, id: &str, file: &FilePart, seed: u64) -> Upload {
        let request = self.credentials(http::Request::post(&self.upload_url), token);
        let form = Multipart::new(seed).text("id", id);
        form.file("file", file, request).expect("checked URLs and headers make a request")
    }

    /// The same to where [`FileError::Redirected`] points, for this once.
    #[must_use]
    pub fn upload_to(
        &self,
        location: &FileLocation,
        token: &FileToken,
        id: &str,
        file: &FilePart,
        seed: u64,
    ) -> Upload {
        let request = self.guarded(http::Request::post(&location.url), location, token);
        let form = Multipart::new(seed).text("id", id);
        form.file("file", file, request).expect("checked URLs and headers make a request")
    }

    /// Where a file is: a bare id or `./name` below the service's download path, an absolute path on
    /// its host, or an absolute URL anywhere. Credentials go to this origin only.
    ///
    /// # Errors
    ///
    /// The text is no such reference. It may come from any peer, so a reference that climbs with
    /// `..`, holds control characters or names another scheme than HTTP is refused.
    pub fn locate(&self, file: &FileUrl) -> Result<FileLocation, UrlError> {
        let text = file.0.as_str();
        if text.len() > MAX_FILE_URL_LEN {
            return Err(UrlError::TooLong);
        }
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(UrlError::Syntax);
        }
        // What a URL cannot hold is encoded; a fragment names a place inside the file.
        let text = text.split('#').next().unwrap_or_default();
        let text = utf8_percent_encode(text, NOT_IN_URL).to_string();
        let first = text.split(['/', '?']).next().unwrap_or_default();
        let url = if first.contains(':') {
            parse_http(&text)?
        } else if text.starts_with("//") {
            parse_http(&format!("{}{text}", self.base.scheme()))?
        } else if text.starts_with('/') {
            self.base.at_root(&text)?
        } else {
            let name = text.strip_prefix("./").unwrap_or(&text);
            if name.is_empty() || name.starts_with(['/', '?']) {
                return Err(UrlError::Syntax);
            }
            let folder = match self.flavor {
                Flavor::PortSip => "/im/file/",
                Flavor::Tinode => "/v0/file/s/",
            };
            self.base.join(&format!("{folder}{name}"))?
        };
        let send_credentials = self.base.is_origin_of(&url);
        Ok(FileLocation { url, send_credentials })
    }

    /// The download of a located file, with the token where it may go. Look at the answer with
    /// [`check_download`].
    #[must_use]
    pub fn download(&self, location: &FileLocation, token: &FileToken) -> HttpRequest {
        let request = self.guarded(http::Request::get(&location.url), location, token);
        let request = request.body(Bytes::new());
        HttpRequest::new(request.expect("checked URLs and headers make a request"))
    }

    fn guarded(
        &self,
        request: http::request::Builder,
        location: &FileLocation,
        token: &FileToken,
    ) -> http::request::Builder {
        // The origin is asked again, because the fields of a location are public.
        if location.send_credentials && self.base.is_origin_of(&location.url) {
            self.credentials(request, token)
        } else {
            request
        }
    }

    fn credentials(
        &self,
        request: http::request::Builder,
        token: &FileToken,
    ) -> http::request::Builder {
        let value = sensitive(token.to_header_value().expose());
        let value = value.expect("a file token is visible ASCII");
        match self.flavor {
            Flavor::PortSip => request.header(header::AUTHORIZATION, value),
            Flavor::Tinode => {
                let request = request.header("x-tinode-auth", value);
                self.api_key
                    .iter()
                    .fold(request, |request, key| request.header("x-tinode-apikey", key))
            }
        }
    }
}

impl fmt::Debug for ImHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImHost({:?}, {})", self.flavor, self.base)
    }
}

/// What stands in a reference and must be encoded in a URL. A backslash among them: some readers
/// take it for a slash.
const NOT_IN_URL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A reference to an uploaded file, as the service or a peer gave it.
///
/// `Debug` hides its query.
#[derive(Clone, PartialEq, Eq)]
pub struct FileUrl(String);

impl FileUrl {
    /// From any text; [`ImHost::locate`] checks it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the content of a message.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FileUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, more) = match self.0.split_once('?') {
            Some((path, _)) => (path, "?…"),
            None => (self.0.as_str(), ""),
        };
        write!(f, "FileUrl({path:?}{more})")
    }
}

/// Where a file is, and whether it is asked for with credentials.
///
/// `Debug` hides the query.
#[derive(Clone, PartialEq, Eq)]
pub struct FileLocation {
    /// Absolute URL.
    pub url: Uri,
    /// Whether scheme, host and port are those of the service.
    pub send_credentials: bool,
}

impl fmt::Debug for FileLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = if self.send_credentials { "with" } else { "without" };
        write!(f, "FileLocation({}, {with} credentials)", Redacted(&self.url))
    }
}

/// Why a file did not go up or come down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The token is not accepted: log in again over the WebSocket to get a new one.
    #[error("the file service does not accept the token")]
    Unauthorized,
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// The file is larger than the service takes.
    #[error("the file is too large for the service")]
    TooLarge,
    /// Too many requests, or the service is down.
    #[error("the file service is busy (HTTP {status})")]
    Busy {
        /// The HTTP status.
        status: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The file lives elsewhere, or is to be uploaded elsewhere, for this once. Follow it through
    /// [`ImHost::locate`], at most once, so that credentials stay with their origin.
    #[error("the file service redirects")]
    Redirected {
        /// Where to.
        location: FileUrl,
    },
    /// Another refusal.
    #[error("the file service refused with {code}: {text}")]
    Rejected {
        /// The code of the service, or the HTTP status.
        code: u32,
        /// The words of the service.
        text: String,
    },
    /// A success that cannot be read.
    #[error("the answer of the file service is malformed: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
}

frame! {
    /// What the answer to an upload carries. (tinode-doc)
    struct Uploaded<'a> {
        url: Option<Str<'a>> => "url";
    }
}

/// Reads the answer to [`ImHost::upload`].
///
/// # Errors
///
/// The service refused, or its answer names no file.
pub fn upload_answer(answer: &Response<Bytes>) -> Result<FileUrl, FileError> {
    check_download(answer)?;
    let malformed = |reason| FileError::Malformed { reason };
    let Body::Json(text) = Body::of(answer) else { return Err(malformed("not JSON")) };
    let ctrl = read_ctrl(text.as_str()).ok_or(malformed("not a ctrl"))?;
    if !(200..300).contains(&ctrl.code) {
        return Err(refusal(ctrl.code, &ctrl.text.decode(), answer));
    }
    let params = ctrl.params.ok_or(malformed("no url"))?;
    let url = params.raw().read_as().and_then(|params: Uploaded<'_>| params.url);
    let url = url.ok_or(malformed("no url"))?.decode().into_owned();
    if url.is_empty() || url.len() > MAX_FILE_URL_LEN {
        return Err(malformed("the url is empty or too long"));
    }
    Ok(FileUrl(url))
}

/// Looks at the status and headers of a download, and at the body when it is a refusal. A success
/// may be partial (206).
///
/// # Errors
///
/// The service refused, or redirects.
pub fn check_download(answer: &Response<Bytes>) -> Result<(), FileError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    if status.is_redirection() {
        let location = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
        if let Some(location) = location.filter(|to| to.len() <= MAX_FILE_URL_LEN) {
            return Err(FileError::Redirected { location: FileUrl::new(location) });
        }
    }
    let words = match Body::of(answer) {
        Body::Json(text) => read_ctrl(text.as_str()).map(|ctrl| ctrl.text.decode().into_owned()),
        Body::Empty | Body::Html | Body::Other => None,
    };
    Err(refusal(status.as_u16().into(), &words.unwrap_or_default(), answer))
}

fn read_ctrl(text: &str) -> Option<Ctrl<'_>> {
    Limits::default().check(text).ok()?;
    match Down::decode(text).ok()? {
        Down::Ctrl(ctrl) => Some(ctrl),
        Down::Data(_) | Down::Meta(_) | Down::Pres(_) | Down::Info(_) | Down::Other(..) => None,
    }
}

fn refusal(code: u32, text: &str, answer: &Response<Bytes>) -> FileError {
    let status = u16::try_from(code).ok().and_then(|code| StatusCode::from_u16(code).ok());
    match status {
        Some(StatusCode::UNAUTHORIZED) => FileError::Unauthorized,
        Some(StatusCode::NOT_FOUND) => FileError::NotFound,
        Some(StatusCode::PAYLOAD_TOO_LARGE) => FileError::TooLarge,
        Some(status) if is_busy(status) => {
            let retry_after = retry_after(answer.headers());
            FileError::Busy { status: status.as_u16(), retry_after }
        }
        _ => FileError::Rejected { code, text: printable(text, 256) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> ImHost {
        ImHost::portsip(BaseUrl::parse("https://im.example.com:8887/chat").unwrap()).unwrap()
    }

    fn tinode() -> ImHost {
        let base = BaseUrl::parse("http://localhost:6060").unwrap();
        ImHost::tinode(base, &Secret::new("KEY+/=")).unwrap()
    }

    fn token() -> FileToken {
        FileToken::new("AAAA+/==").unwrap()
    }

    fn answer(status: u16, body: &'static str) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    #[test]
    fn the_upgrade_of_each_flavor() {
        assert_eq!(host().upgrade().request().uri(), "wss://im.example.com:8887/chat/im");
        let upgrade = tinode().upgrade();
        assert_eq!(upgrade.request().uri(), "ws://localhost:6060/v0/channels?apikey=KEY%2B%2F%3D");
        let shown = format!("{:?} {upgrade:?}", tinode());
        assert!(!shown.contains("KEY"), "{shown}");
        let base = BaseUrl::parse("http://h").unwrap();
        assert_eq!(ImHost::tinode(base, &Secret::new("a\nb")), Err(HostError::ApiKey));
    }

    #[test]
    fn an_upload_carries_the_token_and_the_id() {
        let upload = host().upload(&token(), "42", &FilePart::new("a.txt", 2), 1);
        let request = upload.with_body(b"hi").unwrap().into_request();
        assert_eq!(request.uri(), "https://im.example.com:8887/chat/im/file");
        assert_eq!(request.headers()["authorization"], "token AAAA+/==");
        assert!(request.headers()["authorization"].is_sensitive());
        let text = std::str::from_utf8(request.body()).unwrap();
        assert!(text.contains("name=\"id\"\r\n\r\n42\r\n"), "{text}");

        let upload = tinode().upload(&token(), "42", &FilePart::new("a.txt", 2), 1);
        assert_eq!(upload.head().uri(), "http://localhost:6060/v0/file/u/");
        assert_eq!(upload.head().headers()["x-tinode-auth"], "token AAAA+/==");
        assert_eq!(upload.head().headers()["x-tinode-apikey"], "KEY+/=");
    }

    #[test]
    fn references_resolve_and_credentials_stay_home() {
        for (text, url, home) in [
            ("NDW4_NY", "https://im.example.com:8887/chat/im/file/NDW4_NY", true),
            ("./NDW4.png", "https://im.example.com:8887/chat/im/file/NDW4.png", true),
            ("a b\\é?x=1#f", "https://im.example.com:8887/chat/im/file/a%20b%5C%C3%A9?x=1", true),
            ("/v0/file/s/x.jpg", "https://im.example.com:8887/v0/file/s/x.jpg", true),
            ("https://IM.example.com:8887/x", "https://im.example.com:8887/x", true),
            ("https://im.example.com/x", "https://im.example.com/x", false),
            ("http://im.example.com:8887/x", "http://im.example.com:8887/x", false),
            ("https://evil.test/x?sig=1", "https://evil.test/x?sig=1", false),
            ("//evil.test/x", "https://evil.test/x", false),
            ("/\\evil.test/x", "https://im.example.com:8887/%5Cevil.test/x", true),
        ] {
            let location = host().locate(&FileUrl::new(text)).unwrap();
            assert_eq!(location.url.to_string().replace("IM.", "im."), url, "{text}");
            assert_eq!(location.send_credentials, home, "{text}");
            let request = host().download(&location, &token()).into_request();
            assert_eq!(request.headers().contains_key("authorization"), home, "{text}");
        }
        let location = tinode().locate(&FileUrl::new("x.png")).unwrap();
        assert_eq!(location.url, "http://localhost:6060/v0/file/s/x.png");
    }

    #[test]
    fn references_that_are_none_are_refused() {
        let long = "a".repeat(MAX_FILE_URL_LEN + 1);
        for (text, error) in [
            ("", UrlError::Syntax),
            ("./", UrlError::Syntax),
            ("?a", UrlError::Syntax),
            ("#a", UrlError::Syntax),
            ("a\r\nb", UrlError::Syntax),
            ("../../api/users", UrlError::Path),
            ("%2e%2E/x", UrlError::Path),
            ("/im/../api", UrlError::Path),
            ("javascript:alert(1)", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::Scheme),
            ("https:evil.test", UrlError::Scheme),
            ("https://im.example.com:8887@evil.test/", UrlError::UserInfo),
            ("https://im.example.com:8887\\@evil.test/", UrlError::UserInfo),
            ("https:///x", UrlError::Syntax),
            (long.as_str(), UrlError::TooLong),
        ] {
            assert_eq!(host().locate(&FileUrl::new(text)), Err(error), "{text}");
        }
    }

    #[test]
    fn a_forged_location_gets_no_credentials() {
        let url = "https://evil.test/x".parse().unwrap();
        let forged = FileLocation { url, send_credentials: true };
        let request = host().download(&forged, &token()).into_request();
        assert!(request.headers().is_empty());
        let upload = host().upload_to(&forged, &token(), "1", &FilePart::new("x", 0), 1);
        assert!(!upload.head().headers().contains_key("authorization"));
    }

    #[test]
    fn the_answer_to_an_upload() {
        let sample = r#"{"ctrl":{"id":"1","params":{"url":"NDW4"},"code":200,"text":"ok","ts":"2024-10-24T01:13:54.464796Z"}}"#;
        assert_eq!(upload_answer(&answer(200, sample)), Ok(FileUrl::new("NDW4")));
        for (status, body, error) in [
            (401, "", FileError::Unauthorized),
            (404, "<html>", FileError::NotFound),
            (413, "", FileError::TooLarge),
            (503, "", FileError::Busy { status: 503, retry_after: None }),
            (
                403,
                r#"{"ctrl":{"code":403,"text":"valid API key required","ts":""}}"#,
                FileError::Rejected { code: 403, text: "valid API key required".into() },
            ),
            (400, "<html>", FileError::Rejected { code: 400, text: String::new() }),
            (200, r#"{"ctrl":{"code":401}}"#, FileError::Unauthorized),
            (
                200,
                r#"{"ctrl":{"code":70000,"text":"x"}}"#,
                FileError::Rejected { code: 70000, text: "x".into() },
            ),
            (200, "", FileError::Malformed { reason: "not JSON" }),
            (200, r#"{"data":{}}"#, FileError::Malformed { reason: "not a ctrl" }),
            (200, r#"{"ctrl":{"code":200}}"#, FileError::Malformed { reason: "no url" }),
            (
                200,
                r#"{"ctrl":{"code":200,"params":{"url":5}}}"#,
                FileError::Malformed { reason: "no url" },
            ),
        ] {
            assert_eq!(upload_answer(&answer(status, body)), Err(error), "{status} {body}");
        }
    }

    #[test]
    fn a_redirect_names_where_to() {
        let mut moved = answer(307, "");
        assert_eq!(
            check_download(&moved),
            Err(FileError::Rejected { code: 307, text: String::new() })
        );
        let to = HeaderValue::from_static("https://store.test/x?sig=hush");
        moved.headers_mut().insert("location", to);
        let Err(FileError::Redirected { location }) = check_download(&moved) else {
            panic!("a redirect");
        };
        assert_eq!(format!("{location:?}"), r#"FileUrl("https://store.test/x"?…)"#);
        assert!(!host().locate(&location).unwrap().send_credentials);
        assert_eq!(check_download(&answer(206, "part")), Ok(()));
    }
}
