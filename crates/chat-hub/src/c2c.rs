//! The service side of C2C order chat.

use std::time::Instant;

use bytes::Bytes;
use chat_proto::machine::{ConnId, HttpId, Text};
use http::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::effects::{Cx, Undo};
use crate::http_answer;
use crate::record::Record;
use crate::transfer::{FileKey, Transfer, UploadError, Uploaded};
use crate::world::World;

/// The assignment of one row of the C2C service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum C2cRecord {}

/// Accounts, orders, tickets, messages.
#[derive(Debug)]
pub(crate) struct C2cState {}

/// A WebSocket upgrade that was found good.
#[derive(Debug)]
pub(crate) struct C2cOffer {}

impl C2cState {
    /// From a world that is valid.
    pub(crate) fn new(_world: &World) -> Self {
        Self {}
    }

    /// Judges a WebSocket upgrade to `/chat/{listenKey}`.
    pub(crate) fn offer(
        &mut self,
        _cx: &mut Cx<'_>,
        _head: &Request<()>,
    ) -> Result<C2cOffer, Response<Bytes>> {
        Err(not_implemented())
    }

    /// The upgrade is done.
    pub(crate) fn opened(&mut self, _cx: &mut Cx<'_>, _conn: ConnId, offer: C2cOffer) {
        let C2cOffer {} = offer;
    }

    /// A text message came; `text` is within the size limit.
    pub(crate) fn received(&mut self, _cx: &mut Cx<'_>, _conn: ConnId, _text: &Text) {}

    /// A message came that is refused unread: too fast, or not text.
    pub(crate) fn refused(&mut self, _cx: &mut Cx<'_>, _conn: ConnId) {}

    /// The connection is gone.
    pub(crate) fn lost(&mut self, _cx: &mut Cx<'_>, _conn: ConnId) {}

    /// What to tell the sender of `text` when it could not be stored.
    pub(crate) fn store_failed(&self, _text: &Text) -> Option<Text> {
        None
    }

    /// Answers `/sapi/…` and `/api/v3/…`, through `cx.fx.respond`.
    pub(crate) fn handle_http(&mut self, cx: &mut Cx<'_>, id: HttpId, _request: Request<Bytes>) {
        cx.fx.respond(id, not_implemented());
    }

    /// Judges an upload to a pre-signed URL or the download of an image; `NotMine` for other paths.
    pub(crate) fn begin_transfer(&mut self, _cx: &mut Cx<'_>, _head: &Request<()>) -> Transfer {
        Transfer::NotMine
    }

    /// An upload ended; answer through `cx.fx.respond`. Gives `false` when the key is none of this
    /// service's.
    pub(crate) fn finish_upload(
        &mut self,
        _cx: &mut Cx<'_>,
        _id: HttpId,
        _key: &FileKey,
        _result: &Result<Uploaded, UploadError>,
    ) -> bool {
        false
    }

    /// An upload was given up.
    pub(crate) fn abort_upload(&mut self, _key: &FileKey) {}

    /// Lets time pass.
    pub(crate) fn handle_timeout(&mut self, _cx: &mut Cx<'_>) {}

    /// When `handle_timeout` is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Assigns a row and gives back the assignment that undoes it.
    pub(crate) fn apply(&mut self, record: C2cRecord) -> C2cRecord {
        match record {}
    }

    /// Appends the records that would bring a fresh state to this one.
    pub(crate) fn snapshot(&self, _records: &mut Vec<Record>) {}

    /// Assigns a row and logs it.
    #[expect(dead_code, reason = "the paved path of every change")]
    pub(crate) fn put(&mut self, cx: &mut Cx<'_>, record: C2cRecord) {
        let undo = self.apply(record.clone());
        cx.fx.log(Record::C2c(record), Undo::Record(Record::C2c(undo)));
    }
}

fn not_implemented() -> Response<Bytes> {
    http_answer::errors(StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "not implemented")
}
