//! Frames from the server.

use super::answer::{Answer, History, Receipt, Subscribed};
use super::ask::{Ask, AskKind, Wanted};
use super::delivered::{Delivered, Parts};
use super::doubt::look_at;
use super::event::ImEvent;
use super::own::is_fine;
use super::request::no_meta;
use super::state::{ImState, rejection};
use super::track::Track;
use crate::client::{Cx, RequestId};
use crate::codec::{self, Decode, Wire};
use crate::error::{Rejection, RequestError};
use crate::im::down::{Acs, Ctrl, Data, Meta};
use crate::im::up::AnyObject;
use crate::im::{Access, Down, Im, Params, Seq, TopicName, UserId};
use crate::json::{Share, Str};
use crate::machine::Text;

/// Most members of answers nobody knows that are kept of one answer.
const MAX_EXTRA: usize = 64;
/// Most messages one page of history may bring, whatever the server sends.
const MAX_PAGE: u64 = 10_000;

impl ImState {
    /// Takes a text that holds a message or an answer, which is what most texts hold, and gives any
    /// other back.
    pub(super) fn on_message(&mut self, text: Text, cx: &mut Cx<'_, Im>) -> Result<(), Text> {
        let limits = *cx.limits();
        if self.is_opening() || limits.check(text.as_str()).is_err() {
            return Err(text);
        }
        // `{"ctrl":` or `{"data":`, it tells which to try.
        if text.as_str().as_bytes().get(2) == Some(&b'c') {
            let mut ctrl = Ctrl::default();
            if ctrl.read_lone(text.as_str(), limits.max_depth) {
                self.heard += 1;
                self.on_ctrl(ctrl, &text, cx);
                return Ok(());
            }
            return Err(text);
        }
        let mut data = Data::default();
        if data.read_lone(text.as_str(), limits.max_depth) {
            self.heard += 1;
            let Some((parts, is_behind)) = self.on_next(&data, &text, cx) else {
                self.on_data(&data, &text, cx);
                return Ok(());
            };
            let topic = is_behind.then(|| TopicName::from(&data.topic));
            // All of it is borrowed, or it would have other parts.
            std::mem::forget(data);
            // The event takes the text along.
            cx.event(ImEvent::Message(parts.of_text(text)));
            if let Some(topic) = topic {
                self.advance(&topic, cx);
            }
            return Ok(());
        }
        Err(text)
    }

    pub(super) fn on_frame(&mut self, frame: Down<'_>, text: &Text, cx: &mut Cx<'_, Im>) {
        self.heard += 1;
        let is_early = self.is_opening();
        match frame {
            Down::Ctrl(ctrl) => match self.opening_answer(ctrl, cx) {
                Some(ctrl) if is_early => cx.event(ImEvent::Notice(Box::new(ctrl.share(text)))),
                Some(ctrl) => self.on_ctrl(ctrl, text, cx),
                None => {}
            },
            // Before the login is answered no frame can be about a topic.
            frame if is_early => cx.event(ImEvent::Other(Box::new(frame.share(text)))),
            Down::Data(data) => self.on_data(&data, text, cx),
            Down::Meta(meta) => self.on_meta(meta.share(text), cx),
            Down::Pres(pres) => self.on_pres(pres.share(text), cx),
            Down::Info(info) => self.on_info(info.share(text), cx),
            Down::Other(kind, body) => {
                cx.event(ImEvent::Other(Box::new(Down::Other(kind.share(text), body.share(text)))));
            }
        }
    }

    fn on_ctrl(&mut self, ctrl: Ctrl<'_>, text: &Text, cx: &mut Cx<'_, Im>) {
        if self.on_receipt(&ctrl, cx) {
            return;
        }
        let Some(ctrl) = self.own_ctrl(ctrl.share(text), cx) else { return };
        let request = cx.by_key(&*ctrl.id.decode());
        match request {
            Some(id) => self.on_answer(id, ctrl, cx),
            None => self.on_notice(ctrl, cx),
        }
    }

