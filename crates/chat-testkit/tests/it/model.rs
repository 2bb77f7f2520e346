//! The model, by hand-made worlds: for each demand one that it passes and one that it must refuse.

use std::time::Duration;

use chat_testkit::model::{Demand, Limits, Model, Violation};
use chat_testkit::observe::{
    Chat, Client, Dump, End, Message, Observation, Observed, Queue, Row, Verb,
};

const ANN: Client = 0;
const BOB: Client = 1;
/// Bob's second client.
const TAB: Client = 2;
const USERS: [&str; 3] = ["usr1", "usr2", "usr2"];

/// A world that is made by hand: a second passes with each observation.
#[derive(Clone, Default)]
struct Tale(Vec<Observed>);

fn group() -> Chat {
    Chat::Topic("grpA".into())
}

fn message(seq: u64, from: &str, content: &str) -> Message {
    Message { seq, from: from.into(), content: content.into() }
}

fn member(user: &str, access: Option<(&str, &str)>) -> Row {
    let access = access.map(|(want, given)| (want.into(), given.into()));
    Row::Member { chat: group(), user: user.into(), access }
}

fn said(seq: u64, from: &str, content: &str) -> Row {
    let message = Some(message(seq, from, content));
    Row::Message { chat: Some(group()), seq, to: String::new(), message }
}

impl Tale {
    /// Ann owns a group that Bob is in; everybody hears of it.
    fn new() -> Self {
        let mut tale = Self::default();
        for (client, user) in USERS.into_iter().enumerate() {
            tale = tale.and(Observation::Started { client, user: user.into() });
            tale = tale.and(Observation::Link { client, up: true });
        }
        let all = Some(("JRWPASDO", "JRWPASDO"));
        let rows = vec![Row::Topic { chat: group(), exists: true }, member("usr1", all)];
        tale = tale.ask(ANN, 1, Verb::Subscribe { chat: None }).store(rows);
        tale = tale.follows(ANN);
        let join = || Verb::Subscribe { chat: Some(group()) };
        tale = tale.ask(BOB, 1, join()).attaching(BOB);
        tale = tale.store(vec![member("usr2", Some(("JRWPS", "JRWPS")))]).attached(BOB);
        tale.follows(BOB).ask(TAB, 1, join()).attaching(TAB).attached(TAB).follows(TAB)
    }

    /// A client is answered, and then knows how far the group goes.
    fn follows(self, client: Client) -> Self {
        let tale = self.end(client, 1, End::Subscribed(Some(group())));
        tale.and(Observation::Following { client, chat: group() })
    }

    fn and(mut self, what: Observation) -> Self {
        let at = Duration::from_secs(self.0.len() as u64);
        self.0.push(Observed { at, what });
        self
    }

    fn ask(self, client: Client, id: u64, verb: Verb) -> Self {
        self.and(Observation::Asked { client, id, verb })
    }

    fn publish(self, client: Client, id: u64, content: &str) -> Self {
        let content = content.into();
        self.ask(client, id, Verb::Publish { chat: group(), content, no_echo: false })
    }

    /// Asks for the first message to be erased.
    fn erase(self, client: Client, hard: bool) -> Self {
        self.ask(client, 7, Verb::Erase { chat: group(), ranges: vec![(1, 1)], hard })
    }

    fn end(self, client: Client, id: u64, end: End) -> Self {
        self.and(Observation::Ended { client, id, end })
    }

    fn store(self, rows: Vec<Row>) -> Self {
        self.and(Observation::Stored(rows))
    }

    fn told(self, client: Client, seq: u64, from: &str, content: &str) -> Self {
        let message = message(seq, from, content);
        self.and(Observation::Told { client, chat: group(), message, from_history: false })
    }

    /// Everybody who hears of the group is told.
    fn all_told(self, seq: u64, from: &str, content: &str) -> Self {
        (ANN..=TAB).fold(self, |tale, client| tale.told(client, seq, from, content))
    }

    /// Ann says "one", and all goes well.
    fn one(self) -> Self {
        let tale = self.publish(ANN, 2, "one").store(vec![said(1, "usr1", "one")]);
        tale.end(ANN, 2, End::Published(Some(1))).all_told(1, "usr1", "one")
    }

    /// What the hub holds in the end, the founding and the members left as they were.
    fn quiet(self, messages: Vec<Row>) -> Self {
        let all = Some(("JRWPASDO", "JRWPASDO"));
        let mut rows = vec![member("usr1", all), member("usr2", Some(("JRWPS", "JRWPS")))];
        rows.extend(messages);
        self.dump(rows)
    }

