//! `get`: descriptions, lists, and the order of what is asked together.

use std::borrow::Cow;

use chat_proto::codec::Wire;
use chat_proto::im::down::{Acs, Desc, Meta, Seen, Subscription};
use chat_proto::im::up::{Defacs, Get, GetOpts};
use chat_proto::im::{AccessMode as M, Down, Flavor, Stamp};
use chat_proto::json::Raw;

use super::Im;
use super::access;
use super::names::{Named, parse_user, resolve, user_name};
use super::reply::{Ask, Done, Status, acs};
use super::state::{Member, Topic};
use crate::effects::Cx;
use crate::record::{SharedText, TopicId};

/// The sections of a query, in the order they are answered. (tinode-code)
const SECTIONS: [&str; 7] = ["desc", "sub", "data", "del", "tags", "cred", "aux"];

/// A query, from `get` or from `sub`.
pub(super) struct Query<'a> {
    pub(super) what: Cow<'a, str>,
    pub(super) desc: Option<&'a GetOpts<'a>>,
    pub(super) sub: Option<&'a GetOpts<'a>>,
    pub(super) data: Option<&'a GetOpts<'a>>,
    pub(super) del: Option<&'a GetOpts<'a>>,
}

impl Query<'_> {
    fn sections(&self) -> Vec<&'static str> {
        sections(&self.what)
    }
}

/// The sections that are asked for, in the order they are answered.
pub(super) fn sections(what: &str) -> Vec<&'static str> {
    let asked: Vec<_> = what.splitn(8, ' ').collect();
    SECTIONS.into_iter().filter(|section| asked.contains(section)).collect()
}

impl Im {
    pub(super) fn get(&mut self, cx: &mut Cx<'_>, ask: &Ask, get: &Get<'_>) -> Done {
        let Named::Topic(topic) = resolve(ask.user, &ask.topic)? else {
            return Err(Status::TOPIC_NOT_FOUND.into());
        };
        let query = Query {
            what: get.what.decode(),
            desc: get.desc.as_ref(),
            sub: get.sub.as_ref(),
            data: get.data.as_ref(),
            del: get.del.as_ref(),
        };
        let sections = query.sections();
        if sections.is_empty() {
            return Err(Status::MALFORMED.into());
        }
        if self.is_attached(ask.conn, topic) {
            self.answer_query(cx, ask, topic, &query);
            return Ok(());
        }
        match (sections.contains(&"desc"), sections.contains(&"sub")) {
            (true, false) if sections.len() == 1 => self.short_desc(cx, ask, topic, &query),
            (true, _) | (_, true) => self.own_sub(cx, ask, topic, &query),
            (false, false) => Err(Status::DENIED.into()),
        }
    }

    /// Answers each section in order; a section that is refused does not stop the next.
    pub(super) fn answer_query(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        topic: TopicId,
        query: &Query<'_>,
    ) {
        let none = GetOpts::default();
        for section in query.sections() {
            let result = match section {
                "desc" => self.desc(cx, ask, topic, query.desc.unwrap_or(&none)),
                "sub" => self.subs(cx, ask, topic, query.sub.unwrap_or(&none)),
                "data" => self.history(cx, ask, topic, query.data.unwrap_or(&none)),
                "del" => self.deletions(cx, ask, topic, query.del.unwrap_or(&none)),
                "cred" if matches!(topic, TopicId::Me(_)) => {
                    self.nothing(cx, ask, "creds");
                    Ok(())
                }
                "cred" => Err(Status::NOT_ALLOWED.into()),
                "tags" => self.get_tags(cx, ask, topic),
                _ => self.get_aux(cx, ask, topic),
            };
            if let Err(fail) = result {
                self.ctrl(cx, ask, fail.0, fail.1);
            }
        }
    }

    pub(super) fn meta(&self, cx: &mut Cx<'_>, ask: &Ask, meta: Meta<'_>) {
        let frame = Down::Meta(Box::new(Meta {
            id: ask.id.as_str().into(),
            topic: ask.topic.as_str().into(),
            ts: Stamp::from_unix_micros(cx.stamp, ask.flavor),
            ..meta
        }));
        let text = frame.encode();
        cx.fx.answer(ask.conn, text);
    }