    /// A `ctrl` that answers nothing of ours.
    fn on_notice(&mut self, ctrl: Ctrl<'static>, cx: &mut Cx<'_, Im>) {
        let evicted = ctrl.code == 205 && ctrl.id.is_empty() && !ctrl.topic.is_empty();
        if !evicted {
            cx.event(ImEvent::Notice(Box::new(ctrl)));
            return;
        }
        let topic = self.name(&ctrl.topic.decode());
        let unsub = param::<bool>(&ctrl, "unsub").unwrap_or(false);
        let cause = Down::Ctrl(ctrl);
        if unsub {
            self.forget(topic, Some(cause), cx);
        } else {
            let name = topic.clone();
            cx.event(ImEvent::Detached { topic, cause: Box::new(cause) });
            self.evicted(&name, cx);
        }
    }

    fn on_answer(&mut self, id: RequestId, ctrl: Ctrl<'static>, cx: &mut Cx<'_, Im>) {
        let Some(ask) = cx.ask_mut(id) else { return };
        let fine = is_fine(&ctrl);
        let topic = ask.topic.clone();
        match &mut ask.kind {
            AskKind::Sub { wanted, attached, .. } if attached.is_some() => {
                section_done(wanted, &ctrl);
                if wanted.is_empty() {
                    self.end_sub(id, cx);
                }
            }
            AskKind::Sub { .. } if fine => self.subscribed(id, topic, ctrl, cx),
            // Refused, so nobody saw it: once more when the topic is attached again.
            AskKind::Pub(message)
                if ctrl.code == 409
                    && !message.repaired
                    && self.topics.get(&topic).is_some_and(|track| track.attached) =>
            {
                message.repaired = true;
                ask.was_refused();
                self.unsent.push_front(id);
                self.moved(topic, cx);
            }
            AskKind::Leave { unsub } if fine => {
                let unsub = *unsub;
                cx.complete(id, Ok(Answer::Done(Box::new(ctrl))));
                self.unfollow(&topic, cx);
                if unsub {
                    self.mirror.remove(topic.as_str());
                }
            }
            AskKind::Get { wanted, meta, refused } => {
                if !fine {
                    refused.get_or_insert_with(|| rejection(&ctrl));
                }
                section_done(wanted, &ctrl);
                if wanted.is_empty() {
                    let (meta, refused) = (std::mem::take(meta), refused.take());
                    let result = match refused {
                        Some(why) if meta.topic.is_empty() => Err(RequestError::Rejected(why)),
                        Some(_) | None => Ok(Answer::Meta(meta)),
                    };
                    cx.complete(id, result);
                }
            }
            AskKind::History { query, messages } if fine => {
                let (messages, query) = (std::mem::take(messages), std::mem::take(query));
                let end = Some(param::<u64>(&ctrl, "count"));
                let page = History::new(topic, messages, end, query);
                cx.complete(id, Ok(Answer::History(Box::new(page))));
            }
            AskKind::Set { .. } => self.part_set(id, &topic, ctrl, cx),
            AskKind::Del { topic_too } if fine => {
                let topic_too = *topic_too;
                cx.complete(id, Ok(Answer::Done(Box::new(ctrl))));
                if topic_too {
                    self.unfollow(&topic, cx);
                    self.mirror.remove(topic.as_str());
                }
            }
            AskKind::Sub { .. }
            | AskKind::Pub(_)
            | AskKind::Leave { .. }
            | AskKind::History { .. }
            | AskKind::Del { .. } => {
                // A refusal of what was written again says nothing about the first time.
                let error = if ask.is_doubted() {
                    RequestError::Unknown
                } else {
                    RequestError::Rejected(rejection(&ctrl))
                };
                cx.complete(id, Err(error));
                self.flush_waiting(cx);
            }
        }
    }

