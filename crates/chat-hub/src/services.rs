//! The services behind one hub, and which of them a request is for.

use bytes::Bytes;
use chat_proto::machine::HttpId;
use http::{Request, Response, StatusCode};

use crate::c2c::C2cState;
use crate::effects::{Cx, Undo};
use crate::http_answer::errors;
use crate::im::Im;
use crate::oauth::{TokenNews, Tokens};
use crate::record::Record;
use crate::transfer::Transfer;

/// The state of all services.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) im: Im,
    pub(crate) c2c: C2cState,
    pub(crate) tokens: Tokens,
}

impl Services {
    /// Assigns a row of whichever service it belongs to; gives back how to undo it.
    pub(crate) fn apply(&mut self, record: Record) -> Undo {
        match record {
            Record::Token { digest, row } => {
                let row = self.tokens.apply(&digest, row);
                Undo::Record(Record::Token { digest, row })
            }
            Record::C2c(record) => Undo::Record(Record::C2c(self.c2c.apply(record))),
            record @ (Record::User { .. }
            | Record::Topic { .. }
            | Record::Head { .. }
            | Record::Sub { .. }
            | Record::Ended { .. }
            | Record::Marks { .. }
            | Record::Message { .. }
            | Record::Pub { .. }
            | Record::Deletion { .. }
            | Record::File { .. }) => self.im.apply(record),
        }
    }

    pub(crate) fn http(&mut self, cx: &mut Cx<'_>, id: HttpId, request: Request<Bytes>) {
        let path = request.uri().path();
        if path.starts_with("/sapi/") || path.starts_with("/api/v3/") {
            return self.c2c.handle_http(cx, id, request);
        }
        let response = match path {
            "/im" | "/v0/channels" => {
                errors(StatusCode::UPGRADE_REQUIRED, "UPGRADE_REQUIRED", "this is a WebSocket")
            }
            _ => self.tokens.handle(cx, &request).unwrap_or_else(not_found),
        };
        cx.fx.respond(id, response);
        for news in std::mem::take(&mut self.tokens.news) {
            match news {
                TokenNews::Renewed { old, new } => self.im.renewed(cx, &old, &new),
                TokenNews::Revoked(token) => self.im.revoked(cx, &token),
            }
        }
    }

    /// Judges an upload or a download.
    pub(crate) fn begin_transfer(&mut self, cx: &mut Cx<'_>, head: &Request<()>) -> Transfer {
        let transfer = self.im.begin_transfer(cx, head);
        if matches!(transfer, Transfer::NotMine) {
            return self.c2c.begin_transfer(cx, head);
        }
        transfer
    }
}

/// Nothing is served at the path.
pub(crate) fn not_found() -> Response<Bytes> {
    errors(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing at this path")
}