    fn dump(self, rows: Vec<Row>) -> Self {
        let (queues, ready) = (Vec::new(), vec![ANN, BOB, TAB]);
        self.and(Observation::Quiet(Box::new(Dump { rows, queues, ready })))
    }

    /// A `sub` of the group is written.
    fn attaching(self, client: Client) -> Self {
        self.and(Observation::Attaching { client, chat: group(), number: 1 })
    }

    fn attached(self, client: Client) -> Self {
        self.and(Observation::Attached { client, number: 1 })
    }

    fn lose(self, client: Client) -> Self {
        self.and(Observation::Link { client, up: false })
    }

    fn regain(self, client: Client) -> Self {
        self.and(Observation::Link { client, up: true })
    }

    fn judge(&self) -> Result<(), Violation> {
        let mut model = Model::new(Limits {
            answer_within: Duration::from_secs(30),
            echo_within: Duration::from_secs(5),
            resolve_within: Duration::from_secs(120),
            max_fill: 100,
            secrets: vec!["hunter2".into()],
        });
        self.0.iter().try_for_each(|it| model.observe(it))
    }

    #[track_caller]
    fn passes(&self) {
        assert_eq!(self.judge(), Ok(()));
    }

    /// The last observation, and no earlier one, breaks the demand.
    #[track_caller]
    fn breaks(&self, demand: Demand) {
        let violation = self.judge().expect_err("it breaks a demand");
        assert_eq!(violation.demand, demand, "{violation}");
        assert_eq!(Some(violation.at), self.0.last().map(|it| it.at), "{violation}");
    }
}

fn one() -> Row {
    said(1, "usr1", "one")
}

#[test]
fn what_goes_well_passes() {
    Tale::new().one().quiet(vec![one()]).passes();
}

#[test]
fn acknowledged_and_lost_from_history() {
    Tale::new().one().quiet(Vec::new()).breaks(Demand::Kept);
}

#[test]
fn acknowledged_and_not_told_to_a_reader() {
    let tale = Tale::new().publish(ANN, 2, "one").store(vec![one()]);
    let tale = tale.end(ANN, 2, End::Published(Some(1)));
    let tale = tale.told(ANN, 1, "usr1", "one").told(BOB, 1, "usr1", "one");
    tale.clone().quiet(vec![one()]).breaks(Demand::Kept);
    // A client that heard of the group no more is owed nothing.
    let dropped = Observation::Dropped { client: TAB, chat: group() };
    tale.clone().and(dropped).quiet(vec![one()]).passes();
    // A gap is no excuse while the message is there.
    let gap = |from, to| Observation::Gap { client: TAB, chat: group(), from, to };
    tale.clone().and(gap(1, 1)).breaks(Demand::Kept);
    let erased = Row::Erased { chat: group(), user: None, ranges: vec![(1, 1)] };
    let gone = Row::Message { chat: Some(group()), seq: 1, to: String::new(), message: None };
    let tale = tale.erase(ANN, true).store(vec![erased, gone]);
    tale.end(ANN, 7, End::Done).and(gap(1, 1)).quiet(Vec::new()).passes();
}

