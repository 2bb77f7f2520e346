//! Who is here, and who is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use chat_proto::codec::Wire;
use chat_proto::im::down::{AcsChange, Info, Pres};
use chat_proto::im::{AccessMode, Down, Prepared};
use chat_proto::json::Str;
use chat_proto::machine::{ConnId, Text};

use super::Im;
use super::names::user_name;
use super::state::Topic;
use crate::effects::{Cx, Undo};
use crate::im::ImUndo;
use crate::record::{Record, SubRow, TopicId, UserRow};

/// What happens when a grace period is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    /// A user whose last session left counts as offline.
    UserLeft(u64),
    /// A group nobody is attached to counts as offline.
    GroupIdle(TopicId),
    /// What a user's client calls itself has changed, and did not change back at once.
    ClientRenamed(u64),
}

/// Alarms by time, each set once at most.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    by_time: BTreeSet<(Instant, Alarm)>,
    at: BTreeMap<Alarm, Instant>,
}

impl Alarms {
    fn set(&mut self, at: Instant, alarm: Alarm) {
        self.clear(alarm);
        self.by_time.insert((at, alarm));
        self.at.insert(alarm, at);
    }

    fn clear(&mut self, alarm: Alarm) {
        if let Some(at) = self.at.remove(&alarm) {
            self.by_time.remove(&(at, alarm));
        }
    }

    /// The next alarm that is due.
    fn pop(&mut self, now: Instant) -> Option<Alarm> {
        let (_, alarm) = *self.by_time.first().filter(|(at, _)| *at <= now)?;
        self.clear(alarm);
        Some(alarm)
    }
}

/// The absolute access of a subscription, as `dacs`.
pub(super) fn absolute(row: &SubRow) -> AcsChange<'static> {
    let want = row.want.to_string().into();
    AcsChange { want, given: row.given.to_string().into(), extra: Vec::new() }
}

/// What changed between two modes, as `dacs`; an unchanged side is left out.
pub(super) fn change(old: &SubRow, new: &SubRow) -> AcsChange<'static> {
    let want = old.want.delta(new.want).into();
    AcsChange { want, given: old.given.delta(new.given).into(), extra: Vec::new() }
}

/// No access at all, as `dacs`.
pub(super) fn cleared() -> AcsChange<'static> {
    AcsChange { want: "N".into(), given: "N".into(), extra: Vec::new() }
}

