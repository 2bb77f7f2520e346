//! `sub`: create, subscribe, attach.

use chat_proto::im::up::{GetQuery, SetQuery, Sub};
use chat_proto::im::{AccessMode as M, Flavor};

use super::Im;
use super::access;
use super::describe::Query;
use super::merge::merge;
use super::names::{Named, resolve, user_name};
use super::presence::{absolute, pres};
use super::reply::{Ask, Done, Fail, Status, acs_json, params_text};
use super::tags::{clean_tags, merged_aux};
use crate::effects::Cx;
use crate::record::{Head, Record, SubRow, TopicId, TopicRow};

use chat_proto::im::down::Pres;

/// What `sub` asks for beyond the topic, checked.
#[derive(Debug, Default)]
pub(super) struct Wish<'a> {
    /// The mode wanted.
    pub(super) want: Option<M>,
    set: Option<&'a SetQuery<'a>>,
}

/// What subscribing did, for the answer.
enum Outcome {
    /// The subscription is as it was.
    Same,
    /// It is new.
    New,
    /// Its access changed.
    Changed,
}

impl Im {
    pub(super) fn subscribe(&mut self, cx: &mut Cx<'_>, ask: &Ask, sub: &Sub<'_>) -> Done {
        let named = resolve(ask.user, &ask.topic)?;
        let wish = Wish::check(sub.set.as_ref())?;
        let attached = match named {
            Named::New => self.create_group(cx, ask, &wish)?,
            Named::Topic(id) if self.is_attached(ask.conn, id) => {
                return Err(Status::ALREADY_SUBSCRIBED.into());
            }
            Named::Topic(id @ TopicId::Me(_)) => {
                self.attach(cx, ask.conn, id);
                self.ctrl(cx, ask, Status::OK, None);
                id
            }
            Named::Topic(id @ TopicId::P2p(..)) => {
                self.join_p2p(cx, ask, id, &wish)?;
                id
            }
            Named::Topic(id @ TopicId::Group(_)) => {
                self.join_group(cx, ask, id, &wish)?;
                id
            }
            Named::Topic(id @ (TopicId::Emc(_) | TopicId::Slf(_))) => {
                self.open_own(cx, ask, id)?;
                self.join_group(cx, ask, id, &wish)?;
                id
            }
        };
        // What is fetched is under the name the topic has now.
        let ask = ask.about(attached.name_for(ask.user));
        self.fetch(cx, &ask, attached, sub);
        self.announce(cx, ask.conn, ask.user, attached);
        Ok(())
    }

    fn fetch(&mut self, cx: &mut Cx<'_>, ask: &Ask, topic: TopicId, sub: &Sub<'_>) {
        let none = GetQuery::default();
        let get = sub.get.as_ref().unwrap_or(&none);
        // The service's prose writes `what` beside the topic. (portsip-docs)
        let what = if get.what.is_empty() { &sub.what } else { &get.what };
        let query = Query {
            what: what.decode(),
            desc: get.desc.as_ref(),
            sub: get.sub.as_ref(),
            data: get.data.as_ref(),
            del: get.del.as_ref(),
        };
        self.answer_query(cx, ask, topic, &query);
    }

