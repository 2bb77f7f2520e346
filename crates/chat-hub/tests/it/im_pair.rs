//! Client sessions and the hub, wired together under virtual time: what is published is stored once
//! and told once, wherever the link breaks.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chat_hub::HubConfig;
use chat_proto::client::{Event, Phase, RequestId, Session};
use chat_proto::error::RequestError;
use chat_proto::im::client::{Answer, Credentials, ImConfig, ImEvent, Publish, Subscribe};
use chat_proto::im::rest::ImHost;
use chat_proto::im::{AccessMode, Flavor, Im, TopicName};
use chat_proto::machine::{ConnId, LinkFailure, Message};
use chat_proto::rest::BaseUrl;
use chat_proto::{Action, Input, Machine};
use proptest::prelude::*;
use serde_json::json;

use crate::lab::{ANN, BOB, DOMAIN, Lab, Store, cases, ctrl, usr};

pub(crate) type Happened = Event<ImEvent, Answer>;

/// What happens to the publisher's link, and after how many messages on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Both sides notice at once.
    Cut,
    /// The server does not notice, and what was on its way arrives when the client is back already.
    HalfOpen,
    /// The server stops, with what is not stored yet, and starts again.
    Restart,
}

pub(crate) struct Client {
    pub(crate) session: Session<Im>,
    /// The session's attempt and the hub's name for it.
    link: Option<(ConnId, ConnId)>,
    inbox: VecDeque<Message>,
    pub(crate) events: Vec<Happened>,
}

pub(crate) struct Pair {
    pub(crate) lab: Lab,
    clients: BTreeMap<&'static str, Client>,
    /// Messages that moved on Ann's link since faults were planned, and the faults.
    moved: u32,
    faults: VecDeque<(u32, Fault)>,
    /// Where a half-open link leads to, and what is on its way there.
    late: Vec<(ConnId, Message)>,
}

pub(crate) const ANN_NUMBER: &str = "101";
pub(crate) const BOB_NUMBER: &str = "102";

fn config(number: &str, flavor: Flavor, dedup: bool) -> ImConfig {
    let base = BaseUrl::parse("https://pbx.example.com:8887").unwrap();
    let password = format!("demo-{number}");
    let name = match flavor {
        Flavor::PortSip => number.to_owned(),
        Flavor::Tinode => format!("{number}@{DOMAIN}"),
    };
    let credentials = Credentials::password(name, DOMAIN, password);
    let mut config = ImConfig::new(&base, credentials).unwrap();
    if flavor == Flavor::Tinode {
        config.host = ImHost::tinode(base, &"any".into()).unwrap();
    }
    config.server_deduplicates = dedup;
    config.fill_page = 3;
    config
}

impl Pair {
    fn new(dedup: bool) -> Self {
        Self::with(HubConfig::default(), dedup)
    }

