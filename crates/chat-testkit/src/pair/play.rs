//! A pair in which every decision comes from bytes: which of the things that can happen next does.
//!
//! The network of a [`World`](crate::World) keeps its own order; here a message that was written may
//! wait while commits end, exchanges fail and the hub crashes. A [`Model`] judges the run.

use std::time::Duration;

use chat_hub::Record;
use chat_proto::Now;
use chat_proto::c2c::C2c;
use chat_proto::c2c::client::{C2cConfig, Since};
use chat_proto::c2c::rest::HistoryQuery as OrderQuery;
use chat_proto::client::{Event, Phase, RequestId, Session};
use chat_proto::im::client::{Credentials, HistoryQuery, ImConfig, Publish, Subscribe};
use chat_proto::im::{Im, Seqs, TopicName};
use chat_proto::json::Raw;
use chat_proto::rest::BaseUrl;

use super::{Pair, Served};
use crate::host::{Commit, Host};
use crate::laws::{EventOf, Lawful};
use crate::model::Model;
use crate::observe::{self, Chat, Dump, End, Observation, Observed, Verb};
use crate::people;

/// What a played service must know.
trait Played: Lawful {
    /// As observations name the user.
    fn user() -> String;
    /// Where everything happens.
    fn chat() -> Chat;
    fn session(now: Now) -> Session<Self>;
    /// A verb; `which` chooses. Gives what it asks for.
    fn verb(which: u8, content: &str, pair: &mut Pair<Self, Served>) -> Option<(RequestId, Verb)>;
    /// What is done before the first decision.
    fn begin(player: &mut Player<Self>);
    /// Whether the session knows how far the conversation goes.
    fn is_settled(session: &Session<Self>) -> bool;
    fn end(event: &EventOf<Self>) -> Option<(RequestId, End)>;
    fn told(event: &EventOf<Self>) -> Option<Observation>;
}

fn topic() -> TopicName {
    TopicName::new(people::user(1))
}

impl Played for Im {
    fn user() -> String {
        people::user(0)
    }

    fn chat() -> Chat {
        Chat::pair(&people::user(0), &people::user(1))
    }

    fn session(now: Now) -> Session<Self> {
        let base = BaseUrl::parse("https://pbx.example.com:8887").expect("a constant address");
        let credentials =
            Credentials::password(people::number(0), people::DOMAIN, people::password(0));
        let mut config = ImConfig::new(&base, credentials).expect("a short address");
        (config.fill_page, config.max_held) = (3, 8);
        Session::im(config, 7, now)
    }

    fn verb(which: u8, content: &str, pair: &mut Pair<Self, Served>) -> Option<(RequestId, Verb)> {
        let (topic, chat) = (topic(), Self::chat());
        let (verb, id) = match which % 8 {
            0..5 => {
                let raw = Raw::from_text(content);
                let verb = Verb::Publish { chat, content: raw.as_str().to_owned(), no_echo: false };
                (verb, pair.ask(|it, now| it.publish(&topic, Publish::content(raw), now)))
            }
            5 => {
                let query = HistoryQuery::newest(1 + u64::from(which / 8));
                (Verb::History { chat }, pair.ask(|it, now| it.history(&topic, query, now)))
            }
            6 => {
                let seq = 1 + u64::from(which / 8);
                let verb = Verb::Erase { chat, ranges: vec![(seq, seq)], hard: false };
                let seqs = Seqs::from(seq..=seq);
                (verb, pair.ask(|it, now| it.hide_messages(&topic, seqs, now)))
            }
            _ => (Verb::Other, pair.ask(|it, now| it.describe(&topic, now))),
        };
        Some((id.ok()?, verb))
    }

    fn begin(player: &mut Player<Self>) {
        let verb = Verb::Subscribe { chat: Some(Self::chat()) };
        let id = player.pair.ask(|it, now| it.subscribe(&topic(), Subscribe::default(), now));
        player.asked(id.ok().map(|id| (id, verb)));
        // It will be written as soon as it may be.
        player.see(Observation::Attaching { client: 0, chat: Self::chat(), number: 0 });
    }

    fn is_settled(session: &Session<Self>) -> bool {
        let view = session.topic(&topic());
        view.is_some_and(|view| view.is_followed() && view.told().is_some())
    }

