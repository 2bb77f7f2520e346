//! The one redirect that is followed (RFC 9110, section 15.4), and what must not go along.

use http::header::{self, HeaderName};
use http::uri::{Authority, Scheme, Uri};
use http::{HeaderMap, Request, StatusCode};
use percent_encoding::percent_decode_str;

use super::error::RedirectError;

/// The longest `Location` that is followed, in bytes (choice). Pre-signed URLs take up to two thousand.
const MAX_LOCATION: usize = 4096;

/// What another host gets to see of our headers. A list of what may go: what else a request carries may
/// be a credential.
const HARMLESS: [HeaderName; 6] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONTENT_TYPE,
    header::IF_RANGE,
    header::RANGE,
    header::USER_AGENT,
];

/// Names under which services take credentials in a query. Those of pre-signed URLs are not among them:
/// who redirects to such a URL has made it.
const SECRET_PAIRS: [&str; 9] = [
    "access_token",
    "api_key",
    "apikey",
    "auth",
    "listenkey",
    "password",
    "refresh_token",
    "secret",
    "token",
];

/// Whether the server points elsewhere. An upload follows only what keeps method and body.
pub(super) const fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The request to make instead of `request`, for an answer that [`is_redirect`].
pub(super) fn follow(
    request: &Request<()>,
    status: StatusCode,
    answer: &HeaderMap,
    is_upload: bool,
) -> Result<Request<()>, RedirectError> {
    if is_upload && !matches!(status.as_u16(), 307 | 308) {
        return Err(RedirectError::Method(status.as_u16()));
    }
    let location = answer.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let location = location.filter(|text| text.len() <= MAX_LOCATION);
    let from = request.uri();
    let to = location.and_then(|text| resolve(from, text)).ok_or(RedirectError::Nowhere)?;
    if from.scheme() == Some(&Scheme::HTTPS) && to.scheme() != Some(&Scheme::HTTPS) {
        return Err(RedirectError::Downgrade);
    }
    let mut next = request.clone();
    if is_same_origin(from, &to) {
        *next.uri_mut() = to;
    } else {
        *next.uri_mut() = without_our_secrets(from, to).ok_or(RedirectError::Nowhere)?;
        *next.headers_mut() = HARMLESS
            .iter()
            .flat_map(|name| request.headers().get_all(name).iter().map(move |it| (name, it)))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
    }
    Ok(next)
}

/// The URL that a `Location` means: absolute, without its scheme, or a path on the same host. A path
/// relative to the last one is not read: no service here sends one.
fn resolve(from: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    let scheme = from.scheme_str()?;
    let absolute = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{}{location}", from.authority()?)
    } else {
        location.to_owned()
    };
    let uri: Uri = absolute.parse().ok()?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority()?;
    // "host:" and "host:99999" pass http::Uri; a user in front of the host is never meant well.
    let port = authority.as_str().strip_prefix(authority.host())?;
    let sound = port.is_empty() || authority.port_u16().is_some();
    (known && sound && !authority.host().is_empty()).then_some(uri)
}

fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let port = |uri: &Uri| {
        let standard = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
        uri.port_u16().unwrap_or(standard)
    };
    let host = |uri: &Uri| uri.host().unwrap_or_default().to_ascii_lowercase();
    one.scheme() == other.scheme() && host(one) == host(other) && port(one) == port(other)
}

/// A gateway that redirects with the query it was asked with would hand our token on.
fn without_our_secrets(from: &Uri, to: Uri) -> Option<Uri> {
    let (Some(ours), Some(theirs)) = (from.query(), to.query()) else { return Some(to) };
    let secrets: Vec<(String, String)> =
        ours.split('&').map(pair).filter(|(name, _)| is_secret(name)).collect();
    let kept: Vec<&str> = theirs.split('&').filter(|text| !secrets.contains(&pair(text))).collect();
    let path = to.path();
    let path = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
    let authority: Authority = to.authority()?.clone();
    let parts = Uri::builder().scheme(to.scheme()?.clone()).authority(authority);
    parts.path_and_query(path).build().ok()
}

fn is_secret(name: &str) -> bool {
    SECRET_PAIRS.contains(&name)
}

