//! The IM service: who is connected, what there is, and which function answers which verb.

mod access;
mod del;
mod describe;
mod emc;
mod files;
mod find;
mod gauges;
mod history;
mod leave;
mod linked;
mod login;
mod merge;
mod names;
mod note;
mod ownership;
mod presence;
mod publish;
mod ranges;
mod reply;
mod set;
mod state;
mod sub;
mod tags;
mod tinode;

use std::collections::{BTreeMap, BTreeSet};

use chat_proto::codec::{Codec, Limits, Server};
use chat_proto::im::up::{Verb, recover_id};
use chat_proto::im::{Flavor, Im as Frames};
use chat_proto::machine::{ConnId, Text};

use self::files::Files;
use self::presence::Alarms;
use self::reply::{Ask, Fail, Status};
use self::state::Topic;
pub(crate) use self::tinode::check_api_key;
use crate::accounts::Accounts;
use crate::effects::{Cx, Undo};
use crate::oauth::Tokens;
use crate::record::{Record, TopicId, UserRow};

/// The state of the IM service.
#[derive(Debug)]
pub(crate) struct Im {
    /// Stored: what users say of themselves.
    users: BTreeMap<u64, UserRow>,
    /// Rows that the world gives; a user that differs is stored.
    initial: BTreeMap<u64, UserRow>,
    /// Stored: topics with all that is in them.
    topics: BTreeMap<TopicId, Topic>,
    /// Which topics a user has a row in, ended subscriptions included.
    of_user: BTreeSet<(u64, TopicId)>,
    /// Stored: when subscriptions ended to topics that are gone. Never of groups, so no more than there
    /// are users and pairs of them.
    ended: BTreeMap<(u64, TopicId), i64>,
    files: Files,
    peers: BTreeMap<ConnId, Peer>,
    /// Sessions by topic, with their users.
    attached: BTreeMap<TopicId, BTreeMap<ConnId, u64>>,
    /// Users who count as online, those within the grace period included.
    online: BTreeSet<u64>,
    /// Groups that count as online.
    live: BTreeSet<TopicId>,
    alarms: Alarms,
    /// Ids of `{pub}` remembered for each topic.
    remembered: usize,
    /// What the messages of all topics take.
    history_bytes: usize,
}

/// One connection.
#[derive(Debug)]
struct Peer {
    flavor: Flavor,
    user: Option<u64>,
    topics: BTreeSet<TopicId>,
    /// Digest of the OAuth token it logged in with, or of that token's successor.
    oauth: Option<String>,
    /// What only Tinode's flavour knows.
    tinode: tinode::State,
}

/// How to take back what is kept in memory only.
#[derive(Debug)]
pub(crate) enum ImUndo {
    /// A session was attached.
    Attached(ConnId, TopicId),
    /// A session was detached.
    Detached(ConnId, TopicId),
    /// A session logged in.
    LoggedIn(ConnId),
    /// Sessions of one OAuth token became those of another.
    Renewed { old: String, new: String },
    /// A topic was dropped with all that was in it.
    Dropped(TopicId, Box<Topic>),
}

impl Im {
    /// The service over `accounts`: `remembered` ids of `{pub}` are kept for each topic, and `stamp`
    /// is when the profiles count as made.
    pub(crate) fn new(accounts: &Accounts, remembered: usize, stamp: i64) -> Self {
        let users: BTreeMap<_, _> = accounts
            .users()
            .map(|(user, account)| (user, access::initial_user(&account.name, stamp)))
            .collect();
        Self {
            initial: users.clone(),
            users,
            topics: BTreeMap::new(),
            of_user: BTreeSet::new(),
            ended: BTreeMap::new(),
            files: Files::default(),
            peers: BTreeMap::new(),
            attached: BTreeMap::new(),
            online: BTreeSet::new(),
            live: BTreeSet::new(),
            alarms: Alarms::default(),
            remembered,
            history_bytes: 0,
        }
    }

    /// A connection was made.
    pub(crate) fn opened(&mut self, conn: ConnId, flavor: Flavor) {
        let (topics, tinode) = (BTreeSet::new(), tinode::State::default());
        let peer = Peer { flavor, user: None, topics, oauth: None, tinode };
        self.peers.insert(conn, peer);
    }

