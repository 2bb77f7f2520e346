//! What must hold, and what is aimed for.

use super::contenders::Contender::{
    self, AsyncStd, Bare, Client, Decoded, Handle, Peer, Smol, Tokio,
};
use super::peers::Peer::{TinodeSdk, WebsocketClient, Websockets, WebsocketsPingPong, Ws};
use super::work::Work::{self, Burst, Flood, PingPong, Sliding, Window};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// How many times as fast ours is: time of the other divided by ours. At least the gate.
    Speed,
    /// How many times as much processor time ours takes: ours divided by that of the other. At most
    /// the gate.
    Processor,
}

/// What has to hold between two contenders that do the same work.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// Name of the target.
    pub target: &'static str,
    /// What both do.
    pub work: Work,
    /// Ours.
    pub ours: Contender,
    /// With what it is compared.
    pub against: Contender,
    /// What is compared.
    pub measure: Measure,
    /// What must hold on a busy machine.
    pub gate: f64,
    /// What is aimed for.
    pub goal: f64,
}

impl Gate {
    /// Whether a ratio holds; one that could not be formed does not.
    #[must_use]
    pub fn holds(&self, ratio: f64) -> bool {
        self.reaches(self.gate, ratio)
    }

    /// Whether a ratio reaches the goal.
    #[must_use]
    pub fn is_goal(&self, ratio: f64) -> bool {
        self.reaches(self.goal, ratio)
    }

    /// The same comparison of processor time.
    #[must_use]
    pub fn in_processor_time(self) -> Self {
        Self { measure: Measure::Processor, ..self }
    }

    fn reaches(&self, wanted: f64, ratio: f64) -> bool {
        match self.measure {
            Measure::Speed => ratio >= wanted,
            Measure::Processor => ratio <= wanted,
        }
    }
}

const fn speed(
    target: &'static str,
    work: Work,
    ours: Contender,
    against: Contender,
    gate: f64,
    goal: f64,
) -> Gate {
    Gate { target, work, ours, against, measure: Measure::Speed, gate, goal }
}

/// All gates, in the order of the report.
pub const GATES: &[Gate] = &[
    speed("T5", Flood, Tokio, Decoded, 1.4, 2.0),
    speed("T5", Flood, Tokio, Bare, 0.55, 0.75),
    speed("T6", PingPong, Tokio, Bare, 0.93, 1.0),
    speed("T6", Sliding, Tokio, Bare, 0.80, 0.90),
    speed("T6", Burst, Tokio, Bare, 5.0, 10.0),
    Gate { measure: Measure::Processor, ..speed("T6", PingPong, Tokio, Bare, 1.10, 1.0) },
    speed("T6b", PingPong, Handle, Bare, 0.88, 0.92),
    speed("T6b", PingPong, Client, Bare, 0.88, 0.92),
    speed("T6b", Flood, Handle, Bare, 0.50, 0.70),
    speed("T6b", Flood, Client, Bare, 0.50, 0.70),
    speed("T7", PingPong, Tokio, Peer(WebsocketsPingPong), 2.5, 3.6),
    speed("T7", Flood, Tokio, Peer(Websockets), 12.0, 20.0),
    speed("T7", Flood, Tokio, Peer(WebsocketClient), 70.0, 130.0),
    speed("T7", Flood, Tokio, Peer(Ws), 3.5, 6.0),
    speed("T7", Flood, Tokio, Peer(TinodeSdk), 20.0, 35.0),
    speed("T8", PingPong, AsyncStd, Tokio, 0.85, 1.0),
    speed("T8", Window, AsyncStd, Tokio, 0.85, 1.0),
    speed("T8", Flood, AsyncStd, Tokio, 0.85, 1.0),
    speed("T8", PingPong, Smol, Tokio, 0.85, 1.0),
    speed("T8", Window, Smol, Tokio, 0.85, 1.0),
    speed("T8", Flood, Smol, Tokio, 0.85, 1.0),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::peers;

    #[test]
    fn every_gate_compares_what_is_measured() {
        for gate in GATES {
            let mut there = Contender::of(gate.work);
            let peers = peers::Peer::ALL.into_iter().filter(|peer| peer.work() == gate.work);
            there.extend(peers.map(Peer));
            assert!(there.contains(&gate.ours) && there.contains(&gate.against), "{gate:?}");
            assert!(!gate.holds(f64::NAN) && gate.holds(gate.goal), "{gate:?}");
        }
    }

    #[test]
    fn less_processor_time_is_better() {
        let processor = GATES.iter().find(|gate| gate.measure == Measure::Processor).unwrap();
        assert!(processor.holds(1.05) && !processor.is_goal(1.05) && !processor.holds(1.2));
    }
}
