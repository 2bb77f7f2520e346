//! What an application can ask for.
//!
//! Every verb but the notes gives a [`RequestId`] that ends in exactly one `Completed` event. A verb
//! called before the session is ready is kept and sent then; its time runs all the same.

use super::ask::{Ask, AskKind, Wanted};
use super::state::ImState;
use crate::client::{Cx, Phase, RequestId, Session};
use crate::codec::Wire;
use crate::error::CallError;
use crate::im::down::Meta;
use crate::im::up::{
    Del, Get, GetOpts, GetQuery, Leave, Note, Pub, SeqRange, Set, SetDesc, SetQuery, SetSub, Sub,
    Up, Verb,
};
use crate::im::{AccessMode, Im, TopicName, UserId};
use crate::json::{Raw, Str};
use crate::time::Now;

/// Most messages one page of history may bring, whatever the server sends.
const MAX_PAGE: u64 = 10_000;

/// How to subscribe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subscribe {
    /// What to set on a new topic or a new subscription.
    pub set: Option<SetQuery<'static>>,
    /// What to fetch with it; the answers come as [`ImEvent::Other`](super::ImEvent::Other). Not for
    /// messages: those before the topic's last are taken for doubles; ask for them with
    /// [`Session::history`].
    pub get: Option<GetQuery<'static>>,
}

/// A message to publish.
#[derive(Clone, Debug, PartialEq)]
pub struct Publish {
    /// The content: any JSON.
    pub content: Raw<'static>,
    /// Headers: an object.
    pub head: Option<Raw<'static>>,
    /// Whether this session gets its own message back as an event.
    pub echo: bool,
}

impl Publish {
    /// Plain text, with an echo.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::content(Raw::from_text(text))
    }

    /// Any JSON, with an echo.
    #[must_use]
    pub const fn content(content: Raw<'static>) -> Self {
        Self { content, head: None, echo: true }
    }

    /// The same without an echo.
    #[must_use]
    pub const fn without_echo(mut self) -> Self {
        self.echo = false;
        self
    }
}

/// A section of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Section {
    /// Description.
    Desc,
    /// Subscriptions.
    Sub,
    /// Deleted messages.
    Del,
    /// Tags.
    Tags,
    /// Credentials.
    Cred,
    /// Auxiliary data.
    Aux,
}

impl Section {
    const fn name(self) -> &'static str {
        match self {
            Self::Desc => "desc",
            Self::Sub => "sub",
            Self::Del => "del",
            Self::Tags => "tags",
            Self::Cred => "cred",
            Self::Aux => "aux",
        }
    }
}

/// What to ask about a topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    sections: Vec<Section>,
    /// Only what changed after this RFC 3339 time.
    pub ims: Option<String>,
}

impl Query {
    /// A query for these sections.
    #[must_use]
    pub fn of(sections: &[Section]) -> Self {
        Self { sections: sections.to_vec(), ims: None }
    }

    /// Only what changed after this RFC 3339 time.
    #[must_use]
    pub fn changed_after(mut self, ims: impl Into<String>) -> Self {
        self.ims = Some(ims.into());
        self
    }

    fn opts(&self, section: Section) -> Option<GetOpts<'static>> {
        let ims = self.ims.clone().filter(|_| self.sections.contains(&section))?;
        Some(GetOpts { ims: ims.into(), ..GetOpts::default() })
    }
}

/// A page of history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Only messages at or above this number; 0 for all.
    pub since: u64,
    /// Only messages below this number; `None` for all.
    pub before: Option<u64>,
    /// At most so many, the newest of the range; `None` leaves it to the server.
    pub limit: Option<u64>,
}

/// What to change about a topic. Build it with the functions, then add parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetRequest {
    desc: Option<SetDesc<'static>>,
    sub: Option<SetSub<'static>>,
    tags: Option<Vec<Str<'static>>>,
}

impl SetRequest {
    /// The public description; owner only, in groups.
    #[must_use]
    pub fn public(mut self, public: Raw<'static>) -> Self {
        self.desc.get_or_insert_default().public = Some(public);
        self
    }

