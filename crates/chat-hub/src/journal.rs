//! Commit before reply: what is stored, what is under way, what waits.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use chat_proto::machine::{ConnId, HttpId, Text};
use chat_proto::server::Lane;

use crate::effects::{Effects, Output, Undo};
use crate::record::Record;
use crate::transfer::FileKey;

/// Who must hear of it when an input cannot be stored.
#[derive(Clone)]
pub(crate) enum Requester {
    /// Nobody: a timer, a lost connection.
    Nobody,
    /// The sender of this frame.
    Frame(ConnId, Text),
    /// The sender of this HTTP request.
    Http(HttpId),
    /// The sender of this file.
    Upload(HttpId, FileKey),
}

/// Without the frame, which may carry a login secret.
impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("Nobody"),
            Self::Frame(conn, text) => write!(f, "Frame({}, {} bytes)", conn.get(), text.len()),
            Self::Http(id) => write!(f, "Http({})", id.get()),
            Self::Upload(id, key) => write!(f, "Upload({}, {})", id.get(), key.as_str()),
        }
    }
}

impl Requester {
    /// Length of what is kept for a refusal, in bytes.
    fn len(&self) -> usize {
        match self {
            Self::Frame(_, text) => text.len(),
            Self::Nobody | Self::Http(_) | Self::Upload(..) => 0,
        }
    }
}

/// The outputs of one input.
#[derive(Debug)]
pub(crate) struct Batch {
    /// All records up to this one must be stored first.
    after: u64,
    pub(crate) outputs: Vec<Output>,
    pub(crate) requester: Requester,
}

impl Batch {
    /// The connections whose requests it answers, once an answer.
    fn answered(&self) -> impl Iterator<Item = ConnId> {
        self.outputs.iter().filter_map(|output| match output {
            Output::Frame { conn, lane: Lane::Answer, .. } => Some(*conn),
            Output::Frame { lane: Lane::Live, .. }
            | Output::LoggedIn { .. }
            | Output::Close { .. }
            | Output::Cut { .. }
            | Output::Respond { .. }
            | Output::Remove { .. }
            | Output::Forward(_) => None,
        })
    }
}

/// Records that are not stored yet, and the outputs that wait for them.
///
/// Records are numbered from 1 in the order of their making. One commit is under way at a time;
/// what is made meanwhile goes into the next one.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    made: u64,
    stored: u64,
    /// End of the commit under way.
    committing: Option<u64>,
    /// Made and not handed out.
    fresh: Vec<Record>,
    /// One for each change since `stored`, with the number of records made before it.
    undo: VecDeque<(u64, Undo)>,
    held: VecDeque<Batch>,
    /// Length of the frames whose answers wait.
    held_bytes: usize,
    /// How many answers wait for each connection; none is 0.
    held_answers: BTreeMap<ConnId, usize>,
}

impl Journal {
    /// Takes what an input caused; gives back what may go out at once.
    pub(crate) fn take(&mut self, fx: Effects, requester: Requester) -> Option<Batch> {
        let Effects { records, undo, outputs } = fx;
        self.made += records.len() as u64;
        self.fresh.extend(records);
        if !self.is_clean() {
            self.undo.extend(undo.into_iter().map(|undo| (self.made, undo)));
        }
        let batch = Batch { after: self.made, outputs, requester };
        if self.is_clean() {
            return Some(batch);
        }
        if !batch.outputs.is_empty() {
            self.held_bytes += batch.requester.len();
            for conn in batch.answered() {
                *self.held_answers.entry(conn).or_default() += 1;
            }
            self.held.push_back(batch);
        }
        None
    }

    /// The next commit to start, if none is under way.
    pub(crate) fn next_commit(&mut self) -> Option<(u64, Vec<Record>)> {
        if self.committing.is_some() || self.fresh.is_empty() {
            return None;
        }
        self.committing = Some(self.made);
        Some((self.made, std::mem::take(&mut self.fresh)))
    }

    /// Everything up to `upto` is stored; gives back what may go out. A number that is not that of
    /// the commit under way changes nothing.
    pub(crate) fn committed(&mut self, upto: u64) -> Vec<Batch> {
        if self.committing != Some(upto) {
            return Vec::new();
        }
        self.committing = None;
        self.stored = upto;
        while self.undo.front().is_some_and(|(after, _)| *after <= upto) {
            self.undo.pop_front();
        }
        let ready = self.held.iter().take_while(|batch| batch.after <= upto).count();
        let ready: Vec<_> = self.held.drain(..ready).collect();
        self.held_bytes -= ready.iter().map(|batch| batch.requester.len()).sum::<usize>();
        for conn in ready.iter().flat_map(Batch::answered) {
            if let Entry::Occupied(mut count) = self.held_answers.entry(conn) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
        ready
    }

    /// The commit up to `upto` failed. Gives back what must be undone, in order, and who waits;
    /// records made meanwhile fall with it, for they build on what is undone.
    pub(crate) fn failed(&mut self, upto: u64) -> Option<(Vec<Undo>, Vec<Batch>)> {
        if self.committing != Some(upto) {
            return None;
        }
        self.committing = None;
        self.fresh.clear();
        self.held_bytes = 0;
        self.held_answers.clear();
        self.stored = self.made;
        let undo = self.undo.drain(..).rev().map(|(_, undo)| undo).collect();
        Some((undo, self.held.drain(..).collect()))
    }

    /// Whether everything made is stored.
    pub(crate) fn is_clean(&self) -> bool {
        self.made == self.stored
    }

    /// Answers to the requests of `conn` that wait.
    pub(crate) fn held_answers(&self, conn: ConnId) -> usize {
        self.held_answers.get(&conn).copied().unwrap_or(0)
    }

    /// Records that were made and not handed out.
    pub(crate) const fn unstored(&self) -> usize {
        self.fresh.len()
    }

    /// Inputs whose outputs wait, and the length of their frames in bytes.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.held.len(), self.held_bytes)
    }
}
