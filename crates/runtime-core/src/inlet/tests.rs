use std::collections::VecDeque;

use proptest::prelude::*;

use super::told::{HEAD, With, told};
use super::*;

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

#[test]
fn a_failure_is_told_behind_the_bytes() {
    let mut inlet = Inlet::new(&WsConfig::client());
    inlet.stage = Stage::Frames { pass: 0, parts: false };
    let mut steps = VecDeque::from([Ok(&b"\x81\x05cut"[..]), Err(io::ErrorKind::TimedOut)]);
    let mut fill = |out: &mut [u8]| {
        let step = steps.pop_front().expect("a stream that has failed is not asked again");
        Poll::Ready(step.map_err(io::Error::from).map(|bytes| {
            out[..bytes.len()].copy_from_slice(bytes);
            bytes.len()
        }))
    };
    assert!(matches!(inlet.poll_text(&mut fill), Poll::Ready(Arrival::Other { fresh: true })));
    let mut out = [0; 16];
    assert!(matches!(inlet.poll_read(&mut fill, &mut out), Poll::Ready(Ok(5))));
    let Poll::Ready(Err(error)) = inlet.poll_read(&mut fill, &mut out) else { panic!() };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
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
