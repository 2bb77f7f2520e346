//! A place to put a picture.

use std::time::Duration;

use bytes::Bytes;
use chat_sign::Secret;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};

use crate::c2c::answer::{self, Reason, Refusal, UploadData};
use crate::c2c::rest::BadApi;
use crate::machine::HttpRequest;
use crate::rest::{UrlError, parse_http};

/// How long a pre-signed URL lasts that does not say: five minutes, as documented for a sibling of
/// the call. (published documentation)
pub const UPLOAD_LIFETIME: Duration = Duration::from_secs(300);

/// A place to put a picture. `Debug` hides the upload URL, which is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSlot {
    /// Where to put the bytes, within about five minutes.
    pub upload_url: Secret,
    /// Where they can be fetched afterwards, and what the image frame names.
    pub image_url: String,
}

impl UploadSlot {
    /// Reads the answer to [`Api::pre_signed_url`](super::Api::pre_signed_url).
    ///
    /// # Errors
    ///
    /// See [`Refusal`].
    pub fn read(response: &Response<Bytes>) -> Result<Self, Refusal> {
        let data: UploadData<'_> = answer::data(response)?;
        let upload_url = data.upload_url.expose().decode().into_owned();
        if upload_url.is_empty() || data.image_url.is_empty() {
            let status = response.status().as_u16();
            return Err(Refusal { status, reason: Reason::Shape, retry_after: None });
        }
        Ok(Self { upload_url: upload_url.into(), image_url: data.image_url.decode().into_owned() })
    }

    /// The upload: the raw bytes with their exact length, without key, cookie or `clientType`. A
    /// `Content-Type` goes along only when the URL says that it was signed, because any other
    /// would break the signature. (field reports)
    ///
    /// # Errors
    ///
    /// The server's URL is not an absolute `http` or `https` URL.
    pub fn put(&self, bytes: Bytes, media_type: &'static str) -> Result<HttpRequest, BadApi> {
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let (head, ()) = self.head(len, media_type)?.into_parts();
        Ok(HttpRequest::new(Request::from_parts(head, bytes)))
    }

    /// The head of the same for `len` bytes that are streamed: they must be sent as they are, not
    /// in chunks.
    ///
    /// # Errors
    ///
    /// As [`UploadSlot::put`].
    pub fn head(&self, len: u64, media_type: &'static str) -> Result<Request<()>, BadApi> {
        let uri = parse_http(self.upload_url.expose())?;
        let mut request = Request::put(uri.clone()).header(CONTENT_LENGTH, len);
        if signs_content_type(uri.query().unwrap_or_default()) {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        request.body(()).map_err(|_| UrlError::Syntax.into())
    }

    /// For how long the URL can be used: what it says of itself, else [`UPLOAD_LIFETIME`]. An upload
    /// that starts later needs a new one.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        let url = self.upload_url.expose();
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let named = form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name.eq_ignore_ascii_case("x-amz-expires"));
        let seconds = named.and_then(|(_, value)| value.parse().ok());
        seconds.map_or(UPLOAD_LIFETIME, Duration::from_secs)
    }
}

/// Whether the signed headers of a pre-signed URL hold `content-type`.
fn signs_content_type(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        name.eq_ignore_ascii_case("x-amz-signedheaders")
            && value.split(';').any(|header| header.trim().eq_ignore_ascii_case("content-type"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    #[test]
    fn uploads_carry_a_type_only_when_it_is_signed() {
        let slot =
            |url: &str| UploadSlot { upload_url: url.into(), image_url: "https://d/1".into() };
        let put = |url: &str| slot(url).put(Bytes::from_static(b"12"), "image/png");
        let plain = put("https://u/1?X-Amz-SignedHeaders=host&X-Amz-Signature=1").unwrap();
        let plain = plain.into_request();
        assert_eq!(plain.method(), Method::PUT);
        assert_eq!(plain.headers().len(), 1);
        assert_eq!(plain.headers()[CONTENT_LENGTH], "2");
        let typed = put("https://u/1?X-Amz-SignedHeaders=content-type%3Bhost").unwrap();
        assert_eq!(typed.into_request().headers()[CONTENT_TYPE], "image/png");
        assert!(matches!(put("u/1"), Err(BadApi::Url(_))));
        let streamed = slot("https://u/1").head(7, "image/png").unwrap();
        assert_eq!(streamed.headers()[CONTENT_LENGTH], "7");
    }

    #[test]
    fn the_lifetime_is_what_the_url_says() {
        let lifetime = |url: &str| {
            UploadSlot { upload_url: url.into(), image_url: String::new() }.lifetime().as_secs()
        };
        assert_eq!(lifetime("https://u/1?X-Amz-Expires=60&X-Amz-Signature=1"), 60);
        assert_eq!(lifetime("https://u/1?X-Amz-Expires=soon"), 300);
        assert_eq!(lifetime("https://u/1"), 300);
    }
}
