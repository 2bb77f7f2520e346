//! What applications do.

#![expect(clippy::wildcard_enum_match_arm, reason = "each function is about some of the verbs")]

use bytes::Bytes;
use chat_hub::Script;
use chat_proto::Now;
use chat_proto::c2c::client::{SendOptions, Since};
use chat_proto::c2c::rest::HistoryQuery as OrderQuery;
use chat_proto::client::{Phase, RequestId, Session};
use chat_proto::error::{CallError, RequestError};
use chat_proto::im::client::{Answer, HistoryQuery, Publish, SetRequest, Subscribe, TypingKind};
use chat_proto::im::{AccessMode, Im, Seqs, TopicKind, TopicName, UserId};
use chat_proto::json::Raw;

use super::World;
use super::client::{Either, Role};
use crate::observe::{self, Chat, Observation};
use crate::people;
use crate::schedule::{Verb, VerbKind};

/// What users want to be allowed, one after the other.
const WANTED: [&str; 6] = ["JRWPS", "JRW", "JRP", "JWP", "N", "RWP"];
/// What others are given.
const GIVEN: [Option<&str>; 6] =
    [None, Some("JRWP"), Some("JRWPAS"), Some("JR"), Some("JW"), Some("JRWPSD")];

impl World {
    /// An application does something; whether it could.
    pub(super) fn perform(&mut self, n: usize, verb: Verb) -> bool {
        let before = self.done;
        self.do_it(n, verb);
        self.done > before
    }

    fn do_it(&mut self, n: usize, verb: Verb) {
        match verb.kind {
            VerbKind::Connect => {
                if self.clients[n].machine.is_none() || self.clients[n].phase() == Phase::Closed {
                    self.start(n);
                }
                self.connect(n);
            }
            VerbKind::Restart => self.restart(n, true),
            VerbKind::Close => {
                let client = &mut self.clients[n];
                let now = client.now(self.clock.now());
                if let Some(machine) = &mut client.machine {
                    machine.close(now);
                    client.dirty = true;
                    self.observe(Observation::GivenUp { client: n, id: None });
                }
            }
            VerbKind::Cancel => {
                let client = &mut self.clients[n];
                let now = client.now(self.clock.now());
                if let Some(machine) = &mut client.machine {
                    let waiting: Vec<RequestId> = machine.waiting().iter().copied().collect();
                    if let Some(id) = waiting.get(usize::from(verb.arg) % waiting.len().max(1)) {
                        machine.cancel(*id, now);
                        client.dirty = true;
                        self.observe(Observation::GivenUp { client: n, id: Some(id.get()) });
                    }
                }
            }
            _ if self.clients[n].is_im() => self.topic_verb(n, verb),
            _ => self.order_verb(n, verb),
        }
    }

    /// Starts a program.
    pub(super) fn start(&mut self, n: usize) {
        let (seed, now) = (self.rng.next_u64(), self.clock.now());
        let client = &mut self.clients[n];
        client.start(seed, now);
        if self.shows {
            let configured = self.clients[n].configured();
            self.shown(|| configured);
            self.show_session(n);
        }
        let client = &mut self.clients[n];
        let user = client.user.clone();
        self.observe(Observation::Started { client: n, user });
        let watching: Vec<_> = self.clients[n].watching.iter().cloned().collect();
        let told = !self.history_lagged;
        for order in watching.into_iter().filter(|_| told) {
            self.observe(Observation::Watching { client: n, chat: Chat::Order(order), on: true });
        }
    }

    /// Connects, and follows what the program followed before.
    pub(super) fn connect(&mut self, n: usize) {
        let client = &mut self.clients[n];
        let now = client.now(self.clock.now());
        let Some(machine) = &mut client.machine else { return };
        let is_new = machine.phase() == Phase::Idle;
        machine.connect(now);
        client.dirty = true;
        if is_new && client.is_im() {
            self.subscribe(n, TopicName::me());
            for topic in self.clients[n].following.clone() {
                self.subscribe(n, topic);
            }
        }
    }

    fn subscribe(&mut self, n: usize, topic: TopicName) {
        let chat = Chat::of_topic(&self.clients[n].user, topic.as_str());
        let what = match chat {
            None if topic.kind() == TopicKind::Me => observe::Verb::Other,
            chat => observe::Verb::Subscribe { chat },
        };
        self.ask_im(n, VerbKind::Subscribe, what, |it, now| {
            it.subscribe(&topic, Subscribe::default(), now)
        });
    }