    fn desc(&self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId, opts: &GetOpts<'_>) -> Done {
        if !opts.user.is_empty() || opts.limit.is_some_and(|limit| limit != 0) {
            return Err(Status::MALFORMED.into());
        }
        let ims = since(opts)?;
        let desc = match id {
            TopicId::Me(user) => self.desc_of_me(ask, user, ims),
            TopicId::P2p(..) | TopicId::Group(_) | TopicId::Emc(_) | TopicId::Slf(_) => {
                let topic = self.topic(id).ok_or(Status::TOPIC_NOT_FOUND)?;
                let member = topic.members.get(&ask.user).ok_or(Status::NOT_FOUND)?;
                self.desc_of_topic(ask, id, topic, member, ims)
            }
        };
        self.meta(cx, ask, Meta { desc: Some(Box::new(desc)), ..Meta::default() });
        Ok(())
    }

    fn desc_of_me(&self, ask: &Ask, user: u64, ims: Option<i64>) -> Desc<'_> {
        let Some(row) = self.users.get(&user) else { return Desc::default() };
        let news = ims.is_none_or(|ims| row.updated > ims);
        Desc {
            created: created(ask, row.created, ims),
            updated: Stamp::from_unix_micros(row.updated, ask.flavor),
            defacs: Some(defacs(row.auth, row.anon)),
            acs: Some(on_me()),
            public: news.then(|| stored(row.public.as_ref())).flatten(),
            private: news.then(|| stored(row.private.as_ref())).flatten(),
            ..Desc::default()
        }
    }

    fn desc_of_topic<'a>(
        &'a self,
        ask: &Ask,
        id: TopicId,
        topic: &'a Topic,
        member: &'a Member,
        ims: Option<i64>,
    ) -> Desc<'a> {
        let mode = member.sub.mode();
        let (public, public_at) = self.public_of(id, topic, ask.user);
        let reads = mode.has(M::READ);
        let flavor = ask.flavor;
        // The published sample moves with messages. (seed)
        let updated = match flavor {
            Flavor::PortSip => topic.row.updated.max(topic.head.touched),
            Flavor::Tinode => topic.row.updated,
        };
        let of_readers = |number: u64| if reads { number } else { 0 };
        Desc {
            created: created(ask, topic.row.created, ims),
            updated: Stamp::from_unix_micros(updated, flavor),
            touched: Stamp::from_unix_micros(topic.head.touched, flavor),
            online: mode.has(M::PRES) && self.is_here(id, ask.user),
            seen: self.seen(id, ask.user, flavor),
            defacs: (id.is_group() && mode.is_sharer())
                .then(|| defacs(topic.row.auth, topic.row.anon)),
            acs: Some(acs(&member.sub)),
            seq: of_readers(topic.head.seq),
            read: of_readers(member.marks.read),
            recv: of_readers(member.marks.recv.max(member.marks.read)),
            clear: of_readers(topic.last_clear(ask.user)),
            subcnt: if id.is_group() { topic.subs().count() as u64 } else { 0 },
            public: ims.is_none_or(|ims| public_at > ims).then(|| stored(public)).flatten(),
            private: ims
                .is_none_or(|ims| member.sub.updated > ims)
                .then(|| stored(member.sub.private.as_ref()))
                .flatten(),
            ..Desc::default()
        }
    }

    /// What everybody sees of a topic, and since when: of a P2P topic it is the peer's.
    fn public_of<'a>(
        &'a self,
        id: TopicId,
        topic: &'a Topic,
        viewer: u64,
    ) -> (Option<&'a SharedText>, i64) {
        match id.peer_of(viewer) {
            Some(peer) => self
                .users
                .get(&peer)
                .map_or((None, topic.row.created), |row| (row.public.as_ref(), row.updated)),
            None => (topic.row.public.as_ref(), topic.row.updated),
        }
    }

    /// When the peer of a P2P topic was last here, while away.
    fn seen(&self, id: TopicId, viewer: u64, flavor: Flavor) -> Option<Seen<'static>> {
        let peer = id.peer_of(viewer).filter(|peer| !self.online.contains(peer))?;
        let at = self.users.get(&peer).map(|row| row.seen).filter(|at| *at > 0)?;
        Some(Seen { when: Stamp::from_unix_micros(at, flavor), ..Seen::default() })
    }

    /// What one may know without being attached. (tinode-code)
    fn short_desc(&self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId, query: &Query<'_>) -> Done {
        let none = GetOpts::default();
        let opts = query.desc.unwrap_or(&none);
        if id.is_me() {
            return self.desc(cx, ask, id, opts);
        }
        if !opts.user.is_empty() || opts.limit.is_some_and(|limit| limit != 0) {
            return Err(Status::MALFORMED.into());
        }
        let peer = id.peer_of(ask.user);
        if peer.is_some_and(|peer| !cx.accounts.visible(ask.user, peer)) {
            return Err(Status::USER_NOT_FOUND.into());
        }
        let stranger = Topic::default();
        let topic = match self.topic(id) {
            Some(topic) if self.is_visible(cx, ask.user, topic) => topic,
            None if peer.is_some() => &stranger,
            _ => return Err(Status::TOPIC_NOT_FOUND.into()),
        };
        let (public, _) = self.public_of(id, topic, ask.user);
        let sub = topic.sub(ask.user);
        let stamp = |at: i64| {
            if at > 0 { Stamp::from_unix_micros(at, ask.flavor) } else { Stamp::default() }
        };
        let desc = Desc {
            created: stamp(topic.row.created),
            updated: stamp(topic.row.updated),
            acs: sub.map(acs),
            subcnt: if id.is_group() { topic.subs().count() as u64 } else { 0 },
            public: stored(public),
            private: sub.and_then(|row| stored(row.private.as_ref())),
            ..Desc::default()
        };
        self.meta(cx, ask, Meta { desc: Some(Box::new(desc)), ..Meta::default() });
        Ok(())
    }

    /// Whether a topic exists for `user`: somebody of the same tenant is in it.
    pub(super) fn is_visible(&self, cx: &Cx<'_>, user: u64, topic: &Topic) -> bool {
        topic.members.keys().any(|member| cx.accounts.visible(user, *member))
    }

    /// One's own row, which is all one gets without being attached. (tinode-code)
    fn own_sub(&self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId, query: &Query<'_>) -> Done {
        let other = query.sub.map(|opts| opts.user.decode()).filter(|user| !user.is_empty());
        if other.is_some_and(|user| parse_user(&user) != Some(ask.user)) {
            return Err(Status::DENIED.into());
        }
        let topic = self.topic(id).ok_or(Status::NOT_FOUND)?;
        let member = topic.members.get(&ask.user).filter(|it| it.sub.deleted.is_none());
        let row = self.user_row(ask, id, topic, ask.user, member.ok_or(Status::NOT_FOUND)?, None);
        self.meta(cx, ask, Meta { sub: Some(vec![row]), ..Meta::default() });
        Ok(())
    }

    fn subs(&self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId, opts: &GetOpts<'_>) -> Done {
        if opts.since.is_some() || opts.before.is_some() {
            return Err(Status::MALFORMED.into());
        }
        let ims = since(opts)?;
        let limit = match usize::try_from(opts.limit.unwrap_or_default()) {
            Ok(limit) if limit > 0 => limit.min(cx.config.max_rows),
            _ => cx.config.max_rows,
        };
        let rows: Vec<_> = match id {
            TopicId::Me(user) => self.topic_rows(ask, user, opts, ims, limit),
            TopicId::P2p(..) | TopicId::Group(_) | TopicId::Emc(_) | TopicId::Slf(_) => {
                let topic = self.topic(id).ok_or(Status::TOPIC_NOT_FOUND)?;
                let only = parse_user(&opts.user.decode());
                topic
                    .members
                    .iter()
                    .filter(|(user, _)| opts.user.is_empty() || only == Some(**user))
                    .filter(|(_, member)| is_listed(member, ims))
                    .take(limit)
                    .map(|(user, member)| self.user_row(ask, id, topic, *user, member, ims))
                    .collect()
            }
        };
        if rows.is_empty() {
            self.nothing(cx, ask, "sub");
        } else {
            self.meta(cx, ask, Meta { sub: Some(rows), ..Meta::default() });
        }
        Ok(())
    }

    /// The row of a member, as `ask.user` sees it.
    fn user_row<'a>(
        &'a self,
        ask: &Ask,
        id: TopicId,
        topic: &'a Topic,
        user: u64,
        member: &'a Member,
        ims: Option<i64>,
    ) -> Subscription<'a> {
        let flavor = ask.flavor;
        let row = Subscription {
            updated: Stamp::from_unix_micros(member.sub.updated, flavor),
            user: user_name(user).into(),
            ..Subscription::default()
        };
        if let Some(at) = member.sub.deleted {
            return Subscription { deleted: Stamp::from_unix_micros(at, flavor), ..row };
        }
        let viewer = topic.mode(ask.user);
        let (own, mode) = (user == ask.user, member.sub.mode());
        let open = own || viewer.is_sharer() || mode.is_admin() || !id.is_group();
        let profile = self.users.get(&user);
        let news = profile.is_some_and(|row| ims.is_none_or(|ims| row.updated > ims));
        Subscription {
            online: id.is_group() && viewer.has(M::PRES) && self.user_attached(user, id),
            acs: Some(if open { acs(&member.sub) } else { Acs::default() }),
            read: member.marks.read,
            recv: member.marks.recv,
            public: profile.filter(|_| news && !own).and_then(|it| stored(it.public.as_ref())),
            private: own.then(|| stored(member.sub.private.as_ref())).flatten(),
            ..row
        }
    }

    /// The topics of a user, the most recently used first.
    fn topic_rows(
        &self,
        ask: &Ask,
        user: u64,
        opts: &GetOpts<'_>,
        ims: Option<i64>,
        limit: usize,
    ) -> Vec<Subscription<'_>> {
        let only = opts.topic.decode();
        let mut found: Vec<_> = self
            .rows_of(user)
            .filter(|(id, _)| only.is_empty() || id.name_for(user) == only)
            .filter_map(|(id, topic)| Some((id, topic, topic.members.get(&user)?)))
            .filter(|(_, topic, member)| {
                // A message is a change of the row as well.
                let touched =
                    ims.is_some_and(|ims| topic.head.touched.max(topic.row.updated) > ims);
                is_listed(member, ims) || touched && member.sub.deleted.is_none()
            })
            .collect();
        found.sort_by_key(|(id, topic, _)| (std::cmp::Reverse(topic.head.touched), *id));
        let flavor = ask.flavor;
        let gone = self
            .gone_of(user)
            .filter(|(id, at)| {
                ims.is_some_and(|ims| *at > ims) && (only.is_empty() || id.name_for(user) == only)
            })
            .map(|(id, at)| Subscription {
                updated: Stamp::from_unix_micros(at, flavor),
                deleted: Stamp::from_unix_micros(at, flavor),
                topic: id.name_for(user).into(),
                ..Subscription::default()
            });
        let rows = found.into_iter().map(|(id, topic, member)| {
            let row = Subscription {
                updated: Stamp::from_unix_micros(member.sub.updated, flavor),
                topic: id.name_for(user).into(),
                ..Subscription::default()
            };
            if let Some(at) = member.sub.deleted {
                return Subscription { deleted: Stamp::from_unix_micros(at, flavor), ..row };
            }
            let mode = member.sub.mode();
            let reads = mode.has(M::READ);
            let of_readers = |number: u64| if reads { number } else { 0 };
            let (public, public_at) = self.public_of(id, topic, user);
            Subscription {
                online: mode.has(M::PRES) && self.is_here(id, user),
                acs: Some(acs(&member.sub)),
                read: of_readers(member.marks.read),
                recv: of_readers(member.marks.recv),
                public: ims.is_none_or(|ims| public_at > ims).then(|| stored(public)).flatten(),
                private: stored(member.sub.private.as_ref()),
                touched: Stamp::from_unix_micros(topic.head.touched, flavor),
                seq: of_readers(topic.head.seq),
                clear: of_readers(topic.last_clear(user)),
                subcnt: if id.is_group() { topic.subs().count() as u64 } else { 0 },
                seen: self.seen(id, user, flavor),
                ..row
            }
        });
        // What is gone comes first: nothing else tells it.
        gone.chain(rows).take(limit).collect()
    }
}

