//! One file, from a server to this machine.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use chat_proto::machine::{HttpFailure, HttpRequest};
use chat_proto::rest::retry_after;
use futures_util::future::{Either, select};
use futures_util::io::AsyncWrite;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode, response};

use super::error::{Answer, RedirectError, TransferError};
use super::options::{DownloadOptions, Progress};
use super::partial::Partial;
use super::redirect;
use super::resume::{Known, Plan, Validator, plan};
use super::target::{Target, Writer};
use super::upload::MAX_ANSWER_BYTES;
use crate::http::{FullBody, ResponseBody, send};
use crate::runtime::Runtime;

/// The longest pause between two attempts; a server that asks for more ends the call (choice).
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// A file that came down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// Its length.
    pub bytes: u64,
    /// What the server says of its type.
    pub content_type: Option<HeaderValue>,
    /// How often the server was asked.
    pub attempts: u32,
}

/// Fetches what `request` names (its method becomes GET, its body is left out) into the file `path`,
/// which is replaced if it is there.
///
/// The bytes go into a temporary file in the same folder. When all are there it is synced to the disk
/// and renamed, so that under `path` there is a whole file or what was there before. After a lost link
/// the rest is asked for with `Range` and `If-Range`, where the server gave a validator (a strong `ETag`,
/// or `Last-Modified`), else the whole. One redirect an attempt is followed; another host gets no
/// credentials. Disk and network work at the same time; at most about a megabyte is in memory.
///
/// Cancel safety: dropping the future closes the connection and removes the temporary file, unless
/// [`DownloadOptions::resume_later`] keeps it. It can be called again.
///
/// # Errors
///
/// The server refuses, the file is over the limit, the disk is full or not writable, the link is lost
/// too often. The temporary file is removed as after dropping. See [`TransferError`].
pub async fn download<R: Runtime>(
    runtime: &R,
    request: HttpRequest,
    path: impl Into<PathBuf>,
    options: DownloadOptions,
) -> Result<Downloaded, TransferError> {
    let uri = request.request().uri();
    let mut partial = Partial::new(path.into(), uri, options.resume_later, runtime.seed())?;
    run(runtime, request, &mut partial, options).await
}

/// The same into a writer, which is flushed at the end and not closed.
///
/// What was written cannot be taken back: where the server cannot go on after a lost link this is an
/// error ([`TransferError::Changed`] if it has another file now). On any error the writer has got the
/// beginning of the file, or nothing.
///
/// Cancel safety: dropping the future closes the connection; the writer has got a part.
///
/// # Errors
///
/// As [`download`].
pub async fn download_into<R: Runtime, W: AsyncWrite + Send + Unpin>(
    runtime: &R,
    request: HttpRequest,
    writer: &mut W,
    options: DownloadOptions,
) -> Result<Downloaded, TransferError> {
    run(runtime, request, &mut Writer::new(writer), options).await
}

async fn run<R: Runtime, T: Target>(
    runtime: &R,
    request: HttpRequest,
    target: &mut T,
    options: DownloadOptions,
) -> Result<Downloaded, TransferError> {
    let (mut head, _) = request.into_request().into_parts();
    head.method = Method::GET;
    let headers = &mut head.headers;
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let request = http::Request::from_parts(head, ());
    let mut work = Work {
        runtime,
        request,
        target,
        options,
        offset: 0,
        known: None,
        total: None,
        content_type: None,
        attempts: 0,
    };
    let result = work.run().await;
    if let Err(TransferError::TooBig { .. } | TransferError::Malformed { .. }) = result {
        work.target.spoil();
    }
    result
}

struct Work<'a, R, T> {
    runtime: &'a R,
    request: http::Request<()>,
    target: &'a mut T,
    options: DownloadOptions,
    /// Bytes that the target has.
    offset: u64,
    /// Of which file they are, where the server can tell.
    known: Option<Known>,
    total: Option<u64>,
    content_type: Option<HeaderValue>,
    attempts: u32,
}

/// What came of an attempt.
enum Outcome {
    /// Nothing is missing.
    Finished,
    /// Something is.
    Again { why: TransferError, pause: Option<Duration> },
    /// What we have is of no use.
    StartOver,
}

