//! Where the hub's records are kept.

use std::io;

use chat_hub::Record;

/// Keeps records. The hub answers a request only after what it changed is here.
pub trait Store: Send + 'static {
    /// All records of earlier runs, in the order of their commits. Called once, first.
    ///
    /// # Errors
    ///
    /// They cannot be read: the server does not start.
    fn load(&mut self) -> impl Future<Output = io::Result<Vec<Record>>> + Send;

    /// Stores all of `records` or none of them. One commit is under way at a time, and what is made
    /// meanwhile comes together in the next one.
    ///
    /// The future is not dropped before it ends, except when the process ends.
    ///
    /// # Errors
    ///
    /// Nothing of it is stored and never will be: the hub takes the changes back.
    fn commit(&mut self, records: Vec<Record>) -> impl Future<Output = io::Result<()>> + Send;
}

/// Keeps nothing beyond the life of the server: the hub itself holds everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryStore;

impl Store for MemoryStore {
    async fn load(&mut self) -> io::Result<Vec<Record>> {
        Ok(Vec::new())
    }

    async fn commit(&mut self, _records: Vec<Record>) -> io::Result<()> {
        Ok(())
    }
}
