//! A client session of order chat.
//!
//! One session per account carries the chats of all its orders. Each dial uses a fresh ticket. A
//! message that was sent ends as accepted (its echo came, or history shows it), rejected (an error
//! frame named it) or unknown; it is never sent again by itself. What arrives is emitted once, and
//! what was missed while the link was down is read from history for each watched order.

mod backfill;
mod calls;
mod seen;
mod sends;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::c2c::frame::{Down, ImageRef, Kind, Push, Up};
use crate::c2c::history::HistoryItem;
use crate::c2c::rest::{Api, HistoryQuery, UploadSlot};
use crate::c2c::value::MessageId;
use crate::c2c::{C2c, OrderNo};
use crate::client::{Cx, Prepare, RequestId, Service, Session, SessionConfig, Verdict};
use crate::codec::Wire;
use crate::error::{CallError, Lost, Rejection, RequestError};
use crate::json::Raw;
use crate::machine::{CloseFrame, HttpResult, LinkFailure, Text};
use crate::time::{Now, Skew};

use self::backfill::{Backfill, Watch};
use self::calls::Paused;
use self::seen::Seen;
use self::sends::Send;

/// With so many messages unwritten, no more pongs are added.
const MAX_BACKLOG: usize = 16;

/// Settings of a session of order chat.
#[derive(Clone, Debug, PartialEq)]
pub struct C2cConfig {
    /// What all services share. Here: a ping every 30 s, dead after 75 s of silence (field reports),
    /// and 5 s for an echo before history is asked.
    pub session: SessionConfig,
    /// Between two messages. Bursts of more than two were seen to vanish, and 800 ms to cure it.
    /// (field report)
    pub pace: Duration,
    /// How often history is read for a message without an echo.
    pub verify_tries: u32,
    /// Between those reads.
    pub verify_spacing: Duration,
    /// How long to stay away after another session of the account took over. Long, so that two
    /// processes with one key do not throw each other out for ever.
    pub taken_over_pause: Duration,
    /// How many messages are remembered, so that none is emitted twice.
    pub max_seen: usize,
    /// How many orders can be watched.
    pub max_watched: usize,
    /// Pages of 100 messages that are read for one order after a connect, at most.
    pub backfill_pages: u32,
    /// Pause before a page that could not be read is asked for again.
    pub backfill_retry: Duration,
}

impl Default for C2cConfig {
    fn default() -> Self {
        Self {
            session: SessionConfig {
                heartbeat: Duration::from_secs(30),
                silence: Duration::from_secs(75),
                request_timeout: Duration::from_secs(5),
                ..SessionConfig::default()
            },
            pace: Duration::from_millis(800),
            verify_tries: 3,
            verify_spacing: Duration::from_secs(1),
            taken_over_pause: Duration::from_secs(300),
            max_seen: 4096,
            max_watched: 1000,
            backfill_pages: 10,
            backfill_retry: Duration::from_secs(10),
        }
    }
}

/// What a session of order chat tells the application.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum C2cEvent {
    /// A frame came: a message (each once; not the echo that completed a request), a read mark, a
    /// recall, counters, an unknown kind.
    Push(Incoming),
    /// A text that is no frame, as it came.
    Raw(Text),
    /// How a message that was sent is doing. The end is in [`Completed`](crate::client::Event::Completed).
    Sending {
        /// The request.
        id: RequestId,
        /// The message's id on the wire.
        uuid: String,
        /// What happened.
        progress: Progress,
    },
    /// An order is up to date: what history had was emitted before this.
    Backfilled {
        /// The order.
        order_no: String,
        /// How many messages came from history.
        count: usize,
        /// `false`: history went on beyond the configured number of pages.
        complete: bool,
    },
    /// History could not be read for a watched order; another try follows.
    BackfillFailed {
        /// The order.
        order_no: String,
        /// Why.
        why: Rejection,
    },
    /// The server's clock differs; requests are signed with its time from here on.
    ClockCorrected {
        /// How far the server is ahead.
        skew: Skew,
    },
}

/// A frame and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// The frame.
    pub push: Box<Push<'static>>,
    /// The text it was read from; `None` when it comes from history.
    pub raw: Option<Text>,
}

impl Incoming {
    /// Whether it was read from history.
    #[must_use]
    pub const fn is_from_history(&self) -> bool {
        self.raw.is_none()
    }
}

/// Steps of a message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// It was given to the socket.
    Written,
    /// No echo came in time: history is asked.
    Verifying,
}

