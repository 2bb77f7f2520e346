//! What the application can ask of a session.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::c2c::client::backfill::{self, Watch};
use crate::c2c::client::calls::Kind;
use crate::c2c::client::gate::{Gate, Weights};
use crate::c2c::client::rest_call::{Rest, RestAsk};
use crate::c2c::client::seen::Seen;
use crate::c2c::client::{
    Ask, C2cConfig, Call, Checkpoint, Checkpoints, Resend, Since, State, pictures, sends,
};
use crate::c2c::frame::{ImageRef, Up};
use crate::c2c::rest::{Api, HistoryQuery};
use crate::c2c::{C2c, OrderNo};
use crate::client::{RequestId, Session};
use crate::error::CallError;
use crate::table::Table;
use crate::time::{Now, Skew};

/// How a message is sent, where it differs from the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// What becomes of it when it never arrived.
    pub resend: Option<Resend>,
    /// Its id on the wire: any text of at most 128 bytes that no message on its way has. A version
    /// 4 UUID when `None`.
    pub uuid: Option<String>,
}

impl Session<C2c> {
    /// A session of one account that is not connected yet. The same `seed` gives the same ids, so
    /// draw it from the operating system.
    #[must_use]
    pub fn c2c(config: C2cConfig, api: Api, seed: u64, now: Now) -> Self {
        let session = config.session.clone();
        let state = State {
            seen: Seen::new(config.max_seen),
            gate: Gate::new(&config),
            config,
            api,
            skew: Skew::default(),
            probing: false,
            paused: Vec::new(),
            queue: VecDeque::new(),
            next_write: None,
            mine: VecDeque::new(),
            watches: Table::new(),
            to_fill: VecDeque::new(),
            filling: None,
            ready_since: None,
            takeovers: 0,
            recycle_waits: 0,
        };
        Self::new(session, state, seed, now)
    }

    /// Other keys or another server, for the next call.
    pub fn set_api(&mut self, api: Api, now: Now) {
        self.with(now, |state, _| state.api = api);
    }

    /// How far the server's clock is ahead, as far as is known.
    #[must_use]
    pub const fn skew(&self) -> Skew {
        self.state().skew
    }

    /// How much of the service's limits is used, as the last answers said.
    #[must_use]
    pub const fn weights(&self) -> &Weights {
        self.state().gate.weights()
    }

    /// Sends a text to an order. Completes with [`Answer::Accepted`](super::Answer::Accepted).
    ///
    /// # Errors
    ///
    /// The session has ended, too many requests wait, the order number is empty or absurdly long, or
    /// the frame is longer than [`SessionConfig::max_message`](crate::client::SessionConfig::max_message).
    pub fn send_text(
        &mut self,
        order_no: &str,
        text: &str,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.send_frame(order_no, Up::text("", "", text, 0), &SendOptions::default(), now)
    }

    /// Sends a picture that was uploaded before. Completes with
    /// [`Answer::Accepted`](super::Answer::Accepted).
    ///
    /// # Errors
    ///
    /// As [`Session::send_text`].
    pub fn send_image(
        &mut self,
        order_no: &str,
        image: ImageRef<'_>,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.send_frame(order_no, Up::image("", "", image, 0), &SendOptions::default(), now)
    }

    /// Sends any message: [`Up::text`], [`Up::image`], or a frame of another kind for what this
    /// crate has no verb for. Its uuid and order number are set here; so is `createTime`, where it
    /// has one. Completes with [`Answer::Accepted`](super::Answer::Accepted) when it shows in the
    /// chat.
    ///
    /// # Errors
    ///
    /// As [`Session::send_text`]; also a uuid that is empty, too long or on its way already.
    pub fn send_frame(
        &mut self,
        order_no: &str,
        frame: Up<'_>,
        options: &SendOptions,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.with(now, |state, cx| sends::send(state, cx, order_no, options, frame))
    }

