use proptest::prelude::*;
use tungstenite::protocol::Role;
use tungstenite::{Error, Message, WebSocket};

use super::*;

const CORK: usize = 300;

fn config() -> WsConfig {
    WsConfig { cork_bytes: CORK, ..WsConfig::client() }
}

/// A stream that takes so many bytes, and then waits.
#[derive(Debug, Default)]
struct Slow {
    room: usize,
    taken: Vec<u8>,
}

impl Slow {
    fn write(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = bytes.len().min(self.room);
        if count == 0 {
            return Poll::Pending;
        }
        self.room -= count;
        self.taken.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }
}

/// As an adapter's stream does it.
#[derive(Debug)]
struct Wire {
    stream: Slow,
    outlet: Outlet,
}

fn blocking<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Wire {
    fn room(&mut self) -> io::Result<()> {
        blocking(self.outlet.poll_room(|bytes| self.stream.write(bytes)))
    }
}

impl io::Read for Wire {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl io::Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        blocking(self.outlet.poll_write(|bytes| self.stream.write(bytes), bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        blocking(self.outlet.poll_drain(|bytes| self.stream.write(bytes)))
    }
}

/// What a peer reads.
fn told(bytes: Vec<u8>) -> Vec<Message> {
    let config = WsConfig::client().to_tungstenite();
    let mut peer = WebSocket::from_partially_read(
        Wire { stream: Slow::default(), outlet: Outlet::new(&self::config()) },
        bytes,
        Role::Server,
        Some(config),
    );
    let mut told = Vec::new();
    loop {
        match peer.read() {
            Ok(message) => told.push(message),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return told,
            Err(error) => panic!("{error} after {told:?}"),
        }
    }
}

fn drained(outlet: &mut Outlet) -> Vec<u8> {
    let mut all = Slow { room: usize::MAX, ..Slow::default() };
    assert!(outlet.poll_drain(|bytes| all.write(bytes)).is_ready());
    all.taken
}

#[test]
fn texts_of_every_length_of_header_are_what_they_were() {
    let mut outlet = Outlet::new(&config());
    let lengths = [0, 1, 7, 8, 9, 125, 126, 0xffff, LONGEST];
    let texts: Vec<_> = lengths.map(|len| "aé→𝄞".chars().cycle().take(len / 3).collect()).into();
    let texts: Vec<String> = texts;
    assert!(texts.iter().all(|text| outlet.put_text(text)));
    let expected: Vec<_> = texts.into_iter().map(Message::text).collect();
    assert!(told(drained(&mut outlet)) == expected);
    for len in lengths {
        assert!(outlet.put_text(&"x".repeat(len)));
        assert_eq!(told(drained(&mut outlet)), [Message::text("x".repeat(len))]);
    }
}

#[test]
fn a_text_that_is_too_long_is_left_to_the_websocket() {
    let mut outlet = Outlet::new(&config());
    assert!(!outlet.put_text(&"x".repeat(LONGEST + 1)));
    assert_eq!(drained(&mut outlet), b"");
    let mut outlet = Outlet::new(&WsConfig { max_write_bytes: 100, ..config() });
    assert!(!outlet.put_text(&"x".repeat(101)) && outlet.put_text(&"x".repeat(100)));
}

#[test]
fn the_sample_of_the_rfc_is_framed_as_there() {
    let mut outlet = Outlet::new(&config());
    outlet.frame(b"Hello", [0x37, 0xfa, 0x21, 0x3d]);
    // RFC 6455, section 5.7.
    let sample = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(drained(&mut outlet), sample);
}

#[test]
fn each_text_has_a_mask_of_its_own() {
    let mut outlet = Outlet::new(&config());
    let masks: std::collections::BTreeSet<_> = (0..100)
        .map(|_| {
            assert!(outlet.put_text("the same"));
            drained(&mut outlet)[2..6].to_vec()
        })
        .collect();
    assert!(masks.len() > 90);
}

#[test]
fn there_is_room_until_the_cork_is_reached_and_again_when_the_stream_takes_more() {
    let mut outlet = Outlet::new(&config());
    let mut stream = Slow::default();
    let mut texts = 0;
    while outlet.poll_room(|bytes| stream.write(bytes)).is_ready() {
        assert!(outlet.put_text("0123456789"));
        texts += 1;
    }
    assert_eq!(texts, CORK.div_ceil(16));
    stream.room = 16;
    assert!(outlet.poll_room(|bytes| stream.write(bytes)).is_ready());
    assert_eq!((stream.taken.len(), stream.room), (16, 0), "as much as the stream takes");
    assert!(outlet.poll_drain(|bytes| stream.write(bytes)).is_pending());
}

#[test]
fn a_stream_that_fails_or_takes_nothing_is_an_error() {
    let mut outlet = Outlet::new(&config());
    assert!(outlet.put_text("text"));
    let failed = outlet.poll_drain(|_| Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())));
    let Poll::Ready(Err(error)) = failed else { panic!("{failed:?}") };
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    let failed = outlet.poll_drain(|_| Poll::Ready(Ok(0)));
    let Poll::Ready(Err(error)) = failed else { panic!("{failed:?}") };
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);
}

