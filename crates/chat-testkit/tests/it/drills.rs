//! Drills with steps from a seed: what a session guarantees holds, and the steps reach the ground that
//! makes the guarantees worth something.

use chat_proto::rng::Rng;
use chat_testkit::drill::{Orders, Peer, Step, Topics, run, run_server};

fn random_steps(rng: &mut Rng) -> Vec<Step> {
    let steps = (0..150).map(|_| rng.next_u64().to_le_bytes());
    steps.map(|[kind, a, b, ..]| (kind, a, b)).collect()
}

/// What must have come up.
fn reach<P: Peer>(words: &[&str]) {
    let mut rng = Rng::new(0x1A17);
    let mut seen = String::new();
    for case in 0..150 {
        let steps = random_steps(&mut rng);
        seen += &run::<P>(&steps, case % 2 == 0, crate::start().mono, true);
    }
    let missing: Vec<_> = words.iter().filter(|word| !seen.contains(**word)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
}

#[test]
fn the_steps_reach_what_topic_chat_can_do() {
    reach::<Topics>(&[
        "Message(",
        "Gap {",
        "TopicGone",
        "AttachRefused",
        "Notice(",
        "Garbage(",
        "Other(",
        "Subscribed(",
        "Published(",
        "History(",
        "Meta(",
        "Done(",
        "Rejected(",
        "Err(Unknown)",
        "Err(TimedOut)",
        "Err(Cancelled)",
        "CredentialsNeeded",
        "Silent(",
        "OpenTimedOut",
        "resumed: true",
        "AbortHttp",
    ]);
}

#[test]
fn the_steps_reach_what_order_chat_can_do() {
    reach::<Orders>(&[
        "Push(",
        "Backfilled",
        "BackfillFailed",
        "ClockCorrected",
        "Verifying",
        "from_history: true",
        "from_history: false",
        "History(",
        "Marked",
        "Rejected(",
        "Err(Unknown)",
        "Err(TimedOut)",
        "Err(Cancelled)",
        "CredentialsNeeded",
        "TakenOver",
        "Silent(",
        "resumed: true",
    ]);
}

#[test]
fn the_services_side_of_a_connection() {
    let mut rng = Rng::new(0x1A17);
    for _ in 0..2000 {
        run_server(&random_steps(&mut rng), crate::start().mono);
    }
}

/// Law 1.
#[test]
fn the_same_steps_give_the_same_transcript() {
    let start = crate::start().mono;
    let mut rng = Rng::new(3);
    for _ in 0..8 {
        let steps = random_steps(&mut rng);
        let topics = || run::<Topics>(&steps, false, start, true);
        assert_eq!(topics(), topics());
        let orders = || run::<Orders>(&steps, false, start, true);
        assert_eq!(orders(), orders());
    }
}

/// A message that was refused because the server had let go of the topic is written again once the
/// topic is attached: the refusal says that nobody saw it, so law 12 allows it on the same link.
#[test]
fn what_was_refused_may_be_written_again_on_the_same_link() {
    let ready = vec![(0, 0, 0); 10];
    // Subscribe, answers, publish, the refusal 409, answers.
    let then = [(8, 0, 1), (0, 0, 0), (0, 0, 0), (8, 14, 1), (13, 0xA0, 8)];
    let steps = [&ready[..], &then, &ready].concat();
    let transcript = run::<Topics>(&steps, false, crate::start().mono, true);
    // A transcript has no texts; the frame is the only one of its length.
    assert_eq!(transcript.matches("message: Text(101 bytes)").count(), 2, "{transcript}");
    assert!(transcript.contains("Ok(Published("), "{transcript}");
}
