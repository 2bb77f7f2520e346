//! Frames from client to server: one verb an object.
//!
//! Members are written in the order of the declarations below, which is that of the published
//! samples; absent members are defaults.

use crate::codec::{self, DecodeError, Scanner, Wire, lone};
use crate::json::{Object, Raw, SecretStr, Share, Source, Str, frame, member_name};
use crate::machine::Text;

/// The verbs, in the order that decides when a frame holds several. (tinode-code)
pub const KINDS: &[&str] =
    &["pub", "sub", "leave", "hi", "login", "get", "set", "del", "acc", "note"];

/// A frame from client to server.
#[derive(Clone, Debug, PartialEq)]
pub struct Up<'a> {
    /// What is asked.
    pub verb: Verb<'a>,
    /// What stands beside the verb.
    pub extra: Option<Box<UpExtra<'a>>>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb<'a> {
    /// Publish a message.
    Pub(Pub<'a>),
    /// Subscribe, attach, create.
    Sub(Box<Sub<'a>>),
    /// Detach, unsubscribe.
    Leave(Leave<'a>),
    /// Handshake. (tinode-doc)
    Hi(Hi<'a>),
    /// Authenticate.
    Login(Login<'a>),
    /// Query.
    Get(Box<Get<'a>>),
    /// Update.
    Set(Box<Set<'a>>),
    /// Delete.
    Del(Del<'a>),
    /// Create or change an account. (tinode-doc)
    Acc(Box<Acc<'a>>),
    /// Receipt or typing: no id, no reply.
    Note(Note<'a>),
    /// A verb this crate does not know, with its body.
    Other(Str<'a>, Raw<'a>),
}

frame! {
    /// The whole object, before one verb is chosen.
    pub struct Envelope<'a> {
        /// `pub`
        r#pub: Option<Pub<'a>> => "pub";
        /// `sub`
        sub: Option<Box<Sub<'a>>> => "sub";
        /// `leave`
        leave: Option<Leave<'a>> => "leave";
        /// `hi`
        hi: Option<Hi<'a>> => "hi";
        /// `login`
        login: Option<Login<'a>> => "login";
        /// `get`
        get: Option<Box<Get<'a>>> => "get";
        /// `set`
        set: Option<Box<Set<'a>>> => "set";
        /// `del`
        del: Option<Del<'a>> => "del";
        /// `acc`
        acc: Option<Box<Acc<'a>>> => "acc";
        /// `note`
        note: Option<Note<'a>> => "note";
        /// What stands beside the verb.
        beside: Option<Box<UpExtra<'a>>> => "extra";
    }
}

frame! {
    /// What stands beside a verb, under `extra`. (tinode-doc)
    pub struct UpExtra<'a> {
        /// URLs or ids of uploaded files this frame refers to.
        attachments: Option<Vec<Str<'a>>> => "attachments";
        /// The user on whose behalf root acts.
        obo: Str<'a> => "obo";
        /// The level root lends.
        authlevel: Str<'a> => "authlevel";
    }
}

frame! {
    /// `{hi}`: handshake, Tinode only. (tinode-doc)
    pub struct Hi<'a> {
        /// Request id.
        id: Str<'a> => "id";
        /// Protocol version the client speaks, e.g. `0.25`.
        ver: Str<'a> => "ver";
        /// User agent.
        ua: Str<'a> => "ua";
        /// Device token for push.
        dev: Str<'a> => "dev";
        /// Language.
        lang: Str<'a> => "lang";
        /// Platform: `web`, `ios`, `android`.
        platf: Str<'a> => "platf";
        /// A session in the background.
        bkg: bool => "bkg";
    }
}

frame! {
    /// `{login}`. (seed)
    pub struct Login<'a> {
        /// Request id.
        id: Str<'a> => "id";
        /// `access_token`; for Tinode `basic`, `token`, `reset`.
        scheme: Str<'a> => "scheme";
        /// Base64 of what the scheme asks for.
        secret: SecretStr<'a> => "secret";
        /// Answers to credential challenges. (tinode-doc)
        cred: Option<Vec<Cred<'a>>> => "cred";
    }
}

frame! {
    /// A credential: e-mail or telephone number to validate. (tinode-doc)
    pub struct Cred<'a> {
        /// The method.
        meth: Str<'a> => "meth";
        /// The value.
        val: Str<'a> => "val";
        /// The answer to a challenge.
        resp: SecretStr<'a> => "resp";
        /// Parameters of the method.
        params: Option<Raw<'a>> => "params";
        /// Whether it is validated; only in answers.
        done: bool => "done";
    }
}

frame! {
    /// `{acc}`: create or change an account, Tinode only. (tinode-doc)
    pub struct Acc<'a> {
        /// Request id.
        id: Str<'a> => "id";
        /// `new…` to create, a user id to change.
        user: Str<'a> => "user";
        /// Scheme of a temporary secret.
        tmpscheme: Str<'a> => "tmpscheme";
        /// Temporary secret.
        tmpsecret: SecretStr<'a> => "tmpsecret";
        /// Account state.
        status: Str<'a> => "status" | "state";
        /// Authentication level.
        authlevel: Str<'a> => "authlevel";
        /// Authentication scheme.
        scheme: Str<'a> => "scheme";
        /// Secret of the scheme.
        secret: SecretStr<'a> => "secret";
        /// Log in at once.
        login: bool => "login";
        /// Tags to be found by.
        tags: Option<Vec<Str<'a>>> => "tags";
        /// Description of the new user.
        desc: Option<SetDesc<'a>> => "desc";
        /// Credentials.
        cred: Option<Vec<Cred<'a>>> => "cred";
    }
}

frame! {
    /// `{sub}`: subscribe to a topic and attach this session; create it if it is new. (seed)
    pub struct Sub<'a> {
        /// Request id.
        id: Str<'a> => "id";
        /// The topic; `new…` creates a group.
        topic: Str<'a> => "topic";
        /// What to set on creation or first subscription. (tinode-doc)
        set: Option<SetQuery<'a>> => "set";
        /// What to fetch after attaching. (tinode-doc)
        get: Option<GetQuery<'a>> => "get";
        /// `get.what` written directly, as the prose of the service does. (portsip-docs)
        what: Str<'a> => "what";
    }
}

frame! {
    /// What `{sub}` sets.
    pub struct SetQuery<'a> {
        /// Description.
        desc: Option<SetDesc<'a>> => "desc";
        /// Own access.
        sub: Option<SetSub<'a>> => "sub";
        /// Tags.
        tags: Option<Vec<Str<'a>>> => "tags";
        /// Credential.
        cred: Option<Cred<'a>> => "cred";
        /// Auxiliary data.
        aux: Option<Raw<'a>> => "aux";
    }
}

frame! {
    /// What `{sub}` fetches.
    pub struct GetQuery<'a> {
        /// Space-separated sections: `desc sub data del tags cred aux`.
        what: Str<'a> => "what";
        /// Options of `desc`.
        desc: Option<GetOpts<'a>> => "desc";
        /// Options of `sub`.
        sub: Option<GetOpts<'a>> => "sub";
        /// Options of `data`.
        data: Option<GetOpts<'a>> => "data";
        /// Options of `del`.
        del: Option<GetOpts<'a>> => "del";
    }
}

frame! {
    /// `{leave}`. (seed)
    pub struct Leave<'a> {
        /// Request id.
        id: Str<'a> => "id";
        /// The topic.
        topic: Str<'a> => "topic";
        /// Also give up the subscription, in all sessions; absent means no.
        unsub: Option<bool> => "unsub";
    }
}

