//! Messages whose answer was lost with the link.
//!
//! After the topic was attached again, everything after the last number known when the message was
//! written is looked at while the gap is filled, or was looked at before the loss. If the message is
//! among it, it was accepted. If everything was seen, each message of this user with the id of its
//! `pub`, and it is not among it, it was lost and is sent again with the same id. Otherwise nobody
//! knows.
//!
//! What was lost may still be on its way, on a link that is dead for us only. So when the second copy
//! is refused, or never written, nobody knows either.

use super::answer::{Answer, Receipt};
use super::ask::AskKind;
use super::mirror::is_me;
use super::state::ImState;
use super::track::Track;
use crate::client::{Cx, RequestId};
use crate::error::RequestError;
use crate::im::down::Data;
use crate::im::{Im, Seq, TopicName, UserId};

impl ImState {
    /// The link was lost before the answer to a message that was written came.
    pub(super) fn doubt(&mut self, id: RequestId, cx: &mut Cx<'_, Im>) {
        let until = cx.later(self.config.resolve_within);
        let Some(ask) = cx.ask_mut(id) else { return };
        if let Some(answer) = ask.so_far() {
            cx.complete(id, Ok(answer));
            return;
        }
        let AskKind::Pub(message) = &mut ask.kind else { return };
        message.doubt = true;
        let until = *message.until.get_or_insert(until);
        let topic = ask.topic.clone();
        let provable = message.floor.is_some() && self.topics.contains_key(&topic);
        if self.config.server_deduplicates {
            ask.start_over();
            self.unsent.push_back(id);
        } else if provable {
            self.doubts.get_or_default(topic).push(id);
        } else {
            cx.complete(id, Err(RequestError::Unknown));
            return;
        }
        cx.postpone(id, until.saturating_duration_since(cx.now().mono));
    }

    /// Everything of a topic was looked at: what was not found was lost.
    pub(super) fn settle(&mut self, topic: &TopicName, cx: &mut Cx<'_, Im>) {
        let Some(track) = self.topics.get(topic).filter(|track| track.is_settled()) else { return };
        let Some(doubts) = self.doubts.remove(topic) else { return };
        for id in doubts.into_iter().rev() {
            let Some(ask) = cx.ask_mut(id) else { continue };
            let AskKind::Pub(message) = &ask.kind else { continue };
            if message.floor.is_some_and(|floor| track.has_seen_all_after(floor)) {
                ask.start_over();
                // Before what was asked for later.
                self.unsent.push_front(id);
                let again = cx.config().request_timeout;
                cx.postpone(id, again);
            } else {
                cx.complete(id, Err(RequestError::Unknown));
            }
        }
        self.flush_waiting(cx);
    }

    /// Nothing can be found out about the messages to a topic any more.
    pub(super) fn give_up_doubts(&mut self, topic: &TopicName, cx: &mut Cx<'_, Im>) {
        for id in self.doubts.remove(topic).unwrap_or_default() {
            cx.complete(id, Err(RequestError::Unknown));
        }
    }

    /// Requests ended: nothing waits for the doubts about them.
    pub(super) fn prune_doubts(&mut self, cx: &Cx<'_, Im>) {
        self.doubts.retain(|_, ids| {
            ids.retain(|id| cx.ask(*id).is_some());
            !ids.is_empty()
        });
    }
}

/// A message of a topic is told: does it answer a `pub`?
pub(super) fn look_at(
    track: &mut Track,
    user: Option<&UserId>,
    data: &Data<'_>,
    cx: &mut Cx<'_, Im>,
) {
    if is_me(user, &data.from.decode()) {
        // The author has read what was written. (tinode-code)
        track.info.see_read(data.seq);
    } else if !data.from.is_empty() {
        return;
    }
    if data.reqid.is_empty() {
        track.blind(data.seq);
        return;
    }
    if let Some(id) = cx.by_key(&*data.reqid.decode())
        && let Some(ask) = cx.ask_mut(id)
        && ask.topic == *data.topic.decode()
        && let AskKind::Pub(message) = &mut ask.kind
    {
        let topic = ask.topic.clone();
        let receipt = Receipt { topic, seq: Seq::new(data.seq), ts: data.ts.detach() };
        if message.doubt {
            cx.complete(id, Ok(Answer::Published(receipt)));
        } else {
            message.seen = Some(Box::new(receipt));
        }
    }
}
