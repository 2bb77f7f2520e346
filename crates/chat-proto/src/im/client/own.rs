//! Requests of the session itself: attaching topics again, and fetching what is missing.

use std::time::{Duration, Instant};

use super::event::ImEvent;
use super::state::{Alarm, ImState, rejection};
use super::track::{Page, Step, Track};
use crate::client::Cx;
use crate::codec::Wire;
use crate::error::Lost;
use crate::im::down::{Ctrl, Meta};
use crate::im::up::{Get, GetOpts, Sub, Up, Verb};
use crate::im::{Im, TopicKind, TopicName};

/// Topics that are being attached at the same time: a server takes one at a time.
const ATTACHING: usize = 64;
/// Before what was refused for the moment is asked for again.
const AGAIN: Duration = Duration::from_secs(5);

/// A request of the session itself.
#[derive(Debug)]
pub(super) struct Own {
    kind: OwnKind,
    topic: TopicName,
    until: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OwnKind {
    /// Attach a topic again.
    Attach,
    /// How far does the topic go?
    Head,
    /// Messages that are missing.
    Fill,
}

impl ImState {
    /// Attaches every topic again: notifications first, or the session misses what happens
    /// meanwhile.
    pub(super) fn attach_all(&mut self, cx: &mut Cx<'_, Im>) {
        let (me, others): (Vec<_>, Vec<_>) =
            self.topics.keys().cloned().partition(|topic| topic.kind() == TopicKind::Me);
        self.to_attach.extend(me.into_iter().chain(others));
        self.attaching.extend(self.to_attach.iter().cloned());
        self.attach_more(cx);
    }

    fn attach(&mut self, topic: TopicName, cx: &mut Cx<'_, Im>) {
        if self.attaching.insert(topic.clone()) {
            self.to_attach.push_back(topic);
            self.attach_more(cx);
        }
    }

    fn attach_more(&mut self, cx: &mut Cx<'_, Im>) {
        while self.attaching.len() - self.to_attach.len() < ATTACHING
            && let Some(topic) = self.to_attach.pop_front()
        {
            let id = cx.rng().uuid().to_string();
            let sub = Sub { id: id.clone().into(), topic: topic.to_str(), ..Sub::default() };
            self.send_own(OwnKind::Attach, topic, Verb::Sub(Box::new(sub)), id, cx);
        }
    }

    /// Asks how far a topic goes.
    pub(super) fn ask_head(&mut self, topic: TopicName, cx: &mut Cx<'_, Im>) {
        if !has_messages(&topic) {
            return;
        }
        let id = cx.rng().uuid().to_string();
        let get = Get {
            id: id.clone().into(),
            topic: topic.to_str(),
            what: "desc".into(),
            ..Get::default()
        };
        self.send_own(OwnKind::Head, topic, Verb::Get(Box::new(get)), id, cx);
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
        }
    }

    fn fetch(&mut self, topic: TopicName, page: Page, cx: &mut Cx<'_, Im>) {
        let id = cx.rng().uuid().to_string();
        let data = GetOpts {
            since: Some(page.since),
            before: Some(page.before),
            limit: Some(page.before - page.since),
            ..GetOpts::default()
        };
        let get = Get {
            data: Some(data),
            id: id.clone().into(),
            topic: topic.to_str(),
            what: "data".into(),
            ..Get::default()
        };
        self.send_own(OwnKind::Fill, topic, Verb::Get(Box::new(get)), id, cx);
    }

    fn tell(&self, topic: &TopicName, steps: Vec<Step>, cx: &mut Cx<'_, Im>) {
        for step in steps {
            cx.event(match step {
                Step::Message(data) => ImEvent::Message(*data),
                Step::Gap { from, to } => ImEvent::Gap { topic: topic.clone(), from, to },
            });
        }
    }

    fn send_own(
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
        self.own.insert(id, Own { kind, topic, until: cx.later(patience) });
        cx.send_text(Up::new(verb).encode());
    }

    /// A link on which the session's own requests are not answered is of no use.
    pub(super) fn on_own_alarm(&mut self, cx: &mut Cx<'_, Im>) {
        let Some(until) = self.own.values().map(|own| own.until).min() else { return };
        let left = until.saturating_duration_since(cx.now().mono);
        if !left.is_zero() {
            cx.set_alarm(Alarm::Own, left);
        } else if cx.is_heard() {
            cx.lose(Lost::Silent(cx.config().request_timeout));
        } else {
            cx.set_alarm(Alarm::Own, cx.config().request_timeout);
        }
    }

