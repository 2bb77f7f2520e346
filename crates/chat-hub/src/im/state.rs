//! Topics with all that is in them, and how records change them.

use std::collections::{BTreeMap, VecDeque};

use chat_proto::im::AccessMode;
use chat_proto::machine::ConnId;

use super::{Im, ImUndo};
use crate::effects::{Cx, Undo};
use crate::record::{
    DeletionRow, Head, Marks, MessageRow, PubRow, Record, SharedText, SubRow, TopicId, TopicRow,
};

/// A topic with all that is in it.
#[derive(Debug, Default)]
pub(crate) struct Topic {
    pub(super) row: TopicRow,
    pub(super) head: Head,
    pub(super) members: BTreeMap<u64, Member>,
    pub(super) messages: BTreeMap<u64, MessageRow>,
    /// What `messages` take, as [`MessageRow::size`] counts.
    pub(super) bytes: usize,
    pub(super) deletions: BTreeMap<u64, DeletionRow>,
    pub(super) recent: Recent,
}

/// A subscription with its marks.
#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    pub(super) sub: SubRow,
    pub(super) marks: Marks,
}

/// Ids of the latest `{pub}`s, so that a repeated one gets its first answer.
#[derive(Debug, Default)]
pub(super) struct Recent {
    by_id: BTreeMap<(u64, String), u64>,
    order: VecDeque<(u64, String)>,
    /// Those of messages that are gone, by the number that the message had.
    gone: BTreeMap<u64, PubRow>,
}

impl Recent {
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn seq_of(&self, user: u64, id: &str) -> Option<u64> {
        self.by_id.get(&(user, id.to_owned())).copied()
    }

    pub(super) fn insert(&mut self, user: u64, id: &SharedText, seq: u64) {
        if id.is_empty() {
            return;
        }
        let key = (user, id.as_str().to_owned());
        if self.by_id.insert(key.clone(), seq).is_none() {
            self.order.push_back(key);
        }
    }

    /// Forgets the id, unless a later message has it.
    fn remove(&mut self, user: u64, id: &SharedText, seq: u64) {
        let key = (user, id.as_str().to_owned());
        if self.by_id.get(&key) == Some(&seq) {
            self.by_id.remove(&key);
            self.order.retain(|it| *it != key);
        }
    }

    /// Remembers the `{pub}` of a message that is gone, or forgets it. What was known of it.
    fn keep(&mut self, seq: u64, row: Option<PubRow>) -> Option<PubRow> {
        let old = self.gone.remove(&seq);
        if let Some(old) = &old {
            self.remove(old.from, &old.reqid, seq);
        }
        if let Some(row) = row {
            self.insert(row.from, &row.reqid, seq);
            self.gone.insert(seq, row);
        }
        old
    }

    fn trim(&mut self, limit: usize) {
        while self.order.len() > limit {
            if let Some(seq) = self.order.pop_front().and_then(|key| self.by_id.remove(&key)) {
                self.gone.remove(&seq);
            }
        }
    }
}

impl MessageRow {
    /// What a message takes in memory, about.
    pub(super) fn size(&self) -> usize {
        const ROW: usize = 128;
        let head = self.head.as_ref().map_or(0, |head| head.as_str().len());
        ROW + head + self.content.as_str().len() + self.reqid.as_str().len()
    }
}

impl DeletionRow {
    /// Whether `user` is among those it deletes for.
    pub(super) fn is_for(&self, user: u64) -> bool {
        self.user.is_none_or(|of| of == user)
    }
}

impl SubRow {
    /// What the subscriber may do: what is wanted and given. Nothing once it has ended.
    pub(super) fn mode(&self) -> AccessMode {
        if self.deleted.is_some() { AccessMode::NONE } else { self.want & self.given }
    }
}

impl Topic {
    /// The subscription of `user`, while it lives.
    pub(super) fn sub(&self, user: u64) -> Option<&SubRow> {
        self.members.get(&user).map(|it| &it.sub).filter(|it| it.deleted.is_none())
    }

    /// What `user` may do here; nothing for a stranger.
    pub(super) fn mode(&self, user: u64) -> AccessMode {
        self.members.get(&user).map_or(AccessMode::NONE, |it| it.sub.mode())
    }

    /// Subscriptions that live.
    pub(super) fn subs(&self) -> impl Iterator<Item = (u64, &Member)> {
        self.members.iter().filter(|(_, it)| it.sub.deleted.is_none()).map(|(user, it)| (*user, it))
    }
}