    /// The private description, seen by this user only.
    #[must_use]
    pub fn private(mut self, private: Raw<'static>) -> Self {
        self.desc.get_or_insert_default().private = Some(private);
        self
    }

    /// What this user wants to be allowed.
    #[must_use]
    pub fn own_mode(mut self, mode: AccessMode) -> Self {
        self.sub = Some(SetSub { mode: mode.to_string().into(), ..SetSub::default() });
        self
    }

    /// What a member is allowed; invites one who is none yet. `None` gives the topic's default.
    #[must_use]
    pub fn member_mode(mut self, user: &UserId, mode: Option<AccessMode>) -> Self {
        let mode = mode.map_or_else(String::new, |mode| mode.to_string());
        self.sub = Some(SetSub { mode: mode.into(), user: user.to_str(), ..SetSub::default() });
        self
    }

    /// The tags.
    #[must_use]
    pub fn tags(mut self, tags: impl IntoIterator<Item = String>) -> Self {
        self.tags = Some(tags.into_iter().map(Str::from).collect());
        self
    }

    fn parts(&self) -> usize {
        [self.desc.is_some(), self.sub.is_some(), self.tags.is_some()]
            .into_iter()
            .filter(|part| *part)
            .count()
    }
}

/// A receipt or a sign of typing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receipt {
    Recv(u64),
    Read(u64),
    Typing,
}

