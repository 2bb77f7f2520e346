//! How full the tables of a session are.

use super::{State, gate, sends};
use crate::c2c::rest::MAX_ROWS;
use crate::gauge::Gauge;

impl State {
    pub(super) fn gauges(&self, max_requests: usize) -> Vec<Gauge> {
        let config = &self.config;
        // Each message or call of the application waits for one exchange at a time; the session's own
        // are a ticket, the time, and a page of history.
        let calls = max_requests.saturating_add(3);
        let (messages, names) = self.seen.fullness();
        let pages = usize::try_from(config.backfill_pages.max(1)).unwrap_or(usize::MAX);
        let found = self.filling.as_ref().map_or(0, super::backfill::Backfill::found);
        vec![
            Gauge::new("messages that are known", messages, config.max_seen.max(1)),
            Gauge::new("names of known messages", names, config.max_seen.max(1).saturating_mul(2)),
            Gauge::new("own messages", self.mine.len(), sends::MAX_MINE),
            Gauge::new("messages to write", self.queue.len(), max_requests),
            Gauge::new("watched orders", self.watches.len(), config.max_watched),
            Gauge::new("orders to catch up with", self.to_fill.len(), config.max_watched),
            Gauge::new("messages found", found, pages.saturating_mul(MAX_ROWS as usize)),
            Gauge::new("calls that wait for their turn", self.gate.waiting(), calls),
            Gauge::new("calls that wait for the time", self.paused.len(), calls),
            Gauge::new("headers about limits", self.gate.weights().len(), gate::MAX_WEIGHTS),
        ]
    }
}
