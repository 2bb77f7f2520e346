//! REST calls of a session: built with the server's time, classified, tried once more after -1021.

use bytes::Bytes;
use http::Response;

use crate::c2c::C2c;
use crate::c2c::answer::{self, Code, Reason, Refusal};
use crate::c2c::client::{Ask, C2cEvent, Call, State, backfill, pictures, sends};
use crate::c2c::history::HistoryItem;
use crate::c2c::rest::{self, HistoryQuery, Ticket};
use crate::client::{CredentialsProblem, Cx, RequestId};
use crate::codec::{self, Limits};
use crate::error::{CallError, CloseReason, Lost, Rejection, RequestError};
use crate::json::{Share, Source};
use crate::machine::{HttpFailure, HttpRequest, HttpResult, Text};
use crate::time::UnixMillis;

/// How many messages are read to look one up.
pub(super) const VERIFY_ROWS: u32 = 50;

/// What an exchange is for.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// The ticket for a dial.
    Credential,
    /// A call of the application.
    Request(RequestId),
    /// Looking for a message without an echo.
    Verify(RequestId),
    /// Catching up with an order.
    Backfill(HistoryQuery),
    /// The server's clock; asked at this time of ours.
    Time(UnixMillis),
    /// A place for a picture.
    Place(RequestId),
    /// The picture on its way there.
    Put(RequestId),
}

/// How often an exchange was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Try {
    /// Once.
    First,
    /// Once more after the clock was corrected: the last time.
    Second,
}

/// A call that was refused because of the clock and waits for the server's time.
#[derive(Debug)]
pub(super) struct Paused {
    kind: Kind,
    refusal: Refusal,
}

/// Why a call gave nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// No answer.
    Http(HttpFailure),
    /// The service or something before it said no.
    Refused(Refusal),
    /// It was not made, because of a limit.
    Paused(Rejection),
}

impl Failure {
    pub(super) fn rejection(&self) -> Rejection {
        match self {
            Self::Http(failure) => Rejection::new("http", failure.to_string()),
            Self::Refused(refusal) => rejection(refusal),
            Self::Paused(rejection) => rejection.clone(),
        }
    }

    /// How a request ends with it. `effect` says whether the call changes anything.
    fn end(&self, effect: bool) -> RequestError {
        match self {
            Self::Http(failure) if effect && failure.may_have_happened() => RequestError::Unknown,
            Self::Http(HttpFailure::TimedOut) => RequestError::TimedOut,
            Self::Refused(refusal) if effect && refusal.may_have_happened() => {
                RequestError::Unknown
            }
            Self::Http(_) | Self::Refused(_) | Self::Paused(_) => {
                RequestError::Rejected(self.rejection())
            }
        }
    }
}

fn rejection(refusal: &Refusal) -> Rejection {
    let (code, mut text) = match &refusal.reason {
        Reason::Gateway { code, message } => (code.to_string(), message.clone()),
        Reason::Business { code, message } => (code.clone(), message.clone()),
        Reason::NoSuchEndpoint | Reason::Html | Reason::Shape | Reason::Bare => {
            (refusal.status.to_string(), refusal.reason.to_string())
        }
    };
    if let Some(advice) = refusal.code().and_then(Code::advice) {
        text = if text.is_empty() { advice.to_owned() } else { format!("{text} ({advice})") };
    }
    Rejection { code, text, retry_after: refusal.retry_after }
}

impl Call {
    pub(super) const fn first(kind: Kind) -> Self {
        Self(kind, Try::First)
    }
}

impl Kind {
    /// Whether it asks for a pre-signed URL, which has a limit of its own.
    pub(super) fn is_upload(&self, cx: &Cx<'_, C2c>) -> bool {
        match self {
            Self::Place(_) => true,
            Self::Request(id) => {
                matches!(cx.ask(*id), Some(Ask::Rest(ask)) if ask.call.is_pre_signed_url())
            }
            Self::Credential
            | Self::Verify(_)
            | Self::Backfill(_)
            | Self::Time(_)
            | Self::Put(_) => false,
        }
    }

    /// The request it is for.
    pub(super) const fn request(&self) -> Option<RequestId> {
        match self {
            Self::Request(id) | Self::Verify(id) | Self::Place(id) | Self::Put(id) => Some(*id),
            Self::Credential | Self::Backfill(_) | Self::Time(_) => None,
        }
    }

    /// Whether it belongs to one attempt to be connected.
    pub(super) const fn is_of_the_link(&self) -> bool {
        matches!(self, Self::Credential | Self::Backfill(_))
    }
}

