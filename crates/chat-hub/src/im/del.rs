//! `del`: messages, members, topics.

use chat_proto::im::AccessMode as M;
use chat_proto::im::down::Pres;
use chat_proto::im::up::{Del, SeqRange};

use super::Im;
use super::names::{Named, parse_user, resolve, user_name};
use super::presence::{cleared, pres};
use super::ranges::{bounds, normalized, seq_range, without};
use super::reply::{Ask, Done, Status, params};
use crate::effects::Cx;
use crate::record::{DeletionRow, Head, PubRow, Record, TopicId};

/// The most messages one call may name in several ranges. (tinode-code)
const MAX_DELETED: u64 = 1024;

impl Im {
    pub(super) fn delete(&mut self, cx: &mut Cx<'_>, ask: &Ask, del: &Del<'_>) -> Done {
        let what = del.what.decode();
        if what == "user" {
            // Accounts belong to the PBX.
            return Err(Status::DENIED.into());
        }
        let Named::Topic(topic) = resolve(ask.user, &ask.topic)? else {
            return Err(Status::TOPIC_NOT_FOUND.into());
        };
        let attached = self.is_attached(ask.conn, topic);
        match &*what {
            "" | "msg" | "sub" if !attached => Err(Status::ATTACH_FIRST.into()),
            "" | "msg" => self.delete_messages(cx, ask, topic, del),
            "sub" => self.delete_member(cx, ask, topic, del),
            "topic" => self.delete_topic(cx, ask, topic),
            "cred" => Err(super::tags::no_credentials(topic, attached).into()),
            _ => Err(Status::MALFORMED.into()),
        }
    }

    fn delete_messages(&mut self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId, del: &Del<'_>) -> Done {
        let topic = self.topic(id).ok_or(Status::DENIED)?;
        let mode = topic.mode(ask.user);
        if !mode.has(M::READ) {
            return Err(Status::DENIED.into());
        }
        let ranges = wanted(del.delseq.as_deref().unwrap_or_default(), topic.head.seq)?;
        // Who may not delete for all deletes for themself. (tinode-code)
        let hard = del.hard && mode.has(M::DELETE);
        let clear = topic.head.clear + 1;
        let head = Head { clear, ..topic.head };
        let mut gone = Vec::new();
        if hard {
            for (low, end) in &ranges {
                gone.extend(topic.messages.range(*low..*end).map(|(seq, _)| *seq));
            }
        }
        self.put(cx, Record::Head { topic: id, row: head });
        let owner = (!hard).then_some(ask.user);
        self.supersede(cx, id, owner, &ranges);
        let row = DeletionRow { user: owner, ranges: ranges.clone() };
        self.put(cx, Record::Deletion { topic: id, clear, row: Some(row) });
        self.fold(cx, id, owner);
        for seq in gone {
            self.erase(cx, id, seq);
        }
        self.ctrl(cx, ask, Status::OK, Some(params(&serde_json::json!({ "del": clear }))));
        self.tell_deleted(cx, ask, id, hard, clear, ranges);
        Ok(())
    }

    /// Removes a message. Its `{pub}` is remembered, or sending it again would store it anew.
    pub(super) fn erase(&mut self, cx: &mut Cx<'_>, topic: TopicId, seq: u64) {
        let Some(it) = self.topics.get(&topic) else { return };
        let Some(old) = it.messages.get(&seq) else { return };
        let (from, reqid) = (old.from, old.reqid.clone());
        let known = it.recent.seq_of(from, reqid.as_str()) == Some(seq);
        self.put(cx, Record::Message { topic, seq, row: None });
        if known {
            self.put(cx, Record::Pub { topic, seq, row: Some(PubRow { from, reqid }) });
        }
    }

    /// Takes out of earlier deletions what a new one says again: who asks for what came after an
    /// earlier number gets the new one as well.
    fn supersede(
        &mut self,
        cx: &mut Cx<'_>,
        topic: TopicId,
        owner: Option<u64>,
        ranges: &[(u64, u64)],
    ) {
        let Some(it) = self.topic(topic) else { return };
        // What is gone for all need not be hidden from anybody.
        let same = |row: &DeletionRow| owner.is_none() || row.user == owner;
        let changed =
            it.deletions.iter().filter(|(_, row)| same(row)).filter_map(|(clear, row)| {
                let left = without(&row.ranges, ranges);
                let row = DeletionRow { user: row.user, ranges: left };
                (it.deletions.get(clear) != Some(&row)).then_some((*clear, row))
            });
        let changed: Vec<_> = changed.collect();
        for (clear, row) in changed {
            let row = (!row.ranges.is_empty()).then_some(row);
            self.put(cx, Record::Deletion { topic, clear, row });
        }
    }

