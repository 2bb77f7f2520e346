//! What a simulated world reports, in the order in which it happened everywhere.
//!
//! Plain words and numbers, so that a check needs none of the code it judges: conversations and
//! users are named the same for everybody, access modes are their letters, requests are known by
//! the number the client gave them.

mod answers;
mod rows;

use std::time::Duration;

pub use answers::{order_end, order_event, topic_end, topic_event};
pub use rows::{order_user, rows, topic_user};

/// A client program of the world; a restarted one keeps its number.
pub type Client = usize;

/// A conversation, named the same for everybody in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chat {
    /// A group, or any other topic that all its members call by one name.
    Topic(String),
    /// Two users of topic chat, by their names in the order of the alphabet.
    Pair(String, String),
    /// Order chat, by the order's number.
    Order(String),
}

impl Chat {
    /// The conversation that `user` calls `topic`. `None` for `me` and `fnd`, which are none, and for
    /// a group that does not exist yet.
    #[must_use]
    pub fn of_topic(user: &str, topic: &str) -> Option<Self> {
        match topic {
            "me" | "fnd" => None,
            "slf" => Some(Self::Topic(format!("slf of {user}"))),
            _ if topic.starts_with("new") => None,
            _ if topic.starts_with("usr") => Some(Self::pair(user, topic)),
            _ => Some(Self::Topic(topic.to_owned())),
        }
    }

    /// The conversation of two users.
    #[must_use]
    pub fn pair(a: &str, b: &str) -> Self {
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        Self::Pair(a.to_owned(), b.to_owned())
    }
}

/// A message as somebody has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number in the topic, or its id in order chat.
    pub seq: u64,
    /// The author as [`topic_user`] or [`order_user`] writes it; empty for the service.
    pub from: String,
    /// The content: JSON text in topic chat, plain text in order chat. The world makes every content
    /// it publishes different from all others: it is how the check knows a message.
    pub content: String,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A message.
    Publish {
        /// Where.
        chat: Chat,
        /// Its content, as in [`Message::content`].
        content: String,
        /// Whether its author wants no copy.
        no_echo: bool,
    },
    /// To be in a topic and hear of it. `None` makes a group.
    Subscribe {
        /// Which.
        chat: Option<Chat>,
    },
    /// To hear of it no more in this client.
    Leave {
        /// Which.
        chat: Chat,
    },
    /// To be in it no more.
    Unsubscribe {
        /// Which.
        chat: Chat,
    },
    /// Own wanted access: letters, `N` for none.
    Want {
        /// Where.
        chat: Chat,
        /// The letters.
        mode: String,
    },
    /// Access given to a user, who becomes a member: invite, ban, hand over. `None` is the default.
    Give {
        /// Where.
        chat: Chat,
        /// To whom.
        user: String,
        /// The letters.
        mode: Option<String>,
    },
    /// To take a member out.
    Remove {
        /// Where.
        chat: Chat,
        /// Whom.
        user: String,
    },
    /// To delete a topic.
    Delete {
        /// Which.
        chat: Chat,
    },
    /// To delete messages.
    Erase {
        /// Where.
        chat: Chat,
        /// First and last of each range.
        ranges: Vec<(u64, u64)>,
        /// For everybody.
        hard: bool,
    },
    /// A page of history.
    History {
        /// Of what.
        chat: Chat,
    },
    /// To have read all of an order.
    MarkRead {
        /// Which.
        chat: Chat,
    },
    /// Anything else: it changes nothing that is checked.
    Other,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The message has this number, or in order chat this id where it is known.
    Published(Option<u64>),
    /// The client hears of this conversation.
    Subscribed(Option<Chat>),
    /// A page of history.
    Page(Vec<Message>),
    /// Done.
    Done,
    /// Refused with this code.
    Rejected(String),
    /// No answer, and nothing happened.
    TimedOut,
    /// It may have happened.
    Unknown,
    /// Never sent.
    Cancelled,
}

/// A row that the hub has stored, or holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A topic exists, or does no more, with all that is in it.
    Topic {
        /// Which.
        chat: Chat,
        /// Whether it exists.
        exists: bool,
    },
    /// Number of a topic's last message.
    Head {
        /// Which.
        chat: Chat,
        /// The number.
        seq: u64,
    },
    /// What a member wants and is given, as letters; `None` for a membership that ended or is not. The
    /// hub has no such rows about orders: the world makes them when it begins, one for each side, and
    /// a dump need not have them.
    Member {
        /// Of what.
        chat: Chat,
        /// Who.
        user: String,
        /// Wanted and given.
        access: Option<(String, String)>,
    },
    /// How far a member is.
    Marks {
        /// Where.
        chat: Chat,
        /// Who.
        user: String,
        /// Last message read.
        read: u64,
        /// Last message received.
        received: u64,
    },
    /// A message; `None` when it is kept no longer.
    Message {
        /// Where; `None` where the row does not say, of a message in order chat that is gone.
        chat: Option<Chat>,
        /// Number or id.
        seq: u64,
        /// Who may see it; empty for everybody in the conversation.
        to: String,
        /// The message.
        message: Option<Message>,
    },
    /// A deletion.
    Erased {
        /// Where.
        chat: Chat,
        /// For whom; `None` for everybody.
        user: Option<String>,
        /// First and last of each range.
        ranges: Vec<(u64, u64)>,
    },
}

