//! Clients and one hub, wired together under virtual time.
//!
//! [`World::run`] plays a [`Schedule`] and comes to rest; [`World::step`] handles the earliest
//! deadline. What happens is collected as [`Observed`], what was reached as [`Coverage`], and the
//! first guarantee that a session breaks ends the run.

mod client;
mod faults;
mod full;
mod hub;
mod network;
mod quiet;
mod shown;
pub mod switches;
mod told;
mod verbs;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_hub::HubConfig;
use chat_proto::client::Phase;
use chat_proto::machine::{HttpId, HttpResult, LinkFailure, Upgrade};
use chat_proto::rng::Rng;
use chat_proto::{Action, Input, Now};
use http::Request;

use self::client::{Client, Either, HttpFault, Role};
use crate::clock::Clock;
use crate::coverage::Coverage;
use crate::host::Host;
use crate::link::{Link, Way, Weather};
use crate::observe::{Observation, Observed};
use crate::people;
use crate::schedule::{Act, Op, Schedule, Setup};

/// Why a run is no good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When: time since the world began.
    pub at: Duration,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {:?}: {}", self.at, self.what)
    }
}

/// Something that is due.
#[derive(Debug)]
enum Due {
    /// A dial reaches the hub.
    Dial { client: usize, life: u32, link: u64, request: Upgrade },
    /// The client learns that a dial failed.
    DialFailed { client: usize, life: u32, link: u64, failure: LinkFailure },
    /// A request reaches the hub.
    HttpArrives { exchange: u64, request: Request<Bytes> },
    /// A request ends for the client.
    HttpEnds { exchange: u64, result: HttpResult },
    /// The commit under way ends.
    CommitEnds(u64),
    /// The hub is back.
    HubStarts,
    /// The PBX can be asked again.
    PbxBack,
    /// The service of order chat behaves again.
    SwitchOff(u8),
    /// Commits are quick again.
    CommitsQuick,
    /// The network is whole again.
    PartitionEnds,
    /// An application takes events again.
    Hears(usize),
}

/// An HTTP exchange under way.
#[derive(Debug)]
struct Exchange {
    client: usize,
    life: u32,
    id: HttpId,
    fault: Option<HttpFault>,
    /// The hub has the request.
    at_hub: bool,
}

/// Waits for a client to be in a phase.
#[derive(Debug)]
struct Trap {
    op: Op,
    /// Messages that had moved on the client's link when the phase was reached, and the link.
    sprung: Option<(u64, u32)>,
}

