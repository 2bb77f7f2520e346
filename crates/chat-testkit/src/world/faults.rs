//! What breaks, and when.

#![expect(clippy::wildcard_enum_match_arm, reason = "each function is about some of the faults")]

use std::time::{Duration, Instant};

use chat_hub::{Record, Script};
use chat_proto::Skew;
use chat_proto::client::Phase;
use chat_proto::machine::LinkFailure;

use super::client::{Either, HttpFault, Role};
use super::network::BUSY;
use super::{Due, World, switches};
use crate::coverage::{Cell, Service};
use crate::host::Commit;
use crate::link::{Parcel, Way};
use crate::observe::{Chat, Observation};
use crate::people;
use crate::schedule::{Act, Fault, FaultKind, Verb, VerbKind};

const fn ms(millis: u32) -> Duration {
    Duration::from_millis(millis as u64)
}

impl World {
    /// Looks whether a client is where a fault waits for it.
    pub(super) fn spring(&mut self) {
        let mut at = 0;
        while let Some(trap) = self.traps.get(at) {
            let Act::Ambush { client, phase, frames, verb, fault } = trap.op.act else {
                at += 1;
                continue;
            };
            let n = self.pick_client(client);
            let link = self.clients[n].link;
            let moved = link.and_then(|id| self.links.get(&id)).map_or(0, |link| link.moved);
            if self.clients[n].machine.is_none() || self.clients[n].phase() != phase {
                at += 1;
                continue;
            }
            let due = match trap.sprung {
                Some((of, from)) => link != Some(of) || moved >= from + u32::from(frames),
                None => {
                    if verb.is_some_and(|verb| !self.perform(n, verb)) {
                        // It cannot be done now; perhaps the next time.
                        at += 1;
                        continue;
                    }
                    self.traps[at].sprung = Some((link.unwrap_or(0), moved));
                    frames == 0
                }
            };
            if !due {
                at += 1;
                continue;
            }
            self.traps.remove(at);
            if self.clients[n].phase() == phase {
                self.breaks(n, fault, verb);
            }
        }
    }

    /// Something breaks. `verb` was done that moment.
    pub(super) fn breaks(&mut self, n: usize, fault: Fault, verb: Option<Verb>) {
        self.note(|| format!("! {fault:?} for client {n}"));
        let verb = verb.map(|verb| verb.kind);
        match fault {
            Fault::Nothing => {}
            Fault::Cut
            | Fault::HalfOpen
            | Fault::Late(_)
            | Fault::DeadPeer
            | Fault::StallUp(_)
            | Fault::StallDown(_) => {
                if self.clients[n].link.is_some() {
                    self.hit(n, fault.kind(), verb);
                    self.break_link(n, fault);
                }
            }
            Fault::Partition(for_ms) => {
                self.hit_all(fault.kind(), n, verb);
                let until = self.clock.now().mono + ms(for_ms);
                self.partition = Some(self.partition.map_or(until, |at| at.max(until)));
                self.links.values_mut().for_each(|link| {
                    link.stall(Way::Up, until);
                    link.stall(Way::Down, until);
                });
                self.plan(ms(for_ms), Due::PartitionEnds);
            }
            Fault::Duplicate => {
                self.hit(n, fault.kind(), verb);
                let link = self.clients[n].link.and_then(|id| self.links.get_mut(&id));
                if !link.is_some_and(|link| link.double(Way::Down)) {
                    self.clients[n].double = true;
                }
            }
            Fault::RefuseDials(count) => {
                self.hit(n, fault.kind(), verb);
                let statuses = BUSY.iter().cycle().map(|it| it.as_u16());
                self.clients[n].refusals.extend(statuses.take(count.into()));
            }
            Fault::Deaf(for_ms) => {
                self.hit(n, fault.kind(), verb);
                let until = self.clock.now().mono + ms(for_ms);
                self.clients[n].deaf = Some(until);
                self.plan(ms(for_ms), Due::Hears(n));
            }
            Fault::HttpNoConnect(_)
            | Fault::HttpLost(_)
            | Fault::HttpAnswerLost(_)
            | Fault::Http5xx(_)
            | Fault::Http429(_) => self.break_http(n, fault, verb),
            Fault::Restart => {
                self.hit(n, fault.kind(), verb);
                self.restart(n, true);
            }
            Fault::ClientClock(by) => {
                self.hit(n, fault.kind(), verb);
                let wall = self.clients[n].wall.as_millis() + i64::from(by);
                self.clients[n].wall = Skew::from_millis(wall);
            }
            Fault::TakeOver => self.take_over(n, verb),
            Fault::CrashLost(_)
            | Fault::CrashStored(_)
            | Fault::CrashSilent(_)
            | Fault::Shutdown(_)
            | Fault::FailCommits(_)
            | Fault::SlowCommits(_)
            | Fault::ForgetTokens
            | Fault::NoPbx(_)
            | Fault::HubClock(_)
            | Fault::ExpireTokens
            | Fault::Switch(..) => {
                self.hit_all(fault.kind(), n, verb);
                self.break_hub(fault);
            }
        }
    }

