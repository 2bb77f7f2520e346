//! What happens some time after its cause: late copies, questions for a sign of life.

use std::time::{Duration, Instant};

use chat_proto::c2c::frame::{Down, Push};
use chat_proto::codec::Wire;
use chat_proto::machine::ConnId;

use super::{C2cState, chat};
use crate::effects::Cx;

/// Copies that wait; more are given at once. (choice)
pub(super) const MAX_DELAYED: usize = 1 << 16;

/// The copy of a message for the connection it came from.
#[derive(Debug)]
pub(super) struct Delayed {
    conn: ConnId,
    message: i64,
}

/// Puts the copy of a message off. `false` when it is to be given at once.
pub(super) fn put_off(state: &mut C2cState, cx: &Cx<'_>, conn: ConnId, message: i64) -> bool {
    let by = Duration::from_millis(state.faults.echo_delay_ms.into());
    if by.is_zero() || state.delayed.len() >= MAX_DELAYED {
        return false;
    }
    state.delays += 1;
    state.delayed.insert((cx.now.mono + by, state.delays), Delayed { conn, message });
    true
}

pub(super) fn handle_timeout(state: &mut C2cState, cx: &mut Cx<'_>) {
    while let Some(due) = state.delayed.first_entry().filter(|it| it.key().0 <= cx.now.mono) {
        let Delayed { conn, message } = due.remove();
        // Unless it could not be stored, or was withdrawn, or the connection is gone.
        let link = state.links.get(&conn).map(|link| link.user);
        let (Some(user), Some(row)) = (link, state.messages.get(&message)) else { continue };
        let push = chat::push(state, message, row, user);
        cx.fx.answer(conn, Wire::encode(&Down::from(push)));
    }
    let Some(every) = ping_every(state) else { return };
    for (conn, link) in &mut state.links {
        if link.ping_at.is_some_and(|at| at <= cx.now.mono) {
            link.ping_at = Some(cx.now.mono + every);
            cx.fx.send(*conn, Wire::encode(&Down::from(Push::of("ping"))));
        }
    }
}

pub(super) fn poll_timeout(state: &C2cState) -> Option<Instant> {
    let delayed = state.delayed.first_key_value().map(|((at, _), _)| *at);
    let pings = ping_every(state).into_iter().flat_map(|_| state.links.values());
    delayed.into_iter().chain(pings.filter_map(|link| link.ping_at)).min()
}

/// Time between two pings in JSON, when there are any.
pub(super) fn ping_every(state: &C2cState) -> Option<Duration> {
    let seconds = state.faults.json_ping_secs;
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}
