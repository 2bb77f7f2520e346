//! Which topics are attached: again after a loss, a little later when the server is busy, and not at
//! all when the user is no longer in them.

use std::time::Duration;

use super::event::ImEvent;
use super::own::{OwnKind, is_fine};
use super::state::{Alarm, ImState, rejection};
use super::track::{AGAIN, Refusal};
use crate::client::Cx;
use crate::error::Rejection;
use crate::im::down::Ctrl;
use crate::im::up::{Sub, Verb};
use crate::im::{AccessMode, Im, Stamp, TopicKind, TopicName};

/// Topics that are being attached at the same time: a server takes one at a time.
pub(super) const ATTACHING: usize = 64;

impl ImState {
    /// Attaches every topic again. Notifications come first, or the session misses what happens
    /// meanwhile; the others wait for the list of this user's topics, because what was left or lost
    /// elsewhere must not be joined again.
    pub(super) fn attach_all(&mut self, cx: &mut Cx<'_, Im>) {
        let (me, others): (Vec<_>, Vec<_>) =
            self.topics.keys().cloned().partition(|topic| topic.kind() == TopicKind::Me);
        self.gated = self.config.roster && !me.is_empty();
        self.to_attach.extend(me.into_iter().chain(others));
        for topic in &self.to_attach {
            self.attaching.add_key(topic.clone());
        }
        self.attach_more(cx);
    }

    pub(super) fn attach(&mut self, topic: TopicName, cx: &mut Cx<'_, Im>) {
        if self.attaching.add_key(topic.clone()) {
            self.to_attach.push_back(topic);
            self.attach_more(cx);
        }
    }

    pub(super) fn attach_more(&mut self, cx: &mut Cx<'_, Im>) {
        while self.in_flight.len() < ATTACHING
            && let Some(topic) = self.to_attach.front()
            && (!self.gated || topic.kind() == TopicKind::Me)
            && let Some(topic) = self.to_attach.pop_front()
        {
            let access = self.topics.get(&topic).and_then(|track| track.info.access);
            if access.is_some_and(|access| !access.mode().has(AccessMode::JOIN)) {
                // To attach would take back what the user, or whoever may, has decided.
                let why = Rejection::new(403, "the access does not include joining");
                self.refuse(topic, why, cx);
                continue;
            }
            let id = cx.rng().uuid().to_string();
            let sub = Sub { id: id.clone().into(), topic: topic.to_str(), ..Sub::default() };
            self.in_flight.add_key(topic.clone());
            self.send_own(OwnKind::Attach, topic, Verb::Sub(Box::new(sub)), id, cx);
        }
    }

    /// The other topics may be attached.
    pub(super) fn open_gate(&mut self, cx: &mut Cx<'_, Im>) {
        if std::mem::take(&mut self.gated) {
            self.attach_more(cx);
            self.flush_waiting(cx);
        }
    }

    /// A topic cannot be attached.
    fn refuse(&mut self, topic: TopicName, why: Rejection, cx: &mut Cx<'_, Im>) {
        self.remove_track(&topic, cx);
        cx.event(ImEvent::AttachRefused { topic, why });
    }

    /// Asks again after a while.
    pub(super) fn again(&mut self, topic: &TopicName, after: Duration, cx: &mut Cx<'_, Im>) {
        let at = cx.later(after);
        let Some(track) = self.topics.get_mut(topic) else { return };
        track.again = Some(at);
        // One that is planned for earlier is put off when its time comes.
        if track.queued.is_none_or(|planned| at < planned) {
            if let Some(planned) = track.queued.replace(at) {
                self.again_queue.remove(&(planned, topic.clone()));
            }
            self.again_queue.add_key((at, topic.clone()));
            self.plan_again(cx);
        }
    }

    fn plan_again(&self, cx: &mut Cx<'_, Im>) {
        if let Some((at, _)) = self.again_queue.first() {
            cx.set_alarm(Alarm::Again, at.saturating_duration_since(cx.now().mono));
        }
    }

