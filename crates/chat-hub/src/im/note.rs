//! `note`: receipts and typing. No reply, and what makes no sense is dropped.

use chat_proto::im::down::{Info, Pres};
use chat_proto::im::up::Note;
use chat_proto::im::{AccessMode as M, Prepared};
use chat_proto::json::Raw;

use super::Im;
use super::names::{Named, resolve, user_name};
use super::presence::pres;
use super::reply::{Ask, Done, Status};
use crate::effects::Cx;
use crate::record::{Marks, Record, TopicId};

impl Im {
    pub(super) fn note(&mut self, cx: &mut Cx<'_>, ask: &Ask, note: &Note<'_>) -> Done {
        let Ok(Named::Topic(id)) = resolve(ask.user, &ask.topic) else { return Ok(()) };
        if id.is_me() {
            return Ok(());
        }
        let what: &'static str = match &*note.what.decode() {
            "recv" => "recv",
            "read" => "read",
            "kp" => "kp",
            "kpa" => "kpa",
            "kpv" => "kpv",
            "data" => "data",
            "call" => "call",
            _ => return Ok(()),
        };
        let attached = self.is_attached(ask.conn, id);
        // The one case that is answered, with the topic and without an id. (tinode-code)
        if !attached && what != "recv" && what != "call" {
            return Err(Status::ATTACH_FIRST.into());
        }
        if self.sessions(id).next().is_none() {
            return Ok(());
        }
        match what {
            "recv" | "read" => self.receipt(cx, ask, id, what, note.seq),
            "call" => self.call(cx, ask, id, note, attached),
            _ => self.typing(cx, ask, id, what, note),
        }
        Ok(())
    }

    fn receipt(&mut self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId, what: &'static str, seq: u64) {
        let Some(topic) = self.topic(id) else { return };
        let Some(member) = topic.members.get(&ask.user) else { return };
        let marks = member.marks;
        let known = if what == "read" { marks.read } else { marks.recv };
        if seq <= known || seq > topic.head.seq || !member.sub.mode().has(M::READ) {
            return;
        }
        let row = match what {
            "read" => Marks { read: seq, recv: marks.recv.max(seq) },
            _ => Marks { recv: seq, ..marks },
        };
        self.put(cx, Record::Marks { topic: id, user: ask.user, row });
        let note =
            Info { from: user_name(ask.user).into(), what: what.into(), seq, ..Info::default() };
        self.relay(cx, ask, id, &note, |_| true);
        let Some(topic) = self.topic(id) else { return };
        let others = topic
            .subs()
            .filter(|(user, member)| *user != ask.user && member.sub.mode().has(M::READ | M::PRES));
        let others: Vec<_> = others.map(|(user, _)| user).collect();
        if let Some(other) = others.first() {
            // A group has one name, and in a P2P topic there is one other.
            let note = Info { src: id.name_for(*other).into(), ..note };
            self.info_me(cx, others, &note, id, ask.conn);
        }
        let own = Pres { src: id.name_for(ask.user).into(), seq, ..pres(what) };
        self.pres_me(cx, ask.user, &own, Some(ask.conn), Some(id));
    }

    fn typing(&self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId, what: &'static str, it: &Note<'_>) {
        let Some(topic) = self.topic(id) else { return };
        let data = what == "data";
        if it.seq != 0 && !data
            || data && it.payload.is_none()
            || !topic.mode(ask.user).has(M::WRITE)
        {
            return;
        }
        let note = Info {
            from: user_name(ask.user).into(),
            what: what.into(),
            payload: it.payload.as_ref().filter(|_| data).map(Raw::detach),
            ..Info::default()
        };
        // A typist's own devices need not know. (tinode-code)
        self.relay(cx, ask, id, &note, |user| what != "kp" || user != ask.user);
    }

    /// Signals of a call are passed on as they are: what they mean is the clients' to agree on. Who
    /// is called may ring, accept and hang up before attaching. (tinode-code)
    fn call(&self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId, it: &Note<'_>, attached: bool) {
        let Some(topic) = self.topic(id).filter(|_| id.peer_of(ask.user).is_some()) else { return };
        let event = it.event.decode();
        let may = attached || matches!(&*event, "ringing" | "accept" | "hang-up");
        let about = it.seq > 0 && it.seq <= topic.head.seq;
        if event.is_empty() || !may || !about || !topic.mode(ask.user).has(M::READ) {
            return;
        }
        let note = Info {
            from: user_name(ask.user).into(),
            what: "call".into(),
            seq: it.seq,
            event: event.into_owned().into(),
            payload: it.payload.as_ref().map(Raw::detach),
            ..Info::default()
        };
        self.relay(cx, ask, id, &note, |_| true);
        for (user, member) in topic.subs() {
            if member.sub.mode().has(M::READ | M::PRES) {
                let note = Info { src: id.name_for(user).into(), ..note.clone() };
                self.info_me(cx, [user], &note, id, ask.conn);
            }
        }
    }

    /// To the sessions on the topic that may read, but the sender's.
    fn relay(
        &self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        id: TopicId,
        note: &Info<'static>,
        to: impl Fn(u64) -> bool,
    ) {
        let Some(topic) = self.topic(id) else { return };
        let sessions = self.sessions(id).filter(|(conn, user)| {
            *conn != ask.conn && to(*user) && topic.mode(*user).has(M::READ)
        });
        self.spread(cx, id, sessions, |name| Prepared::info(Info { topic: name, ..note.clone() }));
    }
}
