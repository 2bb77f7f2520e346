//! What is demanded.

use std::fmt;
use std::time::Duration;

/// What the model demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    /// What was acknowledged is in history and in the stream of everybody who is entitled to it.
    Kept,
    /// Nothing is stored twice, or told twice.
    Once,
    /// Messages come in order, and a hole is announced before what follows it.
    Order,
    /// Nobody is told what they may not read, and nobody writes or changes what they may not.
    Entitled,
    /// An answer that says "done" is true.
    True,
    /// What was refused, or never happened by its answer, left nothing.
    NoTrace,
    /// A request ends as "unknown" only where its client could not know.
    Knowable,
    /// Every request ends once.
    Answered,
    /// Numbers have no holes.
    Dense,
    /// A group has one owner.
    OneOwner,
    /// Read marks are somebody's, and inside the conversation.
    Marks,
    /// No secret is shown.
    Secret,
    /// No queue is fuller than it may be.
    Bound,
}

/// A demand that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When, since the world began.
    pub at: Duration,
    /// Which.
    pub demand: Demand,
    /// What happened instead.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}: {}", self.demand, self.at, self.what)
    }
}

/// What the model must know beforehand.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// How long a client waits for an answer.
    pub answer_within: Duration,
    /// How long a client of order chat waits for an echo before it asks for history.
    pub echo_within: Duration,
    /// How long a client goes on looking for a message whose answer was lost.
    pub resolve_within: Duration,
    /// Most messages a client fetches to close one gap.
    pub max_fill: u64,
    /// What must never be shown.
    pub secrets: Vec<String>,
}
