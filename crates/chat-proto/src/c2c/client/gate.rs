//! The one way out for REST calls: limits of the key, pauses the server asks for, used weights.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use http::HeaderMap;

use crate::c2c::C2c;
use crate::c2c::answer::{Refusal, used_weights};
use crate::c2c::client::calls::{Failure, Kind};
use crate::c2c::client::{Alarm, C2cConfig, C2cEvent, Call, State};
use crate::client::Cx;
use crate::error::Rejection;
use crate::rest::Gcra;
use crate::time::UnixMillis;

/// Most headers about weights that are remembered. (choice)
pub(super) const MAX_WEIGHTS: usize = 16;

/// How much of the service's limits is used, by the name of the header that said so
/// (`x-sapi-used-ip-weight-1m` and the like), as of the last answer that had it.
pub type Weights = BTreeMap<String, u64>;

/// Calls that wait for their turn, and what they wait for.
#[derive(Debug)]
pub(super) struct Gate {
    calls: Gcra,
    uploads: Gcra,
    tickets: Gcra,
    queue: VecDeque<Call>,
    /// No call before this, because the server said so with this status.
    paused: Option<(Instant, u16)>,
    weights: Weights,
}

impl Gate {
    pub(super) fn new(config: &C2cConfig) -> Self {
        Self {
            calls: Gcra::new(config.calls),
            uploads: Gcra::new(config.uploads),
            tickets: Gcra::new(config.tickets),
            queue: VecDeque::new(),
            paused: None,
            weights: Weights::new(),
        }
    }

    pub(super) const fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Calls that wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Forgets the calls that wait and are not wanted any more.
    pub(super) fn retain(&mut self, wanted: impl Fn(&Kind) -> bool) {
        self.queue.retain(|call| wanted(&call.0));
    }

    /// Notes a call that starts, which the limits were asked about.
    fn take(&mut self, now: Instant, is_ticket: bool, is_upload: bool) {
        let own = [(is_ticket, &mut self.tickets), (is_upload, &mut self.uploads)];
        for (_, limit) in own.into_iter().chain([(true, &mut self.calls)]).filter(|it| it.0) {
            let _ = limit.take(now);
        }
    }

    /// How long the pause that the server asked for still lasts, and the status it came with.
    fn pause(&self, now: Instant) -> Option<(Duration, u16)> {
        let (until, status) = self.paused?;
        (until > now).then(|| (until.saturating_duration_since(now), status))
    }
}

impl State {
    /// Starts a call as soon as the limits allow.
    pub(super) fn issue(&mut self, cx: &mut Cx<'_, C2c>, call: Call) {
        // Without a ticket there is no session, and the probe of the clock holds up others.
        if matches!(call.0, Kind::Credential | Kind::Time(_)) {
            self.gate.queue.push_front(call);
        } else {
            self.gate.queue.push_back(call);
        }
        self.pump_calls(cx);
    }

    /// Starts what the limits allow, and wakes again for the rest.
    pub(super) fn pump_calls(&mut self, cx: &mut Cx<'_, C2c>) {
        let now = cx.now().mono;
        cx.clear_alarm(Alarm::Calls);
        if let Some((pause, status)) = self.gate.pause(now) {
            if !self.gate.queue.is_empty() {
                cx.set_alarm(Alarm::Calls, pause);
            }
            return self.refuse_what_cannot_wait(cx, pause, status);
        }
        let mut wake: Option<Instant> = None;
        let mut later = |at: Instant| wake = Some(wake.map_or(at, |wake| wake.min(at)));
        let mut place = 0;
        while let Some(call) = self.gate.queue.get(place) {
            let all = self.gate.calls.ready_at(now);
            if all > now {
                later(all);
                break;
            }
            let is_ticket = matches!(call.0, Kind::Credential);
            let is_upload = call.0.is_upload(cx);
            let ready = match (is_ticket, is_upload) {
                (true, _) => self.gate.tickets.ready_at(now),
                (_, true) => self.gate.uploads.ready_at(now),
                (false, false) => now,
            };
            if ready > now && !is_ticket {
                later(ready);
                place += 1;
                continue;
            }
            let Some(Call(kind, tries)) = self.gate.queue.remove(place) else { break };
            if ready > now {
                let rejection = Rejection {
                    retry_after: Some(ready.saturating_duration_since(now)),
                    ..Rejection::new("limit", "tickets are asked for too often")
                };
                self.fail(cx, kind, &Failure::Paused(rejection));
                continue;
            }
            // What has ended meanwhile takes no place in the limits.
            let Some(request) = self.build(cx, &kind) else { continue };
            self.gate.take(now, is_ticket, is_upload);
            self.started(cx, &kind);
            cx.http(Call(kind, tries), request);
        }
        if let Some(at) = wake {
            cx.set_alarm(Alarm::Calls, at.saturating_duration_since(now));
        }
    }

