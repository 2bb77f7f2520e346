//! Dials, messages and HTTP exchanges on their way.

mod pubs;
mod subs;

use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_proto::machine::{ConnId, HttpFailure, HttpId, HttpRequest, LinkFailure, Upgrade};
use chat_proto::{Input, Message};
use http::{Request, Response, StatusCode};

pub(super) use self::pubs::Pub;
use super::client::HttpFault;
use super::{Due, Exchange, World};
use crate::link::{Link, Parcel, Way};

impl World {
    pub(super) fn dial(&mut self, n: usize, conn: ConnId, request: Upgrade) {
        self.learn_upgrade(&request);
        self.last_link += 1;
        let link = self.last_link;
        self.links.insert(link, Link::new(conn));
        let client = &mut self.clients[n];
        client.link = Some(link);
        client.subs.clear();
        let life = client.life;
        let after = self.delay();
        self.plan(after, Due::Dial { client: n, life, link, request });
    }

    /// The client's transport lets go: what was written arrives all the same, then the end.
    pub(super) fn let_go(&mut self, n: usize) {
        let Some(id) = self.clients[n].link.take() else { return };
        self.client_leaves(id);
    }

    /// The client's side of a link is gone.
    pub(super) fn client_leaves(&mut self, id: u64) {
        let (now, after) = (self.clock.now().mono, self.delay());
        let Some(link) = self.links.get_mut(&id) else { return };
        link.client_gone = true;
        link.lose(Way::Down);
        if link.server.is_some() {
            link.send(Way::Up, Parcel::End, now, after);
        }
        self.sweep(id);
    }

    /// A client writes a message.
    pub(super) fn write(&mut self, n: usize, message: Message) {
        let Some(id) = self.clients[n].link else { return };
        self.shown_message(&message, self.clients[n].is_im(), true);
        self.note(|| format!("client {n} → {}", shown(&message)));
        self.see_sub(n, &message);
        self.see_pub(n, &message);
        let (now, after) = (self.clock.now().mono, self.delay());
        if let Some(link) = self.links.get_mut(&id) {
            link.send(Way::Up, Parcel::Message(message), now, after);
        }
    }

    /// The hub says something on a link.
    pub(super) fn say(&mut self, id: u64, parcel: Parcel) {
        let (now, after) = (self.clock.now().mono, self.delay());
        let Some(link) = self.links.get_mut(&id).filter(|link| !link.client_gone) else { return };
        let is_text = matches!(parcel, Parcel::Message(Message::Text(_)));
        let reader = self.clients.iter_mut().find(|client| client.link == Some(id));
        if let Some(client) = reader.filter(|client| is_text && client.double) {
            client.double = false;
            link.send(Way::Down, parcel.clone(), now, after);
        }
        link.send(Way::Down, parcel, now, after);
    }

    /// Forgets a link on which nothing can happen any more.
    pub(super) fn sweep(&mut self, id: u64) {
        let is_over = |link: &Link| {
            link.client_gone && link.server.is_none() && (link.server_gone || link.moved > 0)
        };
        if self.links.get(&id).is_some_and(is_over) {
            self.links.remove(&id);
        }
    }

    /// Delivers the next thing on a link.
    pub(super) fn deliver(&mut self, id: u64) {
        let now = self.clock.now().mono;
        let Some(link) = self.links.get_mut(&id) else { return };
        let reads = link.server.is_none_or(|conn| self.host.wants_input(conn));
        if let Some(parcel) = reads.then(|| link.take(Way::Up, now)).flatten() {
            link.moved += 1;
            self.arrives_at_hub(id, parcel);
        } else if let Some(parcel) = link.take(Way::Down, now) {
            link.moved += 1;
            self.arrives_at_client(id, parcel);
        }
        self.spring();
    }

