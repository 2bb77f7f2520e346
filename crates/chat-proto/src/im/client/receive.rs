//! Frames from the server.

use super::answer::{Answer, History, Receipt, Subscribed};
use super::ask::{Ask, AskKind};
use super::event::ImEvent;
use super::own::is_fine;
use super::state::{ImState, rejection};
use crate::client::{Cx, RequestId};
use crate::error::{Rejection, RequestError};
use crate::im::down::{Ctrl, Data, Meta, Pres};
use crate::im::{Down, Im, TopicName};
use crate::json::Share;
use crate::machine::Text;

impl ImState {
    pub(super) fn on_frame(&mut self, frame: Down<'_>, text: &Text, cx: &mut Cx<'_, Im>) {
        match frame {
            Down::Ctrl(ctrl) => {
                if let Some(ctrl) = self.opening_answer(ctrl, cx) {
                    self.on_ctrl(ctrl.share(text), cx);
                }
            }
            Down::Data(data) => self.on_data(data.share(text), cx),
            Down::Meta(meta) => self.on_meta(meta.share(text), cx),
            Down::Pres(pres) => self.on_pres(pres.share(text), cx),
            Down::Info(info) => cx.event(ImEvent::Info(info.share(text))),
            Down::Other(kind, body) => {
                cx.event(ImEvent::Other(Down::Other(kind.share(text), body.share(text))));
            }
        }
    }

    fn on_ctrl(&mut self, ctrl: Ctrl<'static>, cx: &mut Cx<'_, Im>) {
        let Some(ctrl) = self.own_ctrl(ctrl, cx) else { return };
        match cx.by_key(&ctrl.id.decode().into_owned()) {
            Some(id) => self.on_answer(id, ctrl, cx),
            None => self.on_notice(ctrl, cx),
        }
    }

    /// A `ctrl` that answers nothing of ours.
    fn on_notice(&mut self, ctrl: Ctrl<'static>, cx: &mut Cx<'_, Im>) {
        let evicted = ctrl.code == 205 && ctrl.id.is_empty() && !ctrl.topic.is_empty();
        let topic = TopicName::from(&ctrl.topic);
        let unsub = param::<bool>(&ctrl, "unsub").unwrap_or(false);
        cx.event(ImEvent::Notice(ctrl));
        if evicted && unsub {
            self.forget(topic, cx);
        } else if evicted {
            self.detached(&topic, cx);
        }
    }

