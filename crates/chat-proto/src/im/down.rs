//! Frames from server to client: exactly one of `ctrl data meta pres info`.
//!
//! Members are written in the order of the declarations below, which is that of the published
//! samples. Defaults are left out, but for those marked `always`.

use crate::codec::{self, Decode as _, DecodeError, Scanner, Wire, lone};
use crate::im::params::Params;
use crate::im::stamp::Stamp;
use crate::im::up::{AnyObject, Cred, Defacs, SeqRange};
use crate::json::{Object, Raw, Share, Source, Str, frame, member_name};
use crate::machine::Text;

/// The kinds of frames from the server.
pub const KINDS: &[&str] = &["ctrl", "data", "meta", "pres", "info"];

/// A frame from server to client.
#[derive(Clone, Debug, PartialEq)]
pub enum Down<'a> {
    /// Answer to a request, or notice.
    Ctrl(Ctrl<'a>),
    /// A message.
    Data(Data<'a>),
    /// Answer to a query.
    Meta(Box<Meta<'a>>),
    /// Something changed.
    Pres(Pres<'a>),
    /// A relayed note.
    Info(Info<'a>),
    /// A kind this crate does not know, with its body.
    Other(Str<'a>, Raw<'a>),
}

frame! {
    /// The whole object, before one kind is chosen.
    pub struct Envelope<'a> {
        /// `ctrl`
        ctrl: Option<Ctrl<'a>> => "ctrl";
        /// `data`
        data: Option<Data<'a>> => "data";
        /// `meta`
        meta: Option<Box<Meta<'a>>> => "meta";
        /// `pres`
        pres: Option<Pres<'a>> => "pres";
        /// `info`
        info: Option<Info<'a>> => "info";
    }
}

frame! {
    /// `{ctrl}`: the answer to a request, or a notice without an id. (seed)
    pub struct Ctrl<'a>, hot {
        /// Id of the request; empty on notices.
        id: Str<'a> => "id";
        /// The topic, as the client called it.
        topic: Str<'a> => "topic";
        /// What the answer carries.
        params: Option<Params<'a>> => "params";
        /// Status: match on this, never on `text`.
        code: u32 => "code", always;
        /// The status in words.
        text: Str<'a> => "text";
        /// When.
        ts: Stamp<'a> => "ts", always;
    }
}

frame! {
    /// `{data}`: a message. (seed)
    pub struct Data<'a>, hot {
        /// The topic, under the recipient's name for it.
        topic: Str<'a> => "topic", always;
        /// The author; absent from the system and in channels.
        from: Str<'a> => "from";
        /// When it was published; equals the `ts` of the publisher's `ctrl`.
        ts: Stamp<'a> => "ts", always;
        /// When it was deleted. (tinode-doc)
        deleted: Stamp<'a> => "deleted";
        /// Number within the topic, from 1.
        seq: u64 => "seq", always;
        /// Headers. (tinode-doc)
        head: Option<Raw<'a>> => "head";
        /// The content, as it was published.
        content: Option<Raw<'a>> => "content", always;
        /// Id of the `{pub}`. PortSIP only.
        reqid: Str<'a> => "reqid";
    }
}

frame! {
    /// `{meta}`: the answer to a query. (seed)
    pub struct Meta<'a>, hot {
        /// Id of the request.
        id: Str<'a> => "id";
        /// The topic.
        topic: Str<'a> => "topic", always;
        /// When.
        ts: Stamp<'a> => "ts";
        /// Description.
        desc: Option<Box<Desc<'a>>> => "desc";
        /// Subscriptions: users of a topic, or topics of `me`.
        sub: Option<Vec<Subscription<'a>>> => "sub";
        /// Deleted messages. (tinode-doc)
        del: Option<DelInfo> => "del";
        /// Tags. (tinode-doc)
        tags: Option<Vec<Str<'a>>> => "tags";
        /// Credentials. (tinode-doc)
        cred: Option<Vec<Cred<'a>>> => "cred";
        /// Auxiliary data. (tinode-doc)
        aux: Option<Raw<'a>> => "aux";
    }
}