/// A queue, buffer or table, and what it may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Whose and which, in words.
    pub name: String,
    /// How much is in it.
    pub len: usize,
    /// How much may be.
    pub bound: usize,
}

/// Everything at a point where nothing is on its way any more: every client that runs is ready and
/// has caught up, nobody waits for an answer, no commit is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump {
    /// All that the hub holds.
    pub rows: Vec<Row>,
    /// Queues of everybody.
    pub queues: Vec<Queue>,
    /// Clients that are ready. Of the others nothing can be demanded.
    pub ready: Vec<Client>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// A client program starts, or starts again: requests of an earlier life never end.
    Started {
        /// Which.
        client: Client,
        /// For whom, as [`topic_user`] or [`order_user`] writes it.
        user: String,
    },
    /// A client's session became ready (`true`), or lost its link.
    Link {
        /// Which.
        client: Client,
        /// Ready.
        up: bool,
    },
    /// A verb gave a request.
    Asked {
        /// Which client.
        client: Client,
        /// The request.
        id: u64,
        /// What for.
        verb: Verb,
    },
    /// A request ended.
    Ended {
        /// Which client.
        client: Client,
        /// The request.
        id: u64,
        /// How.
        end: End,
    },
    /// The application gives a request up; without one, it closes the session, and so all of them.
    GivenUp {
        /// Which client.
        client: Client,
        /// The request.
        id: Option<u64>,
    },
    /// A client that subscribed knows how far the topic goes: from here on it tells all of it. Before,
    /// a link that is lost takes the beginning along.
    Following {
        /// Which client.
        client: Client,
        /// The topic.
        chat: Chat,
    },
    /// A client watches an order: from now on, or (`false`) no more.
    Watching {
        /// Which client.
        client: Client,
        /// The order.
        chat: Chat,
        /// Whether.
        on: bool,
    },
    /// A client told its application a message.
    Told {
        /// Which client.
        client: Client,
        /// Where.
        chat: Chat,
        /// The message.
        message: Message,
        /// In order chat: it was read from history, and not pushed.
        from_history: bool,
    },
    /// A client told its application that messages cannot be had.
    Gap {
        /// Which client.
        client: Client,
        /// Where.
        chat: Chat,
        /// First missing.
        from: u64,
        /// Last missing.
        to: u64,
    },
    /// A client told its application that numbers go backwards. A hub that loses nothing never makes
    /// it so.
    Rewound {
        /// Which client.
        client: Client,
        /// Where.
        chat: Chat,
    },
    /// A client told its application that it hears of a topic no more: gone, or refused.
    Dropped {
        /// Which client.
        client: Client,
        /// Which topic.
        chat: Chat,
    },
    /// A client wrote a `sub`, whoever wants it: its application, or its session, to attach again what
    /// it follows.
    Attaching {
        /// Which client.
        client: Client,
        /// Which topic.
        chat: Chat,
        /// The client's number for it.
        number: u64,
    },
    /// A `sub` was answered.
    Attached {
        /// Which client wrote it.
        client: Client,
        /// The client's number for it.
        number: u64,
    },
    /// A message whose answer was lost went out again, and the second copy was refused.
    RefusedAgain {
        /// Which client wrote it.
        client: Client,
        /// Where.
        chat: Chat,
        /// Its content, as in [`Message::content`].
        content: String,
    },
    /// A client sent a receipt.
    Noted {
        /// Which client.
        client: Client,
        /// Where.
        chat: Chat,
        /// Up to which message.
        seq: u64,
        /// Read, or only received.
        read: bool,
    },
    /// Somebody without a client here asks for something; no answer is seen.
    Scripted {
        /// Who, as [`topic_user`] or [`order_user`] writes it.
        user: String,
        /// What for.
        verb: Verb,
    },
    /// A commit is stored, all of it.
    Stored(Vec<Row>),
    /// The hub crashed: what was not stored is gone.
    Crashed,
    /// Nothing is on its way any more.
    Quiet(Box<Dump>),
    /// How full everything of one owner is.
    Held(Vec<Queue>),
    /// Must never be shown from here on.
    Secret(String),
    /// A text that people may read: a line of a transcript or of a log, an error, a `Debug`.
    Shown(String),
}

/// Something that happened, and when: the time since the world began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// When.
    pub at: Duration,
    /// What.
    pub what: Observation,
}
