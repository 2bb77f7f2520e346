//! Where a service lives.

use std::fmt;

use http::Uri;
use http::uri::{Authority, Scheme};

/// The longest URL that is read, in bytes (choice).
pub const MAX_URL_LEN: usize = 4096;

/// Address of a service: `http://` or `https://`, a host, perhaps a port and a path in front of all
/// of its paths. It never ends in a slash and never holds a user, a query or a fragment, so it can
/// be printed.
///
/// ```
/// use chat_proto::rest::BaseUrl;
///
/// let base = BaseUrl::parse("https://pbx.example.com:8887/")?;
/// assert_eq!(base.to_string(), "https://pbx.example.com:8887");
/// assert_eq!(base.join("/im/file")?, "https://pbx.example.com:8887/im/file");
/// assert_eq!(base.join_ws("/im")?, "wss://pbx.example.com:8887/im");
/// # Ok::<(), chat_proto::rest::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    secure: bool,
    authority: Authority,
    /// Empty, or a slash and something that does not end in one.
    path: String,
}

/// Why a text is no URL of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Longer than [`MAX_URL_LEN`].
    #[error("the URL is longer than {MAX_URL_LEN} bytes")]
    TooLong,
    /// Not a URL, or one with characters that must be percent-encoded.
    #[error("not a URL")]
    Syntax,
    /// Neither `http://` nor `https://`.
    #[error("the URL must start with http:// or https://")]
    Scheme,
    /// A user name or password stands in front of the host.
    #[error("the URL must not hold a user name or password")]
    UserInfo,
    /// A query or fragment stands behind the path.
    #[error("the URL of a service must not hold a query or a fragment")]
    Query,
    /// A path does not start with a slash, or climbs with `..`.
    #[error("the path must start with a slash and stay below it")]
    Path,
}

impl BaseUrl {
    /// Reads the address of a service.
    ///
    /// # Errors
    ///
    /// The text is no `http://` or `https://` URL, or holds a user, a query or a fragment.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        // http::Uri drops fragments silently.
        if text.contains(['?', '#']) {
            return Err(UrlError::Query);
        }
        let uri = parse_http(text)?;
        let path = uri.path().trim_end_matches('/').to_owned();
        if !path.is_empty() {
            check_path(&path)?;
        }
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let authority = uri.into_parts().authority.ok_or(UrlError::Syntax)?;
        Ok(Self { secure, authority, path })
    }

    /// The URL of `path`, which starts with a slash and may hold a query.
    ///
    /// # Errors
    ///
    /// The path does not start with a slash, holds a `..` segment or a character that must be
    /// percent-encoded, or the whole is too long.
    pub fn join(&self, path: &str) -> Result<Uri, UrlError> {
        self.build(if self.secure { "https" } else { "http" }, &self.path, path)
    }

    /// The same for a WebSocket: `wss://` where this is `https://`, else `ws://`.
    ///
    /// # Errors
    ///
    /// As [`BaseUrl::join`].
    pub fn join_ws(&self, path: &str) -> Result<Uri, UrlError> {
        self.build(if self.secure { "wss" } else { "ws" }, &self.path, path)
    }

    /// The URL of `path` on this host, without the path of this base.
    pub(crate) fn at_root(&self, path: &str) -> Result<Uri, UrlError> {
        self.build(if self.secure { "https" } else { "http" }, "", path)
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Host and, where one was given, port.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Whether `uri` has the same scheme, host and port: only there do credentials go.
    #[must_use]
    pub fn is_origin_of(&self, uri: &Uri) -> bool {
        let Some(authority) = uri.authority() else { return false };
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return false,
        };
        let port = |of: &Authority| of.port_u16().unwrap_or(if secure { 443 } else { 80 });
        // A user in front of the host is none of ours; a port that is no number has none.
        secure == self.secure
            && !authority.as_str().contains('@')
            && authority.host().eq_ignore_ascii_case(self.authority.host())
            && port(authority) == port(&self.authority)
    }

    /// The scheme with its colon, for URLs that leave it out.
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.secure { "https:" } else { "http:" }
    }

    fn build(&self, scheme: &str, prefix: &str, path: &str) -> Result<Uri, UrlError> {
        check_path(path)?;
        let text = format!("{scheme}://{}{prefix}{path}", self.authority);
        if text.len() > MAX_URL_LEN {
            return Err(UrlError::TooLong);
        }
        text.parse().map_err(|_| UrlError::Syntax)
    }
}