frame! {
    /// A description. (seed; members beyond the sample from tinode-doc)
    pub struct Desc<'a> {
        /// When the topic was created.
        created: Stamp<'a> => "created";
        /// When the topic was last changed; moves with messages in the sample.
        updated: Stamp<'a> => "updated";
        /// When the last message came.
        touched: Stamp<'a> => "touched";
        /// State of the account.
        state: Str<'a> => "state" | "status";
        /// Whether the topic is online.
        online: bool => "online";
        /// Whether it is a channel.
        chan: bool => "chan";
        /// When the peer was last here.
        seen: Option<Seen<'a>> => "seen";
        /// Default access.
        defacs: Option<Defacs<'a>> => "defacs";
        /// Own access.
        acs: Option<Acs<'a>> => "acs";
        /// Number of the last message.
        seq: u64 => "seq";
        /// Last message the user has read.
        read: u64 => "read";
        /// Last message the user has received.
        recv: u64 => "recv";
        /// Id of the last delete transaction.
        clear: u64 => "clear";
        /// Number of subscribers.
        subcnt: u64 => "subcnt";
        /// What everybody sees.
        public: Option<Raw<'a>> => "public";
        /// What root certifies.
        trusted: Option<Raw<'a>> => "trusted";
        /// What only the user sees.
        private: Option<Raw<'a>> => "private";
    }
}

frame! {
    /// One row of a list of subscriptions. (seed; members beyond the sample from tinode-doc)
    pub struct Subscription<'a>, hot {
        /// When the subscription last changed.
        updated: Stamp<'a> => "updated";
        /// When it was deleted.
        deleted: Stamp<'a> => "deleted";
        /// Whether the user or topic is online.
        online: bool => "online";
        /// Access.
        acs: Option<Acs<'a>> => "acs";
        /// Last message read.
        read: u64 => "read";
        /// Last message received.
        recv: u64 => "recv";
        /// What everybody sees.
        public: Option<Raw<'a>> => "public";
        /// What root certifies.
        trusted: Option<Raw<'a>> => "trusted";
        /// What only the user sees.
        private: Option<Raw<'a>> => "private";
        /// The subscriber.
        user: Str<'a> => "user";
        /// The topic, when `me` was asked.
        topic: Str<'a> => "topic";
        /// When the last message came.
        touched: Stamp<'a> => "touched";
        /// Number of the last message.
        seq: u64 => "seq";
        /// Id of the last delete transaction.
        clear: u64 => "clear";
        /// Number of subscribers.
        subcnt: u64 => "subcnt";
        /// When the peer was last here.
        seen: Option<Seen<'a>> => "seen";
    }
}

frame! {
    /// Access: what the user wants, what the topic gives, and the common part. (seed)
    pub struct Acs<'a>, hot {
        /// Wanted.
        want: Str<'a> => "want";
        /// Given.
        given: Str<'a> => "given";
        /// `want & given`.
        mode: Str<'a> => "mode";
    }
}

frame! {
    /// When and with what a peer was last here. (tinode-doc)
    pub struct Seen<'a> {
        /// When.
        when: Stamp<'a> => "when";
        /// User agent.
        ua: Str<'a> => "ua";
    }
}

frame! {
    /// Deleted messages. (tinode-doc)
    pub struct DelInfo {
        /// Id of the last delete transaction.
        clear: u64 => "clear";
        /// What is deleted.
        delseq: Option<Vec<SeqRange>> => "delseq";
    }
}

frame! {
    /// `{pres}`: something changed. (seed; members beyond the sample from tinode-doc)
    pub struct Pres<'a>, hot {
        /// `me`, or the topic.
        topic: Str<'a> => "topic", always;
        /// The user or topic it is about.
        src: Str<'a> => "src";
        /// `on off ua upd tags aux acs gone term msg read recv del`, or something newer.
        what: Str<'a> => "what", always;
        /// User agent.
        ua: Str<'a> => "ua";
        /// Number of a message.
        seq: u64 => "seq";
        /// Id of a delete transaction.
        clear: u64 => "clear";
        /// Deleted messages.
        delseq: Option<Vec<SeqRange>> => "delseq";
        /// Whom it affects; absent when that is the recipient or `src`.
        tgt: Str<'a> => "tgt";
        /// Who did it; absent when that is the recipient or `src`.
        act: Str<'a> => "act";
        /// Change of access, absolute or `+ADD-REMOVE`.
        dacs: Option<AcsChange<'a>> => "dacs" | "acs";
    }
}

frame! {
    /// A change of access. (seed)
    pub struct AcsChange<'a> {
        /// Of what is wanted.
        want: Str<'a> => "want";
        /// Of what is given.
        given: Str<'a> => "given";
    }
}

