//! What requests are built from.

use crate::im::down::Meta;
use crate::im::up::{Cred, Defacs, GetOpts, GetQuery, SetDesc, SetQuery, SetSub};
use crate::im::{AccessMode, Seq, Seqs, UserId};
use crate::json::{Raw, Str};

/// U+2421 in place of a description deletes it. (tinode-doc)
const CLEAR: &str = "\u{2421}";

/// How to subscribe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subscribe {
    set: SetQuery<'static>,
    sections: Vec<Section>,
}

impl Subscribe {
    /// The public description of a new group.
    #[must_use]
    pub fn public(mut self, public: Raw<'static>) -> Self {
        self.set.desc.get_or_insert_default().public = Some(public);
        self
    }

    /// The private description of the subscription.
    #[must_use]
    pub fn private(mut self, private: Raw<'static>) -> Self {
        self.set.desc.get_or_insert_default().private = Some(private);
        self
    }

    /// What those who join a new group are given: authenticated users, and anonymous ones.
    #[must_use]
    pub fn default_access(mut self, authenticated: AccessMode, anonymous: AccessMode) -> Self {
        self.set.desc.get_or_insert_default().defacs = Some(defacs(authenticated, anonymous));
        self
    }

    /// What this user wants to be allowed; without it, the topic's default.
    #[must_use]
    pub fn mode(mut self, mode: AccessMode) -> Self {
        let mode = mode.to_string().into();
        self.set.sub = Some(SetSub { mode, ..SetSub::default() });
        self
    }

    /// Tags of a new group.
    #[must_use]
    pub fn tags(mut self, tags: impl IntoIterator<Item = String>) -> Self {
        self.set.tags = Some(tags.into_iter().map(Str::from).collect());
        self
    }

    /// Sections to fetch with it; the answer brings them.
    #[must_use]
    pub fn fetch(mut self, sections: &[Section]) -> Self {
        self.sections = sections.to_vec();
        self
    }

    pub(super) fn what(&self) -> String {
        names(&self.sections)
    }

    pub(super) fn set_query(&self) -> Option<SetQuery<'static>> {
        (self.set != SetQuery::default()).then(|| self.set.clone())
    }

    pub(super) fn get_query(&self) -> Option<GetQuery<'static>> {
        let what = self.what();
        (!what.is_empty()).then(|| GetQuery { what: what.into(), ..GetQuery::default() })
    }
}

fn defacs(authenticated: AccessMode, anonymous: AccessMode) -> Defacs<'static> {
    let (auth, anon) = (authenticated.to_string().into(), anonymous.to_string().into());
    Defacs { auth, anon, ..Defacs::default() }
}

/// A message to publish.
#[derive(Clone, Debug, PartialEq)]
pub struct Publish {
    pub(super) content: Raw<'static>,
    pub(super) head: Option<Raw<'static>>,
    pub(super) attachments: Vec<Str<'static>>,
    pub(super) echo: bool,
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
        Self { content, head: None, attachments: Vec::new(), echo: true }
    }

    /// Headers: an object, stored and relayed with the message.
    #[must_use]
    pub fn head(mut self, head: Raw<'static>) -> Self {
        self.head = Some(head);
        self
    }

    /// Ids or URLs of uploaded files the message refers to, so that the server keeps them.
    #[must_use]
    pub fn attachments(mut self, files: impl IntoIterator<Item = String>) -> Self {
        self.attachments = files.into_iter().map(Str::from).collect();
        self
    }

    /// This session gets no copy of its own message as an event.
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
    /// Subscriptions: members of a topic, or topics of `me`.
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
    pub(super) const fn name(self) -> &'static str {
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

fn names(sections: &[Section]) -> String {
    let names: Vec<_> = sections.iter().map(|section| section.name()).collect();
    names.join(" ")
}

/// What to ask about a topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    sections: Vec<Section>,
    ims: Str<'static>,
    user: Str<'static>,
    limit: Option<u64>,
}

impl Query {
    /// A query for these sections.
    #[must_use]
    pub fn of(sections: &[Section]) -> Self {
        Self { sections: sections.to_vec(), ..Self::default() }
    }

    /// Descriptions and subscriptions only as far as they changed after this RFC 3339 time.
    #[must_use]
    pub fn changed_after(mut self, ims: impl Into<String>) -> Self {
        self.ims = ims.into().into();
        self
    }

    /// Only the subscription of this user.
    #[must_use]
    pub fn only(mut self, user: &UserId) -> Self {
        self.user = user.to_str();
        self
    }

    /// At most so many subscriptions.
    #[must_use]
    pub const fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    pub(super) fn what(&self) -> String {
        names(&self.sections)
    }

    pub(super) fn desc(&self) -> Option<GetOpts<'static>> {
        let asked = !self.ims.is_empty() && self.sections.contains(&Section::Desc);
        asked.then(|| GetOpts { ims: self.ims.clone(), ..GetOpts::default() })
    }

    pub(super) fn sub(&self) -> Option<GetOpts<'static>> {
        let (ims, user, limit) = (self.ims.clone(), self.user.clone(), self.limit);
        let opts = GetOpts { ims, user, limit, ..GetOpts::default() };
        let asked = opts != GetOpts::default() && self.sections.contains(&Section::Sub);
        asked.then_some(opts)
    }
}