#[test]
fn erased_by_who_may() {
    let erased = |user: Option<&str>| {
        let user = user.map(str::to_owned);
        Row::Erased { chat: group(), user, ranges: vec![(1, 1)] }
    };
    let gone = || Row::Message { chat: Some(group()), seq: 1, to: String::new(), message: None };
    let tale = Tale::new().one();
    // Who may not delete for all deletes for themself.
    let hard = |client| tale.clone().erase(client, true);
    hard(ANN).store(vec![erased(None), gone()]).end(ANN, 7, End::Done).passes();
    hard(BOB).store(vec![erased(Some("usr2"))]).end(BOB, 7, End::Done).passes();
    hard(BOB).store(vec![erased(None), gone()]).breaks(Demand::Entitled);
    // Nobody hides anything from somebody else, or for all, or unasked.
    let soft = |client| tale.clone().erase(client, false);
    soft(BOB).store(vec![erased(Some("usr2"))]).end(BOB, 7, End::Done).passes();
    soft(ANN).store(vec![erased(Some("usr2"))]).breaks(Demand::Entitled);
    soft(ANN).store(vec![erased(None), gone()]).breaks(Demand::Entitled);
    tale.clone().store(vec![erased(Some("usr2"))]).breaks(Demand::Entitled);
    // Only what was asked for.
    let more = Row::Erased { chat: group(), user: Some("usr2".into()), ranges: vec![(1, 2)] };
    let two = tale.clone().publish(ANN, 3, "two").store(vec![said(2, "usr1", "two")]);
    two.clone().erase(BOB, false).store(vec![more]).breaks(Demand::Entitled);
    // What is said to be refused left nothing.
    let no = End::Rejected("500".into());
    soft(BOB).store(vec![erased(Some("usr2"))]).end(BOB, 7, no).breaks(Demand::NoTrace);
    // A deletion that is written anew says nothing new.
    let again = hard(ANN).store(vec![erased(None), gone()]).end(ANN, 7, End::Done);
    again.store(vec![erased(None), erased(Some("usr2"))]).passes();
    // Without a deletion the oldest goes when a newer one comes, and nothing else ever does.
    let three = two.clone().publish(ANN, 4, "three");
    three.store(vec![gone(), said(3, "usr1", "three")]).passes();
    two.clone().store(vec![gone()]).breaks(Demand::Kept);
    let second = Row::Message { chat: Some(group()), seq: 2, to: String::new(), message: None };
    let three = two.publish(ANN, 4, "three");
    three.store(vec![second, said(3, "usr1", "three")]).breaks(Demand::Kept);
}

#[test]
fn doubled_in_history() {
    let tale = Tale::new().one();
    tale.clone().store(vec![said(2, "usr1", "one")]).breaks(Demand::Once);
    // A topic that was begun anew knows nothing of what was sent before, but twice is twice there, too.
    let gone = vec![Row::Topic { chat: group(), exists: false }];
    let anew = tale.ask(ANN, 3, Verb::Delete { chat: group() }).store(gone).end(ANN, 3, End::Done);
    let begun = vec![
        Row::Topic { chat: group(), exists: true },
        member("usr1", Some(("JRWPASDO", "JRWPASDO"))),
        said(1, "usr1", "one"),
    ];
    let anew = anew.ask(ANN, 4, Verb::Subscribe { chat: None }).store(begun);
    anew.clone().passes();
    anew.store(vec![said(2, "usr1", "one")]).breaks(Demand::Once);
}

#[test]
fn doubled_in_a_stream() {
    Tale::new().one().told(BOB, 1, "usr1", "one").breaks(Demand::Once);
    // After a restart it is another stream.
    let again = Observation::Started { client: BOB, user: "usr2".into() };
    Tale::new().one().and(again).told(BOB, 1, "usr1", "one").passes();
}

#[test]
fn reordered() {
    let two = || Tale::new().publish(ANN, 2, "one").publish(ANN, 3, "two");
    let two = || two().store(vec![one(), said(2, "usr1", "two")]);
    two().told(BOB, 1, "usr1", "one").told(BOB, 2, "usr1", "two").passes();
    two().told(BOB, 2, "usr1", "two").breaks(Demand::Order);
    let late = two().told(BOB, 1, "usr1", "one").told(BOB, 2, "usr1", "two");
    late.publish(ANN, 4, "three")
        .store(vec![said(3, "usr1", "three")])
        .and(Observation::Rewound { client: BOB, chat: group() })
        .breaks(Demand::Order);
}

#[test]
fn leaked_to_a_user_without_r() {
    let give = Verb::Give { chat: group(), user: "usr2".into(), mode: Some("JWPS".into()) };
    let mute = |tale: Tale| {
        let tale = tale.ask(ANN, 7, give.clone());
        tale.store(vec![member("usr2", Some(("JRWPS", "JWPS")))]).end(ANN, 7, End::Done)
    };
    let say = |tale: Tale| tale.publish(ANN, 2, "one").store(vec![one()]);
    say(mute(Tale::new())).told(BOB, 1, "usr1", "one").breaks(Demand::Entitled);
    // What was on its way when R was taken may arrive.
    mute(say(Tale::new())).told(BOB, 1, "usr1", "one").passes();
    // And nothing is owed to who may not read.
    let held = vec![
        member("usr1", Some(("JRWPASDO", "JRWPASDO"))),
        member("usr2", Some(("JRWPS", "JWPS"))),
        one(),
    ];
    let tale = say(mute(Tale::new())).end(ANN, 2, End::Published(Some(1)));
    tale.told(ANN, 1, "usr1", "one").dump(held).passes();
    // A page of history is reading, too.
    let page = |tale: Tale| {
        let tale = tale.ask(BOB, 9, Verb::History { chat: group() });
        tale.end(BOB, 9, End::Page(vec![message(1, "usr1", "one")]))
    };
    page(say(mute(Tale::new()))).breaks(Demand::Entitled);
    page(say(Tale::new())).passes();
}