frame! {
    /// `{info}`: a relayed note. (tinode-doc)
    pub struct Info<'a>, hot {
        /// The topic, or `me`.
        topic: Str<'a> => "topic", always;
        /// The topic, when it comes on `me`.
        src: Str<'a> => "src";
        /// Who sent the note.
        from: Str<'a> => "from";
        /// `recv`, `read`, `kp`, `kpa`, `kpv`, `call`, `data`.
        what: Str<'a> => "what", always;
        /// The message it is about.
        seq: u64 => "seq";
        /// Event of a call.
        event: Str<'a> => "event";
        /// Payload.
        payload: Option<Raw<'a>> => "payload";
    }
}

impl Down<'_> {
    /// Name of the kind.
    #[must_use]
    pub fn kind(&self) -> Str<'_> {
        match self {
            Self::Ctrl(_) => "ctrl".into(),
            Self::Data(_) => "data".into(),
            Self::Meta(_) => "meta".into(),
            Self::Pres(_) => "pres".into(),
            Self::Info(_) => "info".into(),
            Self::Other(name, _) => name.reborrow(),
        }
    }
}

impl<'a> Data<'a> {
    /// Reads what servers send, an object with a message and nothing beside it, into `self`, which is
    /// the default. Otherwise it is to be read as a [`Down`].
    pub(crate) fn read_lone(&mut self, text: &'a str, max_depth: usize) -> bool {
        inside(text, max_depth, "\"data\":")
            .is_some_and(|body| self.read(body).is_ok_and(Scanner::is_last))
    }
}

impl<'a> Ctrl<'a> {
    /// The same for an answer.
    pub(crate) fn read_lone(&mut self, text: &'a str, max_depth: usize) -> bool {
        inside(text, max_depth, "\"ctrl\":")
            .is_some_and(|body| self.read(body).is_ok_and(Scanner::is_last))
    }
}

/// In front of the object that is the first member of another, when its name is this.
#[inline(always)]
fn inside<'a>(text: &'a str, max_depth: usize, name: &'static str) -> Option<Scanner<'a>> {
    let mut scanner = Scanner::new(text, max_depth);
    let is_inside =
        matches!(scanner.object(), Ok(true)) && scanner.predict(name) && scanner.is_at(b'{');
    is_inside.then_some(scanner)
}

impl<'a> Wire<'a> for Down<'a> {
    type Static = Down<'static>;

    fn decode_within(text: &'a str, max_depth: usize) -> Result<Self, DecodeError> {
        let mut scanner = Scanner::new(text, max_depth);
        if scanner.object()? {
            // What servers send: one kind and nothing beside it.
            lone! { scanner;
                "data" => Down::Data,
                "ctrl" => Down::Ctrl,
                "pres" => Down::Pres,
                "info" => Down::Info,
                "meta" => Down::Meta,
            }
        }
        let Envelope { ctrl, data, meta, pres, info, extra } = codec::from_text(text, max_depth)?;
        None.or(ctrl.map(Down::Ctrl))
            .or(data.map(Down::Data))
            .or(meta.map(Down::Meta))
            .or(pres.map(Down::Pres))
            .or(info.map(Down::Info))
            .or(AnyObject { extra }.into_first().map(|(name, body)| Down::Other(name, body)))
            .ok_or(DecodeError::NoKind)
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        match self {
            Self::Ctrl(it) => object.member(member_name!("ctrl"), it),
            Self::Data(it) => object.member(member_name!("data"), it),
            Self::Meta(it) => object.member(member_name!("meta"), it),
            Self::Pres(it) => object.member(member_name!("pres"), it),
            Self::Info(it) => object.member(member_name!("info"), it),
            Self::Other(name, body) => object.other(name, body),
        }
        object.end();
    }

    fn share(self, text: &Text) -> Down<'static> {
        let source = &Source::from(text);
        match self {
            Self::Ctrl(it) => Down::Ctrl(it.share_in(source)),
            Self::Data(it) => Down::Data(it.share_in(source)),
            Self::Meta(it) => Down::Meta(it.share_in(source)),
            Self::Pres(it) => Down::Pres(it.share_in(source)),
            Self::Info(it) => Down::Info(it.share_in(source)),
            Self::Other(name, body) => Down::Other(name.share_in(source), body.share_in(source)),
        }
    }
}