/// Clients, one hub, the network between them.
pub struct World {
    clock: Clock,
    rng: Rng,
    setup: Setup,
    host: Host,
    host_dirty: bool,
    hub_wall: chat_proto::Skew,
    clients: Vec<Client>,
    links: BTreeMap<u64, Link>,
    last_link: u64,
    /// Which link leads to a connection of the hub.
    by_server: BTreeMap<chat_proto::ConnId, u64>,
    exchanges: BTreeMap<u64, Exchange>,
    last_exchange: u64,
    agenda: BTreeMap<(Instant, u64), Due>,
    last_due: u64,
    ops: std::collections::VecDeque<Op>,
    traps: Vec<Trap>,
    groups: Vec<chat_proto::im::TopicName>,
    contents: u64,
    commits: u64,
    failing_commits: u32,
    slow_commits: Duration,
    /// Nobody can connect before.
    partition: Option<Instant>,
    /// How the service of order chat misbehaves.
    switches: Vec<u8>,
    no_pbx: bool,
    /// History lagged behind at some time: what a client read then may miss something for good.
    history_lagged: bool,
    /// The store is made smaller at the next start of the hub.
    compact_later: bool,
    /// Anything may break; false while the world comes to rest.
    rough: bool,
    steps: u64,
    /// Verbs that an application could call.
    done: u64,
    observed: Vec<Observed>,
    /// The model is shown what people may read; these secrets it knows.
    shows: bool,
    secrets: BTreeSet<String>,
    /// How full everything was at most, and may be.
    fullest: BTreeMap<(full::Owner, &'static str), (usize, usize)>,
    coverage: Coverage,
    transcript: Option<Vec<String>>,
    failure: Option<Failure>,
}

/// More steps in one run mean that something spins.
const MOST_STEPS: u64 = 200_000;
/// More rounds without time passing mean the same.
const MOST_ROUNDS: u32 = 10_000;

impl World {
    /// A world in which nothing has happened yet. `start` is only a point from which time runs.
    #[must_use]
    pub fn new(seed: u64, setup: &Setup, start: Now) -> Self {
        let config = HubConfig {
            access_token_for: Duration::from_secs(setup.token_life.into()),
            max_messages: setup.window.max(1) as usize,
            ..people::config()
        };
        let host = Host::new(config, people::world(), start);
        let im = setup.im.iter().map(|it| Client::new(Role::Im(*it)));
        let c2c = setup.c2c.iter().map(|it| Client::new(Role::C2c(*it)));
        let sides = Observed { at: Duration::ZERO, what: Observation::Stored(people::sides()) };
        let mut world = Self {
            clock: Clock::new(start),
            rng: Rng::new(seed),
            host,
            host_dirty: false,
            hub_wall: chat_proto::Skew::default(),
            clients: im.chain(c2c).collect(),
            setup: setup.clone(),
            links: BTreeMap::new(),
            last_link: 0,
            by_server: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            last_exchange: 0,
            agenda: BTreeMap::new(),
            last_due: 0,
            ops: std::collections::VecDeque::new(),
            traps: Vec::new(),
            groups: Vec::new(),
            contents: 0,
            commits: 0,
            failing_commits: 0,
            slow_commits: Duration::ZERO,
            partition: None,
            switches: Vec::new(),
            no_pbx: false,
            history_lagged: false,
            compact_later: false,
            rough: true,
            steps: 0,
            done: 0,
            observed: vec![sides],
            shows: false,
            secrets: BTreeSet::new(),
            fullest: BTreeMap::new(),
            coverage: Coverage::default(),
            transcript: None,
            failure: None,
        };
        world.coverage = conditions(setup);
        if shown::is_shown(seed) {
            world.show();
        }
        world
    }

    /// Writes down what happens, for people.
    pub fn record(&mut self) {
        self.transcript.get_or_insert_default();
        self.show();
    }

    /// Plays a whole schedule, and comes to rest.
    #[must_use]
    pub fn run(schedule: &Schedule, start: Now, record: bool) -> Self {
        let mut world = Self::new(schedule.seed, &schedule.setup, start);
        if record {
            world.record();
        }
        world.play(&schedule.ops);
        world.come_to_rest();
        world
    }

    /// Does what `ops` say at their times, which count from the start of the world.
    pub fn play(&mut self, ops: &[Op]) {
        self.ops.extend(ops.iter().cloned());
        let last = ops.iter().map(|op| op.at).max().unwrap_or(0);
        self.run_until(Duration::from_millis(last.into()));
    }

    /// Lets everything happen that happens by then: time since the world began.
    pub fn run_until(&mut self, elapsed: Duration) {
        while self.failure.is_none() && self.step_until(elapsed) {}
    }

    /// Handles the earliest deadline. `false` when there is none, or something is broken.
    pub fn step(&mut self) -> bool {
        self.step_until(Duration::MAX)
    }

    /// The first thing that is wrong.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// What happened so far.
    #[must_use]
    pub fn observed(&self) -> &[Observed] {
        &self.observed
    }

    /// What was reached.
    #[must_use]
    pub const fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Deadlines handled.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// What was written down.
    #[must_use]
    pub fn transcript(&self) -> &[String] {
        self.transcript.as_deref().unwrap_or_default()
    }

    /// Both clocks as nobody stepped them.
    #[must_use]
    pub const fn now(&self) -> Now {
        self.clock.now()
    }

    /// The hub with its store.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Where a client's session is.
    #[must_use]
    pub fn phase(&self, client: usize) -> Phase {
        self.clients[client].phase()
    }

    /// Gives the run up for a reason that the world does not see itself.
    pub fn fail(&mut self, what: impl Into<String>) {
        let at = self.clock.elapsed();
        let what = what.into();
        if self.failure.is_none() {
            self.note(|| format!("FAILED: {what}"));
            self.failure = Some(Failure { at, what });
        }
    }