impl<R: Runtime, T: Target> Work<'_, R, T> {
    async fn run(&mut self) -> Result<Downloaded, TransferError> {
        if let Some((offset, known)) = self.target.start(self.runtime).await? {
            self.check(offset)?;
            (self.offset, self.total, self.known) = (offset, known.total, Some(known));
        }
        let mut pause = self.options.pause;
        loop {
            self.attempts += 1;
            let is_last = self.attempts >= self.options.attempts.get();
            match self.attempt().await? {
                Outcome::Finished => break,
                Outcome::StartOver if !T::CAN_RESTART => return Err(TransferError::Changed),
                Outcome::StartOver if is_last => {
                    let reason = "its parts do not fit together";
                    return Err(TransferError::Malformed { reason });
                }
                Outcome::StartOver => self.known = None,
                Outcome::Again { why, pause: asked } => {
                    let stuck = !T::CAN_RESTART && self.offset > 0 && self.known.is_none();
                    let wait = asked.unwrap_or_default().max(pause);
                    if is_last || stuck || asked.is_some_and(|asked| asked > MAX_PAUSE) {
                        return Err(why);
                    }
                    self.runtime.sleep_until(self.runtime.now().mono + wait).await;
                    pause = pause.saturating_mul(2).min(MAX_PAUSE.max(self.options.pause));
                }
            }
        }
        self.target.finish().await?;
        let content_type = self.content_type.take();
        Ok(Downloaded { bytes: self.offset, content_type, attempts: self.attempts })
    }

    /// Asks once, for the rest or the whole.
    async fn attempt(&mut self) -> Result<Outcome, TransferError> {
        let asked = self.known.clone().filter(|_| self.offset > 0);
        let (head, body) = match self.ask(asked.as_ref()).await {
            Ok(answer) => answer,
            Err(error) => return self.lost(error),
        };
        let asked = asked.as_ref().map(|known| (self.offset, known));
        let left = match plan(&head, body.length(), asked) {
            Plan::Whole { total } => {
                self.check(total.unwrap_or_default())?;
                let validator = Validator::of(&head.headers);
                let known = validator.map(|validator| Known { validator, total });
                self.target.restart(known.as_ref()).await?;
                (self.offset, self.total, self.known) = (0, total, known);
                total
            }
            Plan::Rest { len, total } => {
                self.check(total.unwrap_or_default())?;
                self.total = total;
                Some(len)
            }
            Plan::Complete => return Ok(Outcome::Finished),
            Plan::StartOver => return Ok(Outcome::StartOver),
            Plan::Refused => return self.refused(head, body).await,
            Plan::Malformed(reason) => return Err(TransferError::Malformed { reason }),
        };
        self.content_type = head.headers.get(header::CONTENT_TYPE).cloned();
        self.take(body, left).await
    }

    /// Sends the request, and once more to where it is redirected.
    async fn ask(
        &self,
        asked: Option<&Known>,
    ) -> Result<(response::Parts, ResponseBody), TransferError> {
        let mut request = self.request.clone();
        if let Some(known) = asked {
            let range = HeaderValue::try_from(format!("bytes={}-", self.offset));
            let range = range.expect("digits are a valid header value");
            request.headers_mut().insert(header::RANGE, range);
            request.headers_mut().insert(header::IF_RANGE, known.validator.value().clone());
        }
        let mut redirected = false;
        loop {
            let sending = send(self.runtime, request.clone().map(|()| FullBody::default()));
            let (head, body) = self.patient(sending).await?.into_parts();
            if !redirect::is_redirect(head.status) {
                return Ok((head, body));
            }
            if redirected {
                return Err(RedirectError::Twice.into());
            }
            redirected = true;
            request = redirect::follow(&request, head.status, &head.headers, false)?;
            if self.options.allow.as_ref().is_some_and(|allow| !allow(request.uri())) {
                return Err(RedirectError::Host.into());
            }
        }
    }

    /// Takes the body, of which `left` bytes are to come.
    async fn take(
        &mut self,
        mut body: ResponseBody,
        mut left: Option<u64>,
    ) -> Result<Outcome, TransferError> {
        loop {
            let piece = match self.patient(body.chunk()).await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(error) => {
                    self.target.settle().await?;
                    return self.lost(error);
                }
            };
            let len = piece.len() as u64;
            left = match left.map(|left| left.checked_sub(len)) {
                Some(None) => {
                    let reason = "more bytes come than it announced";
                    return Err(TransferError::Malformed { reason });
                }
                Some(left) => left,
                None => None,
            };
            self.check(self.offset.saturating_add(len))?;
            self.target.write(piece).await?;
            self.offset += len;
            if let Some(report) = &mut self.options.report {
                report(Progress { done: self.offset, total: self.total });
            }
        }
        self.target.settle().await?;
        match self.total {
            Some(total) if self.offset < total => {
                let text = format!("the file ends after {} of {total} bytes", self.offset);
                self.lost(HttpFailure::Io(text).into())
            }
            Some(_) | None => Ok(Outcome::Finished),
        }
    }

    async fn refused(
        &self,
        head: response::Parts,
        body: ResponseBody,
    ) -> Result<Outcome, TransferError> {
        let pause = retry_after(&head.headers);
        let busy = matches!(
            head.status,
            StatusCode::REQUEST_TIMEOUT
                | StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        // A refusal counts for more than what it says.
        let body: Bytes = self.patient(body.collect(MAX_ANSWER_BYTES)).await.unwrap_or_default();
        let why = TransferError::Refused(Answer::new(http::Response::from_parts(head, body)));
        // Who waits for a first answer can ask again; who has a part already would lose it.
        if busy && self.offset > 0 { Ok(Outcome::Again { why, pause }) } else { Err(why) }
    }

    /// What the end of a connection means: another attempt, unless there was none at all.
    fn lost(&self, why: TransferError) -> Result<Outcome, TransferError> {
        let unreached =
            matches!(why, TransferError::Http(HttpFailure::Dial(_) | HttpFailure::Tls(_)));
        let is_link = matches!(why, TransferError::Http(_) | TransferError::Stalled { .. });
        let lasts = matches!(&why, TransferError::Http(failure) if failure.is_lasting());
        let again = is_link && !lasts && (self.attempts > 1 || !unreached);
        if again { Ok(Outcome::Again { why, pause: None }) } else { Err(why) }
    }

    fn check(&self, bytes: u64) -> Result<(), TransferError> {
        let limit = self.options.max_bytes;
        if bytes > limit { Err(TransferError::TooBig { limit }) } else { Ok(()) }
    }

    async fn patient<V>(
        &self,
        work: impl Future<Output = Result<V, HttpFailure>>,
    ) -> Result<V, TransferError> {
        let after = self.options.stall_timeout;
        let timer = pin!(self.runtime.sleep_until(self.runtime.now().mono + after));
        match select(pin!(work), timer).await {
            Either::Left((result, _)) => result.map_err(TransferError::from),
            Either::Right(_) => Err(TransferError::Stalled { after }),
        }
    }
}
