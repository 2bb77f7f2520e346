//! What one input causes: records to store, undo steps, outputs.
//!
//! A service changes its state at once, through `put` functions that log the record and how to take
//! it back, and queues outputs. The hub holds the outputs until the records are stored.

use std::fmt;

use bytes::Bytes;
use chat_proto::machine::{ConnId, HttpId, Text};
use chat_proto::server::Lane;
use chat_proto::time::Now;
use http::Response;

use crate::accounts::Accounts;
use crate::config::HubConfig;
use crate::hub::Forward;
use crate::ids::Ids;
use crate::im::ImUndo;
use crate::record::Record;
use crate::transfer::FileKey;

/// What a service may use while it handles one input.
pub(crate) struct Cx<'a> {
    pub(crate) config: &'a HubConfig,
    pub(crate) accounts: &'a Accounts,
    pub(crate) ids: &'a mut Ids,
    pub(crate) fx: &'a mut Effects,
    pub(crate) now: Now,
    /// Microseconds since 1970, greater than at every input before.
    pub(crate) stamp: i64,
}

/// Collects what one input causes.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) records: Vec<Record>,
    pub(crate) undo: Vec<Undo>,
    pub(crate) outputs: Vec<Output>,
}

/// How to take one change back.
#[derive(Debug)]
pub(crate) enum Undo {
    /// Assign the row as it was.
    Record(Record),
    /// Something the IM keeps in memory only.
    Im(ImUndo),
}

/// Something to let out once everything before it is stored.
pub(crate) enum Output {
    /// A frame for a connection.
    Frame { conn: ConnId, lane: Lane, text: Text },
    /// A connection's user is known: the time for a login is no longer limited.
    LoggedIn { conn: ConnId },
    /// Close a connection after what is queued.
    Close { conn: ConnId, code: u16, reason: &'static str },
    /// Let go of a connection at once, without a word.
    Cut { conn: ConnId },
    /// Answer an HTTP request.
    Respond { id: HttpId, response: Response<Bytes> },
    /// Delete the bytes of a file.
    Remove { key: FileKey },
    /// Hand a message to the PBX.
    Forward(Forward),
}

impl Effects {
    /// Logs a change that was just made.
    pub(crate) fn log(&mut self, record: Record, undo: Undo) {
        self.records.push(record);
        self.undo.push(undo);
    }

    /// A frame the peer did not ask for.
    pub(crate) fn send(&mut self, conn: ConnId, text: Text) {
        self.outputs.push(Output::Frame { conn, lane: Lane::Live, text });
    }

    /// An answer to the peer's request. When the records of this input cannot be stored, the hub
    /// sends an error in place of all its answers.
    pub(crate) fn answer(&mut self, conn: ConnId, text: Text) {
        self.outputs.push(Output::Frame { conn, lane: Lane::Answer, text });
    }

    /// Lifts the deadline of a connection's login.
    pub(crate) fn logged_in(&mut self, conn: ConnId) {
        self.outputs.push(Output::LoggedIn { conn });
    }

    /// Closes a connection.
    pub(crate) fn close(&mut self, conn: ConnId, code: u16, reason: &'static str) {
        self.outputs.push(Output::Close { conn, code, reason });
    }

    /// Ends a connection without a close frame; what was not written yet is lost.
    pub(crate) fn cut(&mut self, conn: ConnId) {
        self.outputs.push(Output::Cut { conn });
    }

    /// Deletes the bytes of a file.
    pub(crate) fn remove(&mut self, key: FileKey) {
        self.outputs.push(Output::Remove { key });
    }

    /// Hands a message to the PBX.
    pub(crate) fn forward(&mut self, message: Forward) {
        self.outputs.push(Output::Forward(message));
    }

    /// Answers an HTTP request.
    pub(crate) fn respond(&mut self, id: HttpId, response: Response<Bytes>) {
        self.outputs.push(Output::Respond { id, response });
    }
}

/// Without texts and bodies, which may carry tokens.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { conn, lane, text } => {
                write!(f, "Frame({}, {lane:?}, {} bytes)", conn.get(), text.len())
            }
            Self::LoggedIn { conn } => write!(f, "LoggedIn({})", conn.get()),
            Self::Close { conn, code, reason } => {
                write!(f, "Close({}, {code}, {reason})", conn.get())
            }
            Self::Cut { conn } => write!(f, "Cut({})", conn.get()),
            Self::Respond { id, response } => {
                write!(f, "Respond({}, HTTP {})", id.get(), response.status().as_u16())
            }
            Self::Remove { key } => write!(f, "Remove({})", key.as_str()),
            Self::Forward(it) => write!(f, "{it:?}"),
        }
    }
}
