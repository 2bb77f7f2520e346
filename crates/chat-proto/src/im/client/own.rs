//! Requests of the session itself: attaching topics again, and fetching what is missing.

use std::time::Instant;

use super::ask::Wanted;
use super::doubt::look_at;
use super::event::ImEvent;
use super::state::{Alarm, ImState};
use super::track::{Page, Refusal, Step};
use crate::client::{Cx, Phase};
use crate::codec::Wire;
use crate::error::{Lost, Rejection};
use crate::im::down::{Ctrl, Meta};
use crate::im::up::{Get, GetOpts, Up, Verb};
use crate::im::{AccessMode, Im, Seq, TopicKind, TopicName};
use crate::json::Str;

/// Descriptions that are being read again at the same time.
pub(super) const REFRESHING: usize = 8;

/// A request of the session itself.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) kind: OwnKind,
    pub(super) topic: TopicName,
    until: Instant,
    /// How many frames had come when it was written.
    heard: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnKind {
    /// Attach a topic again.
    Attach,
    /// How far does the topic go?
    Head,
    /// Messages that are missing.
    Fill,
    /// Which topics has this user? These sections are due.
    Roster(Wanted),
    /// Which of the topics that are followed has this user no more?
    Ended,
    /// What does the topic look like now?
    Refresh,
}

impl ImState {
    /// Asks how far a topic goes; of `me`, which topics there are.
    pub(super) fn ask_head(&mut self, topic: TopicName, cx: &mut Cx<'_, Im>) {
        match topic.kind() {
            TopicKind::Me if self.config.roster => self.ask_roster(topic, cx),
            TopicKind::Me => self.ask_desc(OwnKind::Refresh, topic, cx),
            TopicKind::Fnd => {}
            TopicKind::Slf
            | TopicKind::Sys
            | TopicKind::P2p
            | TopicKind::Group
            | TopicKind::Channel
            | TopicKind::New
            | TopicKind::NewChannel
            | TopicKind::Emc
            | TopicKind::Other => self.ask_desc(OwnKind::Head, topic, cx),
        }
    }

    fn ask_desc(&mut self, kind: OwnKind, topic: TopicName, cx: &mut Cx<'_, Im>) {
        let get = Get { what: "desc".into(), ..Get::default() };
        self.send_get(kind, topic, get, cx);
    }

    fn ask_roster(&mut self, topic: TopicName, cx: &mut Cx<'_, Im>) {
        // The whole list leaves out what ended, and what it leaves out may be too much for it: a
        // server tells that a topic ended only to who asks for changes. (tinode-code)
        if self.gated
            && self.roster_at.is_none()
            && self.topics.len() > 1
            && let Some(ims) = self.follows_since.clone()
        {
            let sub = Some(GetOpts { ims, ..GetOpts::default() });
            let get = Get { what: "sub".into(), sub, ..Get::default() };
            self.send_get(OwnKind::Ended, topic.clone(), get, cx);
        }
        let sub = self.roster_at.clone().map(|ims| GetOpts { ims, ..GetOpts::default() });
        let get = Get { what: "desc sub".into(), sub, ..Get::default() };
        self.send_get(OwnKind::Roster(Wanted::of("desc sub")), topic, get, cx);
    }

    /// Reads again what a topic looks like, unless the mirror does not hold it.
    pub(super) fn refresh(&mut self, topic: &str, cx: &mut Cx<'_, Im>) {
        let known = self.mirror.view(&self.topics, topic).map(|view| view.name().clone());
        if let Some(topic) = known {
            self.to_refresh.add_key(topic);
            self.refresh_more(cx);
        }
    }

    fn refresh_more(&mut self, cx: &mut Cx<'_, Im>) {
        while cx.phase() == Phase::Ready
            && self.refreshing < REFRESHING
            && let Some((topic, ())) = self.to_refresh.pop_first()
        {
            self.refreshing += 1;
            self.ask_desc(OwnKind::Refresh, topic, cx);
        }
    }

    fn refreshed(&mut self, cx: &mut Cx<'_, Im>) {
        self.refreshing = self.refreshing.saturating_sub(1);
        self.refresh_more(cx);
    }

    /// Hands on what is in order, and fetches what is missing.
    pub(super) fn advance(&mut self, topic: &TopicName, cx: &mut Cx<'_, Im>) {
        let (size, max) = (self.config.fill_page, self.config.max_fill);
        let Some(track) = self.topics.get_mut(topic) else { return };
        let mut steps = Vec::new();
        track.release(&mut steps);
        let page = if has_messages(topic) { track.next_page(size, max, &mut steps) } else { None };
        self.tell(topic, steps, cx);
        if let Some(page) = page {
            self.fetch(topic.clone(), page, cx);
        } else if !self.doubts.is_empty() {
            self.settle(topic, cx);
        }
    }

