//! Messages that go out again, because the answer was lost. A refusal of that copy says nothing about
//! the first one.

use chat_proto::Message;

use crate::World;
use crate::observe::{Chat, Observation};

/// A message that was written, and not answered.
#[derive(Debug)]
pub(in crate::world) struct Pub {
    id: String,
    chat: Chat,
    content: String,
    again: bool,
}

impl World {
    /// A client writes a message: a `pub`?
    pub(super) fn see_pub(&mut self, n: usize, message: &Message) {
        let client = &mut self.clients[n];
        let Message::Text(text) = message else { return };
        let rest = text.as_str().strip_prefix(r#"{"pub":{"id":""#);
        let Some((id, rest)) = rest.and_then(|rest| rest.split_once(r#"","topic":""#)) else {
            return;
        };
        if let Some(known) = client.pubs.iter_mut().find(|it| it.id == id) {
            known.again = true;
            return;
        }
        let Some((topic, rest)) = rest.split_once('"') else { return };
        let content = rest.split_once(r#""content":"#).and_then(|(_, it)| it.strip_suffix("}}"));
        if let (Some(chat), Some(content)) = (Chat::of_topic(&client.user, topic), content) {
            let (id, content) = (id.to_owned(), content.to_owned());
            client.pubs.push(Pub { id, chat, content, again: false });
        }
    }

    /// A message comes to a client: the answer to a `pub`?
    pub(super) fn see_receipt(&mut self, n: usize, message: &Message) {
        let client = &mut self.clients[n];
        let Message::Text(text) = message else { return };
        let Some(rest) = text.as_str().strip_prefix(r#"{"ctrl":{"id":""#) else { return };
        let Some(at) = client.pubs.iter().position(|it| rest.starts_with(&it.id)) else { return };
        let Pub { chat, content, again, .. } = client.pubs.swap_remove(at);
        let refused = rest.split_once(r#""code":"#).is_some_and(|(_, code)| code >= "4");
        if again && refused {
            self.observe(Observation::RefusedAgain { client: n, chat, content });
        }
    }
}