frame! {
    /// `{pub}`. (seed)
    pub struct Pub<'a>, hot {
        /// Request id; comes back in the `ctrl` and as `data.reqid`.
        id: Str<'a> => "id";
        /// The topic.
        topic: Str<'a> => "topic";
        /// Whether this session wants no copy of its own; absent means it does.
        noecho: Option<bool> => "noecho";
        /// Headers, stored and relayed. (tinode-doc)
        head: Option<Raw<'a>> => "head";
        /// The content: any JSON, stored and relayed as it is.
        content: Option<Raw<'a>> => "content";
    }
}

frame! {
    /// `{get}`. (seed)
    pub struct Get<'a> {
        /// Options of `desc`.
        desc: Option<GetOpts<'a>> => "desc";
        /// Options of `sub`.
        sub: Option<GetOpts<'a>> => "sub";
        /// Options of `data`.
        data: Option<GetOpts<'a>> => "data";
        /// Options of `del`.
        del: Option<GetOpts<'a>> => "del";
        /// Request id.
        id: Str<'a> => "id";
        /// The topic.
        topic: Str<'a> => "topic";
        /// Space-separated sections: `desc sub data del tags cred aux`.
        what: Str<'a> => "what";
    }
}

frame! {
    /// Options of one section of a query. Which ones a section takes is the server's to say.
    pub struct GetOpts<'a> {
        /// Only what changed after this time.
        ims: Str<'a> => "ims";
        /// Only about this user.
        user: Str<'a> => "user";
        /// Only about this topic.
        topic: Str<'a> => "topic";
        /// Only messages below this `seq`; 0 and absent are unbounded.
        before: Option<u64> => "before";
        /// At most so many; 0 and absent leave it to the server.
        limit: Option<u64> => "limit";
        /// Only messages at or above this `seq`.
        since: Option<u64> => "since";
        /// These messages, whatever `since` and `before` say. (tinode-code)
        ranges: Option<Vec<SeqRange>> => "ranges";
    }
}

