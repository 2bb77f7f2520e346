//! What was reached: every fault, in every phase, with every verb in flight.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chat_proto::client::Phase;

use crate::schedule::{FaultKind, VerbKind};
use crate::world::switches;

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Topic chat.
    Im,
    /// Order chat.
    C2c,
}

/// A fault that hit a client in a phase, with a request of that kind in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Whose client.
    pub service: Service,
    /// What broke.
    pub fault: FaultKind,
    /// Where the session was.
    pub phase: Phase,
    /// What was asked and not answered, or done that moment; `None` when nothing was.
    pub verb: Option<VerbKind>,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?} while {:?}", self.service, self.fault, self.phase)?;
        match self.verb {
            Some(verb) => write!(f, ", {verb:?} in flight"),
            None => write!(f, ", nothing in flight"),
        }
    }
}

/// Phases in which a fault can hit.
const PHASES: [Phase; 6] = [
    Phase::Preparing,
    Phase::Dialing,
    Phase::Opening,
    Phase::Ready,
    Phase::Waiting,
    Phase::Closing,
];

impl Cell {
    /// Every combination, those that cannot be included.
    pub fn all() -> impl Iterator<Item = Self> {
        [Service::Im, Service::C2c].into_iter().flat_map(|service| {
            // Some faults are one service's own; they come last.
            let (verbs, more): (&[VerbKind], Vec<FaultKind>) = match service {
                Service::Im => (&VerbKind::IM, vec![FaultKind::NoPbx]),
                Service::C2c => (&VerbKind::C2C, {
                    let switches = (0..switches::COUNT).map(FaultKind::Switch);
                    switches.chain([FaultKind::TakeOver]).collect()
                }),
            };
            let is_own = |it: &FaultKind| matches!(it, FaultKind::NoPbx | FaultKind::TakeOver);
            let common = FaultKind::ALL.into_iter().filter(move |it| !is_own(it));
            let verbs: Vec<_> = verbs.iter().copied().map(Some).chain([None]).collect();
            common.chain(more).flat_map(move |fault| {
                let verbs = verbs.clone();
                PHASES.into_iter().flat_map(move |phase| {
                    let cell = move |verb| Self { service, fault, phase, verb };
                    verbs.clone().into_iter().map(cell)
                })
            })
        })
    }

    /// Why the combination cannot be; `None` when it can.
    #[must_use]
    pub fn impossible(&self) -> Option<&'static str> {
        use FaultKind as F;
        let needs_link = matches!(
            self.fault,
            F::Cut | F::HalfOpen | F::Late | F::DeadPeer | F::StallUp | F::StallDown
        );
        if needs_link && matches!(self.phase, Phase::Preparing | Phase::Waiting) {
            return Some("there is no link in this phase");
        }
        if self.fault == F::DeadPeer && self.phase == Phase::Dialing {
            return Some("the hub knows no link yet that it could miss");
        }
        if self.phase == Phase::Closing && self.verb.is_some() {
            return Some("closing ends all requests, and takes no more");
        }
        if self.service == Service::C2c && self.phase == Phase::Opening {
            return Some("order chat has no opening frames: an open socket is ready");
        }
        let is_http = matches!(
            self.fault,
            F::HttpNoConnect | F::HttpLost | F::HttpAnswerLost | F::Http5xx | F::Http429
        );
        if is_http
            && self.service == Service::Im
            && !matches!(self.phase, Phase::Preparing | Phase::Ready)
        {
            return Some(
                "the session starts exchanges only while it prepares and while it is ready",
            );
        }
        let without_link = matches!(self.phase, Phase::Dialing | Phase::Waiting);
        if is_http && without_link && self.verb.is_none() {
            return Some("without a link only a request of the application starts an exchange");
        }
        let is_note = matches!(
            self.verb,
            Some(VerbKind::NoteRead | VerbKind::NoteReceived | VerbKind::Typing)
        );
        if is_http && is_note {
            return Some(
                "a note has no answer, so that it is not in flight when an exchange starts",
            );
        }
        let is_watch = matches!(self.verb, Some(VerbKind::Watch | VerbKind::Unwatch));
        if is_http && is_watch {
            return Some("what is watched makes no request that could be in flight");
        }
        if is_http && self.phase == Phase::Closing {
            return Some("closing gives all exchanges up");
        }
        None
    }
}

