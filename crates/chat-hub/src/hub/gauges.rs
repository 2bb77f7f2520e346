//! How full the tables of a hub are.

use chat_proto::gauge::Gauge;

use super::Hub;

impl Hub {
    /// How full everything is that grows with what clients do: the fullest, where there are several
    /// of a kind.
    #[must_use]
    pub fn gauges(&self) -> Vec<Gauge> {
        let (config, links) = (&self.core.config, self.links.len());
        // Besides frames and requests the loss of each connection may wait for a commit, and timers.
        let held = config.max_held.saturating_add(config.max_connections).saturating_add(1);
        let bytes = config.max_held_bytes.saturating_add(config.session.limits.max_bytes);
        let (inputs, held_bytes) = self.journal.waiting();
        let mut gauges = vec![
            Gauge::new("connections", links, config.max_connections),
            Gauge::new("timers of connections", self.timers.len(), links),
            Gauge::new("connections to write to", self.wakes.len(), links),
            Gauge::new("inputs that wait for a commit", inputs, held),
            Gauge::new("bytes that wait for a commit", held_bytes, bytes),
            Gauge::lane("actions", self.actions.len()),
            Gauge::lane("records", self.journal.unstored()),
        ];
        for name in ["live frames of a connection", "answers of a connection"] {
            let of = |gauges: [Gauge; 2]| gauges.into_iter().find(|it| it.name == name);
            let all = self.links.values().filter_map(|link| of(link.session.gauges()));
            gauges.extend(all.max_by_key(|it| it.len));
        }
        gauges.extend(self.services.im.gauges(config));
        gauges.extend(self.services.c2c.gauges(config));
        gauges.push(self.services.tokens.gauge(config));
        gauges
    }
}