/// Answers to requests.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// The message stands in the chat.
    Accepted(Accepted),
    /// A page of history, newest first.
    History(HistoryPage),
    /// Messages are marked as read.
    Marked,
    /// A place to put a picture.
    Upload(UploadSlot),
    /// The `data` of another call.
    Data(Raw<'static>),
}

/// A message that stands in the chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The id we gave it.
    pub uuid: String,
    /// The id the server gave it.
    pub message_id: Option<MessageId<'static>>,
    /// The server's time, in milliseconds since 1970.
    pub create_time: Option<u64>,
    /// No echo came; history shows it.
    pub from_history: bool,
}

/// A page of history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryPage {
    /// Messages of the order that was asked for.
    pub items: Vec<HistoryItem<'static>>,
    /// How many messages of other orders the server mixed in; they were left out.
    pub foreign: usize,
    /// How many messages there are in all, where the server says so.
    pub total: Option<u64>,
}

/// How far an order was read. Store it, and a restarted program misses nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The highest message id that was emitted.
    pub last_id: Option<i64>,
    /// Messages before this time are not wanted, in milliseconds since 1970.
    pub since_millis: u64,
}

/// From where on the messages of an order are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// All that history has, up to the configured number of pages.
    Start,
    /// Only those from now on.
    Now,
    /// Those after a checkpoint.
    Checkpoint(Checkpoint),
}

/// What a session remembers of a request.
#[derive(Debug)]
pub enum Ask {
    /// A message.
    #[doc(hidden)]
    Send(Box<SendAsk>),
    /// A REST call.
    #[doc(hidden)]
    Rest(Rest),
}

/// A message that waits for its echo.
#[derive(Debug)]
pub struct SendAsk(Send);

/// A REST call of the application.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Rest {
    /// A page of history.
    History(HistoryQuery),
    /// `markOrderMessagesAsRead`.
    MarkOrder {
        /// The order.
        order_no: String,
        /// The user whose messages were read.
        user_id: Option<i64>,
    },
    /// `markUserMessagesAsRead`.
    MarkUser {
        /// The user whose messages were read.
        user_id: Option<i64>,
    },
    /// `image/pre-signed-url`.
    PreSignedUrl {
        /// Name of the file with its extension.
        image_name: String,
    },
    /// `getRiskWarningTips`.
    RiskTips {
        /// The order.
        order_no: String,
        /// The currency paid in.
        fiat: String,
        /// Where the tips are shown.
        scene: String,
    },
}

/// What a session remembers of an HTTP exchange.
#[derive(Clone, Debug)]
pub struct Call(calls::Kind, calls::Try);

/// Timers of a session of order chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// The next message may be written.
    Pace,
    /// A page of history may be asked for again.
    Backfill,
}

/// What a session of order chat remembers.
#[derive(Debug)]
pub struct State {
    config: C2cConfig,
    api: Api,
    skew: Skew,
    /// The time was asked for; these calls wait for the answer.
    probing: bool,
    paused: Vec<Paused>,
    queue: VecDeque<RequestId>,
    next_write: Option<Instant>,
    seen: Seen,
    watches: BTreeMap<String, Watch>,
    to_fill: VecDeque<String>,
    filling: Option<Backfill>,
}

impl Session<C2c> {
    /// A session of one account that is not connected yet. The same `seed` gives the same ids, so
    /// draw it from the operating system.
    #[must_use]
    pub fn c2c(config: C2cConfig, api: Api, seed: u64, now: Now) -> Self {
        let session = config.session.clone();
        let state = State {
            seen: Seen::new(config.max_seen),
            config,
            api,
            skew: Skew::default(),
            probing: false,
            paused: Vec::new(),
            queue: VecDeque::new(),
            next_write: None,
            watches: BTreeMap::new(),
            to_fill: VecDeque::new(),
            filling: None,
        };
        Self::new(session, state, seed, now)
    }

    /// Other keys or another server, for the next call.
    pub fn set_api(&mut self, api: Api, now: Now) {
        self.with(now, |state, _| state.api = api);
    }

    /// How far the server's clock is ahead, as far as is known.
    #[must_use]
    pub const fn skew(&self) -> Skew {
        self.state().skew
    }

