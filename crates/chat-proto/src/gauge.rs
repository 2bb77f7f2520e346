//! How full what a machine keeps is: for metrics, and for the check that memory is bounded.

/// How full a queue, buffer or table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// Which, in words.
    pub name: &'static str,
    /// How much is in it.
    pub len: usize,
    /// How much may be, by the configuration, whatever the peer sends. `None` for a lane: it holds
    /// what came about since it was last polled.
    pub bound: Option<usize>,
}

impl Gauge {
    /// Something with a bound.
    #[must_use]
    pub const fn new(name: &'static str, len: usize, bound: usize) -> Self {
        Self { name, len, bound: Some(bound) }
    }

    /// A lane.
    #[must_use]
    pub const fn lane(name: &'static str, len: usize) -> Self {
        Self { name, len, bound: None }
    }
}