#[test]
fn written_without_w() {
    let give = Verb::Give { chat: group(), user: "usr2".into(), mode: Some("JRPS".into()) };
    let tale = Tale::new().publish(BOB, 2, "one");
    let may = tale.clone().store(vec![said(1, "usr2", "one")]);
    may.end(BOB, 2, End::Published(Some(1))).passes();
    let tale = tale.ask(ANN, 7, give).store(vec![member("usr2", Some(("JRWPS", "JRPS")))]);
    tale.store(vec![said(1, "usr2", "one")]).breaks(Demand::Entitled);
}

#[test]
fn accepted_falsely() {
    let tale = Tale::new().publish(ANN, 2, "one");
    tale.clone().end(ANN, 2, End::Published(Some(1))).breaks(Demand::True);
    let stored = tale.store(vec![one()]);
    stored.clone().end(ANN, 2, End::Published(Some(1))).passes();
    stored.end(ANN, 2, End::Published(Some(2))).breaks(Demand::True);
    let remove = Verb::Remove { chat: group(), user: "usr2".into() };
    let tale = Tale::new().ask(ANN, 3, remove);
    tale.clone().end(ANN, 3, End::Done).breaks(Demand::True);
    tale.store(vec![member("usr2", None)]).end(ANN, 3, End::Done).passes();
}

#[test]
fn rejected_and_it_left_a_trace() {
    for end in [End::Rejected("403".into()), End::TimedOut, End::Cancelled] {
        let tale = Tale::new().publish(ANN, 2, "one");
        let refused = tale.clone().end(ANN, 2, end.clone());
        refused.clone().quiet(Vec::new()).passes();
        refused.store(vec![one()]).breaks(Demand::NoTrace);
        tale.store(vec![one()]).end(ANN, 2, end).breaks(Demand::NoTrace);
    }
    let remove = Verb::Remove { chat: group(), user: "usr2".into() };
    let tale = Tale::new().ask(ANN, 3, remove);
    let no = End::Rejected("500".into());
    tale.clone().end(ANN, 3, no.clone()).passes();
    tale.store(vec![member("usr2", None)]).end(ANN, 3, no).breaks(Demand::NoTrace);
}

#[test]
fn stored_and_never_written() {
    Tale::new().store(vec![said(1, "usr1", "what?")]).breaks(Demand::NoTrace);
    // Of somebody who has no client here nobody knows.
    Tale::new().store(vec![said(1, "usr9", "hello")]).passes();
}

#[test]
fn told_what_is_not_stored() {
    Tale::new().told(BOB, 1, "usr1", "what?").breaks(Demand::True);
}

#[test]
fn unknown_without_need() {
    let tale = Tale::new().one().publish(ANN, 3, "two");
    // Nothing happened to the link, and there was time.
    tale.clone().end(ANN, 3, End::Unknown).breaks(Demand::Knowable);
    // The link was lost, and the answer with it.
    let lost = tale.lose(ANN);
    lost.clone().end(ANN, 3, End::Unknown).passes();
    // It was told the message itself.
    let stored = lost.clone().store(vec![said(2, "usr1", "two")]).regain(ANN);
    let told = stored.told(ANN, 2, "usr1", "two");
    told.end(ANN, 3, End::Unknown).breaks(Demand::Knowable);
    // It was told all that came later, and so could know that its message is not there.
    let other = lost.regain(ANN).publish(BOB, 4, "other");
    let other = other.store(vec![said(2, "usr2", "other")]);
    other.clone().end(ANN, 3, End::Unknown).passes();
    let other = other.told(ANN, 2, "usr2", "other");
    other.clone().end(ANN, 3, End::Unknown).breaks(Demand::Knowable);
    // It was sent again and refused: the first copy may still be on its way.
    let refused = |content: &str| {
        let again =
            Observation::RefusedAgain { client: ANN, chat: group(), content: content.into() };
        other.clone().and(again).end(ANN, 3, End::Unknown)
    };
    refused("two").passes();
    refused("one").breaks(Demand::Knowable);
    // What was deleted since may have been it.
    let hidden = Row::Erased { chat: group(), user: Some("usr1".into()), ranges: vec![(3, 3)] };
    let hide = Verb::Erase { chat: group(), ranges: vec![(3, 3)], hard: false };
    let other = other.publish(BOB, 5, "more").ask(ANN, 7, hide);
    let hidden = other.store(vec![said(3, "usr2", "more"), hidden]);
    let gap = Observation::Gap { client: ANN, chat: group(), from: 3, to: 3 };
    hidden.and(gap).end(ANN, 3, End::Unknown).passes();
    // A client that never knew how far the topic went cannot.
    let blind = Tale::new().publish(ANN, 3, "two").lose(ANN).regain(ANN).publish(BOB, 4, "other");
    let blind = blind.store(vec![said(1, "usr2", "other")]).told(ANN, 1, "usr2", "other");
    blind.end(ANN, 3, End::Unknown).passes();
}

