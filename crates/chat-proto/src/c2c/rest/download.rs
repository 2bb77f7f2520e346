//! Fetching a picture that somebody sent.
//!
//! The address comes from the other side of a chat, so it is treated as hostile: the request carries
//! no credentials whatever the host, the body has a limit, and an application can say which hosts it
//! trusts. The bytes are moved by whoever has the socket; the rules are here.

use http::header::{CONTENT_LENGTH, LOCATION};
use http::{HeaderMap, Request, Response, StatusCode, Uri};

use bytes::Bytes;

use crate::c2c::rest::BadApi;
use crate::machine::HttpRequest;
use crate::rest::{UrlError, parse_http};

/// Fetches a picture: a plain GET without credentials, whatever the host. (seed)
///
/// # Errors
///
/// Not an absolute `http` or `https` URL.
pub fn download(image_url: &str) -> Result<HttpRequest, BadApi> {
    let uri = parse_http(image_url)?;
    let request = Request::get(uri).body(Bytes::new());
    request.map(HttpRequest::new).map_err(|_| UrlError::Syntax.into())
}

/// What may be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadRules {
    /// The largest body, in bytes.
    pub max_bytes: u64,
    /// How many redirects are followed.
    pub max_redirects: u32,
    /// From where.
    pub hosts: Hosts,
}

impl Default for DownloadRules {
    /// 20 MiB from any host, two redirects. (choice)
    fn default() -> Self {
        Self { max_bytes: 20 * 1024 * 1024, max_redirects: 2, hosts: Hosts::Any }
    }
}

/// Hosts to fetch from. Those of the service have changed, so none is built in. (field reports)
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Any. The other side of a chat decides which address of which network is asked, so do this
    /// only where nothing of value answers a plain GET.
    Any,
    /// These names, and those below them: `bnbstatic.com` allows `bin.bnbstatic.com`.
    Only(Vec<String>),
}

impl Hosts {
    fn allow(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        match self {
            Self::Any => true,
            Self::Only(names) => names.iter().any(|name| {
                let name = name.to_ascii_lowercase();
                host.strip_suffix(&name).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'))
            }),
        }
    }
}

/// Why a picture was not fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// Not an absolute `http` or `https` URL.
    #[error("the URL is not usable: {0}")]
    Url(#[from] UrlError),
    /// The host is none of those allowed.
    #[error("the host is not one of those allowed")]
    Host,
    /// A redirect leads from `https` to `http`.
    #[error("a redirect leaves the encrypted connection")]
    Downgrade,
    /// Too many redirects.
    #[error("more than {limit} redirects")]
    Redirects {
        /// The limit.
        limit: u32,
    },
    /// No picture there.
    #[error("the server answered with HTTP {0}")]
    Status(u16),
    /// The body is larger than allowed.
    #[error("the picture is larger than {limit} bytes")]
    TooBig {
        /// The limit in bytes.
        limit: u64,
    },
    /// The body ended before what was announced.
    #[error("the picture ended after {got} of {expected} bytes")]
    CutShort {
        /// Bytes that came.
        got: u64,
        /// Bytes that were announced.
        expected: u64,
    },
}

/// What the head of an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// The picture follows, of this length where it is announced.
    Body(Option<u64>),
    /// It is elsewhere: make [`Download::request`] again.
    Elsewhere,
}

/// A picture that is being fetched.
///
/// ```
/// use chat_proto::c2c::rest::{Download, DownloadRules, Head};
/// use http::{HeaderMap, StatusCode};
///
/// let mut download = Download::new("https://bin.example.com/a.jpg", DownloadRules::default())?;
/// assert!(download.request().request().headers().is_empty());
/// // The head came, then two pieces of the body.
/// assert_eq!(download.on_head(StatusCode::OK, &HeaderMap::new())?, Head::Body(None));
/// download.on_chunk(1000)?;
/// download.on_chunk(24)?;
/// assert_eq!(download.finish()?, 1024);
/// # Ok::<(), chat_proto::c2c::rest::DownloadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Download {
    uri: Uri,
    rules: DownloadRules,
    redirects: u32,
    expected: Option<u64>,
    got: u64,
}