    /// One part of a `set` was answered.
    fn part_set(
        &mut self,
        id: RequestId,
        topic: &TopicName,
        ctrl: Ctrl<'static>,
        cx: &mut Cx<'_, Im>,
    ) {
        let acs = acs(&ctrl).as_ref().and_then(Access::from_acs);
        let user = param::<Str<'_>>(&ctrl, "user").map(|user| UserId::from(&user));
        if let Some(access) = acs
            && (user.is_none() || user == self.user)
            && let Some((info, _)) = self.info(topic.as_str(), false)
        {
            info.access = Some(access);
        }
        let Some(Ask { kind: AskKind::Set { changed, farewell, .. }, .. }) = cx.ask_mut(id) else {
            return;
        };
        changed.unanswered = changed.unanswered.saturating_sub(1);
        if is_fine(&ctrl) {
            changed.access = acs.or(changed.access);
            changed.user = user.or(changed.user.take());
            changed.done.push(ctrl);
        } else {
            // What the session as a whole is refused is answered once.
            let whole = matches!(ctrl.code, 401 | 409 | 429 | 500..) && changed.done.is_empty();
            changed.refused.push(rejection(&ctrl));
            if whole {
                changed.unanswered = 0;
            }
        }
        if changed.unanswered > 0 {
            return;
        }
        let farewell = *farewell && !changed.done.is_empty();
        let result = match changed.refused.first() {
            Some(why) if changed.done.is_empty() => Err(RequestError::Rejected(why.clone())),
            Some(_) | None => Ok(Answer::Changed(changed.clone())),
        };
        cx.complete(id, result);
        if farewell {
            self.unfollow(topic, cx);
        }
    }

