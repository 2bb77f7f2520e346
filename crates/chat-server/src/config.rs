//! Settings of a server.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use chat_hub::{HubConfig, World};

use crate::error::ServeError;
use crate::tls::Tls;

/// Settings of a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen; port 0 picks a free one. The default is 127.0.0.1:8887, the port of the
    /// service. (portsip-docs)
    pub listen: SocketAddr,
    /// The host that clients are told to use; `None` for the address that is listened on, or
    /// loopback where that is any address. A self-signed certificate is made out to it as well.
    pub public_host: Option<String>,
    /// How the port is encrypted.
    pub tls: Tls,
    /// Where the certificate of the self-made authority is written, as PEM; `None` for a temporary
    /// folder that goes away with the server.
    pub ca_file: Option<PathBuf>,
    /// Who there is.
    pub world: World,
    /// The folder of uploaded files; `None` for a temporary one that goes away with the server.
    pub files: Option<PathBuf>,
    /// What the hub allows. Its `urls` are filled in by the server.
    pub hub: HubConfig,
    /// What the front allows.
    pub limits: Limits,
    /// The key of tokens and ids; `None` for a new one. The same key after a restart keeps tokens
    /// valid.
    pub key: Option<HubKey>,
    /// Whether the server can be steered over HTTP: fault switches and the other side of orders, by
    /// whoever is on this machine and has the token of [`Urls::admin`](crate::Urls::admin). The
    /// default is no.
    pub admin: bool,
}

impl Config {
    /// The defaults, over `world`.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8887)),
            public_host: None,
            tls: Tls::SelfSigned,
            ca_file: None,
            world,
            files: None,
            hub: HubConfig::default(),
            limits: Limits::default(),
            key: None,
            admin: false,
        }
    }
}

/// What the front of a server allows. All of it is choice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Largest body of a request that is no upload, in bytes: 1 MiB.
    pub max_body_bytes: usize,
    /// Sockets of any kind at one time; more wait unaccepted: 66 560, the hub's WebSockets and some.
    pub max_sockets: usize,
    /// How long a TLS handshake may take: 10 s.
    pub handshake_within: Duration,
    /// How long the head of a request may take, and how long a socket may be idle before it: 30 s.
    pub head_within: Duration,
    /// How long a request that is no upload may take, from head to answer: 30 s.
    pub request_within: Duration,
    /// How long an upload may bring nothing, and an answer may find no reader: 30 s.
    pub stalled_after: Duration,
    /// How long a socket that is let go may take to deliver its last bytes: 1 s.
    pub linger: Duration,
    /// How long a shutdown may take before sockets are cut: 5 s.
    pub shutdown_within: Duration,
    /// Messages of one WebSocket that the hub has yet to look at: 16.
    pub inbound: usize,
    /// Messages for one WebSocket between the hub and the socket: 16. More wait in the hub, which
    /// counts them.
    pub outbound: usize,
    /// Questions to the hub that wait, of all sockets: 1024.
    pub hub_queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 1 << 20,
            max_sockets: 65 << 10,
            handshake_within: Duration::from_secs(10),
            head_within: Duration::from_secs(30),
            request_within: Duration::from_secs(30),
            stalled_after: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            shutdown_within: Duration::from_secs(5),
            inbound: 16,
            outbound: 16,
            hub_queue: 1024,
        }
    }
}

/// The key that tokens and ids are made with. Never printed.
#[derive(Clone)]
pub struct HubKey([u8; 32]);

impl HubKey {
    /// From 32 bytes of good randomness.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// A new one.
    ///
    /// # Errors
    ///
    /// The operating system gives no randomness.
    pub fn random() -> Result<Self, ServeError> {
        random().map(Self)
    }

    pub(crate) const fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

/// 32 bytes that nobody can guess.
pub(crate) fn random() -> Result<[u8; 32], ServeError> {
    let mut bytes = [0; 32];
    let provider = rustls::crypto::ring::default_provider();
    provider.secure_random.fill(&mut bytes).map_err(|_| ServeError::Entropy)?;
    Ok(bytes)
}

impl fmt::Debug for HubKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubKey([REDACTED])")
    }
}
