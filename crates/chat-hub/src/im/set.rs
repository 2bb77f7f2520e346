//! `set`: descriptions and access.

use chat_proto::im::down::Pres;
use chat_proto::im::up::{Set, SetDesc, SetSub};
use chat_proto::im::{AccessMode as M, Flavor};

use super::Im;
use super::access;
use super::merge::merge;
use super::names::{Named, parse_user, resolve, user_name};
use super::presence::{absolute, change, pres};
use super::reply::{Ask, Done, Fail, Status, acs_json, params_text};
use crate::effects::Cx;
use crate::record::{Record, SharedText, SubRow, TopicId, TopicRow, UserRow};

impl Im {
    /// Each part is answered on its own, with the same id.
    pub(super) fn set(&mut self, cx: &mut Cx<'_>, ask: &Ask, set: &Set<'_>) -> Done {
        let Named::Topic(topic) = resolve(ask.user, &ask.topic)? else {
            return Err(Status::TOPIC_NOT_FOUND.into());
        };
        let attached = self.is_attached(ask.conn, topic);
        let mut results: Vec<Done> = Vec::new();
        if let Some(desc) = &set.desc {
            results.push(self.set_desc(cx, ask, topic, desc, attached));
        }
        if let Some(sub) = &set.sub {
            results.push(self.set_sub(cx, ask, topic, sub, attached));
        }
        if let Some(tags) = &set.tags {
            results.push(self.set_tags(cx, ask, topic, tags, attached));
        }
        if set.cred.is_some() {
            results.push(Err(super::tags::no_credentials(topic, attached).into()));
        }
        if let Some(aux) = &set.aux {
            results.push(self.set_aux(cx, ask, topic, aux, attached));
        }
        if results.is_empty() {
            return Err(Status::MALFORMED.into());
        }
        for Fail(status, params) in results.into_iter().filter_map(Result::err) {
            self.ctrl(cx, ask, status, params);
        }
        Ok(())
    }

    fn set_desc(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        id: TopicId,
        desc: &SetDesc<'_>,
        attached: bool,
    ) -> Done {
        let touches =
            |raw: &Option<chat_proto::json::Raw<'_>>| raw.as_ref().is_some_and(|it| !it.is_null());
        if touches(&desc.trusted) {
            return Err(Status::DENIED.into());
        }
        if let TopicId::Me(user) = id {
            if !attached {
                return Err(Status::DENIED.into());
            }
            return self.set_me(cx, ask, user, desc);
        }
        let topic = self.topic(id).ok_or(Status::NOT_FOUND)?;
        let sub = topic.sub(ask.user).ok_or(Status::NOT_FOUND)?.clone();
        let shared = touches(&desc.public) || desc.defacs.is_some();
        // Who is not attached may change what only they see. (tinode-code)
        if shared && (!attached || !id.is_group() || !sub.mode().has(M::OWNER)) {
            return Err(Status::DENIED.into());
        }
        let old = topic.row.clone();
        let mut row =
            TopicRow { public: merge(old.public.as_ref(), desc.public.as_ref()), ..old.clone() };
        if let Some(defacs) = &desc.defacs {
            row.auth = default_mode(&defacs.auth.decode())?.unwrap_or(row.auth);
            row.anon = default_mode(&defacs.anon.decode())?.unwrap_or(row.anon);
        }
        let private = merge(sub.private.as_ref(), desc.private.as_ref());
        bounded(cx, [&row.public, &private])?;
        let (described, kept) = (row != old, private == sub.private);
        if !described && kept {
            return Err(Status::NOT_MODIFIED.into());
        }
        if !kept {
            let row = SubRow { private, updated: cx.stamp, ..sub };
            self.put_sub(cx, id, ask.user, row);
        }
        if described {
            let row = TopicRow { updated: cx.stamp, ..row };
            self.put(cx, Record::Topic { topic: id, row: Some(row) });
        }
        self.ctrl(cx, ask, Status::OK, None);
        let notice = Pres { src: id.name_for(ask.user).into(), ..pres("upd") };
        self.pres_me(cx, ask.user, &notice, Some(ask.conn), None);
        if described {
            let Some(topic) = self.topic(id) else { return Ok(()) };
            let others = topic
                .subs()
                .filter(|(user, member)| *user != ask.user && member.sub.mode().has(M::JOIN));
            self.pres_me_all(cx, others.map(|(user, _)| user), &notice, None, None);
        }
        Ok(())
    }

