//! The one task that owns the hub, and the handle by which everybody else asks it.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chat_hub::{FileKey, Hub, HubAction, Offer, Transfer, UploadError, Uploaded};
use chat_proto::machine::LinkFailure;
use chat_proto::{ConnId, HttpId, Input, Message, Now};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::{Request, Response};
use runtime_tokio::{Runtime, TokioRuntime};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

use crate::files::FileStore;
use crate::store::Store;
use crate::wire::WireFaults;

/// The hub is no more: the server is shutting down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HubGone;

/// Something to do with the hub.
type Call = Box<dyn FnOnce(&mut Hub, Now) + Send>;

/// What the hub's task is asked.
enum Ask {
    Offer(Box<Request<()>>, oneshot::Sender<Result<Offer, Response<Bytes>>>),
    Accepted(Box<Offer>, Port, oneshot::Sender<ConnId>),
    Received(ConnId, Message),
    Lost(ConnId, LinkFailure),
    Http(Box<Request<Bytes>>, oneshot::Sender<Response<Bytes>>),
    BeginTransfer(Box<Request<()>>, oneshot::Sender<Transfer>),
    FinishUpload(FileKey, Result<Uploaded, UploadError>, oneshot::Sender<Response<Bytes>>),
    AbortUpload(FileKey),
    Call(Call),
    Shutdown(Duration),
}

/// The hub's end of one WebSocket.
pub(crate) struct Port {
    /// Messages to write.
    pub(crate) messages: mpsc::Sender<Message>,
    /// How many messages the connection may still hand in.
    pub(crate) credits: Arc<Semaphore>,
    /// Dropping it lets the connection go, after the messages that are in its queue.
    #[expect(dead_code, reason = "it acts by being dropped")]
    pub(crate) hold: oneshot::Sender<()>,
}

/// Asks the hub. Cheap to clone.
#[derive(Clone)]
pub(crate) struct HubHandle {
    asks: mpsc::Sender<Ask>,
}

impl HubHandle {
    /// Judges a WebSocket upgrade.
    pub(crate) async fn offer(
        &self,
        head: Request<()>,
    ) -> Result<Result<Offer, Response<Bytes>>, HubGone> {
        self.ask(|answer| Ask::Offer(Box::new(head), answer)).await
    }

    /// The upgrade is done.
    pub(crate) async fn accepted(&self, offer: Offer, port: Port) -> Result<ConnId, HubGone> {
        self.ask(|answer| Ask::Accepted(Box::new(offer), port, answer)).await
    }

    /// A message came.
    pub(crate) async fn received(&self, conn: ConnId, message: Message) -> Result<(), HubGone> {
        self.tell(Ask::Received(conn, message)).await
    }

    /// The connection is gone.
    pub(crate) async fn lost(&self, conn: ConnId, failure: LinkFailure) -> Result<(), HubGone> {
        self.tell(Ask::Lost(conn, failure)).await
    }

    /// A whole HTTP exchange.
    pub(crate) async fn http(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HubGone> {
        self.ask(|answer| Ask::Http(Box::new(request), answer)).await
    }

    /// Judges a request by its head.
    pub(crate) async fn begin_transfer(&self, head: Request<()>) -> Result<Transfer, HubGone> {
        self.ask(|answer| Ask::BeginTransfer(Box::new(head), answer)).await
    }

    /// An upload ended; gives the answer.
    pub(crate) async fn finish_upload(
        &self,
        key: FileKey,
        result: Result<Uploaded, UploadError>,
    ) -> Result<Response<Bytes>, HubGone> {
        self.ask(|answer| Ask::FinishUpload(key, result, answer)).await
    }

    /// The client of an upload went away.
    pub(crate) async fn abort_upload(&self, key: FileKey) -> Result<(), HubGone> {
        self.tell(Ask::AbortUpload(key)).await
    }

    /// Runs `f` in the hub's task.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Hub, Now) -> T + Send + 'static,
    ) -> Result<T, HubGone> {
        self.ask(|answer| {
            Ask::Call(Box::new(move |hub, now| {
                // Whoever asked may have stopped waiting.
                let _ = answer.send(f(hub, now));
            }))
        })
        .await
    }

    /// Says goodbye to everybody; the task ends when they are gone, or after `within`.
    pub(crate) async fn shutdown(&self, within: Duration) -> Result<(), HubGone> {
        self.tell(Ask::Shutdown(within)).await
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, HubGone> {
        let (answer, answered) = oneshot::channel();
        self.tell(ask(answer)).await?;
        answered.await.map_err(|_| HubGone)
    }

    async fn tell(&self, ask: Ask) -> Result<(), HubGone> {
        self.asks.send(ask).await.map_err(|_| HubGone)
    }
}

impl fmt::Debug for HubHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubHandle").finish_non_exhaustive()
    }
}

