//! Many connections behind one machine.

mod gauges;
mod pbx;
mod refuse;
mod script;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use chat_proto::im::Flavor;
use chat_proto::machine::{ConnId, HttpId, Input, Message, Text};
use chat_proto::server::{Incoming, ServerConfig, ServerSession};
use chat_proto::time::Now;
use http::{Request, Response, StatusCode};

use crate::accounts::Accounts;
use crate::c2c::{C2cOffer, C2cState};
use crate::config::HubConfig;
use crate::effects::{Cx, Effects, Output, Undo};
use crate::http_answer::errors;
use crate::ids::Ids;
use crate::im::Im;
use crate::journal::{Batch, Journal, Requester};
use crate::oauth::Tokens;
use crate::record::Record;
use crate::services::{Services, not_found};
use crate::transfer::{FileKey, Transfer, UploadError, Uploaded};
use crate::world::{World, WorldError};

pub use pbx::Forward;

/// The service side as one machine. See the crate's documentation for the loop around it.
#[derive(Debug)]
pub struct Hub {
    core: Core,
    services: Services,
    links: BTreeMap<ConnId, Link>,
    timers: BTreeSet<(Instant, ConnId)>,
    journal: Journal,
    actions: VecDeque<HubAction>,
    wakes: BTreeSet<ConnId>,
    last_conn: u64,
    now: Now,
    /// Microseconds since 1970 of the latest input; every input has its own.
    stamp: i64,
    stopping: bool,
}

/// Something for the front to do at once.
///
/// `Debug` hides answers, which carry tokens, and records, which carry messages.
pub enum HubAction {
    /// Store these records, all or nothing, and report with [`Hub::committed`] or
    /// [`Hub::commit_failed`]. One commit is under way at a time.
    Commit {
        /// What to report.
        upto: u64,
        /// The records, in order.
        records: Vec<Record>,
    },
    /// Answer an HTTP request.
    Respond {
        /// Which.
        id: HttpId,
        /// The answer.
        response: Response<Bytes>,
    },
    /// Let go of this connection; the hub has forgotten it.
    Drop {
        /// Which.
        conn: ConnId,
    },
    /// Hand a message to the PBX, whose customers read it. A front without a PBX drops it.
    Forward(Forward),
    /// Delete the bytes of a file: nobody can ask for them.
    Remove {
        /// Which.
        key: FileKey,
    },
}

impl fmt::Debug for HubAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit { upto, records } => {
                write!(f, "Commit(upto {upto}, {} records)", records.len())
            }
            Self::Respond { id, response } => {
                let (status, len) = (response.status().as_u16(), response.body().len());
                write!(f, "Respond({}, HTTP {status}, {len} bytes)", id.get())
            }
            Self::Drop { conn } => write!(f, "Drop({})", conn.get()),
            Self::Remove { key } => write!(f, "Remove({})", key.as_str()),
            Self::Forward(it) => write!(f, "{it:?}"),
        }
    }
}

/// A WebSocket upgrade that was found good; give it to [`Hub::accepted`] when it is done, or drop
/// it.
#[derive(Debug)]
pub struct Offer(Asked);

#[derive(Debug)]
enum Asked {
    Im(Flavor),
    C2c(C2cOffer),
}

#[derive(Debug)]
struct Core {
    config: HubConfig,
    accounts: Accounts,
    ids: Ids,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Im,
    C2c,
}

#[derive(Debug)]
struct Link {
    service: Service,
    session: ServerSession,
    timer: Option<Instant>,
}

impl Hub {
    /// A hub over `world`.
    ///
    /// `key` makes tokens and ids: 32 bytes from a good source of randomness. With the same key
    /// after a restart, file tokens and stored OAuth tokens stay valid.
    ///
    /// # Errors
    ///
    /// The world is not valid.
    pub fn new(
        config: HubConfig,
        world: &World,
        key: [u8; 32],
        now: Now,
    ) -> Result<Self, WorldError> {
        world.validate()?;
        let accounts = Accounts::new(world);
        let ids = Ids::new(&key, now.unix);
        let stamp = micros(now);
        let im = Im::new(&accounts, config.remembered_pubs, stamp);
        let services = Services { im, c2c: C2cState::new(world), tokens: Tokens::default() };
        Ok(Self {
            core: Core { config, accounts, ids },
            services,
            links: BTreeMap::new(),
            timers: BTreeSet::new(),
            journal: Journal::default(),
            actions: VecDeque::new(),
            wakes: BTreeSet::new(),
            last_conn: 0,
            now,
            stamp,
            stopping: false,
        })
    }

