//! Clients and a hub, with every decision of the scheduler from bytes; a model judges.

use chat_proto::client::Phase;
use chat_proto::{Now, UnixMillis};
use chat_testkit::link::Weather;
use chat_testkit::model::Model;
use chat_testkit::schedule::{Act, C2cSetup, Fault, ImSetup, Op, Schedule, Setup, Verb, VerbKind};
use chat_testkit::{World, people};

use crate::start;

/// Longer schedules only take longer.
const MOST_OPS: usize = 60;
/// Bytes of one operation.
const OP: usize = 6;
/// Bytes before the operations.
const HEAD: usize = 4;

const PHASES: [Phase; 6] = [
    Phase::Preparing,
    Phase::Dialing,
    Phase::Opening,
    Phase::Ready,
    Phase::Waiting,
    Phase::Closing,
];

/// One client and a hub without a network, where the bytes decide what moves next; or, if the first
/// byte is small, one client of each service and a hub with weather and faults.
pub fn pair(data: &[u8]) {
    match data.split_first() {
        Some((128.., rest)) => chat_testkit::pair::play(rest, now()),
        _ => play(data, 1, 1),
    }
}

fn now() -> Now {
    Now { mono: start(), unix: UnixMillis::new(1_729_731_998_924) }
}

/// Clients of several users and devices, and a hub that crashes.
pub fn hub(data: &[u8]) {
    play(data, 4, 3);
}

fn play(data: &[u8], im: u8, c2c: u8) {
    let Some(schedule) = schedule(data, im, c2c) else { return };
    let world = World::run(&schedule, now(), false);
    if let Some(failure) = world.failure() {
        panic!("{failure}\n{schedule}");
    }
    if let Err(violation) = Model::judge(people::limits(), world.observed()) {
        panic!("{violation}\n{schedule}");
    }
}

/// Reads a schedule: a seed, flags, then operations.
#[must_use]
pub fn schedule(data: &[u8], im: u8, c2c: u8) -> Option<Schedule> {
    let (head, rest) = data.split_at_checked(HEAD)?;
    let [seed, flags, pace, life] = head.try_into().ok()?;
    let flag = |bit: u32| flags >> bit & 1 == 1;
    let client = |n: u8| ImSetup { user: n / 2, dedup: flag(0) && n == 0, tokens: flag(1) };
    let trader = |n: u8| C2cSetup { account: n, resend: flag(2) };
    let setup = Setup {
        im: (0..im).map(client).collect(),
        c2c: (0..c2c).map(trader).collect(),
        weather: Weather { least: 1, jitter: u32::from(pace) },
        commit: if flag(3) {
            Weather { least: 1, jitter: 40 }
        } else {
            Weather { least: 0, jitter: 0 }
        },
        token_life: 20 + u32::from(life) * 2,
        window: if flag(4) { 5 } else { 1000 },
    };
    let mut at = 0;
    let ops = rest.chunks_exact(OP).take(MOST_OPS).map(|op| {
        let bytes: [u8; OP] = op.try_into().unwrap_or_default();
        at += u32::from(bytes[0]) * 8;
        Op { at, act: act(bytes, im, c2c) }
    });
    // Everybody connects before anything else.
    let connect = |client| {
        let verb = Verb::new(VerbKind::Connect);
        Op { at: 0, act: Act::Do { client, verb } }
    };
    let ops = (0..im + c2c).map(connect).chain(ops).collect();
    Some(Schedule { seed: seed.into(), setup, ops })
}

fn act([_, what, client, a, b, c]: [u8; OP], im: u8, c2c: u8) -> Act {
    let client = client % (im + c2c);
    let is_im = client < im;
    match what % 16 {
        0..10 => Act::Do { client, verb: verb(is_im, a, b, c) },
        10..12 => Act::Break { client, fault: fault(a, b, c) },
        12..15 => Act::Ambush {
            client,
            phase: PHASES[usize::from(b) % PHASES.len()],
            frames: b / 16,
            verb: (c & 1 == 1).then(|| request(is_im, c / 2, a, b)),
            fault: fault(a, c, b),
        },
        _ => Act::Script { order: a, what: b },
    }
}

fn verb(is_im: bool, kind: u8, b: u8, c: u8) -> Verb {
    const ANY: [VerbKind; 4] =
        [VerbKind::Connect, VerbKind::Cancel, VerbKind::Restart, VerbKind::Close];
    let all = [requests(is_im), &ANY].concat();
    // Talking is what everything else disturbs.
    let talk = if is_im { VerbKind::Publish } else { VerbKind::Send };
    let kind = if kind >= 192 { talk } else { all[usize::from(kind) % all.len()] };
    Verb { kind, topic: b / 16, who: b % 16, arg: c }
}

/// What an application asks of the service.
const fn requests(is_im: bool) -> &'static [VerbKind] {
    if is_im { &VerbKind::IM } else { &VerbKind::C2C }
}

/// The same for a moment that a fault waits for.
fn request(is_im: bool, kind: u8, b: u8, c: u8) -> Verb {
    let all = requests(is_im);
    Verb { kind: all[usize::from(kind) % all.len()], topic: b / 16, who: b % 16, arg: c }
}

fn fault(kind: u8, b: u8, c: u8) -> Fault {
    let millis = u32::from(b) * 50;
    let few = 1 + b % 4;
    let skew = (i32::from(c) - 128) * 10_000;
    match kind % 30 {
        0 | 1 => Fault::Cut,
        2 => Fault::HalfOpen,
        3 => Fault::Late(millis),
        4 => Fault::DeadPeer,
        5 => Fault::StallUp(millis),
        6 => Fault::StallDown(millis),
        7 => Fault::Partition(millis),
        8 => Fault::Duplicate,
        9 => Fault::RefuseDials(few),
        10 => Fault::Deaf(millis),
        11 => Fault::HttpNoConnect(few),
        12 => Fault::HttpLost(few),
        13 => Fault::HttpAnswerLost(few),
        14 => Fault::Http5xx(few),
        15 => Fault::Http429(few),
        16 => Fault::CrashLost(millis),
        17 => Fault::CrashStored(millis),
        18 => Fault::CrashSilent(millis),
        19 => Fault::Shutdown(millis),
        20 => Fault::FailCommits(few),
        21 => Fault::SlowCommits(millis),
        22 => Fault::ForgetTokens,
        23 => Fault::NoPbx(millis),
        24 => Fault::ClientClock(skew),
        25 => Fault::HubClock(skew),
        26 => Fault::ExpireTokens,
        27 => Fault::Restart,
        28 => Fault::TakeOver,
        _ => Fault::Switch(c, millis),
    }
}