/// Name, in lower case, and value of a pair of a query, decoded.
fn pair(text: &str) -> (String, String) {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (decode(name).to_ascii_lowercase(), decode(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str) -> Request<()> {
        Request::put(uri)
            .header("authorization", "token hush")
            .header("x-mbx-apikey", "hush")
            .header("x-tinode-auth", "token hush")
            .header("cookie", "sid=hush")
            .header("content-type", "image/png")
            .header("range", "bytes=5-")
            .body(())
            .unwrap()
    }

    fn go(from: &str, to: &str) -> Result<Request<()>, RedirectError> {
        let headers = [(header::LOCATION, to.parse().unwrap())].into_iter().collect();
        follow(&request(from), StatusCode::TEMPORARY_REDIRECT, &headers, true)
    }

    #[test]
    fn the_same_origin_gets_everything() {
        for (from, to, uri) in [
            ("https://h/a?token=1", "/b?c", "https://h/b?c"),
            ("https://h/a", "https://H:443/b", "https://H:443/b"),
            ("http://h:80/a", "//h/b#part", "http://h/b"),
            ("http://h/a", "http://h", "http://h/"),
        ] {
            let next = go(from, to).unwrap();
            assert_eq!(next.uri(), uri, "{from} {to}");
            assert_eq!(next.headers().len(), 6, "{from} {to}");
            assert_eq!(next.method(), "PUT");
        }
    }

    #[test]
    fn another_origin_gets_no_credentials() {
        for (from, to) in [
            ("https://h/a", "https://other/b"),
            ("https://h/a", "https://h:444/b"),
            ("http://h/a", "https://h/b"),
            ("https://h/a", "https://h.evil.test/b"),
            ("http://h/a", "//other/b"),
            ("http://127.0.0.1:1/a", "http://127.0.0.1:2/b"),
        ] {
            let next = go(from, to).unwrap();
            let names: Vec<_> = next.headers().keys().map(HeaderName::as_str).collect();
            assert_eq!(names.len(), 2, "{from} {to}: {names:?}");
            assert!(names.contains(&"content-type") && names.contains(&"range"), "{names:?}");
        }
    }

    #[test]
    fn a_token_that_is_echoed_stays_here() {
        for (from, to, uri) in [
            (
                "https://h/a?auth=token&secret=a%2Fb&x=1",
                "https://o/a?x=1&Secret=a/b&auth=token",
                "https://o/a?x=1",
            ),
            ("https://h/a?token=t", "https://o/a?token=t", "https://o/a"),
            // Theirs, not ours.
            ("https://h/a?token=t", "https://o/a?token=u&sig=t", "https://o/a?token=u&sig=t"),
            (
                "https://h/a?X-Amz-Credential=c",
                "https://o/?X-Amz-Credential=c",
                "https://o/?X-Amz-Credential=c",
            ),
            ("https://h/a", "https://o/a?token=t", "https://o/a?token=t"),
        ] {
            assert_eq!(go(from, to).unwrap().uri(), uri, "{from} {to}");
        }
    }

    #[test]
    fn what_is_not_followed() {
        let nowhere = Err(RedirectError::Nowhere);
        let uri =
            |result: Result<Request<()>, RedirectError>| result.map(|it| it.uri().to_string());
        for to in [
            "",
            "b",
            "?b",
            "ftp://h/b",
            "javascript:alert(1)",
            "http://",
            "http://h:/b",
            "http://h:99999/",
            "http://user@h/b",
            "http://h@evil.test/",
            "/a b",
        ] {
            assert_eq!(uri(go("http://h/a", to)), nowhere, "{to}");
        }
        let long = format!("/{}", "x".repeat(MAX_LOCATION));
        assert_eq!(uri(go("http://h/a", &long)), nowhere);
        assert_eq!(uri(go("https://h/a", "http://h/a")), Err(RedirectError::Downgrade));
        let none = follow(&request("http://h/a"), StatusCode::FOUND, &HeaderMap::new(), false);
        assert_eq!(uri(none), nowhere);
        let found = follow(&request("http://h/a"), StatusCode::FOUND, &HeaderMap::new(), true);
        assert_eq!(uri(found), Err(RedirectError::Method(302)));
    }
}