    fn set_me(&mut self, cx: &mut Cx<'_>, ask: &Ask, user: u64, desc: &SetDesc<'_>) -> Done {
        let old = self.users.get(&user).cloned().unwrap_or_default();
        let mut row = UserRow {
            public: merge(old.public.as_ref(), desc.public.as_ref()),
            private: merge(old.private.as_ref(), desc.private.as_ref()),
            ..old.clone()
        };
        if let Some(defacs) = &desc.defacs {
            // `A` is forced unless nothing is given at all. (tinode-code)
            let mask = |mode: M| {
                if mode == M::NONE { mode } else { (mode & access::user_default()) | M::APPROVE }
            };
            row.auth = default_mode(&defacs.auth.decode())?.map_or(row.auth, mask);
            row.anon = default_mode(&defacs.anon.decode())?.map_or(row.anon, mask);
        }
        bounded(cx, [&row.public, &row.private])?;
        if row == old {
            return Err(Status::NOT_MODIFIED.into());
        }
        row.updated = cx.stamp;
        let public = row.public != old.public;
        self.put(cx, Record::User { user, row: Some(row) });
        self.ctrl(cx, ask, Status::OK, None);
        let own = Pres { src: "me".into(), ..pres("upd") };
        self.pres_me(cx, user, &own, Some(ask.conn), None);
        if public {
            let notice = Pres { src: user_name(user).into(), ..pres("upd") };
            let topics: Vec<_> = self.topics_of(user).map(|(id, _)| id).collect();
            for id in topics {
                match id.peer_of(user) {
                    // On `me`, J is enough. (tinode-code)
                    Some(peer) if self.topic(id).is_some_and(|it| it.mode(peer).has(M::JOIN)) => {
                        self.pres_me(cx, peer, &notice, None, None);
                    }
                    Some(_) => {}
                    None => self.pres_on(cx, id, &notice, Some(ask.conn), |it, mode| {
                        it != user && mode.has(M::PRES)
                    }),
                }
            }
        }
        Ok(())
    }

    fn set_sub(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        topic: TopicId,
        sub: &SetSub<'_>,
        attached: bool,
    ) -> Done {
        let mode = M::parse_request(&sub.mode.decode()).map_err(|_| Status::MALFORMED)?;
        if topic.is_me() {
            return Err(Status::NOT_MODIFIED.into());
        }
        let target = match &*sub.user.decode() {
            "" => ask.user,
            name => parse_user(name).ok_or(Status::MALFORMED)?,
        };
        if target == ask.user {
            return self.set_own(cx, ask, topic, mode, attached);
        }
        if !attached {
            return Err(Status::DENIED.into());
        }
        self.set_given(cx, ask, topic, target, mode)
    }