    fn break_link(&mut self, n: usize, fault: Fault) {
        let now = self.clock.now().mono;
        let Some(id) = self.clients[n].link else { return };
        let Some(link) = self.links.get_mut(&id) else { return };
        let ended = || LinkFailure::Io("connection reset by peer".to_owned());
        match fault {
            Fault::Cut => {
                link.lose(Way::Up);
                if link.server.is_some() {
                    link.send(Way::Up, Parcel::End, now, Duration::ZERO);
                }
                self.lose(n, ended());
            }
            Fault::HalfOpen => {
                link.lose(Way::Up);
                link.ghost = true;
                self.lose(n, ended());
            }
            Fault::Late(by) => {
                link.ghost = true;
                link.stall(Way::Up, now + ms(by));
                if link.server.is_some() {
                    link.send(Way::Up, Parcel::End, now, ms(by));
                }
                self.lose(n, ended());
            }
            Fault::DeadPeer => {
                link.lose(Way::Down);
                link.lose(Way::Up);
                if let Some(conn) = link.server.take() {
                    link.server_gone = true;
                    self.by_server.remove(&conn);
                    let now = self.hub_now();
                    self.host.input(conn, None, now);
                    self.host_dirty = true;
                }
            }
            Fault::StallUp(by) => link.stall(Way::Up, now + ms(by)),
            Fault::StallDown(by) => link.stall(Way::Down, now + ms(by)),
            _ => {}
        }
    }

    fn break_http(&mut self, n: usize, fault: Fault, verb: Option<VerbKind>) {
        let (count, what) = match fault {
            Fault::HttpNoConnect(count) => (count, HttpFault::NoConnect),
            Fault::HttpLost(count) => (count, HttpFault::Lost),
            Fault::HttpAnswerLost(count) => (count, HttpFault::AnswerLost),
            Fault::Http5xx(count) => (count, HttpFault::Status(503)),
            Fault::Http429(count) => (count, HttpFault::Status(429)),
            _ => return,
        };
        // What is under way already is hit as well, as far as it can be.
        let under_way: Vec<u64> = self.clients[n].exchanges.values().copied().collect();
        for id in &under_way {
            let exchange = self.exchanges.get_mut(id).filter(|it| it.fault.is_none());
            if let Some(exchange) = exchange {
                let is_late = exchange.at_hub;
                exchange.fault = Some(if is_late { HttpFault::AnswerLost } else { what });
            }
        }
        if !under_way.is_empty() {
            self.hit(n, fault.kind(), verb);
        }
        let faults = std::iter::repeat_n(what, usize::from(count.max(1)));
        self.clients[n].http_faults.extend(faults);
    }