impl Session<Im> {
    /// Subscribes to a topic and attaches it to this session; attaches it again after every loss.
    /// [`TopicName::new_group`] creates a group. Answers
    /// [`Answer::Subscribed`](super::Answer::Subscribed).
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
        self.ask(topic, AskKind::Sub, now, |id, topic| {
            Verb::Sub(Box::new(Sub { id, topic, set: how.set, get: how.get, ..Sub::default() }))
        })
    }

    /// Detaches this session from a topic; the subscription stays. Answers
    /// [`Answer::Done`](super::Answer::Done).
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn leave(&mut self, topic: &TopicName, now: Now) -> Result<RequestId, CallError> {
        self.ask(topic, AskKind::Leave, now, |id, topic| {
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
        self.ask(topic, AskKind::Leave, now, |id, topic| {
            Verb::Leave(Leave { id, topic, unsub: Some(true), ..Leave::default() })
        })
    }

    /// Publishes a message. Answers [`Answer::Published`](super::Answer::Published) when the
    /// server has stored it; [`RequestError::Unknown`](crate::error::RequestError::Unknown) means
    /// that it may have.
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
        let Publish { content, head, echo } = message;
        self.ask(topic, AskKind::Pub { noecho: !echo }, now, |id, topic| {
            let content = Some(content);
            Verb::Pub(Pub { id, topic, noecho: Some(!echo), head, content, ..Pub::default() })
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
        if query.sections.is_empty() {
            return Err(CallError::Invalid("a query needs a section"));
        }
        let names: Vec<_> = query.sections.iter().map(|section| section.name()).collect();
        let what = names.join(" ");
        let kind = AskKind::Get { wanted: Wanted::of(&what), meta: Box::<Meta<'_>>::default() };
        let (desc, sub) = (query.opts(Section::Desc), query.opts(Section::Sub));
        self.ask(topic, kind, now, |id, topic| {
            Verb::Get(Box::new(Get { id, topic, what: what.into(), desc, sub, ..Get::default() }))
        })
    }

    /// Fetches one page of history. Answers [`Answer::History`](super::Answer::History); ask for
    /// the page before it with [`History::before`](super::History::before) until that is `None`.
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
        let HistoryQuery { since, before, limit } = query;
        // The server takes 0 for no limit as well. (tinode-code)
        let limit = limit.filter(|limit| *limit > 0);
        let kind = AskKind::History {
            since,
            before: before.filter(|before| *before > 0).unwrap_or(u64::MAX),
            limit: usize::try_from(limit.unwrap_or(MAX_PAGE).min(MAX_PAGE)).unwrap_or(usize::MAX),
            messages: Vec::new(),
        };
        let data = GetOpts { since: Some(since), before, limit, ..GetOpts::default() };
        self.ask(topic, kind, now, |id, topic| {
            let (data, what) = (Some(data), "data".into());
            Verb::Get(Box::new(Get { id, topic, what, data, ..Get::default() }))
        })
    }

    /// Changes a topic: descriptions, access, tags. Answers [`Answer::Done`](super::Answer::Done).
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
        let SetRequest { desc, sub, tags } = request;
        self.ask(topic, AskKind::Set { parts }, now, |id, topic| {
            Verb::Set(Box::new(Set { id, topic, desc, sub, tags, ..Set::default() }))
        })
    }

    /// Makes `user` the owner of a group; this user keeps `JRWPS`. PortSIP does it in one step. (seed)
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
        self.set(topic, SetRequest::default().member_mode(user, Some(AccessMode::ALL)), now)
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

    /// Deletes messages for this user. Answers [`Answer::Done`](super::Answer::Done).
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn hide_messages(
        &mut self,
        topic: &TopicName,
        ranges: Vec<SeqRange>,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.delete(topic, ranges, false, now)
    }

    /// Deletes messages for everybody, where the user is allowed to; else only for this user.
    /// Answers [`Answer::Done`](super::Answer::Done).
    ///
    /// # Errors
    ///
    /// The session is closed, or too many requests wait.
    pub fn delete_messages(
        &mut self,
        topic: &TopicName,
        ranges: Vec<SeqRange>,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.delete(topic, ranges, true, now)
    }

    /// Tells that everything up to `seq` was received. Nothing answers; dropped when the session is
    /// not ready, or when too much waits to be written.
    pub fn note_received(&mut self, topic: &TopicName, seq: u64, now: Now) {
        self.note(topic, Receipt::Recv(seq), now);
    }

    /// Tells that everything up to `seq` was read. Nothing answers; dropped when the session is not
    /// ready, or when too much waits to be written.
    pub fn note_read(&mut self, topic: &TopicName, seq: u64, now: Now) {
        self.note(topic, Receipt::Read(seq), now);
    }

    /// Tells that this user is typing. Nothing answers; dropped when the session is not ready,
    /// or when too much waits to be written.
    pub fn note_typing(&mut self, topic: &TopicName, now: Now) {
        self.note(topic, Receipt::Typing, now);
    }

    fn note(&mut self, topic: &TopicName, receipt: Receipt, now: Now) {
        let (what, seq) = match receipt {
            Receipt::Recv(seq) => ("recv", seq),
            Receipt::Read(seq) => ("read", seq),
            Receipt::Typing => ("kp", 0),
        };
        let note = Note { topic: topic.to_str(), what: what.into(), seq, ..Note::default() };
        self.with(now, |_, cx| {
            if cx.phase() == Phase::Ready && cx.backlog() < cx.config().max_requests {
                cx.send(&Up::new(Verb::Note(note)));
            }
        });
    }

    fn delete(
        &mut self,
        topic: &TopicName,
        ranges: Vec<SeqRange>,
        hard: bool,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.ask(topic, AskKind::Del { topic_too: false }, now, |id, topic| {
            let (what, delseq) = ("msg".into(), Some(ranges));
            Verb::Del(Del { id, topic, what, delseq, hard, ..Del::default() })
        })
    }

    /// Enters a request and writes it as soon as the session is ready.
    fn ask(
        &mut self,
        topic: &TopicName,
        kind: AskKind,
        now: Now,
        verb: impl FnOnce(Str<'static>, Str<'static>) -> Verb<'static>,
    ) -> Result<RequestId, CallError> {
        self.with(now, |state: &mut ImState, cx: &mut Cx<'_, Im>| {
            let id = cx.rng().uuid().to_string();
            let frame = Up::new(verb(id.clone().into(), topic.to_str())).encode();
            let limit = cx.config().max_message;
            if frame.len() > limit {
                return Err(CallError::TooLong { len: frame.len(), limit });
            }
            let ask = Ask { topic: topic.clone(), frame, sent: false, kind };
            let id = cx.request(Some(id), ask)?;
            state.enqueue(id, cx);
            Ok(id)
        })
    }
}