/// Reads an absolute `http://` or `https://` URL without a user.
pub(crate) fn parse_http(text: &str) -> Result<Uri, UrlError> {
    if text.len() > MAX_URL_LEN {
        return Err(UrlError::TooLong);
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme).ok_or(UrlError::Scheme)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(UrlError::Scheme);
    }
    let uri: Uri = text.parse().map_err(|_| UrlError::Syntax)?;
    let authority = uri.authority().ok_or(UrlError::Syntax)?;
    if authority.as_str().contains('@') {
        return Err(UrlError::UserInfo);
    }
    // "host:" and "host:99999" pass http::Uri.
    let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    if authority.host().is_empty() || (!port.is_empty() && authority.port_u16().is_none()) {
        return Err(UrlError::Syntax);
    }
    Ok(uri)
}

/// Checks that a path is absolute and does not climb.
fn check_path(path: &str) -> Result<(), UrlError> {
    let before_query = path.split(['?', '#']).next().unwrap_or_default();
    let climbs = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == ".." || plain == "."
    };
    if !path.starts_with('/') || before_query.split('/').any(climbs) {
        return Err(UrlError::Path);
    }
    if path.contains('#') { Err(UrlError::Query) } else { Ok(()) }
}

impl std::str::FromStr for BaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}//{}{}", self.scheme(), self.authority, self.path)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BaseUrl {
        BaseUrl::parse(text).unwrap()
    }

    #[test]
    fn trailing_slashes_go_and_prefixes_stay() {
        assert_eq!(
            base("HTTPS://Pbx.Example.com//").join("/a").unwrap(),
            "https://pbx.example.com/a"
        );
        assert_eq!(base(" http://h:80/pbx/ ").join("/a?b=c").unwrap(), "http://h:80/pbx/a?b=c");
        assert_eq!(base("http://h/pbx").at_root("/a").unwrap(), "http://h/a");
        assert_eq!(base("http://[::1]:8887").join_ws("/im").unwrap(), "ws://[::1]:8887/im");
        assert_eq!(format!("{:?}", base("https://h/pbx/")), "https://h/pbx");
    }

    #[test]
    fn what_is_no_address_of_a_service_is_refused() {
        for (text, error) in [
            ("", UrlError::Scheme),
            ("pbx.example.com", UrlError::Scheme),
            ("wss://h/im", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::Scheme),
            ("http://", UrlError::Syntax),
            ("http://h:", UrlError::Syntax),
            ("http://h:99999", UrlError::Syntax),
            ("http://h h", UrlError::Syntax),
            ("http://u:p@h", UrlError::UserInfo),
            ("http://h/?a", UrlError::Query),
            ("http://h/#a", UrlError::Query),
            ("http://h/a/../b", UrlError::Path),
        ] {
            assert_eq!(BaseUrl::parse(text), Err(error), "{text}");
        }
        let long = format!("http://h/{}", "a".repeat(MAX_URL_LEN));
        assert_eq!(BaseUrl::parse(&long), Err(UrlError::TooLong));
    }

    #[test]
    fn paths_stay_below_the_base() {
        let base = base("https://h/pbx");
        for path in ["", "a", "/../a", "/a/%2E%2e/b", "/./a", "?a"] {
            assert_eq!(base.join(path), Err(UrlError::Path), "{path}");
        }
        assert_eq!(base.join("/a b"), Err(UrlError::Syntax));
        assert_eq!(base.join("/a\r\nb"), Err(UrlError::Syntax));
        assert_eq!(base.join("/a#b"), Err(UrlError::Query));
        assert_eq!(base.join("/a?b=.."), Ok("https://h/pbx/a?b=..".parse().unwrap()));
    }

    #[test]
    fn origins_are_scheme_host_and_port() {
        let here = base("https://Pbx.example.com");
        let is = |text: &str| here.is_origin_of(&text.parse().unwrap());
        assert!(is("https://pbx.EXAMPLE.com/x"));
        assert!(is("https://pbx.example.com:443/x?y"));
        for other in [
            "http://pbx.example.com/x",
            "http://pbx.example.com:443/x",
            "https://pbx.example.com:8443/x",
            "https://pbx.example.com.evil.test/x",
            "https://evil.test/pbx.example.com",
            "https://pbx.example.com@evil.test/",
            "https://evil@pbx.example.com/",
            "/x",
            "wss://pbx.example.com/x",
        ] {
            assert!(!is(other), "{other}");
        }
    }
}