frame! {
    /// A range of `seq`: `low` alone is one message, `hi` is exclusive. (tinode-doc)
    pub struct SeqRange {
        /// First.
        low: u64 => "low";
        /// One past the last; 0 and absent mean `low` alone.
        hi: u64 => "hi";
    }
}

frame! {
    /// `{set}`. (seed)
    pub struct Set<'a> {
        /// Request id.
        id: Str<'a> => "id";
        /// The topic.
        topic: Str<'a> => "topic";
        /// Description.
        desc: Option<SetDesc<'a>> => "desc";
        /// Access of oneself or of a member.
        sub: Option<SetSub<'a>> => "sub";
        /// Tags. (tinode-doc)
        tags: Option<Vec<Str<'a>>> => "tags";
        /// Credential. (tinode-doc)
        cred: Option<Cred<'a>> => "cred";
        /// Auxiliary data. (tinode-doc)
        aux: Option<Raw<'a>> => "aux";
    }
}

frame! {
    /// A description to set. `null` and absent change nothing, U+2421 clears.
    pub struct SetDesc<'a> {
        /// Default access.
        defacs: Option<Defacs<'a>> => "defacs";
        /// What everybody sees.
        public: Option<Raw<'a>> => "public";
        /// What root certifies.
        trusted: Option<Raw<'a>> => "trusted";
        /// What only the user sees.
        private: Option<Raw<'a>> => "private";
    }
}

frame! {
    /// Default access of new subscribers.
    pub struct Defacs<'a> {
        /// Of authenticated users.
        auth: Str<'a> => "auth";
        /// Of anonymous users.
        anon: Str<'a> => "anon";
    }
}

frame! {
    /// Access to set. (seed)
    pub struct SetSub<'a> {
        /// The mode, e.g. `JRWPS`; absent means the default.
        mode: Str<'a> => "mode";
        /// Whose; absent means one's own.
        user: Str<'a> => "user";
    }
}

frame! {
    /// `{del}`. (seed)
    pub struct Del<'a> {
        /// Request id.
        id: Str<'a> => "id";
        /// The topic.
        topic: Str<'a> => "topic";
        /// The member to remove, with `sub`.
        user: Str<'a> => "user";
        /// `msg` (also when absent), `topic`, `sub`, `user`, `cred`.
        what: Str<'a> => "what";
        /// The messages to delete. (tinode-doc)
        delseq: Option<Vec<SeqRange>> => "delseq";
        /// The credential to delete. (tinode-doc)
        cred: Option<Cred<'a>> => "cred";
        /// For everybody, not only for oneself. (tinode-doc)
        hard: bool => "hard";
    }
}