    fn fetch(&mut self, topic: TopicName, page: Page, cx: &mut Cx<'_, Im>) {
        let data = GetOpts {
            since: Some(page.since),
            before: Some(page.before),
            limit: Some(page.before - page.since),
            ..GetOpts::default()
        };
        let get = Get { data: Some(data), what: "data".into(), ..Get::default() };
        self.send_get(OwnKind::Fill, topic, get, cx);
    }

    fn tell(&mut self, topic: &TopicName, steps: Vec<Step>, cx: &mut Cx<'_, Im>) {
        for step in steps {
            match step {
                Step::Message(data) => {
                    if let Some(track) = self.topics.get_mut(topic) {
                        look_at(track, self.user.as_ref(), &data.frame(), cx);
                    }
                    cx.event(ImEvent::Message(data));
                }
                Step::Gap { from, to } => {
                    let (from, to) = (Seq::new(from), Seq::new(to));
                    cx.event(ImEvent::Gap { topic: topic.clone(), from, to });
                }
            }
        }
    }

    fn send_get(&mut self, kind: OwnKind, topic: TopicName, get: Get<'_>, cx: &mut Cx<'_, Im>) {
        let id = cx.rng().uuid().to_string();
        let get = Get { id: id.clone().into(), topic: topic.to_str(), ..get };
        self.send_own(kind, topic, Verb::Get(Box::new(get)), id, cx);
    }

    pub(super) fn send_own(
        &mut self,
        kind: OwnKind,
        topic: TopicName,
        verb: Verb<'_>,
        id: String,
        cx: &mut Cx<'_, Im>,
    ) {
        let patience = cx.config().request_timeout;
        // Each has its own deadline: later ones must not keep one alive that nobody answers.
        if self.own.is_empty() {
            cx.set_alarm(Alarm::Own, patience);
        }
        self.own.insert(id, Own { kind, topic, until: cx.later(patience), heard: self.heard });
        cx.send_text(Up::new(verb).encode());
    }

    /// A link on which nothing comes is of no use. A server that talks and leaves a request without
    /// an answer has lost it, or does not know how to answer: asked a few times, it has nothing.
    pub(super) fn on_own_alarm(&mut self, cx: &mut Cx<'_, Im>) {
        let now = cx.now().mono;
        let due = |own: &Own| own.until <= now;
        if self.own.values().any(due) && !cx.is_heard() {
            cx.set_alarm(Alarm::Own, cx.config().request_timeout);
            return;
        }
        if self.own.values().any(|own| due(own) && own.heard == self.heard) {
            cx.lose(Lost::Silent(cx.config().request_timeout));
            return;
        }
        let late: Vec<_> =
            self.own.iter().filter(|(_, own)| due(own)).map(|(id, _)| id.clone()).collect();
        for id in late {
            if let Some(own) = self.own.remove(&id) {
                self.unanswered(own, cx);
            }
        }
        if let Some(until) = self.own.values().map(|own| own.until).min() {
            cx.set_alarm(Alarm::Own, until.saturating_duration_since(now));
        }
    }

    fn unanswered(&mut self, Own { kind, topic, .. }: Own, cx: &mut Cx<'_, Im>) {
        match kind {
            OwnKind::Attach => {
                self.in_flight.remove(&topic);
                let why = Rejection::new(504, "the server does not answer");
                self.not_attached(topic, Refusal::Unanswered, why, cx);
            }
            OwnKind::Head => self.no_head(&topic, Refusal::Unanswered, cx),
            OwnKind::Fill => self.no_page(&topic, None, cx),
            OwnKind::Roster(_) => self.open_gate(cx),
            OwnKind::Ended => {}
            OwnKind::Refresh => self.refreshed(cx),
        }
    }