    /// An exchange starts that is doomed.
    pub(super) fn http_hit(&mut self, n: usize, fault: HttpFault) {
        let kind = match fault {
            HttpFault::NoConnect => FaultKind::HttpNoConnect,
            HttpFault::Lost => FaultKind::HttpLost,
            HttpFault::AnswerLost => FaultKind::HttpAnswerLost,
            HttpFault::Status(503) => FaultKind::Http5xx,
            HttpFault::Status(_) => FaultKind::Http429,
        };
        self.hit(n, kind, None);
    }

    fn break_hub(&mut self, fault: Fault) {
        match fault {
            Fault::CrashLost(down) => self.crash(Commit::Failed, down, false),
            Fault::CrashStored(down) => self.crash(Commit::Stored, down, false),
            Fault::CrashSilent(down) => {
                let commit = if self.rng.below(2) == 0 { Commit::Failed } else { Commit::Stored };
                self.crash(commit, down, true);
            }
            Fault::Shutdown(down) => {
                let now = self.hub_now();
                if let Some(hub) = self.host.hub_mut() {
                    hub.shutdown(now);
                    self.pump_host();
                    // What it said last is on its way.
                    self.crash(Commit::Stored, down, false);
                }
            }
            Fault::FailCommits(count) => self.failing_commits += u32::from(count),
            Fault::SlowCommits(by) => {
                self.slow_commits = ms(by);
                self.plan(ms(by.saturating_mul(4)), Due::CommitsQuick);
            }
            Fault::ForgetTokens => {
                self.crash(Commit::Stored, 100, false);
                self.host.forget(|record| matches!(record, Record::Token { .. }));
            }
            Fault::NoPbx(for_ms) => {
                self.no_pbx = true;
                self.set_switches();
                self.plan(ms(for_ms), Due::PbxBack);
            }
            Fault::HubClock(by) => {
                let wall = self.hub_wall.as_millis() + i64::from(by);
                self.hub_wall = Skew::from_millis(wall);
            }
            Fault::ExpireTokens => {
                let life = i64::from(self.setup.token_life) * 1000;
                self.hub_wall = Skew::from_millis(self.hub_wall.as_millis() + life);
            }
            Fault::Switch(which, for_ms) => {
                self.switch(which, true);
                self.plan(ms(for_ms), Due::SwitchOff(which));
            }
            _ => {}
        }
    }

    /// The hub ends without a word. Unless `silent`, the operating system closes its sockets.
    fn crash(&mut self, commit: Commit, down: u32, silent: bool) {
        if self.host.hub().is_none() {
            return;
        }
        self.show_hub();
        let stored = self.host.crash(commit);
        self.stored(&stored);
        self.observe(Observation::Crashed);
        let (now, after) = (self.clock.now().mono, self.delay());
        for (_, id) in std::mem::take(&mut self.by_server) {
            let Some(link) = self.links.get_mut(&id) else { continue };
            link.server = None;
            link.server_gone = true;
            link.lose(Way::Up);
            if !silent {
                link.send(Way::Down, Parcel::End, now, after);
            }
            self.sweep(id);
        }
        if !silent {
            let gone: Vec<_> = self.exchanges.iter().filter(|(_, it)| it.at_hub).collect();
            let gone: Vec<u64> = gone.into_iter().map(|(id, _)| *id).collect();
            for exchange in gone {
                let failure = chat_proto::machine::HttpFailure::Io("reset".to_owned());
                self.plan(after, Due::HttpEnds { exchange, result: Err(failure) });
            }
        }
        if self.rng.below(4) == 0 {
            self.compact_later = true;
        }
        self.plan(ms(down), Due::HubStarts);
    }

    pub(super) fn hub_starts(&mut self) {
        let now = self.hub_now();
        let was_down = self.host.hub().is_none();
        self.host.start(now);
        self.set_switches();
        if was_down {
            self.note(|| "the hub is back".to_owned());
            if std::mem::take(&mut self.compact_later) {
                self.host.compact();
            }
        }
        self.host_dirty = true;
    }

