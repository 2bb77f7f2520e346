//! All transitions of a client's link, in one table.
//!
//! ```text
//! Idle ─Connect→ Preparing ─Prepared→ Dialing ─Opened→ Opening ─Ready→ Ready ─Close→ Closing ─Ended→ Closed
//!                   └───────────── Lost ──────────────────────────→ Waiting ─Connect|RetryDue→ Preparing
//! ```

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Not asked to connect yet.
    Idle,
    /// Fetching what the dial needs: a token, a ticket.
    Preparing,
    /// The transport is opening the socket.
    Dialing,
    /// The socket is open; the service's opening frames are under way.
    Opening,
    /// Usable.
    Ready,
    /// Between attempts.
    Waiting,
    /// The close handshake is under way.
    Closing,
    /// Ended for good.
    Closed,
}

/// What can move a session from phase to phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stimulus {
    /// The application wants to be connected.
    Connect,
    /// The pause is over.
    RetryDue,
    /// Everything for the dial is there.
    Prepared,
    /// The socket is open.
    Opened,
    /// The service's opening succeeded.
    Ready,
    /// The attempt failed or the link is gone.
    Lost,
    /// The application wants to close.
    Close,
    /// The close handshake ended, or took too long.
    Ended,
    /// No further attempt can help.
    Stop,
}

impl Stimulus {
    /// Every stimulus, for tables.
    pub const ALL: [Self; 9] = [
        Self::Connect,
        Self::RetryDue,
        Self::Prepared,
        Self::Opened,
        Self::Ready,
        Self::Lost,
        Self::Close,
        Self::Ended,
        Self::Stop,
    ];
}

impl Phase {
    /// Every phase, for tables.
    pub const ALL: [Self; 8] = [
        Self::Idle,
        Self::Preparing,
        Self::Dialing,
        Self::Opening,
        Self::Ready,
        Self::Waiting,
        Self::Closing,
        Self::Closed,
    ];

    /// Whether a transport attempt exists.
    #[must_use]
    pub const fn has_link(self) -> bool {
        matches!(self, Self::Dialing | Self::Opening | Self::Ready | Self::Closing)
    }

    /// The phase after `stimulus`; `None` when the stimulus means nothing in this phase.
    #[must_use]
    pub const fn after(self, stimulus: Stimulus) -> Option<Self> {
        use Stimulus as On;
        match self {
            Self::Idle => match stimulus {
                On::Connect => Some(Self::Preparing),
                On::Close | On::Stop => Some(Self::Closed),
                On::RetryDue | On::Prepared | On::Opened | On::Ready | On::Lost | On::Ended => None,
            },
            Self::Preparing => match stimulus {
                On::Prepared => Some(Self::Dialing),
                On::Lost => Some(Self::Waiting),
                On::Close | On::Stop => Some(Self::Closed),
                On::Connect | On::RetryDue | On::Opened | On::Ready | On::Ended => None,
            },
            Self::Dialing => match stimulus {
                On::Opened => Some(Self::Opening),
                On::Lost => Some(Self::Waiting),
                // Nothing to shake hands with yet.
                On::Close | On::Stop => Some(Self::Closed),
                On::Connect | On::RetryDue | On::Prepared | On::Ready | On::Ended => None,
            },
            Self::Opening => match stimulus {
                On::Ready => Some(Self::Ready),
                On::Lost => Some(Self::Waiting),
                On::Close => Some(Self::Closing),
                On::Stop => Some(Self::Closed),
                On::Connect | On::RetryDue | On::Prepared | On::Opened | On::Ended => None,
            },
            Self::Ready => match stimulus {
                On::Lost => Some(Self::Waiting),
                On::Close => Some(Self::Closing),
                On::Stop => Some(Self::Closed),
                On::Connect | On::RetryDue | On::Prepared | On::Opened | On::Ready | On::Ended => {
                    None
                }
            },
            Self::Waiting => match stimulus {
                On::Connect | On::RetryDue => Some(Self::Preparing),
                On::Close | On::Stop => Some(Self::Closed),
                On::Prepared | On::Opened | On::Ready | On::Lost | On::Ended => None,
            },
            Self::Closing => match stimulus {
                // A link that is lost while closing is closed.
                On::Ended | On::Lost | On::Stop => Some(Self::Closed),
                On::Connect | On::RetryDue | On::Prepared | On::Opened | On::Ready | On::Close => {
                    None
                }
            },
            Self::Closed => None,
        }
    }
}