    fn ask_im(
        &mut self,
        n: usize,
        kind: VerbKind,
        what: observe::Verb,
        call: impl FnOnce(&mut Session<Im>, Now) -> Result<RequestId, CallError>,
    ) -> Option<RequestId> {
        let client = &mut self.clients[n];
        let now = client.now(self.clock.now());
        let Some(Either::Im(machine)) = &mut client.machine else { return None };
        let asked = machine.ask(now, call);
        self.asked(n, kind, what, asked)
    }

    fn asked(
        &mut self,
        n: usize,
        kind: VerbKind,
        verb: observe::Verb,
        asked: Result<RequestId, CallError>,
    ) -> Option<RequestId> {
        match asked {
            Ok(id) => {
                self.note(|| format!("client {n} asks {}: {verb:?}", id.get()));
                self.done += 1;
                self.clients[n].dirty = true;
                self.clients[n].asked.insert(id, kind);
                self.observe(Observation::Asked { client: n, id: id.get(), verb });
                Some(id)
            }
            Err(why) => {
                self.note(|| format!("client {n} cannot {kind:?}: {why}"));
                None
            }
        }
    }

    fn topic_verb(&mut self, n: usize, verb: Verb) {
        let user = self.clients[n].user.clone();
        let topic = self.pick_topic(n, verb.topic);
        let Some(chat) = Chat::of_topic(&user, topic.as_str()) else { return };
        let who = people::user(usize::from(verb.who) % people::USERS);
        let member = UserId::new(who.clone());
        let arg = usize::from(verb.arg);
        let mode = |text: &str| AccessMode::parse_lenient(text);
        let kind = verb.kind;
        match kind {
            VerbKind::Subscribe => self.subscribe(n, topic),
            VerbKind::CreateGroup => {
                let what = observe::Verb::Subscribe { chat: None };
                self.ask_im(n, kind, what, |it, now| it.create_group(Subscribe::default(), now));
            }
            VerbKind::Publish | VerbKind::PublishMute => {
                let no_echo = kind == VerbKind::PublishMute;
                self.contents += 1;
                let content = Raw::from_text(&format!("m{}", self.contents));
                let text = content.as_str().to_owned();
                let what = observe::Verb::Publish { chat, content: text, no_echo };
                let message = Publish::content(content);
                let message = if no_echo { message.without_echo() } else { message };
                self.ask_im(n, kind, what, |it, now| it.publish(&topic, message, now));
            }
            VerbKind::Leave => {
                let what = observe::Verb::Leave { chat };
                let id = self.ask_im(n, kind, what, |it, now| it.leave(&topic, now));
                self.leaves(n, id, topic);
            }
            VerbKind::Unsubscribe => {
                let what = observe::Verb::Unsubscribe { chat };
                let id = self.ask_im(n, kind, what, |it, now| it.unsubscribe(&topic, now));
                self.leaves(n, id, topic);
            }
            VerbKind::DeleteTopic => {
                let what = observe::Verb::Delete { chat };
                let id = self.ask_im(n, kind, what, |it, now| it.delete_topic(&topic, now));
                self.leaves(n, id, topic);
            }
            VerbKind::Describe => {
                self.ask_im(n, kind, observe::Verb::Other, |it, now| it.describe(&topic, now));
            }
            VerbKind::Members => {
                self.ask_im(n, kind, observe::Verb::Other, |it, now| it.subscriptions(&topic, now));
            }
            VerbKind::History => {
                let query = HistoryQuery::newest(1 + u64::from(verb.arg % 8));
                let what = observe::Verb::History { chat };
                self.ask_im(n, kind, what, |it, now| it.history(&topic, query, now));
            }
            VerbKind::Invite => {
                let given = GIVEN[arg % GIVEN.len()];
                // What one gives oneself is what one wants.
                let given = given.or_else(|| (who == user).then_some("JRWP"));
                let what = match given {
                    Some(mode) if who == user => {
                        observe::Verb::Want { chat, mode: mode.to_owned() }
                    }
                    _ => observe::Verb::Give { chat, user: who, mode: given.map(str::to_owned) },
                };
                self.ask_im(n, kind, what, |it, now| {
                    it.invite(&topic, &member, given.map(mode), now)
                });
            }
            VerbKind::Ban => {
                let mode = "N".to_owned();
                let what = if who == user {
                    observe::Verb::Want { chat, mode }
                } else {
                    observe::Verb::Give { chat, user: who, mode: Some(mode) }
                };
                self.ask_im(n, kind, what, |it, now| it.ban(&topic, &member, now));
            }
            VerbKind::Transfer => {
                let all = AccessMode::ALL.to_string();
                let what = if who == user {
                    observe::Verb::Want { chat, mode: all }
                } else {
                    observe::Verb::Give { chat, user: who, mode: Some(all) }
                };
                self.ask_im(n, kind, what, |it, now| it.transfer_ownership(&topic, &member, now));
            }
            VerbKind::Remove => {
                let what = observe::Verb::Remove { chat, user: who };
                self.ask_im(n, kind, what, |it, now| it.remove_member(&topic, &member, now));
            }
            VerbKind::Want => {
                let wanted = WANTED[arg % WANTED.len()];
                let what = observe::Verb::Want { chat, mode: wanted.to_owned() };
                let request = SetRequest::default().own_mode(mode(wanted));
                let id = self.ask_im(n, kind, what, |it, now| it.set(&topic, request, now));
                if !wanted.contains('J') {
                    self.leaves(n, id, topic);
                }
            }
            VerbKind::SetPublic => {
                self.contents += 1;
                let public = Raw::from_text(&format!("about {}", self.contents));
                let request = SetRequest::default().public(public);
                self.ask_im(n, kind, observe::Verb::Other, |it, now| it.set(&topic, request, now));
            }
            VerbKind::Erase | VerbKind::Hide => {
                let first = 1 + u64::from(verb.arg % 7);
                let last = first + u64::from(verb.who % 3);
                let hard = kind == VerbKind::Erase;
                let what = observe::Verb::Erase { chat, ranges: vec![(first, last)], hard };
                let seqs = Seqs::from(first..=last);
                self.ask_im(n, kind, what, |it, now| {
                    if hard {
                        it.delete_messages(&topic, seqs, now)
                    } else {
                        it.hide_messages(&topic, seqs, now)
                    }
                });
            }
            VerbKind::NoteRead | VerbKind::NoteReceived => self.note_topic(n, kind, &topic, chat),
            VerbKind::Typing => {
                self.call_im(n, |it, now| it.note_typing(&topic, TypingKind::Text, now));
            }
            _ => {}
        }
    }

