//! Client sessions and the hub, wired together under virtual time.

mod merchant;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chat_hub::Script;
use chat_proto::c2c::client::{Answer, C2cConfig, C2cEvent, Since};
use chat_proto::c2c::rest::HistoryQuery;
use chat_proto::c2c::{C2c, Kind};
use chat_proto::client::{Event, Session};
use chat_proto::error::{Lost, RequestError};
use chat_proto::machine::LinkFailure;
use chat_proto::{Action, ConnId, Input, Machine};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::c2c_front::{Front, ORDER, api};

type Happened = Event<C2cEvent, Answer>;

struct Client {
    session: Session<C2c>,
    /// The session's attempt and the hub's name for it.
    link: Option<(ConnId, ConnId)>,
    events: Vec<Happened>,
}

struct Pair {
    front: Front,
    clients: BTreeMap<&'static str, Client>,
}

impl Pair {
    fn new(faults: &str, names: &[&'static str]) -> Self {
        let front = Front::with_faults(faults);
        let clients = names.iter().zip(1..).map(|(name, seed)| {
            let session = Session::c2c(C2cConfig::default(), api(name), seed, front.now);
            (*name, Client { session, link: None, events: Vec::new() })
        });
        let mut pair = Self { clients: clients.collect(), front };
        for client in pair.clients.values_mut() {
            client.session.connect(pair.front.now);
        }
        pair.settle();
        pair
    }

    /// Moves everything that can move without time passing.
    fn settle(&mut self) {
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for client in self.clients.values_mut() {
                moved |= client.step(&mut self.front);
            }
        }
    }

    fn run(&mut self, by: Duration) {
        let end = self.front.now.mono + by;
        self.settle();
        loop {
            let timers = self.clients.values().filter_map(|it| it.session.poll_timeout());
            let next = timers.chain(self.front.hub.poll_timeout()).min().filter(|at| *at <= end);
            let at = next.unwrap_or(end);
            self.front.pass(at.saturating_duration_since(self.front.now.mono));
            for client in self.clients.values_mut() {
                client.session.handle_input(Input::Timeout, self.front.now);
            }
            self.settle();
            if next.is_none() {
                return;
            }
        }
    }

    fn client(&mut self, name: &str) -> &mut Client {
        self.clients.get_mut(name).unwrap()
    }

    fn events(&mut self, name: &str) -> Vec<Happened> {
        std::mem::take(&mut self.client(name).events)
    }

    fn send(&mut self, name: &str, text: &str) {
        let now = self.front.now;
        self.client(name).session.send_text(ORDER, text, now).unwrap();
    }

    /// Cuts the link of a client without a word.
    fn cut(&mut self, name: &str) {
        let now = self.front.now;
        let client = self.clients.get_mut(name).unwrap();
        let (conn, server) = client.link.take().unwrap();
        let lost = |conn| Input::Lost { conn, failure: LinkFailure::Ended };
        client.session.handle_input(lost(conn), now);
        self.front.hub.handle_input(lost(server), now);
        self.front.pump();
        self.settle();
    }
}

impl Client {
    fn step(&mut self, front: &mut Front) -> bool {
        let now = front.now;
        let mut moved = false;
        while let Some(action) = self.session.poll_action() {
            moved = true;
            match action {
                Action::Http { id, request, .. } => {
                    let result = Ok(front.http(request.into_request()));
                    self.session.handle_input(Input::Response { id, result }, now);
                }
                Action::Dial { conn, request } => {
                    let head = request.into_request();
                    match front.hub.offer(&head, now) {
                        Ok(offer) => {
                            let server = front.hub.accepted(offer, now);
                            front.pump();
                            self.link = Some((conn, server));
                            self.session.handle_input(Input::Opened { conn }, now);
                        }
                        Err(response) => {
                            let status = response.status().as_u16();
                            let failure = LinkFailure::Refused { status, retry_after: None };
                            self.session.handle_input(Input::Lost { conn, failure }, now);
                        }
                    }
                }
                Action::Drop { .. } => {
                    if let Some((_, server)) = self.link.take() {
                        let failure = LinkFailure::Ended;
                        front.hub.handle_input(Input::Lost { conn: server, failure }, now);
                    }
                }
                Action::AbortHttp { .. } => {}
            }
        }
        while let Some(transmit) = self.session.poll_transmit() {
            moved = true;
            if let Some((_, server)) = self.link {
                let message = transmit.message;
                front.hub.handle_input(Input::Received { conn: server, message }, now);
                front.pump();
            }
        }
        if let Some((conn, server)) = self.link {
            for message in front.messages(server) {
                moved = true;
                self.session.handle_input(Input::Received { conn, message }, now);
            }
        }
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
        moved
    }
}

