//! What async-std does in its own way.

use std::io;
use std::net::SocketAddr;

use async_std::net::ToSocketAddrs;

use crate::Family;

/// async-std's names and global executor.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsyncStd;

impl Family for AsyncStd {
    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((host, port).to_socket_addrs().await?.collect())
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        // A dropped handle lets the task run on.
        drop(async_std::task::spawn(task));
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        async_std::task::block_on(future)
    }
}
