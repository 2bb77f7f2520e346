//! `emc` and `slf`: topics that are there for those the PBX, or they themselves, say.

use chat_proto::im::AccessMode as M;
use chat_proto::im::down::Pres;

use super::Im;
use super::access;
use super::presence::pres;
use super::reply::{Ask, Done, Status};
use crate::effects::Cx;
use crate::hub::Forward;
use crate::record::{Head, MessageRow, Record, SharedText, TopicId, TopicRow};

impl Im {
    /// Makes the topic where it is not there yet, for those who belong to it. (portsip-docs)
    pub(super) fn open_own(&mut self, cx: &mut Cx<'_>, ask: &Ask, topic: TopicId) -> Done {
        let auth = match topic {
            TopicId::Emc(channel) => match cx.accounts.in_channel(ask.user, channel) {
                Some(true) => access::on_emc(),
                // What is not one's own and what does not exist are the same to see. (choice)
                Some(false) | None => return Err(Status::DENIED.into()),
            },
            TopicId::P2p(..) | TopicId::Group(_) | TopicId::Me(_) | TopicId::Slf(_) => {
                access::on_slf()
            }
        };
        if self.topic(topic).is_none() {
            self.room_for_topic(cx, ask.user)?;
            let (created, updated) = (cx.stamp, cx.stamp);
            let row = TopicRow { auth, anon: M::NONE, created, updated, ..TopicRow::default() };
            self.put(cx, Record::Topic { topic, row: Some(row) });
            let row = Head { touched: cx.stamp, ..Head::default() };
            self.put(cx, Record::Head { topic, row });
        }
        Ok(())
    }

    /// Hands a message to the PBX, which passes it on. (portsip-docs)
    pub(super) fn hand_over(&self, cx: &mut Cx<'_>, topic: TopicId, seq: u64, row: &MessageRow) {
        if let TopicId::Emc(channel) = topic {
            let content = row.content.clone();
            cx.fx.forward(Forward { channel, user: row.from, seq, content });
        }
    }

    /// A message from outside: everybody on the topic gets it, the others hear of it on `me`.
    pub(crate) fn emc_received(
        &mut self,
        cx: &mut Cx<'_>,
        channel: u64,
        content: SharedText,
    ) -> bool {
        let id = TopicId::Emc(channel);
        if self.topic(id).is_none() {
            return false;
        }
        let (head, reqid) = (None, SharedText::default());
        let row = MessageRow { from: 0, at: cx.stamp, head, content, reqid };
        let Ok(seq) = self.store_message(cx, id, row.clone()) else { return false };
        self.deliver_data(cx, id, seq, &row, None);
        let Some(topic) = self.topic(id) else { return true };
        let notice = Pres { seq, ..pres("msg") };
        // 0 is nobody: there is no author to name.
        self.tell_absent(cx, (id, topic), 0, &notice, None, |_, mode| mode.has(M::READ | M::PRES));
        true
    }
}