#[test]
fn what_was_large_is_not_kept() {
    let mut outlet = Outlet::new(&config());
    let large = outlet.poll_write(|_| Poll::Pending, &vec![0; 10 * LONGEST]);
    assert!(matches!(large, Poll::Ready(Ok(len)) if len == 10 * LONGEST));
    drained(&mut outlet);
    assert!(outlet.buffer.capacity() < 2 * LONGEST, "{}", outlet.buffer.capacity());
}

#[test]
fn a_stream_that_is_always_behind_costs_no_memory() {
    let mut outlet = Outlet::new(&config());
    let mut stream = Slow::default();
    for _ in 0..10_000 {
        while outlet.poll_room(|bytes| stream.write(bytes)).is_ready() {
            assert!(outlet.put_text("0123456789"));
        }
        stream.room = 100;
        assert!(outlet.poll_drain(|bytes| stream.write(bytes)).is_pending());
        assert!(outlet.buffer.len() < 3 * CORK, "{}", outlet.buffer.len());
    }
    stream.room = usize::MAX;
    assert!(outlet.poll_drain(|bytes| stream.write(bytes)).is_ready());
    assert!(told(stream.taken).iter().all(|it| *it == Message::text("0123456789")));
}

#[derive(Clone, Debug)]
enum Step {
    Text(String),
    /// Through the WebSocket.
    Message(Message),
    /// The peer takes so many more bytes.
    Takes(usize),
    Flush,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let text = prop_oneof!["[a-zé→]{0,20}", "[a-z]{100,200}"];
    let step = prop_oneof![
        4 => text.prop_map(Step::Text),
        1 => proptest::collection::vec(any::<u8>(), 0..20)
            .prop_map(|bytes| Step::Message(Message::Ping(bytes.into()))),
        1 => proptest::collection::vec(any::<u8>(), 0..400)
            .prop_map(|bytes| Step::Message(Message::Binary(bytes.into()))),
        3 => (0..300_usize).prop_map(Step::Takes),
        2 => Just(Step::Flush),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is sent either way arrives once, whole and in order, however slowly it is taken; and
    /// no more waits than the cork and one message allow.
    #[test]
    fn frames_of_both_ways_are_never_torn(steps in steps()) {
        let wire = Wire { stream: Slow::default(), outlet: Outlet::new(&config()) };
        let behind = Some(config().to_tungstenite());
        let mut socket = WebSocket::from_raw_socket(wire, Role::Client, behind);
        let (mut expected, mut queued) = (Vec::new(), false);
        for step in steps {
            match step {
                Step::Text(text) => {
                    if !queued && socket.get_mut().room().is_ok() {
                        prop_assert!(socket.get_mut().outlet.put_text(&text));
                        expected.push(Message::text(text));
                    }
                }
                Step::Message(message) => {
                    queued = true;
                    match socket.write(message.clone()) {
                        Ok(()) => expected.push(message),
                        // It is in the WebSocket's buffer.
                        Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                            expected.push(message);
                        }
                        Err(error) => prop_assert!(false, "{error}"),
                    }
                }
                Step::Takes(bytes) => socket.get_mut().stream.room = bytes,
                Step::Flush => queued &= socket.flush().is_err(),
            }
            let outlet = &socket.get_ref().outlet;
            prop_assert!(outlet.buffer.len() < 2 * CORK + 20_000);
        }
        socket.get_mut().stream.room = usize::MAX;
        socket.flush().unwrap();
        let bytes = std::mem::take(&mut socket.get_mut().stream.taken);
        prop_assert_eq!(told(bytes), expected);
    }
}