    fn end(event: &EventOf<Self>) -> Option<(RequestId, End)> {
        let Event::Completed { id, result } = event else { return None };
        Some((*id, observe::topic_end(&Self::user(), result)))
    }

    fn told(event: &EventOf<Self>) -> Option<Observation> {
        let Event::Service(event) = event else { return None };
        observe::topic_event(0, &Self::user(), event)
    }
}

impl Played for C2c {
    fn user() -> String {
        people::trader(0)
    }

    fn chat() -> Chat {
        Chat::Order(people::ORDERS[0].to_owned())
    }

    fn session(now: Now) -> Session<Self> {
        Session::c2c(C2cConfig::default(), people::api(0), 7, now)
    }

    fn verb(which: u8, content: &str, pair: &mut Pair<Self, Served>) -> Option<(RequestId, Verb)> {
        let (order, chat) = (people::ORDERS[0], Self::chat());
        let (verb, id) = match which % 8 {
            0..5 => {
                let verb = Verb::Publish { chat, content: content.to_owned(), no_echo: false };
                (verb, pair.ask(|it, now| it.send_text(order, content, now)))
            }
            5 | 6 => {
                let query = OrderQuery::newest(order);
                (Verb::History { chat }, pair.ask(|it, now| it.history(query, now)))
            }
            _ => {
                let verb = Verb::MarkRead { chat };
                (verb, pair.ask(|it, now| it.mark_read(order, None, now)))
            }
        };
        Some((id.ok()?, verb))
    }

    fn begin(player: &mut Player<Self>) {
        let watched = player.pair.call(|it, now| it.watch(people::ORDERS[0], Since::Start, now));
        if watched.is_ok() {
            player.see(Observation::Watching { client: 0, chat: Self::chat(), on: true });
        }
    }

    fn is_settled(_: &Session<Self>) -> bool {
        true
    }

    fn end(event: &EventOf<Self>) -> Option<(RequestId, End)> {
        let Event::Completed { id, result } = event else { return None };
        Some((*id, observe::order_end(&Self::user(), result)))
    }

    fn told(event: &EventOf<Self>) -> Option<Observation> {
        let Event::Service(event) = event else { return None };
        observe::order_event(0, &Self::user(), event)
    }
}

/// A pair that is being played, and what was seen of it.
struct Player<S: Lawful> {
    pair: Pair<S, Served>,
    start: Now,
    seen: Vec<Observed>,
    /// Records whose rows were seen.
    stored: usize,
    contents: u32,
    was_ready: bool,
    following: bool,
}

/// Plays a client of topic chat, or, if the first byte is odd, of order chat, with a hub. Whatever the
/// bytes are, what was promised holds.
///
/// # Panics
///
/// A guarantee is broken.
pub fn play(bytes: &[u8], start: Now) {
    match bytes.split_first() {
        Some((first, rest)) if first % 2 == 1 => Player::<C2c>::play(rest, start),
        Some((_, rest)) => Player::<Im>::play(rest, start),
        None => {}
    }
}

impl<S: Played> Player<S> {
    fn play(bytes: &[u8], start: Now) {
        let host = Host::new(people::config(), people::world(), start);
        let pair = Pair::new(S::session(start), Served { host, held: true }, start);
        let (seen, stored, contents) = (Vec::new(), 0, 0);
        let mut player =
            Self { pair, start, seen, stored, contents, was_ready: false, following: false };
        player.see(Observation::Stored(people::sides()));
        player.see(Observation::Started { client: 0, user: S::user() });
        S::begin(&mut player);
        player.pair.call(Session::connect);
        for byte in bytes {
            player.decide(*byte);
            player.look();
        }
        player.rest();
        if let Err(violation) = Model::judge(people::limits(), &player.seen) {
            let before = player.seen.iter().filter(|it| it.at <= violation.at);
            let lines: Vec<_> = before.map(|it| format!("{:?} {:?}", it.at, it.what)).collect();
            panic!("{violation} after\n{}", lines.join("\n"));
        }
    }

    fn see(&mut self, what: Observation) {
        let at = self.pair.now().mono.saturating_duration_since(self.start.mono);
        self.seen.push(Observed { at, what });
    }