    /// Sends a text to an order. Completes with [`Answer::Accepted`].
    ///
    /// # Errors
    ///
    /// The session has ended, too many requests wait, the order number is empty or absurdly long, or
    /// the frame is longer than [`SessionConfig::max_message`].
    pub fn send_text(
        &mut self,
        order_no: &str,
        text: &str,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.with(now, |state, cx| {
            sends::send(state, cx, order_no, |uuid, order_no, at| {
                Up::text(uuid, order_no, text, at).encode_frame()
            })
        })
    }

    /// Sends a picture that was uploaded before. Completes with [`Answer::Accepted`].
    ///
    /// # Errors
    ///
    /// As [`Session::send_text`].
    pub fn send_image(
        &mut self,
        order_no: &str,
        image: ImageRef<'_>,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.with(now, |state, cx| {
            sends::send(state, cx, order_no, |uuid, order_no, at| {
                Up::image(uuid, order_no, image, at).encode_frame()
            })
        })
    }

    /// Performs a REST call of the account. Works without a connection, too.
    ///
    /// # Errors
    ///
    /// The session has ended, too many requests wait, or an argument is empty or too long.
    pub fn call(&mut self, call: Rest, now: Now) -> Result<RequestId, CallError> {
        self.with(now, |state, cx| {
            call.check()?;
            let id = cx.request(None, Ask::Rest(call))?;
            // An exchange has its own deadline; the request must outlive it, a probe of the clock
            // and the second try.
            let patience = cx.config().http_timeout.saturating_mul(3);
            cx.postpone(id, patience);
            state.issue(cx, Call::first(calls::Kind::Request(id)));
            Ok(id)
        })
    }

    /// Reads a page of history. Completes with [`Answer::History`].
    ///
    /// # Errors
    ///
    /// As [`Session::call`].
    pub fn history(&mut self, query: HistoryQuery, now: Now) -> Result<RequestId, CallError> {
        self.call(Rest::History(query), now)
    }

    /// Marks the messages of an order as read. Completes with [`Answer::Marked`].
    ///
    /// # Errors
    ///
    /// As [`Session::call`].
    pub fn mark_read(
        &mut self,
        order_no: &str,
        user_id: Option<i64>,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.call(Rest::MarkOrder { order_no: order_no.to_owned(), user_id }, now)
    }

    /// Asks for a place to put a picture. Completes with [`Answer::Upload`].
    ///
    /// # Errors
    ///
    /// As [`Session::call`].
    pub fn pre_signed_url(&mut self, image_name: &str, now: Now) -> Result<RequestId, CallError> {
        self.call(Rest::PreSignedUrl { image_name: image_name.to_owned() }, now)
    }

    /// Watches an order: after every connect, and now when connected, history is read from where it
    /// was left, oldest first. Messages of orders that are not watched are emitted as well, but what
    /// is missed of them stays missed.
    ///
    /// # Errors
    ///
    /// Too many orders are watched, or the number is empty.
    pub fn watch(&mut self, order_no: &str, since: Since, now: Now) -> Result<(), CallError> {
        self.with(now, |state, cx| backfill::watch(state, cx, order_no, since))
    }

    /// Stops watching an order; gives how far it was read.
    pub fn unwatch(&mut self, order_no: &str, now: Now) -> Option<Checkpoint> {
        self.with(now, |state, _| state.watches.remove(order_no).map(|watch| watch.checkpoint()))
    }

    /// How far a watched order was read.
    #[must_use]
    pub fn checkpoint(&self, order_no: &str) -> Option<Checkpoint> {
        self.state().watches.get(order_no).map(Watch::checkpoint)
    }
}

impl Up<'_> {
    fn encode_frame(&self) -> Text {
        Wire::encode(self)
    }
}

impl Service for C2c {
    type State = State;
    type Event = C2cEvent;
    type Answer = Answer;
    type Key = String;
    type Ask = Ask;
    type Call = Call;
    type Alarm = Alarm;

    fn prepare(state: &mut State, cx: &mut Cx<'_, Self>) -> Prepare {
        state.issue(cx, Call::first(calls::Kind::Credential));
        Prepare::Fetching
    }

    /// Messages flow at once: there is no opening frame. (seed)
    fn on_open(state: &mut State, cx: &mut Cx<'_, Self>) {
        cx.ready();
        sends::pump(state, cx);
        backfill::start_all(state, cx);
    }

