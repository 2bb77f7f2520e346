//! How full everything is, looked at again and again.

use chat_proto::gauge::Gauge;

use super::World;
use super::client::Either;
use crate::observe::{Observation, Queue};

/// Of so many steps one is followed by a look at the hub.
const STEPS: u64 = 16;
/// What a lane may hold that nobody takes from for a while: requests of a deaf application that end
/// one after the other, records while a commit is slow.
const LANE: usize = 1024;

/// Whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Hub,
    Client(usize),
}

impl World {
    /// What a client holds.
    pub(super) fn measure(&mut self, n: usize) {
        let client = &self.clients[n];
        let Some(machine) = &client.machine else { return };
        let (gauges, deaf) = (machine.gauges(), client.deaf.is_some());
        self.measured(
            Owner::Client(n),
            gauges,
            |lane| {
                if lane == "events" && deaf { LANE } else { 0 }
            },
        );
    }

    /// What the hub holds, now and then.
    pub(super) fn measure_hub(&mut self) {
        if self.steps.is_multiple_of(STEPS)
            && let Some(hub) = self.host.hub()
        {
            let gauges = hub.gauges();
            self.measured(Owner::Hub, gauges, |lane| if lane == "records" { LANE } else { 0 });
        }
    }

    /// Tells the model of everything that was never so full before.
    fn measured(&mut self, owner: Owner, gauges: Vec<Gauge>, lane: impl Fn(&str) -> usize) {
        let mut fuller = Vec::new();
        for Gauge { name, len, bound } in gauges {
            let bound = bound.unwrap_or_else(|| lane(name));
            let most = self.fullest.entry((owner, name)).or_insert((0, bound));
            if len > most.0 || len > bound {
                *most = (len.max(most.0), bound);
                fuller.push(queue(owner, name, len, bound));
            }
        }
        if !fuller.is_empty() {
            self.observe(Observation::Held(fuller));
        }
    }

    /// Everything that was measured, as full as it ever was.
    pub(super) fn queues(&self) -> Vec<Queue> {
        let all = self.fullest.iter();
        all.map(|((owner, name), (len, bound))| queue(*owner, name, *len, *bound)).collect()
    }
}

impl Either {
    fn gauges(&self) -> Vec<Gauge> {
        match self {
            Self::Im(it) => it.session().gauges(),
            Self::C2c(it) => it.session().gauges(),
        }
    }
}

fn queue(owner: Owner, name: &str, len: usize, bound: usize) -> Queue {
    let name = match owner {
        Owner::Hub => format!("hub: {name}"),
        Owner::Client(n) => format!("client {n}: {name}"),
    };
    Queue { name, len, bound }
}
