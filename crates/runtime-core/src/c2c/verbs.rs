//! What an application can ask for.

use bytes::Bytes;
use chat_proto::Skew;
use chat_proto::c2c::C2c;
use chat_proto::c2c::client::{
    Accepted, Answer, Checkpoint, Checkpoints, HistoryPage, Rest, SendOptions, Since, Weights,
};
use chat_proto::c2c::frame::{ImageRef, Up};
use chat_proto::c2c::rest::{Api, HistoryQuery, UploadSlot};
use chat_proto::client::RequestId;
use chat_proto::error::{CallError, RequestError};

use crate::client::{Client, Polled, SendError, verbs};
use crate::runtime::Runtime;

verbs! { C2c;
    /// Sends a text to an order: it stands in the chat.
    send_text(&order_no: str, &text: str;) => Accepted, via accepted;

    /// Sends a picture that was uploaded before: it stands in the chat.
    send_image(&order_no: str; image: ImageRef<'static>) => Accepted, via accepted;

    /// Uploads a JPEG or PNG picture from memory and sends it: asks for a place, puts the bytes there,
    /// tries again with a new URL when that fails, and writes the message that names it.
    send_picture(&order_no: str, &name: str; bytes: Bytes, options: SendOptions)
        => Accepted, via accepted;

    /// Reads a page of history, newest first.
    history(; query: HistoryQuery) => HistoryPage, via history;

    /// Marks the messages of an order as read.
    mark_read(&order_no: str; user_id: Option<i64>) => (), via marked;

    /// Asks for a place to put a picture.
    pre_signed_url(&image_name: str;) => UploadSlot, via upload;
}

impl<R: Runtime> Client<C2c, R> {
    /// Sends any message: [`Up::text`], [`Up::image`], or a frame of another kind for what has no verb
    /// of its own. Its uuid and order number are set by the session; so is `createTime`, where it has
    /// one.
    ///
    /// Cancel safety: dropped before it is polled, nothing is requested; dropped later, the request is
    /// made once all the same, and its end comes as an event.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub async fn send_frame(
        &self,
        order_no: &str,
        frame: Up<'static>,
        options: &SendOptions,
    ) -> Result<Accepted, SendError> {
        let (order_no, options) = (order_no.to_owned(), options.clone());
        let (id, answer) = self
            .request(move |session, now| session.send_frame(&order_no, frame, &options, now))
            .await?;
        accepted(id, answer).ok_or(RequestError::Unknown.into())
    }

    /// Performs any REST call of the account. Works without a connection, too.
    ///
    /// Cancel safety: dropped before it is polled, nothing is requested; dropped later, the request is
    /// made once all the same, and its end comes as an event.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub async fn rest(&self, call: Rest) -> Result<Answer, SendError> {
        Ok(self.request(move |session, now| session.call(call, now)).await?.1)
    }

    /// Watches an order: after every connect, and now when connected, history is read from where it was
    /// left, oldest first.
    ///
    /// Cancel safety: dropped before it is polled, it does nothing; later, it is done all the same.
    ///
    /// # Errors
    ///
    /// Too many orders are watched, the number is empty, the queue is full, or the client has ended.
    pub async fn watch(&self, order_no: &str, since: Since) -> Result<(), SendError> {
        let order_no = order_no.to_owned();
        self.tell(move |session, now| session.watch(&order_no, since, now)).await
    }

    /// Stops watching an order; gives how far it was read.
    ///
    /// Cancel safety: dropped before it is polled, it does nothing; later, it is done all the same, and
    /// what it gives is lost. [`Client::checkpoint`] can be asked before.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended.
    pub async fn unwatch(&self, order_no: &str) -> Result<Option<Checkpoint>, SendError> {
        let order_no = order_no.to_owned();
        self.call(move |session, now| session.unwatch(&order_no, now)).await
    }

    /// How far a watched order was read: up to what was emitted, whether or not the application has
    /// taken it yet. What comes with the events is safer to store.
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended.
    pub async fn checkpoint(&self, order_no: &str) -> Result<Option<Checkpoint>, SendError> {
        let order_no = order_no.to_owned();
        self.call(move |session, _| session.checkpoint(&order_no).cloned()).await
    }

    /// The same for all watched orders.
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended.
    pub async fn checkpoints(&self) -> Result<Checkpoints, SendError> {
        self.call(|session, _| session.checkpoints()).await
    }

    /// How much of the service's limits is used, as the last answers said.
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended.
    pub async fn weights(&self) -> Result<Weights, SendError> {
        self.call(|session, _| session.weights().clone()).await
    }

    /// How far the server's clock is ahead, as far as is known.
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended.
    pub async fn skew(&self) -> Result<Skew, SendError> {
        self.call(|session, _| session.skew()).await
    }

    /// Other keys or another server, for the next call.
    ///
    /// Cancel safety: dropped before it is polled, it does nothing; later, it is done all the same.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended.
    pub async fn set_api(&self, api: Api) -> Result<(), SendError> {
        self.call(move |session, now| session.set_api(api, now)).await
    }
}

impl<R: Runtime> Polled<C2c, R> {
    /// Sends any message: [`Up::text`], [`Up::image`], or a frame of another kind for what has no verb
    /// of its own. Its uuid and order number are set by the session; so is `createTime`, where it has
    /// one.
    ///
    /// # Errors
    ///
    /// As [`Polled::send_text`]; also a uuid that is empty, too long or on its way already.
    pub fn send_frame(
        &mut self,
        order_no: &str,
        frame: Up<'_>,
        options: &SendOptions,
    ) -> Result<RequestId, CallError> {
        self.with(|session, now| session.send_frame(order_no, frame, options, now))
    }

    /// Performs any REST call of the account. Works without a connection, too.
    ///
    /// # Errors
    ///
    /// The session has ended, too many requests wait, or an argument is empty or too long.
    pub fn rest(&mut self, call: Rest) -> Result<RequestId, CallError> {
        self.with(|session, now| session.call(call, now))
    }

    /// Watches an order: after every connect, and now when connected, history is read from where it was
    /// left, oldest first.
    ///
    /// # Errors
    ///
    /// Too many orders are watched, or the number is empty.
    pub fn watch(&mut self, order_no: &str, since: Since) -> Result<(), CallError> {
        self.with(|session, now| session.watch(order_no, since, now))
    }

    /// Stops watching an order; gives how far it was read.
    pub fn unwatch(&mut self, order_no: &str) -> Option<Checkpoint> {
        self.with(|session, now| session.unwatch(order_no, now))
    }

    /// Other keys or another server, for the next call.
    pub fn set_api(&mut self, api: Api) {
        self.with(|session, now| session.set_api(api, now));
    }
}

fn accepted(_: RequestId, answer: Answer) -> Option<Accepted> {
    if let Answer::Accepted(accepted) = answer { Some(accepted) } else { None }
}

fn history(_: RequestId, answer: Answer) -> Option<HistoryPage> {
    if let Answer::History(page) = answer { Some(page) } else { None }
}

fn marked(_: RequestId, answer: Answer) -> Option<()> {
    if let Answer::Marked = answer { Some(()) } else { None }
}

fn upload(_: RequestId, answer: Answer) -> Option<UploadSlot> {
    if let Answer::Upload(slot) = answer { Some(slot) } else { None }
}