    fn step_until(&mut self, elapsed: Duration) -> bool {
        self.settle();
        if self.failure.is_some() {
            return false;
        }
        let Some(at) = self.next_due() else {
            // Nothing will happen, however long one waits.
            if elapsed < Duration::MAX {
                self.clock.advance(elapsed.saturating_sub(self.clock.elapsed()));
            }
            return false;
        };
        let by = at.saturating_duration_since(self.clock.now().mono);
        if self.clock.elapsed() + by > elapsed {
            self.clock.advance(elapsed.saturating_sub(self.clock.elapsed()));
            return false;
        }
        self.clock.advance_to(at);
        self.steps += 1;
        if self.steps > MOST_STEPS {
            self.fail("it never comes to rest");
            return false;
        }
        self.handle_due();
        true
    }

    fn start_of_world(&self) -> Instant {
        let now = self.clock.now().mono;
        now.checked_sub(self.clock.elapsed()).unwrap_or(now)
    }

    fn next_due(&self) -> Option<Instant> {
        let op = self.ops.front();
        let op = op.map(|op| self.start_of_world() + Duration::from_millis(op.at.into()));
        let agenda = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let clients = self.clients.iter().filter_map(|client| client.due);
        let links = self.links.iter().filter_map(|(id, link)| self.link_due(*id, link));
        let hub = self.host.poll_timeout();
        op.into_iter().chain(agenda).chain(clients).chain(links).chain(hub).min()
    }

    /// When something can be delivered on a link.
    fn link_due(&self, id: u64, link: &Link) -> Option<Instant> {
        let up = link
            .due(Way::Up)
            .filter(|_| link.server.is_none_or(|conn| self.host.wants_input(conn)));
        let down = link.due(Way::Down).filter(|_| self.hears(id, link));
        up.into_iter().chain(down).min()
    }

    /// Whether the client of a link reads from it.
    fn hears(&self, id: u64, link: &Link) -> bool {
        link.client_gone
            || self
                .clients
                .iter()
                .find(|client| client.link == Some(id))
                .is_none_or(|client| client.deaf.is_none())
    }

    /// Handles one thing that is due now.
    fn handle_due(&mut self) {
        let now = self.clock.now().mono;
        let op_at = self.ops.front().map(|op| Duration::from_millis(op.at.into()));
        if op_at.is_some_and(|at| at <= self.clock.elapsed()) {
            if let Some(op) = self.ops.pop_front() {
                self.act(op);
            }
            return;
        }
        if let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= now) {
            let due = entry.remove();
            self.handle(due);
            return;
        }
        let link = self
            .links
            .iter()
            .find(|(id, link)| self.link_due(**id, link).is_some_and(|at| at <= now));
        if let Some((id, _)) = link {
            self.deliver(*id);
            return;
        }
        if let Some(n) = self.clients.iter().position(|it| it.due.is_some_and(|at| at <= now)) {
            self.input(n, Input::Timeout);
            return;
        }
        let now = self.hub_now();
        self.host.timeout(now);
        self.host_dirty = true;
    }

    fn act(&mut self, op: Op) {
        self.note(|| format!("* {op}"));
        match op.act {
            Act::Do { client, verb } => {
                let client = self.pick_client(client);
                self.perform(client, verb);
            }
            Act::Break { client, fault } => {
                let client = self.pick_client(client);
                self.breaks(client, fault, None);
            }
            Act::Ambush { .. } => self.traps.push(Trap { op, sprung: None }),
            Act::Script { order, what } => self.script(order, what),
        }
        self.spring();
    }

    fn pick_client(&self, client: u8) -> usize {
        usize::from(client) % self.clients.len().max(1)
    }

    fn plan(&mut self, after: Duration, due: Due) {
        self.last_due += 1;
        self.agenda.insert((self.clock.now().mono + after, self.last_due), due);
    }

    /// How long one thing takes on the network.
    fn delay(&mut self) -> Duration {
        let weather = if self.rough { self.setup.weather } else { Weather::FINE };
        weather.draw(&mut self.rng)
    }

    fn hub_now(&self) -> Now {
        let now = self.clock.now();
        Now { mono: now.mono, unix: now.unix.shifted(self.hub_wall) }
    }

    fn observe(&mut self, what: Observation) {
        let at = self.clock.elapsed();
        self.observed.push(Observed { at, what });
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        let at = self.clock.elapsed();
        if self.transcript.is_none() && !self.shows {
            return;
        }
        let line = format!("{:>4}.{:03}  {}", at.as_secs(), at.subsec_millis(), line());
        if let Some(lines) = &mut self.transcript {
            lines.push(line.clone());
        }
        self.shown(|| line);
    }