    /// A frame came.
    pub(crate) fn received(&mut self, cx: &mut Cx<'_>, tokens: &Tokens, conn: ConnId, text: &Text) {
        let Some(peer) = self.peers.get(&conn) else { return };
        let (flavor, user) = (peer.flavor, peer.user);
        let limits: Limits = cx.config.session.limits;
        let Ok(up) = Codec::<Frames, Server>::new(limits).decode(text.as_str()) else {
            return self.undecodable(cx, conn, text);
        };
        let ask = Ask::new(conn, flavor, user.unwrap_or(0), &up);
        if matches!(up.verb, Verb::Other(..)) {
            return self.malformed(cx, conn);
        }
        match self.may_ask(&ask, &up) {
            Ok(true) => {}
            Ok(false) => return,
            Err(status) => return self.ctrl(cx, &ask, status, None),
        }
        let result = match (&up.verb, user) {
            (Verb::Other(..), _) => Err(Status::MALFORMED.into()),
            (Verb::Login(it), _) => self.login(cx, tokens, &ask, it),
            (Verb::Hi(it), _) => self.hi(cx, &ask, it),
            // Accounts come from the PBX. (choice)
            (Verb::Acc(_), _) => Err(Status::DENIED.into()),
            (Verb::Note(_), None) => Ok(()),
            (_, None) => Err(Status::AUTH_REQUIRED.into()),
            (verb, Some(_)) if find::is_about(&ask) => self.search(cx, &ask, verb),
            (Verb::Pub(it), Some(_)) => self.publish(cx, &ask, it),
            (Verb::Sub(it), Some(_)) => self.subscribe(cx, &ask, it),
            (Verb::Leave(it), Some(_)) => self.leave(cx, &ask, it),
            (Verb::Get(it), Some(_)) => self.get(cx, &ask, it),
            (Verb::Set(it), Some(_)) => self.set(cx, &ask, it),
            (Verb::Del(it), Some(_)) => self.delete(cx, &ask, it),
            (Verb::Note(it), Some(_)) => self.note(cx, &ask, it),
        };
        match result {
            Ok(()) if matches!(up.verb, Verb::Pub(_) | Verb::Set(_) | Verb::Sub(_)) => {
                self.link_files(cx, ask.user, text.as_str());
            }
            Ok(()) => {}
            Err(Fail(status, params)) => self.ctrl(cx, &ask, status, params),
        }
    }

    /// The text is no frame: say so, with the id where it can be found. (tinode-code; the id is a
    /// choice)
    fn undecodable(&self, cx: &mut Cx<'_>, conn: ConnId, text: &Text) {
        let id = match cx.config.session.limits.check(text.as_str()) {
            Ok(()) => recover_id(text.as_str()).unwrap_or_default(),
            Err(_) => String::new(),
        };
        let ask = Ask::bare(conn, self.flavor(conn), id);
        self.ctrl(cx, &ask, Status::MALFORMED, None);
    }

    /// A message that is not even text.
    pub(crate) fn malformed(&self, cx: &mut Cx<'_>, conn: ConnId) {
        let ask = Ask::bare(conn, self.flavor(conn), String::new());
        self.ctrl(cx, &ask, Status::MALFORMED, None);
    }

    /// The frame is not looked at for want of room.
    pub(crate) fn busy(&self, cx: &mut Cx<'_>, conn: ConnId, text: &Text) {
        if let Some(text) = self.refusal(cx, conn, text, Status::UNAVAILABLE) {
            cx.fx.answer(conn, text);
        }
    }

    /// What to tell the sender of `text` when it could not be stored.
    pub(crate) fn store_failed(&self, cx: &Cx<'_>, conn: ConnId, text: &Text) -> Option<Text> {
        self.refusal(cx, conn, text, Status::INTERNAL)
    }

    fn refusal(&self, cx: &Cx<'_>, conn: ConnId, text: &Text, status: Status) -> Option<Text> {
        let limits = cx.config.session.limits;
        let flavor = self.flavor(conn);
        let ask = match Codec::<Frames, Server>::new(limits).decode(text.as_str()) {
            Ok(up) if up.id().is_empty() && matches!(up.verb, Verb::Note(_) | Verb::Pub(_)) => {
                return None;
            }
            Ok(up) => Ask::new(conn, flavor, 0, &up),
            Err(_) => Ask::bare(conn, flavor, String::new()),
        };
        Some(ask.encode(cx.stamp, status, None))
    }

    /// The server is stopping. (tinode-code)
    pub(crate) fn farewell(&self, cx: &mut Cx<'_>, conn: ConnId) {
        let ask = Ask::bare(conn, self.flavor(conn), String::new());
        let text = ask.encode(cx.stamp, Status::SHUTDOWN, None);
        cx.fx.answer(conn, text);
    }

    /// A connection is gone.
    pub(crate) fn lost(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        let Some(peer) = self.peers.get(&conn) else { return };
        for topic in peer.topics.clone() {
            self.detach(cx, conn, topic, None);
        }
        self.peers.remove(&conn);
    }

    fn flavor(&self, conn: ConnId) -> Flavor {
        self.peers.get(&conn).map_or(Flavor::PortSip, |peer| peer.flavor)
    }

    /// Takes back what is kept in memory only.
    pub(crate) fn undo(&mut self, step: ImUndo) {
        match step {
            ImUndo::Attached(conn, topic) => {
                self.set_attached(conn, topic, false);
                self.recount(topic);
            }
            ImUndo::Detached(conn, topic) => {
                self.set_attached(conn, topic, true);
                self.recount(topic);
            }
            ImUndo::LoggedIn(conn) => {
                if let Some(peer) = self.peers.get_mut(&conn) {
                    (peer.user, peer.oauth) = (None, None);
                }
            }
            ImUndo::Renewed { old, new } => self.rename(&new, &old),
            ImUndo::Dropped(id, topic) => {
                self.of_user.extend(topic.members.keys().map(|user| (*user, id)));
                self.history_bytes += topic.bytes;
                self.topics.insert(id, *topic);
            }
        }
    }

    /// Assigns a row and gives back how to undo it.
    pub(crate) fn apply(&mut self, record: Record) -> Undo {
        state::apply(self, record)
    }

    /// Assigns a row and logs it.
    fn put(&mut self, cx: &mut Cx<'_>, record: Record) {
        let undo = self.apply(record.clone());
        cx.fx.log(record, undo);
    }
}
