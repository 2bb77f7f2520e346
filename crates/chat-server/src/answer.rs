//! Answers of the front itself, and the body of any answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use chat_proto::UnixMillis;
use chat_proto::codec::Wire as _;
use chat_proto::im::down::Ctrl;
use chat_proto::im::{Down, Flavor, Stamp};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};

use crate::download::FileBody;

/// The body of an answer.
pub(crate) enum AnswerBody {
    Whole(Option<Bytes>),
    File(FileBody),
}

impl From<Bytes> for AnswerBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::File(file) => file.poll_chunk(cx).map(|it| it.map(|it| it.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::File(file) => file.left() == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::File(file) => file.left(),
        })
    }
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// An error in the form of the PBX.
pub(crate) fn errors(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
    json(status, body.to_string())
}

/// An error in the form of a file call: a `ctrl` with the HTTP status as its code.
pub(crate) fn ctrl(status: StatusCode, text: &'static str, now: UnixMillis) -> Response<Bytes> {
    let micros = i64::try_from(now.as_millis()).map_or(i64::MAX, |it| it.saturating_mul(1000));
    let frame = Down::Ctrl(Ctrl {
        code: status.as_u16().into(),
        text: text.into(),
        ts: Stamp::from_unix_micros(micros, Flavor::PortSip),
        ..Ctrl::default()
    });
    json(status, frame.encode().into_bytes())
}

/// The hub is no more.
pub(crate) fn gone() -> Response<Bytes> {
    errors(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "the server is shutting down")
}

/// An answer with a body that is JSON already.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
