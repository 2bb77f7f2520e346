//! The service side of C2C order chat.
//!
//! What the published texts and samples say is done as they say it; what is known from field reports
//! only has a switch in [`Faults`] where it matters.

mod chat;
mod events;
mod extras;
mod faults;
mod gauges;
mod history;
mod http;
mod images;
mod later;
mod links;
pub(crate) mod script;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Instant;

use ::http::{Request, Response, StatusCode};
use bytes::Bytes;
use chat_proto::c2c::answer::Envelope;
use chat_proto::machine::{ConnId, HttpId, Text};
use chat_proto::time::{Skew, UnixMillis};
use chat_sign::HmacSigner;
use serde::{Deserialize, Serialize};

pub(crate) use self::links::C2cOffer;
pub use self::script::{Script, ScriptError};

use self::images::Slot;
use self::later::Delayed;
use self::links::{Link, Ticket};
use crate::effects::{Cx, Undo};
use crate::http_answer;
use crate::record::Record;
use crate::transfer::{FileKey, Transfer, UploadError, Uploaded};
use crate::world::{Faults, World};

/// The assignment of one row of the C2C service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum C2cRecord {
    /// A message. `None` when it was withdrawn or is too old to keep.
    Message {
        /// Its id.
        id: i64,
        /// The row.
        row: Option<C2cMessage>,
    },
    /// How far an account has read an order.
    Read {
        /// The order.
        order_no: String,
        /// The reader.
        user: u64,
        /// Id of the newest message that was read; 0 for none.
        upto: i64,
    },
    /// An uploaded picture.
    Image {
        /// The path it is fetched by.
        path: String,
        /// The row.
        row: Option<C2cImage>,
    },
}

/// A message of an order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct C2cMessage {
    /// The order.
    pub order_no: String,
    /// The author; `None` for the system.
    pub from: Option<u64>,
    /// Who sees it; `None` for both sides.
    pub to: Option<u64>,
    /// `text`, `image`, `system`, `auto_reply`, `card`.
    pub kind: String,
    /// What exactly, for cards; else empty.
    #[serde(default)]
    pub sub_type: String,
    /// The author's id of it.
    pub uuid: String,
    /// The text; JSON text on system messages; `None` on pictures.
    pub content: Option<String>,
    /// The picture.
    pub image: Option<C2cPicture>,
    /// Milliseconds since 1970 by the service's clock.
    pub created: u64,
}

/// A picture, as its sender described it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct C2cPicture {
    /// Where it is.
    pub url: String,
    /// Where a small version is.
    pub thumbnail: String,
    /// Extension.
    pub extension: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// An uploaded picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct C2cImage {
    /// Where the bytes are.
    pub key: String,
    /// Who uploaded it.
    pub user: u64,
    /// Name of the file.
    pub name: String,
    /// Media type.
    pub mime: String,
    /// Length in bytes.
    pub size: u64,
}

/// A trader.
struct Trader {
    api_key: String,
    signer: HmacSigner,
    nickname: String,
}

/// An order between two traders.
#[derive(Debug)]
struct Order {
    maker: u64,
    taker: u64,
    seller: u64,
    auto_reply: Option<String>,
    messages: BTreeSet<i64>,
}

impl Order {
    fn has(&self, user: u64) -> bool {
        self.maker == user || self.taker == user
    }

    fn other(&self, user: u64) -> u64 {
        if self.maker == user { self.taker } else { self.maker }
    }
}

