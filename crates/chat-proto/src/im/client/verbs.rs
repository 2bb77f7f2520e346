//! What an application can ask for.
//!
//! Every verb but the notes gives a [`RequestId`] that ends in exactly one `Completed` event. A verb
//! called before the session is ready is kept and sent then; its time runs all the same.

use super::answer::Changed;
use super::ask::{Ask, AskKind, Wanted, WireId};
use super::event::TypingKind;
use super::notes::Mark;
use super::request::{HistoryQuery, Publish, Query, Section, SetRequest, Subscribe, no_meta};
use super::state::ImState;
use crate::client::{Cx, RequestId, Session};
use crate::codec::Wire;
use crate::error::CallError;
use crate::im::up::{Cred, Del, Get, Leave, Pub, Set, Sub, Up, UpExtra, Verb};
use crate::im::{AccessMode, Flavor, Im, Seq, Seqs, TopicName, UserId};
use crate::json::Str;
use crate::table::Table;
use crate::time::Now;

impl Session<Im> {
    /// Subscribes to a topic and attaches it to this session; attaches it again after every loss.
    /// [`TopicName::new_group`] creates a group. Answers
    /// [`Answer::Subscribed`](super::Answer::Subscribed).
    ///
    /// What is told begins where the topic ends at that moment, which the session asks for next:
    /// [`TopicView::told`](super::TopicView::told) is known from then on, and from there no loss of a
    /// link takes anything. A link that is lost in between takes along what was published in between.
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn subscribe(
        &mut self,
        topic: &TopicName,
        how: Subscribe,
        now: Now,
    ) -> Result<RequestId, CallError> {
        let wanted = Wanted::of(&how.what());
        let kind = AskKind::Sub { wanted, what: wanted, meta: no_meta(), attached: None };
        self.ask(topic, kind, now, |id, topic| {
            let (set, get) = (how.set_query(), how.get_query());
            Verb::Sub(Box::new(Sub { id, topic, set, get, ..Sub::default() }))
        })
    }

    /// Creates a group, follows it, and answers [`Answer::Subscribed`](super::Answer::Subscribed) with
    /// its name.
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn create_group(&mut self, how: Subscribe, now: Now) -> Result<RequestId, CallError> {
        self.subscribe(&TopicName::new_group(), how, now)
    }

    /// Detaches this session from a topic; the subscription stays. Answers
    /// [`Answer::Done`](super::Answer::Done).
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn leave(&mut self, topic: &TopicName, now: Now) -> Result<RequestId, CallError> {
        self.ask(topic, AskKind::Leave { unsub: false }, now, |id, topic| {
            Verb::Leave(Leave { id, topic, unsub: Some(false), ..Leave::default() })
        })
    }

    /// Gives the subscription up, in all sessions of this user. Answers
    /// [`Answer::Done`](super::Answer::Done).
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn unsubscribe(&mut self, topic: &TopicName, now: Now) -> Result<RequestId, CallError> {
        self.ask(topic, AskKind::Leave { unsub: true }, now, |id, topic| {
            Verb::Leave(Leave { id, topic, unsub: Some(true), ..Leave::default() })
        })
    }

    /// Publishes a message. Answers [`Answer::Published`](super::Answer::Published) when the server has
    /// stored it. When the link is lost before the answer, history tells whether it was stored; if it
    /// provably was not, it is sent again under the same id. Only where neither can be found out the
    /// request ends in [`RequestError::Unknown`](crate::error::RequestError::Unknown): it may have been
    /// stored. Messages to one topic keep their order.
    ///
    /// What history cannot prove is that a message is not still on its way on the dead link. A server
    /// that reads it later stores it a second time, unless it knows repeated ids, as the local server
    /// does ([`ImConfig::server_deduplicates`](super::ImConfig::server_deduplicates)).
    ///
    /// # Errors
    ///
    /// The session is closed, too many requests wait, or the message is too long.
    pub fn publish(
        &mut self,
        topic: &TopicName,
        message: Publish,
        now: Now,
    ) -> Result<RequestId, CallError> {
        let Publish { content, mut head, mut attachments, echo } = message;
        let kind = AskKind::Pub(super::ask::Pub { noecho: !echo, ..Default::default() });
        let mut content = Some(content);
        self.ask_frame(topic, kind, now, &mut |id, out| {
            let (id, topic) = (Str::borrowed(id), Str::borrowed(topic.as_str()));
            let (noecho, head, content) = (Some(!echo), head.take(), content.take());
            let frame = Pub { id, topic, noecho, head, content, ..Pub::default() };
            if attachments.is_empty() {
                frame.write_lone(out);
                return;
            }
            let attachments = Some(std::mem::take(&mut attachments));
            let extra = Some(Box::new(UpExtra { attachments, ..UpExtra::default() }));
            Up { verb: Verb::Pub(frame), extra }.encode_into(out);
        })
    }

