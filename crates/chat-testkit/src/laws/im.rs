//! Topic chat: what is written, and the order of what is told.

#![expect(clippy::wildcard_enum_match_arm, reason = "some verbs and events are looked for")]

use std::collections::BTreeMap;

use chat_proto::client::{Event, RequestId};
use chat_proto::codec::Wire;
use chat_proto::im::client::{Answer, ImEvent};
use chat_proto::im::up::Verb;
use chat_proto::im::{Down, Im, TopicName, Up};

use super::{Broken, EventOf, Lawful};

/// What is remembered of a session of topic chat.
#[derive(Debug, Default)]
pub struct ImMemory {
    /// Ids of what others can see, and how many links had been lost when it was written.
    visible: BTreeMap<String, u64>,
    links: u64,
    /// The last number told of each topic.
    told: BTreeMap<TopicName, u64>,
    /// Requests after which a topic may start anew.
    leaving: BTreeMap<RequestId, TopicName>,
}

impl ImMemory {
    /// The application asked to leave a topic: once that ended, its numbers may start anew.
    pub fn leaving(&mut self, id: RequestId, topic: TopicName) {
        self.leaving.insert(id, topic);
    }
}

impl Lawful for Im {
    type Memory = ImMemory;

    fn on_written(memory: &mut ImMemory, text: &str, was_ready: bool) -> Result<(), Broken> {
        let up = match Up::decode(text) {
            Ok(up) => up,
            Err(why) => return Err(Broken { law: 9, what: format!("no frame: {why}") }),
        };
        let is_login = matches!(up.verb, Verb::Login(_) | Verb::Hi(_));
        if !was_ready && !is_login {
            let what = format!("{text} before the session was ready");
            return Err(Broken { law: 9, what });
        }
        // What others can see, and whether it may be written again on another link.
        let (id, again) = match &up.verb {
            Verb::Pub(it) => (&it.id, true),
            Verb::Sub(it) if it.topic.decode().starts_with("new") => (&it.id, false),
            Verb::Set(it) => (&it.id, false),
            Verb::Del(it) => (&it.id, false),
            Verb::Leave(it) => (&it.id, false),
            _ => return Ok(()),
        };
        let before = memory.visible.insert(id.decode().into_owned(), memory.links);
        match before {
            Some(link) if !again || link == memory.links => {
                Err(Broken { law: 12, what: format!("{text} again") })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn on_event(memory: &mut ImMemory, event: &EventOf<Self>) -> Result<(), Broken> {
        let broken = |what| Err(Broken { law: 6, what });
        match event {
            Event::Service(ImEvent::Message(data)) => {
                let last = memory.told.entry(TopicName::from(&data.topic())).or_default();
                if data.seq() <= *last {
                    return broken(format!("{} of {:?} after {last}", data.seq(), data.topic()));
                }
                *last = data.seq();
            }
            Event::Service(ImEvent::Gap { topic, from, to }) => {
                let last = memory.told.entry(topic.clone()).or_default();
                if from.get() <= *last || to < from {
                    return broken(format!("gap {from}..={to} of {topic:?} after {last}"));
                }
                *last = to.get();
            }
            Event::Service(ImEvent::Rewound { topic, told, head }) => {
                let last = memory.told.entry(topic.clone()).or_default();
                if head >= told || told.get() < *last {
                    return broken(format!("{topic:?} back from {told} to {head} after {last}"));
                }
                *last = head.get();
            }
            Event::Service(
                ImEvent::TopicGone { topic, .. } | ImEvent::AttachRefused { topic, .. },
            ) => drop(memory.told.remove(topic)),
            Event::Completed { id, result } => {
                if let Some(topic) = memory.leaving.remove(id) {
                    memory.told.remove(&topic);
                }
                let _: &Result<Answer, _> = result;
            }
            _ => {}
        }
        Ok(())
    }

    /// What is refused because the topic is not attached was not done, and may be asked again.
    fn on_received(memory: &mut ImMemory, text: &str) {
        if text.contains("\"code\":409,")
            && let Ok(Down::Ctrl(ctrl)) = Down::decode(text)
        {
            memory.visible.remove(&*ctrl.id.decode());
        }
    }

    fn on_dropped(memory: &mut ImMemory) {
        memory.links += 1;
    }
}