/// A link as the hub's task sees it.
struct Link {
    port: Port,
    /// What the hub is to look at when the peer has read some of its answers. Bounded by the
    /// credits.
    inbox: VecDeque<Message>,
    /// Whether the queue to the connection is full.
    is_full: bool,
}

type Room = Pin<Box<dyn Future<Output = (ConnId, Option<Permit>)> + Send>>;
type Permit = OwnedPermit<Message>;
type Commit<S> = Pin<Box<dyn Future<Output = (S, u64, io::Result<()>)> + Send>>;

/// The hub with everything that it wants done.
pub(crate) struct HubTask<S> {
    hub: Hub,
    runtime: TokioRuntime,
    files: FileStore,
    wire: Arc<WireFaults>,
    asks: mpsc::Receiver<Ask>,
    links: HashMap<ConnId, Link>,
    /// Connections whose queues are full.
    rooms: FuturesUnordered<Room>,
    answers: HashMap<HttpId, oneshot::Sender<Response<Bytes>>>,
    last_http: u64,
    /// Idle, or inside the commit that is under way.
    store: Option<S>,
    commit: Option<Commit<S>>,
    /// When to end even though not everybody is gone.
    stop_by: Option<Instant>,
}

impl<S: Store> HubTask<S> {
    pub(crate) fn new(
        hub: Hub,
        store: S,
        files: FileStore,
        wire: Arc<WireFaults>,
        runtime: TokioRuntime,
        queue: usize,
    ) -> (HubHandle, Self) {
        let (sender, asks) = mpsc::channel(queue.max(1));
        let task = Self {
            hub,
            runtime,
            files,
            wire,
            asks,
            links: HashMap::new(),
            rooms: FuturesUnordered::new(),
            answers: HashMap::new(),
            last_http: 0,
            store: Some(store),
            commit: None,
            stop_by: None,
        };
        (HubHandle { asks: sender }, task)
    }

    /// Runs until a shutdown is done.
    pub(crate) async fn run(mut self) {
        loop {
            // Before anything that is said under them.
            self.wire.set(self.hub.faults());
            self.drain();
            if self.is_done() {
                return;
            }
            let due = self.hub.poll_timeout().map(Instant::from_std);
            let due = due.into_iter().chain(self.stop_by).min();
            tokio::select! {
                (store, upto, result) = under_way(&mut self.commit) => {
                    self.commit = None;
                    self.store = Some(store);
                    self.stored(upto, result);
                }
                Some((conn, permit)) = self.rooms.next(), if !self.rooms.is_empty() => {
                    self.resume(conn, permit);
                }
                ask = self.asks.recv() => match ask {
                    Some(ask) => self.handle(ask),
                    None => return,
                },
                () = sleep_until(due) => {
                    let now = self.runtime.now();
                    self.hub.handle_timeout(now);
                }
            }
        }
    }

    fn handle(&mut self, ask: Ask) {
        let now = self.runtime.now();
        // An answer that nobody waits for any more is dropped.
        match ask {
            Ask::Offer(head, answer) => drop(answer.send(self.hub.offer(&head, now))),
            Ask::Accepted(offer, port, answer) => {
                let conn = self.hub.accepted(*offer, now);
                port.credits.add_permits(1);
                self.links.insert(conn, Link { port, inbox: VecDeque::new(), is_full: false });
                tracing::debug!(conn = conn.get(), open = self.links.len(), "connection accepted");
                let _ = answer.send(conn);
            }
            Ask::Received(conn, message) => {
                tracing::trace!(conn = conn.get(), ?message, "received");
                if let Some(link) = self.links.get_mut(&conn) {
                    link.inbox.push_back(message);
                    self.feed(conn);
                }
            }
            Ask::Lost(conn, failure) => {
                tracing::debug!(conn = conn.get(), %failure, "connection lost");
                self.hub.handle_input(Input::Lost { conn, failure }, now);
                self.links.remove(&conn);
            }
            Ask::Http(request, answer) => {
                let id = self.expect(answer);
                self.hub.handle_http(id, *request, now);
            }
            Ask::BeginTransfer(head, answer) => {
                let transfer = self.hub.begin_transfer(&head, now);
                if let Err(Transfer::Receive { key, .. }) = answer.send(transfer) {
                    self.hub.abort_upload(&key, now);
                }
            }
            Ask::FinishUpload(key, result, answer) => {
                let id = self.expect(answer);
                self.hub.finish_upload(id, &key, result, now);
            }
            Ask::AbortUpload(key) => self.hub.abort_upload(&key, now),
            Ask::Call(call) => call(&mut self.hub, now),
            Ask::Shutdown(within) => {
                tracing::info!(open = self.hub.connections(), "shutting down");
                self.stop_by.get_or_insert(Instant::from_std(now.mono) + within);
                self.hub.shutdown(now);
            }
        }
    }