    /// Asks about a topic. Answers [`Answer::Meta`](super::Answer::Meta) when every section was
    /// answered.
    ///
    /// # Errors
    ///
    /// The session is closed, too many requests wait, or no section is asked for.
    pub fn get(
        &mut self,
        topic: &TopicName,
        query: &Query,
        now: Now,
    ) -> Result<RequestId, CallError> {
        let (what, desc, sub) = (query.what(), query.desc(), query.sub());
        if what.is_empty() {
            return Err(CallError::Invalid("a query needs a section"));
        }
        let kind = AskKind::Get { wanted: Wanted::of(&what), meta: no_meta(), refused: None };
        self.ask(topic, kind, now, |id, topic| {
            Verb::Get(Box::new(Get { id, topic, what: what.into(), desc, sub, ..Get::default() }))
        })
    }

    /// Asks for a topic's description. Answers [`Answer::Meta`](super::Answer::Meta).
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn describe(&mut self, topic: &TopicName, now: Now) -> Result<RequestId, CallError> {
        self.get(topic, &Query::of(&[Section::Desc]), now)
    }

    /// Asks for a topic's members, or, of `me`, for this user's topics. Answers
    /// [`Answer::Meta`](super::Answer::Meta).
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn subscriptions(&mut self, topic: &TopicName, now: Now) -> Result<RequestId, CallError> {
        self.get(topic, &Query::of(&[Section::Sub]), now)
    }

    /// Fetches one page of history. Answers [`Answer::History`](super::Answer::History); ask for
    /// the page before it with [`History::older`](super::History::older) until that is `None`.
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn history(
        &mut self,
        topic: &TopicName,
        query: HistoryQuery,
        now: Now,
    ) -> Result<RequestId, CallError> {
        let data = Some(query.opts());
        let kind = AskKind::History { query, messages: Table::new() };
        self.ask(topic, kind, now, |id, topic| {
            let what = "data".into();
            Verb::Get(Box::new(Get { id, topic, what, data, ..Get::default() }))
        })
    }

    /// Changes a topic: descriptions, access, tags. Answers [`Answer::Changed`](super::Answer::Changed)
    /// when every part was answered and some were done.
    ///
    /// # Errors
    ///
    /// The session is closed, too many requests wait, or there is nothing to change.
    pub fn set(
        &mut self,
        topic: &TopicName,
        request: SetRequest,
        now: Now,
    ) -> Result<RequestId, CallError> {
        let parts = request.parts();
        if parts == 0 {
            return Err(CallError::Invalid("nothing to change"));
        }
        let changed = Changed {
            topic: topic.clone(),
            user: None,
            access: None,
            done: Vec::new(),
            refused: Vec::new(),
            unanswered: parts,
        };
        let (farewell, barred) = (request.says_farewell(), request.barred());
        let kind = AskKind::Set { changed: Box::new(changed), farewell, barred };
        let SetRequest { desc, sub, tags, cred, aux, .. } = request;
        self.ask(topic, kind, now, |id, topic| {
            Verb::Set(Box::new(Set { id, topic, desc, sub, tags, cred, aux, ..Set::default() }))
        })
    }

    /// Makes `user` a member of a group, with a mode or with the group's default. Answers
    /// [`Answer::Changed`](super::Answer::Changed).
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn invite(
        &mut self,
        topic: &TopicName,
        user: &UserId,
        mode: Option<AccessMode>,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.set(topic, SetRequest::default().member_mode(user, mode), now)
    }

    /// Takes all access to a group from `user`, who then cannot join again. Another
    /// [`invite`](Session::invite) with a mode undoes it. Answers
    /// [`Answer::Changed`](super::Answer::Changed).
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn ban(
        &mut self,
        topic: &TopicName,
        user: &UserId,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.invite(topic, user, Some(AccessMode::NONE), now)
    }

    /// Makes `user` the owner of a group. With PortSIP that is one step, and this user keeps `JRWPS`;
    /// with Tinode the other one must [accept](Session::accept_ownership), and only then this user
    /// loses `O`. (seed, tinode-code) Answers [`Answer::Changed`](super::Answer::Changed), whose
    /// `access` tells which it was.
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn transfer_ownership(
        &mut self,
        topic: &TopicName,
        user: &UserId,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.invite(topic, user, Some(AccessMode::ALL), now)
    }

    /// Accepts the ownership of a group that its owner offered. Tinode only. Answers
    /// [`Answer::Changed`](super::Answer::Changed).
    ///
    /// # Errors
    ///
    /// The session is closed, too many requests wait, or the server is PortSIP's, where a transfer is
    /// one step of the owner.
    pub fn accept_ownership(
        &mut self,
        topic: &TopicName,
        now: Now,
    ) -> Result<RequestId, CallError> {
        if self.state().config.host.flavor() == Flavor::PortSip {
            return Err(CallError::Invalid("PortSIP hands a group over in one step"));
        }
        self.set(topic, SetRequest::default().own_mode(AccessMode::ALL), now)
    }

    /// Removes a member from a group. Answers [`Answer::Done`](super::Answer::Done).
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn remove_member(
        &mut self,
        topic: &TopicName,
        user: &UserId,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.ask(topic, AskKind::Del { topic_too: false }, now, |id, topic| {
            let user = user.to_str();
            Verb::Del(Del { id, topic, user, what: "sub".into(), ..Del::default() })
        })
    }

