//! What the hub and the PBX have to do with each other.

use std::fmt;

use chat_proto::json::Raw;
use chat_proto::time::Now;

use super::Hub;
use crate::journal::Requester;
use crate::record::SharedText;

/// A message that a user published on a channel for SMS and WhatsApp, for the PBX to pass on.
///
/// `Debug` hides the content.
#[derive(Clone, PartialEq, Eq)]
pub struct Forward {
    /// The number behind `emc`: a user's, a ring group's or a queue's.
    pub channel: u64,
    /// The author.
    pub user: u64,
    /// Its number within the topic.
    pub seq: u64,
    /// The content as it was published: JSON whose form is the application's.
    pub content: SharedText,
}

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (channel, seq, len) = (self.channel, self.seq, self.content.as_str().len());
        write!(f, "Forward(emc{channel}, {seq}, {len} bytes)")
    }
}

impl Hub {
    /// The PBX got a message from outside for a channel: everybody on the topic gets it, without an
    /// author. `content` is JSON. Gives `false`, and nothing happens, where the content is no JSON,
    /// is longer than a frame may be, or nobody has subscribed to the channel.
    pub fn emc_received(&mut self, channel: u64, content: &str, now: Now) -> bool {
        self.advance(now);
        let fits = content.len() <= self.core.config.session.limits.max_bytes;
        if !fits || Raw::new(content).is_err() || self.is_busy() {
            return false;
        }
        let content = SharedText::from(content);
        let (found, fx) = self.run(|services, cx| services.im.emc_received(cx, channel, content));
        self.settle(fx, Requester::Nobody);
        found
    }
}