impl State {
    /// `None` when what it is for has ended. Verbs have checked what goes into URLs.
    pub(super) fn build(&self, cx: &Cx<'_, C2c>, kind: &Kind) -> Option<HttpRequest> {
        let at = self.server_now(cx);
        Some(match kind {
            Kind::Credential => self.api.credential(at),
            Kind::Time(_) => self.api.time(),
            Kind::Backfill(query) => self.api.history(query, at).ok()?,
            Kind::Request(id) => match cx.ask(*id)? {
                Ask::Rest(ask) => ask.call.build(&self.api, at)?,
                Ask::Send(_) | Ask::Picture(_) => return None,
            },
            Kind::Verify(id) => {
                let Ask::Send(ask) = cx.ask(*id)? else { return None };
                let rows = Some(VERIFY_ROWS);
                let query = HistoryQuery { rows, ..HistoryQuery::newest(&ask.0.order_no) };
                self.api.history(&query, at).ok()?
            }
            Kind::Place(id) => {
                let Ask::Picture(ask) = cx.ask(*id)? else { return None };
                self.api.pre_signed_url(ask.name(), at)
            }
            // Built from the place it goes to.
            Kind::Put(_) => return None,
        })
    }

    /// A call goes out: from now on its request waits for the answer, no longer for its turn.
    pub(super) fn started(&mut self, cx: &mut Cx<'_, C2c>, kind: &Kind) {
        // An exchange has its own deadline; the request must outlive it, a probe of the clock and
        // the second try.
        let patience = cx.config().http_timeout.saturating_mul(3);
        match kind {
            Kind::Request(id) => {
                if let Some(Ask::Rest(ask)) = cx.ask_mut(*id) {
                    ask.started = true;
                }
                cx.postpone(*id, patience);
            }
            Kind::Verify(id) => {
                let patience = patience.saturating_add(self.config.verify_spacing);
                cx.postpone(*id, patience);
            }
            Kind::Place(id) => {
                pictures::place_asked(cx, *id);
                cx.postpone(*id, patience);
            }
            Kind::Credential | Kind::Backfill(_) | Kind::Time(_) | Kind::Put(_) => {}
        }
    }

    pub(super) fn respond(&mut self, cx: &mut Cx<'_, C2c>, call: Call, result: HttpResult) {
        let Call(kind, tries) = call;
        // Its answer is the storage's, not the service's.
        if let Kind::Put(id) = kind {
            return pictures::on_put(self, cx, id, result);
        }
        if let Ok(response) = &result {
            self.note_weights(cx, response.headers());
        }
        if let Kind::Time(asked) = kind {
            return self.on_time(cx, asked, &result);
        }
        let response = match result {
            Ok(response) => response,
            Err(failure) => return self.fail(cx, kind, &Failure::Http(failure)),
        };
        match answer::classify(&response) {
            Err(refusal) if refusal.is_clock() && tries == Try::First => {
                self.paused.push(Paused { kind, refusal });
                if !std::mem::replace(&mut self.probing, true) {
                    self.issue(cx, Call::first(Kind::Time(cx.now().unix)));
                }
            }
            Err(refusal) => {
                if refusal.is_limit() || refusal.is_firewall() {
                    self.throttle(cx, &refusal);
                }
                self.fail(cx, kind, &Failure::Refused(refusal));
            }
            Ok(_) => self.succeed(cx, kind, &response),
        }
    }

    /// One probe corrects the clock for all calls that wait, and each is rebuilt once.
    fn on_time(&mut self, cx: &mut Cx<'_, C2c>, asked: UnixMillis, result: &HttpResult) {
        self.probing = false;
        let paused = std::mem::take(&mut self.paused);
        let server = result.as_ref().ok().and_then(|response| rest::server_time(response).ok());
        let Some(server) = server else {
            for Paused { kind, refusal } in paused {
                self.fail(cx, kind, &Failure::Refused(refusal));
            }
            return;
        };
        // The server read its clock somewhere between the question and the answer.
        let (asked, answered) = (asked.as_millis(), cx.now().unix.as_millis());
        let middle = UnixMillis::new(asked + answered.saturating_sub(asked) / 2);
        self.skew = middle.skew_to(server);
        cx.event(C2cEvent::ClockCorrected { skew: self.skew });
        for Paused { kind, .. } in paused {
            self.issue(cx, Call(kind, Try::Second));
        }
    }

