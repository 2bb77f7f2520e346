//! The scenarios that users fear, as transcripts; `docs/guarantees.md` says what each shows.

mod long;
mod story;

use chat_testkit::link::Weather;
use chat_testkit::model::Model;
use chat_testkit::observe::Observation;
use chat_testkit::schedule::{
    Act, C2cSetup, Fault, ImSetup, Op, Schedule, Setup, Verb, VerbKind as V,
};
use chat_testkit::{World, people};
use insta::assert_snapshot;
use story::Cast;

const DUO: Cast<'_> = Cast(&["Ann", "Bob"]);
const TRADE: Cast<'_> = Cast(&["Shop", "Buyer"]);

/// Ten milliseconds each way, and five for a commit.
fn setup() -> Setup {
    Setup {
        im: Vec::new(),
        c2c: Vec::new(),
        weather: Weather { least: 10, jitter: 0 },
        commit: Weather { least: 5, jitter: 0 },
        token_life: 1800,
        window: 1000,
    }
}

fn duo() -> Setup {
    let im = |user| ImSetup { user, dedup: false, tokens: false };
    Setup { im: vec![im(0), im(1)], ..setup() }
}

fn trade() -> Setup {
    let c2c = |account| C2cSetup { account, resend: false };
    Setup { c2c: vec![c2c(0), c2c(1)], ..setup() }
}

fn does(at: u32, client: u8, kind: V) -> Op {
    Op { at, act: Act::Do { client, verb: Verb::new(kind) } }
}

fn breaks(at: u32, client: u8, fault: Fault) -> Op {
    Op { at, act: Act::Break { client, fault } }
}

/// Ann has a group that Bob is in; both are ready and have heard one message.
fn meet() -> Vec<Op> {
    vec![
        does(0, 0, V::Connect),
        does(0, 1, V::Connect),
        does(500, 0, V::CreateGroup),
        does(1000, 1, V::Subscribe),
        does(2000, 0, V::Publish),
    ]
}

/// Both sides of an order watch it.
fn trade_begins() -> Vec<Op> {
    vec![
        does(0, 0, V::Connect),
        does(0, 1, V::Connect),
        does(500, 0, V::Watch),
        does(500, 1, V::Watch),
    ]
}

/// Plays, and waits `rest` ms before anything is mended; the model must agree.
fn play(setup: Setup, mut ops: Vec<Op>, rest: u32) -> World {
    let last = ops.iter().map(|op| op.at).max().unwrap_or(0);
    ops.push(breaks(last + rest, 0, Fault::Nothing));
    ops.sort_by_key(|op| op.at);
    let schedule = Schedule { seed: 7, setup, ops };
    let world = World::run(&schedule, crate::start(), true);
    let lines = || world.transcript().join("\n");
    assert_eq!(world.failure(), None, "{}", lines());
    if let Err(why) = Model::judge(people::limits(), world.observed()) {
        panic!("{why}\n{}", lines());
    }
    world
}

fn with(mut ops: Vec<Op>, more: impl IntoIterator<Item = Op>) -> Vec<Op> {
    ops.extend(more);
    ops
}

/// A transcript from a moment on, and how it ended.
fn story(cast: &Cast<'_>, world: &World, from: u64) -> String {
    format!("{}\n\n{}", cast.tell(world, from, u64::MAX), cast.end(world))
}

#[test]
fn the_link_dies_at_each_point_of_a_publish() {
    let points = [
        (0, "before it is written"),
        (5, "on its way"),
        (12, "at the server, before it is stored"),
        (17, "stored, and the answer is on its way"),
        (21, "answered"),
    ];
    let mut out = String::new();
    for (after, what) in points {
        let cut = breaks(2999 + after + u32::from(after > 0), 0, Fault::Cut);
        let world = play(duo(), with(meet(), [cut, does(3000, 0, V::Publish)]), 8000);
        out += &format!("## The link dies {what}\n{}\n\n", story(&DUO, &world, 2990));
    }
    // A second device has just come: it does not know yet how far the group goes.
    let trio = Cast(&["Ann", "Bob", "Ann's tablet"]);
    let mut setup = duo();
    setup.im.push(ImSetup { user: 0, dedup: false, tokens: false });
    let blind = [
        does(2500, 2, V::Connect),
        does(3000, 2, V::Subscribe),
        does(3001, 2, V::Publish),
        breaks(3025, 2, Fault::HalfOpen),
    ];
    let world = play(setup, with(meet(), blind), 8000);
    let story = story(&trio, &world, 2990);
    out += &format!("## The link dies on its way, before the last number was known\n{story}");
    assert_snapshot!(out);
}

#[test]
fn the_server_crashes_after_the_commit_and_before_the_reply() {
    let ops = with(meet(), [does(3000, 0, V::Publish), breaks(3012, 0, Fault::CrashStored(500))]);
    let world = play(duo(), ops, 8000);
    let topics = story(&DUO, &world, 2990);
    let ops =
        with(trade_begins(), [does(3000, 0, V::Send), breaks(3012, 0, Fault::CrashStored(500))]);
    let world = play(trade(), ops, 20_000);
    let orders = story(&TRADE, &world, 2990);
    assert_snapshot!(format!("## Topic chat\n{topics}\n\n## Order chat\n{orders}"));
}