#[test]
fn answered_twice_or_never() {
    Tale::new().one().end(ANN, 2, End::Unknown).breaks(Demand::Answered);
    Tale::new().end(ANN, 9, End::Done).breaks(Demand::Answered);
    Tale::new().ask(ANN, 9, Verb::Other).quiet(Vec::new()).breaks(Demand::Answered);
    Tale::new().ask(ANN, 9, Verb::Other).end(ANN, 9, End::Done).quiet(Vec::new()).passes();
}

#[test]
fn a_hole_in_the_numbers() {
    let tale = Tale::new().publish(ANN, 2, "one");
    tale.store(vec![said(2, "usr1", "one")]).breaks(Demand::Dense);
}

/// Ann makes Bob the owner.
fn hand_over() -> Verb {
    Verb::Give { chat: group(), user: "usr2".into(), mode: Some("JRWPASDO".into()) }
}

#[test]
fn two_owners_or_none() {
    let all = Some(("JRWPASDO", "JRWPASDO"));
    let tale = Tale::new().ask(ANN, 2, hand_over());
    let former = member("usr1", Some(("JRWPS", "JRWPS")));
    tale.clone().store(vec![former.clone(), member("usr2", all)]).end(ANN, 2, End::Done).passes();
    tale.clone().store(vec![member("usr2", all)]).breaks(Demand::OneOwner);
    tale.store(vec![former]).breaks(Demand::OneOwner);
}

#[test]
fn access_that_nobody_may_change() {
    let give = Verb::Give { chat: group(), user: "usr1".into(), mode: Some("JR".into()) };
    let row = member("usr1", Some(("JRWPASDO", "JR")));
    // Bob is no administrator, and nobody asked for the second.
    Tale::new().ask(BOB, 2, give).store(vec![row.clone()]).breaks(Demand::Entitled);
    Tale::new().store(vec![row]).breaks(Demand::Entitled);
    let invite = Verb::Give { chat: group(), user: "usr3".into(), mode: None };
    let row = member("usr3", Some(("JRWPS", "JRWPS")));
    Tale::new().ask(BOB, 2, invite).store(vec![row]).end(BOB, 2, End::Done).passes();
    // A member who leaves does so alone.
    let leave = Verb::Unsubscribe { chat: group() };
    let gone = vec![member("usr2", None)];
    Tale::new().ask(BOB, 2, leave.clone()).store(gone.clone()).end(BOB, 2, End::Done).passes();
    Tale::new().ask(ANN, 2, leave.clone()).store(gone).breaks(Demand::Entitled);
    // Who owns a group does not leave it, unless they pass it on first: in the same commit, too.
    let tale = Tale::new().ask(ANN, 2, hand_over()).ask(ANN, 3, leave);
    let owner = |user| member(user, Some(("JRWPASDO", "JRWPASDO")));
    let [former, left] = [Some(("JRWPS", "JRWPS")), None].map(|access| member("usr1", access));
    let passed_on = vec![former.clone(), owner("usr2"), left.clone()];
    let both = tale.clone().store(passed_on);
    both.end(ANN, 2, End::Done).end(ANN, 3, End::Done).passes();
    tale.store(vec![left.clone(), owner("usr2")]).breaks(Demand::Entitled);
    let passed_on = vec![former, owner("usr2"), left];
    Tale::new().ask(ANN, 2, hand_over()).store(passed_on).breaks(Demand::Entitled);
    let delete = Verb::Delete { chat: group() };
    let gone = vec![Row::Topic { chat: group(), exists: false }];
    Tale::new().ask(ANN, 2, delete.clone()).store(gone.clone()).end(ANN, 2, End::Done).passes();
    Tale::new().ask(BOB, 2, delete).store(gone).breaks(Demand::Entitled);
}