    /// These clients, connected and on `me`.
    pub(crate) fn of(
        numbers: &[&'static str],
        flavor: Flavor,
        hub: HubConfig,
        dedup: bool,
    ) -> Self {
        let lab = Lab::with(hub);
        let clients = numbers.iter().zip(1..).map(|(number, seed)| {
            let session = Session::im(config(number, flavor, dedup), seed, lab.now);
            let (link, inbox, events) = (None, VecDeque::new(), Vec::new());
            (*number, Client { session, link, inbox, events })
        });
        let clients = clients.collect();
        let mut pair = Self { clients, lab, moved: 0, faults: VecDeque::new(), late: Vec::new() };
        for number in numbers {
            let now = pair.lab.now;
            let session = &mut pair.client(number).session;
            session.connect(now);
            session.subscribe(&TopicName::me(), Subscribe::default(), now).unwrap();
        }
        pair.run(Duration::from_secs(2));
        for number in numbers {
            assert_eq!(pair.client(number).session.phase(), Phase::Ready);
            pair.events(number);
        }
        pair
    }

    /// Ann and Bob, each on `me` and on the topic between them.
    fn with(hub: HubConfig, dedup: bool) -> Self {
        let mut pair = Self::of(&[ANN_NUMBER, BOB_NUMBER], Flavor::PortSip, hub, dedup);
        for (number, peer) in [(ANN_NUMBER, BOB), (BOB_NUMBER, ANN)] {
            let now = pair.lab.now;
            let session = &mut pair.client(number).session;
            session.subscribe(&usr(peer).into(), Subscribe::default(), now).unwrap();
        }
        pair.run(Duration::from_secs(2));
        for number in [ANN_NUMBER, BOB_NUMBER] {
            pair.events(number);
        }
        pair
    }

    pub(crate) fn client(&mut self, number: &str) -> &mut Client {
        self.clients.get_mut(number).unwrap()
    }

    pub(crate) fn events(&mut self, number: &str) -> Vec<Happened> {
        std::mem::take(&mut self.client(number).events)
    }

    fn publish(&mut self, number: &str, text: &str) -> RequestId {
        let peer = if number == ANN_NUMBER { BOB } else { ANN };
        let now = self.lab.now;
        let session = &mut self.client(number).session;
        session.publish(&usr(peer).into(), Publish::text(text), now).unwrap()
    }

    fn plan(&mut self, faults: &[(u32, Fault)]) {
        self.moved = 0;
        self.faults = faults.iter().copied().collect();
    }

    /// Counts a message on Ann's link; the fault that strikes before it arrives.
    fn strikes(&mut self, number: &str) -> Option<Fault> {
        if number != ANN_NUMBER {
            return None;
        }
        let due = self.faults.front().is_some_and(|(at, _)| *at == self.moved);
        self.moved += 1;
        if !due {
            return None;
        }
        self.moved = 0;
        self.faults.pop_front().map(|(_, fault)| fault)
    }

    /// Moves one thing that can move without time passing.
    fn step(&mut self) -> bool {
        let numbers: Vec<_> = self.clients.keys().copied().collect();
        numbers.iter().any(|number| self.step_of(number))
    }

    fn step_of(&mut self, number: &str) -> bool {
        let now = self.lab.now;
        let client = self.clients.get_mut(number).unwrap();
        if let Some(event) = client.session.poll_event() {
            client.events.push(event);
            return true;
        }
        if let Some(action) = client.session.poll_action() {
            self.act(number, action);
            return true;
        }
        if let Some(transmit) = client.session.poll_transmit() {
            let Some((_, server)) = client.link else { return true };
            let message = transmit.message;
            match self.strikes(number) {
                None => self.deliver(server, message),
                Some(Fault::HalfOpen) => {
                    self.late.push((server, message));
                    self.lose(number, false);
                }
                Some(Fault::Cut) => self.lose(number, true),
                Some(Fault::Restart) => self.restart(),
            }
            return true;
        }
        if let Some((conn, server)) = client.link {
            client.inbox.extend(self.lab.messages(server));
            let Some(message) = client.inbox.pop_front() else { return false };
            match self.strikes(number) {
                None => {
                    let client = self.client(number);
                    client.session.handle_input(Input::Received { conn, message }, now);
                }
                Some(Fault::Cut) => self.lose(number, true),
                Some(Fault::HalfOpen) => self.lose(number, false),
                Some(Fault::Restart) => self.restart(),
            }
            return true;
        }
        false
    }

    fn act(&mut self, number: &str, action: Action) {
        let now = self.lab.now;
        match action {
            Action::Http { id, request, .. } => {
                let result = Ok(self.lab.http(request.into_request()));
                let session = &mut self.client(number).session;
                session.handle_input(Input::Response { id, result }, now);
            }
            Action::Dial { conn, request } => {
                let offer = self.lab.hub.offer(&request.into_request(), now).unwrap();
                let server = self.lab.hub.accepted(offer, now);
                self.lab.pump();
                let client = self.client(number);
                client.link = Some((conn, server));
                client.session.handle_input(Input::Opened { conn }, now);
            }
            Action::Drop { .. } => {
                if let Some((_, server)) = self.client(number).link.take() {
                    self.lab.lose(server);
                }
            }
            Action::AbortHttp { .. } => {}
        }
    }

    fn deliver(&mut self, conn: ConnId, message: Message) {
        let now = self.lab.now;
        self.lab.hub.handle_input(Input::Received { conn, message }, now);
        self.lab.pump();
    }

    /// The link is gone; the server learns of it now, or never.
    pub(crate) fn lose(&mut self, number: &str, both: bool) {
        let now = self.lab.now;
        let client = self.clients.get_mut(number).unwrap();
        let Some((conn, server)) = client.link.take() else { return };
        client.inbox.clear();
        client.session.handle_input(Input::Lost { conn, failure: LinkFailure::Ended }, now);
        if both {
            self.lab.lose(server);
            self.lab.messages(server);
        }
    }

    fn restart(&mut self) {
        self.lab.restart();
        self.late.clear();
        let numbers: Vec<_> = self.clients.keys().copied().collect();
        for number in numbers {
            self.lose(number, false);
        }
    }

    pub(crate) fn settle(&mut self) {
        while self.step() {}
    }

    pub(crate) fn run(&mut self, by: Duration) {
        let end = self.lab.now.mono + by;
        self.settle();
        loop {
            let timers = self.clients.values().filter_map(|it| it.session.poll_timeout());
            let next = timers.chain(self.lab.hub.poll_timeout()).min().filter(|at| *at <= end);
            let at = next.unwrap_or(end);
            self.lab.now = self.lab.now.after(at.saturating_duration_since(self.lab.now.mono));
            self.lab.hub.handle_timeout(self.lab.now);
            self.lab.pump();
            for client in self.clients.values_mut() {
                client.session.handle_input(Input::Timeout, self.lab.now);
            }
            self.settle();
            // What was on its way on a half-open link arrives once the client is back.
            if self.client(ANN_NUMBER).session.phase() == Phase::Ready {
                for (conn, message) in std::mem::take(&mut self.late) {
                    self.deliver(conn, message);
                }
                self.settle();
            }
            if next.is_none() {
                return;
            }
        }
    }

    /// What the server says about a topic, to another session of a user.
    fn described(&mut self, number: &str, topic: &str) -> serde_json::Value {
        let conn = self.lab.session(number);
        self.lab.sub(conn, topic);
        let frames =
            self.lab.ask(conn, json!({"get": {"id": "D", "topic": topic, "what": "desc"}}));
        self.lab.lose(conn);
        frames.iter().find_map(|frame| frame["meta"].get("desc")).unwrap().clone()
    }

    /// What is stored, by somebody who was not there.
    fn stored(&mut self) -> Vec<String> {
        let conn = self.lab.session(ANN_NUMBER);
        let topic = usr(BOB);
        self.lab.sub(conn, &topic);
        let get =
            json!({"get": {"id": "H", "topic": topic, "what": "data", "data": {"limit": 999}}});
        let frames = self.lab.ask(conn, get);
        let mut messages: Vec<_> = frames.iter().filter_map(|frame| frame.get("data")).collect();
        assert!(messages.is_empty() || ctrl(&frames)["code"] == 208, "{frames:?}");
        messages.sort_by_key(|data| data["seq"].as_u64());
        messages.iter().map(|data| data["content"].as_str().unwrap().to_owned()).collect()
    }
}

fn received(events: &[Happened]) -> Vec<String> {
    let texts = events.iter().filter_map(|event| match event {
        Event::Service(ImEvent::Message(data)) => data.as_text(),
        _ => None,
    });
    texts.collect()
}

fn ended(events: &[Happened], id: RequestId) -> Result<u64, RequestError> {
    let mut found = events.iter().filter_map(|event| match event {
        Event::Completed { id: of, result } if *of == id => Some(result.clone()),
        _ => None,
    });
    let result = found.next().expect("the request ended");
    assert!(found.next().is_none(), "twice");
    result.map(|answer| match answer {
        Answer::Published(receipt) => receipt.seq.get(),
        other => panic!("{other:?}"),
    })
}

fn is_gap(event: &Happened) -> bool {
    matches!(event, Event::Service(ImEvent::Gap { .. } | ImEvent::Rewound { .. }))
}

/// Three messages of Ann's and one of Bob's in between, under faults; whether all of them struck.
fn talk(dedup: bool, faults: &[(u32, Fault)]) -> bool {
    let mut pair = Pair::new(dedup);
    pair.plan(faults);
    let one = pair.publish(ANN_NUMBER, "one");
    let two = pair.publish(ANN_NUMBER, "two");
    pair.settle();
    pair.publish(BOB_NUMBER, "reply");
    pair.settle();
    let three = pair.publish(ANN_NUMBER, "three");
    pair.run(Duration::from_secs(90));
    let struck = pair.faults.is_empty();

    let why = format!("{faults:?}, dedup {dedup}");
    let stored = pair.stored();
    let own: Vec<_> = stored.iter().filter(|text| *text != "reply").collect();
    assert_eq!(own, ["one", "two", "three"], "{why}");
    assert_eq!(stored.len(), 4, "{why}");
    let ann = pair.events(ANN_NUMBER);
    for (id, text) in [(one, "one"), (two, "two"), (three, "three")] {
        let at = stored.iter().position(|it| it == text).unwrap() as u64 + 1;
        assert_eq!(ended(&ann, id), Ok(at), "{why}");
    }
    let bob = pair.events(BOB_NUMBER);
    for events in [&ann, &bob] {
        assert_eq!(received(events), stored, "{why}");
        assert!(!events.iter().any(is_gap), "{why}");
    }
    struck
}

#[test]
fn three_messages_without_a_fault() {
    for dedup in [false, true] {
        assert!(talk(dedup, &[]));
    }
}

#[test]
fn a_link_that_is_cut_anywhere_loses_nothing_and_repeats_nothing() {
    for dedup in [false, true] {
        let mut at = 0;
        while talk(dedup, &[(at, Fault::Cut)]) {
            at += 1;
        }
        assert!(at >= 8, "only {at} messages moved");
    }
}

#[test]
fn a_link_that_is_cut_again_while_it_recovers_loses_nothing() {
    let mut cases = 0;
    for first in 0..8 {
        let mut second = 0;
        while talk(false, &[(first, Fault::Cut), (second, Fault::Cut)]) {
            second += 1;
            cases += 1;
        }
    }
    assert!(cases > 100, "{cases}");
}

#[test]
fn a_server_that_restarts_anywhere_loses_nothing() {
    let mut at = 0;
    while talk(false, &[(at, Fault::Restart)]) {
        at += 1;
    }
    assert!(at >= 8, "only {at} messages moved");
}

/// History cannot prove that what is still on its way will not arrive: the hub's memory of ids can.
#[test]
fn what_arrives_late_on_a_dead_link_is_recognised() {
    for dedup in [false, true] {
        let mut at = 0;
        while talk(dedup, &[(at, Fault::HalfOpen)]) {
            at += 1;
        }
        assert!(at >= 8, "only {at} messages moved");
    }
}

#[test]
fn what_was_not_stored_when_the_server_died_is_sent_again() {
    let mut pair = Pair::new(false);
    pair.lab.mode = Store::Waits;
    let id = pair.publish(ANN_NUMBER, "once");
    pair.settle();
    assert!(pair.lab.commit.is_some(), "the message waits for its commit");
    pair.lab.mode = Store::Works;
    pair.restart();
    pair.run(Duration::from_secs(30));
    assert_eq!(pair.stored(), ["once"]);
    assert_eq!(ended(&pair.events(ANN_NUMBER), id), Ok(1));
    assert_eq!(received(&pair.events(BOB_NUMBER)), ["once"]);
}

/// The access token dies every minute; links break now and then.
#[test]
fn tokens_are_refreshed_without_the_application() {
    let short = HubConfig { access_token_for: Duration::from_secs(60), ..HubConfig::default() };
    let mut pair = Pair::with(short, false);
    let mut expected = Vec::new();
    for round in 0..20 {
        let text = format!("round {round}");
        let id = pair.publish(ANN_NUMBER, &text);
        if round % 3 == 0 {
            pair.lose(ANN_NUMBER, true);
        }
        // Twice as long as a token lives, so that one has died whenever a link breaks.
        pair.run(Duration::from_secs(if round % 2 == 0 { 125 } else { 20 }));
        expected.push(text);
        let events = pair.events(ANN_NUMBER);
        assert_eq!(ended(&events, id), Ok(round + 1));
        assert!(!events.iter().any(|it| matches!(it, Event::CredentialsNeeded { .. })));
    }
    assert_eq!(received(&pair.events(BOB_NUMBER)), expected);
    assert_eq!(pair.stored(), expected);
}

#[test]
fn what_happened_meanwhile_is_told_in_order_after_the_return() {
    let mut pair = Pair::new(false);
    pair.publish(BOB_NUMBER, "before");
    pair.settle();
    pair.lose(ANN_NUMBER, true);
    for n in 0..10 {
        pair.publish(BOB_NUMBER, &format!("away {n}"));
    }
    pair.run(Duration::from_secs(30));
    pair.publish(BOB_NUMBER, "after");
    pair.settle();
    let events = pair.events(ANN_NUMBER);
    let mut expected = vec!["before".to_owned()];
    expected.extend((0..10).map(|n| format!("away {n}")));
    expected.push("after".to_owned());
    assert_eq!(received(&events), expected);
    let view = pair.client(ANN_NUMBER).session.topic(&usr(BOB).into()).unwrap();
    assert_eq!((view.seq().get(), view.unread()), (12, 12));
    assert!(view.is_online() && view.is_attached());
}

/// Removed while away: the session does not join again by itself.
#[test]
fn a_group_that_was_lost_while_away_is_not_joined_again() {
    let mut pair = Pair::new(false);
    let now = pair.lab.now;
    let client = pair.client(BOB_NUMBER);
    let id = client.session.create_group(Subscribe::default(), now).unwrap();
    pair.settle();
    let events = pair.events(BOB_NUMBER);
    let group = events.iter().find_map(|event| match event {
        Event::Completed { id: of, result: Ok(Answer::Subscribed(it)) } if *of == id => {
            Some(it.topic.clone())
        }
        _ => None,
    });
    let group = group.unwrap();
    pair.client(ANN_NUMBER).session.subscribe(&group, Subscribe::default(), now).unwrap();
    pair.run(Duration::from_secs(1));
    assert!(pair.client(ANN_NUMBER).session.topic(&group).unwrap().is_attached());
    // The list of topics was last read before this moment.
    pair.lose(ANN_NUMBER, true);
    let ann = usr(ANN).as_str().into();
    let now = pair.lab.now;
    pair.client(BOB_NUMBER).session.remove_member(&group, &ann, now).unwrap();
    pair.run(Duration::from_secs(30));
    let gone = |event: &Happened| matches!(event, Event::Service(ImEvent::TopicGone { topic, .. }) if *topic == group);
    let events = pair.events(ANN_NUMBER);
    assert!(events.iter().any(gone), "{events:#?}");
    assert!(pair.client(ANN_NUMBER).session.topic(&group).is_none());
    let members = pair.client(BOB_NUMBER).session.topic(&group).unwrap();
    assert!(members.is_attached());
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Publish(bool),
    Fault(u8, u8),
    Pass(u64),
    Read,
}

fn a_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        5 => any::<bool>().prop_map(Move::Publish),
        3 => (any::<u8>(), 0..30u8).prop_map(|(kind, after)| Move::Fault(kind, after)),
        4 => (1u64..8000).prop_map(Move::Pass),
        1 => Just(Move::Read),
    ]
}

