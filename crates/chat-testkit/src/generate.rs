//! Schedules from seeds, made so that every fault meets every verb in every phase.
//!
//! Each seed aims at one [`Cell`]: consecutive seeds go through all of them in turn. Around that it
//! draws what else happens.

use chat_proto::client::Phase;
use chat_proto::rng::Rng;

use crate::coverage::{Cell, Service};
use crate::link::Weather;
use crate::schedule::{
    Act, C2cSetup, Fault, FaultKind, ImSetup, Op, Schedule, Setup, Verb, VerbKind as V,
};
use crate::world::switches;

/// Draws schedules.
#[derive(Clone, Debug)]
pub struct Generator {
    cells: Vec<Cell>,
}

impl Default for Generator {
    fn default() -> Self {
        Self::new()
    }
}

/// When the target is struck, in milliseconds: everybody has found their topics by then.
const TARGET: u32 = 3_000;
/// Life of a token that is renewed while the target is struck, in seconds.
const SHORT_LIFE: u32 = 20;

impl Generator {
    /// All combinations that can be.
    #[must_use]
    pub fn new() -> Self {
        Self { cells: Cell::all().filter(|cell| cell.impossible().is_none()).collect() }
    }

    /// How many seeds aim at everything once.
    #[must_use]
    pub fn round(&self) -> u64 {
        self.cells.len() as u64
    }

    /// What a seed aims at.
    #[must_use]
    pub fn target(&self, seed: u64) -> Cell {
        let at = usize::try_from(seed % self.round()).unwrap_or(0);
        self.cells[at]
    }

    /// The seed that aims at `cell` in the round `nth`; `None` for what cannot be.
    #[must_use]
    pub fn seed(&self, cell: &Cell, nth: u64) -> Option<u64> {
        let at = self.cells.iter().position(|it| it == cell)?;
        Some(nth * self.round() + at as u64)
    }

    /// The schedule of a seed.
    #[must_use]
    pub fn schedule(&self, seed: u64) -> Schedule {
        let target = self.target(seed);
        let mut draw = Draw {
            rng: Rng::new(seed ^ 0x5EED),
            setup: setup(),
            ops: Vec::new(),
            aimed_at: (0, 0),
        };
        draw.people(&target);
        draw.opening();
        draw.aim(&target);
        let aimed = draw.ops.len();
        draw.noise();
        draw.hush(&target, aimed);
        let Draw { setup, mut ops, .. } = draw;
        ops.sort_by_key(|op| op.at);
        Schedule { seed, setup, ops }
    }
}

fn setup() -> Setup {
    Setup {
        im: Vec::new(),
        c2c: Vec::new(),
        weather: Weather::FINE,
        commit: Weather { least: 0, jitter: 0 },
        token_life: 1800,
        window: 10_000,
    }
}

/// A schedule that is being drawn.
struct Draw {
    rng: Rng,
    setup: Setup,
    ops: Vec<Op>,
    /// Whose session is to be struck, and when.
    aimed_at: (u8, u32),
}

