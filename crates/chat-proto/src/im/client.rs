//! The client's half of topic chat: `Session<Im>`.
//!
//! Connecting fetches a token if need be, opens the socket and logs in. The application subscribes to
//! topics and publishes; events tell what happens, and [`Session::topic`] what is known of a topic
//! without asking.
//!
//! # After a loss
//!
//! The application does nothing. The session connects again with growing pauses and
//!
//! 1. logs in, with a fresh token where the old one has expired or was refused;
//! 2. attaches `me` first, where it is followed, and reads which topics changed: those that this user
//!    left, or was removed from, meanwhile are [gone](ImEvent::TopicGone) and not joined again. Nor are
//!    those whose access does not include joining any more;
//! 3. attaches the others, asks how far each goes, and fetches what was missed: each message is told
//!    once and in order, and what cannot be had is announced as a [`ImEvent::Gap`] before what follows
//!    it. Numbers that went backwards are announced as [`ImEvent::Rewound`];
//! 4. finds out about messages whose answer was lost ([`Session::publish`]);
//! 5. asks again what asks for information only, tells receipts that the server has not heard of, and
//!    sends what waited.
//!
//! Changes (`set`, `leave`, `del`) whose answer was lost end in
//! [`RequestError::Unknown`]: they are never repeated.

mod answer;
mod ask;
mod attach;
mod config;
mod delivered;
mod doubt;
mod event;
mod gauges;
mod mirror;
mod notes;
mod notice;
mod own;
mod receive;
mod request;
mod state;
mod track;
mod verbs;

pub use answer::{Answer, Changed, History, Receipt, Subscribed};
pub use config::{Credentials, ImConfig};
pub use delivered::Delivered;
pub use event::{
    AccessChange, Acknowledged, Activity, Deleted, ImEvent, Presence, PresenceKind, ReceiptKind,
    Typing, TypingKind, Updated, UpdatedKind,
};
pub use mirror::TopicView;
pub use request::{HistoryQuery, Publish, Query, Section, SetRequest, Subscribe};

use ask::{Ask, Call, WireId};
use state::{Alarm, ImState};

use crate::client::{Cx, Prepare, RequestId, Service, Session, SessionConfig, Verdict};
use crate::error::{Lost, RequestError};
use crate::gauge::Gauge;
use crate::im::rest::ImHost;
use crate::im::{Down, Im, TopicName, UserId};
use crate::machine::{HttpResult, Text};
use crate::time::Now;

impl Service for Im {
    type State = ImState;
    type Event = ImEvent;
    type Answer = Answer;
    type Key = WireId;
    type Ask = Ask;
    type Call = Call;
    type Alarm = Alarm;

    fn prepare(state: &mut ImState, cx: &mut Cx<'_, Self>) -> Prepare {
        state.prepare(cx)
    }

    fn on_open(state: &mut ImState, cx: &mut Cx<'_, Self>) {
        state.on_open(cx);
    }

    fn on_text(state: &mut ImState, text: Text, cx: &mut Cx<'_, Self>) {
        if let Err(text) = state.on_message(text, cx) {
            match cx.decode(&text) {
                Ok(frame) => state.on_frame(frame, &text, cx),
                Err(_) => Self::on_garbage(state, &text, cx),
            }
        }
    }

    fn on_frame(state: &mut ImState, frame: Down<'_>, text: &Text, cx: &mut Cx<'_, Self>) {
        state.on_frame(frame, text, cx);
    }

    fn on_garbage(_: &mut ImState, text: &Text, cx: &mut Cx<'_, Self>) {
        // `0` answers the application probe `1`: a sign of life and nothing else. (tinode-code)
        if text.as_str() != "0" {
            cx.event(ImEvent::Garbage(text.clone()));
        }
    }

    fn on_response(state: &mut ImState, call: Call, result: HttpResult, cx: &mut Cx<'_, Self>) {
        state.on_response(call, result, cx);
    }

    fn on_alarm(state: &mut ImState, alarm: Alarm, cx: &mut Cx<'_, Self>) {
        state.on_alarm(alarm, cx);
    }

    fn on_lost(state: &mut ImState, why: &Lost, cx: &mut Cx<'_, Self>) -> Verdict {
        state.on_lost(why, cx)
    }

    fn on_unanswered(
        state: &mut ImState,
        id: RequestId,
        cx: &mut Cx<'_, Self>,
    ) -> Option<RequestError> {
        state.on_unanswered(id, cx);
        None
    }

    /// A refresh token works once: the answer that brings the next one must not be missed.
    fn outlives_link(_: &Call) -> bool {
        true
    }

    fn on_cancelled(state: &mut ImState, ask: Ask, cx: &mut Cx<'_, Self>) {
        if ask.says_farewell() {
            state.unfollow(&ask.topic, cx);
        }
        state.on_ended(cx);
    }

    fn gauges(state: &ImState, config: &SessionConfig) -> Vec<Gauge> {
        state.gauges(config.max_requests)
    }

    fn on_cut_short(ask: &mut Ask, cx: &mut Cx<'_, Self>) -> RequestError {
        ask.sent = ask.sent && !cx.take_back(ask.number);
        ask.cut_short()
    }
}

impl Session<Im> {
    /// A session that is not connected yet. `seed` decides ids and delays: take it from the
    /// operating system, and another one for each session.
    #[must_use]
    pub fn im(config: ImConfig, seed: u64, now: Now) -> Self {
        let engine = config.session.clone();
        Self::new(engine, ImState::new(config), seed, now)
    }

    /// Who is logged in; `None` before the first login.
    #[must_use]
    pub const fn user(&self) -> Option<&UserId> {
        self.state().user()
    }

    /// Where chat and files are.
    #[must_use]
    pub const fn host(&self) -> &ImHost {
        &self.state().config.host
    }

    /// The token for file transfers, replaced at each login.
    #[must_use]
    pub const fn file_token(&self) -> Option<&chat_sign::FileToken> {
        self.state().file_token()
    }

    /// What the session knows of a topic, without asking the server: topics it follows, and, while it
    /// follows `me`, this user's others.
    #[must_use]
    pub fn topic(&self, topic: &TopicName) -> Option<TopicView<'_>> {
        let state = self.state();
        state.mirror.view(&state.topics, topic.as_str())
    }

    /// All topics the session knows of, those it follows first.
    pub fn topics(&self) -> impl Iterator<Item = TopicView<'_>> {
        let state = self.state();
        state.mirror.views(&state.topics)
    }

    /// Other credentials, for the next attempt.
    pub fn set_credentials(&mut self, credentials: Credentials, now: Now) {
        self.with(now, |state, _| state.set_credentials(credentials));
    }
}