    fn arrives_at_hub(&mut self, id: u64, parcel: Parcel) {
        let now = self.hub_now();
        let Some(conn) = self.links.get(&id).and_then(|link| link.server) else {
            // A stopped host resets whoever talks to it.
            self.sweep(id);
            return;
        };
        self.host_dirty = true;
        match parcel {
            Parcel::Message(message) => {
                let answer = match &message {
                    Message::Ping(payload) => Some(Message::Pong(payload.clone())),
                    // The transport answers a close frame by itself.
                    Message::Close(frame) => Some(Message::Close(frame.clone())),
                    Message::Text(_) | Message::Binary(_) | Message::Pong(_) => None,
                };
                if let Some(answer) = answer {
                    self.say(id, Parcel::Message(answer));
                }
                self.host.input(conn, Some(message), now);
            }
            Parcel::End | Parcel::Open => {
                self.host.input(conn, None, now);
                self.by_server.remove(&conn);
                if let Some(link) = self.links.get_mut(&id) {
                    link.server = None;
                    link.server_gone = true;
                }
                self.sweep(id);
            }
        }
    }

    fn arrives_at_client(&mut self, id: u64, parcel: Parcel) {
        let Some(link) = self.links.get(&id) else { return };
        let conn = link.conn;
        let Some(n) = self.clients.iter().position(|client| client.link == Some(id)) else {
            return;
        };
        match parcel {
            Parcel::Open => self.input(n, Input::Opened { conn }),
            Parcel::Message(message) => {
                self.shown_message(&message, self.clients[n].is_im(), false);
                self.note(|| format!("client {n} ← {}", shown(&message)));
                self.see_answer(n, &message);
                self.see_receipt(n, &message);
                match &message {
                    Message::Ping(payload) => self.write(n, Message::Pong(payload.clone())),
                    Message::Close(frame) => self.write(n, Message::Close(frame.clone())),
                    Message::Text(_) | Message::Binary(_) | Message::Pong(_) => {}
                }
                self.input(n, Input::Received { conn, message });
            }
            Parcel::End => self.lose(n, LinkFailure::Ended),
        }
    }

    /// A client's transport reports that its link is gone.
    pub(super) fn lose(&mut self, n: usize, failure: LinkFailure) {
        let Some(id) = self.clients[n].link else { return };
        let Some(conn) = self.links.get(&id).map(|link| link.conn) else { return };
        self.clients[n].link = None;
        if let Some(link) = self.links.get_mut(&id) {
            link.client_gone = true;
            link.lose(Way::Down);
        }
        self.sweep(id);
        self.note(|| format!("client {n} loses its link: {failure}"));
        self.input(n, Input::Lost { conn, failure });
    }

    pub(super) fn exchange(
        &mut self,
        n: usize,
        id: HttpId,
        request: HttpRequest,
        deadline: Instant,
    ) {
        self.last_exchange += 1;
        let exchange = self.last_exchange;
        let fault = self.clients[n].http_faults.pop_front();
        if let Some(fault) = fault {
            self.http_hit(n, fault);
        }
        let client = &mut self.clients[n];
        client.exchanges.insert(id, exchange);
        let life = client.life;
        self.exchanges.insert(exchange, Exchange { client: n, life, id, fault, at_hub: false });
        let patience = deadline.saturating_duration_since(self.clock.now().mono);
        let late = Err(HttpFailure::TimedOut);
        self.plan(patience, Due::HttpEnds { exchange, result: late });
        let after = self.delay();
        let request = request.into_request();
        self.learn_request(&request);
        self.plan(after, Due::HttpArrives { exchange, request });
    }

    pub(super) fn handle(&mut self, due: Due) {
        match due {
            Due::Dial { client, life, link, request } => self.dialled(client, life, link, request),
            Due::DialFailed { client, life, link, failure } => {
                let it = &self.clients[client];
                if it.life == life && it.link == Some(link) {
                    self.lose(client, failure);
                }
            }
            Due::HttpArrives { exchange, request } => self.http_arrives(exchange, request),
            Due::HttpEnds { exchange, result } => {
                let Some(it) = self.exchanges.remove(&exchange) else { return };
                let client = &mut self.clients[it.client];
                if client.life == it.life && client.exchanges.remove(&it.id).is_some() {
                    self.note(|| {
                        let said = match &result {
                            Ok(response) => format!("{}", response.status()),
                            Err(why) => why.to_string(),
                        };
                        format!("client {} gets the answer {said}", it.client)
                    });
                    let input = Input::Response { id: it.id, result };
                    self.shown(|| format!("{input:?}"));
                    self.input(it.client, input);
                }
            }
            Due::CommitEnds(number) => {
                if number == self.commits && self.host.committing().is_some() {
                    self.commit_ends();
                }
            }
            Due::HubStarts => self.hub_starts(),
            Due::PbxBack => {
                self.no_pbx = false;
                self.set_switches();
            }
            Due::SwitchOff(which) => self.switch(which, false),
            Due::CommitsQuick => self.slow_commits = Duration::ZERO,
            Due::PartitionEnds => self.partition_ends(self.clock.now().mono),
            Due::Hears(n) => {
                self.clients[n].deaf = None;
                self.clients[n].dirty = true;
            }
        }
    }

