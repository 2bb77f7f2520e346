//! `sub`s that clients write, and their answers: who may become a member by itself.

use chat_proto::Message;

use crate::World;
use crate::observe::{Chat, Observation};

impl World {
    /// A client writes a message: a `sub`?
    pub(super) fn see_sub(&mut self, n: usize, message: &Message) {
        let Message::Text(text) = message else { return };
        let Some(rest) = text.as_str().strip_prefix(r#"{"sub":{"id":""#) else { return };
        let Some((id, rest)) = rest.split_once(r#"","topic":""#) else { return };
        let Some((topic, _)) = rest.split_once('"') else { return };
        let client = &mut self.clients[n];
        if let Some(chat) = Chat::of_topic(&client.user, topic) {
            client.last_sub += 1;
            let number = client.last_sub;
            client.subs.push((id.to_owned(), number));
            self.observe(Observation::Attaching { client: n, chat, number });
        }
    }

    /// A message comes to a client: the answer to a `sub`?
    pub(super) fn see_answer(&mut self, n: usize, message: &Message) {
        let client = &mut self.clients[n];
        if client.subs.is_empty() {
            return;
        }
        let Message::Text(text) = message else { return };
        let Some(rest) = text.as_str().strip_prefix(r#"{"ctrl":{"id":""#) else { return };
        let answered = client.subs.iter().position(|(id, _)| rest.starts_with(id.as_str()));
        if let Some(at) = answered {
            let (_, number) = client.subs.swap_remove(at);
            self.observe(Observation::Attached { client: n, number });
        }
    }
}