    /// Joins the oldest two deletions of one owner while there are too many. Who knows the first
    /// gets it again with the second, which does no harm.
    fn fold(&mut self, cx: &mut Cx<'_>, topic: TopicId, owner: Option<u64>) {
        let Some(it) = self.topic(topic) else { return };
        let rows = it.deletions.iter().filter(|(_, row)| row.user == owner);
        let mut rows: Vec<_> = rows.map(|(clear, row)| (*clear, row.clone())).collect();
        let most = cx.config.max_deletions.max(1);
        let Some(last) = rows.len().checked_sub(most).filter(|excess| *excess > 0) else { return };
        // Below the first message there is nothing, so that gaps there can be closed.
        let first = it.messages.keys().next().map_or(it.head.seq + 1, |seq| *seq);
        let folded: Vec<_> = rows.drain(..=last).collect();
        let Some((into, _)) = folded.last() else { return };
        let into = *into;
        let mut ranges = normalized(folded.iter().flat_map(|(_, it)| it.ranges.clone()).collect());
        let low = ranges.first().map_or(0, |(low, _)| *low);
        let below = ranges.partition_point(|(_, end)| *end <= first);
        if below > 1 {
            let end = ranges[below - 1].1;
            ranges.splice(..below, [(low, end)]);
        }
        for (clear, _) in folded.iter().filter(|(clear, _)| *clear != into) {
            self.put(cx, Record::Deletion { topic, clear: *clear, row: None });
        }
        let row = Some(DeletionRow { user: owner, ranges });
        self.put(cx, Record::Deletion { topic, clear: into, row });
    }

    fn tell_deleted(
        &self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        id: TopicId,
        hard: bool,
        clear: u64,
        ranges: Vec<(u64, u64)>,
    ) {
        let user = ask.user;
        let delseq = Some(ranges.into_iter().map(seq_range).collect());
        let here = Pres { clear, delseq, ..pres("del") };
        // On `me` the ranges are left out: a client fetches them. (tinode-code)
        let there = Pres { clear, ..pres("del") };
        if hard {
            let here = Pres { src: user_name(user).into(), ..here };
            let may = |mode: M| mode.has(M::READ | M::PRES);
            self.pres_on(cx, id, &here, Some(ask.conn), |_, mode| may(mode));
            if let Some(topic) = self.topic(id) {
                self.tell_absent(cx, (id, topic), user, &there, Some(ask.conn), |_, mode| {
                    may(mode)
                });
            }
        } else {
            self.pres_on(cx, id, &here, Some(ask.conn), |it, _| it == user);
            let there = Pres { src: id.name_for(user).into(), ..there };
            self.pres_me(cx, user, &there, Some(ask.conn), Some(id));
        }
    }

    fn delete_member(&mut self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId, del: &Del<'_>) -> Done {
        let target = parse_user(&del.user.decode()).ok_or(Status::MALFORMED)?;
        let topic = self.topic(id).ok_or(Status::DENIED)?;
        if !id.is_group() || target == ask.user || !topic.mode(ask.user).is_admin() {
            return Err(Status::DENIED.into());
        }
        let row = topic.sub(target).ok_or(Status::NO_ACTION)?;
        // Who banned themself stays on the list. (tinode-code)
        if row.mode().has(M::OWNER) || !row.want.has(M::JOIN) {
            return Err(Status::DENIED.into());
        }
        self.ctrl(cx, ask, Status::OK, None);
        self.end_sub(cx, id, target);
        self.tell_sharers(cx, id, (ask.user, target), &cleared(), false, ask.conn);
        // The subscription is gone, so a client must not come back by itself. (tinode-code)
        self.evict(cx, id, target, true, Some(ask.conn));
        let gone = Pres { src: id.name_for(target).into(), ..pres("gone") };
        self.pres_me(cx, target, &gone, None, None);
        Ok(())
    }

    fn delete_topic(&mut self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId) -> Done {
        if id.is_me() {
            return Err(Status::DENIED.into());
        }
        let topic = self.topic(id).ok_or(Status::NO_ACTION)?;
        let row = topic.sub(ask.user).ok_or(Status::NO_ACTION)?;
        // Anybody else only leaves. (tinode-code)
        if !id.is_group() || !row.mode().has(M::OWNER) {
            return self.unsubscribe(cx, ask, id);
        }
        let members: Vec<_> = topic.subs().map(|(user, _)| user).collect();
        self.ctrl(cx, ask, Status::OK, None);
        for user in &members {
            // Sessions without `me` would not learn of it otherwise. (choice)
            for conn in self.sessions_of(id, *user) {
                self.detach_quietly(cx, conn, id);
                if conn != ask.conn {
                    self.tell_evicted(cx, conn, id, *user, true);
                }
            }
        }
        let gone = Pres { src: id.name_for(ask.user).into(), ..pres("gone") };
        self.pres_me_all(cx, members, &gone, None, None);
        self.drop_topic(cx, id);
        Ok(())
    }
}

/// The messages to delete, checked, clipped to `last` and normalised. (tinode-code)
fn wanted(ranges: &[SeqRange], last: u64) -> Result<Vec<(u64, u64)>, Status> {
    let mut all = Vec::new();
    let mut count: u64 = 0;
    for range in ranges {
        let bad = range.low == 0 && range.hi == 0
            || range.low > last
            || range.hi != 0 && range.low > range.hi;
        if bad {
            return Err(Status::MALFORMED);
        }
        let (low, end) = bounds(range);
        let (low, end) = (low.max(1), end.min(last + 1));
        count = count.saturating_add(end.saturating_sub(low));
        all.push((low, end));
    }
    // Numbers begin at 1: a range of 0 alone names nothing.
    if count == 0 || all.len() > 1 && count > MAX_DELETED {
        return Err(Status::MALFORMED);
    }
    Ok(normalized(all))
}