impl Draw {
    fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.rng.below(u64::from(bound))).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.rng.next_u64().to_le_bytes()[0]
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.rng.below(of.len() as u64)).unwrap_or(0)]
    }

    fn add(&mut self, at: u32, act: Act) {
        self.ops.push(Op { at, act });
    }

    fn verb(&mut self, at: u32, client: u8, verb: Verb) {
        self.add(at, Act::Do { client, verb });
    }

    fn people(&mut self, target: &Cell) {
        let both = self.chance(10);
        if target.service == Service::Im || both {
            // Two programs of one user, and one or two of others.
            let users: &[u8] = if self.chance(50) { &[0, 0, 1] } else { &[0, 1, 0, 2] };
            for user in users {
                let (dedup, tokens) = (self.chance(50), self.chance(30));
                self.setup.im.push(ImSetup { user: *user, dedup, tokens });
            }
        }
        if target.service == Service::C2c || both {
            let accounts: &[u8] = if self.chance(80) { &[0, 1] } else { &[0, 1, 0] };
            for account in accounts {
                let resend = self.chance(50);
                self.setup.c2c.push(C2cSetup { account: *account, resend });
            }
        }
        let weathers = [(5, 20), (5, 20), (1, 0), (40, 200), (100, 900)];
        let (least, jitter) = self.one_of(&weathers);
        self.setup.weather = Weather { least, jitter };
        let commits = [(0, 0), (0, 0), (1, 10), (20, 100), (100, 800)];
        let (least, jitter) = self.one_of(&commits);
        self.setup.commit = Weather { least, jitter };
        self.setup.token_life = self.one_of(&[1800, 1800, 90, 45]);
        self.setup.window = self.one_of(&[10_000, 10_000, 10_000, 6]);
    }

    fn im_clients(&self) -> u8 {
        u8::try_from(self.setup.im.len()).unwrap_or(u8::MAX)
    }

    fn clients(&self) -> u8 {
        self.im_clients() + u8::try_from(self.setup.c2c.len()).unwrap_or(0)
    }

    /// Everybody connects, a group is made, and most are in it.
    fn opening(&mut self) {
        let im = self.im_clients();
        for client in 0..self.clients() {
            let at = self.below(50);
            self.verb(at, client, Verb::new(V::Connect));
        }
        if im > 0 {
            self.verb(400, 0, Verb::new(V::CreateGroup));
            for client in 0..im {
                let at = 1_500 + self.below(100);
                if client > 0 && self.chance(85) {
                    self.verb(at, client, Verb::new(V::Subscribe));
                }
                if self.chance(50) {
                    self.verb(at, client, Verb { topic: 1, ..Verb::new(V::Subscribe) });
                }
            }
            self.verb(2_200, 0, Verb::new(V::Publish));
        }
        for client in im..self.clients() {
            if self.chance(80) {
                self.verb(60, client, Verb::new(V::Watch));
            }
        }
    }

    fn of_service(&mut self, service: Service) -> u8 {
        let im = self.im_clients();
        match service {
            Service::Im => self.below(im.into()) as u8,
            Service::C2c => {
                let count = u32::from(self.clients() - im);
                im + self.below(count) as u8
            }
        }
    }

    /// Strikes the target.
    fn aim(&mut self, target: &Cell) {
        let client = self.of_service(target.service);
        let at = TARGET + self.below(500);
        self.aimed_at = (client, at);
        let is_note = matches!(target.verb, Some(V::NoteRead | V::NoteReceived | V::Typing));
        let verb = target.verb.map(|kind| if is_note { Verb::new(kind) } else { self.some(kind) });
        let fault = self.fault(target.fault);
        let is_http = is_http(target.fault);
        if is_http && target.service == Service::Im && target.phase == Phase::Ready {
            self.aim_at_refresh(client, verb, fault);
            return;
        }
        let frames =
            if target.phase == Phase::Ready { self.one_of(&[0, 0, 1, 2, 3, 5]) } else { 0 };
        let frames = if target.verb.is_some() { frames.min(1) } else { frames };
        let ambush =
            |verb, fault, frames| Act::Ambush { client, phase: target.phase, frames, verb, fault };
        if is_note {
            // It needs a topic of which something was told.
            self.setup.weather = Weather::FINE;
            self.setup.commit = Weather { least: 0, jitter: 0 };
            self.verb(1_600, client, Verb::new(V::Subscribe));
        }
        let first = target.verb.is_some()
            && !is_note
            && matches!(target.phase, Phase::Preparing | Phase::Dialing | Phase::Opening)
            && self.chance(30);
        if first {
            self.add(0, ambush(verb, fault, frames));
            // Before it connects.
            self.ops.rotate_right(1);
        } else {
            self.add(at, ambush(verb, fault, frames));
        }
        if is_http && target.service == Service::C2c {
            // Something that needs an exchange at that very moment.
            let history = Some(Verb::new(V::OrderHistory));
            self.add(if first { 0 } else { at }, ambush(history, Fault::Nothing, 0));
        }
        if !first {
            self.nudge(client, target, at + 1);
        }
    }

    /// Leads a session into the phase.
    fn nudge(&mut self, client: u8, target: &Cell, at: u32) {
        let cut = Act::Break { client, fault: Fault::Cut };
        match target.phase {
            Phase::Preparing if target.service == Service::Im => {
                // Its token is over when it connects again.
                let life = i32::try_from(self.setup.token_life).unwrap_or(1800) * 1000;
                self.add(at, Act::Break { client, fault: Fault::ClientClock(life) });
                self.add(at + 1, cut);
            }
            Phase::Preparing | Phase::Dialing | Phase::Opening | Phase::Waiting => {
                self.add(at, cut);
            }
            Phase::Closing => {
                self.verb(at, client, Verb::new(V::Close));
                self.verb(at + 15_000, client, Verb::new(V::Connect));
            }
            Phase::Ready | Phase::Idle | Phase::Closed => {}
        }
    }

    /// Tokens are renewed by themselves: the answers to requests are held back until then.
    fn aim_at_refresh(&mut self, client: u8, verb: Option<Verb>, fault: Fault) {
        self.setup.token_life = SHORT_LIFE;
        self.setup.weather = Weather::FINE;
        self.setup.commit = Weather { least: 0, jitter: 0 };
        self.add(12_000, Act::Break { client, fault: Fault::StallDown(8_000) });
        if let Some(verb) = verb {
            self.verb(13_000, client, verb);
        }
        self.add(14_000, Act::Break { client, fault });
        // A topic takes one request after the other: those of others must not be in the way.
        self.ops.retain(|op| op.at < 20_000);
        self.verb(24_000, client, Verb::new(V::Publish));
    }

    /// What else happens.
    fn noise(&mut self) {
        let clients = self.clients();
        let im = self.im_clients();
        let verbs = 3 + self.below(10);
        let span = self.one_of(&[1_500, 4_000, 15_000]);
        for _ in 0..verbs {
            let client = self.below(clients.into()) as u8;
            let at = 2_500 + self.below(span);
            let kind = if client < im { self.im_kind() } else { self.c2c_kind() };
            let verb = self.some(kind);
            self.verb(at, client, verb);
        }
        let faults = self.one_of(&[0, 0, 1, 1, 2, 4]);
        for _ in 0..faults {
            let client = self.below(clients.into()) as u8;
            let at = 2_500 + self.below(span);
            let index = self.below(self.cells_of_faults());
            let kind = fault_kind(index);
            let fault = self.fault(kind);
            self.add(at, Act::Break { client, fault });
        }
        if self.setup.c2c.is_empty() {
            return;
        }
        for _ in 0..self.below(4) {
            let (order, what) = (self.byte(), self.byte());
            let at = 1_000 + self.below(span);
            self.add(at, Act::Script { order, what });
        }
    }

    /// Takes out of what was drawn since what would keep the target from being struck.
    fn hush(&mut self, target: &Cell, aimed: usize) {
        let (client, at) = self.aimed_at;
        let until = if target.verb.is_none() { at + 1_500 } else { at };
        let mut index = 0;
        self.ops.retain(|op| {
            let is_noise = index >= aimed;
            index += 1;
            let meant = match &op.act {
                Act::Do { client: of, .. } => *of == client,
                // The hub is everybody's.
                Act::Break { .. } => true,
                Act::Ambush { .. } | Act::Script { .. } => false,
            };
            !(is_noise && meant && op.at <= until)
        });
    }

    fn cells_of_faults(&self) -> u32 {
        let switches = if self.setup.c2c.is_empty() { 0 } else { u32::from(switches::COUNT) };
        u32::try_from(FaultKind::ALL.len()).unwrap_or(0) + switches
    }

    fn im_kind(&mut self) -> V {
        if self.chance(45) {
            return self.one_of(&[V::Publish, V::Publish, V::PublishMute]);
        }
        if self.chance(8) {
            return self.one_of(&[V::Cancel, V::Close, V::Connect, V::Restart]);
        }
        self.one_of(&V::IM)
    }

    fn c2c_kind(&mut self) -> V {
        if self.chance(55) {
            return V::Send;
        }
        if self.chance(8) {
            return self.one_of(&[V::Cancel, V::Close, V::Connect, V::Restart]);
        }
        self.one_of(&V::C2C)
    }

    /// A verb with some arguments: mostly about the first group and about users who are there.
    fn some(&mut self, kind: V) -> Verb {
        let topic = self.one_of(&[0, 0, 0, 0, 0, 1, 1, 3, 2]);
        let (who, arg) = (self.one_of(&[0, 1, 1, 2, 3]), self.byte());
        Verb { kind, topic, who, arg }
    }

    fn fault(&mut self, kind: FaultKind) -> Fault {
        use FaultKind as K;
        let stall = self.one_of(&[500, 3_000, 12_000, 65_000, 80_000]);
        let down = self.one_of(&[10, 500, 3_000, 20_000]);
        let count = self.one_of(&[1, 1, 2, 4]);
        let jump = self.one_of(&[-7_200_000, -30_000, -1, 1, 30_000, 7_200_000]);
        match kind {
            K::Cut => Fault::Cut,
            K::HalfOpen => Fault::HalfOpen,
            K::Late => Fault::Late(self.one_of(&[100, 1_000, 5_000, 20_000])),
            K::DeadPeer => Fault::DeadPeer,
            K::StallUp => Fault::StallUp(stall),
            K::StallDown => Fault::StallDown(stall),
            K::Partition => Fault::Partition(stall),
            K::Duplicate => Fault::Duplicate,
            K::RefuseDials => Fault::RefuseDials(count),
            K::Deaf => Fault::Deaf(self.one_of(&[500, 5_000, 40_000, 100_000])),
            K::HttpNoConnect => Fault::HttpNoConnect(count),
            K::HttpLost => Fault::HttpLost(count),
            K::HttpAnswerLost => Fault::HttpAnswerLost(count),
            K::Http5xx => Fault::Http5xx(count),
            K::Http429 => Fault::Http429(count),
            K::CrashLost => Fault::CrashLost(down),
            K::CrashStored => Fault::CrashStored(down),
            K::CrashSilent => Fault::CrashSilent(down),
            K::Shutdown => Fault::Shutdown(down),
            K::FailCommits => Fault::FailCommits(count),
            K::SlowCommits => Fault::SlowCommits(self.one_of(&[300, 2_000, 12_000])),
            K::ForgetTokens => Fault::ForgetTokens,
            K::NoPbx => Fault::NoPbx(stall),
            K::ClientClock => Fault::ClientClock(jump),
            K::HubClock => Fault::HubClock(jump),
            K::ExpireTokens => Fault::ExpireTokens,
            K::Restart => Fault::Restart,
            K::TakeOver => Fault::TakeOver,
            K::Switch(which) => Fault::Switch(which, self.one_of(&[2_000, 10_000, 40_000])),
        }
    }
}

const fn is_http(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::HttpNoConnect
            | FaultKind::HttpLost
            | FaultKind::HttpAnswerLost
            | FaultKind::Http5xx
            | FaultKind::Http429
    )
}

fn fault_kind(index: u32) -> FaultKind {
    let index = usize::try_from(index).unwrap_or(0);
    match FaultKind::ALL.get(index) {
        Some(kind) => *kind,
        None => FaultKind::Switch(u8::try_from(index - FaultKind::ALL.len()).unwrap_or(0)),
    }
}
