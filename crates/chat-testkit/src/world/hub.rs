//! What the hub wants, and its commits.

use super::{Due, World};
use crate::host::{Commit, Wish};
use crate::link::Parcel;
use crate::observe::{self, Observation};

impl World {
    pub(super) fn pump_host(&mut self) {
        while let Some(wish) = self.host.poll() {
            self.show_host();
            match wish {
                Wish::Commit => self.commit(),
                Wish::Answer(id, response) => self.answered(id, response),
                Wish::Write(conn, message) => {
                    if let Some(link) = self.by_server.get(&conn).copied() {
                        self.say(link, Parcel::Message(message));
                    }
                }
                Wish::Drop(conn) => {
                    if let Some(link) = self.by_server.remove(&conn) {
                        self.say(link, Parcel::End);
                        if let Some(link) = self.links.get_mut(&link) {
                            link.server_gone = true;
                            link.server = None;
                        }
                        self.sweep(link);
                    }
                }
            }
        }
    }

    fn commit(&mut self) {
        let mut after = self.slow_commits;
        if self.rough {
            after += self.setup.commit.draw(&mut self.rng);
        }
        self.commits += 1;
        if after.is_zero() {
            self.commit_ends();
        } else {
            self.plan(after, Due::CommitEnds(self.commits));
        }
    }

    pub(super) fn commit_ends(&mut self) {
        let commit = if self.failing_commits > 0 { Commit::Failed } else { Commit::Stored };
        self.failing_commits = self.failing_commits.saturating_sub(1);
        let now = self.hub_now();
        let records = self.host.finish_commit(commit, now);
        self.note(|| format!("the commit is {commit:?}: {} records", records.len()));
        self.stored(&records);
        self.host_dirty = true;
    }

    pub(super) fn stored(&mut self, records: &[chat_hub::Record]) {
        self.show_records(records);
        let rows = observe::rows(records);
        if !rows.is_empty() {
            self.observe(Observation::Stored(rows));
        }
    }
}
