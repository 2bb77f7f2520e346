//! What a session of order chat tells the application.

use std::time::Duration;

use crate::c2c::client::Checkpoint;
use crate::c2c::frame::Push;
use crate::c2c::history::HistoryItem;
use crate::c2c::rest::UploadSlot;
use crate::c2c::value::MessageId;
use crate::c2c::view::View;
use crate::client::RequestId;
use crate::error::Rejection;
use crate::json::Raw;
use crate::machine::Text;
use crate::time::{Skew, UnixMillis};

/// What a session of order chat tells the application.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum C2cEvent {
    /// A frame came: a message (each once; not the echo that completed a request), a read mark, a
    /// recall, counters, an unknown kind.
    Push(Incoming),
    /// A text that is no frame, as it came; from history a message that cannot be read.
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
        /// What to store now.
        checkpoint: Checkpoint,
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
    /// The server asked for fewer calls, or banned the address: no call of the key is made until
    /// the pause is over.
    Throttled {
        /// The HTTP status.
        status: u16,
        /// How long the pause is from now on.
        pause: Duration,
    },
    /// A limit of the service is nearly used up: see [`C2cConfig::weight_alert`](super::C2cConfig::weight_alert).
    /// Told once each time the weight rises to it.
    WeightHigh {
        /// The header that says so, in lower case.
        header: String,
        /// How much is used.
        used: u64,
    },
}

/// A frame, where it came from and when.
///
/// Everything that disputes ask for is here and never changes: the text as it came and the time of
/// its arrival.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// The frame.
    pub push: Box<Push<'static>>,
    /// The text it was read from: the WebSocket message, or the item of history.
    pub raw: Text,
    /// Which of the two.
    pub source: Source,
    /// When this session got it, by the server's clock as far as that is known.
    pub received: UnixMillis,
    /// Everything of the order before it was told.
    pub(super) gapless: bool,
}

/// Where a frame came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The WebSocket: it has just happened.
    Socket,
    /// History: it happened while the session was away, or before.
    History,
}

impl Incoming {
    /// Whether it was read from history.
    #[must_use]
    pub const fn is_from_history(&self) -> bool {
        matches!(self.source, Source::History)
    }

    /// What it says, by kind.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        self.push.view()
    }

    /// How far its order is read once this message is dealt with: store it, and a restarted program
    /// goes on after it. `None` when nothing before it may be skipped (the order is not watched, or
    /// is still being caught up with; then [`C2cEvent::Backfilled`] brings one).
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.gapless.then(|| Checkpoint::at(&self.push))
    }
}

/// Steps of a message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// A place for the picture was asked for, for the n-th time, from 1.
    Preparing(u32),
    /// The bytes of the picture are being uploaded.
    Uploading {
        /// How many they are.
        bytes: usize,
    },
    /// They are uploaded; the message that names them follows.
    Uploaded,
    /// It was given to the socket.
    Written,
    /// No echo came in time: history is asked.
    Verifying,
    /// History proves that it is lost: it is sent once more.
    Resending,
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
    /// How many of its messages cannot be read.
    pub unreadable: usize,
    /// How many messages there are in all, where the server says so.
    pub total: Option<u64>,
}