/// A notice under construction.
pub(super) fn pres(what: &'static str) -> Pres<'static> {
    Pres { what: what.into(), ..Pres::default() }
}

impl Im {
    /// Sends a notice to the sessions on a topic whose user passes `to`.
    pub(super) fn pres_on(
        &self,
        cx: &mut Cx<'_>,
        topic: TopicId,
        notice: &Pres<'static>,
        skip: Option<ConnId>,
        to: impl Fn(u64, AccessMode) -> bool,
    ) {
        let Some(it) = self.topic(topic) else { return };
        let sessions: Vec<_> = self
            .sessions(topic)
            .filter(|(conn, user)| Some(*conn) != skip && to(*user, it.mode(*user)))
            .collect();
        self.spread(cx, topic, sessions, |name| {
            Prepared::pres(Pres { topic: name, ..notice.clone() })
        });
    }

    /// Sends a frame to sessions. It is encoded once; where names of the topic differ, the name is
    /// put in.
    pub(super) fn spread(
        &self,
        cx: &mut Cx<'_>,
        topic: TopicId,
        sessions: impl IntoIterator<Item = (ConnId, u64)>,
        prepare: impl Fn(Str<'static>) -> Prepared,
    ) {
        let mut prepared: Option<Prepared> = None;
        // One in a group, two in a P2P topic.
        let mut views: Vec<(u64, Text)> = Vec::new();
        for (conn, user) in sessions {
            // Everybody in a group calls it the same; the two in a P2P topic do not.
            let view = if topic.is_group() { 0 } else { user };
            if let Some((_, text)) = views.iter().find(|(of, _)| *of == view) {
                cx.fx.send(conn, text.clone());
                continue;
            }
            let name = topic.name_for(user);
            let text = match &prepared {
                Some(frame) => frame.for_topic(&name),
                None => prepared.insert(prepare(name.into())).text(),
            };
            views.push((view, text.clone()));
            cx.fx.send(conn, text);
        }
    }

    /// Sends a notice to the sessions of `user` on `me`, but to those on `unless`.
    pub(super) fn pres_me(
        &self,
        cx: &mut Cx<'_>,
        user: u64,
        notice: &Pres<'static>,
        skip: Option<ConnId>,
        unless: Option<TopicId>,
    ) {
        self.pres_me_all(cx, [user], notice, skip, unless);
    }

    /// The same for many users: the notice is encoded once.
    pub(super) fn pres_me_all(
        &self,
        cx: &mut Cx<'_>,
        users: impl IntoIterator<Item = u64>,
        notice: &Pres<'static>,
        skip: Option<ConnId>,
        unless: Option<TopicId>,
    ) {
        let mut encoded: Option<Text> = None;
        for (conn, _) in self.sessions_on_me(users) {
            if Some(conn) == skip || unless.is_some_and(|topic| self.is_attached(conn, topic)) {
                continue;
            }
            let text = encoded.get_or_insert_with(|| {
                Down::Pres(Pres { topic: "me".into(), ..notice.clone() }).encode()
            });
            cx.fx.send(conn, text.clone());
        }
    }

    fn sessions_on_me(
        &self,
        users: impl IntoIterator<Item = u64>,
    ) -> impl Iterator<Item = (ConnId, u64)> {
        users.into_iter().flat_map(|user| self.sessions(TopicId::Me(user)))
    }

    /// Sends a relayed note to the sessions of `users` on `me`, but to those on `unless` and to
    /// `skip`.
    pub(super) fn info_me(
        &self,
        cx: &mut Cx<'_>,
        users: impl IntoIterator<Item = u64>,
        note: &Info<'static>,
        unless: TopicId,
        skip: ConnId,
    ) {
        let mut encoded: Option<Text> = None;
        for (conn, _) in self.sessions_on_me(users) {
            if conn == skip || self.is_attached(conn, unless) {
                continue;
            }
            let text = encoded.get_or_insert_with(|| {
                Down::Info(Info { topic: "me".into(), ..note.clone() }).encode()
            });
            cx.fx.send(conn, text.clone());
        }
    }

    /// Attaches a session. Presence is told by [`Im::announce`], after the answer.
    pub(super) fn attach(&mut self, cx: &mut Cx<'_>, conn: ConnId, topic: TopicId) {
        self.set_attached(conn, topic, true);
        cx.fx.undo.push(Undo::Im(ImUndo::Attached(conn, topic)));
    }

    /// Tells who must know that `conn`, of `user`, is now attached. (tinode-code)
    pub(super) fn announce(&mut self, cx: &mut Cx<'_>, conn: ConnId, user: u64, topic: TopicId) {
        match topic {
            TopicId::Me(_) => self.announce_user(cx, conn, user),
            TopicId::Group(_) | TopicId::Emc(_) => {
                if self.live.insert(topic) {
                    self.group_notice(cx, topic, "on", Some(conn));
                }
                self.alarms.clear(Alarm::GroupIdle(topic));
                let first = self.sessions(topic).filter(|(_, it)| *it == user).count() == 1;
                if first {
                    let notice = Pres { src: user_name(user).into(), ..pres("on") };
                    self.pres_on(cx, topic, &notice, Some(conn), |_, mode| {
                        mode.has(AccessMode::READ | AccessMode::PRES)
                    });
                }
            }
            TopicId::P2p(..) | TopicId::Slf(_) => {}
        }
    }

    fn announce_user(&mut self, cx: &mut Cx<'_>, conn: ConnId, user: u64) {
        self.alarms.clear(Alarm::UserLeft(user));
        if self.online.insert(user) {
            self.peers_notice(cx, user, "on");
        }
        // The newcomer learns who is here.
        let here: Vec<_> = self
            .topics_of(user)
            .filter(|(id, topic)| topic.mode(user).has(AccessMode::PRES) && self.is_here(*id, user))
            .map(|(id, _)| id.name_for(user))
            .collect();
        for name in here {
            let notice = Pres { topic: "me".into(), src: name.into(), ..pres("on") };
            cx.fx.send(conn, Down::Pres(notice).encode());
        }
    }

    /// Whether `user` sees the topic as online: its peer is, or the group is.
    pub(super) fn is_here(&self, topic: TopicId, user: u64) -> bool {
        match topic.peer_of(user) {
            Some(peer) => self.online.contains(&peer) && self.p2p_lives(topic),
            None => self.live.contains(&topic),
        }
    }

    /// Whether both ends of a P2P topic are still subscribed.
    fn p2p_lives(&self, topic: TopicId) -> bool {
        self.topic(topic).is_some_and(|it| it.subs().count() == 2)
    }

    /// Tells the peers of all P2P topics of `user`.
    fn peers_notice(&self, cx: &mut Cx<'_>, user: u64, what: &'static str) {
        let peers: Vec<_> = self
            .topics_of(user)
            .filter_map(|(id, topic)| {
                let peer = id.peer_of(user)?;
                topic.mode(peer).has(AccessMode::PRES).then_some(peer)
            })
            .collect();
        let ua = self.ua_of(user).to_owned().into();
        let notice = Pres { src: user_name(user).into(), ua, ..pres(what) };
        self.pres_me_all(cx, peers, &notice, None, None);
    }

    /// Tells the members of a group on `me`, but for the session `skip`.
    pub(super) fn group_notice(
        &self,
        cx: &mut Cx<'_>,
        topic: TopicId,
        what: &'static str,
        skip: Option<ConnId>,
    ) {
        let Some(it) = self.topic(topic) else { return };
        let notice = Pres { src: topic.name_for(0).into(), ..pres(what) };
        let told = it.subs().filter(|(_, member)| member.sub.mode().has(AccessMode::PRES));
        self.pres_me_all(cx, told.map(|(user, _)| user), &notice, skip, None);
    }

    /// Detaches a session and tells who must know, but for the session `skip`.
    pub(super) fn detach(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        topic: TopicId,
        skip: Option<ConnId>,
    ) {
        let user = self.peers.get(&conn).and_then(|peer| peer.user);
        let (Some(user), true) = (user, self.is_attached(conn, topic)) else { return };
        self.detach_quietly(cx, conn, topic);
        let at = cx.now.mono + cx.config.offline_after;
        match topic {
            TopicId::Me(_) if !self.user_attached(user, topic) => {
                self.alarms.set(at, Alarm::UserLeft(user));
            }
            TopicId::Group(_) | TopicId::Emc(_) => {
                if self.sessions(topic).next().is_none() {
                    self.alarms.set(at, Alarm::GroupIdle(topic));
                } else if !self.user_attached(user, topic) {
                    let notice = Pres { src: user_name(user).into(), ..pres("off") };
                    self.pres_on(cx, topic, &notice, skip, |_, mode| {
                        mode.has(AccessMode::READ | AccessMode::PRES)
                    });
                }
            }
            TopicId::Me(_) | TopicId::P2p(..) | TopicId::Slf(_) => {}
        }
    }

    /// Detaches a session and tells nobody.
    pub(super) fn detach_quietly(&mut self, cx: &mut Cx<'_>, conn: ConnId, topic: TopicId) {
        self.set_attached(conn, topic, false);
        cx.fx.undo.push(Undo::Im(ImUndo::Detached(conn, topic)));
    }

    /// Presence again as the attachments say, after they were taken back.
    pub(super) fn recount(&mut self, topic: TopicId) {
        let attached = self.sessions(topic).next().is_some();
        match topic {
            TopicId::Me(user) if attached => {
                self.alarms.clear(Alarm::UserLeft(user));
                self.online.insert(user);
            }
            TopicId::Group(_) | TopicId::Emc(_) if attached => {
                self.alarms.clear(Alarm::GroupIdle(topic));
                self.live.insert(topic);
            }
            TopicId::Me(user) => {
                self.online.remove(&user);
            }
            TopicId::Group(_) | TopicId::Emc(_) => {
                self.live.remove(&topic);
            }
            TopicId::P2p(..) | TopicId::Slf(_) => {}
        }
    }

    /// Lets grace periods end.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        while let Some(alarm) = self.alarms.pop(cx.now.mono) {
            match alarm {
                Alarm::UserLeft(user) => {
                    if self.user_attached(user, TopicId::Me(user)) || !self.online.remove(&user) {
                        continue;
                    }
                    self.peers_notice(cx, user, "off");
                    if let Some(row) = self.users.get(&user) {
                        let row = Some(UserRow { seen: cx.stamp, ..row.clone() });
                        self.put(cx, Record::User { user, row });
                    }
                }
                Alarm::ClientRenamed(user) => {
                    if self.online.contains(&user) {
                        self.peers_notice(cx, user, "ua");
                    }
                }
                Alarm::GroupIdle(topic) => {
                    if self.sessions(topic).next().is_none() && self.live.remove(&topic) {
                        self.group_notice(cx, topic, "off", None);
                    }
                }
            }
        }
    }

    /// A session's client calls itself something else: peers hear of it in a while. (tinode-code)
    pub(super) fn client_renamed(&mut self, cx: &Cx<'_>, conn: ConnId) {
        let Some(user) = self.peers.get(&conn).and_then(|peer| peer.user) else { return };
        if self.is_attached(conn, TopicId::Me(user)) {
            self.alarms.set(cx.now.mono + cx.config.rename_after, Alarm::ClientRenamed(user));
        }
    }

    /// When the next grace period ends.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.alarms.by_time.first().map(|(at, _)| *at)
    }

    /// Tells of an access change: sharers on the topic and, where `afar`, those who are not on it;
    /// never the target. `actor` did it, `skip` is their session. (tinode-code)
    pub(super) fn tell_sharers(
        &self,
        cx: &mut Cx<'_>,
        topic: TopicId,
        (actor, target): (u64, u64),
        dacs: &AcsChange<'static>,
        afar: bool,
        skip: ConnId,
    ) {
        let notice =
            Pres { src: user_name(target).into(), dacs: Some(dacs.clone()), ..pres("acs") };
        let may = |user: u64, mode: AccessMode| user != target && mode.is_sharer();
        // Who did it is left out for themself and where it is the source anyway.
        let by_actor = Pres {
            act: if actor == target { Str::default() } else { user_name(actor).into() },
            ..notice.clone()
        };
        self.pres_on(cx, topic, &by_actor, Some(skip), |user, mode| {
            user != actor && may(user, mode)
        });
        self.pres_on(cx, topic, &notice, Some(skip), |user, mode| user == actor && may(user, mode));
        let Some(it) = self.topic(topic).filter(|_| afar) else { return };
        let notice = Pres { tgt: user_name(target).into(), src: Str::default(), ..notice };
        self.tell_absent(cx, (topic, it), actor, &notice, Some(skip), may);
    }

    /// Tells the target of an access change: sessions on the topic without a source, the others on
    /// `me`. (tinode-code)
    pub(super) fn tell_target(
        &self,
        cx: &mut Cx<'_>,
        topic: TopicId,
        (actor, target): (u64, u64),
        dacs: &AcsChange<'static>,
        skip: Option<ConnId>,
    ) {
        let act: Str<'static> =
            if actor == target { Str::default() } else { user_name(actor).into() };
        let here = Pres { act: act.clone(), dacs: Some(dacs.clone()), ..pres("acs") };
        self.pres_on(cx, topic, &here, skip, |user, _| user == target);
        let there = Pres { src: topic.name_for(target).into(), ..here };
        self.pres_me(cx, target, &there, skip, Some(topic));
    }

    /// Tells a user whose access changed to or from presence what a topic looks like from now on.
    /// (tinode-code)
    pub(super) fn tell_muted(
        &self,
        cx: &mut Cx<'_>,
        topic: TopicId,
        user: u64,
        (old, new): (AccessMode, AccessMode),
    ) {
        let (had, has) = (old.has(AccessMode::PRES), new.has(AccessMode::PRES));
        if had == has || !self.is_here(topic, user) {
            return;
        }
        let what = if has { "on" } else { "off" };
        let notice = Pres { src: topic.name_for(user).into(), ..pres(what) };
        self.pres_me(cx, user, &notice, None, None);
    }

    /// Sessions on `me` that are not on the topic, of members who pass `to`, get a notice about it;
    /// `act` is left out for the actor and where the topic is the actor.
    pub(super) fn tell_absent(
        &self,
        cx: &mut Cx<'_>,
        (topic, it): (TopicId, &Topic),
        actor: u64,
        notice: &Pres<'static>,
        skip: Option<ConnId>,
        to: impl Fn(u64, AccessMode) -> bool,
    ) {
        // In a group there are two views: the actor's and everybody else's.
        let mut encoded: BTreeMap<(bool, u64), Text> = BTreeMap::new();
        for (user, member) in it.subs() {
            let here = self.sessions(TopicId::Me(user));
            let mut here = here
                .filter(|(conn, _)| Some(*conn) != skip && !self.is_attached(*conn, topic))
                .peekable();
            if here.peek().is_none() || !to(user, member.sub.mode()) {
                continue;
            }
            // Of a message the author is always named to others: a client takes one without for
            // its own. (tinode-js)
            let silent = actor == 0
                || actor == user
                || notice.what != "msg" && topic.peer_of(user) == Some(actor);
            let view = if topic.is_group() { 0 } else { user };
            let text = encoded.entry((silent, view)).or_insert_with(|| {
                let act = if silent { Str::default() } else { user_name(actor).into() };
                let src = topic.name_for(user).into();
                let topic = "me".into();
                Down::Pres(Pres { topic, src, act, ..notice.clone() }).encode()
            });
            for (conn, _) in here {
                cx.fx.send(conn, text.clone());
            }
        }
    }
}
