//! One session, or the service's side of one, against a peer that says anything.
//!
//! Three bytes are a step: what happens, and two numbers to do it with; the first byte also says
//! whether anybody answers in the end.

use chat_testkit::drill::{Orders, Peer, Topics, run, run_server, steps};

use crate::start;

/// Steps beyond this only repeat what was.
const MOST_STEPS: usize = 400;

/// Topic chat keeps the numbered guarantees of `chat-proto` whatever verbs, frames and times come.
pub fn im_session(data: &[u8]) {
    play::<Topics>(data);
}

/// Order chat does.
pub fn c2c_session(data: &[u8]) {
    play::<Orders>(data);
}

/// The service's side of a connection does.
pub fn server_session(data: &[u8]) {
    let mut steps = steps(data);
    steps.truncate(MOST_STEPS);
    run_server(&steps, start());
}

fn play<P: Peer>(data: &[u8]) {
    let Some((flags, rest)) = data.split_first() else { return };
    let mut steps = steps(rest);
    steps.truncate(MOST_STEPS);
    run::<P>(&steps, flags & 1 == 1, start(), false);
}
