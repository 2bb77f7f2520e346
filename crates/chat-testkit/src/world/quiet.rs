//! The way to rest: everything is mended, and what is under way ends.

use std::time::Duration;

use chat_proto::Skew;
use chat_proto::client::Phase;

use super::World;
use super::client::{Either, Role};
use crate::observe::{self, Dump, Observation};
use crate::schedule::{Verb, VerbKind};

/// Longer than this nothing may take once everything is mended.
const PATIENCE: Duration = Duration::from_secs(1800);
/// So long nothing must happen. Longer than what a session waits before it asks again for what was
/// refused for the moment.
const PEACE: Duration = Duration::from_secs(60);
/// How often is looked.
const LOOK: Duration = Duration::from_secs(5);

impl World {
    /// Mends everything, waits until nothing is under way any more, and reports what there is.
    pub fn come_to_rest(&mut self) {
        if self.failure.is_some() {
            return;
        }
        self.heal();
        let end = self.clock.elapsed() + PATIENCE;
        let mut quiet_since = None;
        while self.failure.is_none() {
            let until = self.clock.elapsed() + LOOK;
            self.run_until(until);
            let now = self.clock.elapsed();
            if !self.is_quiet() {
                quiet_since = None;
            } else if now.saturating_sub(*quiet_since.get_or_insert(now)) >= PEACE {
                break;
            }
            if now >= end {
                let stand = self.stand();
                self.fail(format!("no rest after {PATIENCE:?}: {stand}"));
            }
        }
        if self.failure.is_none() {
            self.note(|| "quiet".to_owned());
            for n in 0..self.clients.len() {
                self.show_session(n);
            }
            self.show_hub();
            let dump = self.dump();
            self.observe(Observation::Quiet(Box::new(dump)));
        }
    }

    /// Nothing breaks from here on, and what is broken is mended.
    fn heal(&mut self) {
        self.note(|| "everything is mended".to_owned());
        self.rough = false;
        self.traps.clear();
        self.partition = None;
        self.failing_commits = 0;
        self.slow_commits = Duration::ZERO;
        self.hub_wall = Skew::default();
        self.switches.clear();
        self.no_pbx = false;
        for link in self.links.values_mut() {
            link.heal();
        }
        for client in &mut self.clients {
            client.deaf = None;
            client.dirty = true;
            client.double = false;
            client.refusals.clear();
            client.http_faults.clear();
            client.wall = Skew::default();
        }
        self.hub_starts();
        // Two programs with one key throw each other out for ever: people stop all but the first.
        let mut accounts = Vec::new();
        for n in 0..self.clients.len() {
            let Role::C2c(setup) = self.clients[n].role else { continue };
            if self.is_over(n) {
            } else if accounts.contains(&setup.account) {
                self.perform(n, Verb::new(VerbKind::Close));
            } else {
                accounts.push(setup.account);
            }
        }
        self.settle();
        for n in 0..self.clients.len() {
            // People look after programs that gave up.
            if self.clients[n].machine.is_some() && !self.is_over(n) {
                self.connect(n);
            }
        }
    }

    /// Nothing is under way.
    fn is_quiet(&self) -> bool {
        // A link that the hub has let go of looks like any other, for a while.
        let alive = |client: &super::Client| {
            let link = client.link.and_then(|id| self.links.get(&id));
            link.is_some_and(|link| link.server.is_some())
        };
        let ready = |client: &super::Client| {
            let phase = client.phase();
            let at_rest = phase == Phase::Ready && alive(client)
                || matches!(phase, Phase::Idle | Phase::Closed);
            at_rest && client.machine.as_ref().is_none_or(|it| it.waiting().is_empty())
        };
        self.exchanges.is_empty() && self.host.is_settled() && self.clients.iter().all(ready)
    }

    fn dump(&self) -> Dump {
        let rows = self.host.hub().map(|hub| observe::rows(&hub.snapshot())).unwrap_or_default();
        let ready = self.clients.iter().enumerate();
        let ready =
            ready.filter(|(_, it)| it.machine.as_ref().map(Either::phase) == Some(Phase::Ready));
        Dump { rows, queues: self.queues(), ready: ready.map(|(n, _)| n).collect() }
    }
}