    fn subscribed(
        &mut self,
        id: RequestId,
        asked: TopicName,
        ctrl: Ctrl<'static>,
        cx: &mut Cx<'_, Im>,
    ) {
        let topic = if ctrl.topic.is_empty() { asked } else { TopicName::from(&ctrl.topic) };
        if self.follows_since.is_none() && !ctrl.ts.is_empty() {
            self.follows_since = Some(ctrl.ts.as_text().detach());
        }
        let (acs, created) = (acs(&ctrl), param::<Str<'_>>(&ctrl, "tmpname").is_some());
        let head = param::<u64>(&ctrl, "seq").or(created.then_some(0));
        let access = acs.as_ref().and_then(Access::from_acs);
        let is_new = !self.topics.contains_key(&topic);
        // A name that creates must not be attached again. The server should have named the group.
        let followed = !topic.is_to_be_created();
        if followed && is_new && self.topics.len() >= self.config.max_topics {
            let why = Rejection::new("too many topics", "the session follows no more");
            cx.complete(id, Err(RequestError::Rejected(why)));
            self.flush_waiting(cx);
            return;
        }
        if let Some(Ask { kind: AskKind::Sub { attached, .. }, .. }) = cx.ask_mut(id) {
            let (topic, meta) = (topic.clone(), no_meta());
            *attached = Some(Box::new(Subscribed { topic, access, meta, ctrl }));
        }
        if followed {
            let mirror = &mut self.mirror;
            let track = self.topics.get_or_insert_with(topic.clone(), || {
                Track::of(mirror.take(topic.as_str()).unwrap_or_default())
            });
            track.attached = true;
            track.again = None;
            track.info.learn_access(acs.as_ref());
            if let Some(head) = head {
                track.learn_head(head);
            }
        }
        self.end_sub(id, cx);
        if followed {
            self.ask_head(topic.clone(), cx);
            self.advance(&topic, cx);
        }
        self.flush_waiting(cx);
    }

    /// Ends a `sub` when all that was asked for with it has come.
    fn end_sub(&mut self, id: RequestId, cx: &mut Cx<'_, Im>) {
        let Some(ask) = cx.ask_mut(id) else { return };
        if let AskKind::Sub { wanted, .. } = &ask.kind
            && wanted.is_empty()
            && let Some(answer) = ask.so_far()
        {
            cx.complete(id, Ok(answer));
        }
        self.subscribing.retain(|_, of| *of != id);
    }

    /// Takes the answer to a message that was stored: what comes most often, so nothing of it is
    /// shared that nobody asks for.
    fn on_receipt(&mut self, ctrl: &Ctrl<'_>, cx: &mut Cx<'_, Im>) -> bool {
        if !is_fine(ctrl) {
            return false;
        }
        let Some(id) = cx.by_key(&*ctrl.id.decode()) else { return false };
        let Some(Ask { topic, kind: AskKind::Pub(message), .. }) = cx.ask(id) else { return false };
        let Some(seq) = ctrl.params.as_ref().and_then(accepted) else {
            // Accepted, it seems, and perhaps stored: not a refusal.
            cx.complete(id, Err(RequestError::Unknown));
            return true;
        };
        let mut is_behind = None;
        if let Some(track) = self.topics.get_mut(topic) {
            // The author has read what was written. (tinode-code)
            track.info.see_read(seq);
            if message.noecho {
                let is_next = track.take_next(seq);
                if !is_next {
                    track.offer(seq, None, self.config.max_held);
                }
                if !is_next || track.is_behind() || !self.doubts.is_empty() {
                    is_behind = Some(topic.clone());
                }
            }
        }
        cx.complete_with(id, |Ask { topic, .. }| {
            let (seq, ts) = (Seq::new(seq), ctrl.ts.detach());
            Ok(Answer::Published(Receipt { topic, seq, ts }))
        });
        if let Some(topic) = is_behind {
            self.advance(&topic, cx);
        }
        true
    }

    /// The common case: the next message of a topic that is followed, and nobody reads its history.
    /// Where its parts are, and whether others are missing.
    fn on_next(
        &mut self,
        data: &Data<'_>,
        text: &Text,
        cx: &mut Cx<'_, Im>,
    ) -> Option<(Parts, bool)> {
        let parts = Parts::of(data, text)?;
        if !self.readers.is_empty() {
            return None;
        }
        let track = self.topics.get_mut(data.topic.plain()?)?;
        track.take_next(data.seq).then(|| {
            look_at(track, self.user.as_ref(), data, cx);
            (parts, track.is_behind())
        })
    }

    fn on_data(&mut self, data: &Data<'_>, text: &Text, cx: &mut Cx<'_, Im>) {
        let name = data.topic.decode();
        let is_read = !self.readers.is_empty() && self.is_read(&name, data, text, cx);
        let Some(track) = self.topics.get_mut(&*name) else {
            if !is_read {
                let data = data.clone().share(text);
                cx.event(ImEvent::Other(Box::new(Down::Data(data))));
            }
            return;
        };
        if track.take_next(data.seq) {
            look_at(track, self.user.as_ref(), data, cx);
            let is_behind = track.is_behind();
            cx.event(ImEvent::Message(Delivered::cut(data, text)));
            if is_behind {
                self.advance(&TopicName::from(&*name), cx);
            }
        } else {
            let message = Delivered::cut(data, text);
            track.offer(data.seq, Some(message), self.config.max_held);
            self.advance(&TopicName::from(&*name), cx);
        }
    }

    /// Whether somebody reads this topic's history; it is given to them.
    fn is_read(&mut self, name: &str, data: &Data<'_>, text: &Text, cx: &mut Cx<'_, Im>) -> bool {
        let Some(readers) = self.readers.get_mut(name) else { return false };
        let data = data.clone().share(text);
        readers.retain(|id| cx.ask_mut(*id).map(|ask| collect(ask, &data)).is_some());
        if readers.is_empty() {
            self.readers.remove(name);
        }
        true
    }

    fn on_meta(&mut self, meta: Box<Meta<'static>>, cx: &mut Cx<'_, Im>) {
        let Some(mut meta) = self.own_meta(meta, cx) else { return };
        let request = cx.by_key(&*meta.id.decode());
        let asked = request.and_then(|id| Some((id, cx.ask_mut(id)?)));
        match asked {
            Some((id, Ask { kind: AskKind::Get { wanted, meta: sum, .. }, .. })) => {
                merge(sum, &mut meta, wanted);
                if wanted.is_empty() {
                    let sum = std::mem::take(sum);
                    cx.complete(id, Ok(Answer::Meta(sum)));
                }
            }
            Some((id, Ask { kind: AskKind::Sub { wanted, meta: sum, attached, .. }, .. }))
                if attached.is_some() =>
            {
                merge(sum, &mut meta, wanted);
                self.end_sub(id, cx);
            }
            Some(_) | None => cx.event(ImEvent::Other(Box::new(Down::Meta(meta)))),
        }
    }
}

/// A section that is empty or refused; all of them when the answer does not say which.
fn section_done(wanted: &mut Wanted, ctrl: &Ctrl<'_>) {
    match param::<Str<'_>>(ctrl, "what") {
        Some(what) => wanted.got(&what.decode()),
        None => *wanted = Wanted::default(),
    }
}