/// How often a fault hit in each phase, and the verbs that were in flight.
type Row = BTreeMap<Phase, (u64, BTreeSet<VerbKind>)>;

/// What a world is like, or what happens in it, that strikes nobody in particular.
pub const CONDITIONS: [&str; 14] = [
    "latency",
    "jitter",
    "commits take time",
    "tokens die soon",
    "little history is kept",
    "two programs of one user",
    "two programs of one account",
    "both services",
    "script: a text of the other side",
    "script: the order moves on",
    "script: a text of the service",
    "script: the other side reads",
    "script: counters",
    "script: a frame of an unknown kind",
];

/// How often each combination, and each condition, was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<Cell, u64>, BTreeMap<&'static str, u64>);

impl Coverage {
    /// A fault hit.
    pub fn hit(&mut self, cell: Cell) {
        *self.0.entry(cell).or_default() += 1;
    }

    /// One of [`CONDITIONS`] was so.
    pub fn was(&mut self, condition: &'static str) {
        *self.1.entry(condition).or_default() += 1;
    }

    /// Conditions that never were.
    #[must_use]
    pub fn never(&self) -> Vec<&'static str> {
        CONDITIONS.into_iter().filter(|it| !self.1.contains_key(it)).collect()
    }

    /// Adds what another run reached.
    pub fn add(&mut self, other: &Self) {
        for (condition, count) in &other.1 {
            *self.1.entry(condition).or_default() += count;
        }
        for (cell, count) in &other.0 {
            *self.0.entry(*cell).or_default() += count;
        }
    }

    /// How often.
    #[must_use]
    pub fn count(&self, cell: &Cell) -> u64 {
        self.0.get(cell).copied().unwrap_or(0)
    }

    /// Combinations that can be and were not reached.
    #[must_use]
    pub fn missing(&self) -> Vec<Cell> {
        Cell::all().filter(|it| it.impossible().is_none() && self.count(it) == 0).collect()
    }

    /// Each fault in each phase: how often it hit, and with how many verbs in flight.
    #[must_use]
    pub fn table(&self) -> String {
        let mut rows: BTreeMap<(Service, FaultKind), Row> = BTreeMap::new();
        for (cell, count) in &self.0 {
            let row = rows.entry((cell.service, cell.fault)).or_default();
            let (sum, verbs) = row.entry(cell.phase).or_default();
            *sum += count;
            verbs.extend(cell.verb);
        }
        let mut text = format!("{:<5} {:<22}", "", "fault");
        for phase in PHASES {
            text.push_str(&format!("{:>14}", format!("{phase:?}")));
        }
        text.push('\n');
        for ((service, fault), row) in rows {
            let name = if let FaultKind::Switch(which) = fault {
                switches::NAMES[usize::from(which)].to_owned()
            } else {
                format!("{fault:?}")
            };
            text.push_str(&format!("{:<5} {name:<22}", format!("{service:?}")));
            for phase in PHASES {
                let shown = row.get(&phase);
                let shown = shown.map_or_else(
                    || "-".to_owned(),
                    |(count, verbs)| format!("{count}/{}", verbs.len()),
                );
                text.push_str(&format!("{shown:>14}"));
            }
            text.push('\n');
        }
        for condition in CONDITIONS {
            let count = self.1.get(condition).copied().unwrap_or(0);
            text.push_str(&format!("{condition:<36}{count:>14}\n"));
        }
        text
    }
}
