//! REST calls of a session: built with the server's time, classified, tried once more after -1021.

use bytes::Bytes;
use http::Response;

use crate::c2c::C2c;
use crate::c2c::answer::{self, Code, Reason, Refusal};
use crate::c2c::client::{Answer, Ask, C2cEvent, Call, HistoryPage, Rest, State, backfill, sends};
use crate::c2c::frame::Push;
use crate::c2c::history::HistoryItem;
use crate::c2c::rest::{self, Api, HistoryQuery, Ticket, UploadSlot};
use crate::client::{CredentialsProblem, Cx, RequestId};
use crate::error::{CallError, CloseReason, Lost, Rejection, RequestError};
use crate::json::{Raw, Share};
use crate::machine::{HttpFailure, HttpRequest, HttpResult, Text};
use crate::time::UnixMillis;

/// How many messages are read to look one up.
const VERIFY_ROWS: u32 = 50;

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
}

impl Failure {
    pub(super) fn rejection(&self) -> Rejection {
        match self {
            Self::Http(failure) => Rejection::new("http", failure.to_string()),
            Self::Refused(refusal) => rejection(refusal),
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
            Self::Http(_) | Self::Refused(_) => RequestError::Rejected(self.rejection()),
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

impl State {
    /// Starts an exchange, signed with the server's time as far as it is known.
    pub(super) fn issue(&mut self, cx: &mut Cx<'_, C2c>, call: Call) {
        if let Some(request) = self.build(cx, &call.0) {
            cx.http(call, request);
        }
    }

    /// `None` when what it is for has ended. Verbs have checked what goes into URLs.
    fn build(&self, cx: &Cx<'_, C2c>, kind: &Kind) -> Option<HttpRequest> {
        let at = cx.now().unix.shifted(self.skew);
        Some(match kind {
            Kind::Credential => self.api.credential(at),
            Kind::Time(_) => self.api.time(),
            Kind::Backfill(query) => self.api.history(query, at).ok()?,
            Kind::Request(id) => match cx.ask(*id)? {
                Ask::Rest(call) => call.build(&self.api, at)?,
                Ask::Send(_) => return None,
            },
            Kind::Verify(id) => {
                let Ask::Send(ask) = cx.ask(*id)? else { return None };
                let rows = Some(VERIFY_ROWS);
                let query = HistoryQuery { rows, ..HistoryQuery::newest(&ask.0.order_no) };
                self.api.history(&query, at).ok()?
            }
        })
    }

    pub(super) fn respond(&mut self, cx: &mut Cx<'_, C2c>, call: Call, result: HttpResult) {
        let Call(kind, tries) = call;
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
            Err(refusal) => self.fail(cx, kind, &Failure::Refused(refusal)),
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
            Kind::Request(id) => read(cx.ask(*id), response).map(|answer| {
                if let Some(answer) = answer {
                    cx.complete(*id, Ok(answer));
                }
            }),
            Kind::Verify(id) => answer::page(response).map(|page| {
                let found =
                    page.items.into_iter().map(Push::from).any(|push| {
                        is_sent(cx, *id, &push) && sends::accept(self, cx, &push, true)
                    });
                if !found {
                    sends::not_found(self, cx, *id);
                }
            }),
            Kind::Backfill(query) => {
                items(response).map(|(items, _)| backfill::on_page(self, cx, query, items))
            }
            Kind::Time(_) => Ok(()),
        };
        if let Err(refusal) = outcome {
            self.fail(cx, kind, &Failure::Refused(refusal));
        }
    }

    fn fail(&mut self, cx: &mut Cx<'_, C2c>, kind: Kind, failure: &Failure) {
        match kind {
            Kind::Credential => self.no_ticket(cx, failure),
            Kind::Request(id) => {
                let effect = match cx.ask(id) {
                    Some(Ask::Rest(call)) => call.has_effect(),
                    Some(Ask::Send(_)) | None => return,
                };
                cx.complete(id, Err(failure.end(effect)));
            }
            Kind::Verify(id) => {
                let retry_after = failure.rejection().retry_after;
                sends::not_read(self, cx, id, retry_after);
            }
            Kind::Backfill(query) => backfill::on_failure(self, cx, &query, failure),
            Kind::Time(_) => {}
        }
    }

    /// Without a ticket there is no dial: another try, other keys, or the end.
    fn no_ticket(&mut self, cx: &mut Cx<'_, C2c>, failure: &Failure) {
        let refusal = match failure {
            Failure::Http(failure) => return cx.lose(Lost::Prepare(failure.to_string())),
            Failure::Refused(refusal) => refusal,
        };
        let rejection = rejection(refusal);
        match refusal.code() {
            Some(Code::NotAuthorized | Code::Signature | Code::KeyFormat | Code::KeyRefused) => {
                cx.need_credentials(CredentialsProblem::Refused(rejection));
                self.forget_calls(cx);
            }
            Some(Code::IllegalParameter | Code::Parameter) => {
                cx.stop(CloseReason::Refused(rejection))
            }
            Some(_) | None => cx.lose(Lost::Refused(rejection)),
        }
    }

    /// The engine dropped all exchanges with the link. Those of the application do not depend on
    /// it: they are started again.
    pub(super) fn forget_calls(&mut self, cx: &mut Cx<'_, C2c>) {
        self.probing = false;
        self.paused.clear();
        for id in cx.waiting() {
            if matches!(cx.ask(id), Some(Ask::Rest(_))) {
                self.issue(cx, Call::first(Kind::Request(id)));
            }
        }
    }
}

/// Whether this is the message of a request.
fn is_sent(cx: &Cx<'_, C2c>, id: RequestId, push: &Push<'_>) -> bool {
    matches!(cx.ask(id), Some(Ask::Send(ask)) if push.uuid == *ask.0.uuid)
}

impl Rest {
    /// `None` for what [`Rest::check`] refuses.
    fn build(&self, api: &Api, at: UnixMillis) -> Option<HttpRequest> {
        Some(match self {
            Self::History(query) => api.history(query, at).ok()?,
            Self::MarkOrder { order_no, user_id } => api.mark_order_read(order_no, *user_id, at),
            Self::MarkUser { user_id } => api.mark_user_read(*user_id, at),
            Self::PreSignedUrl { image_name } => api.pre_signed_url(image_name, at),
            Self::RiskTips { order_no, fiat, scene } => {
                api.risk_warning_tips(order_no, fiat, scene, at)
            }
        })
    }

    /// Whether it can be asked.
    pub(super) fn check(&self) -> Result<(), CallError> {
        match self {
            Self::History(query) => query.check().map_err(|_| {
                CallError::Invalid("the order number or a filter is empty or too long")
            }),
            Self::MarkOrder { order_no, .. } | Self::RiskTips { order_no, .. } => {
                check_order(order_no)
            }
            Self::MarkUser { .. } | Self::PreSignedUrl { .. } => Ok(()),
        }
    }

    const fn has_effect(&self) -> bool {
        matches!(self, Self::MarkOrder { .. } | Self::MarkUser { .. })
    }
}

/// Whether an order number can be asked for.
pub(super) fn check_order(order_no: &str) -> Result<(), CallError> {
    let fits = rest::check_order(order_no);
    if fits { Ok(()) } else { Err(CallError::Invalid("the order number is empty or too long")) }
}

/// Reads the answer to a call of the application.
fn read(ask: Option<&Ask>, response: &Response<Bytes>) -> Result<Option<Answer>, Refusal> {
    let Some(Ask::Rest(call)) = ask else { return Ok(None) };
    Ok(Some(match call {
        Rest::History(query) => {
            let (all, total) = items(response)?;
            let count = all.len();
            let items: Vec<_> = all.into_iter().filter(|it| is_of(it, &query.order_no)).collect();
            Answer::History(HistoryPage { foreign: count - items.len(), items, total })
        }
        Rest::MarkOrder { .. } | Rest::MarkUser { .. } => Answer::Marked,
        Rest::PreSignedUrl { .. } => Answer::Upload(UploadSlot::read(response)?),
        Rest::RiskTips { .. } => {
            let data = answer::classify(response)?.data;
            Answer::Data(data.map_or(Raw::NULL, |data| data.detach()))
        }
    }))
}

/// The messages of a page, kept beyond the answer, and how many there are in all.
fn items(response: &Response<Bytes>) -> Result<(Vec<HistoryItem<'static>>, Option<u64>), Refusal> {
    let page = answer::page(response)?;
    let text = Text::from_utf8(response.body().clone()).unwrap_or_default();
    Ok((page.items.share(&text), page.total))
}

/// Whether a message belongs to the order: the endpoint has been seen to mix in those of another
/// one. (field report)
pub(super) fn is_of(item: &HistoryItem<'_>, order_no: &str) -> bool {
    [&item.order_no, &item.topic_id]
        .into_iter()
        .find(|order| !order.is_empty())
        .is_none_or(|order| order.text() == order_no)
}
