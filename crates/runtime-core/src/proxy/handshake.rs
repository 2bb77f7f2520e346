//! A handshake with a proxy, without a socket.

use super::http_connect::HttpConnect;
use super::socks5::Socks5;
use super::{Kind, Proxy};

/// A handshake as a machine: bytes in, bytes out, no I/O and no clock.
///
/// Write what [`Handshake::output`] gives, read at most [`Handshake::wants`] bytes and hand them to
/// [`Handshake::receive`], until [`Handshake::is_done`]. From then on the stream is the tunnel's:
/// no byte of it was taken. The memory it needs is bounded whatever the proxy sends.
#[derive(Debug)]
pub struct Handshake(Speaker);

#[derive(Debug)]
enum Speaker {
    Http(HttpConnect),
    Socks5(Socks5),
}

/// Why a proxy opens no tunnel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The host is too long, or has characters that no host has.
    #[error("the proxy cannot be asked for this host")]
    Host,
    /// The proxy wants a user and a password, or others.
    #[error("the proxy wants other credentials")]
    Credentials,
    /// An HTTP proxy says no.
    #[error("the proxy answered HTTP {status}")]
    Status {
        /// Its status.
        status: u16,
    },
    /// A SOCKS proxy says no.
    #[error("the proxy refused: {why}")]
    Refused {
        /// The reply's meaning (RFC 1928, section 6).
        why: &'static str,
    },
    /// The proxy breaks its protocol.
    #[error("the proxy does not speak its protocol: {what}")]
    Protocol {
        /// What is wrong.
        what: &'static str,
    },
    /// The proxy closed before the tunnel was open.
    #[error("the proxy closed the connection")]
    Closed,
}

impl Handshake {
    /// Asks `proxy` for a tunnel to a name or an address (IPv6 without brackets).
    ///
    /// # Errors
    ///
    /// [`ProxyError::Host`].
    pub fn new(proxy: &Proxy, host: &str, port: u16) -> Result<Self, ProxyError> {
        let credentials = proxy.credentials.as_ref();
        let speaker = match proxy.kind {
            Kind::Http | Kind::Https => Speaker::Http(HttpConnect::new(host, port, credentials)?),
            Kind::Socks5 => Speaker::Socks5(Socks5::new(host, port, credentials)?),
        };
        Ok(Self(speaker))
    }

    /// Bytes to write now; empty when there are none.
    #[must_use]
    pub fn output(&mut self) -> Vec<u8> {
        match &mut self.0 {
            Speaker::Http(http) => http.output(),
            Speaker::Socks5(socks) => socks.output(),
        }
    }

    /// How many bytes may be read at most; 0 once done, and after an error.
    #[must_use]
    pub fn wants(&self) -> usize {
        match &self.0 {
            Speaker::Http(http) => http.wants(),
            Speaker::Socks5(socks) => socks.wants(),
        }
    }

    /// Whether the tunnel is open.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match &self.0 {
            Speaker::Http(http) => http.is_done(),
            Speaker::Socks5(socks) => socks.is_done(),
        }
    }

    /// Takes what was read; nothing at all means that the proxy has closed.
    ///
    /// # Errors
    ///
    /// No tunnel will come of it; close the connection. Bytes beyond the handshake are an error:
    /// nobody may speak in the tunnel before we do.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), ProxyError> {
        match &mut self.0 {
            _ if bytes.is_empty() => Err(ProxyError::Closed),
            Speaker::Http(http) => http.receive(bytes),
            Speaker::Socks5(socks) => socks.receive(bytes),
        }
    }
}