    /// Does what the hub wants until it wants nothing more.
    fn drain(&mut self) {
        loop {
            if let Some(conn) = self.hub.poll_wake() {
                self.write(conn, None);
            } else if let Some(action) = self.hub.poll_action() {
                self.act(action);
            } else {
                return;
            }
        }
    }

    fn act(&mut self, action: HubAction) {
        match action {
            HubAction::Commit { upto, records } => {
                let mut store = self.store.take().expect("the hub has one commit under way");
                self.commit = Some(Box::pin(async move {
                    let result = store.commit(records).await;
                    (store, upto, result)
                }));
            }
            HubAction::Respond { id, response } => {
                if let Some(answer) = self.answers.remove(&id) {
                    let _ = answer.send(response);
                }
            }
            HubAction::Drop { conn } => {
                tracing::debug!(conn = conn.get(), "connection closed");
                self.links.remove(&conn);
            }
            HubAction::Forward(message) => {
                tracing::debug!(?message, "there is no PBX to hand this to");
            }
            HubAction::Remove { key } => {
                let files = self.files.clone();
                tokio::spawn(async move { files.remove(&key).await });
            }
        }
    }

    fn stored(&mut self, upto: u64, result: io::Result<()>) {
        let now = self.runtime.now();
        match result {
            Ok(()) => self.hub.committed(upto, now),
            Err(error) => {
                tracing::error!(%error, "the store refused a commit");
                self.hub.commit_failed(upto, now);
            }
        }
    }

    /// Moves messages of the hub to the connection until there are none, or no room.
    fn write(&mut self, conn: ConnId, permit: Option<Permit>) {
        let Some(link) = self.links.get_mut(&conn) else { return };
        if link.is_full {
            return;
        }
        if let Some(permit) = permit
            && let Some(message) = self.hub.poll_transmit(conn)
        {
            permit.send(message);
        }
        loop {
            match link.port.messages.try_reserve() {
                Ok(room) => match self.hub.poll_transmit(conn) {
                    Some(message) => room.send(message),
                    None => break,
                },
                // The connection's task has ended and says so by itself.
                Err(TrySendError::Closed(())) => return,
                Err(TrySendError::Full(())) => {
                    let room = link.port.messages.clone().reserve_owned();
                    link.is_full = true;
                    self.rooms.push(Box::pin(async move { (conn, room.await.ok()) }));
                    break;
                }
            }
        }
        self.feed(conn);
    }

    /// There is room again in a queue that was full.
    fn resume(&mut self, conn: ConnId, permit: Option<Permit>) {
        if let Some(link) = self.links.get_mut(&conn) {
            link.is_full = false;
            self.write(conn, permit);
        }
    }

    /// Gives the hub what came on a connection, as long as it wants it, and lets the connection hand
    /// in as much more.
    fn feed(&mut self, conn: ConnId) {
        let now = self.runtime.now();
        while self.hub.wants_input(conn)
            && let Some(link) = self.links.get_mut(&conn)
            && let Some(message) = link.inbox.pop_front()
        {
            link.port.credits.add_permits(1);
            self.hub.handle_input(Input::Received { conn, message }, now);
        }
    }

    fn expect(&mut self, answer: oneshot::Sender<Response<Bytes>>) -> HttpId {
        self.last_http += 1;
        let id = HttpId::new(self.last_http);
        self.answers.insert(id, answer);
        id
    }

    fn is_done(&self) -> bool {
        let Some(by) = self.stop_by else { return false };
        let settled = self.hub.connections() == 0
            && self.hub.is_settled()
            && self.answers.is_empty()
            && self.asks.is_empty();
        settled || by <= Instant::now()
    }
}

impl<S> fmt::Debug for HubTask<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubTask").finish_non_exhaustive()
    }
}

/// The end of the commit under way; never, when there is none.
async fn under_way<S>(commit: &mut Option<Commit<S>>) -> (S, u64, io::Result<()>) {
    poll_fn(|cx| match commit {
        Some(commit) => commit.as_mut().poll(cx),
        None => std::task::Poll::Pending,
    })
    .await
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => pending().await,
    }
}
