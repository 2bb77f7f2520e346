//! What smol does in its own way.

use std::io;
use std::net::SocketAddr;

use smol::net::TcpStream;

use crate::io::Tcp;
use crate::{Family, IoStream};

/// smol's names, sockets and global executor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Smol;

impl Family for Smol {
    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        smol::net::resolve((host, port)).await
    }

    async fn connect(address: SocketAddr) -> io::Result<IoStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(IoStream::new(Tcp::new(stream, TcpStream::shutdown)))
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        // A dropped handle would cancel the task.
        smol::spawn(task).detach();
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }
}
