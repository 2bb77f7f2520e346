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
        use Phase as P;
        use Stimulus as S;
        match (self, stimulus) {
            (P::Idle | P::Waiting, S::Connect) | (P::Waiting, S::RetryDue) => Some(P::Preparing),
            (P::Preparing, S::Prepared) => Some(P::Dialing),
            (P::Dialing, S::Opened) => Some(P::Opening),
            (P::Opening, S::Ready) => Some(P::Ready),
            (P::Preparing | P::Dialing | P::Opening | P::Ready, S::Lost) => Some(P::Waiting),
            (P::Opening | P::Ready, S::Close) => Some(P::Closing),
            // Nothing to shake hands with; and a link lost while closing is closed.
            (P::Idle | P::Preparing | P::Dialing | P::Waiting, S::Close)
            | (P::Closing, S::Ended | S::Lost)
            | (
                P::Idle
                | P::Preparing
                | P::Dialing
                | P::Opening
                | P::Ready
                | P::Waiting
                | P::Closing,
                S::Stop,
            ) => Some(P::Closed),
            (
                P::Preparing | P::Dialing | P::Opening | P::Ready | P::Closing | P::Closed,
                S::Connect,
            )
            | (
                P::Idle
                | P::Preparing
                | P::Dialing
                | P::Opening
                | P::Ready
                | P::Closing
                | P::Closed,
                S::RetryDue,
            )
            | (
                P::Idle | P::Dialing | P::Opening | P::Ready | P::Waiting | P::Closing | P::Closed,
                S::Prepared,
            )
            | (
                P::Idle
                | P::Preparing
                | P::Opening
                | P::Ready
                | P::Waiting
                | P::Closing
                | P::Closed,
                S::Opened,
            )
            | (
                P::Idle
                | P::Preparing
                | P::Dialing
                | P::Ready
                | P::Waiting
                | P::Closing
                | P::Closed,
                S::Ready,
            )
            | (P::Idle | P::Waiting | P::Closed, S::Lost)
            | (P::Closing | P::Closed, S::Close)
            | (
                P::Idle
                | P::Preparing
                | P::Dialing
                | P::Opening
                | P::Ready
                | P::Waiting
                | P::Closed,
                S::Ended,
            )
            | (P::Closed, S::Stop) => None,
        }
    }
}