#[test]
fn marks_that_nobody_made() {
    let marks = |read, received| Row::Marks { chat: group(), user: "usr2".into(), read, received };
    let noted = Observation::Noted { client: BOB, chat: group(), seq: 1, read: true };
    let tale = Tale::new().one();
    tale.clone().and(noted.clone()).store(vec![marks(1, 1)]).passes();
    tale.clone().store(vec![marks(1, 1)]).breaks(Demand::Marks);
    tale.clone().and(noted.clone()).store(vec![marks(1, 0)]).breaks(Demand::Marks);
    let back = tale.and(noted).store(vec![marks(1, 1)]).store(vec![marks(0, 1)]);
    back.breaks(Demand::Marks);
}

#[test]
fn a_secret_is_shown() {
    Tale::new().and(Observation::Shown("login of usr1".into())).passes();
    Tale::new().and(Observation::Shown("101:hunter2".into())).breaks(Demand::Secret);
    // A token is one once it was given out.
    let line = || Observation::Shown("token abc-123".into());
    let given = Observation::Secret("abc-123".into());
    Tale::new().and(line()).and(given.clone()).passes();
    Tale::new().and(line()).and(given).and(line()).breaks(Demand::Secret);
}

#[test]
fn a_queue_is_overfull() {
    let with = |len| {
        let queues = vec![Queue { name: "outbox".into(), len, bound: 8 }];
        Observation::Quiet(Box::new(Dump { queues, ..Dump::default() }))
    };
    let tale = Tale::default();
    tale.clone().and(with(8)).passes();
    tale.clone().and(with(9)).breaks(Demand::Bound);
    let queues = vec![Queue { name: "outbox".into(), len: 9, bound: 8 }];
    tale.and(Observation::Held(queues)).breaks(Demand::Bound);
}

#[test]
fn order_chat() {
    let order = || Chat::Order("77".into());
    let side = |user: &str| Row::Member {
        chat: order(),
        user: user.into(),
        access: Some(("JRW".into(), "JRW".into())),
    };
    let started = |client, user: &str| Observation::Started { client, user: user.into() };
    let start = Tale::default()
        .and(started(0, "trader1"))
        .and(started(1, "trader2"))
        .and(started(2, "trader3"))
        .store(vec![side("trader1"), side("trader2")])
        .and(Observation::Watching { client: 1, chat: order(), on: true });
    let publish = Verb::Publish { chat: order(), content: "paid".into(), no_echo: false };
    let row = |seq, to: &str| Row::Message {
        chat: Some(order()),
        seq,
        to: to.into(),
        message: Some(message(seq, "trader1", "paid")),
    };
    let told = |client, seq| Observation::Told {
        client,
        chat: order(),
        message: message(seq, "", "paid"),
        from_history: false,
    };
    let quiet = |rows| Observation::Quiet(Box::new(Dump { rows, queues: vec![], ready: vec![1] }));
    let sent = start.ask(0, 1, publish).store(vec![row(900, "")]);
    let sent = sent.end(0, 1, End::Published(Some(900)));
    sent.clone().and(told(1, 900)).and(quiet(vec![row(900, "")])).passes();
    sent.clone().and(quiet(vec![row(900, "")])).breaks(Demand::Kept);
    sent.clone().and(told(1, 900)).and(quiet(vec![])).breaks(Demand::Kept);
    sent.clone().and(told(1, 900)).and(told(1, 900)).breaks(Demand::Once);
    sent.clone().and(told(2, 900)).breaks(Demand::Entitled);
    sent.clone().store(vec![row(901, "")]).breaks(Demand::Once);
    // A message for one side alone is not owed to the other.
    let secret = Tale(sent.0.into_iter().take(5).collect()).store(vec![row(902, "trader1")]);
    secret.clone().and(quiet(vec![row(902, "trader1")])).passes();
    secret.and(told(1, 902)).breaks(Demand::Entitled);
}