fn completions(events: &[Happened]) -> Vec<Result<bool, RequestError>> {
    let ended = events.iter().filter_map(|event| match event {
        Event::Completed { result: Ok(Answer::Accepted(it)), .. } => Some(Ok(it.from_history)),
        Event::Completed { result: Err(error), .. } => Some(Err(error.clone())),
        _ => None,
    });
    ended.collect()
}

fn received(events: &[Happened]) -> Vec<String> {
    let texts = events.iter().filter_map(|event| match event {
        Event::Service(C2cEvent::Push(it)) if it.push.kind().is_message() => {
            Some(it.push.content_text().unwrap_or_default().into_owned())
        }
        _ => None,
    });
    texts.collect()
}

#[test]
fn two_traders_talk() {
    let mut pair = Pair::new("{}", &["merchant", "buyer"]);
    assert!(matches!(pair.events("merchant")[..], [Event::Ready { resumed: false }]));
    pair.send("buyer", "hi");
    pair.settle();
    assert_eq!(received(&pair.events("merchant")), ["hi", "Welcome!"]);
    let events = pair.events("buyer");
    assert_eq!(completions(&events), [Ok(false)]);
    assert_eq!(received(&events), ["Welcome!"], "its own text came as the completion");
    let now = pair.front.now;
    pair.client("merchant").session.mark_read(ORDER, None, now).unwrap();
    pair.settle();
    let marked = pair.events("buyer").iter().any(
        |event| matches!(event, Event::Service(C2cEvent::Push(it)) if it.push.kind() == Kind::Mark),
    );
    assert!(marked);
}