/// Assigns a row and gives back how to undo it. Records about a topic that does not exist make it,
/// so that rows may come in any order.
pub(super) fn apply(im: &mut Im, record: Record) -> Undo {
    let undo = match record {
        Record::User { user, row } => {
            let old = match row {
                Some(row) => im.users.insert(user, row),
                None => im.users.remove(&user),
            };
            Record::User { user, row: old }
        }
        Record::Topic { topic: id, row: Some(row) } => {
            let fresh = !im.topics.contains_key(&id);
            let topic = im.topics.entry(id).or_default();
            let old = std::mem::replace(&mut topic.row, row);
            Record::Topic { topic: id, row: (!fresh).then_some(old) }
        }
        Record::Topic { topic: id, row: None } => {
            let Some(topic) = im.topics.remove(&id) else {
                return Undo::Record(Record::Topic { topic: id, row: None });
            };
            for user in topic.members.keys() {
                im.of_user.remove(&(*user, id));
            }
            im.history_bytes -= topic.bytes;
            return Undo::Im(ImUndo::Dropped(id, Box::new(topic)));
        }
        Record::Head { topic: id, row } => {
            let old = std::mem::replace(&mut im.topics.entry(id).or_default().head, row);
            Record::Head { topic: id, row: old }
        }
        Record::Sub { topic: id, user, row: Some(row) } => {
            im.of_user.insert((user, id));
            let members = &mut im.topics.entry(id).or_default().members;
            let fresh = !members.contains_key(&user);
            let old = std::mem::replace(&mut members.entry(user).or_default().sub, row);
            Record::Sub { topic: id, user, row: (!fresh).then_some(old) }
        }
        Record::Sub { topic: id, user, row: None } => {
            im.of_user.remove(&(user, id));
            let old = im.topics.get_mut(&id).and_then(|topic| topic.members.remove(&user));
            Record::Sub { topic: id, user, row: old.map(|it| it.sub) }
        }
        Record::Ended { topic, user, row } => {
            let old = match row {
                Some(at) => im.ended.insert((user, topic), at),
                None => im.ended.remove(&(user, topic)),
            };
            Record::Ended { topic, user, row: old }
        }
        Record::Marks { topic: id, user, row } => {
            im.of_user.insert((user, id));
            let member = im.topics.entry(id).or_default().members.entry(user).or_default();
            Record::Marks { topic: id, user, row: std::mem::replace(&mut member.marks, row) }
        }
        Record::Message { topic: id, seq, row } => {
            let topic = im.topics.entry(id).or_default();
            if let Some(row) = &row {
                topic.recent.insert(row.from, &row.reqid, seq);
                topic.recent.trim(im.remembered);
            }
            let forget = row.is_none();
            let came = row.as_ref().map_or(0, MessageRow::size);
            let old = match row {
                Some(row) => topic.messages.insert(seq, row),
                None => topic.messages.remove(&seq),
            };
            let went = old.as_ref().map_or(0, MessageRow::size);
            topic.bytes = topic.bytes + came - went;
            im.history_bytes = im.history_bytes + came - went;
            if let (true, Some(old)) = (forget, &old) {
                topic.recent.remove(old.from, &old.reqid, seq);
            }
            Record::Message { topic: id, seq, row: old }
        }
        Record::Pub { topic: id, seq, row } => {
            let recent = &mut im.topics.entry(id).or_default().recent;
            let old = recent.keep(seq, row);
            recent.trim(im.remembered);
            Record::Pub { topic: id, seq, row: old }
        }
        Record::Deletion { topic: id, clear, row } => {
            let deletions = &mut im.topics.entry(id).or_default().deletions;
            let old = match row {
                Some(row) => deletions.insert(clear, row),
                None => deletions.remove(&clear),
            };
            Record::Deletion { topic: id, clear, row: old }
        }
        Record::File { key, row } => {
            let row = im.files.assign(&key, row);
            Record::File { key, row }
        }
        // The hub gives these to their own services.
        other @ (Record::Token { .. } | Record::C2c(_)) => other,
    };
    Undo::Record(undo)
}

