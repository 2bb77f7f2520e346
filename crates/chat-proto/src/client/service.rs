//! What a service adds to the engine.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

use super::engine::Cx;
use super::event::{CredentialsProblem, RequestId};
use crate::codec::Dialect;
use crate::error::{CloseReason, Lost, RequestError};
use crate::machine::{CloseFrame, HttpResult, Text, Upgrade};

/// What the service needs before the dial.
#[derive(Debug)]
pub enum Prepare {
    /// Nothing: dial this.
    Dial(Upgrade),
    /// An HTTP exchange was started; [`Cx::dial`] follows.
    Fetching,
    /// The application must act first.
    CredentialsNeeded(CredentialsProblem),
}

/// What to do after a loss.
#[derive(Debug)]
pub enum Verdict {
    /// Try again, not before the hint; after a failure that lasts it is [`Verdict::Park`].
    Retry(Option<Duration>),
    /// Stay away until the application connects again.
    Park,
    /// End the session.
    Stop(CloseReason),
}

/// The service's half of a session. Sealed in spirit: it is right for the services of this crate and
/// may change with them.
pub trait Service: Dialect + Sized + 'static {
    /// What the service remembers.
    type State: Debug;
    /// What it tells the application.
    type Event: Debug;
    /// What it answers to requests.
    type Answer: Debug;
    /// The key of a request on the wire.
    type Key: Hash + Eq + Debug;
    /// What is remembered of a request.
    type Ask: Debug;
    /// What is remembered of an HTTP exchange.
    type Call: Debug;
    /// Its own timers.
    type Alarm: Copy + Ord + Debug;

    /// An attempt starts.
    fn prepare(state: &mut Self::State, cx: &mut Cx<'_, Self>) -> Prepare;

    /// The socket is open: send the opening frames, or say [`Cx::ready`].
    fn on_open(state: &mut Self::State, cx: &mut Cx<'_, Self>);

    /// A text came. A service for which one kind of frame counts most may look for it here.
    fn on_text(state: &mut Self::State, text: Text, cx: &mut Cx<'_, Self>) {
        match cx.decode(&text) {
            Ok(frame) => Self::on_frame(state, frame, &text, cx),
            Err(_) => Self::on_garbage(state, &text, cx),
        }
    }

    /// A frame came. `text` is what it borrows from.
    fn on_frame(state: &mut Self::State, frame: Self::Down<'_>, text: &Text, cx: &mut Cx<'_, Self>);

    /// A text came that is no frame.
    fn on_garbage(state: &mut Self::State, text: &Text, cx: &mut Cx<'_, Self>);

    /// An HTTP exchange ended.
    fn on_response(
        state: &mut Self::State,
        call: Self::Call,
        result: HttpResult,
        cx: &mut Cx<'_, Self>,
    );

    /// One of its timers is due.
    fn on_alarm(state: &mut Self::State, alarm: Self::Alarm, cx: &mut Cx<'_, Self>);

    /// What the peer's close frame means.
    fn on_close(_state: &mut Self::State, frame: Option<CloseFrame>) -> Lost {
        Lost::ClosedByPeer(frame)
    }

    /// The attempt failed or the link is gone. Requests are still in the table.
    fn on_lost(state: &mut Self::State, why: &Lost, cx: &mut Cx<'_, Self>) -> Verdict;

    /// A request was not answered in time: how it ends. `None` when it is asked another way, after
    /// [`Cx::postpone`], or ended already, by [`Cx::complete`].
    fn on_unanswered(
        state: &mut Self::State,
        id: RequestId,
        cx: &mut Cx<'_, Self>,
    ) -> Option<RequestError>;

    /// Whether an exchange goes on when the link is lost; the others are aborted before
    /// [`Service::on_lost`].
    fn outlives_link(_call: &Self::Call) -> bool {
        false
    }

    /// The application gave this request up; it is in the table no more.
    fn on_cancelled(_state: &mut Self::State, _ask: Self::Ask, _cx: &mut Cx<'_, Self>) {}

    /// How a request ends that the application or the end of the session cuts short.
    fn on_cut_short(ask: &mut Self::Ask, cx: &mut Cx<'_, Self>) -> RequestError;
}