/// Two sides of an order of which client 1 hears, with two messages of the first.
fn trade() -> (Chat, Tale) {
    let order = Chat::Order("77".into());
    let side = |user: &str| Row::Member {
        chat: order.clone(),
        user: user.into(),
        access: Some(("JRW".into(), "JRW".into())),
    };
    let started = |client, user: &str| Observation::Started { client, user: user.into() };
    let mut tale = Tale::default()
        .and(started(0, "trader1"))
        .and(started(1, "trader2"))
        .store(vec![side("trader1"), side("trader2")])
        .regain(1)
        .and(Observation::Watching { client: 1, chat: order.clone(), on: true });
    for (id, seq, content) in [(1, 900, "one"), (2, 901, "two")] {
        let content = content.to_owned();
        let publish = Verb::Publish { chat: order.clone(), content, no_echo: false };
        tale = tale
            .ask(0, id, publish)
            .store(vec![in_order(seq, if id == 1 { "one" } else { "two" })]);
        tale = tale.end(0, id, End::Published(Some(seq)));
    }
    (order, tale)
}

fn in_order(seq: u64, content: &str) -> Row {
    let message = Some(message(seq, "trader1", content));
    Row::Message { chat: Some(Chat::Order("77".into())), seq, to: String::new(), message }
}

#[test]
fn an_order_is_told_in_order() {
    let (order, tale) = trade();
    let told = |seq, from_history| Observation::Told {
        client: 1,
        chat: order.clone(),
        message: message(seq, "", if seq == 900 { "one" } else { "two" }),
        from_history,
    };
    for from_history in [false, true] {
        let told = |seq| told(seq, from_history);
        tale.clone().and(told(900)).and(told(901)).passes();
        tale.clone().and(told(901)).and(told(900)).breaks(Demand::Order);
        // Another link begins anew.
        tale.clone().and(told(901)).lose(1).regain(1).and(told(900)).passes();
    }
    // What is pushed does not wait for what history has.
    tale.clone().and(told(901, false)).and(told(900, true)).passes();
}

#[test]
fn an_order_is_read_by_who_says_so() {
    let (order, tale) = trade();
    let marks = |user: &str, read| Row::Marks {
        chat: order.clone(),
        user: user.into(),
        read,
        received: read,
    };
    let read = Verb::MarkRead { chat: order.clone() };
    let asked = tale.clone().ask(1, 1, read.clone());
    asked.clone().store(vec![marks("trader2", 901)]).end(1, 1, End::Done).passes();
    asked.clone().end(1, 1, End::Done).breaks(Demand::True);
    asked.clone().store(vec![marks("trader2", 902)]).breaks(Demand::Marks);
    asked.clone().store(vec![marks("trader1", 901)]).breaks(Demand::Marks);
    tale.clone().store(vec![marks("trader2", 901)]).breaks(Demand::Marks);
    let back = asked.store(vec![marks("trader2", 901), marks("trader2", 900)]);
    back.breaks(Demand::Marks);
    // Somebody without a client here, once.
    let scripted = tale.and(Observation::Scripted { user: "trader2".into(), verb: read });
    let scripted = scripted.store(vec![marks("trader2", 901)]);
    scripted.passes();
    scripted.store(vec![marks("trader2", 901)]).breaks(Demand::Marks);
}

/// What somebody without a client says to have read may be stored late, but in the order in which it
/// was said.
#[test]
fn an_order_is_read_by_a_script() {
    let (order, tale) = trade();
    let marks = |read| {
        let (chat, user) = (order.clone(), "trader2".to_owned());
        vec![Row::Marks { chat, user, read, received: read }]
    };
    let say = |tale: Tale, id, content: &str| {
        let (chat, content) = (order.clone(), content.to_owned());
        tale.ask(0, id, Verb::Publish { chat, content, no_echo: false })
    };
    let read = |tale: Tale| {
        let verb = Verb::MarkRead { chat: order.clone() };
        tale.and(Observation::Scripted { user: "trader2".into(), verb })
    };
    // Twice, before the first was stored.
    let twice = read(read(say(tale.clone(), 3, "three")));
    let three = || vec![in_order(902, "three")];
    let both = twice.clone().store(marks(901)).store(three()).store(marks(902));
    both.passes();
    both.store(marks(902)).breaks(Demand::Marks);
    // All that is there is read.
    read(tale.clone()).store(marks(900)).breaks(Demand::Marks);
    // What was asked for later is stored later.
    let later = say(read(tale), 3, "three").store(three());
    later.clone().store(marks(902)).breaks(Demand::Marks);
    read(later).store(marks(902)).passes();
    twice.and(Observation::Crashed).store(marks(901)).breaks(Demand::Marks);
}