    fn succeed(&mut self, cx: &mut Cx<'_, C2c>, kind: Kind, response: &Response<Bytes>) {
        let outcome = match &kind {
            Kind::Credential => Ticket::read(response).map(|ticket| match ticket.upgrade() {
                Ok(upgrade) => cx.dial(upgrade),
                Err(why) => cx.lose(Lost::Prepare(why.to_string())),
            }),
            Kind::Request(id) => match cx.ask(*id) {
                Some(Ask::Rest(ask)) => {
                    ask.call.read(response).map(|answer| cx.complete(*id, Ok(answer)))
                }
                Some(Ask::Send(_) | Ask::Picture(_)) | None => Ok(()),
            },
            Kind::Verify(id) => {
                rows(response).map(|(rows, _)| sends::on_history(self, cx, *id, rows))
            }
            Kind::Backfill(query) => {
                rows(response).map(|(rows, _)| backfill::on_page(self, cx, query, rows))
            }
            Kind::Place(id) => pictures::on_place(self, cx, *id, response),
            Kind::Time(_) | Kind::Put(_) => Ok(()),
        };
        if let Err(refusal) = outcome {
            self.fail(cx, kind, &Failure::Refused(refusal));
        }
    }

    pub(super) fn fail(&mut self, cx: &mut Cx<'_, C2c>, kind: Kind, failure: &Failure) {
        match kind {
            Kind::Credential => self.no_ticket(cx, failure),
            Kind::Request(id) => {
                let Some(Ask::Rest(ask)) = cx.ask(id) else { return };
                let end = failure.end(ask.call.has_effect());
                cx.complete(id, Err(end));
            }
            Kind::Verify(id) => sends::not_read(self, cx, id, failure),
            Kind::Backfill(query) => backfill::on_failure(self, cx, &query, failure),
            Kind::Place(id) | Kind::Put(id) => cx.complete(id, Err(failure.end(false))),
            Kind::Time(_) => {}
        }
    }

    /// Without a ticket there is no dial: another try, other keys, or the end.
    fn no_ticket(&mut self, cx: &mut Cx<'_, C2c>, failure: &Failure) {
        let refusal = match failure {
            Failure::Http(failure) => return cx.lose(Lost::unprepared(failure.clone())),
            Failure::Paused(rejection) => return cx.lose(Lost::Refused(rejection.clone())),
            Failure::Refused(refusal) => refusal,
        };
        let mut rejection = rejection(refusal);
        match refusal.code() {
            Some(Code::NotAuthorized | Code::Signature | Code::KeyFormat | Code::KeyRefused) => {
                cx.need_credentials(CredentialsProblem::Refused(rejection));
                self.forget_link(cx);
            }
            Some(Code::IllegalParameter | Code::Parameter) => {
                cx.stop(CloseReason::Refused(rejection))
            }
            Some(_) | None => {
                rejection.retry_after = rejection.retry_after.max(self.pause_left(cx));
                cx.lose(Lost::Refused(rejection));
            }
        }
    }

    /// The engine dropped the exchanges that belong to the link; so are those that wait for their
    /// turn or for the clock. The calls of the application go on.
    pub(super) fn forget_link(&mut self, cx: &mut Cx<'_, C2c>) {
        self.gate.retain(|kind| !kind.is_of_the_link());
        self.paused.retain(|call| !call.kind.is_of_the_link());
        self.pump_calls(cx);
    }
}

/// Whether an order number can be asked for.
pub(super) fn check_order(order_no: &str) -> Result<(), CallError> {
    let fits = rest::check_order(order_no);
    if fits { Ok(()) } else { Err(CallError::Invalid("the order number is empty or too long")) }
}

/// A message of a page and the text it stands in.
#[derive(Debug)]
pub(super) struct Row {
    /// `None` when it cannot be read.
    pub(super) item: Option<HistoryItem<'static>>,
    pub(super) raw: Text,
}

/// The messages of a page, one by one, so that one that cannot be read does not hide the others,
/// and how many there are in all.
pub(super) fn rows(response: &Response<Bytes>) -> Result<(Vec<Row>, Option<u64>), Refusal> {
    let text = Text::from_utf8(response.body().clone()).unwrap_or_default();
    let source = Source::from(&text);
    let (items, total) = answer::raw_items(response)?;
    let row = |item: &str| {
        let read = codec::from_text::<HistoryItem<'_>>(item, Limits::default().max_depth);
        Row { item: read.ok().map(|item| item.share_in(&source)), raw: text.view(item) }
    };
    Ok((items.iter().map(|item| row(item.as_str())).collect(), total))
}

/// Whether a message belongs to the order: the endpoint has been seen to mix in those of another
/// one. (field report)
pub(super) fn is_of(item: &HistoryItem<'_>, order_no: &str) -> bool {
    [&item.order_no, &item.topic_id]
        .into_iter()
        .find(|order| !order.is_empty())
        .is_none_or(|order| order.text() == order_no)
}
