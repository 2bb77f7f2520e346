//! The hub with a store: commits that take time or fail, crashes, files in memory.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use chat_hub::{
    FileKey, Hub, HubAction, HubConfig, Offer, Record, Transfer, UploadError, Uploaded, World,
};
use chat_proto::machine::LinkFailure;
use chat_proto::{ConnId, HttpId, Input, Message, Now};
use http::{Request, Response, StatusCode};

/// What comes of a commit that was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// It is stored.
    Stored,
    /// It is not, and the hub is told so.
    Failed,
}

/// What the hub wants of the world.
#[derive(Debug)]
pub enum Wish {
    /// A commit was handed out.
    Commit,
    /// An answer to a request.
    Answer(HttpId, Response<Bytes>),
    /// A message for a connection.
    Write(ConnId, Message),
    /// A connection is let go of.
    Drop(ConnId),
}

/// The key of every hub here: the same, so that tokens outlive a restart.
const KEY: [u8; 32] = [7; 32];

/// A hub that can crash, and what it has stored.
pub struct Host {
    config: HubConfig,
    world: World,
    /// `None` while it is down.
    hub: Option<Hub>,
    store: Vec<Record>,
    /// The commit under way.
    committing: Option<(u64, Vec<Record>)>,
    files: BTreeMap<FileKey, Bytes>,
    wishes: VecDeque<Wish>,
    /// Names of connections in this world: the hub's own start again after a crash.
    conns: BTreeMap<ConnId, ConnId>,
    names: BTreeMap<ConnId, ConnId>,
    last_conn: u64,
    /// What it says about itself, if anybody listens.
    said: Option<Vec<String>>,
}

impl Host {
    /// A hub over `world` that has nothing stored.
    ///
    /// # Panics
    ///
    /// The world is not valid.
    #[must_use]
    pub fn new(config: HubConfig, world: World, now: Now) -> Self {
        let mut host = Self {
            config,
            world,
            hub: None,
            store: Vec::new(),
            committing: None,
            files: BTreeMap::new(),
            wishes: VecDeque::new(),
            conns: BTreeMap::new(),
            names: BTreeMap::new(),
            last_conn: 0,
            said: None,
        };
        host.start(now);
        host
    }

    /// The hub, unless it is down.
    #[must_use]
    pub const fn hub(&self) -> Option<&Hub> {
        self.hub.as_ref()
    }

    /// The hub, unless it is down. What it then wants is had from [`Host::poll`].
    pub const fn hub_mut(&mut self) -> Option<&mut Hub> {
        self.hub.as_mut()
    }

    /// Keeps from now on what people would print of what happens, for [`Host::heard`].
    pub fn listen(&mut self) {
        self.said.get_or_insert_default();
    }