    fn set_own(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        topic: TopicId,
        mode: Option<M>,
        attached: bool,
    ) -> Done {
        let it = self.topic(topic).ok_or(Status::NOT_FOUND)?;
        let row = it.sub(ask.user).ok_or(Status::NOT_FOUND)?.clone();
        // An empty mode asks for the default; an owner's is to stay as they are. (portsip-docs)
        let default = if row.mode().has(M::OWNER) {
            row.want
        } else if topic.is_group() {
            it.row.auth
        } else {
            access::user_default()
        };
        let mode = mode.unwrap_or(default);
        if !attached && row.want.has(M::OWNER) != mode.has(M::OWNER) {
            return Err(Status::DENIED.into());
        }
        if !self.change_want(cx, ask, topic, mode)? {
            return Err(Status::NOT_MODIFIED.into());
        }
        let row = self.topic(topic).and_then(|it| it.sub(ask.user)).cloned().unwrap_or_default();
        let params = format!(r#"{{"acs":{}}}"#, acs_json(row.want, row.given));
        self.ctrl(cx, ask, Status::OK, Some(params_text(params)));
        // Whoever gives up joining is out, in all sessions. (tinode-code)
        if !row.mode().has(M::JOIN) {
            self.evict(cx, topic, ask.user, false, Some(ask.conn));
        }
        Ok(())
    }

    /// Sets what the caller wants of a topic they are subscribed to; tells others. Gives whether
    /// anything changed.
    pub(super) fn change_want(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        topic: TopicId,
        want: M,
    ) -> Result<bool, Fail> {
        let old = self.topic(topic).and_then(|it| it.sub(ask.user)).cloned();
        let old = old.ok_or(Status::NOT_FOUND)?;
        let mut row = old.clone();
        if topic.is_group() {
            let owner = old.mode().has(M::OWNER);
            if self.is_offered(topic, ask.user, want) {
                self.accept_ownership(cx, ask, topic, want);
                return Ok(true);
            }
            // An owner stays one, and nobody becomes one by asking. (tinode-code)
            if owner != want.has(M::OWNER) || owner && !want.has(M::JOIN) {
                return Err(Status::DENIED.into());
            }
            row.want = want;
            // An administrator may take more, but neither ownership nor deletion. (tinode-code)
            if old.given.has(M::APPROVE) && want.has(M::APPROVE) {
                row.given = row.given | (want - (M::OWNER | M::DELETE));
            }
        } else {
            row.want = access::in_p2p(want);
        }
        if row == old {
            return Ok(false);
        }
        row.updated = cx.stamp;
        let dacs = change(&old, &row);
        let exceeds = (row.want - row.given) != M::NONE;
        let modes = (old.mode(), row.mode());
        self.put_sub(cx, topic, ask.user, row);
        self.tell_sharers(cx, topic, (ask.user, ask.user), &dacs, exceeds, ask.conn);
        self.tell_target(cx, topic, (ask.user, ask.user), &dacs, Some(ask.conn));
        self.tell_muted(cx, topic, ask.user, modes);
        Ok(true)
    }

    /// Sets what another user is given: invites, changes, bans, passes ownership on. Notices come
    /// before the answer. (tinode-code)
    fn set_given(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        id: TopicId,
        target: u64,
        mode: Option<M>,
    ) -> Done {
        let topic = self.topic(id).ok_or(Status::NOT_FOUND)?;
        let caller = topic.mode(ask.user);
        if !caller.is_sharer() || mode.is_some() && !caller.is_admin() {
            return Err(Status::DENIED.into());
        }
        if !cx.accounts.visible(ask.user, target) {
            return Err(Status::USER_NOT_FOUND.into());
        }
        if id.peer_of(ask.user).is_some_and(|peer| peer != target) {
            return Err(Status::DENIED.into());
        }
        let passes = id.is_group() && mode.is_some_and(|mode| mode.has(M::OWNER));
        // Only the owner passes the group on, and nobody changes what the owner has. (tinode-code)
        let offered = topic.sub(target).is_some_and(|row| row.given.has(M::OWNER));
        if (passes || offered) && !caller.has(M::OWNER) || topic.mode(target).has(M::OWNER) {
            return Err(Status::DENIED.into());
        }
        // Who belongs to a channel of the PBX is the PBX's to say.
        if matches!(id, TopicId::Emc(_) | TopicId::Slf(_)) {
            return Err(Status::DENIED.into());
        }
        let known = topic.members.get(&target).map(|it| it.sub.clone());
        let old = known.clone().filter(|row| row.deleted.is_none());
        // In Tinode's flavour it is an offer: what is given, as any other change. (tinode-code)
        if passes && ask.flavor == Flavor::PortSip {
            let old = old.ok_or(Status::USER_NOT_FOUND)?;
            self.transfer(cx, ask, id, target, &old);
            return self.answer_given(cx, ask, id, target);
        }
        let (auth, members) = (topic.row.auth, topic.subs().count());
        match old {
            Some(old) => {
                let Some(mode) = mode else { return Err(Status::NOT_MODIFIED.into()) };
                let given = if id.is_group() { mode } else { access::in_p2p(mode) };
                if given == old.given {
                    return Err(Status::NOT_MODIFIED.into());
                }
                let row = SubRow { given, updated: cx.stamp, ..old.clone() };
                let dacs = change(&old, &row);
                let (banned, modes) = (!row.given.has(M::JOIN), (old.mode(), row.mode()));
                self.put_sub(cx, id, target, row);
                self.tell_sharers(cx, id, (ask.user, target), &dacs, false, ask.conn);
                self.tell_target(cx, id, (ask.user, target), &dacs, Some(ask.conn));
                self.tell_muted(cx, id, target, modes);
                if banned {
                    self.evict(cx, id, target, false, None);
                }
            }
            None => {
                if members >= cx.config.max_members {
                    return Err(Status::POLICY.into());
                }
                self.room_for_topic(cx, target)?;
                let given = mode.unwrap_or(auth | M::JOIN);
                let default = self.users.get(&target).map_or(M::NONE, |it| it.auth);
                let want = known.as_ref().map_or(default & given, |row| row.want);
                if !want.has(M::JOIN) {
                    return Err(Status::DENIED.into());
                }
                let row = SubRow {
                    want,
                    given,
                    private: None,
                    created: cx.stamp,
                    updated: cx.stamp,
                    deleted: None,
                };
                let dacs = absolute(&row);
                self.put_sub(cx, id, target, row);
                self.tell_sharers(cx, id, (ask.user, target), &dacs, false, ask.conn);
                self.tell_target(cx, id, (ask.user, target), &dacs, Some(ask.conn));
            }
        }
        self.answer_given(cx, ask, id, target)
    }

    fn answer_given(&self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId, target: u64) -> Done {
        let row = self.topic(id).and_then(|it| it.sub(target)).ok_or(Status::NOT_FOUND)?;
        let acs = acs_json(row.want, row.given);
        let params = format!(r#"{{"acs":{acs},"user":"{}"}}"#, user_name(target));
        self.ctrl(cx, ask, Status::OK, Some(params_text(params)));
        Ok(())
    }

    /// Passes a group on in one step: the new owner has everything at once, the former one loses
    /// `A`, `D` and `O`. There is never a moment with two owners or none. (seed)
    fn transfer(&mut self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId, target: u64, old: &SubRow) {
        let Some(former) = self.topic(id).and_then(|it| it.sub(ask.user)).cloned() else { return };
        let demoted = SubRow {
            want: access::former_owner(former.want),
            given: access::former_owner(former.given),
            updated: cx.stamp,
            ..former.clone()
        };
        // Offers of Tinode's flavour that nobody has taken up end here.
        self.withdraw_ownership(cx, id, target);
        let raised = SubRow { want: M::ALL, given: M::ALL, updated: cx.stamp, ..old.clone() };
        let (lost, won) = (change(&former, &demoted), change(old, &raised));
        self.put_sub(cx, id, ask.user, demoted);
        self.put_sub(cx, id, target, raised);
        // The former owner's session is told as well, before the answer, as the sample shows.
        self.tell_target(cx, id, (ask.user, ask.user), &lost, None);
        self.tell_sharers(cx, id, (ask.user, ask.user), &lost, false, ask.conn);
        self.tell_target(cx, id, (ask.user, target), &won, Some(ask.conn));
        self.tell_sharers(cx, id, (ask.user, target), &won, false, ask.conn);
    }
}

/// Merging must not let a description grow without end: none is longer than a frame. (choice)
pub(super) fn bounded(cx: &Cx<'_>, texts: [&Option<SharedText>; 2]) -> Result<(), Status> {
    let limit = cx.config.session.limits.max_bytes;
    let fits = texts.into_iter().flatten().all(|text| text.as_str().len() <= limit);
    if fits { Ok(()) } else { Err(Status::POLICY) }
}

/// A default access: letters but `O`; `None` leaves it.
fn default_mode(text: &str) -> Result<Option<M>, Status> {
    match M::parse_request(text) {
        Ok(Some(mode)) if mode.has(M::OWNER) => Err(Status::MALFORMED),
        Ok(mode) => Ok(mode),
        Err(_) => Err(Status::MALFORMED),
    }
}
