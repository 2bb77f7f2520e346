//! A program: a session, and what its author keeps beside it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use chat_proto::c2c::client::{C2cConfig, Checkpoint, Since};
use chat_proto::c2c::{C2c, Resend};
use chat_proto::client::{Phase, RequestId, Session};
use chat_proto::im::client::{Credentials, ImConfig};
use chat_proto::im::rest::TokenPair;
use chat_proto::im::{Im, TopicName};
use chat_proto::machine::HttpId;
use chat_proto::rest::{BaseUrl, Quota};
use chat_proto::{Action, Input, Now, Skew, Transmit};

use super::network::Pub;
use crate::laws::{Broken, Watched};
use crate::people;
use crate::schedule::{C2cSetup, ImSetup, VerbKind};

/// A session of either service.
#[derive(Debug)]
pub(super) enum Either {
    Im(Box<Watched<Im>>),
    C2c(Box<Watched<C2c>>),
}

macro_rules! either {
    ($self:expr, $it:ident => $body:expr) => {
        match $self {
            Either::Im($it) => $body,
            Either::C2c($it) => $body,
        }
    };
}

impl Either {
    pub(super) fn phase(&self) -> Phase {
        either!(self, it => it.session().phase())
    }

    pub(super) fn input(&mut self, input: Input, now: Now) {
        either!(self, it => it.input(input, now));
    }

    pub(super) fn poll_action(&mut self) -> Option<Action> {
        either!(self, it => it.poll_action())
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        either!(self, it => it.poll_transmit())
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        either!(self, it => it.poll_timeout())
    }

    pub(super) fn waiting(&self) -> &BTreeSet<RequestId> {
        either!(self, it => it.waiting())
    }

    pub(super) fn broken(&self) -> Option<&Broken> {
        either!(self, it => it.broken())
    }

    pub(super) fn connect(&mut self, now: Now) {
        either!(self, it => it.call(now, |session, now| session.connect(now)));
    }

    pub(super) fn close(&mut self, now: Now) {
        either!(self, it => it.call(now, |session, now| session.close(now)));
    }

    pub(super) fn cancel(&mut self, id: RequestId, now: Now) {
        either!(self, it => it.call(now, |session, now| session.cancel(id, now)));
    }

    pub(super) fn probe(&mut self, n: u64) {
        either!(self, it => it.probe(n));
    }

    pub(super) fn at_rest(&mut self) {
        either!(self, it => it.at_rest());
    }

    pub(super) fn describe(&self) -> String {
        either!(self, it => format!("{:?}", it.session()))
    }
}

/// What a client is configured to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    Im(ImSetup),
    C2c(C2cSetup),
}

/// What becomes of an HTTP exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HttpFault {
    NoConnect,
    Lost,
    AnswerLost,
    Status(u16),
}

/// A program of the world.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) role: Role,
    /// As observations name the user.
    pub(super) user: String,
    /// `None` before the program runs, and after it ended.
    pub(super) machine: Option<Either>,
    /// How often it was started.
    pub(super) life: u32,
    /// The attempt under way.
    pub(super) link: Option<u64>,
    /// Its requests, and what they are.
    pub(super) asked: BTreeMap<RequestId, VerbKind>,
    /// How far its wall clock is off.
    pub(super) wall: Skew,
    /// Takes no events before.
    pub(super) deaf: Option<Instant>,
    /// What its next dials are refused with.
    pub(super) refusals: VecDeque<u16>,
    /// What becomes of its next exchanges.
    pub(super) http_faults: VecDeque<HttpFault>,
    /// What comes next comes twice.
    pub(super) double: bool,
    /// Exchanges under way, by the number of the session.
    pub(super) exchanges: BTreeMap<HttpId, u64>,
    /// Looked up after each change.
    pub(super) due: Option<Instant>,
    /// Something may wait in a lane.
    pub(super) dirty: bool,
    pub(super) was_ready: bool,
    /// Topics that are subscribed to, and how far they go is not known yet.
    pub(super) unsettled: Vec<TopicName>,
    /// What the program stores: tokens, how far orders were read, which topics it follows.
    pub(super) tokens: Option<TokenPair>,
    pub(super) checkpoints: BTreeMap<String, Checkpoint>,
    pub(super) watching: BTreeSet<String>,
    pub(super) following: BTreeSet<TopicName>,
    /// `sub`s on their way on the live link: ids and numbers.
    pub(super) subs: Vec<(String, u64)>,
    pub(super) last_sub: u64,
    /// Messages that were written, and not answered.
    pub(super) pubs: Vec<Pub>,
}