    fn call_im<T>(&mut self, n: usize, call: impl FnOnce(&mut Session<Im>, Now) -> T) -> Option<T> {
        let client = &mut self.clients[n];
        let now = client.now(self.clock.now());
        let Some(Either::Im(machine)) = &mut client.machine else { return None };
        client.dirty = true;
        self.done += 1;
        Some(machine.call(now, call))
    }

    fn note_topic(&mut self, n: usize, kind: VerbKind, topic: &TopicName, chat: Chat) {
        let read = kind == VerbKind::NoteRead;
        let Some(Either::Im(machine)) = &self.clients[n].machine else { return };
        let told = machine.session().topic(topic).and_then(|view| view.told());
        let Some(told) = told else { return };
        let noted = self.call_im(n, |it, now| {
            if read { it.note_read(topic, told, now) } else { it.note_received(topic, told, now) }
        });
        if noted.is_some_and(|result| result.is_ok()) {
            self.observe(Observation::Noted { client: n, chat, seq: told.get(), read });
        }
    }

    fn leaves(&mut self, n: usize, id: Option<RequestId>, topic: TopicName) {
        let client = &mut self.clients[n];
        client.following.remove(&topic);
        if let (Some(id), Some(Either::Im(machine))) = (id, &mut client.machine) {
            machine.memory_mut().leaving(id, topic);
        }
    }

    /// A request of topic chat ended.
    pub(super) fn ended_im(
        &mut self,
        n: usize,
        id: RequestId,
        result: &Result<Answer, RequestError>,
    ) {
        self.clients[n].asked.remove(&id);
        if let Ok(Answer::Subscribed(it)) = result {
            if it.topic.kind() == TopicKind::Group && !self.groups.contains(&it.topic) {
                self.groups.push(it.topic.clone());
            }
            if it.topic.kind() != TopicKind::Me {
                self.clients[n].unsettled.push(it.topic.clone());
                self.clients[n].following.insert(it.topic.clone());
            }
        }
    }

    /// Looks whether a client knows by now how far its topics go.
    pub(super) fn look_at_topics(&mut self, n: usize) {
        let client = &mut self.clients[n];
        let Some(Either::Im(machine)) = &client.machine else { return };
        let mut settled = Vec::new();
        client.unsettled.retain(|topic| {
            let view = machine.session().topic(topic).filter(|view| view.is_followed());
            let is_known = view.is_some_and(|view| view.told().is_some());
            settled.extend(is_known.then(|| topic.clone()));
            view.is_some() && !is_known
        });
        let user = client.user.clone();
        for topic in settled {
            if let Some(chat) = Chat::of_topic(&user, topic.as_str()) {
                self.observe(Observation::Following { client: n, chat });
            }
        }
    }