impl Im {
    /// Appends the records that would bring a fresh service to this state.
    pub(crate) fn snapshot(&self, records: &mut Vec<Record>) {
        for (user, row) in &self.users {
            if self.initial.get(user) != Some(row) {
                records.push(Record::User { user: *user, row: Some(row.clone()) });
            }
        }
        for (id, it) in &self.topics {
            let topic = *id;
            records.push(Record::Topic { topic, row: Some(it.row.clone()) });
            records.push(Record::Head { topic, row: it.head });
            for (user, member) in &it.members {
                let user = *user;
                records.push(Record::Sub { topic, user, row: Some(member.sub.clone()) });
                if member.marks != Marks::default() {
                    records.push(Record::Marks { topic, user, row: member.marks });
                }
            }
            records.extend(it.messages.iter().map(|(seq, row)| Record::Message {
                topic,
                seq: *seq,
                row: Some(row.clone()),
            }));
            records.extend(it.recent.gone.iter().map(|(seq, row)| Record::Pub {
                topic,
                seq: *seq,
                row: Some(row.clone()),
            }));
            records.extend(it.deletions.iter().map(|(clear, row)| Record::Deletion {
                topic,
                clear: *clear,
                row: Some(row.clone()),
            }));
        }
        records.extend(self.ended.iter().map(|((user, topic), at)| Record::Ended {
            topic: *topic,
            user: *user,
            row: Some(*at),
        }));
        records.extend(self.files.rows());
    }

    /// The topic, if it exists.
    pub(super) fn topic(&self, id: TopicId) -> Option<&Topic> {
        self.topics.get(&id)
    }

    /// Whether this session is attached.
    pub(super) fn is_attached(&self, conn: ConnId, topic: TopicId) -> bool {
        self.attached.get(&topic).is_some_and(|it| it.contains_key(&conn))
    }

    /// Whether any session of `user` is attached.
    pub(super) fn user_attached(&self, user: u64, topic: TopicId) -> bool {
        self.attached.get(&topic).is_some_and(|it| it.values().any(|it| *it == user))
    }

    /// Sessions attached to a topic, with their users.
    pub(super) fn sessions(&self, topic: TopicId) -> impl Iterator<Item = (ConnId, u64)> + '_ {
        self.attached.get(&topic).into_iter().flatten().map(|(conn, user)| (*conn, *user))
    }

    /// Attaches or detaches a session, without telling anybody.
    pub(super) fn set_attached(&mut self, conn: ConnId, topic: TopicId, on: bool) {
        let Some(peer) = self.peers.get_mut(&conn) else { return };
        match peer.user {
            Some(user) if on => {
                peer.topics.insert(topic);
                self.attached.entry(topic).or_default().insert(conn, user);
            }
            _ => {
                peer.topics.remove(&topic);
                if let Some(sessions) = self.attached.get_mut(&topic) {
                    sessions.remove(&conn);
                    if sessions.is_empty() {
                        self.attached.remove(&topic);
                    }
                }
            }
        }
    }

    /// Replaces the subscription of `user`.
    pub(super) fn put_sub(&mut self, cx: &mut Cx<'_>, topic: TopicId, user: u64, row: SubRow) {
        self.put(cx, Record::Sub { topic, user, row: Some(row) });
    }

    /// Ends the subscription of `user`; what it gives is remembered.
    pub(super) fn end_sub(&mut self, cx: &mut Cx<'_>, topic: TopicId, user: u64) {
        let Some(row) = self.topic(topic).and_then(|it| it.sub(user)) else { return };
        let row = SubRow { deleted: Some(cx.stamp), updated: cx.stamp, ..row.clone() };
        self.put_sub(cx, topic, user, row);
    }

    /// How many topics `user` is subscribed to.
    pub(super) fn topic_count(&self, user: u64) -> usize {
        self.topics_of(user).count()
    }

    /// Topics that `user` has a row in, ended subscriptions included.
    pub(super) fn rows_of(&self, user: u64) -> impl Iterator<Item = (TopicId, &Topic)> {
        self.of_user
            .range((user, TopicId::P2p(0, 0))..=(user, TopicId::Slf(u64::MAX)))
            .filter_map(|(_, id)| Some((*id, self.topics.get(id)?)))
    }

    /// Topics of `user` that are gone with everything in them, and when the subscription ended.
    pub(super) fn gone_of(&self, user: u64) -> impl Iterator<Item = (TopicId, i64)> + '_ {
        self.ended
            .range((user, TopicId::P2p(0, 0))..=(user, TopicId::Slf(u64::MAX)))
            .filter(|(key, _)| !self.of_user.contains(key))
            .map(|((_, id), at)| (*id, *at))
    }

    /// Topics that `user` is subscribed to.
    pub(super) fn topics_of(&self, user: u64) -> impl Iterator<Item = (TopicId, &Topic)> {
        self.rows_of(user).filter(move |(_, topic)| topic.sub(user).is_some())
    }
}
