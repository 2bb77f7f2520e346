//! `CONNECT` (RFC 9110, section 9.3.6).

use std::{fmt, mem};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::handshake::ProxyError;
use super::{Bracketed, Credentials};

/// The longest answer, in bytes.
const MAX_HEAD: usize = 16 * 1024;

pub(super) struct HttpConnect {
    out: Vec<u8>,
    /// What has come of the answer's head.
    head: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Done,
    Failed,
}

impl HttpConnect {
    pub(super) fn new(
        host: &str,
        port: u16,
        credentials: Option<&Credentials>,
    ) -> Result<Self, ProxyError> {
        let is_host = |byte: u8| byte.is_ascii_graphic() && !b"/?#@\\".contains(&byte);
        if host.is_empty() || host.len() > 255 || !host.bytes().all(is_host) {
            return Err(ProxyError::Host);
        }
        let host = Bracketed(host);
        let mut out = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
        if let Some(Credentials { user, password }) = credentials {
            let basic = STANDARD.encode(format!("{user}:{password}"));
            out.push_str(&format!("Proxy-Authorization: Basic {basic}\r\n"));
        }
        out.push_str("\r\n");
        Ok(Self { out: out.into_bytes(), head: Vec::new(), state: State::Waiting })
    }

    pub(super) fn output(&mut self) -> Vec<u8> {
        mem::take(&mut self.out)
    }

    pub(super) const fn wants(&self) -> usize {
        match self.state {
            State::Waiting => MAX_HEAD - self.head.len(),
            State::Done | State::Failed => 0,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(), ProxyError> {
        let result = self.take(bytes);
        if result.is_err() {
            self.state = State::Failed;
            self.head = Vec::new();
        }
        result
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), ProxyError> {
        if bytes.len() > self.wants() {
            return Err(ProxyError::Protocol { what: "more bytes than were asked for" });
        }
        self.head.extend_from_slice(bytes);
        loop {
            let Some(length) = head_length(&self.head) else {
                // Noise is told apart from a long head early.
                if !is_prefix(&self.head) {
                    return Err(ProxyError::Protocol { what: "no HTTP" });
                }
                return if self.head.len() < MAX_HEAD {
                    Ok(())
                } else {
                    Err(ProxyError::Protocol { what: "the answer is too long" })
                };
            };
            match status(&self.head).ok_or(ProxyError::Protocol { what: "no HTTP" })? {
                // An interim answer: the real one follows.
                100..=199 => {
                    self.head.drain(..length);
                }
                200..=299 if self.head.len() == length => {
                    self.state = State::Done;
                    self.head = Vec::new();
                    return Ok(());
                }
                200..=299 => {
                    return Err(ProxyError::Protocol { what: "it speaks in the tunnel" });
                }
                // 401 is a server's word, but no server speaks here: tinyproxy 1.11 says it to
                // whoever shows a wrong password. (seen in our tests)
                401 | 407 => return Err(ProxyError::Credentials),
                status => return Err(ProxyError::Status { status }),
            }
        }
    }
}

impl fmt::Debug for HttpConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What goes out may hold a password.
        write!(f, "HttpConnect({:?}, {} bytes in)", self.state, self.head.len())
    }
}

/// The length up to and including the empty line.
fn head_length(bytes: &[u8]) -> Option<usize> {
    let mut line = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' {
            if matches!(&bytes[line..at], b"" | b"\r") {
                return Some(at + 1);
            }
            line = at + 1;
        }
    }
    None
}

fn is_prefix(head: &[u8]) -> bool {
    const VERSION: &[u8] = b"HTTP/1.";
    let length = head.len().min(VERSION.len());
    head[..length] == VERSION[..length]
}

/// `HTTP/1.1 200 whatever`.
fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.")?;
    let [b'0' | b'1', b' ', digits @ ..] = rest else { return None };
    let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', end, ..] = digits else { return None };
    matches!(end, b' ' | b'\r' | b'\n').then(|| {
        let digit = |byte: &u8| u16::from(byte - b'0');
        digit(a) * 100 + digit(b) * 10 + digit(c)
    })
}
