//! How full the tables of a session are.

use super::state::ImState;
use super::{attach, own};
use crate::gauge::Gauge;

impl ImState {
    pub(super) fn gauges(&self, max_requests: usize) -> Vec<Gauge> {
        let config = &self.config;
        let (topics, page) = (config.max_topics, usize::try_from(config.fill_page));
        // What was asked for is held beyond the limit: one page, and the message that comes next.
        let held = config.max_held.saturating_add(page.unwrap_or(usize::MAX)).saturating_add(1);
        let most_held = self.topics.values().map(|track| track.held()).max();
        let doubts = self.doubts.values().map(Vec::len).sum();
        let readers = self.readers.values().map(Vec::len).max();
        // Of each topic a few things are asked at once: it is attached, read on and described.
        let own = topics.saturating_mul(2).saturating_add(own::REFRESHING).saturating_add(1);
        let (known, described) = self.mirror.fullness();
        vec![
            Gauge::new("topics", self.topics.len(), topics),
            Gauge::new("held messages of one topic", most_held.unwrap_or(0), held),
            Gauge::new("other topics", known, topics),
            Gauge::new("bytes of descriptions", described, config.max_described),
            Gauge::new("own requests", self.own.len(), own),
            Gauge::new("topics to attach", self.attaching.len(), topics),
            Gauge::new("topics whose turn it is", self.in_flight.len(), attach::ATTACHING),
            Gauge::new("topics that wait for their turn", self.to_attach.len(), topics),
            Gauge::new("topics to describe", self.to_refresh.len(), topics.saturating_mul(2)),
            Gauge::new("descriptions under way", self.refreshing, own::REFRESHING),
            Gauge::new("topics with receipts to write", self.note_queue.len(), topics),
            Gauge::new("messages in doubt", doubts, max_requests),
            Gauge::new("requests to write", self.unsent.len(), max_requests),
            Gauge::new("subscriptions under way", self.subscribing.len(), max_requests),
            Gauge::new("topics that are read", self.readers.len(), max_requests),
            Gauge::new("pages of one topic", readers.unwrap_or(0), max_requests),
        ]
    }
}