    /// What people would have printed since the last look.
    pub fn heard(&mut self) -> Vec<String> {
        self.said.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn say(&mut self, what: &impl fmt::Debug) {
        if let Some(said) = &mut self.said {
            said.push(format!("{what:?}"));
        }
    }

    /// All that is stored, in order.
    #[must_use]
    pub fn stored(&self) -> &[Record] {
        &self.store
    }

    /// The commit under way.
    #[must_use]
    pub fn committing(&self) -> Option<&[Record]> {
        self.committing.as_ref().map(|(_, records)| records.as_slice())
    }

    /// Starts from what is stored; does nothing while it runs.
    pub fn start(&mut self, now: Now) {
        if self.hub.is_none() {
            let hub = Hub::new(self.config.clone(), &self.world, KEY, now);
            let mut hub = hub.expect("the world was checked by whoever made it");
            hub.restore(self.store.iter().cloned());
            self.hub = Some(hub);
        }
    }

    /// Ends at once. The commit under way is on the disk all the same, or is not.
    pub fn crash(&mut self, commit: Commit) -> Vec<Record> {
        self.hub = None;
        self.wishes.clear();
        self.conns.clear();
        self.names.clear();
        let (_, records) = self.committing.take().unwrap_or_default();
        match commit {
            Commit::Stored => {
                self.store.extend(records.iter().cloned());
                records
            }
            Commit::Failed => Vec::new(),
        }
    }

    /// Keeps what the hub holds in place of all records so far, as a store does now and then. Only
    /// while nothing is under way.
    pub fn compact(&mut self) {
        if let Some(hub) = self.hub.as_ref().filter(|hub| hub.is_settled()) {
            self.store = hub.snapshot();
        }
    }

    /// Loses what `lose` names from the store of a hub that is down.
    pub fn forget(&mut self, lose: impl Fn(&Record) -> bool) {
        self.store.retain(|record| !lose(record));
    }

    /// Puts an older state of the store back, as from a copy. The hub must be down.
    pub fn put_back(&mut self, store: Vec<Record>) {
        self.store = store;
    }

    /// What came of the commit under way; gives its records when they are stored.
    pub fn finish_commit(&mut self, commit: Commit, now: Now) -> Vec<Record> {
        let (Some(hub), Some((upto, records))) = (self.hub.as_mut(), self.committing.take()) else {
            return Vec::new();
        };
        match commit {
            Commit::Stored => {
                self.store.extend(records.iter().cloned());
                hub.committed(upto, now);
                records
            }
            Commit::Failed => {
                hub.commit_failed(upto, now);
                Vec::new()
            }
        }
    }

    /// Judges an upgrade and accepts it.
    ///
    /// # Errors
    ///
    /// Why there is no connection.
    pub fn dial(&mut self, head: &Request<()>, now: Now) -> Result<ConnId, LinkFailure> {
        let Some(hub) = self.hub.as_mut() else {
            return Err(LinkFailure::Dial("connection refused".to_owned()));
        };
        let offer: Result<Offer, _> = hub.offer(head, now);
        let offer = offer.map_err(|response| LinkFailure::Refused {
            status: response.status().as_u16(),
            retry_after: None,
        })?;
        let said = self.said.is_some().then(|| format!("{offer:?}"));
        let conn = hub.accepted(offer, now);
        self.said.iter_mut().for_each(|it| it.extend(said.clone()));
        self.last_conn += 1;
        let name = ConnId::new(self.last_conn);
        self.conns.insert(name, conn);
        self.names.insert(conn, name);
        Ok(name)
    }

    /// A message came, or a connection is gone.
    pub fn input(&mut self, conn: ConnId, message: Option<Message>, now: Now) {
        let (Some(hub), Some(of_hub)) = (self.hub.as_mut(), self.conns.get(&conn).copied()) else {
            return;
        };
        match message {
            Some(message) => hub.handle_input(Input::Received { conn: of_hub, message }, now),
            None => {
                self.conns.remove(&conn);
                self.names.remove(&of_hub);
                let failure = LinkFailure::Ended;
                hub.handle_input(Input::Lost { conn: of_hub, failure }, now);
            }
        }
    }

    /// Whether the hub knows the connection.
    #[must_use]
    pub fn knows(&self, conn: ConnId) -> bool {
        self.conns.contains_key(&conn)
    }

    /// Whether to read from a connection.
    #[must_use]
    pub fn wants_input(&self, conn: ConnId) -> bool {
        let (Some(hub), Some(conn)) = (self.hub.as_ref(), self.conns.get(&conn)) else {
            return true;
        };
        hub.wants_input(*conn)
    }

    /// A request came. `id` is the world's; the answer names it.
    pub fn http(&mut self, id: HttpId, request: Request<Bytes>, now: Now) {
        let Some(hub) = self.hub.as_mut() else { return };
        let (parts, body) = request.into_parts();
        let head = Request::from_parts(parts, ());
        match hub.begin_transfer(&head, now) {
            Transfer::Answer(response) => self.wishes.push_back(Wish::Answer(id, response)),
            Transfer::Send(download) => {
                let bytes = self.files.get(&download.key).cloned().unwrap_or_default();
                let mut response = Response::new(bytes);
                *response.status_mut() = StatusCode::OK;
                self.wishes.push_back(Wish::Answer(id, response));
            }
            Transfer::Receive { key, .. } => {
                let uploaded = Uploaded { size: body.len() as u64, ..Uploaded::default() };
                self.files.insert(key.clone(), body);
                let result: Result<Uploaded, UploadError> = Ok(uploaded);
                hub.finish_upload(id, &key, result, now);
            }
            Transfer::NotMine => {
                let (parts, ()) = head.into_parts();
                hub.handle_http(id, Request::from_parts(parts, body), now);
            }
        }
    }

    /// Lets time pass.
    pub fn timeout(&mut self, now: Now) {
        if let Some(hub) = self.hub.as_mut() {
            hub.handle_timeout(now);
        }
    }

    /// When [`Host::timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.hub.as_ref().and_then(Hub::poll_timeout)
    }

    /// The next thing the hub wants.
    pub fn poll(&mut self) -> Option<Wish> {
        loop {
            if let Some(wish) = self.wishes.pop_front() {
                return Some(wish);
            }
            let hub = self.hub.as_mut()?;
            if let Some(action) = hub.poll_action() {
                self.say(&action);
                match action {
                    HubAction::Commit { upto, records } => {
                        self.committing = Some((upto, records));
                        return Some(Wish::Commit);
                    }
                    HubAction::Respond { id, response } => {
                        return Some(Wish::Answer(id, response));
                    }
                    HubAction::Drop { conn } => {
                        if let Some(name) = self.names.remove(&conn) {
                            self.conns.remove(&name);
                            return Some(Wish::Drop(name));
                        }
                    }
                    HubAction::Forward(_) => {}
                    HubAction::Remove { key } => drop(self.files.remove(&key)),
                }
                continue;
            }
            let hub = self.hub.as_mut()?;
            let conn = hub.poll_wake()?;
            let name = self.names.get(&conn).copied();
            while let Some(message) = hub.poll_transmit(conn) {
                if let Some(name) = name {
                    self.wishes.push_back(Wish::Write(name, message));
                }
            }
        }
    }

    /// Nothing waits to be stored.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.committing.is_none() && self.hub.as_ref().is_some_and(Hub::is_settled)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("up", &self.hub.is_some())
            .field("stored", &self.store.len())
            .field("committing", &self.committing.as_ref().map(|(_, records)| records.len()))
            .field("connections", &self.conns.len())
            .finish_non_exhaustive()
    }
}