    pub(super) fn answered(&mut self, id: HttpId, response: Response<Bytes>) {
        self.learn_response(&response);
        let Some(exchange) = self.exchanges.get(&id.get()) else { return };
        if exchange.fault == Some(HttpFault::AnswerLost) {
            let result = Err(HttpFailure::Io("connection reset".to_owned()));
            let after = self.delay();
            self.plan(after, Due::HttpEnds { exchange: id.get(), result });
            return;
        }
        let after = self.delay();
        self.plan(after, Due::HttpEnds { exchange: id.get(), result: Ok(response) });
    }

    fn http_arrives(&mut self, exchange: u64, request: Request<Bytes>) {
        let is_cut = self.partition.is_some() || self.host.hub().is_none();
        let Some(it) = self.exchanges.get_mut(&exchange) else { return };
        let result = match it.fault {
            Some(HttpFault::Lost) => return,
            Some(HttpFault::Status(status)) => {
                let response = Response::builder().status(status).header("retry-after", "3");
                Ok(response.body(Bytes::new()).unwrap_or_default())
            }
            Some(HttpFault::NoConnect) => Err(HttpFailure::Dial("no route".to_owned())),
            Some(HttpFault::AnswerLost) | None if is_cut => {
                Err(HttpFailure::Dial("connection refused".to_owned()))
            }
            Some(HttpFault::AnswerLost) | None => {
                it.at_hub = true;
                let now = self.hub_now();
                self.host.http(HttpId::new(exchange), request, now);
                self.host_dirty = true;
                return;
            }
        };
        let after = self.delay();
        self.plan(after, Due::HttpEnds { exchange, result });
    }

    fn dialled(&mut self, n: usize, life: u32, id: u64, request: Upgrade) {
        let now = self.clock.now().mono;
        let Some(link) = self.links.get(&id) else { return };
        if let Some(until) = link.stalled(Way::Up).filter(|until| *until > now) {
            let after = until.saturating_duration_since(now);
            self.plan(after, Due::Dial { client: n, life, link: id, request });
            return;
        }
        if link.client_gone && !link.ghost {
            self.links.remove(&id);
            return;
        }
        let failure = if self.partition.is_some() {
            Some(LinkFailure::Dial("no route".to_owned()))
        } else {
            let status = self.clients[n].refusals.pop_front();
            status.map(|status| LinkFailure::Refused { status, retry_after: None })
        };
        let result = match failure {
            Some(failure) => Err(failure),
            None => self.host.dial(request.request(), self.hub_now()),
        };
        self.host_dirty = true;
        match result {
            Ok(conn) => {
                self.by_server.insert(conn, id);
                if let Some(link) = self.links.get_mut(&id) {
                    link.server = Some(conn);
                }
                self.say(id, Parcel::Open);
            }
            Err(failure) => {
                let after = self.delay();
                self.plan(after, Due::DialFailed { client: n, life, link: id, failure });
            }
        }
    }
}

/// A message without what must not be shown.
fn shown(message: &Message) -> String {
    match message {
        Message::Text(text) if text.as_str().starts_with("{\"login\"") => "login".to_owned(),
        Message::Text(text) if text.as_str().contains("\"authlvl\"") => "logged in".to_owned(),
        Message::Text(text) => text.as_str().chars().take(400).collect(),
        Message::Close(frame) => format!("close {frame:?}"),
        Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => format!("{message:?}"),
    }
}

/// Statuses that stand for a service that is overloaded.
pub(super) const BUSY: [StatusCode; 2] =
    [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