/// Accounts, orders, tickets, messages.
pub(crate) struct C2cState {
    faults: Faults,
    traders: BTreeMap<u64, Trader>,
    by_key: BTreeMap<String, u64>,
    orders: BTreeMap<String, Order>,
    messages: BTreeMap<i64, C2cMessage>,
    reads: BTreeMap<(String, u64), i64>,
    images: BTreeMap<String, C2cImage>,
    /// By token. Not stored: after a restart everybody dials anew.
    tickets: BTreeMap<String, Ticket>,
    /// By the name in their URLs.
    slots: BTreeMap<String, Slot>,
    /// Uploads under way, with the place each fills.
    uploads: BTreeMap<FileKey, String>,
    /// When each user asked for a place to upload to.
    asked: BTreeMap<u64, VecDeque<Instant>>,
    links: BTreeMap<ConnId, Link>,
    /// Copies that are to come later, by when they are due and in order.
    delayed: BTreeMap<(Instant, u64), Delayed>,
    /// How many copies were ever put off.
    delays: u64,
    /// How many calls the faults of calls have hit.
    faulted: u32,
    /// Calls of each user in the minute that began then.
    calls: BTreeMap<u64, (Instant, u32)>,
}

/// Counts only: keys, tickets and places to upload to are secrets.
impl fmt::Debug for C2cState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("C2cState")
            .field("faults", &self.faults)
            .field("traders", &self.traders.len())
            .field("orders", &self.orders)
            .field("messages", &self.messages.len())
            .field("tickets", &self.tickets.len())
            .field("slots", &self.slots.len())
            .field("uploads", &self.uploads.len())
            .field("links", &self.links)
            .field("delayed", &self.delayed.len())
            .finish_non_exhaustive()
    }
}

impl C2cState {
    /// From a world that is valid.
    pub(crate) fn new(world: &World) -> Self {
        let (mut traders, mut by_key) = (BTreeMap::new(), BTreeMap::new());
        for account in &world.c2c.accounts {
            by_key.insert(account.api_key.clone(), account.user_id);
            let trader = Trader {
                api_key: account.api_key.clone(),
                signer: HmacSigner::new(&account.secret),
                nickname: account.nickname.clone(),
            };
            traders.insert(account.user_id, trader);
        }
        let orders = world.c2c.orders.iter().filter_map(|order| {
            let (maker, taker) = (*by_key.get(&order.maker)?, *by_key.get(&order.taker)?);
            let seller = if order.maker_buys { taker } else { maker };
            let auto_reply = order.auto_reply.clone();
            let messages = BTreeSet::new();
            Some((order.order_no.clone(), Order { maker, taker, seller, auto_reply, messages }))
        });
        Self {
            faults: world.faults.clone(),
            orders: orders.collect(),
            traders,
            by_key,
            messages: BTreeMap::new(),
            reads: BTreeMap::new(),
            images: BTreeMap::new(),
            tickets: BTreeMap::new(),
            slots: BTreeMap::new(),
            uploads: BTreeMap::new(),
            asked: BTreeMap::new(),
            links: BTreeMap::new(),
            delayed: BTreeMap::new(),
            delays: 0,
            faulted: 0,
            calls: BTreeMap::new(),
        }
    }

    /// What goes wrong on purpose.
    pub(crate) const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Sets what goes wrong on purpose from now on. The switches must be valid.
    pub(crate) fn set_faults(&mut self, cx: &Cx<'_>, faults: Faults) {
        self.faults = faults;
        self.faulted = 0;
        let ping_at = later::ping_every(self).map(|every| cx.now.mono + every);
        for link in self.links.values_mut() {
            link.ping_at = ping_at;
        }
    }

    /// The service's clock, which a fault switch can shift.
    fn clock(&self, cx: &Cx<'_>) -> UnixMillis {
        cx.now.unix.shifted(Skew::from_millis(self.faults.clock_skew_ms))
    }

    /// A text message came; `text` is within the size limit.
    pub(crate) fn received(&mut self, cx: &mut Cx<'_>, conn: ConnId, text: &Text) {
        chat::received(self, cx, conn, text);
    }

    /// A message came that is refused unread: too fast, or not text.
    pub(crate) fn refused(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        cx.fx.answer(conn, chat::error_frame(chat::ILLEGAL, "", ""));
    }

    /// The connection is gone.
    pub(crate) fn lost(&mut self, _cx: &mut Cx<'_>, conn: ConnId) {
        self.links.remove(&conn);
    }

    /// What to tell the sender of `text` when it could not be stored.
    pub(crate) fn store_failed(&self, text: &Text) -> Option<Text> {
        chat::store_failed(text)
    }