/// A page of history: by default the newest messages, as many as the server likes to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    since: u64,
    before: Option<u64>,
    limit: Option<u64>,
    only: Option<Seqs>,
}

impl HistoryQuery {
    /// The newest messages, at most so many.
    #[must_use]
    pub fn newest(limit: u64) -> Self {
        Self { limit: Some(limit).filter(|limit| *limit > 0), ..Self::default() }
    }

    /// Only messages from this one on.
    #[must_use]
    pub fn since(mut self, seq: impl Into<Seq>) -> Self {
        self.since = seq.into().get();
        self
    }

    /// Only messages before this one.
    #[must_use]
    pub fn before(mut self, seq: impl Into<Seq>) -> Self {
        self.before = Some(seq.into().get()).filter(|before| *before > 0);
        self
    }

    /// These messages and no others; a server may not know this and send all of the rest of the query,
    /// of which the session keeps what was asked for. (tinode-code)
    #[must_use]
    pub fn only(mut self, seqs: impl Into<Seqs>) -> Self {
        self.only = Some(seqs.into());
        self
    }

    pub(super) const fn lowest(&self) -> u64 {
        self.since
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit.unwrap_or(u64::MAX)
    }

    pub(super) fn wants(&self, seq: u64) -> bool {
        seq >= self.since.max(1)
            && self.before.is_none_or(|before| seq < before)
            && self.only.as_ref().is_none_or(|only| only.contains(seq))
    }

    pub(super) fn opts(&self) -> GetOpts<'static> {
        GetOpts {
            since: Some(self.since),
            before: self.before,
            limit: self.limit,
            ranges: self.only.as_ref().map(Seqs::to_wire),
            ..GetOpts::default()
        }
    }
}

/// What to change about a topic. Build it with the functions; the server answers each part on its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetRequest {
    pub(super) desc: Option<SetDesc<'static>>,
    pub(super) sub: Option<SetSub<'static>>,
    pub(super) tags: Option<Vec<Str<'static>>>,
    pub(super) cred: Option<Cred<'static>>,
    pub(super) aux: Option<Raw<'static>>,
    /// What `sub` asks for. Nothing may attach the topic again when it is this user's, without `J`.
    mode: Option<AccessMode>,
}

impl SetRequest {
    /// The public description; owner only, in groups.
    #[must_use]
    pub fn public(mut self, public: Raw<'static>) -> Self {
        self.desc.get_or_insert_default().public = Some(public);
        self
    }

    /// Deletes the public description.
    #[must_use]
    pub fn clear_public(self) -> Self {
        self.public(Raw::from_text(CLEAR))
    }

    /// The private description, seen by this user only.
    #[must_use]
    pub fn private(mut self, private: Raw<'static>) -> Self {
        self.desc.get_or_insert_default().private = Some(private);
        self
    }

    /// Deletes the private description.
    #[must_use]
    pub fn clear_private(self) -> Self {
        self.private(Raw::from_text(CLEAR))
    }

    /// What those who join are given: authenticated users, and anonymous ones.
    #[must_use]
    pub fn default_access(mut self, authenticated: AccessMode, anonymous: AccessMode) -> Self {
        self.desc.get_or_insert_default().defacs = Some(defacs(authenticated, anonymous));
        self
    }

    /// What this user wants to be allowed. Without `J` the user gives up joining, and the session
    /// follows the topic no more.
    #[must_use]
    pub fn own_mode(mut self, mode: AccessMode) -> Self {
        self.sub = Some(SetSub { mode: mode.to_string().into(), ..SetSub::default() });
        self.mode = Some(mode);
        self
    }

    /// What a member is allowed; invites one who is none yet. `None` gives the topic's default.
    #[must_use]
    pub fn member_mode(mut self, user: &UserId, mode: Option<AccessMode>) -> Self {
        self.mode = mode;
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

    /// Auxiliary data, an object: shared by all members. (tinode-doc)
    #[must_use]
    pub fn aux(mut self, aux: Raw<'static>) -> Self {
        self.aux = Some(aux);
        self
    }

    /// A credential to add or to confirm, on `me`. (tinode-doc)
    #[must_use]
    pub fn credential(mut self, cred: Cred<'static>) -> Self {
        self.cred = Some(cred);
        self
    }

    pub(super) fn parts(&self) -> usize {
        let parts = [
            self.desc.is_some(),
            self.sub.is_some(),
            self.tags.is_some(),
            self.cred.is_some(),
            self.aux.is_some(),
        ];
        parts.into_iter().filter(|part| *part).count()
    }

    /// Whether it gives up joining.
    pub(super) fn says_farewell(&self) -> bool {
        self.bars() && self.sub.as_ref().is_some_and(|sub| sub.user.is_empty())
    }

    /// The member who may not join any more. It may be this user, which is known after the login.
    pub(super) fn barred(&self) -> Option<UserId> {
        let named = self.sub.as_ref().filter(|sub| self.bars() && !sub.user.is_empty());
        named.map(|sub| UserId::from(&sub.user))
    }

    fn bars(&self) -> bool {
        self.mode.is_some_and(|mode| !mode.has(AccessMode::JOIN))
    }
}

/// An empty box for what comes in pieces.
pub(super) fn no_meta() -> Box<Meta<'static>> {
    Box::default()
}
