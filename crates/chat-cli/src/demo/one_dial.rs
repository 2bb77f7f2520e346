//! One dial by hand, to see how the server takes it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use chat_proto::machine::{CloseFrame, LinkFailure, Upgrade};
use chat_proto::{Action, ConnId, Input, Machine, Message, Now, Transmit};

use super::Place;
use super::journal::Tap;
use super::report::Problem;

/// How long the dial may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Dials once and closes at once when that works.
pub(crate) async fn one_dial(
    who: &'static str,
    upgrade: Upgrade,
    place: &Place,
) -> Result<(), Problem> {
    let conn = ConnId::new(1);
    let dial = OneDial {
        actions: VecDeque::from([Action::Dial { conn, request: upgrade }]),
        transmits: VecDeque::new(),
        outcome: None,
        finished: false,
    };
    let tap = Tap::new(who, dial, place.journal.clone());
    let mut connection = place.runtime.connection(tap);
    let outcome = place.runtime.within(PATIENCE, connection.next()).await.ok_or("no outcome")?;
    let outcome = outcome.ok_or("the dial ended without an outcome")?;
    if outcome.is_ok() {
        // Let the close handshake finish, so that the next dial does not meet the rest of this one.
        let ending = async { while connection.next().await.is_some() {} };
        place.runtime.within(PATIENCE, ending).await.ok_or("no end")?;
    }
    Ok(outcome?)
}

#[derive(Debug)]
struct OneDial {
    actions: VecDeque<Action>,
    transmits: VecDeque<Transmit>,
    outcome: Option<Result<(), LinkFailure>>,
    finished: bool,
}

impl Machine for OneDial {
    type Event = Result<(), LinkFailure>;

    fn handle_input(&mut self, input: Input, _: Now) {
        match input {
            Input::Opened { conn } => {
                self.outcome = Some(Ok(()));
                let message = Message::Close(Some(CloseFrame::new(1000, "")));
                self.transmits.push_back(Transmit { conn, message });
            }
            Input::Lost { failure, .. } => {
                // After the close handshake the end is no news.
                if !self.transmits.is_empty() || self.outcome.is_none() && !self.finished {
                    self.outcome = Some(Err(failure));
                }
                self.finished = true;
            }
            Input::Received { conn, message: Message::Close(_) } => {
                self.actions.push_back(Action::Drop { conn });
                self.finished = true;
            }
            Input::Timeout | Input::Received { .. } | Input::Response { .. } => {}
        }
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn poll_event(&mut self) -> Option<Self::Event> {
        self.outcome.take()
    }

    fn next_timer(&self) -> Option<(Instant, &'static str)> {
        None
    }

    fn is_finished(&self) -> bool {
        self.finished && self.outcome.is_none() && self.actions.is_empty()
    }
}