    /// A fault switch of the service.
    pub(super) fn switch(&mut self, which: u8, on: bool) {
        self.switches.retain(|it| *it != which);
        if on {
            self.history_lags(which);
            self.switches.push(which);
        }
        self.set_switches();
    }

    /// A page of history that lags behind looks like one that is complete, so that nobody can promise
    /// a watched order then.
    fn history_lags(&mut self, which: u8) {
        if switches::NAMES[usize::from(which % switches::COUNT)] != switches::HISTORY_LAGS {
            return;
        }
        self.history_lagged = true;
        for n in 0..self.clients.len() {
            for order in self.clients[n].watching.clone() {
                let chat = Chat::Order(order);
                self.observe(Observation::Watching { client: n, chat, on: false });
            }
        }
    }

    pub(super) fn set_switches(&mut self) {
        let now = self.hub_now();
        let faults = switches::faults(&self.switches, self.no_pbx);
        if let Some(hub) = self.host.hub_mut() {
            let result = hub.set_faults(faults, now);
            if let Err(why) = result {
                self.fail(format!("the fault switches are wrong: {why}"));
            }
        }
        self.host_dirty = true;
    }

    /// Another program with the same key connects.
    fn take_over(&mut self, n: usize, verb: Option<VerbKind>) {
        let Role::C2c(setup) = self.clients[n].role else { return };
        self.hit(n, FaultKind::TakeOver, verb);
        let now = self.hub_now();
        let order = people::orders_of(usize::from(setup.account))[0];
        let Some(hub) = self.host.hub_mut() else { return };
        // As the hub treats the connection that was there before.
        let of = people::api_key(usize::from(setup.account));
        let _ = hub.c2c_script(order, Script::Close { of, code: 1000 }, now);
        self.host_dirty = true;
    }

    fn hit_all(&mut self, fault: FaultKind, n: usize, verb: Option<VerbKind>) {
        for client in 0..self.clients.len() {
            self.hit(client, fault, verb.filter(|_| client == n));
        }
    }

    /// Counts a fault.
    pub(super) fn hit(&mut self, n: usize, fault: FaultKind, verb: Option<VerbKind>) {
        let client = &self.clients[n];
        if client.machine.is_none() || !self.rough {
            return;
        }
        let service = if client.is_im() { Service::Im } else { Service::C2c };
        let phase = client.phase();
        let mut verbs: Vec<_> = client.asked.values().copied().chain(verb).collect();
        verbs.sort_unstable();
        verbs.dedup();
        let cell = |verb| Cell { service, fault, phase, verb };
        if verbs.is_empty() {
            self.coverage.hit(cell(None));
        }
        for verb in verbs {
            self.coverage.hit(cell(Some(verb)));
        }
    }

    /// The program ends without a word, and is started again.
    pub(super) fn restart(&mut self, n: usize, connect: bool) {
        if self.clients[n].machine.is_none() {
            return;
        }
        if let Some(id) = self.clients[n].link.take() {
            self.client_leaves(id);
        }
        self.start(n);
        if connect {
            self.connect(n);
        }
    }

    pub(super) fn partition_ends(&mut self, now: Instant) {
        if self.partition.is_some_and(|until| until <= now) {
            self.partition = None;
        }
    }

    /// Where every session stands, for people.
    pub(super) fn stand(&self) -> String {
        let stand = self.clients.iter().enumerate().map(|(n, client)| {
            let said = client.machine.as_ref().map_or("not running".to_owned(), Either::describe);
            format!("client {n}: {said}")
        });
        stand.collect::<Vec<_>>().join("; ")
    }

    /// Whether a client's session may be anywhere but ready.
    pub(super) fn is_over(&self, n: usize) -> bool {
        let client = &self.clients[n];
        client.machine.is_none() || matches!(client.phase(), Phase::Closed | Phase::Idle)
    }
}
