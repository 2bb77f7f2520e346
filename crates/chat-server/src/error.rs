//! Why a server does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use chat_hub::world::WorldError;

/// Why a server does not start. The configuration or the machine is to blame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The world contradicts itself.
    #[error("the world: {0}")]
    World(#[from] WorldError),
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}: {source}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The certificate or its key is of no use.
    #[error("TLS: {0}")]
    Tls(String),
    /// The stored records cannot be read.
    #[error("the store: {0}")]
    Store(io::Error),
    /// The operating system gives no randomness.
    #[error("no randomness from the operating system")]
    Entropy,
}

impl ServeError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
