//! How full the tables of order chat are.

use chat_proto::c2c::rest::UPLOADS_PER_MINUTE;
use chat_proto::gauge::Gauge;

use super::{C2cState, later, links};
use crate::config::HubConfig;

impl C2cState {
    pub(crate) fn gauges(&self, config: &HubConfig) -> Vec<Gauge> {
        let traders = self.traders.len();
        let messages = self.orders.values().map(|order| order.messages.len()).max();
        let asked = self.asked.values().map(std::collections::VecDeque::len).max();
        let free = self.slots.values().filter(|slot| !self.images.contains_key(slot.path()));
        vec![
            Gauge::new(
                "messages of an order",
                messages.unwrap_or(0),
                config.max_order_messages.max(1),
            ),
            Gauge::new("tickets", self.tickets.len(), traders * links::MAX_TICKETS),
            Gauge::new("free places to upload to", free.count(), config.max_uploads),
            Gauge::new("uploads of pictures", self.uploads.len(), config.max_uploads),
            Gauge::new("places asked for", asked.unwrap_or(0), UPLOADS_PER_MINUTE as usize),
            Gauge::new("traders in order chat", self.links.len(), config.max_connections),
            Gauge::new("late copies", self.delayed.len(), later::MAX_DELAYED),
            Gauge::new("counted calls", self.calls.len(), traders),
        ]
    }
}
