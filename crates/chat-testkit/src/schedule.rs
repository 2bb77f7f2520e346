//! What happens in a world, as data: it can be drawn from a seed, printed, and cut shorter.

use std::fmt;

use chat_proto::client::Phase;

use crate::link::Weather;

/// Everything a run depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Seeds the network and the sessions.
    pub seed: u64,
    /// Who and what there is.
    pub setup: Setup,
    /// What happens, in order of time.
    pub ops: Vec<Op>,
}

/// Who and what there is.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Clients of topic chat: which user each belongs to. Two may belong to one.
    pub im: Vec<ImSetup>,
    /// Clients of order chat, by account: 0 is the merchant, 1 and 2 are buyers. Clients come after
    /// those of topic chat.
    pub c2c: Vec<C2cSetup>,
    /// How long messages take.
    pub weather: Weather,
    /// How long a commit takes, in milliseconds; 0 is none at all.
    pub commit: Weather,
    /// Life of an access token in seconds.
    pub token_life: u32,
    /// Messages the hub keeps of a topic.
    pub window: u32,
}

/// A client of topic chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImSetup {
    /// The user, from 0.
    pub user: u8,
    /// The client may rely on the server knowing repeated ids.
    pub dedup: bool,
    /// It begins with tokens in place of a password.
    pub tokens: bool,
}

/// A client of order chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct C2cSetup {
    /// The account, from 0.
    pub account: u8,
    /// Messages that are proven lost are sent again.
    pub resend: bool,
}

/// Something that happens, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// Milliseconds since the start.
    pub at: u32,
    /// What.
    pub act: Act,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// An application does something.
    Do {
        /// Which client.
        client: u8,
        /// What.
        verb: Verb,
    },
    /// Something breaks.
    Break {
        /// Whose, where it is about one client.
        client: u8,
        /// What.
        fault: Fault,
    },
    /// Something breaks as soon as a client is in a phase.
    Ambush {
        /// Which client.
        client: u8,
        /// The phase.
        phase: Phase,
        /// After so many more messages on its link.
        frames: u8,
        /// What the application does at that moment.
        verb: Option<Verb>,
        /// What breaks.
        fault: Fault,
    },
    /// The other side of an order, or the service, does something.
    Script {
        /// The order, from 0.
        order: u8,
        /// What: see [`crate::world`].
        what: u8,
    },
}

/// What an application does.
///
/// The numbers choose among what there is at that moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Verb {
    /// What.
    pub kind: VerbKind,
    /// Of which topic or order.
    pub topic: u8,
    /// About whom.
    pub who: u8,
    /// The rest.
    pub arg: u8,
}

impl Verb {
    /// About the first topic and the first user.
    #[must_use]
    pub const fn new(kind: VerbKind) -> Self {
        Self { kind, topic: 0, who: 0, arg: 0 }
    }
}

impl fmt::Debug for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({}, {}, {})", self.kind, self.topic, self.who, self.arg)
    }
}

/// Kinds of what an application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VerbKind {
    /// Connect.
    Connect,
    /// Close.
    Close,
    /// The program ends without a word and is started again.
    Restart,
    /// Give a request up.
    Cancel,
    /// Subscribe.
    Subscribe,
    /// Publish.
    Publish,
    /// Publish without an echo.
    PublishMute,
    /// Leave.
    Leave,
    /// Give the subscription up.
    Unsubscribe,
    /// Ask for the description.
    Describe,
    /// Ask for the members.
    Members,
    /// Ask for history.
    History,
    /// Create a group.
    CreateGroup,
    /// Make somebody a member.
    Invite,
    /// Take all access from somebody.
    Ban,
    /// Remove a member.
    Remove,
    /// Say what one wants to be allowed.
    Want,
    /// Describe the topic.
    SetPublic,
    /// Hand the group over.
    Transfer,
    /// Delete messages for everybody.
    Erase,
    /// Delete messages for oneself.
    Hide,
    /// Delete the topic.
    DeleteTopic,
    /// Tell that messages were read.
    NoteRead,
    /// Tell that messages were received.
    NoteReceived,
    /// Tell that one is typing.
    Typing,
    /// Order chat: send a text.
    Send,
    /// Order chat: send a picture.
    SendPicture,
    /// Order chat: read history.
    OrderHistory,
    /// Order chat: mark as read.
    MarkRead,
    /// Order chat: ask for a place to upload to.
    PreSign,
    /// Order chat: watch an order.
    Watch,
    /// Order chat: watch it no more.
    Unwatch,
}

