use std::collections::VecDeque;

use proptest::prelude::*;
use tungstenite::protocol::Role;
use tungstenite::{Error, Message, WebSocket};

use super::*;

const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

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
enum With {
    Nothing,
    Inlet,
    /// An inlet that nobody asks for texts.
    Unasked,
}

/// What a reader is told until the first error.
fn told(bytes: &[u8], cuts: &[usize], config: &WsConfig, with: With) -> Vec<String> {
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

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(len as u8),
        len @ 126..=0xffff => {
            frame.push(126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

fn same(frames: &[Vec<u8>], cuts: &[usize]) -> Vec<String> {
    let bytes = [HEAD.to_vec(), frames.concat()].concat();
    let config =
        WsConfig { read_buffer_bytes: 512, ..WsConfig::client() }.with_max_message_bytes(3000);
    let config = WsConfig { max_message_bytes: 3000, ..config };
    let past = told(&bytes, cuts, &config, With::Inlet);
    assert_eq!(past, told(&bytes, cuts, &config, With::Nothing), "{frames:?} {cuts:?}");
    assert_eq!(past, told(&bytes, cuts, &config, With::Unasked), "{frames:?} {cuts:?}");
    past
}

#[test]
fn texts_go_past_and_the_rest_goes_through() {
    let frames = [
        frame(0x81, b"one"),
        frame(0x89, b"ping"),
        frame(0x81, &[b'x'; 300]),
        frame(0x01, b"in "),
        frame(0x89, b""),
        frame(0x80, b"parts"),
        frame(0x82, b"\0\xff"),
        frame(0x81, b""),
        frame(0x88, b"\x03\xe8bye"),
    ];
    let told = same(&frames, &[]);
    assert_eq!(told.len(), 9, "{told:?}");
    assert!(told[3].contains("Ping") && told[4].contains("in parts"), "{told:?}");
    assert_eq!(same(&frames, &[HEAD.len() + 2, 1, 1, 1, 5, 200]), told);
}

#[test]
fn what_is_wrong_is_refused_as_ever() {
    for wrong in [
        frame(0x81, b"\xff"),
        frame(0x81, &[b'x'; 3001]),
        frame(0xc1, b"an extension"),
        frame(0x83, b"a reserved kind"),
        frame(0x09, b"a ping in parts"),
        frame(0x80, b"continues nothing"),
        [vec![0x81, 0x83], vec![1, 2, 3, 4], b"abc".to_vec()].concat(),
        [frame(0x01, b"in"), frame(0x81, b"between")].concat(),
        [frame(0x88, b"\x03\xe8"), frame(0x81, b"too late")].concat(),
        vec![0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255],
        vec![0x81, 5, b'c', b'u', b't'],
        vec![0x81],
    ] {
        let told = same(&[frame(0x81, b"before"), wrong], &[]);
        assert!(told[0].contains("before") && told.len() >= 2, "{told:?}");
    }
}

#[test]
fn a_head_ends_with_an_empty_line() {
    let of = |bytes: &[u8]| head(bytes, &mut false);
    assert_eq!(of(b"HTTP/1.1 101\r\nA: b\r\n\r\n\x81\x00"), (22, true));
    assert_eq!(of(b"HTTP/1.1 101\nA: b\n\nrest"), (19, true));
    assert_eq!(of(b"HTTP/1.1 101\r\nA: b\r\n"), (20, false));
    let mut empty = false;
    assert_eq!(head(b"A: b\r\n\r", &mut empty), (7, false));
    assert_eq!(head(b"\n\x81", &mut empty), (1, true));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// With an inlet and without: the same messages and the same end, however the bytes come.
    #[test]
    fn nobody_can_tell_the_difference(
        frames in proptest::collection::vec(
            (
                prop_oneof![6 => Just(0x81u8), 2 => Just(0x01), 2 => Just(0x80), 1 => Just(0x82), 1 => Just(0x89), 1 => any::<u8>()],
                prop_oneof![
                    4 => proptest::collection::vec(b' '..b'~', 0..200),
                    1 => proptest::collection::vec(any::<u8>(), 0..20),
                    1 => proptest::collection::vec(b' '..b'~', 0..3300),
                ],
            ),
            0..12,
        ),
        cuts in proptest::collection::vec(0..400usize, 0..30),
        lost in 0..4usize,
    ) {
        let mut frames: Vec<_> = frames.iter().map(|(first, payload)| frame(*first, payload)).collect();
        if let Some(last) = frames.last_mut() {
            last.truncate(last.len().saturating_sub(lost));
        }
        same(&frames, &cuts);
    }
}
