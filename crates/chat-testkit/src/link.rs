//! A connection between a client and the hub, as a network treats it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use chat_proto::rng::Rng;
use chat_proto::{ConnId, Message};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// To the hub.
    Up,
    /// To the client.
    Down,
}

/// What travels.
#[derive(Clone, Debug, PartialEq)]
pub enum Parcel {
    /// A message.
    Message(Message),
    /// The upgrade is done.
    Open,
    /// The other side let go.
    End,
}

/// How long things take, in milliseconds: at least, and how much more at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// At least.
    pub least: u32,
    /// At most so much more.
    pub jitter: u32,
}

impl Weather {
    /// A good network.
    pub const FINE: Self = Self { least: 5, jitter: 20 };

    /// How long one thing takes.
    pub fn draw(self, rng: &mut Rng) -> Duration {
        let more = rng.below(u64::from(self.jitter) + 1);
        Duration::from_millis(u64::from(self.least) + more)
    }
}

/// One direction: what is on its way arrives in order.
#[derive(Debug, Default)]
struct Lane {
    parcels: VecDeque<(Instant, Parcel)>,
    last: Option<Instant>,
    /// Nothing arrives before.
    stalled: Option<Instant>,
}

/// One transport attempt.
#[derive(Debug)]
pub struct Link {
    /// The client's name of it.
    pub conn: ConnId,
    /// The hub's, once the upgrade came through.
    pub server: Option<ConnId>,
    /// The client has let go, or thinks that it is gone.
    pub client_gone: bool,
    /// The hub has, or it never knew.
    pub server_gone: bool,
    /// The hub accepts an upgrade that the client has given up.
    pub ghost: bool,
    /// Messages that were delivered, both ways.
    pub moved: u32,
    up: Lane,
    down: Lane,
}

impl Link {
    /// An attempt that was just begun.
    #[must_use]
    pub fn new(conn: ConnId) -> Self {
        Self {
            conn,
            server: None,
            client_gone: false,
            server_gone: false,
            ghost: false,
            moved: 0,
            up: Lane::default(),
            down: Lane::default(),
        }
    }

    fn lane(&self, way: Way) -> &Lane {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    fn lane_mut(&mut self, way: Way) -> &mut Lane {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    /// Sends something that takes `after`, and longer if what went before does.
    pub fn send(&mut self, way: Way, parcel: Parcel, now: Instant, after: Duration) {
        let lane = self.lane_mut(way);
        let at = lane.last.map_or(now + after, |last| last.max(now + after));
        lane.last = Some(at);
        lane.parcels.push_back((at, parcel));
    }

    /// When the next thing arrives.
    #[must_use]
    pub fn due(&self, way: Way) -> Option<Instant> {
        let lane = self.lane(way);
        let (at, _) = lane.parcels.front()?;
        Some(lane.stalled.map_or(*at, |stalled| stalled.max(*at)))
    }

    /// Takes what arrives by `now`.
    pub fn take(&mut self, way: Way, now: Instant) -> Option<Parcel> {
        self.due(way).filter(|at| *at <= now)?;
        self.lane_mut(way).parcels.pop_front().map(|(_, parcel)| parcel)
    }

    /// What would arrive next.
    #[must_use]
    pub fn peek(&self, way: Way) -> Option<&Parcel> {
        self.lane(way).parcels.front().map(|(_, parcel)| parcel)
    }

    /// Doubles what arrives next, if it is a text.
    pub fn double(&mut self, way: Way) -> bool {
        let lane = self.lane_mut(way);
        match lane.parcels.front() {
            Some((at, parcel @ Parcel::Message(Message::Text(_)))) => {
                let copy = (*at, parcel.clone());
                lane.parcels.push_front(copy);
                true
            }
            _ => false,
        }
    }

    /// Lets nothing arrive before `until`.
    pub fn stall(&mut self, way: Way, until: Instant) {
        let lane = self.lane_mut(way);
        lane.stalled = Some(lane.stalled.map_or(until, |at| at.max(until)));
    }

    /// Until when nothing arrives.
    #[must_use]
    pub fn stalled(&self, way: Way) -> Option<Instant> {
        self.lane(way).stalled
    }

    /// Loses all that is on its way.
    pub fn lose(&mut self, way: Way) {
        self.lane_mut(way).parcels.clear();
    }

    /// The network is good again.
    pub fn heal(&mut self) {
        self.up.stalled = None;
        self.down.stalled = None;
    }

    /// Things on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.up.parcels.len() + self.down.parcels.len()
    }
}