impl VerbKind {
    /// Those of topic chat that make a request, and notes.
    pub const IM: [Self; 21] = [
        Self::Subscribe,
        Self::Publish,
        Self::PublishMute,
        Self::Leave,
        Self::Unsubscribe,
        Self::Describe,
        Self::Members,
        Self::History,
        Self::CreateGroup,
        Self::Invite,
        Self::Ban,
        Self::Remove,
        Self::Want,
        Self::SetPublic,
        Self::Transfer,
        Self::Erase,
        Self::Hide,
        Self::DeleteTopic,
        Self::NoteRead,
        Self::NoteReceived,
        Self::Typing,
    ];

    /// Those of order chat.
    pub const C2C: [Self; 7] = [
        Self::Send,
        Self::SendPicture,
        Self::OrderHistory,
        Self::MarkRead,
        Self::PreSign,
        Self::Watch,
        Self::Unwatch,
    ];
}

/// Something that breaks. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    Nothing,
    /// The link ends; both sides notice, and what was on its way is lost.
    Cut,
    /// The link ends and the hub does not notice; what was on its way is lost.
    HalfOpen,
    /// The link ends for the client; what it wrote arrives this much later.
    Late(u32),
    /// The link ends for the hub, and the client does not notice.
    DeadPeer,
    /// Nothing gets to the hub for a while.
    StallUp(u32),
    /// Nothing gets to the client for a while.
    StallDown(u32),
    /// Nothing gets either way for a while, and nobody can connect.
    Partition(u32),
    /// What the hub says next arrives twice.
    Duplicate,
    /// So many dials are refused with HTTP 503.
    RefuseDials(u8),
    /// The application takes no events for a while.
    Deaf(u32),
    /// The next HTTP requests of the client find nobody.
    HttpNoConnect(u8),
    /// The next HTTP requests are lost.
    HttpLost(u8),
    /// The answers to the next HTTP requests are lost.
    HttpAnswerLost(u8),
    /// The next HTTP requests are answered with 503.
    Http5xx(u8),
    /// The next HTTP requests are answered with 429.
    Http429(u8),
    /// The hub crashes and is back after a while; the commit under way is lost.
    CrashLost(u32),
    /// The hub crashes and is back after a while; the commit under way is stored.
    CrashStored(u32),
    /// The hub crashes, and nobody is told: connections look open.
    CrashSilent(u32),
    /// The hub says goodbye, ends, and is back after a while.
    Shutdown(u32),
    /// The next commits fail.
    FailCommits(u8),
    /// Commits take this much longer for a while.
    SlowCommits(u32),
    /// The hub crashes, and no token is good any more.
    ForgetTokens,
    /// The PBX cannot be asked for a while.
    NoPbx(u32),
    /// The client's wall clock jumps.
    ClientClock(i32),
    /// The hub's wall clock jumps.
    HubClock(i32),
    /// Access tokens expire at once.
    ExpireTokens,
    /// The client's program ends without a word and is started again.
    Restart,
    /// A second program takes the account over.
    TakeOver,
    /// The service of order chat misbehaves in some way for a while: see
    /// [`crate::world::switches`].
    Switch(u8, u32),
}

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are named as the faults are")]
pub enum FaultKind {
    Cut,
    HalfOpen,
    Late,
    DeadPeer,
    StallUp,
    StallDown,
    Partition,
    Duplicate,
    RefuseDials,
    Deaf,
    HttpNoConnect,
    HttpLost,
    HttpAnswerLost,
    Http5xx,
    Http429,
    CrashLost,
    CrashStored,
    CrashSilent,
    Shutdown,
    FailCommits,
    SlowCommits,
    ForgetTokens,
    NoPbx,
    ClientClock,
    HubClock,
    ExpireTokens,
    Restart,
    TakeOver,
    Switch(u8),
}