    /// Asks again for what was refused for the moment.
    pub(super) fn on_again(&mut self, cx: &mut Cx<'_, Im>) {
        let now = cx.now().mono;
        while self.again_queue.first().is_some_and(|(at, _)| *at <= now)
            && let Some(((_, topic), ())) = self.again_queue.pop_first()
        {
            let Some(track) = self.topics.get_mut(&topic) else { continue };
            track.queued = None;
            match track.again {
                Some(at) if at > now => self.again(&topic, at - now, cx),
                Some(_) => {
                    track.again = None;
                    if !track.attached {
                        self.attach(topic, cx);
                    } else if track.has_head() {
                        self.advance(&topic, cx);
                    } else {
                        self.ask_head(topic, cx);
                    }
                }
                None => {}
            }
        }
        self.plan_again(cx);
    }

    pub(super) fn attached(&mut self, topic: TopicName, ctrl: &Ctrl<'_>, cx: &mut Cx<'_, Im>) {
        self.in_flight.remove(&topic);
        if !is_fine(ctrl) {
            self.not_attached(topic, Refusal::of(ctrl.code, true), rejection(ctrl), cx);
            return;
        }
        self.attaching.remove(&topic);
        if let Some(track) = self.topics.get_mut(&topic) {
            track.attached = true;
            track.refusals = 0;
            track.info.learn_access(super::receive::acs(ctrl).as_ref());
            if topic.kind() == TopicKind::Me {
                self.mind_clock(&ctrl.ts);
            }
            self.ask_head(topic, cx);
        }
        self.attach_more(cx);
        self.flush_waiting(cx);
    }

    /// A server whose clock was set back may date what ended lately before the last list, and not list
    /// it as a change since then: it is asked for everything that ever changed.
    fn mind_clock(&mut self, now: &Stamp<'_>) {
        let now = now.unix_micros();
        for since in [&mut self.roster_at, &mut self.follows_since].into_iter().flatten() {
            if now.is_some() && now < Stamp::from(since.reborrow()).unix_micros() {
                *since = "1970-01-01T00:00:00Z".into();
            }
        }
    }

    pub(super) fn not_attached(
        &mut self,
        topic: TopicName,
        refusal: Refusal,
        why: Rejection,
        cx: &mut Cx<'_, Im>,
    ) {
        self.attaching.remove(&topic);
        if let Some(track) = self.topics.get_mut(&topic) {
            match track.refused_for_now(refusal) {
                Some(pause) => self.again(&topic, pause, cx),
                None => self.refuse(topic.clone(), why, cx),
            }
        }
        if topic.kind() == TopicKind::Me {
            self.open_gate(cx);
        }
        self.attach_more(cx);
        self.flush_waiting(cx);
    }

    /// The topic is followed no more. Whether it was.
    pub(super) fn unfollow(&mut self, topic: &TopicName, cx: &mut Cx<'_, Im>) -> bool {
        let followed = self.remove_track(topic, cx);
        if followed {
            self.attach_more(cx);
            self.flush_waiting(cx);
        }
        followed
    }

    pub(super) fn remove_track(&mut self, topic: &TopicName, cx: &mut Cx<'_, Im>) -> bool {
        let Some(track) = self.topics.remove(topic) else { return false };
        if let Some(planned) = track.queued {
            self.again_queue.remove(&(planned, topic.clone()));
        }
        self.mirror.keep(topic.clone(), track.info);
        self.stop_asking(topic);
        self.give_up_doubts(topic, cx);
        if topic.kind() == TopicKind::Me {
            self.gated = false;
        }
        true
    }

    /// The server let go of the topic.
    pub(super) fn detached(&mut self, topic: &TopicName, cx: &mut Cx<'_, Im>) {
        if let Some(track) = self.topics.get_mut(topic) {
            track.detach();
            self.stop_asking(topic);
            self.attach_more(cx);
            self.flush_waiting(cx);
        }
    }

    /// The server let go of the topic without saying that it may not be attached: tried in a while.
    pub(super) fn evicted(&mut self, topic: &TopicName, cx: &mut Cx<'_, Im>) {
        self.detached(topic, cx);
        self.again(topic, AGAIN, cx);
    }

    /// The server let go of the topic and wants it to be attached again.
    pub(super) fn moved(&mut self, topic: TopicName, cx: &mut Cx<'_, Im>) {
        if let Some(track) = self.topics.get_mut(&topic).filter(|track| track.attached) {
            track.detach();
            self.stop_asking(&topic);
            self.attach(topic, cx);
            self.flush_waiting(cx);
        }
    }
}