#[test]
fn the_token_expires_in_a_flood() {
    let flood = (0..8).map(|n| does(3000 + n * 20, 0, V::Publish));
    let broken = [breaks(3050, 0, Fault::ExpireTokens), breaks(3090, 0, Fault::Cut)];
    let world = play(duo(), with(with(meet(), flood), broken), 8000);
    assert_snapshot!(story(&DUO, &world, 2990));
}

#[test]
fn a_second_process_takes_over() {
    let kicks = (0..3).map(|n| breaks(3000 + n * 60_000, 0, Fault::TakeOver));
    let last = [does(200_000, 1, V::Send), does(230_000, 0, V::Connect)];
    let world = play(trade(), with(with(trade_begins(), kicks), last), 5000);
    assert_snapshot!(story(&TRADE, &world, 2990));
}

#[test]
fn the_counterparty_floods() {
    let script = |n: u32| Op { at: 3000 + n / 10, act: Act::Script { order: 0, what: 0 } };
    let flood = (0..300).map(script);
    let mid = [does(3005, 0, V::Send), breaks(3035, 0, Fault::Cut), does(3100, 0, V::Send)];
    let world = play(trade(), with(with(trade_begins(), flood), mid), 20_000);
    // Three hundred lines that say the same say nothing.
    let lines = TRADE.tell(&world, 2990, u64::MAX);
    let is_flood = |line: &&str| line.contains("\"s") || line.contains("told a message");
    let pushed = lines.lines().filter(|line| line.contains("Shop ← text \"s")).count();
    let rest: Vec<_> =
        lines.lines().filter(|line| !is_flood(line) && !line.contains("the commit")).collect();
    let of_buyer = |what: &Observation| matches!(what, Observation::Told { client: 0, message, .. } if message.content.starts_with('s'));
    let told = world.observed().iter().filter(|it| of_buyer(&it.what)).count();
    assert_eq!(told, 300);
    let end = TRADE.end(&world);
    let mine: Vec<_> = end.lines().filter(|line| line.starts_with("Shop's messages")).collect();
    assert_snapshot!(format!(
        "{}\n\nthe other side wrote 300; the shop's socket brought {pushed}, the shop was told {told}\n{}",
        rest.join("\n"),
        mine.join("\n")
    ));
}

#[test]
fn removed_from_a_group_while_offline() {
    let remove = Verb { who: 1, ..Verb::new(V::Remove) };
    let ops = [
        breaks(3000, 1, Fault::RefuseDials(6)),
        breaks(3001, 1, Fault::Cut),
        Op { at: 3100, act: Act::Do { client: 0, verb: remove } },
        does(3500, 0, V::Publish),
    ];
    let world = play(duo(), with(meet(), ops), 60_000);
    assert_snapshot!(story(&DUO, &world, 2990));
}

#[test]
fn clocks_jump() {
    let ops = [
        breaks(3000, 0, Fault::ClientClock(-3_600_000)),
        does(3100, 0, V::Send),
        does(3200, 0, V::OrderHistory),
        breaks(9000, 0, Fault::ClientClock(7_200_000)),
        does(9100, 0, V::OrderHistory),
        does(9200, 1, V::Send),
    ];
    let world = play(trade(), with(trade_begins(), ops), 8000);
    let orders = story(&TRADE, &world, 2990);
    let ops = [
        breaks(3000, 0, Fault::ClientClock(-3_600_000)),
        does(3100, 0, V::Publish),
        breaks(3200, 1, Fault::HubClock(3_600_000)),
        does(3300, 1, V::Publish),
    ];
    let world = play(duo(), with(meet(), ops), 8000);
    let topics = story(&DUO, &world, 2990);
    assert_snapshot!(format!("## Order chat\n{orders}\n\n## Topic chat\n{topics}"));
}

#[test]
fn the_server_restarts_and_keeps_less_history() {
    let away = [breaks(3000, 1, Fault::RefuseDials(8)), breaks(3001, 1, Fault::Cut)];
    let talk = (0..8).map(|n| does(3100 + n * 50, 0, V::Publish));
    let restart = [breaks(4000, 0, Fault::Shutdown(300)), does(6000, 0, V::Publish)];
    let setup = Setup { window: 4, ..duo() };
    let world = play(setup, with(with(with(meet(), away), talk), restart), 90_000);
    assert_snapshot!(story(&DUO, &world, 3990));
}

#[test]
fn pushes_come_twice() {
    let twice = (0..3).flat_map(|n| {
        [breaks(2990 + n * 100, 1, Fault::Duplicate), does(3000 + n * 100, 0, V::Publish)]
    });
    let world = play(duo(), with(meet(), twice), 3000);
    let topics = story(&DUO, &world, 2990);
    let ops =
        [breaks(2990, 0, Fault::Switch(2, 60_000)), does(3000, 1, V::Send), does(3100, 0, V::Send)];
    let world = play(trade(), with(trade_begins(), ops), 3000);
    let orders = story(&TRADE, &world, 2990);
    assert_snapshot!(format!("## Topic chat\n{topics}\n\n## Order chat\n{orders}"));
}
