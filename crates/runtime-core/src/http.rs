//! HTTP/1 exchanges over a runtime's connector.
//!
//! One connection an exchange, driven by whoever awaits the answer: no task, and dropping the
//! future or the body closes the connection. Redirects are not followed, bodies are not
//! decompressed, and a request body always has its exact length: nothing is sent in chunks.

mod body;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use chat_proto::machine::{HttpFailure, HttpResult};
use http::header::{self, HeaderValue};
use http::uri::{PathAndQuery, Uri};
use http_body::Body;
use hyper::client::conn::http1;

pub use body::{FullBody, ResponseBody, SizedBody};

use crate::connect::{connect, timeout_at};
use crate::dial::host_header;
use crate::options::HttpLimits;
use crate::runtime::{Runtime, Target};

/// What the body of a request may fail with.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A whole exchange: `request` has an absolute URI, its body goes out as it is, the body of the
/// answer is collected up to the limit.
///
/// Cancel safety: dropping the future closes the connection; the server may have acted.
///
/// # Errors
///
/// Whatever [`HttpFailure`] lists; an answer with an error status is not a failure.
pub async fn exchange<R: Runtime>(
    runtime: &R,
    request: http::Request<Bytes>,
    deadline: Instant,
    limits: &HttpLimits,
) -> HttpResult {
    let work = async {
        let (head, body) = send(runtime, request.map(FullBody::new)).await?.into_parts();
        let body = body.collect(limits.max_body_bytes).await?;
        Ok(http::Response::from_parts(head, body))
    };
    within(runtime, deadline, work).await
}

/// Sends a request with a streamed body and returns as soon as the answer's head is there; the
/// body of the answer is read through [`ResponseBody`]. There is no deadline: wrap it in
/// [`within`].
///
/// The body must know its exact length ([`Body::size_hint`]); see [`SizedBody`].
///
/// Cancel safety: dropping the future closes the connection; the server may have acted.
///
/// # Errors
///
/// No connection, no length, or the exchange broke off.
pub async fn send<R, B>(
    runtime: &R,
    request: http::Request<B>,
) -> Result<http::Response<ResponseBody>, HttpFailure>
where
    R: Runtime,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BodyError>,
{
    let (target, request) = prepare(request)?;
    let stream = connect(runtime, &target).await?;
    let (mut sender, connection) =
        http1::handshake(stream).await.map_err(|error| broken(&error))?;
    let mut connection = Exchange::new(connection);
    let mut answer = pin!(sender.send_request(request));
    let answer = poll_fn(|cx| {
        connection.poll(cx);
        answer.as_mut().poll(cx)
    })
    .await;
    match answer {
        Ok(answer) => Ok(answer.map(|body| ResponseBody::new(body, connection))),
        Err(error) => Err(broken(connection.failure.as_ref().unwrap_or(&error))),
    }
}

/// Gives `work` up at `deadline`.
///
/// # Errors
///
/// [`HttpFailure::TimedOut`], or what `work` failed with.
pub async fn within<R: Runtime, T>(
    runtime: &R,
    deadline: Instant,
    work: impl Future<Output = Result<T, HttpFailure>>,
) -> Result<T, HttpFailure> {
    timeout_at(runtime, deadline, work).await.unwrap_or(Err(HttpFailure::TimedOut))
}

/// Turns an absolute URI into a target and a request in origin form.
fn prepare<B: Body>(
    mut request: http::Request<B>,
) -> Result<(Target, http::Request<B>), HttpFailure> {
    let target = Target::from_uri(request.uri())?;
    let host = host_header(request.uri())?;
    let Some(length) = request.body().size_hint().exact() else {
        return Err(HttpFailure::Dial("the length of the request's body is not known".into()));
    };
    let standard = PathAndQuery::from_static("/");
    let path = request.uri().path_and_query().cloned().unwrap_or(standard);
    *request.uri_mut() = Uri::from(path);
    *request.version_mut() = http::Version::HTTP_11;
    let expects_body = !matches!(
        *request.method(),
        http::Method::GET | http::Method::HEAD | http::Method::DELETE | http::Method::OPTIONS
    );
    let headers = request.headers_mut();
    headers.insert(header::HOST, host);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    if expects_body || length > 0 {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok((target, request))
}

type Running = dyn Future<Output = Result<(), hyper::Error>> + Send;

/// A connection that lives as long as its one exchange.
struct Exchange {
    running: Option<Pin<Box<Running>>>,
    failure: Option<hyper::Error>,
}

impl Exchange {
    fn new(connection: impl Future<Output = Result<(), hyper::Error>> + Send + 'static) -> Self {
        Self { running: Some(Box::pin(connection)), failure: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Some(running) = &mut self.running
            && let Poll::Ready(end) = running.as_mut().poll(cx)
        {
            self.running = None;
            self.failure = end.err();
        }
    }
}

/// hyper's errors name neither the URI nor a header.
fn broken(error: &hyper::Error) -> HttpFailure {
    let mut text = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        text = format!("{text}: {cause}");
    }
    HttpFailure::Io(text)
}