    /// A pause is longer than some calls can wait: they fail now, and say when to try again.
    fn refuse_what_cannot_wait(&mut self, cx: &mut Cx<'_, C2c>, pause: Duration, status: u16) {
        let longest = self.config.max_wait;
        let waits = |kind: &Kind| match kind {
            // What is missed is missed until the pause is over; nobody waits for an answer.
            Kind::Backfill(_) | Kind::Time(_) => true,
            // A dial has its own pauses, which the application sees.
            Kind::Credential => false,
            Kind::Request(_) | Kind::Verify(_) | Kind::Place(_) => pause <= longest,
            Kind::Put(_) => true,
        };
        let (stay, fail): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.gate.queue).into_iter().partition(|call| waits(&call.0));
        self.gate.queue = stay;
        for call in fail {
            let rejection = Rejection {
                retry_after: Some(pause),
                ..Rejection::new(status, "calls are paused, as the server asked")
            };
            self.fail(cx, call.0, &Failure::Paused(rejection));
        }
    }

    /// How long the pause that the server asked for still lasts.
    pub(super) fn pause_left(&self, cx: &Cx<'_, C2c>) -> Option<Duration> {
        self.gate.pause(cx.now().mono).map(|(pause, _)| pause)
    }

    /// Whether a request's call has not been started.
    pub(super) fn is_waiting_call(&self, of: impl Fn(&Kind) -> bool) -> bool {
        self.gate.queue.iter().any(|call| of(&call.0))
    }

    /// Notes how much of the limits is used.
    pub(super) fn note_weights(&mut self, cx: &mut Cx<'_, C2c>, headers: &HeaderMap) {
        let alert = self.config.weight_alert;
        for (header, used) in used_weights(headers) {
            let weights = &mut self.gate.weights;
            if weights.len() >= MAX_WEIGHTS && !weights.contains_key(header) {
                continue;
            }
            let before = weights.insert(header.to_owned(), used).unwrap_or(0);
            if before < alert && used >= alert {
                cx.event(C2cEvent::WeightHigh { header: header.to_owned(), used });
            }
        }
    }

    /// The server asks for fewer calls: none is made for as long as it says, or as is configured.
    pub(super) fn throttle(&mut self, cx: &mut Cx<'_, C2c>, refusal: &Refusal) {
        let server = cx.now().unix.shifted(self.skew);
        let named = refusal.retry_after.or_else(|| {
            let until = refusal.banned_until()?.as_millis();
            Some(Duration::from_millis(until.saturating_sub(server.as_millis())))
        });
        let usual = self.config.limit_pause * if refusal.status == 418 { 2 } else { 1 };
        let pause = named.unwrap_or(usual).min(crate::rest::MAX_RETRY_AFTER);
        let until = cx.later(pause);
        if self.gate.paused.is_none_or(|(at, _)| at < until) {
            self.gate.paused = Some((until, refusal.status));
            cx.event(C2cEvent::Throttled { status: refusal.status, pause });
        }
        self.pump_calls(cx);
    }

    /// The server's clock as far as it is known.
    pub(super) fn server_now(&self, cx: &Cx<'_, C2c>) -> UnixMillis {
        cx.now().unix.shifted(self.skew)
    }
}
