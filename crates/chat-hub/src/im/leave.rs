//! `leave`: detach, unsubscribe, and how others are made to.

use chat_proto::im::AccessMode as M;
use chat_proto::im::down::Pres;
use chat_proto::im::up::Leave;
use chat_proto::machine::ConnId;

use super::Im;
use super::names::{Named, resolve, user_name};
use super::presence::{cleared, pres};
use super::reply::{Ask, Done, Status, params};
use crate::effects::Cx;
use crate::record::{Record, TopicId};

impl Im {
    pub(super) fn leave(&mut self, cx: &mut Cx<'_>, ask: &Ask, leave: &Leave<'_>) -> Done {
        let Named::Topic(topic) = resolve(ask.user, &ask.topic)? else {
            return Err(Status::TOPIC_NOT_FOUND.into());
        };
        let (attached, unsub) =
            (self.is_attached(ask.conn, topic), leave.unsub.unwrap_or_default());
        match (attached, unsub) {
            (_, true) if topic.is_me() => Err(Status::DENIED.into()),
            (false, true) => Err(Status::ATTACH_FIRST.into()),
            (false, false) => Err(Status::NOT_JOINED.into()),
            (true, false) => {
                self.ctrl(cx, ask, Status::OK, None);
                self.detach(cx, ask.conn, topic, None);
                Ok(())
            }
            (true, true) => self.unsubscribe(cx, ask, topic),
        }
    }

    /// Ends one's own subscription, in all sessions. The answer comes first. (tinode-code)
    pub(super) fn unsubscribe(&mut self, cx: &mut Cx<'_>, ask: &Ask, topic: TopicId) -> Done {
        let Some(row) = self.topic(topic).and_then(|it| it.sub(ask.user)) else {
            return Err(Status::NO_ACTION.into());
        };
        if (row.want & row.given).has(M::OWNER) {
            return Err(Status::DENIED.into());
        }
        let user = ask.user;
        self.ctrl(cx, ask, Status::OK, None);
        self.end_sub(cx, topic, user);
        self.evict(cx, topic, user, true, Some(ask.conn));
        if let Some(peer) = topic.peer_of(user) {
            let notice = Pres { src: user_name(user).into(), ..pres("off") };
            self.pres_me(cx, peer, &notice, None, None);
        }
        self.tell_sharers(cx, topic, (user, user), &cleared(), false, ask.conn);
        let gone = Pres { src: topic.name_for(user).into(), ..pres("gone") };
        self.pres_me(cx, user, &gone, Some(ask.conn), None);
        // Nobody is left to see it.
        if self.topic(topic).is_some_and(|it| it.subs().next().is_none()) {
            self.drop_topic(cx, topic);
        }
        Ok(())
    }

    /// Detaches all sessions of `user` and tells them, but for `but`, that they were.
    pub(super) fn evict(
        &mut self,
        cx: &mut Cx<'_>,
        topic: TopicId,
        user: u64,
        unsub: bool,
        but: Option<ConnId>,
    ) {
        for conn in self.sessions_of(topic, user) {
            self.detach(cx, conn, topic, but);
            if Some(conn) != but {
                self.tell_evicted(cx, conn, topic, user, unsub);
            }
        }
    }

    pub(super) fn sessions_of(&self, topic: TopicId, user: u64) -> Vec<ConnId> {
        self.sessions(topic).filter(|(_, it)| *it == user).map(|(conn, _)| conn).collect()
    }

    /// Tells a session that it was detached: a `ctrl` without an id.
    pub(super) fn tell_evicted(
        &self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        topic: TopicId,
        user: u64,
        unsub: bool,
    ) {
        let ask = Ask::bare(conn, self.flavor(conn), String::new()).about(topic.name_for(user));
        let said = params(&serde_json::json!({ "unsub": unsub }));
        let text = ask.encode(cx.stamp, Status::EVICTED, Some(said));
        cx.fx.send(conn, text);
    }

    /// Removes a topic with all that is in it; nobody is attached to it any more.
    pub(super) fn drop_topic(&mut self, cx: &mut Cx<'_>, topic: TopicId) {
        self.live.remove(&topic);
        // A session that was away would attach it again, and so begin it anew. A group it would not find.
        let anew = !matches!(topic, TopicId::Group(_));
        let members = self.topic(topic).filter(|_| anew).map(|it| &it.members);
        let ended = members.into_iter().flatten().filter_map(|(user, it)| {
            Some(Record::Ended { topic, user: *user, row: Some(it.sub.deleted?) })
        });
        let ended: Vec<_> = ended.collect();
        self.put(cx, Record::Topic { topic, row: None });
        ended.into_iter().for_each(|record| self.put(cx, record));
    }
}