    fn on_frame(state: &mut State, frame: Down<'_>, text: &Text, cx: &mut Cx<'_, Self>) {
        match Wire::share(frame, text) {
            Down::Push(push) => state.on_push(Box::new(push), text, cx),
            Down::Batch(pushes) => {
                for push in pushes {
                    state.on_push(Box::new(push), text, cx);
                }
            }
            // An empty object is somebody's idea of a heartbeat. (field report)
            Down::Other(raw) if raw.as_str() == "{}" => {}
            Down::Other(_) => cx.event(C2cEvent::Raw(text.clone())),
        }
    }

    fn on_garbage(_: &mut State, text: &Text, cx: &mut Cx<'_, Self>) {
        if !text.is_empty() {
            cx.event(C2cEvent::Raw(text.clone()));
        }
    }

    fn on_response(state: &mut State, call: Call, result: HttpResult, cx: &mut Cx<'_, Self>) {
        state.respond(cx, call, result);
    }

    fn on_alarm(state: &mut State, alarm: Alarm, cx: &mut Cx<'_, Self>) {
        match alarm {
            Alarm::Pace => sends::pump(state, cx),
            Alarm::Backfill => backfill::resume(state, cx),
        }
    }

    /// A second session of the account throws the first one out with this reason. (field reports)
    fn on_close(_: &mut State, frame: Option<CloseFrame>) -> Lost {
        match &frame {
            Some(close) if close.reason.as_str().eq_ignore_ascii_case("bye") => Lost::TakenOver,
            _ => Lost::ClosedByPeer(frame),
        }
    }

    fn on_lost(state: &mut State, why: &Lost, cx: &mut Cx<'_, Self>) -> Verdict {
        state.forget_calls(cx);
        sends::verify_written(state, cx);
        backfill::interrupt(state);
        match why {
            Lost::TakenOver => Verdict::Retry(Some(state.config.taken_over_pause)),
            Lost::Refused(rejection) => Verdict::Retry(rejection.retry_after),
            Lost::Link(LinkFailure::Refused { retry_after, .. }) => Verdict::Retry(*retry_after),
            Lost::Link(_)
            | Lost::ClosedByPeer(_)
            | Lost::Silent(_)
            | Lost::OpenTimedOut(_)
            | Lost::Prepare(_)
            | Lost::Recycled => Verdict::Retry(None),
        }
    }

    fn on_unanswered(
        state: &mut State,
        id: RequestId,
        cx: &mut Cx<'_, Self>,
    ) -> Option<RequestError> {
        match cx.ask(id) {
            Some(Ask::Send(_)) => sends::on_unanswered(state, cx, id),
            Some(Ask::Rest(call)) => Some(call.without_answer()),
            None => None,
        }
    }

    fn on_cancelled(state: &mut State, cx: &mut Cx<'_, Self>) {
        state.queue.retain(|id| cx.ask(*id).is_some());
    }

    fn on_cut_short(ask: &Ask) -> RequestError {
        match ask {
            Ask::Send(send) if send.0.is_queued() => RequestError::Cancelled,
            Ask::Send(_) => RequestError::Unknown,
            Ask::Rest(call) => call.without_answer(),
        }
    }
}

impl Rest {
    /// Reads have no effect; the others may have had theirs.
    const fn without_answer(&self) -> RequestError {
        match self {
            Self::History(_) | Self::RiskTips { .. } | Self::PreSignedUrl { .. } => {
                RequestError::TimedOut
            }
            Self::MarkOrder { .. } | Self::MarkUser { .. } => RequestError::Unknown,
        }
    }
}

impl State {
    fn on_push(&mut self, push: Box<Push<'static>>, text: &Text, cx: &mut Cx<'_, C2c>) {
        let kind = push.kind();
        if kind == Kind::Ping {
            // A peer that asks and never reads must not fill our memory.
            if cx.backlog() < MAX_BACKLOG {
                cx.send(&Up::pong());
            }
            return;
        }
        if kind == Kind::Pong
            || (kind == Kind::Error && sends::reject(cx, &push))
            || (kind.is_message() && sends::accept(self, cx, &push, false))
        {
            return;
        }
        if kind.is_message() && !self.seen.insert(&push) {
            return;
        }
        self.note_read(&push);
        cx.event(C2cEvent::Push(Incoming { push, raw: Some(text.clone()) }));
    }

    /// Moves the checkpoint of a watched order.
    fn note_read(&mut self, push: &Push<'_>) {
        let order = push.order().map(OrderNo::text);
        if let (Some(order), Some(id)) = (order, push.id.as_i64())
            && let Some(watch) = self.watches.get_mut(&*order)
        {
            watch.note(id);
        }
    }
}