    fn on_answer(&mut self, id: RequestId, ctrl: Ctrl<'static>, cx: &mut Cx<'_, Im>) {
        let Some(ask) = cx.ask_mut(id) else { return };
        if !is_fine(&ctrl) {
            cx.complete(id, Err(RequestError::Rejected(rejection(&ctrl))));
            self.flush_waiting(cx);
            return;
        }
        let topic = ask.topic.clone();
        match &mut ask.kind {
            AskKind::Sub => self.subscribed(id, topic, ctrl, cx),
            AskKind::Pub { noecho } => {
                let noecho = *noecho;
                self.published(id, topic, noecho, ctrl, cx);
            }
            AskKind::Leave => {
                cx.complete(id, Ok(Answer::Done(ctrl)));
                self.unfollow(&topic, cx);
            }
            AskKind::Get { wanted, meta } => {
                match param::<String>(&ctrl, "what") {
                    Some(what) => wanted.got(&what),
                    // An empty answer that does not say to what: nothing more will come.
                    None => *wanted = Default::default(),
                }
                if wanted.is_empty() {
                    let meta = std::mem::take(meta);
                    cx.complete(id, Ok(Answer::Meta(meta)));
                }
            }
            AskKind::History { messages, .. } => {
                let mut messages = std::mem::take(messages);
                messages.sort_by_key(|message| message.seq);
                messages.dedup_by_key(|message| message.seq);
                let count = param::<u64>(&ctrl, "count").unwrap_or(messages.len() as u64);
                cx.complete(id, Ok(Answer::History(History { topic, messages, count })));
            }
            AskKind::Set { parts } => {
                *parts = parts.saturating_sub(1);
                if *parts == 0 {
                    cx.complete(id, Ok(Answer::Done(ctrl)));
                }
            }
            AskKind::Del { topic_too } => {
                let topic_too = *topic_too;
                cx.complete(id, Ok(Answer::Done(ctrl)));
                if topic_too {
                    self.unfollow(&topic, cx);
                }
            }
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
        if topic.is_to_be_created() {
            // A name that creates must not be attached again. The server should have named the group.
            cx.complete(id, Ok(Answer::Subscribed(Subscribed { topic, ctrl })));
            self.flush_waiting(cx);
            return;
        }
        let is_new = !self.topics.contains_key(&topic);
        if is_new && self.topics.len() >= self.config.max_topics {
            let why = Rejection::new("too many topics", "the session follows no more");
            cx.complete(id, Err(RequestError::Rejected(why)));
            self.flush_waiting(cx);
            return;
        }
        let created = param::<String>(&ctrl, "tmpname").is_some();
        let head = param::<u64>(&ctrl, "seq").or(created.then_some(0));
        let track = self.topics.entry(topic.clone()).or_default();
        track.attached = true;
        if let Some(head) = head {
            track.learn_head(head);
        }
        let unknown = track.last().is_none() || head.is_none() && !is_new;
        let answer = Subscribed { topic: topic.clone(), ctrl };
        cx.complete(id, Ok(Answer::Subscribed(answer)));
        if unknown {
            self.ask_head(topic.clone(), cx);
        }
        self.advance(&topic, cx);
        self.flush_waiting(cx);
    }

    fn published(
        &mut self,
        id: RequestId,
        topic: TopicName,
        noecho: bool,
        ctrl: Ctrl<'static>,
        cx: &mut Cx<'_, Im>,
    ) {
        let Some(seq) = param::<u64>(&ctrl, "seq") else {
            // Accepted, it seems, and perhaps stored: not a refusal.
            cx.complete(id, Err(RequestError::Unknown));
            return;
        };
        let ts = ctrl.ts.clone();
        cx.complete(id, Ok(Answer::Published(Receipt { topic: topic.clone(), seq, ts })));
        if noecho && let Some(track) = self.topics.get_mut(&topic) {
            track.offer(seq, None, self.config.max_fill);
            self.advance(&topic, cx);
        }
    }

    fn on_data(&mut self, data: Data<'static>, cx: &mut Cx<'_, Im>) {
        let topic = TopicName::from(&data.topic);
        let is_read = self.readers.contains_key(&topic);
        if let Some(readers) = self.readers.get_mut(&topic) {
            readers.retain(|id| cx.ask_mut(*id).map(|ask| collect(ask, &data)).is_some());
            if readers.is_empty() {
                self.readers.remove(&topic);
            }
        }
        if let Some(track) = self.topics.get_mut(&topic) {
            track.offer(data.seq, Some(data), self.config.max_fill);
            self.advance(&topic, cx);
        } else if !is_read {
            cx.event(ImEvent::Other(Down::Data(data)));
        }
    }

    fn on_meta(&mut self, meta: Box<Meta<'static>>, cx: &mut Cx<'_, Im>) {
        let Some(mut meta) = self.own_meta(meta, cx) else { return };
        let request = cx.by_key(&meta.id.decode().into_owned());
        let Some(AskKind::Get { wanted, meta: sum }) =
            request.and_then(|id| cx.ask_mut(id)).map(|ask| &mut ask.kind)
        else {
            cx.event(ImEvent::Other(Down::Meta(meta)));
            return;
        };
        merge(sum, &mut meta, wanted);
        if wanted.is_empty() {
            let sum = std::mem::take(sum);
            if let Some(id) = request {
                cx.complete(id, Ok(Answer::Meta(sum)));
            }
        }
    }

    fn on_pres(&mut self, pres: Pres<'static>, cx: &mut Cx<'_, Im>) {
        let about = if pres.src.is_empty() { &pres.topic } else { &pres.src };
        let (about, what) = (TopicName::from(about), pres.what.decode().into_owned());
        cx.event(ImEvent::Presence(pres));
        match what.as_str() {
            "gone" => self.forget(about, cx),
            "term" => self.moved(about, cx),
            _ => {}
        }
    }

    /// The topic is gone for this user: it is not attached again.
    fn forget(&mut self, topic: TopicName, cx: &mut Cx<'_, Im>) {
        if self.unfollow(&topic, cx) {
            cx.event(ImEvent::TopicGone { topic });
        }
    }
}

/// Adds a message to a page of history that asked for it.
fn collect(ask: &mut Ask, data: &Data<'static>) {
    if let AskKind::History { since, before, limit, messages } = &mut ask.kind
        && (*since..*before).contains(&data.seq)
        && messages.len() < *limit
    {
        messages.push(data.clone());
    }
}

/// Moves the sections of one answer into the sum.
fn merge(sum: &mut Meta<'static>, meta: &mut Meta<'static>, wanted: &mut super::ask::Wanted) {
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
    sum.extra.append(&mut meta.extra);
}

/// One of a `ctrl`'s params.
fn param<T: serde::de::DeserializeOwned>(ctrl: &Ctrl<'_>, name: &str) -> Option<T> {
    let params: serde_json::Map<String, serde_json::Value> = ctrl.params.as_ref()?.parse().ok()?;
    serde_json::from_value(params.get(name)?.clone()).ok()
}