    /// Takes the answer to a request of the session itself; gives it back when it is another's.
    pub(super) fn own_ctrl(
        &mut self,
        ctrl: Ctrl<'static>,
        cx: &mut Cx<'_, Im>,
    ) -> Option<Ctrl<'static>> {
        let id = ctrl.id.decode();
        let Some(own) = self.own.get_mut(&*id) else {
            drop(id);
            return Some(ctrl);
        };
        if let OwnKind::Roster(wanted) = &mut own.kind {
            // An empty section, or the end of it all.
            match super::receive::param::<Str<'_>>(&ctrl, "what") {
                Some(what) if is_fine(&ctrl) => {
                    wanted.got(&what.decode());
                    if what == "sub" {
                        if !ctrl.ts.is_empty() {
                            self.roster_at = Some(ctrl.ts.as_text().detach());
                        }
                        cx.event(ImEvent::Roster { rows: 0 });
                    }
                }
                _ => *wanted = Wanted::default(),
            }
            if !wanted.is_empty() {
                return None;
            }
        }
        let Own { kind, topic, .. } = self.own.remove(&*id)?;
        match kind {
            OwnKind::Attach => self.attached(topic, &ctrl, cx),
            OwnKind::Head => self.no_head(&topic, Refusal::of(ctrl.code, false), cx),
            OwnKind::Fill if is_fine(&ctrl) => self.filled(&topic, cx),
            OwnKind::Fill => self.no_page(&topic, Some(ctrl.code), cx),
            OwnKind::Roster(_) if is_fine(&ctrl) => self.open_gate(cx),
            OwnKind::Roster(_) => self.no_roster(&topic, Refusal::of(ctrl.code, false), cx),
            OwnKind::Ended => {}
            OwnKind::Refresh => self.refreshed(cx),
        }
        None
    }

    /// Takes the answer to a question of the session itself; gives it back when it is another's.
    pub(super) fn own_meta(
        &mut self,
        meta: Box<Meta<'static>>,
        cx: &mut Cx<'_, Im>,
    ) -> Option<Box<Meta<'static>>> {
        let id = meta.id.decode();
        let Some(own) = self.own.get_mut(&*id) else {
            drop(id);
            return Some(meta);
        };
        match &mut own.kind {
            // A description is no answer to these.
            OwnKind::Attach | OwnKind::Fill => {
                drop(id);
                return Some(meta);
            }
            OwnKind::Roster(wanted) => {
                if meta.desc.is_some() {
                    wanted.got("desc");
                }
                if meta.sub.is_some() {
                    wanted.got("sub");
                }
                if wanted.is_empty() {
                    self.own.remove(&*id);
                }
                self.learn_roster(&meta, cx);
            }
            OwnKind::Ended => {
                self.own.remove(&*id);
                self.learn_ended(&meta, cx);
            }
            OwnKind::Head => {
                let topic = self.own.remove(&*id)?.topic;
                self.learn_head(&topic, &meta, cx);
            }
            OwnKind::Refresh => {
                let topic = self.own.remove(&*id)?.topic;
                if let (Some(desc), Some((info, budget))) =
                    (&meta.desc, self.info(topic.as_str(), false))
                {
                    info.learn_desc(desc, budget);
                }
                self.refreshed(cx);
            }
        }
        None
    }

    fn learn_head(&mut self, topic: &TopicName, meta: &Meta<'_>, cx: &mut Cx<'_, Im>) {
        let Some(track) = self.topics.get_mut(topic) else { return };
        let Some(desc) = &meta.desc else {
            self.no_head(topic, Refusal::Final, cx);
            return;
        };
        track.refusals = 0;
        track.info.learn_desc(desc, &mut self.mirror.budget);
        track.notes.learn(desc.read, desc.recv);
        let told = track.last();
        if track.learn_fresh_head(desc.seq) {
            let (told, head) = (Seq::new(told.unwrap_or(0)), Seq::new(desc.seq));
            cx.event(ImEvent::Rewound { topic: topic.clone(), told, head });
            self.give_up_doubts(topic, cx);
        }
        self.flush_notes(topic, cx);
        self.advance(topic, cx);
    }

    /// Without the head, the first live message tells how far the topic goes. Until then what came
    /// while nobody listened is not told: a server that cannot say just now is asked again.
    fn no_head(&mut self, topic: &TopicName, why: Refusal, cx: &mut Cx<'_, Im>) {
        let track = self.topics.get_mut(topic);
        match track.and_then(|track| track.refused_for_now(why)) {
            Some(pause) => self.again(topic, pause, cx),
            None => self.give_up_doubts(topic, cx),
        }
        self.flush_notes(topic, cx);
        self.flush_waiting(cx);
    }

    /// Without the list nobody knows which topics ended meanwhile, and to attach one of those would be
    /// to join it: a server that cannot say just now is asked again before the others are attached.
    fn no_roster(&mut self, me: &TopicName, why: Refusal, cx: &mut Cx<'_, Im>) {
        match self.topics.get_mut(me).and_then(|track| track.refused_for_now(why)) {
            Some(pause) => self.again(me, pause, cx),
            None => self.open_gate(cx),
        }
    }

    fn learn_ended(&mut self, meta: &Meta<'_>, cx: &mut Cx<'_, Im>) {
        for row in meta.sub.iter().flatten().filter(|row| !row.deleted.is_empty()) {
            let topic = TopicName::from(&*row.topic.decode());
            if topic.kind() != TopicKind::Me {
                self.forget(topic, None, cx);
            }
        }
    }

    fn learn_roster(&mut self, meta: &Meta<'_>, cx: &mut Cx<'_, Im>) {
        if let (Some(desc), Some((info, budget))) = (&meta.desc, self.info("me", false)) {
            info.learn_desc(desc, budget);
        }
        let Some(rows) = &meta.sub else { return };
        for row in rows {
            let topic = row.topic.decode();
            if topic.is_empty() || topic == "me" {
                continue;
            }
            if !row.deleted.is_empty() {
                self.forget(TopicName::from(&*topic), None, cx);
            } else if let Some((info, budget)) = self.info(&topic, true) {
                info.learn_row(row, budget);
            }
        }
        if !meta.ts.is_empty() {
            self.roster_at = Some(meta.ts.as_text().detach());
        }
        if let Some(me) = self.topics.get_mut("me") {
            me.refusals = 0;
        }
        cx.event(ImEvent::Roster { rows: rows.len() });
        self.open_gate(cx);
    }

    fn filled(&mut self, topic: &TopicName, cx: &mut Cx<'_, Im>) {
        let Some(track) = self.topics.get_mut(topic) else { return };
        let mut steps = Vec::new();
        track.refusals = 0;
        track.repaired = false;
        track.page_done(&mut steps);
        self.tell(topic, steps, cx);
        self.advance(topic, cx);
    }

    /// A page did not come; `None` when nothing was said.
    fn no_page(&mut self, topic: &TopicName, code: Option<u32>, cx: &mut Cx<'_, Im>) {
        let Some(track) = self.topics.get_mut(topic) else { return };
        let let_go =
            matches!(code, Some(403 | 409)) && !std::mem::replace(&mut track.repaired, true);
        let may_read = track.info.access.is_none_or(|it| it.mode().has(AccessMode::READ));
        let refusal = code.map_or(Refusal::Unanswered, |code| Refusal::of(code, false));
        if code.is_none() && track.is_page_full() {
            // Only the end marker is missing, and nobody misses it.
            self.filled(topic, cx);
        } else if let_go && may_read {
            // What a server says that let go of the topic without a word.
            self.moved(topic.clone(), cx);
        } else if let Some(pause) = track.refused_for_now(refusal) {
            // What is there is not missing because the server cannot read it just now.
            track.page_failed();
            self.again(topic, pause, cx);
        } else {
            self.filled(topic, cx);
        }
    }

    /// Nothing may answer what was asked about a topic that is gone, and an answer that comes late
    /// must not be taken for another.
    pub(super) fn stop_asking(&mut self, topic: &TopicName) {
        self.own.retain(|_, own| own.topic != *topic);
        let refreshing = self.own.values().filter(|own| own.kind == OwnKind::Refresh).count();
        self.refreshing = refreshing;
        self.in_flight.remove(topic);
        if self.attaching.remove(topic).is_some() {
            self.to_attach.retain(|waiting| waiting != topic);
        }
    }

    /// The link is gone, and with it what was asked on it.
    pub(super) fn forget_own(&mut self, cx: &mut Cx<'_, Im>) {
        self.own.clear();
        self.attaching.clear();
        self.in_flight.clear();
        self.to_attach.clear();
        self.to_refresh.clear();
        self.refreshing = 0;
        self.gated = false;
        self.note_queue.clear();
        self.again_queue.clear();
        for alarm in [Alarm::Own, Alarm::Again, Alarm::Notes] {
            cx.clear_alarm(alarm);
        }
        self.mirror.all_offline();
        for track in self.topics.values_mut() {
            track.detach();
            track.queued = None;
            track.info.online = false;
        }
    }
}

/// Whether a request succeeded. 304 says that nothing had to be done. (tinode-code)
pub(super) const fn is_fine(ctrl: &Ctrl<'_>) -> bool {
    ctrl.code < 300 || ctrl.code == 304
}

/// Whether a topic numbers messages.
fn has_messages(topic: &TopicName) -> bool {
    !matches!(topic.kind(), TopicKind::Me | TopicKind::Fnd)
}
