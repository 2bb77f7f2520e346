//! Frames from the server.

use super::answer::{Answer, History, Receipt, Subscribed};
use super::ask::{Ask, AskKind};
use super::event::ImEvent;
use super::state::{ImState, Own, rejection};
use super::track::{Page, Step, Track};
use crate::client::{Cx, RequestId};
use crate::error::{Rejection, RequestError};
use crate::im::down::{Ctrl, Data, Meta, Pres};
use crate::im::up::{Get, GetOpts, Sub, Verb};
use crate::im::{Down, Im, TopicKind, TopicName};
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
        let id = ctrl.id.decode().into_owned();
        if let Some(own) = self.own.remove(&id) {
            self.on_own_ctrl(own, id, &ctrl, cx);
        } else if let Some(id) = cx.by_key(&id) {
            self.on_answer(id, ctrl, cx);
        } else {
            self.on_notice(ctrl, cx);
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
        } else if evicted && let Some(track) = self.topics.get_mut(&topic) {
            track.detach();
        }
    }

    fn on_answer(&mut self, id: RequestId, ctrl: Ctrl<'static>, cx: &mut Cx<'_, Im>) {
        let Some(ask) = cx.ask_mut(id) else { return };
        // 304 says that nothing had to be done. (tinode-code)
        let fine = ctrl.code < 300 || ctrl.code == 304;
        if !fine {
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
            AskKind::Leave { unsub } => {
                if *unsub {
                    self.topics.remove(&topic);
                } else if let Some(track) = self.topics.get_mut(&topic) {
                    // Left on purpose: not attached again after a loss.
                    track.detach();
                    self.topics.remove(&topic);
                }
                cx.complete(id, Ok(Answer::Done(ctrl)));
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
                if *topic_too {
                    self.topics.remove(&topic);
                }
                cx.complete(id, Ok(Answer::Done(ctrl)));
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
        let is_new = !self.topics.contains_key(&topic);
        if is_new && self.topics.len() >= self.config.max_topics {
            let why = Rejection::new("too many topics", "the session follows no more");
            cx.complete(id, Err(RequestError::Rejected(why)));
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
            let why = Rejection::new(ctrl.code, "the answer to a publish names no seq");
            cx.complete(id, Err(RequestError::Rejected(why)));
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
        if let Some(readers) = self.readers.get_mut(&topic) {
            readers.retain(|id| cx.ask_mut(*id).map(|ask| collect(ask, &data)).is_some());
            if readers.is_empty() {
                self.readers.remove(&topic);
            }
        }
        // Else it is not one the application follows, e.g. history of a topic it only reads.
        if let Some(track) = self.topics.get_mut(&topic) {
            track.offer(data.seq, Some(data), self.config.max_fill);
            self.advance(&topic, cx);
        }
    }

    fn on_meta(&mut self, mut meta: Box<Meta<'static>>, cx: &mut Cx<'_, Im>) {
        let id = meta.id.decode().into_owned();
        if let Some(Own::Head(topic)) = self.own.get(&id).cloned() {
            self.own.remove(&id);
            if let (Some(desc), Some(track)) = (&meta.desc, self.topics.get_mut(&topic)) {
                track.learn_head(desc.seq);
            }
            self.advance(&topic, cx);
            return;
        }
        let request = cx.by_key(&id);
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

    fn on_pres(&mut self, pres: Box<Pres<'static>>, cx: &mut Cx<'_, Im>) {
        let about = if pres.src.is_empty() { &pres.topic } else { &pres.src };
        let (about, what) = (TopicName::from(about), pres.what.decode().into_owned());
        cx.event(ImEvent::Presence(*pres));
        match what.as_str() {
            "gone" => self.forget(about, cx),
            "term" => {
                if let Some(track) = self.topics.get_mut(&about) {
                    track.detach();
                    self.attach(about, cx);
                }
            }
            _ => {}
        }
    }

    /// The topic is gone for this user: it is not attached again.
    fn forget(&mut self, topic: TopicName, cx: &mut Cx<'_, Im>) {
        if self.topics.remove(&topic).is_some() {
            cx.event(ImEvent::TopicGone { topic });
        }
    }

    fn on_own_ctrl(&mut self, own: Own, id: String, ctrl: &Ctrl<'_>, cx: &mut Cx<'_, Im>) {
        let fine = ctrl.code < 300 || ctrl.code == 304;
        match own {
            Own::Attach(topic) => {
                if fine {
                    if let Some(track) = self.topics.get_mut(&topic) {
                        track.attached = true;
                        self.ask_head(topic, cx);
                    }
                } else if self.topics.remove(&topic).is_some() {
                    cx.event(ImEvent::AttachRefused { topic, why: rejection(ctrl) });
                }
                self.flush_waiting(cx);
            }
            // Without the head, the first live message tells how far the topic goes.
            Own::Head(_) => {}
            Own::Fill(topic) => {
                let mut steps = Vec::new();
                if let Some(track) = self.topics.get_mut(&topic) {
                    track.page_done(&mut steps);
                }
                self.tell(&topic, steps, cx);
                self.advance(&topic, cx);
            }
        }
        drop(id);
    }

    /// Attaches a topic again.
    pub(super) fn attach(&mut self, topic: TopicName, cx: &mut Cx<'_, Im>) {
        let id = cx.rng().uuid().to_string();
        let sub = Sub { id: id.clone().into(), topic: topic.to_str(), ..Sub::default() };
        self.send_own(Own::Attach(topic), Verb::Sub(Box::new(sub)), id, cx);
    }

    /// Asks how far a topic goes.
    fn ask_head(&mut self, topic: TopicName, cx: &mut Cx<'_, Im>) {
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
        self.send_own(Own::Head(topic), Verb::Get(Box::new(get)), id, cx);
    }

    /// Hands on what is in order, and fetches what is missing.
    fn advance(&mut self, topic: &TopicName, cx: &mut Cx<'_, Im>) {
        let Some(track) = self.topics.get_mut(topic) else { return };
        let mut steps = Vec::new();
        track.release(&mut steps);
        let page = if has_messages(topic) { self.next_page(topic, &mut steps) } else { None };
        self.tell(topic, steps, cx);
        if let Some(page) = page {
            self.fetch(topic.clone(), page, cx);
        }
    }

    fn next_page(&mut self, topic: &TopicName, steps: &mut Vec<Step>) -> Option<Page> {
        let (size, max) = (self.config.fill_page, self.config.max_fill);
        self.topics.get_mut(topic).and_then(|track: &mut Track| track.next_page(size, max, steps))
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
        self.send_own(Own::Fill(topic), Verb::Get(Box::new(get)), id, cx);
    }

    fn tell(&self, topic: &TopicName, steps: Vec<Step>, cx: &mut Cx<'_, Im>) {
        for step in steps {
            cx.event(match step {
                Step::Message(data) => ImEvent::Message(*data),
                Step::Gap { from, to } => ImEvent::Gap { topic: topic.clone(), from, to },
            });
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

/// Whether a topic numbers messages.
const fn is_numbered(kind: TopicKind) -> bool {
    !matches!(kind, TopicKind::Me | TopicKind::Fnd)
}

fn has_messages(topic: &TopicName) -> bool {
    is_numbered(topic.kind())
}
