//! Calls that go wrong on purpose.

use std::time::Duration;

use bytes::Bytes;
use chat_proto::c2c::answer::Envelope;
use http::{HeaderValue, Response, StatusCode, header};

use super::http::{Gateway, MINUTE, limited, too_many};
use super::{C2cState, answer, fault_status};
use crate::effects::Cx;
use crate::http_answer;

/// How a call goes wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// Nothing happens, and this is the answer.
    Refuse(Box<Response<Bytes>>),
    /// It happens, and the answer gets lost.
    Lose,
}

impl C2cState {
    /// What goes wrong with a call, if anything.
    pub(super) fn call_fault(&mut self, call: &str) -> Option<Fault> {
        let faults = &self.faults;
        if !faults.fault_calls.is_empty() && faults.fault_calls != call {
            return None;
        }
        if faults.fault_times > 0 && self.faulted >= faults.fault_times {
            return None;
        }
        let fault = self.fault()?;
        self.faulted = self.faulted.saturating_add(1);
        Some(fault)
    }

    fn fault(&self) -> Option<Fault> {
        let faults = &self.faults;
        let refusal = if faults.html_403 {
            html()
        } else if faults.ban_secs > 0 {
            limited(StatusCode::IM_A_TEAPOT, faults.ban_secs.into())
        } else if faults.retry_after_secs > 0 {
            too_many(faults.retry_after_secs.into())
        } else if let Some(status) = fault_status(faults.server_error) {
            http_answer::empty(status)
        } else if faults.empty_200 {
            http_answer::empty(StatusCode::OK)
        } else if faults.gateway_code != 0 {
            let text = "A fault switch is on.".to_owned();
            Gateway(StatusCode::BAD_REQUEST, faults.gateway_code, text).respond()
        } else if !faults.business_code.is_empty() {
            let envelope = Envelope::business(&faults.business_code, "a fault switch is on");
            answer(StatusCode::OK, &envelope)
        } else {
            return faults.lost_answers.then_some(Fault::Lose);
        };
        Some(Fault::Refuse(Box::new(refusal)))
    }

    /// Counts a call of an account; gives how many it made in this minute, or the refusal of one
    /// too many.
    pub(super) fn weigh(&mut self, cx: &Cx<'_>, user: u64) -> Result<u32, Box<Response<Bytes>>> {
        let now = cx.now.mono;
        let limit = self.faults.calls_per_minute;
        let (since, count) = self.calls.entry(user).or_insert((now, 0));
        if now.saturating_duration_since(*since) >= MINUTE {
            (*since, *count) = (now, 0);
        }
        if limit > 0 && *count >= limit {
            return Err(Box::new(too_many(wait(MINUTE, now.saturating_duration_since(*since)))));
        }
        *count = count.saturating_add(1);
        Ok(*count)
    }
}

/// What is left of a time, in seconds; any part of one counts.
pub(super) fn wait(of: Duration, gone: Duration) -> u64 {
    u64::try_from(of.saturating_sub(gone).as_millis().div_ceil(1000)).unwrap_or(u64::MAX)
}

/// What a timeout behind the gateway looks like. (published documentation)
pub(super) fn lost() -> Response<Bytes> {
    let text = "Timeout waiting for response from backend server. Send status unknown; execution \
                status unknown.";
    Gateway(StatusCode::GATEWAY_TIMEOUT, -1007, text.to_owned()).respond()
}

/// The page of a firewall. (field reports)
fn html() -> Response<Bytes> {
    let page = "<!DOCTYPE html><html><head><title>ERROR: The request could not be satisfied\
                </title></head><body><h1>403 ERROR</h1></body></html>";
    let mut response = Response::new(Bytes::from_static(page.as_bytes()));
    *response.status_mut() = StatusCode::FORBIDDEN;
    let html = HeaderValue::from_static("text/html");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}