    /// Folds records of earlier runs in. Call it before anything else.
    pub fn restore(&mut self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            self.stamp = self.stamp.max(record.stamp());
            self.services.apply(record);
        }
    }

    /// The records that would bring a fresh hub to this state: what a store may keep in place of
    /// all records so far. Includes changes that are not committed yet.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Record> {
        let mut records = Vec::new();
        self.services.im.snapshot(&mut records);
        self.services.tokens.snapshot(&mut records);
        self.services.c2c.snapshot(&mut records);
        records
    }

    /// Judges a WebSocket upgrade by its path: `/im`, `/v0/channels`, `/chat/{listenKey}`.
    ///
    /// # Errors
    ///
    /// The answer to send in place of `101`.
    #[expect(clippy::result_large_err, reason = "the answer is sent at once, once a connection")]
    pub fn offer(&mut self, head: &Request<()>, now: Now) -> Result<Offer, Response<Bytes>> {
        self.advance(now);
        let busy = |why| errors(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", why);
        if self.stopping {
            return Err(busy("the server is shutting down"));
        }
        if self.links.len() >= self.core.config.max_connections {
            return Err(busy("too many connections"));
        }
        match head.uri().path() {
            "/im" => Ok(Offer(Asked::Im(Flavor::PortSip))),
            "/v0/channels" => {
                crate::im::check_api_key(&self.core.config, head, self.stamp)?;
                Ok(Offer(Asked::Im(Flavor::Tinode)))
            }
            path if path.starts_with("/chat/") => {
                let offered = self.run(|services, cx| services.c2c.offer(cx, head));
                self.settle(offered.1, Requester::Nobody);
                offered.0.map(|offer| Offer(Asked::C2c(offer)))
            }
            _ => Err(not_found()),
        }
    }

    /// The upgrade is done: messages may flow.
    pub fn accepted(&mut self, offer: Offer, now: Now) -> ConnId {
        let now = self.advance(now);
        self.last_conn += 1;
        let conn = ConnId::new(self.last_conn);
        let config = self.core.config.session.clone();
        let (service, config) = match &offer.0 {
            Asked::Im(_) => (Service::Im, config),
            Asked::C2c(_) => {
                (Service::C2c, ServerConfig { auth_within: None, probe: false, ..config })
            }
        };
        let session = ServerSession::new(config, conn, now);
        self.links.insert(conn, Link { service, session, timer: None });
        let ((), fx) = self.run(|services, cx| match offer.0 {
            Asked::Im(flavor) => services.im.opened(conn, flavor),
            Asked::C2c(offer) => services.c2c.opened(cx, conn, offer),
        });
        self.settle(fx, Requester::Nobody);
        self.touch(conn);
        conn
    }

    /// A message came, or a connection is gone. Other inputs, and inputs about a connection the hub
    /// has let go of, change nothing.
    pub fn handle_input(&mut self, input: Input, now: Now) {
        match input {
            Input::Received { conn, message } => self.received(conn, message, now),
            Input::Lost { conn, .. } => {
                self.advance(now);
                self.forget(conn);
            }
            Input::Timeout => self.handle_timeout(now),
            Input::Opened { .. } | Input::Response { .. } => {}
        }
    }

    /// The next connection that has something to write, or may be read from again.
    pub fn poll_wake(&mut self) -> Option<ConnId> {
        self.wakes.pop_first()
    }

    /// The next message to write to `conn`; `None` until it is woken again. After a
    /// [`Message::Close`] nothing follows.
    pub fn poll_transmit(&mut self, conn: ConnId) -> Option<Message> {
        self.links.get_mut(&conn)?.session.poll_transmit()
    }

    /// Whether to read from `conn`: false while the answers to its own requests pile up, unread by
    /// the peer or waiting for a commit. Ask again after writing to it, and whenever
    /// [`Hub::poll_wake`] names it.
    #[must_use]
    pub fn wants_input(&self, conn: ConnId) -> bool {
        let held = self.journal.held_answers(conn);
        self.links.get(&conn).is_some_and(|link| link.session.wants_input(held))
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<HubAction> {
        self.actions.pop_front()
    }

    /// Answers an HTTP request with [`HubAction::Respond`]: at once, or when what it changed is
    /// stored.
    pub fn handle_http(&mut self, id: HttpId, request: Request<Bytes>, now: Now) {
        self.advance(now);
        if self.is_busy() {
            let response = errors(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "busy");
            self.actions.push_back(HubAction::Respond { id, response });
            return;
        }
        let ((), fx) = self.run(|services, cx| services.http(cx, id, request));
        self.settle(fx, Requester::Http(id));
    }

    /// Says what to do with a request before its body is read. Uploads wait for
    /// [`Hub::finish_upload`] or [`Hub::abort_upload`].
    pub fn begin_transfer(&mut self, head: &Request<()>, now: Now) -> Transfer {
        self.advance(now);
        let (transfer, fx) = self.run(|services, cx| services.begin_transfer(cx, head));
        self.settle(fx, Requester::Nobody);
        transfer
    }

    /// The body of an upload was received or refused; the answer comes as [`HubAction::Respond`].
    /// With `Ok` the bytes are stored, and [`HubAction::Remove`] follows if the file does not come
    /// to exist; with `Err` none are kept.
    pub fn finish_upload(
        &mut self,
        id: HttpId,
        key: &FileKey,
        result: Result<Uploaded, UploadError>,
        now: Now,
    ) {
        self.advance(now);
        let stored = result.is_ok();
        let ((), fx) = self.run(|services, cx| {
            if !services.im.finish_upload(cx, id, key, &result)
                && !services.c2c.finish_upload(cx, id, key, &result)
            {
                cx.fx.respond(id, not_found());
                if stored {
                    cx.fx.remove(key.clone());
                }
            }
        });
        let requester =
            if stored { Requester::Upload(id, key.clone()) } else { Requester::Http(id) };
        self.settle(fx, requester);
    }

    /// The client of an upload went away, and no bytes are kept.
    pub fn abort_upload(&mut self, key: &FileKey, now: Now) {
        self.advance(now);
        self.services.im.abort_upload(key);
        self.services.c2c.abort_upload(key);
    }

    /// The commit that ended at `upto` is stored.
    pub fn committed(&mut self, upto: u64, now: Now) {
        self.advance(now);
        for batch in self.journal.committed(upto) {
            self.release(batch);
        }
        self.pump();
    }

    /// The commit that ended at `upto` is not stored and never will be: what it held is taken back,
    /// and everybody who waits gets an error.
    pub fn commit_failed(&mut self, upto: u64, now: Now) {
        self.advance(now);
        let Some((undo, held)) = self.journal.failed(upto) else { return };
        for step in undo {
            match step {
                Undo::Record(record) => drop(self.services.apply(record)),
                Undo::Im(step) => self.services.im.undo(step),
            }
        }
        for mut batch in held {
            let outputs = std::mem::take(&mut batch.outputs);
            self.refuse(batch);
            self.end_forgotten(outputs);
        }
        self.pump();
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Now) {
        let now = self.advance(now);
        while let Some(&(at, conn)) = self.timers.first() {
            if at > now.mono {
                break;
            }
            self.timers.pop_first();
            if let Some(link) = self.links.get_mut(&conn) {
                link.timer = None;
                link.session.handle_timeout(now);
            }
            self.touch(conn);
        }
        let ((), fx) = self.run(|services, cx| {
            services.im.handle_timeout(cx);
            services.c2c.handle_timeout(cx);
        });
        self.settle(fx, Requester::Nobody);
    }

    /// When [`Hub::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let links = self.timers.first().map(|(at, _)| *at);
        let services = [self.services.im.poll_timeout(), self.services.c2c.poll_timeout()];
        links.into_iter().chain(services.into_iter().flatten()).min()
    }

    /// Says goodbye on every connection and takes no new one. Done when [`Hub::connections`] is 0.
    pub fn shutdown(&mut self, now: Now) {
        self.advance(now);
        self.stopping = true;
        let links: Vec<_> = self.links.iter().map(|(conn, link)| (*conn, link.service)).collect();
        let ((), fx) = self.run(|services, cx| {
            for (conn, service) in links {
                if service == Service::Im {
                    services.im.farewell(cx, conn);
                }
                cx.fx.close(conn, 1001, "server shutdown");
            }
        });
        self.settle(fx, Requester::Nobody);
    }

    /// Connections the hub holds.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.links.len()
    }

    /// Whether every change so far is stored.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.journal.is_clean()
    }

    fn received(&mut self, conn: ConnId, message: Message, now: Now) {
        let now = self.advance(now);
        let busy = self.is_busy();
        let Some(link) = self.links.get_mut(&conn) else { return };
        let service = link.service;
        let incoming = link.session.received(message, now);
        let (requester, fx) = match incoming {
            Some(Incoming::Frame(text)) if !busy => {
                let ((), fx) = self.run(|services, cx| match service {
                    Service::Im => services.im.received(cx, &services.tokens, conn, &text),
                    Service::C2c => services.c2c.received(cx, conn, &text),
                });
                (Requester::Frame(conn, text), fx)
            }
            Some(Incoming::Frame(text) | Incoming::TooFast(text)) => {
                let ((), fx) = self.run(|services, cx| match service {
                    Service::Im => services.im.busy(cx, conn, &text),
                    Service::C2c => services.c2c.refused(cx, conn),
                });
                (Requester::Frame(conn, text), fx)
            }
            Some(Incoming::NotText) => {
                let ((), fx) = self.run(|services, cx| match service {
                    Service::Im => services.im.malformed(cx, conn),
                    Service::C2c => services.c2c.refused(cx, conn),
                });
                (Requester::Frame(conn, Text::default()), fx)
            }
            Some(Incoming::Closed(_)) | None => (Requester::Nobody, Effects::default()),
        };
        self.settle(fx, requester);
        self.touch(conn);
    }

    /// Moves both clocks; time never goes back.
    fn advance(&mut self, now: Now) -> Now {
        self.now = Now { mono: self.now.mono.max(now.mono), unix: now.unix };
        self.stamp = micros(now).max(self.stamp + 1);
        self.now
    }

    fn run<R>(&mut self, f: impl FnOnce(&mut Services, &mut Cx<'_>) -> R) -> (R, Effects) {
        let mut fx = Effects::default();
        let mut cx = Cx {
            config: &self.core.config,
            accounts: &self.core.accounts,
            ids: &mut self.core.ids,
            fx: &mut fx,
            now: self.now,
            stamp: self.stamp,
        };
        let result = f(&mut self.services, &mut cx);
        (result, fx)
    }

    fn settle(&mut self, fx: Effects, requester: Requester) {
        if let Some(batch) = self.journal.take(fx, requester) {
            self.release(batch);
        }
        self.pump();
    }

    fn pump(&mut self) {
        if let Some((upto, records)) = self.journal.next_commit() {
            self.actions.push_back(HubAction::Commit { upto, records });
        }
    }

    fn release(&mut self, batch: Batch) {
        for output in batch.outputs {
            self.output(output);
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Frame { conn, lane, text } => {
                if let Some(link) = self.links.get_mut(&conn) {
                    // An overflow closes the connection, which `touch` sees.
                    let _ = link.session.deliver(lane, text, self.now);
                    self.touch(conn);
                }
            }
            Output::LoggedIn { conn } => {
                if let Some(link) = self.links.get_mut(&conn) {
                    link.session.authenticated();
                    self.touch(conn);
                }
            }
            Output::Close { conn, code, reason } => {
                if let Some(link) = self.links.get_mut(&conn) {
                    link.session.close(code, reason, self.now);
                    self.touch(conn);
                }
            }
            Output::Cut { conn } => {
                self.forget(conn);
                self.actions.push_back(HubAction::Drop { conn });
            }
            Output::Respond { id, response } => {
                self.actions.push_back(HubAction::Respond { id, response });
            }
            Output::Remove { key } => self.actions.push_back(HubAction::Remove { key }),
            Output::Forward(it) => self.actions.push_back(HubAction::Forward(it)),
        }
    }

    /// After anything that may have changed a connection: its timer, its wake, its end.
    fn touch(&mut self, conn: ConnId) {
        let Some(link) = self.links.get_mut(&conn) else { return };
        if link.session.is_finished() {
            self.forget(conn);
            self.actions.push_back(HubAction::Drop { conn });
            return;
        }
        let timer = link.session.poll_timeout();
        if timer != link.timer {
            if let Some(old) = link.timer {
                self.timers.remove(&(old, conn));
            }
            if let Some(at) = timer {
                self.timers.insert((at, conn));
            }
            link.timer = timer;
        }
        if link.session.has_transmit() {
            self.wakes.insert(conn);
        }
    }

    fn forget(&mut self, conn: ConnId) {
        let Some(link) = self.links.remove(&conn) else { return };
        if let Some(at) = link.timer {
            self.timers.remove(&(at, conn));
        }
        self.wakes.remove(&conn);
        let ((), fx) = self.run(|services, cx| match link.service {
            Service::Im => services.im.lost(cx, conn),
            Service::C2c => services.c2c.lost(cx, conn),
        });
        self.settle(fx, Requester::Nobody);
    }

    fn is_busy(&self) -> bool {
        let (inputs, bytes) = self.journal.waiting();
        inputs >= self.core.config.max_held || bytes >= self.core.config.max_held_bytes
    }
}

fn micros(now: Now) -> i64 {
    i64::try_from(now.unix.as_millis()).map_or(i64::MAX, |millis| millis.saturating_mul(1000))
}