    /// Even numbers are groups, as far as there are any; odd ones are other users.
    fn pick_topic(&self, n: usize, pick: u8) -> TopicName {
        let pick = usize::from(pick);
        if pick.is_multiple_of(2) && !self.groups.is_empty() {
            return self.groups[pick / 2 % self.groups.len()].clone();
        }
        let Role::Im(setup) = self.clients[n].role else { return TopicName::me() };
        let others = (0..people::USERS).filter(|it| *it != usize::from(setup.user));
        let other = others.cycle().nth(pick / 2 % (people::USERS - 1)).unwrap_or(0);
        TopicName::new(people::user(other))
    }

    fn order_verb(&mut self, n: usize, verb: Verb) {
        let Role::C2c(setup) = self.clients[n].role else { return };
        let orders = people::orders_of(usize::from(setup.account));
        let order = orders[usize::from(verb.topic) % orders.len()];
        let chat = Chat::Order(order.to_owned());
        let client = &mut self.clients[n];
        let now = client.now(self.clock.now());
        let Some(Either::C2c(machine)) = &mut client.machine else { return };
        self.contents += 1;
        let content = format!("m{}", self.contents);
        let (what, asked) = match verb.kind {
            VerbKind::Send => (
                observe::Verb::Publish { chat, content: content.clone(), no_echo: false },
                machine.ask(now, |it, now| it.send_text(order, &content, now)),
            ),
            VerbKind::SendPicture => (
                observe::Verb::Other,
                machine.ask(now, |it, now| {
                    let name = format!("{content}.png");
                    it.send_picture(order, &name, picture(), SendOptions::default(), now)
                }),
            ),
            VerbKind::OrderHistory => (
                observe::Verb::History { chat },
                machine.ask(now, |it, now| it.history(OrderQuery::newest(order), now)),
            ),
            VerbKind::MarkRead => {
                let what = observe::Verb::MarkRead { chat };
                (what, machine.ask(now, |it, now| it.mark_read(order, None, now)))
            }
            VerbKind::PreSign => {
                (observe::Verb::Other, machine.ask(now, |it, now| it.pre_signed_url("a.png", now)))
            }
            VerbKind::Watch => {
                let stored = client.checkpoints.get(order).cloned();
                let since = stored.map_or(Since::Start, Since::Checkpoint);
                let result = machine.call(now, |it, now| it.watch(order, since, now));
                self.done += 1;
                client.dirty = true;
                let is_new = result.is_ok() && client.watching.insert(order.to_owned());
                if is_new && !self.history_lagged {
                    self.observe(Observation::Watching { client: n, chat, on: true });
                }
                return;
            }
            VerbKind::Unwatch => {
                let last = machine.call(now, |it, now| it.unwatch(order, now));
                self.done += 1;
                client.dirty = true;
                client.checkpoints.extend(last.map(|last| (order.to_owned(), last)));
                if client.watching.remove(order) {
                    self.observe(Observation::Watching { client: n, chat, on: false });
                }
                return;
            }
            _ => return,
        };
        self.asked(n, verb.kind, what, asked);
    }

    /// The other side of an order, or the service, does something.
    pub(super) fn script(&mut self, order: u8, what: u8) {
        let which = usize::from(order) % people::ORDERS.len();
        let (order, now) = (people::ORDERS[which], self.hub_now());
        let buyer = people::api_key(which + 1);
        self.contents += 1;
        let content = format!("s{}", self.contents);
        if what % 8 == 5 && self.host.hub().is_some() {
            let verb = observe::Verb::MarkRead { chat: Chat::Order(order.to_owned()) };
            self.observe(Observation::Scripted { user: people::trader(which + 1), verb });
        }
        let script = match what % 8 {
            0..3 => Script::Text { from: buyer, content },
            3 => Script::OrderEvent { event: "payed".to_owned() },
            4 => Script::SystemText { content },
            5 => Script::Read { by: buyer },
            6 => Script::Statistics { to: people::api_key(0) },
            _ => Script::Raw { to: people::api_key(0), text: "{\"type\":\"odd\"}".into() },
        };
        let condition = match what % 8 {
            0..3 => "script: a text of the other side",
            3 => "script: the order moves on",
            4 => "script: a text of the service",
            5 => "script: the other side reads",
            6 => "script: counters",
            _ => "script: a frame of an unknown kind",
        };
        if let Some(hub) = self.host.hub_mut() {
            self.coverage.was(condition);
            if let Err(why) = hub.c2c_script(order, script, now) {
                self.fail(format!("a script is wrong: {why}"));
            }
        }
        self.host_dirty = true;
    }
}

/// The header of a picture, and something behind it.
fn picture() -> Bytes {
    const PNG: &[u8] =
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x08\0\0\0\x06\x08\x02\0\0\0\x01\x02\x03";
    Bytes::from_static(PNG)
}