    /// Deletes a topic for everybody; who does not own it only leaves. Answers
    /// [`Answer::Done`](super::Answer::Done).
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn delete_topic(&mut self, topic: &TopicName, now: Now) -> Result<RequestId, CallError> {
        self.ask(topic, AskKind::Del { topic_too: true }, now, |id, topic| {
            Verb::Del(Del { id, topic, what: "topic".into(), ..Del::default() })
        })
    }

    /// Deletes messages for this user only. Answers [`Answer::Done`](super::Answer::Done).
    ///
    /// # Errors
    ///
    /// The session is closed, too many requests wait, or no message is named.
    pub fn hide_messages(
        &mut self,
        topic: &TopicName,
        seqs: impl Into<Seqs>,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.delete(topic, &seqs.into(), false, now)
    }

    /// Deletes messages for everybody, where the user is allowed to; else only for this user.
    /// Answers [`Answer::Done`](super::Answer::Done).
    ///
    /// # Errors
    ///
    /// The session is closed, too many requests wait, or no message is named.
    pub fn delete_messages(
        &mut self,
        topic: &TopicName,
        seqs: impl Into<Seqs>,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.delete(topic, &seqs.into(), true, now)
    }

    fn delete(
        &mut self,
        topic: &TopicName,
        seqs: &Seqs,
        hard: bool,
        now: Now,
    ) -> Result<RequestId, CallError> {
        if seqs.is_empty() {
            return Err(CallError::Invalid("no message is named"));
        }
        self.ask(topic, AskKind::Del { topic_too: false }, now, |id, topic| {
            let (what, delseq) = ("msg".into(), Some(seqs.to_wire()));
            Verb::Del(Del { id, topic, what, delseq, hard, ..Del::default() })
        })
    }

    /// Deletes a credential of this user. Tinode only. Answers [`Answer::Done`](super::Answer::Done).
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn delete_credential(
        &mut self,
        cred: Cred<'static>,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.ask(&TopicName::me(), AskKind::Del { topic_too: false }, now, |id, topic| {
            let (what, cred) = ("cred".into(), Some(cred));
            Verb::Del(Del { id, topic, what, cred, ..Del::default() })
        })
    }

    /// Tells that everything up to `seq` was received. Nothing answers. Receipts that follow each other
    /// closely become one, and one that could not be written goes out after the topic is attached
    /// again.
    ///
    /// # Errors
    ///
    /// The topic is not subscribed to.
    pub fn note_received(
        &mut self,
        topic: &TopicName,
        seq: impl Into<Seq>,
        now: Now,
    ) -> Result<(), CallError> {
        let seq = seq.into();
        self.with(now, |state, cx| state.mark(topic, Mark::Received, seq, cx))
    }

    /// Tells that everything up to `seq` was read, and so received. Nothing answers. Receipts that
    /// follow each other closely become one, and one that could not be written goes out after the
    /// topic is attached again.
    ///
    /// # Errors
    ///
    /// The topic is not subscribed to.
    pub fn note_read(
        &mut self,
        topic: &TopicName,
        seq: impl Into<Seq>,
        now: Now,
    ) -> Result<(), CallError> {
        let seq = seq.into();
        self.with(now, |state, cx| state.mark(topic, Mark::Read, seq, cx))
    }

    /// Tells that this user is typing or recording; call it at every key. Nothing answers. Dropped when
    /// it was told a moment ago, and while the topic is not attached.
    pub fn note_typing(&mut self, topic: &TopicName, how: TypingKind, now: Now) {
        self.with(now, |state, cx| state.typing(topic, how, cx));
    }

    /// Enters a request and writes it as soon as the session is ready.
    fn ask(
        &mut self,
        topic: &TopicName,
        kind: AskKind,
        now: Now,
        verb: impl for<'a> FnOnce(Str<'a>, Str<'a>) -> Verb<'a>,
    ) -> Result<RequestId, CallError> {
        let mut verb = Some(verb);
        self.ask_frame(topic, kind, now, &mut |id, out| {
            let verb = verb.take().expect("it is asked for once");
            Up::new(verb(Str::borrowed(id), Str::borrowed(topic.as_str()))).encode_into(out);
        })
    }

    /// What is the same for all verbs, so that it is compiled once.
    fn ask_frame(
        &mut self,
        topic: &TopicName,
        kind: AskKind,
        now: Now,
        frame: &mut dyn FnMut(&str, &mut Vec<u8>),
    ) -> Result<RequestId, CallError> {
        self.with(now, |state: &mut ImState, cx: &mut Cx<'_, Im>| {
            let (id, mut out) = (WireId::new(cx.rng().uuid()), cx.scratch());
            frame(id.as_str(), &mut out);
            let (len, limit) = (out.len(), cx.config().max_message);
            if len > limit {
                return Err(CallError::TooLong { len, limit });
            }
            let frame = cx.text(out);
            let (topic, sent, doubted) = (topic.clone(), false, false);
            let ask = Ask { topic, frame, sent, number: 0, doubted, kind };
            let id = cx.request(Some(id), ask)?;
            state.enqueue(id, cx);
            Ok(id)
        })
    }
}