    fn asked(&mut self, asked: Option<(RequestId, Verb)>) {
        if let Some((id, verb)) = asked {
            self.see(Observation::Asked { client: 0, id: id.get(), verb });
        }
    }

    fn decide(&mut self, byte: u8) {
        match byte % 16 {
            0 => drop(self.pair.act()),
            1 | 2 => drop(self.pair.write()),
            3 | 4 => drop(self.pair.deliver_up()),
            5 | 6 => drop(self.pair.listen()),
            7 | 8 => drop(self.pair.deliver_down()),
            9 => drop(self.pair.hear()),
            10 => self.commit(if byte >= 224 { Commit::Failed } else { Commit::Stored }),
            11 => {
                let by = Duration::from_millis(u64::from(byte / 16) * 700);
                self.pair.wait(self.pair.now().mono + by);
            }
            12 => {
                self.contents += 1;
                let content = format!("m{}", self.contents);
                let asked = S::verb(byte / 16, &content, &mut self.pair);
                self.asked(asked);
            }
            // Everything that can move without a commit does.
            13 => self.settle(),
            14 => match byte / 16 {
                0..8 => self.settle(),
                8..11 => self.pair.cut(true),
                11..13 => self.pair.cut(false),
                13 => self.pair.cut_exchanges(),
                _ => self.crash(if byte / 16 == 14 { Commit::Failed } else { Commit::Stored }),
            },
            _ => {
                self.commit(Commit::Stored);
                self.settle();
            }
        }
    }

    fn commit(&mut self, commit: Commit) {
        let now = self.pair.now();
        let records = self.pair.far.commit(commit, now);
        self.records(&records);
    }

    fn records(&mut self, records: &[Record]) {
        self.stored += records.len();
        let rows = observe::rows(records);
        if !rows.is_empty() {
            self.see(Observation::Stored(rows));
        }
    }

    fn crash(&mut self, commit: Commit) {
        let now = self.pair.now();
        self.pair.far.crash(commit, now);
        let records = self.pair.far.host.stored()[self.stored..].to_vec();
        self.records(&records);
        self.see(Observation::Crashed);
        self.pair.cut(false);
        self.pair.cut_exchanges();
    }

    /// What came of a decision.
    fn look(&mut self) {
        self.pair.judge();
        let ready = self.pair.session().phase() == Phase::Ready;
        if self.was_ready && !ready {
            self.see(Observation::Link { client: 0, up: false });
        }
        self.was_ready = ready;
        for event in self.pair.events() {
            if matches!(event, Event::Ready { .. }) {
                self.see(Observation::Link { client: 0, up: true });
            }
            if let Some((id, end)) = S::end(&event) {
                self.see(Observation::Ended { client: 0, id: id.get(), end });
            }
            S::told(&event).into_iter().for_each(|what| self.see(what));
        }
        if !self.following && S::is_settled(self.pair.session()) {
            self.following = true;
            if !matches!(S::chat(), Chat::Order(_)) {
                self.see(Observation::Following { client: 0, chat: S::chat() });
            }
        }
    }

    fn settle(&mut self) {
        let mut left = 10_000;
        while self.pair.act()
            || self.pair.write()
            || self.pair.deliver_up()
            || self.pair.listen()
            || self.pair.deliver_down()
            || self.pair.hear()
        {
            self.look();
            left -= 1;
            assert!(left > 0, "it spins without time passing");
        }
    }

    /// Nothing breaks any more, and all that is under way ends.
    fn rest(&mut self) {
        self.pair.call(Session::connect);
        let mut peace = 0;
        for _ in 0..10_000 {
            self.settle();
            self.commit(Commit::Stored);
            self.settle();
            self.look();
            let at_rest = self.was_ready && self.pair.waiting() == 0;
            peace = if at_rest && self.pair.far.host.is_settled() { peace + 1 } else { 0 };
            if peace == 100 {
                let hub = self.pair.far.host.hub();
                let rows = hub.map(|hub| observe::rows(&hub.snapshot())).unwrap_or_default();
                let dump = Dump { rows, queues: Vec::new(), ready: vec![0] };
                return self.see(Observation::Quiet(Box::new(dump)));
            }
            let end = self.pair.now().mono + Duration::from_secs(2);
            self.pair.wait(end);
            self.look();
        }
        panic!("no rest: {:?}", self.pair.session());
    }
}
