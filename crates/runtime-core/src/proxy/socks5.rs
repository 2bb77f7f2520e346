//! SOCKS 5 (RFC 1928) with user and password (RFC 1929). Names go to the proxy as they are.

use std::net::IpAddr;
use std::{fmt, mem};

use super::Credentials;
use super::handshake::ProxyError;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;

pub(super) struct Socks5 {
    out: Vec<u8>,
    /// Sent when the proxy asks for it.
    login: Option<Vec<u8>>,
    request: Vec<u8>,
    /// The part that is being read. No part is longer than 4 + 1 + 255 + 2 bytes.
    part: Vec<u8>,
    state: State,
}

/// Which part is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Method,
    Login,
    Reply,
    Done,
    Failed,
}

impl Socks5 {
    pub(super) fn new(
        host: &str,
        port: u16,
        credentials: Option<&Credentials>,
    ) -> Result<Self, ProxyError> {
        let mut request = vec![VERSION, 1, 0];
        match host.parse() {
            Ok(IpAddr::V4(address)) => {
                request.push(1);
                request.extend(address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                request.push(4);
                request.extend(address.octets());
            }
            Err(_) => {
                if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(ProxyError::Host);
                }
                request.extend([3, u8::try_from(host.len()).map_err(|_| ProxyError::Host)?]);
                request.extend(host.as_bytes());
            }
        }
        request.extend(port.to_be_bytes());
        let login = credentials.map(|Credentials { user, password }| {
            let field = |text: &str| {
                let length = u8::try_from(text.len()).expect("checked with the configuration");
                [&[length], text.as_bytes()].concat()
            };
            [vec![1], field(user), field(password)].concat()
        });
        let out = match login {
            Some(_) => vec![VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
            None => vec![VERSION, 1, NO_AUTHENTICATION],
        };
        Ok(Self { out, login, request, part: Vec::new(), state: State::Method })
    }

    pub(super) fn output(&mut self) -> Vec<u8> {
        mem::take(&mut self.out)
    }

    /// Exactly what the part needs: what follows it is not ours.
    pub(super) fn wants(&self) -> usize {
        let whole = match self.state {
            State::Method | State::Login => 2,
            State::Reply => match self.part[..] {
                [_, _, _, 1, ..] => 4 + 4 + 2,
                [_, _, _, 4, ..] => 4 + 16 + 2,
                [_, _, _, 3, length, ..] => 4 + 1 + usize::from(length) + 2,
                // Up to the first byte that differs between them.
                _ => 5,
            },
            State::Done | State::Failed => return 0,
        };
        whole - self.part.len()
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(), ProxyError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(self.wants()));
            if now.is_empty() {
                self.state = State::Failed;
                return Err(ProxyError::Protocol { what: "more bytes than were asked for" });
            }
            self.part.extend_from_slice(now);
            rest = later;
            if let Err(error) = self.look() {
                self.state = State::Failed;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Looks at the part as far as it has come.
    fn look(&mut self) -> Result<(), ProxyError> {
        match (self.state, &self.part[..]) {
            (State::Method | State::Reply, [version, ..]) if *version != VERSION => {
                Err(ProxyError::Protocol { what: "no SOCKS 5" })
            }
            (State::Login, [version, ..]) if *version != 1 => {
                Err(ProxyError::Protocol { what: "no answer to user and password" })
            }
            (State::Method, [_, NO_AUTHENTICATION]) => {
                self.say_request();
                Ok(())
            }
            (State::Method, [_, USER_AND_PASSWORD]) => match self.login.take() {
                Some(login) => {
                    self.out.extend(login);
                    self.next(State::Login);
                    Ok(())
                }
                None => Err(ProxyError::Protocol { what: "a method that was not offered" }),
            },
            (State::Method, [_, 0xff]) => Err(ProxyError::Credentials),
            (State::Method, [_, _]) => {
                Err(ProxyError::Protocol { what: "a method that was not offered" })
            }
            (State::Login, [_, 0]) => {
                self.say_request();
                Ok(())
            }
            (State::Login, [_, _]) => Err(ProxyError::Credentials),
            (State::Reply, [_, reply, ..]) if *reply != 0 => {
                Err(ProxyError::Refused { why: why(*reply) })
            }
            (State::Reply, [_, _, _, kind, ..]) if !matches!(kind, 1 | 3 | 4) => {
                Err(ProxyError::Protocol { what: "an address of no known kind" })
            }
            (State::Reply, _) => {
                if self.wants() == 0 {
                    self.next(State::Done);
                }
                Ok(())
            }
            (State::Method | State::Login | State::Done | State::Failed, _) => Ok(()),
        }
    }

    fn say_request(&mut self) {
        let request = mem::take(&mut self.request);
        self.out.extend(request);
        self.login = None;
        self.next(State::Reply);
    }

    fn next(&mut self, state: State) {
        self.part = Vec::new();
        self.state = state;
    }
}

impl fmt::Debug for Socks5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What goes out may hold a password.
        write!(f, "Socks5({:?}, {} bytes in)", self.state, self.part.len())
    }
}

/// RFC 1928, section 6.
const fn why(reply: u8) -> &'static str {
    match reply {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "for a reason of its own",
    }
}