/// What a session may bring about by itself, when it attaches a topic again.
#[test]
fn joined_again_by_a_session() {
    let gone = || vec![member("usr2", None)];
    let back = || vec![member("usr2", Some(("JRWPS", "JRWPS")))];
    let leave = || Verb::Unsubscribe { chat: group() };
    let tale = Tale::new().lose(TAB).regain(TAB);
    let left = |tale: Tale| tale.ask(BOB, 2, leave()).store(gone());
    left(tale.clone()).store(back()).breaks(Demand::Entitled);
    // What ended while its `sub` was on its way, nobody could know.
    let crossed = left(tale.clone().attaching(TAB));
    crossed.clone().store(back()).passes();
    // One that was answered brings nothing about any more.
    crossed.attached(TAB).store(back()).breaks(Demand::Entitled);
    // What ended while the link was down could be read.
    let away = left(Tale::new().lose(TAB)).regain(TAB).attaching(TAB);
    away.clone().passes();
    away.store(back()).breaks(Demand::Entitled);
    // What the session said to be gone, or was told to leave, it leaves alone.
    let dropped = Observation::Dropped { client: TAB, chat: group() };
    tale.clone().and(dropped).attaching(TAB).breaks(Demand::Entitled);
    for end in [End::Done, End::Unknown] {
        let verb = Verb::Leave { chat: group() };
        let farewell = Tale::new().ask(TAB, 2, verb).lose(TAB).end(TAB, 2, end).regain(TAB);
        farewell.clone().attaching(TAB).breaks(Demand::Entitled);
        let join = Verb::Subscribe { chat: Some(group()) };
        farewell.ask(TAB, 3, join).attaching(TAB).passes();
    }
    let refused = End::Rejected("503".into());
    tale.ask(TAB, 2, leave()).end(TAB, 2, refused).attaching(TAB).passes();
}

/// What a subscription brought about: that of a `sub` which was written, and of no other one.
#[test]
fn who_brought_a_member_back() {
    let back = || vec![member("usr2", Some(("JRWPS", "JRWPS")))];
    let left = |tale: Tale| {
        let leave = Verb::Unsubscribe { chat: group() };
        let tale = tale.ask(TAB, 2, leave).store(vec![member("usr2", None)]);
        tale.end(TAB, 2, End::Done)
    };
    let joins = |tale: Tale| tale.ask(TAB, 3, Verb::Subscribe { chat: Some(group()) });
    let no = |tale: Tale| tale.end(TAB, 3, End::TimedOut);
    // It waits to be written: nobody did it.
    joins(left(Tale::new())).store(back()).breaks(Demand::Entitled);
    let alone = joins(left(Tale::new())).attaching(TAB).store(back());
    alone.clone().end(TAB, 3, End::Subscribed(Some(group()))).passes();
    no(alone).breaks(Demand::NoTrace);
    // Written twice, it was one of them.
    let again = joins(left(Tale::new())).attaching(TAB);
    let again = again.and(Observation::Attaching { client: TAB, chat: group(), number: 2 });
    no(again.store(back())).breaks(Demand::NoTrace);
    // Another session attaches the topic meanwhile.
    let crossed = joins(left(Tale::new().attaching(BOB)));
    no(crossed.clone().store(back())).passes();
    no(crossed.attaching(TAB).store(back())).passes();
    // Its own session does, which follows the topic and does not know that it was left.
    let own = left(Tale::new().lose(BOB)).ask(BOB, 3, Verb::Subscribe { chat: Some(group()) });
    let own = own.regain(BOB).attaching(BOB).store(back());
    own.end(BOB, 3, End::TimedOut).passes();
}

/// Who may have left and subscribes again begins anew: what came in between is not told.
#[test]
fn followed_again() {
    let tale = Tale::new().one().ask(TAB, 2, Verb::Unsubscribe { chat: group() }).lose(TAB);
    let tale = tale.end(TAB, 2, End::Unknown).publish(ANN, 3, "two");
    let tale = tale.store(vec![said(2, "usr1", "two")]).regain(TAB);
    let tale = tale.ask(TAB, 3, Verb::Subscribe { chat: Some(group()) });
    let tale = tale.end(TAB, 3, End::Subscribed(Some(group())));
    let tale = tale.and(Observation::Following { client: TAB, chat: group() });
    let tale = tale.publish(ANN, 4, "three").store(vec![said(3, "usr1", "three")]);
    tale.told(TAB, 3, "usr1", "three").passes();
}