    /// Uploads a JPEG or PNG picture and sends it: asks for a place, puts the bytes there, tries
    /// again with a new URL when that fails, and writes the message that names it. Type and size are
    /// read from the bytes; `name` is a file name with its extension. Completes with
    /// [`Answer::Accepted`](super::Answer::Accepted).
    ///
    /// The bytes stay in memory until they are uploaded. To upload from a file, with progress by the
    /// byte, use [`Session::pre_signed_url`], a runtime's upload and [`Session::send_image`].
    ///
    /// # Errors
    ///
    /// As [`Session::send_frame`]; also bytes that are no such picture or more than
    /// [`C2cConfig::max_picture`], a bad name, or too many pictures on their way.
    pub fn send_picture(
        &mut self,
        order_no: &str,
        name: &str,
        bytes: Bytes,
        options: SendOptions,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.with(now, |state, cx| pictures::send(state, cx, order_no, name, bytes, options))
    }

    /// Performs a REST call of the account. Works without a connection, too.
    ///
    /// # Errors
    ///
    /// The session has ended, too many requests wait, or an argument is empty or too long.
    pub fn call(&mut self, call: Rest, now: Now) -> Result<RequestId, CallError> {
        self.with(now, |state, cx| {
            call.check()?;
            let id = cx.request(None, Ask::Rest(Box::new(RestAsk::new(call))))?;
            // For its turn; when it goes out it gets the time of the exchange.
            cx.postpone(id, state.config.max_wait);
            state.issue(cx, Call::first(Kind::Request(id)));
            Ok(id)
        })
    }

    /// Reads a page of history. Completes with [`Answer::History`](super::Answer::History).
    ///
    /// # Errors
    ///
    /// As [`Session::call`].
    pub fn history(&mut self, query: HistoryQuery, now: Now) -> Result<RequestId, CallError> {
        self.call(Rest::History(query), now)
    }

    /// Marks the messages of an order as read. Completes with
    /// [`Answer::Marked`](super::Answer::Marked).
    ///
    /// # Errors
    ///
    /// As [`Session::call`].
    pub fn mark_read(
        &mut self,
        order_no: &str,
        user_id: Option<i64>,
        now: Now,
    ) -> Result<RequestId, CallError> {
        self.call(Rest::MarkOrder { order_no: order_no.to_owned(), user_id }, now)
    }

    /// Asks for a place to put a picture. Completes with [`Answer::Upload`](super::Answer::Upload).
    ///
    /// # Errors
    ///
    /// As [`Session::call`].
    pub fn pre_signed_url(&mut self, image_name: &str, now: Now) -> Result<RequestId, CallError> {
        self.call(Rest::PreSignedUrl { image_name: image_name.to_owned() }, now)
    }

    /// Watches an order: after every connect, and now when connected, history is read from where it
    /// was left, oldest first. Messages of orders that are not watched are emitted as well, but what
    /// is missed of them stays missed.
    ///
    /// # Errors
    ///
    /// Too many orders are watched, or the number is empty.
    pub fn watch(&mut self, order_no: &str, since: Since, now: Now) -> Result<(), CallError> {
        self.with(now, |state, cx| backfill::watch(state, cx, order_no, since))
    }

    /// Stops watching an order; gives how far it was read.
    pub fn unwatch(&mut self, order_no: &str, now: Now) -> Option<Checkpoint> {
        self.with(now, |state, _| {
            state.watches.remove(order_no).map(|watch| watch.checkpoint().clone())
        })
    }

    /// How far a watched order was read: up to what was emitted, whether or not the application has
    /// polled it yet. What comes with the events is safer to store: see [`Checkpoint`].
    #[must_use]
    pub fn checkpoint(&self, order_no: &str) -> Option<&Checkpoint> {
        self.state().watches.get(order_no).map(Watch::checkpoint)
    }

    /// The same for all watched orders.
    #[must_use]
    pub fn checkpoints(&self) -> Checkpoints {
        let mut checkpoints = Checkpoints::new();
        for (order, watch) in self.state().watches.iter() {
            checkpoints.insert(order.clone(), watch.checkpoint().clone());
        }
        checkpoints
    }
}

impl State {
    /// A frame was emitted: moves the checkpoint of a watched order. Gives whether everything before
    /// it was emitted, too.
    pub(super) fn note_read(&mut self, push: &crate::c2c::Push<'_>) -> bool {
        let order = push.order().map(OrderNo::text);
        let watch = order.and_then(|order| self.watches.get_mut(&*order));
        match watch {
            // Marks and recalls name messages without being any.
            Some(watch) if push.kind().is_message() => watch.note(push),
            Some(_) | None => false,
        }
    }
}
