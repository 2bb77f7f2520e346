//! Worlds with a schedule by hand.

use chat_testkit::link::Weather;
use chat_testkit::model::{Demand, Model};
use chat_testkit::observe::{End, Observation};
use chat_testkit::schedule::{
    Act, C2cSetup, Fault, ImSetup, Op, Schedule, Setup, Verb, VerbKind as V,
};
use chat_testkit::{World, people};

fn setup() -> Setup {
    let im = |user| ImSetup { user, dedup: false, tokens: false };
    Setup {
        im: vec![im(0), im(0), im(1)],
        c2c: vec![C2cSetup { account: 0, resend: false }, C2cSetup { account: 1, resend: false }],
        weather: Weather::FINE,
        commit: Weather { least: 1, jitter: 5 },
        token_life: 60,
        window: 1000,
    }
}

fn verb(at: u32, client: u8, verb: Verb) -> Op {
    Op { at, act: Act::Do { client, verb } }
}

fn talk() -> Vec<Op> {
    let mut ops = Vec::new();
    for client in 0..5 {
        ops.push(verb(0, client, Verb::new(V::Connect)));
    }
    ops.push(verb(500, 0, Verb::new(V::CreateGroup)));
    for client in 0..3 {
        ops.push(verb(1000, client, Verb::new(V::Subscribe)));
    }
    for client in 3..5 {
        ops.push(verb(1000, client, Verb::new(V::Watch)));
    }
    for n in 0..10 {
        ops.push(verb(2000 + n * 200, (n % 3) as u8, Verb::new(V::Publish)));
        ops.push(verb(2000 + n * 900, 3 + (n % 2) as u8, Verb::new(V::Send)));
    }
    ops.sort_by_key(|op| op.at);
    ops
}

fn run(ops: Vec<Op>) -> World {
    let schedule = Schedule { seed: 7, setup: setup(), ops };
    let world = World::run(&schedule, crate::start(), true);
    let lines = world.transcript().join("\n");
    assert_eq!(world.failure(), None, "{schedule}\n{lines}");
    if let Err(why) = Model::judge(people::limits(), world.observed()) {
        panic!("{why}\n{schedule}\n{lines}");
    }
    world
}

fn published(world: &World) -> usize {
    let ended = world
        .observed()
        .iter()
        .filter(|it| matches!(&it.what, Observation::Ended { end: End::Published(Some(_)), .. }));
    ended.count()
}

#[test]
fn everybody_talks_without_a_fault() {
    let world = run(talk());
    assert_eq!(published(&world), 20, "{:#?}", world.transcript());
    let told = world.observed().iter().filter(|it| matches!(&it.what, Observation::Told { .. }));
    assert_eq!(told.count(), 10 * 3 + 10 + 2, "{:#?}", world.transcript());
}

#[test]
fn links_that_are_cut_lose_nothing() {
    for fault in [Fault::Cut, Fault::HalfOpen, Fault::Late(3000), Fault::CrashLost(500)] {
        let mut ops = talk();
        for n in 0..6 {
            ops.push(Op { at: 2100 + n * 300, act: Act::Break { client: n as u8, fault } });
        }
        ops.sort_by_key(|op| op.at);
        let world = run(ops);
        // One that found no link in time was never written, and says so.
        let in_time = published(&world);
        let late = world
            .observed()
            .iter()
            .filter(|it| matches!(&it.what, Observation::Ended { end: End::TimedOut, .. }));
        assert_eq!(in_time + late.count(), 20, "{fault:?} {:#?}", world.transcript());
        assert!(in_time >= 18, "{fault:?}: {in_time}");
    }
}

/// A world that shows everything, played without a fault.
fn shown() -> World {
    let mut world = World::new(7, &setup(), crate::start());
    world.show();
    world.play(&talk());
    world.come_to_rest();
    assert_eq!(world.failure(), None);
    world
}

#[test]
fn what_people_may_read_is_shown_to_the_model() {
    let world = shown();
    let texts = world.observed().iter().filter_map(|it| match &it.what {
        Observation::Shown(text) => Some(text.as_str()),
        _ => None,
    });
    let shown: Vec<_> = texts.collect();
    // Lines, frames, actions, events, answers, settings, sessions, records, the hub and what it does.
    let words = [
        "client 0 asks",
        "client 0 → ",
        "Ok(Data(",
        "Upgrade(",
        "HttpRequest(",
        "Response(",
        "Completed {",
        "Tokens(",
        "ImConfig {",
        "C2cConfig {",
        "Session {",
        "Token {",
        "Commit(upto",
        "Hub {",
    ];
    let missing: Vec<_> =
        words.iter().filter(|word| !shown.iter().any(|text| text.contains(**word))).collect();
    assert!(missing.is_empty(), "never shown: {missing:?}");
    assert_eq!(Model::judge(people::limits(), world.observed()), Ok(()));
}

#[test]
fn a_secret_that_comes_up_in_a_run_must_not_be_shown() {
    let world = shown();
    let secrets = world.observed().iter().filter_map(|it| match &it.what {
        Observation::Secret(secret) => Some(secret.clone()),
        _ => None,
    });
    let secrets: Vec<_> = secrets.chain(people::secrets()).collect();
    // Access and refresh token, login secret, file token, ticket, listen key, signature, each.
    assert!(secrets.len() > 20, "{secrets:?}");
    for secret in secrets {
        let mut seen = world.observed().to_vec();
        let at = world.now().mono.saturating_duration_since(crate::start().mono);
        let what = Observation::Shown(format!("debug: \"{secret}\" was used"));
        seen.push(chat_testkit::observe::Observed { at, what });
        let violation = Model::judge(people::limits(), &seen).expect_err("it is shown");
        assert_eq!(violation.demand, Demand::Secret, "{violation}");
        assert!(!violation.to_string().contains(&secret), "{violation}");
    }
}

#[test]
fn everything_that_grows_is_measured() {
    let world = shown();
    let queues = world.observed().iter().filter_map(|it| match &it.what {
        Observation::Quiet(dump) => Some(&dump.queues),
        _ => None,
    });
    let queues: Vec<_> = queues.flatten().collect();
    let used = |name: &str| {
        let found = queues.iter().find(|it| it.name == name);
        found.unwrap_or_else(|| panic!("{name} of {queues:#?}")).len
    };
    for name in ["requests", "topics", "held messages of one topic", "messages in doubt"] {
        used(&format!("client 0: {name}"));
    }
    for name in ["messages that are known", "watched orders"] {
        assert!(used(&format!("client 3: {name}")) > 0, "{name}");
    }
    used("client 3: messages to write");
    let names = [
        "connections",
        "inputs that wait for a commit",
        "messages of a topic",
        "messages of an order",
        "tickets",
        "ids of messages",
        "tokens of a user",
    ];
    for name in names {
        used(&format!("hub: {name}"));
    }
    assert_eq!(used("hub: connections"), 5);
    assert!(queues.iter().all(|it| it.len <= it.bound), "{queues:#?}");
    assert!(queues.len() > 5 * 15 + 20, "{}", queues.len());
}