    /// Answers `/sapi/…` and `/api/v3/…`, through `cx.fx.respond`.
    pub(crate) fn handle_http(&mut self, cx: &mut Cx<'_>, id: HttpId, request: Request<Bytes>) {
        let response = http::handle(self, cx, &request);
        cx.fx.respond(id, response);
    }

    /// Judges an upload to a pre-signed URL or the download of an image; `NotMine` for other paths.
    pub(crate) fn begin_transfer(&mut self, cx: &mut Cx<'_>, head: &Request<()>) -> Transfer {
        images::begin(self, cx, head)
    }

    /// An upload ended; answer through `cx.fx.respond`. Gives `false` when the key is none of this
    /// service's.
    pub(crate) fn finish_upload(
        &mut self,
        cx: &mut Cx<'_>,
        id: HttpId,
        key: &FileKey,
        result: &Result<Uploaded, UploadError>,
    ) -> bool {
        images::finish(self, cx, id, key, result)
    }

    /// An upload was given up.
    pub(crate) fn abort_upload(&mut self, key: &FileKey) {
        let _ = images::abort(self, key);
    }

    /// Lets time pass. What expires is judged when it is used.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        later::handle_timeout(self, cx);
    }

    /// When `handle_timeout` is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        later::poll_timeout(self)
    }

    /// Assigns a row and gives back the assignment that undoes it.
    pub(crate) fn apply(&mut self, record: C2cRecord) -> C2cRecord {
        match record {
            C2cRecord::Message { id, row } => {
                let old = match row {
                    Some(row) => {
                        if let Some(order) = self.orders.get_mut(&row.order_no) {
                            order.messages.insert(id);
                        }
                        self.messages.insert(id, row)
                    }
                    None => {
                        let old = self.messages.remove(&id);
                        if let Some(order) =
                            old.as_ref().and_then(|row| self.orders.get_mut(&row.order_no))
                        {
                            order.messages.remove(&id);
                        }
                        old
                    }
                };
                C2cRecord::Message { id, row: old }
            }
            C2cRecord::Read { order_no, user, upto } => {
                let old = self.reads.insert((order_no.clone(), user), upto).unwrap_or(0);
                C2cRecord::Read { order_no, user, upto: old }
            }
            C2cRecord::Image { path, row } => {
                let old = match row {
                    Some(row) => self.images.insert(path.clone(), row),
                    None => self.images.remove(&path),
                };
                C2cRecord::Image { path, row: old }
            }
        }
    }

    /// Appends the records that would bring a fresh state to this one.
    pub(crate) fn snapshot(&self, records: &mut Vec<Record>) {
        let messages = self.messages.iter();
        let messages =
            messages.map(|(id, row)| C2cRecord::Message { id: *id, row: Some(row.clone()) });
        let reads = self.reads.iter().map(|((order_no, user), upto)| C2cRecord::Read {
            order_no: order_no.clone(),
            user: *user,
            upto: *upto,
        });
        let images = self.images.iter();
        let images = images
            .map(|(path, row)| C2cRecord::Image { path: path.clone(), row: Some(row.clone()) });
        records.extend(messages.chain(reads).chain(images).map(Record::C2c));
    }

    /// Assigns a row and logs it.
    fn put(&mut self, cx: &mut Cx<'_>, record: C2cRecord) {
        let undo = self.apply(record.clone());
        cx.fx.log(Record::C2c(record), Undo::Record(Record::C2c(undo)));
    }

    /// The order, when the user is a side of it.
    fn order_of(&self, order_no: &str, user: u64) -> Option<&Order> {
        self.orders.get(order_no).filter(|order| order.has(user))
    }
}

/// An answer in one of the service's shapes.
fn answer(status: StatusCode, envelope: &Envelope<'_>) -> Response<Bytes> {
    http_answer::json_text(status, envelope.to_bytes())
}

/// A status that a fault switch names; 0 is none.
fn fault_status(status: u16) -> Option<StatusCode> {
    StatusCode::from_u16(status).ok()
}