    /// Asks again for what was refused for the moment.
    pub(super) fn on_again(&mut self, cx: &mut Cx<'_, Im>) {
        let again: Vec<_> = self
            .topics
            .iter_mut()
            .filter_map(|(topic, track)| {
                std::mem::take(&mut track.again).then(|| (topic.clone(), track.attached))
            })
            .collect();
        for (topic, attached) in again {
            if attached {
                self.advance(&topic, cx);
            } else {
                self.attach(topic, cx);
            }
        }
    }

    /// Takes the answer to a request of the session itself; gives it back when it is another's.
    pub(super) fn own_ctrl(
        &mut self,
        ctrl: Ctrl<'static>,
        cx: &mut Cx<'_, Im>,
    ) -> Option<Ctrl<'static>> {
        let Some(Own { kind, topic, .. }) = self.own.remove(&*ctrl.id.decode()) else {
            return Some(ctrl);
        };
        match kind {
            OwnKind::Attach => self.attached(topic, &ctrl, cx),
            // Without the head, the first live message tells how far the topic goes.
            OwnKind::Head => {}
            OwnKind::Fill => self.filled(&topic, &ctrl, cx),
        }
        None
    }

    /// Takes the answer to [`ImState::ask_head`]; gives it back when it is another's.
    pub(super) fn own_meta(
        &mut self,
        meta: Box<Meta<'static>>,
        cx: &mut Cx<'_, Im>,
    ) -> Option<Box<Meta<'static>>> {
        let id = meta.id.decode();
        if self.own.get(&*id).is_none_or(|own| own.kind != OwnKind::Head) {
            drop(id);
            return Some(meta);
        }
        let topic = self.own.remove(&*id).map(|own| own.topic)?;
        if let (Some(desc), Some(track)) = (&meta.desc, self.topics.get_mut(&topic)) {
            track.learn_head(desc.seq);
        }
        self.advance(&topic, cx);
        None
    }

    fn attached(&mut self, topic: TopicName, ctrl: &Ctrl<'_>, cx: &mut Cx<'_, Im>) {
        self.attaching.remove(&topic);
        if let Some(track) = self.topics.get_mut(&topic) {
            if is_fine(ctrl) {
                track.attached = true;
                track.refusals = 0;
                self.ask_head(topic, cx);
            } else if track.refused_for_now(ctrl.code) {
                cx.set_alarm(Alarm::Again, AGAIN);
            } else {
                self.topics.remove(&topic);
                cx.event(ImEvent::AttachRefused { topic, why: rejection(ctrl) });
            }
        }
        self.attach_more(cx);
        self.flush_waiting(cx);
    }

    fn filled(&mut self, topic: &TopicName, ctrl: &Ctrl<'_>, cx: &mut Cx<'_, Im>) {
        let Some(track) = self.topics.get_mut(topic) else { return };
        let mut steps = Vec::new();
        if !is_fine(ctrl) && track.refused_for_now(ctrl.code) {
            // What is there is not missing because the server cannot read it just now.
            track.page_failed();
            cx.set_alarm(Alarm::Again, AGAIN);
        } else {
            track.refusals = 0;
            track.page_done(&mut steps);
        }
        self.tell(topic, steps, cx);
        self.advance(topic, cx);
    }

    /// The topic is followed no more. Whether it was.
    pub(super) fn unfollow(&mut self, topic: &TopicName, cx: &mut Cx<'_, Im>) -> bool {
        let followed = self.topics.remove(topic).is_some();
        if followed {
            self.stop_asking(topic);
            self.attach_more(cx);
            self.flush_waiting(cx);
        }
        followed
    }

    /// The server let go of the topic; it is attached again after the next loss.
    pub(super) fn detached(&mut self, topic: &TopicName, cx: &mut Cx<'_, Im>) {
        if let Some(track) = self.topics.get_mut(topic) {
            track.detach();
            self.stop_asking(topic);
            self.attach_more(cx);
            self.flush_waiting(cx);
        }
    }

    /// The server let go of the topic and wants it to be attached again.
    pub(super) fn moved(&mut self, topic: TopicName, cx: &mut Cx<'_, Im>) {
        if self.topics.get(&topic).is_some_and(|track| track.attached) {
            self.detached(&topic, cx);
            self.attach(topic, cx);
        }
    }

    /// Nothing may answer what was asked about a topic that is gone, and an answer that comes late
    /// must not be taken for another.
    fn stop_asking(&mut self, topic: &TopicName) {
        self.own.retain(|_, own| own.topic != *topic);
        if self.attaching.remove(topic) {
            self.to_attach.retain(|waiting| waiting != topic);
        }
    }

    /// The link is gone, and with it what was asked on it.
    pub(super) fn forget_own(&mut self, cx: &mut Cx<'_, Im>) {
        self.own.clear();
        self.attaching.clear();
        self.to_attach.clear();
        cx.clear_alarm(Alarm::Own);
        cx.clear_alarm(Alarm::Again);
        self.topics.values_mut().for_each(Track::detach);
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
