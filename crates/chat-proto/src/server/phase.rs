//! All transitions of a server-side link, in one total `match`.

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Open; the peer has not said who it is.
    Guest,
    /// Open and authenticated.
    Live,
    /// Our close frame is queued or sent; what the peer says no longer counts.
    Closing,
    /// Nothing more is read or written.
    Closed,
}

/// What moves a connection on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stimulus {
    /// The peer proved who it is.
    Authenticated,
    /// Our side wants to end it: shutdown, eviction, a peer that breaks a limit.
    Close,
    /// The time to authenticate is over.
    AuthOverdue,
    /// The peer has been silent for too long.
    Silent,
    /// The peer sent a close frame.
    PeerClosed,
    /// The peer did not answer our close frame in time.
    CloseOverdue,
    /// The transport is gone.
    Lost,
}

impl Phase {
    /// Every phase, for tests that walk the table.
    pub const ALL: [Self; 4] = [Self::Guest, Self::Live, Self::Closing, Self::Closed];

    /// The phase after `stimulus`; the same one where it means nothing.
    #[must_use]
    pub const fn after(self, stimulus: Stimulus) -> Self {
        match (self, stimulus) {
            (Self::Closed, _)
            | (_, Stimulus::PeerClosed | Stimulus::Lost)
            | (Self::Closing, Stimulus::CloseOverdue) => Self::Closed,
            (Self::Guest | Self::Live, Stimulus::Close | Stimulus::Silent)
            | (Self::Guest, Stimulus::AuthOverdue)
            | (
                Self::Closing,
                Stimulus::Authenticated
                | Stimulus::Close
                | Stimulus::AuthOverdue
                | Stimulus::Silent,
            ) => Self::Closing,
            (Self::Guest | Self::Live, Stimulus::Authenticated)
            | (Self::Live, Stimulus::AuthOverdue | Stimulus::CloseOverdue) => Self::Live,
            (Self::Guest, Stimulus::CloseOverdue) => Self::Guest,
        }
    }

    /// Whether the peer is listened to.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Guest | Self::Live)
    }
}

impl Stimulus {
    /// Every stimulus, for tests that walk the table.
    pub const ALL: [Self; 7] = [
        Self::Authenticated,
        Self::Close,
        Self::AuthOverdue,
        Self::Silent,
        Self::PeerClosed,
        Self::CloseOverdue,
        Self::Lost,
    ];
}