frame! {
    /// `{note}`: has no id and gets no reply. (portsip-docs for `recv` and `read`, tinode-doc)
    pub struct Note<'a>, hot {
        /// The topic.
        topic: Str<'a> => "topic";
        /// `recv`, `read`, `kp`, `kpa`, `kpv`, `call`, `data`.
        what: Str<'a> => "what";
        /// The message it is about.
        seq: u64 => "seq";
        /// Unread messages in all; parsed and unused. (tinode-code)
        unread: u64 => "unread";
        /// Event of a call.
        event: Str<'a> => "event";
        /// Payload of a call or of `data`.
        payload: Option<Raw<'a>> => "payload";
    }
}

impl<'a> Up<'a> {
    /// A frame with nothing beside its verb.
    #[must_use]
    pub const fn new(verb: Verb<'a>) -> Self {
        Self { verb, extra: None }
    }

    /// The request id; empty where the frame has none.
    #[must_use]
    pub fn id(&self) -> Str<'_> {
        match &self.verb {
            Verb::Pub(it) => it.id.reborrow(),
            Verb::Sub(it) => it.id.reborrow(),
            Verb::Leave(it) => it.id.reborrow(),
            Verb::Hi(it) => it.id.reborrow(),
            Verb::Login(it) => it.id.reborrow(),
            Verb::Get(it) => it.id.reborrow(),
            Verb::Set(it) => it.id.reborrow(),
            Verb::Del(it) => it.id.reborrow(),
            Verb::Acc(it) => it.id.reborrow(),
            Verb::Note(_) | Verb::Other(..) => Str::default(),
        }
    }

    /// The topic; empty where the frame names none.
    #[must_use]
    pub fn topic(&self) -> Str<'_> {
        match &self.verb {
            Verb::Pub(it) => it.topic.reborrow(),
            Verb::Sub(it) => it.topic.reborrow(),
            Verb::Leave(it) => it.topic.reborrow(),
            Verb::Get(it) => it.topic.reborrow(),
            Verb::Set(it) => it.topic.reborrow(),
            Verb::Del(it) => it.topic.reborrow(),
            Verb::Note(it) => it.topic.reborrow(),
            Verb::Hi(_) | Verb::Login(_) | Verb::Acc(_) | Verb::Other(..) => Str::default(),
        }
    }

    /// The verb's name.
    #[must_use]
    pub fn kind(&self) -> Str<'_> {
        match &self.verb {
            Verb::Pub(_) => "pub".into(),
            Verb::Sub(_) => "sub".into(),
            Verb::Leave(_) => "leave".into(),
            Verb::Hi(_) => "hi".into(),
            Verb::Login(_) => "login".into(),
            Verb::Get(_) => "get".into(),
            Verb::Set(_) => "set".into(),
            Verb::Del(_) => "del".into(),
            Verb::Acc(_) => "acc".into(),
            Verb::Note(_) => "note".into(),
            Verb::Other(name, _) => name.reborrow(),
        }
    }
}

impl Pub<'_> {
    /// Appends the frame that has nothing else in it, as [`Up`] writes it.
    pub(crate) fn write_lone(&self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        object.member(member_name!("pub"), self);
        object.end();
    }
}

impl<'a> Envelope<'a> {
    /// Chooses the verb; further verbs are dropped, as a Tinode server does. (tinode-code)
    fn choose(self) -> Option<Up<'a>> {
        let Self { r#pub, sub, leave, hi, login, get, set, del, acc, note, beside, extra } = self;
        let verb = None
            .or(r#pub.map(Verb::Pub))
            .or(sub.map(Verb::Sub))
            .or(leave.map(Verb::Leave))
            .or(hi.map(Verb::Hi))
            .or(login.map(Verb::Login))
            .or(get.map(Verb::Get))
            .or(set.map(Verb::Set))
            .or(del.map(Verb::Del))
            .or(acc.map(Verb::Acc))
            .or(note.map(Verb::Note))
            .or(AnyObject { extra }.into_first().map(|(name, body)| Verb::Other(name, body)))?;
        Some(Up { verb, extra: beside })
    }
}

impl<'a> Wire<'a> for Up<'a> {
    type Static = Up<'static>;