/// Whether a list shows the row: it lives and changed after `ims`, or it ended after `ims`.
fn is_listed(member: &Member, ims: Option<i64>) -> bool {
    match (member.sub.deleted, ims) {
        (None, None) => true,
        (None, Some(ims)) => member.sub.updated > ims,
        (Some(_), None) => false,
        (Some(at), Some(ims)) => at > ims,
    }
}

/// `ims` as microseconds since 1970.
fn since(opts: &GetOpts<'_>) -> Result<Option<i64>, Status> {
    if opts.ims.is_empty() {
        return Ok(None);
    }
    let stamp = Stamp::from(opts.ims.reborrow());
    stamp.unix_micros().map(Some).ok_or(Status::MALFORMED)
}

/// PortSIP always says when a topic was created; Tinode leaves it out with `ims`. (seed)
fn created(ask: &Ask, at: i64, ims: Option<i64>) -> Stamp<'static> {
    if ims.is_some() && ask.flavor == Flavor::Tinode {
        return Stamp::default();
    }
    Stamp::from_unix_micros(at, ask.flavor)
}

/// The access of everybody to their own `me` and `fnd`.
pub(super) fn on_me() -> Acs<'static> {
    let mode = access::on_me().to_string();
    Acs {
        want: mode.clone().into(),
        given: mode.clone().into(),
        mode: mode.into(),
        ..Acs::default()
    }
}

fn defacs(auth: M, anon: M) -> Defacs<'static> {
    let auth = auth.to_string().into();
    Defacs { auth, anon: anon.to_string().into(), extra: Vec::new() }
}

pub(super) fn stored(text: Option<&SharedText>) -> Option<Raw<'_>> {
    text.and_then(|text| Raw::new(text.as_str()).ok())
}
