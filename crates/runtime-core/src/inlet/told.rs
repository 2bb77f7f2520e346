//! What a reader is told, with an inlet and without: nobody may be able to tell the difference.
//!
//! For tests: it panics where the stream itself misbehaves.

use std::collections::VecDeque;
use std::io;
use std::task::Poll;

use tungstenite::protocol::Role;
use tungstenite::{Error, Message, WebSocket};

use super::{Arrival, Inlet};
use crate::options::WsConfig;

/// The answer to an upgrade, as far as it is needed.
pub const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

/// A stream that gives the bytes in pieces, with a pause between them.
struct Wire {
    pieces: VecDeque<Vec<u8>>,
    paused: bool,
    inlet: Option<Inlet>,
}

impl Wire {
    fn fill(
        pieces: &mut VecDeque<Vec<u8>>,
        paused: &mut bool,
        out: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        *paused = !*paused;
        if *paused {
            return Poll::Pending;
        }
        let Some(piece) = pieces.front_mut() else { return Poll::Ready(Ok(0)) };
        let count = piece.len().min(out.len());
        out[..count].copy_from_slice(&piece[..count]);
        piece.drain(..count);
        if piece.is_empty() {
            pieces.pop_front();
        }
        Poll::Ready(Ok(count))
    }

    fn text(&mut self) -> Poll<Arrival> {
        let Self { pieces, paused, inlet } = self;
        match inlet {
            Some(inlet) => inlet.poll_text(|out| Self::fill(pieces, paused, out)),
            None => Poll::Ready(Arrival::Other { fresh: false }),
        }
    }
}

impl io::Read for Wire {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Self { pieces, paused, inlet } = self;
        let read = match inlet {
            Some(inlet) => inlet.poll_read(|out| Self::fill(pieces, paused, out), out),
            None => Self::fill(pieces, paused, out),
        };
        match read {
            Poll::Ready(read) => read,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl io::Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What sits between the stream and the WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum With {
    /// Nothing.
    Nothing,
    /// An inlet, as a driver uses it.
    Inlet,
    /// An inlet that nobody asks for texts.
    Unasked,
}

/// What a reader is told until the first error.
pub fn told(bytes: &[u8], cuts: &[usize], config: &WsConfig, with: With) -> Vec<String> {
    let with_inlet = with != With::Nothing;
    let mut bytes = bytes.to_vec();
    let mut pieces = VecDeque::new();
    for cut in cuts {
        let rest = bytes.split_off((*cut).min(bytes.len()));
        pieces.push_back(std::mem::replace(&mut bytes, rest));
    }
    pieces.push_back(bytes);
    pieces.retain(|piece| !piece.is_empty());
    let mut wire = Wire { pieces, paused: false, inlet: with_inlet.then(|| Inlet::new(config)) };
    // The handshake: as much of the answer as it takes, and nothing behind.
    let mut head = Vec::new();
    while head.len() < HEAD.len() {
        let mut byte = vec![0; if with_inlet { 16 } else { 1 }];
        match io::Read::read(&mut wire, &mut byte) {
            Ok(count) => head.extend_from_slice(&byte[..count]),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }
    assert_eq!(head, HEAD);
    let config = if with_inlet { Inlet::behind(config) } else { config.clone() };
    let mut socket = WebSocket::from_raw_socket(wire, Role::Client, Some(config.to_tungstenite()));
    let mut told = Vec::new();
    let mut polls = 0;
    loop {
        polls += 1;
        assert!(polls < 100_000, "it hangs after {told:?}");
        let text = if with == With::Inlet {
            socket.get_mut().text()
        } else {
            Poll::Ready(Arrival::Other { fresh: false })
        };
        match text {
            Poll::Pending => continue,
            Poll::Ready(Arrival::Text(bytes)) => {
                match String::from_utf8(bytes.to_vec()) {
                    Ok(text) => told.push(format!("{:?}", Message::text(text))),
                    Err(_) => {
                        told.push("not UTF-8".into());
                        return told;
                    }
                }
                continue;
            }
            Poll::Ready(Arrival::Other { .. }) => {}
        }
        match socket.read() {
            Ok(message) => told.push(format!("{message:?}")),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(Error::Utf8(_)) => {
                told.push("not UTF-8".into());
                return told;
            }
            Err(error) => {
                told.push(error.to_string());
                return told;
            }
        }
    }
}