impl Client {
    pub(super) fn new(role: Role) -> Self {
        let user = match role {
            Role::Im(it) => people::user(usize::from(it.user)),
            Role::C2c(it) => people::trader(usize::from(it.account)),
        };
        Self {
            role,
            user,
            machine: None,
            life: 0,
            link: None,
            asked: BTreeMap::new(),
            wall: Skew::default(),
            deaf: None,
            refusals: VecDeque::new(),
            http_faults: VecDeque::new(),
            double: false,
            exchanges: BTreeMap::new(),
            due: None,
            dirty: false,
            was_ready: false,
            unsettled: Vec::new(),
            tokens: None,
            checkpoints: BTreeMap::new(),
            watching: BTreeSet::new(),
            following: BTreeSet::new(),
            subs: Vec::new(),
            last_sub: 0,
            pubs: Vec::new(),
        }
    }

    pub(super) const fn is_im(&self) -> bool {
        matches!(self.role, Role::Im(_))
    }

    pub(super) fn phase(&self) -> Phase {
        self.machine.as_ref().map_or(Phase::Closed, Either::phase)
    }

    /// Its reading of the clocks.
    pub(super) fn now(&self, now: Now) -> Now {
        Now { mono: now.mono, unix: now.unix.shifted(self.wall) }
    }

    /// Starts the program; what it had in memory is gone.
    pub(super) fn start(&mut self, seed: u64, now: Now) {
        self.life += 1;
        self.link = None;
        self.asked.clear();
        self.exchanges.clear();
        self.deaf = None;
        self.was_ready = false;
        self.unsettled.clear();
        self.dirty = true;
        let now = self.now(now);
        self.machine = Some(match self.role {
            Role::Im(setup) => {
                let config = self.im_config(setup);
                Either::Im(Box::new(Watched::new(Session::im(config, seed, now), now)))
            }
            Role::C2c(setup) => {
                let config = c2c_config(setup);
                let api = people::api(usize::from(setup.account));
                let mut watched = Watched::new(Session::c2c(config, api, seed, now), now);
                for order in &self.watching {
                    let stored = self.checkpoints.get(order).cloned();
                    let since = stored.map_or(Since::Start, Since::Checkpoint);
                    let result = watched.call(now, |it, now| it.watch(order, since, now));
                    result.expect("few orders with good numbers");
                }
                Either::C2c(Box::new(watched))
            }
        });
    }

    /// What it is configured to be, as people would print it.
    pub(super) fn configured(&self) -> String {
        match self.role {
            Role::Im(setup) => format!("{:?}", self.im_config(setup)),
            Role::C2c(setup) => {
                let api = people::api(usize::from(setup.account));
                format!("{api:?} {:?}", c2c_config(setup))
            }
        }
    }

    /// What the program logs in with.
    pub(super) fn credentials(&self, setup: ImSetup) -> Credentials {
        let n = usize::from(setup.user);
        match self.tokens.clone().filter(|_| setup.tokens) {
            Some(pair) => {
                let (username, domain) = (people::number(n), people::DOMAIN.to_owned());
                Credentials::Tokens { username, domain, pair }
            }
            None => Credentials::password(people::number(n), people::DOMAIN, people::password(n)),
        }
    }

    fn im_config(&self, setup: ImSetup) -> ImConfig {
        let base = BaseUrl::parse("https://pbx.example.com:8887").expect("a constant address");
        let config = ImConfig::new(&base, self.credentials(setup));
        let mut config = config.expect("a short address");
        config.server_deduplicates = setup.dedup;
        config.fill_page = 3;
        config.max_held = 8;
        config.session.max_requests = MAX_REQUESTS;
        config
    }
}

/// Requests that may wait in one session.
pub(super) const MAX_REQUESTS: usize = 64;

fn c2c_config(setup: C2cSetup) -> C2cConfig {
    let mut config = C2cConfig {
        resend: if setup.resend { Resend::WhenProvenLost } else { Resend::Never },
        // Longer than anything here takes to arrive: what history does not show by then is lost.
        resend_after: Duration::from_secs(100),
        taken_over_pause: Duration::from_secs(20),
        limit_pause: Duration::from_secs(20),
        calls: Quota::per_minute(600).burst(100),
        tickets: Quota::per_minute(60).burst(20),
        ..C2cConfig::default()
    };
    config.session.max_requests = MAX_REQUESTS;
    config
}