    /// Tells a client's session what happened.
    fn input(&mut self, n: usize, input: Input) {
        let client = &mut self.clients[n];
        let now = client.now(self.clock.now());
        if let Some(machine) = &mut client.machine {
            machine.input(input, now);
            client.dirty = true;
        }
    }

    /// Moves everything that moves without time passing.
    fn settle(&mut self) {
        let mut left = MOST_ROUNDS;
        loop {
            left -= 1;
            if left == 0 {
                self.fail("it spins without time passing");
                return;
            }
            if let Some(n) = self.clients.iter().position(|client| client.dirty) {
                self.clients[n].dirty = false;
                self.pump_client(n);
                self.spring();
            } else if self.host_dirty {
                self.host_dirty = false;
                self.pump_host();
            } else {
                self.measure_hub();
                return;
            }
            if self.failure.is_some() {
                return;
            }
        }
    }

    fn pump_client(&mut self, n: usize) {
        loop {
            let client = &mut self.clients[n];
            let Some(machine) = &mut client.machine else { return };
            if let Some(action) = machine.poll_action() {
                self.start_action(n, action);
                continue;
            }
            if let Some(transmit) = machine.poll_transmit() {
                self.write(n, transmit.message);
                continue;
            }
            if client.deaf.is_some() {
                break;
            }
            let told = match machine {
                Either::Im(it) => {
                    let event = it.poll_event();
                    event.map(|event| self.told_im(n, event)).is_some()
                }
                Either::C2c(it) => {
                    let event = it.poll_event();
                    event.map(|event| self.told_c2c(n, event)).is_some()
                }
            };
            if !told {
                break;
            }
        }
        if !self.clients[n].unsettled.is_empty() {
            self.look_at_topics(n);
        }
        let client = &mut self.clients[n];
        let Some(machine) = &mut client.machine else { return };
        let mut looked_at = false;
        if client.deaf.is_none() {
            machine.at_rest();
            if self.steps % 64 == 63 {
                machine.probe(self.steps / 64);
                looked_at = true;
            }
        }
        client.due = machine.poll_timeout();
        if let Some(broken) = machine.broken() {
            let what = format!("client {n}: {broken}");
            self.fail(what);
        }
        self.measure(n);
        if looked_at {
            self.show_session(n);
        }
    }

    fn start_action(&mut self, n: usize, action: Action) {
        self.shown(|| format!("{action:?}"));
        self.note(|| match &action {
            Action::Dial { request, .. } => format!("client {n} dials {request:?}"),
            Action::Drop { .. } => format!("client {n} lets go of its link"),
            Action::Http { request, .. } => format!("client {n} asks {request:?}"),
            Action::AbortHttp { .. } => format!("client {n} gives an exchange up"),
        });
        match action {
            Action::Dial { conn, request } => self.dial(n, conn, request),
            Action::Drop { .. } => {
                // Before the requests end that this cuts short: so it happened.
                self.clients[n].was_ready = true;
                self.is_ready(n, false);
                self.let_go(n);
            }
            Action::Http { id, request, deadline } => self.exchange(n, id, request, deadline),
            Action::AbortHttp { id } => {
                if let Some(exchange) = self.clients[n].exchanges.remove(&id) {
                    self.exchanges.remove(&exchange);
                }
            }
        }
    }
}

/// What a world of this setup is like.
fn conditions(setup: &Setup) -> Coverage {
    let twice = |all: Vec<u8>| (1..all.len()).any(|n| all[..n].contains(&all[n]));
    let users = setup.im.iter().map(|it| it.user).collect();
    let accounts = setup.c2c.iter().map(|it| it.account).collect();
    let mut coverage = Coverage::default();
    for (condition, is_so) in [
        ("latency", setup.weather.least >= 40),
        ("jitter", setup.weather.jitter >= 200),
        ("commits take time", setup.commit.least > 0),
        ("tokens die soon", setup.token_life < 120),
        ("little history is kept", setup.window < 100),
        ("two programs of one user", twice(users)),
        ("two programs of one account", twice(accounts)),
        ("both services", !setup.im.is_empty() && !setup.c2c.is_empty()),
    ] {
        if is_so {
            coverage.was(condition);
        }
    }
    coverage
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("elapsed", &self.clock.elapsed())
            .field("clients", &self.clients)
            .field("host", &self.host)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}