    fn decode_within(text: &'a str, max_depth: usize) -> Result<Self, DecodeError> {
        let mut scanner = Scanner::new(text, max_depth);
        if scanner.object()? {
            // What clients send: one verb and nothing beside it.
            lone! { scanner;
                "pub" => |it| Self::new(Verb::Pub(it)),
                "note" => |it| Self::new(Verb::Note(it)),
                "sub" => |it| Self::new(Verb::Sub(it)),
                "get" => |it| Self::new(Verb::Get(it)),
                "set" => |it| Self::new(Verb::Set(it)),
                "leave" => |it| Self::new(Verb::Leave(it)),
                "del" => |it| Self::new(Verb::Del(it)),
                "login" => |it| Self::new(Verb::Login(it)),
            }
        }
        let envelope: Envelope<'a> = codec::from_text(text, max_depth)?;
        envelope.choose().ok_or(DecodeError::NoKind)
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        match &self.verb {
            Verb::Pub(it) => object.member(member_name!("pub"), it),
            Verb::Sub(it) => object.member(member_name!("sub"), it),
            Verb::Leave(it) => object.member(member_name!("leave"), it),
            Verb::Hi(it) => object.member(member_name!("hi"), it),
            Verb::Login(it) => object.member(member_name!("login"), it),
            Verb::Get(it) => object.member(member_name!("get"), it),
            Verb::Set(it) => object.member(member_name!("set"), it),
            Verb::Del(it) => object.member(member_name!("del"), it),
            Verb::Acc(it) => object.member(member_name!("acc"), it),
            Verb::Note(it) => object.member(member_name!("note"), it),
            Verb::Other(name, body) => object.other(name, body),
        }
        if let Some(extra) = &self.extra {
            object.member(member_name!("extra"), extra);
        }
        object.end();
    }

    fn share(self, text: &Text) -> Up<'static> {
        let source = &Source::from(text);
        let verb = match self.verb {
            Verb::Pub(it) => Verb::Pub(it.share_in(source)),
            Verb::Sub(it) => Verb::Sub(it.share_in(source)),
            Verb::Leave(it) => Verb::Leave(it.share_in(source)),
            Verb::Hi(it) => Verb::Hi(it.share_in(source)),
            Verb::Login(it) => Verb::Login(it.share_in(source)),
            Verb::Get(it) => Verb::Get(it.share_in(source)),
            Verb::Set(it) => Verb::Set(it.share_in(source)),
            Verb::Del(it) => Verb::Del(it.share_in(source)),
            Verb::Acc(it) => Verb::Acc(it.share_in(source)),
            Verb::Note(it) => Verb::Note(it.share_in(source)),
            Verb::Other(name, body) => Verb::Other(name.share_in(source), body.share_in(source)),
        };
        Up { verb, extra: self.extra.share_in(source) }
    }
}

/// The request id of a frame that does not decode, where it can be found: a string `id` in the first
/// member that is an object.
#[must_use]
pub fn recover_id(text: &str) -> Option<String> {
    let frame: AnyObject<'_> = codec::from_text(text, usize::MAX).ok()?;
    frame.extra.iter().find_map(|(_, body)| {
        let verb: AnyObject<'_> = codec::from_text(body.as_str(), usize::MAX).ok()?;
        let (_, id) = verb.extra.iter().find(|(name, _)| *name == "id")?;
        id.as_text()
    })
}

frame! {
    /// Any object.
    pub struct AnyObject<'a> {}
}

impl<'a> AnyObject<'a> {
    /// The first member that is not `null`.
    pub(crate) fn into_first(self) -> Option<(Str<'a>, Raw<'a>)> {
        self.extra.into_iter().find(|(_, body)| !body.is_null())
    }
}