    fn create_group(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        wish: &Wish<'_>,
    ) -> Result<TopicId, Fail> {
        self.room_for_topic(cx, ask.user)?;
        let (mut auth, mut anon) = (access::group_default(), M::NONE);
        let desc = wish.set.and_then(|set| set.desc.as_ref());
        if let Some(defacs) = desc.and_then(|desc| desc.defacs.as_ref()) {
            let read = |text: &str| M::parse_request(text).map_err(|_| Status::MALFORMED);
            // Nobody gets a group by joining it. (tinode-code)
            auth = read(&defacs.auth.decode())?.unwrap_or(auth) - M::OWNER;
            anon = read(&defacs.anon.decode())?.unwrap_or(anon) - M::OWNER;
        }
        let tags = wish.set.and_then(|set| set.tags.as_deref()).unwrap_or_default();
        let tags = clean_tags(cx, tags)?.into_iter().collect();
        let aux = match wish.set.and_then(|set| set.aux.as_ref()) {
            Some(aux) => merged_aux(None, aux)?,
            None => None,
        };
        let topic = loop {
            let id = TopicId::Group(cx.ids.number());
            if self.topic(id).is_none() {
                break id;
            }
        };
        let public = merge(None, desc.and_then(|desc| desc.public.as_ref()));
        let row = TopicRow { public, auth, anon, created: cx.stamp, updated: cx.stamp, tags, aux };
        self.put(cx, Record::Topic { topic, row: Some(row) });
        let head = Head { touched: cx.stamp, ..Head::default() };
        self.put(cx, Record::Head { topic, row: head });
        let want = wish.want.map_or(M::ALL, |want| want | M::JOIN | M::OWNER);
        let row = SubRow {
            want,
            given: M::ALL,
            private: wish.private(),
            created: cx.stamp,
            updated: cx.stamp,
            deleted: None,
        };
        self.put_sub(cx, topic, ask.user, row);
        self.attach(cx, ask.conn, topic);
        let acs = acs_json(want, M::ALL);
        let tmpname = serde_json::Value::from(ask.topic.as_str());
        let params = params_text(format!(r#"{{"acs":{acs},"tmpname":{tmpname}}}"#));
        let ask = ask.about(topic.name_for(ask.user));
        self.ctrl(cx, &ask, Status::OK, Some(params));
        // The owner's other sessions learn of the group.
        let row = self.topic(topic).and_then(|it| it.sub(ask.user)).cloned().unwrap_or_default();
        self.tell_target(cx, topic, (ask.user, ask.user), &absolute(&row), Some(ask.conn));
        Ok(topic)
    }

    fn join_p2p(&mut self, cx: &mut Cx<'_>, ask: &Ask, topic: TopicId, wish: &Wish<'_>) -> Done {
        let user = ask.user;
        let peer = topic.peer_of(user).ok_or(Status::MALFORMED)?;
        if !cx.accounts.visible(user, peer) {
            return Err(Status::USER_NOT_FOUND.into());
        }
        let mine = self.topic(topic).and_then(|it| it.members.get(&user)).map(|it| it.sub.clone());
        let defaults = |user| self.users.get(&user).map_or(M::NONE, |it| it.auth);
        let (ours, theirs) = (defaults(user), defaults(peer));
        let given_to_peer = self.p2p_given(wish, ours)?;
        let outcome = match mine {
            Some(row) if row.deleted.is_none() => {
                let outcome = self.resume(cx, ask, topic, row, wish)?;
                self.ensure_peer(cx, topic, peer, theirs, given_to_peer);
                outcome
            }
            mine => {
                self.room_for_topic(cx, user)?;
                if self.topic(topic).is_none() {
                    let row =
                        TopicRow { created: cx.stamp, updated: cx.stamp, ..TopicRow::default() };
                    self.put(cx, Record::Topic { topic, row: Some(row) });
                    let head = Head { touched: cx.stamp, ..Head::default() };
                    self.put(cx, Record::Head { topic, row: head });
                }
                // What one is given is the other's default as it stands, not cut to what a P2P
                // topic can have; the published sample shows it. (seed, tinode-code)
                let given = mine.as_ref().map_or(theirs, |row| row.given);
                if !given.has(M::JOIN) {
                    return Err(Status::DENIED.into());
                }
                let want = wish.want.unwrap_or(ours);
                let row = SubRow {
                    want: access::in_p2p(want) | M::JOIN,
                    given,
                    private: wish.private(),
                    created: cx.stamp,
                    updated: cx.stamp,
                    deleted: None,
                };
                self.put_sub(cx, topic, user, row);
                self.ensure_peer(cx, topic, peer, theirs, given_to_peer);
                Outcome::New
            }
        };
        self.attach(cx, ask.conn, topic);
        self.answer_joined(cx, ask, topic, &outcome);
        if matches!(outcome, Outcome::New) {
            self.introduce(cx, ask, topic, peer);
        }
        Ok(())
    }

    /// Subscribes the other end of a P2P topic where it is not: a peer who left hears of it again
    /// when the other one comes back, with the access of before. (choice)
    fn ensure_peer(&mut self, cx: &mut Cx<'_>, topic: TopicId, peer: u64, want: M, given: M) {
        let old = self.topic(topic).and_then(|it| it.members.get(&peer)).map(|it| it.sub.clone());
        let row = match old {
            Some(row) if row.deleted.is_none() => return,
            Some(row) => SubRow { updated: cx.stamp, deleted: None, ..row },
            None => SubRow {
                want: access::in_p2p(want),
                given,
                private: None,
                created: cx.stamp,
                updated: cx.stamp,
                deleted: None,
            },
        };
        self.put_sub(cx, topic, peer, row);
    }

    /// What the peer is given in a new P2P topic: the initiator's default, or what `sub` says.
    fn p2p_given(&self, wish: &Wish<'_>, default: M) -> Result<M, Status> {
        let defacs = wish.set.and_then(|set| set.desc.as_ref()?.defacs.as_ref());
        let asked = match defacs {
            Some(defacs) => {
                M::parse_request(&defacs.auth.decode()).map_err(|_| Status::MALFORMED)?
            }
            None => None,
        };
        Ok(access::in_p2p(asked.unwrap_or(default)))
    }

    /// Tells both ends of a new P2P topic. (tinode-code)
    fn introduce(&self, cx: &mut Cx<'_>, ask: &Ask, topic: TopicId, peer: u64) {
        let user = ask.user;
        let row = |user| self.topic(topic).and_then(|it| it.sub(user)).map(absolute);
        if let Some(dacs) = row(peer) {
            let notice = Pres {
                src: user_name(user).into(),
                act: user_name(user).into(),
                dacs: Some(dacs),
                ..pres("acs")
            };
            self.pres_me(cx, peer, &notice, None, None);
        }
        if let Some(dacs) = row(user) {
            let notice = Pres { src: user_name(peer).into(), dacs: Some(dacs), ..pres("acs") };
            self.pres_me(cx, user, &notice, Some(ask.conn), None);
        }
        for (here, there) in [(user, peer), (peer, user)] {
            if self.is_here(topic, there) {
                let notice = Pres { src: user_name(here).into(), ..pres("on") };
                self.pres_me(cx, there, &notice, None, None);
            }
        }
    }

    fn join_group(&mut self, cx: &mut Cx<'_>, ask: &Ask, topic: TopicId, wish: &Wish<'_>) -> Done {
        let user = ask.user;
        let it = self.topic(topic).ok_or(Status::TOPIC_NOT_FOUND)?;
        // Another tenant's groups do not exist.
        if matches!(topic, TopicId::Group(_)) && !self.is_visible(cx, user, it) {
            return Err(Status::TOPIC_NOT_FOUND.into());
        }
        let mine = it.members.get(&user).map(|it| it.sub.clone());
        let (auth, members) = (it.row.auth, it.subs().count());
        let outcome = match mine {
            Some(row) if row.deleted.is_none() => self.resume(cx, ask, topic, row, wish)?,
            mine => {
                // What was given once is given again: leaving does not lift a ban. (tinode-code)
                let given = mine.as_ref().map_or(auth, |row| row.given);
                // An offer of ownership is taken up by asking for it, as a member. What is one's own
                // needs no offer. (tinode-code)
                let own = matches!(topic, TopicId::Slf(_));
                let want = wish.want.unwrap_or(if own { given } else { given - M::OWNER });
                let owns = want.has(M::OWNER) && !own;
                if !given.has(M::JOIN) || !want.has(M::JOIN) || owns {
                    return Err(Status::DENIED.into());
                }
                if members >= cx.config.max_members {
                    return Err(Status::POLICY.into());
                }
                self.room_for_topic(cx, user)?;
                let row = SubRow {
                    want,
                    given,
                    private: wish.private().or_else(|| mine.and_then(|row| row.private)),
                    created: cx.stamp,
                    updated: cx.stamp,
                    deleted: None,
                };
                self.put_sub(cx, topic, user, row);
                Outcome::New
            }
        };
        self.attach(cx, ask.conn, topic);
        self.answer_joined(cx, ask, topic, &outcome);
        if matches!(outcome, Outcome::New) {
            let dacs = self.topic(topic).and_then(|it| it.sub(user)).map(absolute);
            let dacs = dacs.unwrap_or_default();
            self.tell_sharers(cx, topic, (user, user), &dacs, true, ask.conn);
            self.tell_target(cx, topic, (user, user), &dacs, Some(ask.conn));
        }
        Ok(())
    }

    /// Attaches to a topic that one is subscribed to, perhaps with another mode.
    fn resume(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        topic: TopicId,
        row: SubRow,
        wish: &Wish<'_>,
    ) -> Result<Outcome, Fail> {
        if !row.given.has(M::JOIN) {
            return Err(Status::DENIED.into());
        }
        let want = match wish.want {
            Some(want) => want,
            // Who banned themself comes back with what is given. (tinode-code)
            None if !row.want.has(M::JOIN) => {
                let auth = self.topic(topic).map_or(M::NONE, |it| it.row.auth);
                if topic.is_group() { (row.given | auth) - M::OWNER } else { row.given }
            }
            None => return Ok(Outcome::Same),
        };
        if !want.has(M::JOIN) {
            return Err(Status::DENIED.into());
        }
        let changed = self.change_want(cx, ask, topic, want)?;
        Ok(if changed { Outcome::Changed } else { Outcome::Same })
    }

    fn answer_joined(&self, cx: &mut Cx<'_>, ask: &Ask, topic: TopicId, outcome: &Outcome) {
        let Some(it) = self.topic(topic) else { return };
        let acs = it.sub(ask.user).map(|row| acs_json(row.want, row.given));
        let acs = acs.unwrap_or_else(|| "{}".to_owned());
        let joined = topic.is_group() && ask.flavor == Flavor::PortSip;
        let (status, params) = match outcome {
            Outcome::Same => (Status::OK, None),
            // The sample of a join has the number of the last message, other sources have the
            // access: both are here. (seed, tinode-code)
            Outcome::New if joined => {
                let params = format!(r#"{{"acs":{acs},"seq":{}}}"#, it.head.seq);
                (Status::ACCEPTED, Some(params_text(params)))
            }
            Outcome::New | Outcome::Changed => {
                (Status::OK, Some(params_text(format!(r#"{{"acs":{acs}}}"#))))
            }
        };
        self.ctrl(cx, ask, status, params);
    }

    /// Refuses when `user` has too many topics.
    pub(super) fn room_for_topic(&self, cx: &Cx<'_>, user: u64) -> Result<(), Status> {
        if self.topic_count(user) >= cx.config.max_topics { Err(Status::POLICY) } else { Ok(()) }
    }
}

impl<'a> Wish<'a> {
    fn check(set: Option<&'a SetQuery<'a>>) -> Result<Self, Status> {
        let sub = set.and_then(|set| set.sub.as_ref());
        if sub.is_some_and(|sub| !sub.user.is_empty()) {
            return Err(Status::MALFORMED);
        }
        let want = match sub {
            Some(sub) => M::parse_request(&sub.mode.decode()).map_err(|_| Status::MALFORMED)?,
            None => None,
        };
        Ok(Self { want, set })
    }

    fn private(&self) -> Option<crate::record::SharedText> {
        merge(None, self.set.and_then(|set| set.desc.as_ref()?.private.as_ref()))
    }
}