#[test]
fn a_clock_that_is_off_is_corrected_before_the_first_dial() {
    let mut pair = Pair::new(r#"{"clock_skew_ms":-10000}"#, &["merchant"]);
    let events = pair.events("merchant");
    assert!(
        matches!(
            &events[..],
            [Event::Service(C2cEvent::ClockCorrected { skew }), Event::Ready { .. }]
                if skew.as_millis() == -10_000
        ),
        "{events:?}"
    );
}

#[test]
fn without_echoes_history_confirms() {
    let mut pair = Pair::new(r#"{"no_echo":true}"#, &["merchant", "buyer"]);
    pair.send("merchant", "hi");
    pair.run(Duration::from_secs(6));
    assert_eq!(completions(&pair.events("merchant")), [Ok(true)]);
    assert_eq!(received(&pair.events("buyer")), ["hi"]);
}

#[test]
fn paced_messages_survive_where_bursts_vanish() {
    let mut pair = Pair::new(r#"{"drop_bursts_over":1}"#, &["merchant", "buyer"]);
    for n in 0..6 {
        pair.send("merchant", &format!("no {n}"));
    }
    pair.run(Duration::from_secs(10));
    assert_eq!(completions(&pair.events("merchant")), vec![Ok(false); 6]);
    assert_eq!(received(&pair.events("buyer")).len(), 6);
}

#[test]
fn a_message_that_vanished_is_unknown() {
    let mut pair = Pair::new(r#"{"drop_bursts_over":1}"#, &["merchant"]);
    let hasty = C2cConfig { pace: Duration::ZERO, ..C2cConfig::default() };
    let now = pair.front.now;
    pair.client("merchant").session = Session::c2c(hasty, api("merchant"), 9, now);
    pair.client("merchant").session.connect(now);
    pair.settle();
    pair.send("merchant", "kept");
    pair.send("merchant", "vanished");
    pair.run(Duration::from_secs(30));
    assert_eq!(completions(&pair.events("merchant")), [Ok(false), Err(RequestError::Unknown)]);
}

#[test]
fn what_was_missed_while_away_is_caught_up_with_in_order() {
    for faults in ["{}", r#"{"duplicate":true,"mixed_history":true}"#] {
        let mut pair = Pair::new(faults, &["merchant", "buyer"]);
        let now = pair.front.now;
        pair.client("merchant").session.watch(ORDER, Since::Now, now).unwrap();
        pair.run(Duration::from_secs(1));
        pair.send("buyer", "before");
        pair.run(Duration::from_secs(1));
        pair.cut("merchant");
        let now = pair.front.now;
        for n in 0..3 {
            let script = Script::Text { from: "buyer-key".into(), content: format!("away {n}") };
            pair.front.hub.c2c_script(ORDER, script, now).unwrap();
            pair.front.pump();
        }
        pair.run(Duration::from_secs(30));
        let events = pair.events("merchant");
        assert_eq!(received(&events), ["before", "Welcome!", "away 0", "away 1", "away 2"]);
        assert!(events.iter().any(|it| matches!(it, Event::Ready { resumed: true })));
        let last = events.last().unwrap();
        assert!(
            matches!(last, Event::Service(C2cEvent::Backfilled { complete: true, count: 3, .. })),
            "{last:?}"
        );
    }
}

#[test]
fn a_message_cut_off_from_its_echo_is_found_and_sent_once() {
    let mut pair = Pair::new("{}", &["merchant", "buyer"]);
    pair.send("merchant", "once");
    // The frame reaches the server, the echo never comes back.
    let now = pair.front.now;
    let client = pair.clients.get_mut("merchant").unwrap();
    let (_, server) = client.link.unwrap();
    let transmit = client.session.poll_transmit().unwrap();
    let message = transmit.message;
    pair.front.hub.handle_input(Input::Received { conn: server, message }, now);
    pair.front.pump();
    pair.cut("merchant");
    pair.run(Duration::from_secs(40));
    assert_eq!(completions(&pair.events("merchant")), [Ok(true)]);
    assert_eq!(received(&pair.events("buyer")), ["once"]);
    assert_eq!(pair.front.stored(), 1);
}

#[test]
fn two_processes_with_one_key_do_not_duel() {
    let mut pair = Pair::new("{}", &["merchant"]);
    // Somebody else dials with the same key.
    pair.front.dial("merchant");
    pair.settle();
    let events = pair.events("merchant");
    assert!(
        matches!(events.last(), Some(Event::Lost { reason: Lost::TakenOver, .. })),
        "{events:?}"
    );
    pair.run(Duration::from_secs(299));
    assert!(pair.events("merchant").is_empty());
    pair.run(Duration::from_secs(60));
    assert!(matches!(pair.events("merchant")[..], [Event::Ready { resumed: true }]));
}

#[test]
fn history_of_a_hostile_server_is_filtered() {
    let mut pair = Pair::new(r#"{"mixed_history":true}"#, &["merchant"]);
    let now = pair.front.now;
    let other = crate::c2c_front::OTHER;
    let script = Script::Text { from: "third-key".into(), content: "secret receipt".into() };
    pair.front.hub.c2c_script(other, script, now).unwrap();
    pair.front.pump();
    pair.settle();
    pair.client("merchant").session.history(HistoryQuery::newest(ORDER), now).unwrap();
    pair.settle();
    let events = pair.events("merchant");
    let Some(Event::Completed { result: Ok(Answer::History(page)), .. }) = events.last() else {
        panic!("{events:?}")
    };
    assert_eq!((page.items.len(), page.foreign), (0, 1));
}

#[test]
fn an_idle_pair_stays_connected() {
    let mut pair = Pair::new("{}", &["merchant", "buyer"]);
    pair.run(Duration::from_secs(1));
    pair.events("merchant");
    // The transport answers pings; here nobody does, so both sides hear each other's pings only.
    pair.run(Duration::from_secs(600));
    let lost = pair.events("merchant").iter().filter(|it| matches!(it, Event::Lost { .. })).count();
    assert_eq!(lost, 0);
}

/// Something that may happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    Merchant,
    Buyer,
    Script,
    Cut(bool),
    Bye,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Merchant),
        3 => Just(Step::Buyer),
        2 => Just(Step::Script),
        2 => any::<bool>().prop_map(Step::Cut),
        1 => Just(Step::Bye),
        4 => (1u64..20_000).prop_map(Step::Pass),
    ]
}

fn same_cases_each_run() -> ProptestConfig {
    ProptestConfig {
        cases: 64,
        rng_seed: RngSeed::Fixed(0xC2C),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(same_cases_each_run())]

    /// Whatever happens: each request ends once, nothing is stored twice, an accepted message is
    /// stored, and a watched order misses nothing and repeats nothing.
    #[test]
    fn nothing_is_lost_and_nothing_repeated(
        steps in prop::collection::vec(step(), 1..40),
        no_echo: bool,
        duplicate: bool,
        mixed_history: bool,
    ) {
        let faults = format!(
            r#"{{"no_echo":{no_echo},"duplicate":{duplicate},"mixed_history":{mixed_history}}}"#
        );
        let mut pair = Pair::new(&faults, &["merchant", "buyer"]);
        let now = pair.front.now;
        for name in ["merchant", "buyer"] {
            pair.client(name).session.watch(ORDER, Since::Start, now).unwrap();
        }
        pair.settle();
        let (mut asked, mut scripted) = (0, 0);
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Merchant => pair.send("merchant", &format!("m{n}")),
                Step::Buyer => pair.send("buyer", &format!("b{n}")),
                Step::Script => {
                    let content = format!("s{n}");
                    let script = Script::Text { from: "buyer-key".into(), content };
                    pair.front.hub.c2c_script(ORDER, script, pair.front.now).unwrap();
                    pair.front.pump();
                    scripted += 1;
                }
                Step::Cut(merchant) => {
                    let name = if merchant { "merchant" } else { "buyer" };
                    if pair.client(name).link.is_some() {
                        pair.cut(name);
                    }
                }
                Step::Bye => drop(pair.front.dial("merchant")),
                Step::Pass(millis) => pair.run(Duration::from_millis(millis)),
            }
            asked += u32::from(matches!(step, Step::Merchant | Step::Buyer));
            pair.settle();
        }
        pair.run(Duration::from_secs(900));

        let merchant = pair.events("merchant");
        let buyer = pair.events("buyer");
        let ended: Vec<_> = completions(&merchant).into_iter().chain(completions(&buyer)).collect();
        prop_assert_eq!(ended.len(), asked as usize);
        prop_assert!(!ended.contains(&Err(RequestError::Unknown)), "this server loses nothing");

        let request = api("merchant").history(&HistoryQuery::newest(ORDER), pair.front.at()).unwrap();
        let (_, body) = pair.front.json(request.into_request());
        let stored: Vec<_> = body["data"].as_array().unwrap().iter()
            .filter(|item| item["orderNo"] == ORDER)
            .map(|item| (item["content"].as_str().unwrap().to_owned(), item["self"] == true))
            .collect();
        let set: BTreeSet<_> = stored.iter().map(|(text, _)| text.clone()).collect();
        prop_assert_eq!(set.len(), stored.len(), "nothing twice: {:?}", stored);
        let accepted = ended.iter().filter(|it| it.is_ok()).count();
        let replies = stored.iter().filter(|(text, _)| text == "Welcome!").count();
        prop_assert_eq!(stored.len(), accepted + scripted + replies);

        // What the other side wrote, each once; the automatic reply is the merchant's own.
        for (events, own) in [(&merchant, false), (&buyer, true)] {
            let mut got: Vec<_> = received(events).into_iter()
                .filter(|text| text != "Welcome!" && !(own && text.starts_with('s')))
                .collect();
            got.sort();
            let mut expected: Vec<_> = stored.iter()
                .filter(|(text, by_merchant)| *by_merchant == own && text != "Welcome!")
                .map(|(text, _)| text.clone())
                .collect();
            expected.sort();
            prop_assert_eq!(got, expected);
        }
    }
}
