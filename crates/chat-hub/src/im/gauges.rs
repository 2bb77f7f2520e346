//! How full the tables of topic chat are.

use std::collections::BTreeMap;

use chat_proto::gauge::Gauge;

use super::Im;
use crate::config::HubConfig;

impl Im {
    pub(crate) fn gauges(&self, config: &HubConfig) -> Vec<Gauge> {
        let most = |of: &dyn Fn(&super::state::Topic) -> usize| {
            self.topics.values().map(of).max().unwrap_or(0)
        };
        let deletions = |topic: &super::state::Topic| {
            let mut by_owner = BTreeMap::<_, usize>::new();
            topic.deletions.values().for_each(|row| *by_owner.entry(row.user).or_default() += 1);
            by_owner.into_values().max().unwrap_or(0)
        };
        vec![
            Gauge::new(
                "messages of a topic",
                most(&|it| it.messages.len()),
                config.max_messages.max(1),
            ),
            Gauge::new("bytes of a topic", most(&|it| it.bytes), config.max_topic_bytes),
            Gauge::new("bytes of all topics", self.history_bytes, config.max_history_bytes),
            Gauge::new("members of a topic", most(&|it| it.subs().count()), config.max_members),
            Gauge::new("deletions of one owner", most(&deletions), config.max_deletions.max(1)),
            Gauge::new("ids of messages", most(&|it| it.recent.len()), self.remembered),
            Gauge::new("sessions", self.peers.len(), config.max_connections),
        ]
    }
}