/// Adds a message to a page of history that asked for it.
fn collect(ask: &mut Ask, data: &Data<'static>) {
    if let AskKind::History { query, messages } = &mut ask.kind
        && query.wants(data.seq)
        && (messages.len() as u64) < query.limit().min(MAX_PAGE)
    {
        messages.get_or_insert_with(data.seq, || data.clone());
    }
}

/// Moves the sections of one answer into the sum.
fn merge(sum: &mut Meta<'static>, meta: &mut Meta<'static>, wanted: &mut Wanted) {
    if sum.topic.is_empty() {
        sum.id = std::mem::take(&mut meta.id);
        sum.topic = std::mem::take(&mut meta.topic);
        sum.ts = std::mem::take(&mut meta.ts);
    }
    macro_rules! take {
        ($($section:ident),*) => { $(
            if meta.$section.is_some() {
                wanted.got(stringify!($section));
                sum.$section = meta.$section.take();
            }
        )* };
    }
    take!(desc, sub, del, tags, cred, aux);
    let room = MAX_EXTRA.saturating_sub(sum.extra.len());
    sum.extra.extend(meta.extra.drain(..).take(room));
}

/// The number that the answer to a `pub` tells: `{"seq":7}`. (seed)
fn accepted(params: &Params<'_>) -> Option<u64> {
    // As servers write it; anything else takes the long way. Fifteen digits cannot overflow.
    let text = params.raw().as_str().as_bytes();
    let digits = text.strip_prefix(br#"{"seq":"#).and_then(|rest| rest.strip_suffix(b"}"));
    if let Some(digits) = digits.filter(|digits| (1..=15).contains(&digits.len()))
        && let Some(seq) = digits.iter().try_fold(0, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
        })
    {
        return Some(seq);
    }
    member(params, "seq")
}

/// One of a `ctrl`'s params.
pub(super) fn param<'t, T: Decode<'t>>(ctrl: &'t Ctrl<'_>, name: &str) -> Option<T> {
    member(ctrl.params.as_ref()?, name)
}

/// The last one of this name, if it is a `T`.
fn member<'t, T: Decode<'t>>(params: &'t Params<'_>, name: &str) -> Option<T> {
    let AnyObject { extra } = params.raw().read_as()?;
    let (_, value) = extra.iter().rev().find(|(it, _)| *it == name)?;
    codec::from_text(value.borrowed()?, usize::MAX).ok()
}

/// The access a `ctrl` tells.
pub(super) fn acs(ctrl: &Ctrl<'_>) -> Option<Acs<'static>> {
    let Acs { want, given, mode, .. } = param(ctrl, "acs")?;
    let [want, given, mode] = [want, given, mode].map(|side| side.detach());
    Some(Acs { want, given, mode, ..Acs::default() })
}