impl FaultKind {
    /// All but the switches.
    pub const ALL: [Self; 28] = [
        Self::Cut,
        Self::HalfOpen,
        Self::Late,
        Self::DeadPeer,
        Self::StallUp,
        Self::StallDown,
        Self::Partition,
        Self::Duplicate,
        Self::RefuseDials,
        Self::Deaf,
        Self::HttpNoConnect,
        Self::HttpLost,
        Self::HttpAnswerLost,
        Self::Http5xx,
        Self::Http429,
        Self::CrashLost,
        Self::CrashStored,
        Self::CrashSilent,
        Self::Shutdown,
        Self::FailCommits,
        Self::SlowCommits,
        Self::ForgetTokens,
        Self::NoPbx,
        Self::ClientClock,
        Self::HubClock,
        Self::ExpireTokens,
        Self::Restart,
        Self::TakeOver,
    ];
}

impl Fault {
    /// Its kind.
    #[must_use]
    pub const fn kind(self) -> FaultKind {
        match self {
            Self::Nothing | Self::Cut => FaultKind::Cut,
            Self::HalfOpen => FaultKind::HalfOpen,
            Self::Late(_) => FaultKind::Late,
            Self::DeadPeer => FaultKind::DeadPeer,
            Self::StallUp(_) => FaultKind::StallUp,
            Self::StallDown(_) => FaultKind::StallDown,
            Self::Partition(_) => FaultKind::Partition,
            Self::Duplicate => FaultKind::Duplicate,
            Self::RefuseDials(_) => FaultKind::RefuseDials,
            Self::Deaf(_) => FaultKind::Deaf,
            Self::HttpNoConnect(_) => FaultKind::HttpNoConnect,
            Self::HttpLost(_) => FaultKind::HttpLost,
            Self::HttpAnswerLost(_) => FaultKind::HttpAnswerLost,
            Self::Http5xx(_) => FaultKind::Http5xx,
            Self::Http429(_) => FaultKind::Http429,
            Self::CrashLost(_) => FaultKind::CrashLost,
            Self::CrashStored(_) => FaultKind::CrashStored,
            Self::CrashSilent(_) => FaultKind::CrashSilent,
            Self::Shutdown(_) => FaultKind::Shutdown,
            Self::FailCommits(_) => FaultKind::FailCommits,
            Self::SlowCommits(_) => FaultKind::SlowCommits,
            Self::ForgetTokens => FaultKind::ForgetTokens,
            Self::NoPbx(_) => FaultKind::NoPbx,
            Self::ClientClock(_) => FaultKind::ClientClock,
            Self::HubClock(_) => FaultKind::HubClock,
            Self::ExpireTokens => FaultKind::ExpireTokens,
            Self::Restart => FaultKind::Restart,
            Self::TakeOver => FaultKind::TakeOver,
            Self::Switch(which, _) => FaultKind::Switch(which),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4}.{:03} s  ", self.at / 1000, self.at % 1000)?;
        match &self.act {
            Act::Do { client, verb } => write!(f, "client {client}: {verb:?}"),
            Act::Break { client, fault } => write!(f, "client {client}: {fault:?}"),
            Act::Ambush { client, phase, frames, verb, fault } => {
                write!(f, "client {client}: when {phase:?}")?;
                if let Some(verb) = verb {
                    write!(f, ", {verb:?}")?;
                }
                if *frames > 0 {
                    write!(f, ", {frames} messages later")?;
                }
                write!(f, ": {fault:?}")
            }
            Act::Script { order, what } => write!(f, "order {order}: script {what}"),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        for (n, it) in self.setup.im.iter().enumerate() {
            let (dedup, tokens) = (it.dedup, it.tokens);
            writeln!(f, "client {n}: user {}, dedup {dedup}, tokens {tokens}", it.user)?;
        }
        for (n, it) in self.setup.c2c.iter().enumerate() {
            let n = self.setup.im.len() + n;
            writeln!(f, "client {n}: account {}, resend {}", it.account, it.resend)?;
        }
        let Setup { weather, commit, token_life, window, .. } = self.setup;
        writeln!(
            f,
            "network {}+{} ms, commits {}+{} ms, tokens live {token_life} s, {window} messages kept",
            weather.least, weather.jitter, commit.least, commit.jitter
        )?;
        self.ops.iter().try_for_each(|op| writeln!(f, "{op}"))
    }
}