impl Download {
    /// Checks the address against the rules.
    ///
    /// # Errors
    ///
    /// It is no `http` or `https` URL, holds a user, or its host is not allowed.
    pub fn new(image_url: &str, rules: DownloadRules) -> Result<Self, DownloadError> {
        let uri = parse_http(image_url)?;
        if !rules.hosts.allow(uri.host().unwrap_or_default()) {
            return Err(DownloadError::Host);
        }
        Ok(Self { uri, rules, redirects: 0, expected: None, got: 0 })
    }

    /// What to ask: a GET without any header of ours.
    #[must_use]
    pub fn request(&self) -> HttpRequest {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = self.uri.clone();
        HttpRequest::new(request)
    }

    /// Judges the head of the answer.
    ///
    /// # Errors
    ///
    /// There is no picture, it is too large, or it is in a place that may not be asked.
    pub fn on_head(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Head, DownloadError> {
        if matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return self.follow(headers).map(|()| Head::Elsewhere);
        }
        if status != StatusCode::OK {
            return Err(DownloadError::Status(status.as_u16()));
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        self.expected = length.and_then(|length| length.trim().parse().ok());
        self.got = 0;
        match self.expected {
            Some(length) if length > self.rules.max_bytes => Err(self.too_big()),
            expected => Ok(Head::Body(expected)),
        }
    }

    /// Counts a piece of the body; gives how much there is so far, for a progress display.
    ///
    /// # Errors
    ///
    /// More came than is allowed: stop reading.
    pub const fn on_chunk(&mut self, len: usize) -> Result<u64, DownloadError> {
        self.got = self.got.saturating_add(len as u64);
        if self.got > self.rules.max_bytes { Err(self.too_big()) } else { Ok(self.got) }
    }

    /// The body has ended; gives its length.
    ///
    /// # Errors
    ///
    /// It is shorter or longer than what was announced.
    pub const fn finish(&self) -> Result<u64, DownloadError> {
        match self.expected {
            Some(expected) if expected != self.got => {
                Err(DownloadError::CutShort { got: self.got, expected })
            }
            _ => Ok(self.got),
        }
    }

    /// The same for an answer that is there as a whole; `None` when the picture is elsewhere.
    ///
    /// # Errors
    ///
    /// As the three methods above.
    pub fn read(&mut self, response: &Response<Bytes>) -> Result<Option<Bytes>, DownloadError> {
        match self.on_head(response.status(), response.headers())? {
            Head::Elsewhere => Ok(None),
            Head::Body(_) => {
                self.on_chunk(response.body().len())?;
                self.finish()?;
                Ok(Some(response.body().clone()))
            }
        }
    }

    fn follow(&mut self, headers: &HeaderMap) -> Result<(), DownloadError> {
        let limit = self.rules.max_redirects;
        if self.redirects >= limit {
            return Err(DownloadError::Redirects { limit });
        }
        let target = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let target = target.ok_or(UrlError::Syntax)?;
        // Without a host it stays where it is.
        let absolute = match target.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') => {
                let scheme = self.uri.scheme_str().unwrap_or_default();
                let authority = self.uri.authority().map_or("", |authority| authority.as_str());
                format!("{scheme}://{authority}{target}")
            }
            _ => target.to_owned(),
        };
        let next = Self::new(&absolute, self.rules.clone())?;
        if self.uri.scheme_str() == Some("https") && next.uri.scheme_str() != Some("https") {
            return Err(DownloadError::Downgrade);
        }
        *self = Self { redirects: self.redirects + 1, ..next };
        Ok(())
    }

    const fn too_big(&self) -> DownloadError {
        DownloadError::TooBig { limit: self.rules.max_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(hosts: &[&str]) -> DownloadRules {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        DownloadRules { max_bytes: 100, hosts: Hosts::Only(hosts), ..DownloadRules::default() }
    }

    fn headers(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn only_allowed_hosts_are_asked_and_never_with_credentials() {
        let rules = rules(&["bnbstatic.com"]);
        let new = |url: &str| Download::new(url, rules.clone());
        for url in ["https://bin.BNBstatic.com/a.jpg", "https://bnbstatic.com./a.jpg"] {
            let request = new(url).unwrap().request().into_request();
            assert!(request.headers().is_empty() && request.body().is_empty());
        }
        for url in
            ["https://evilbnbstatic.com/a", "http://169.254.169.254/", "https://h/bnbstatic.com"]
        {
            assert_eq!(new(url).unwrap_err(), DownloadError::Host, "{url}");
        }
        assert!(matches!(new("https://user:word@bnbstatic.com/"), Err(DownloadError::Url(_))));
        assert!(matches!(new("file:///etc/passwd"), Err(DownloadError::Url(_))));
    }

    #[test]
    fn the_limit_holds_for_what_is_announced_and_for_what_comes() {
        let new = || Download::new("https://bnbstatic.com/a", rules(&["bnbstatic.com"])).unwrap();
        let too_big = Err(DownloadError::TooBig { limit: 100 });
        let announced = new().on_head(StatusCode::OK, &headers(CONTENT_LENGTH, "101"));
        assert_eq!(announced, too_big.map(|()| Head::Elsewhere));
        // A server that announces nothing, or lies.
        for announced in [HeaderMap::new(), headers(CONTENT_LENGTH, "7")] {
            let mut download = new();
            download.on_head(StatusCode::OK, &announced).unwrap();
            assert_eq!(download.on_chunk(100), Ok(100));
            assert_eq!(download.on_chunk(1), Err(DownloadError::TooBig { limit: 100 }));
        }
        let mut short = new();
        short.on_head(StatusCode::OK, &headers(CONTENT_LENGTH, "8")).unwrap();
        short.on_chunk(7).unwrap();
        assert_eq!(short.finish(), Err(DownloadError::CutShort { got: 7, expected: 8 }));
        let missing = new().on_head(StatusCode::NOT_FOUND, &HeaderMap::new());
        assert_eq!(missing, Err(DownloadError::Status(404)));
    }

    #[test]
    fn redirects_follow_the_same_rules() {
        let new = || Download::new("https://bnbstatic.com/a", rules(&["bnbstatic.com"])).unwrap();
        let follow = |download: &mut Download, to: &str| {
            download.on_head(StatusCode::FOUND, &headers(LOCATION, to))
        };
        let mut download = new();
        assert_eq!(follow(&mut download, "/b?c=d"), Ok(Head::Elsewhere));
        assert_eq!(download.request().request().uri(), "https://bnbstatic.com/b?c=d");
        assert_eq!(follow(&mut download, "https://cdn.bnbstatic.com/c"), Ok(Head::Elsewhere));
        let third = follow(&mut download, "https://cdn.bnbstatic.com/d");
        assert_eq!(third, Err(DownloadError::Redirects { limit: 2 }));
        assert_eq!(follow(&mut new(), "https://elsewhere.example/"), Err(DownloadError::Host));
        assert_eq!(follow(&mut new(), "http://bnbstatic.com/"), Err(DownloadError::Downgrade));
        assert!(matches!(follow(&mut new(), "//bnbstatic.com/"), Err(DownloadError::Url(_))));
        let nowhere = new().on_head(StatusCode::FOUND, &HeaderMap::new());
        assert!(matches!(nowhere, Err(DownloadError::Url(_))));
    }

    #[test]
    fn a_whole_answer_is_read_at_once() {
        let mut download = Download::new("https://h/a", DownloadRules::default()).unwrap();
        let response = Response::new(Bytes::from_static(b"picture"));
        assert_eq!(download.read(&response), Ok(Some(Bytes::from_static(b"picture"))));
    }
}