proptest! {
    #![proptest_config(cases(64))]

    /// Whatever happens to Ann's link and to the server: each message is stored once, told once to
    /// each, and its request ends with its number.
    #[test]
    fn nothing_is_lost_and_nothing_repeated(
        moves in prop::collection::vec(a_move(), 1..40),
        dedup: bool,
    ) {
        let mut pair = Pair::new(dedup);
        let mut asked: [Vec<(RequestId, String)>; 2] = Default::default();
        for (n, it) in moves.into_iter().enumerate() {
            match it {
                Move::Publish(ann) => {
                    let (who, text) = (usize::from(!ann), format!("m{n}"));
                    let id = pair.publish([ANN_NUMBER, BOB_NUMBER][who], &text);
                    asked[who].push((id, text));
                }
                Move::Fault(kind, after) => {
                    let fault = [Fault::Cut, Fault::HalfOpen, Fault::Restart][usize::from(kind % 3)];
                    pair.plan(&[(u32::from(after), fault)]);
                }
                Move::Pass(millis) => pair.run(Duration::from_millis(millis)),
                Move::Read => {
                    let (now, topic) = (pair.lab.now, usr(BOB).into());
                    let _ = pair.client(ANN_NUMBER).session.note_read(&topic, u64::MAX, now);
                }
            }
        }
        pair.faults.clear();
        pair.run(Duration::from_secs(300));

        let stored = pair.stored();
        let mut expected: Vec<_> = asked.iter().flatten().map(|(_, text)| text.clone()).collect();
        let mut sorted = stored.clone();
        expected.sort();
        sorted.sort();
        prop_assert_eq!(sorted, expected);
        for (number, asked) in [ANN_NUMBER, BOB_NUMBER].into_iter().zip(&asked) {
            let events = pair.events(number);
            prop_assert_eq!(received(&events), stored.clone());
            for (id, text) in asked {
                let at = stored.iter().position(|it| it == text).unwrap() as u64 + 1;
                prop_assert_eq!(ended(&events, *id), Ok(at));
            }
            // The mirror holds what the server would say.
            let topic = usr(if number == ANN_NUMBER { BOB } else { ANN });
            let desc = pair.described(number, &topic);
            let view = pair.client(number).session.topic(&topic.into()).unwrap();
            let number_of = |name: &str| desc[name].as_u64().unwrap_or_default();
            prop_assert_eq!(view.seq().get(), number_of("seq"));
            prop_assert_eq!(view.read().get(), number_of("read"));
            prop_assert_eq!(view.received().get(), number_of("recv"));
            let mode = AccessMode::parse_lenient(desc["acs"]["mode"].as_str().unwrap());
            prop_assert_eq!(view.access().unwrap().mode(), mode);
            prop_assert!(view.is_online() && view.is_attached());
        }
    }
}
