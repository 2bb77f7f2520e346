//! Order chat: what is written, and that nothing is told twice.

use std::collections::{BTreeMap, BTreeSet};

use chat_proto::c2c::client::C2cEvent;
use chat_proto::c2c::{C2c, Kind, Up};
use chat_proto::client::Event;
use chat_proto::codec::Wire;

use super::{Broken, EventOf, Lawful};

/// What is remembered of a session of order chat.
#[derive(Debug, Default)]
pub struct C2cMemory {
    /// Uuids that were written, and how often.
    written: BTreeMap<String, u32>,
    /// Where messages that were told belong, and their ids.
    told: BTreeSet<(String, String)>,
}

/// A message is written once, and once more when history proved it lost.
const MOST_WRITES: u32 = 2;

impl Lawful for C2c {
    type Memory = C2cMemory;

    fn on_written(memory: &mut C2cMemory, text: &str, was_ready: bool) -> Result<(), Broken> {
        let up = match Up::decode(text) {
            Ok(up) => up,
            Err(why) => return Err(Broken { law: 9, what: format!("no frame: {why}") }),
        };
        if !was_ready {
            let what = format!("{text} before the session was ready");
            return Err(Broken { law: 9, what });
        }
        if matches!(up.kind(), Kind::Text | Kind::Image) {
            let times = memory.written.entry(up.uuid.decode().into_owned()).or_default();
            *times += 1;
            if *times > MOST_WRITES {
                return Err(Broken { law: 12, what: format!("{text} for the {times}. time") });
            }
        }
        Ok(())
    }

    fn on_event(memory: &mut C2cMemory, event: &EventOf<Self>) -> Result<(), Broken> {
        let Event::Service(C2cEvent::Push(incoming)) = event else { return Ok(()) };
        let push = &incoming.push;
        let place = push.order().map_or_else(|| push.group_id.to_string(), ToString::to_string);
        let id = push.id.to_string();
        let is_known = push.kind().is_message() && !push.id.is_empty();
        if is_known && !memory.told.insert((place, id.clone())) {
            return Err(Broken { law: 6, what: format!("message {id} was told twice") });
        }
        Ok(())
    }

    fn on_received(_: &mut C2cMemory, _: &str) {}

    fn on_dropped(_: &mut C2cMemory) {}
}
