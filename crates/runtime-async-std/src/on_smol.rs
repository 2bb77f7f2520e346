//! What smol does in its own way.

use std::io;
use std::net::SocketAddr;

use crate::Family;

/// smol's names and global executor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Smol;

impl Family for Smol {
    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        smol::net::resolve((host, port)).await
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        // A dropped handle would cancel the task.
        smol::spawn(task).detach();
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }
}
