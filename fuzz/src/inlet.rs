//! What a server sends over a WebSocket, past it and through it.

use runtime_core::WsConfig;
use runtime_core::inlet::told::{HEAD, With, told};

use crate::make::Source;

/// The largest message, in bytes.
const LARGEST: usize = 3000;

/// The most bytes of an input: each may come by itself.
const MOST: usize = 16 * 1024;

/// The same messages and the same end with an inlet and without, however the bytes come.
///
/// # Panics
///
/// A law is broken.
pub fn inlet(data: &[u8]) {
    let mut source = Source::new(data);
    let size = usize::from(source.byte()) + 1;
    let early = usize::from(source.byte() % 8);
    let frames = source.rest();
    let bytes = [HEAD, &frames[..frames.len().min(MOST)]].concat();
    // Some bytes may come with the answer to the upgrade, the rest in pieces.
    let pieces = std::iter::repeat_n(size, bytes.len() / size);
    let cuts: Vec<_> = std::iter::once(HEAD.len() + early).chain(pieces).collect();
    let config = WsConfig { read_buffer_bytes: 512, ..WsConfig::client() };
    let config = WsConfig { max_message_bytes: LARGEST, ..config };
    let through = told(&bytes, &cuts, &config, With::Nothing);
    for with in [With::Inlet, With::Unasked] {
        assert_eq!(told(&bytes, &cuts, &config, with), through, "{with:?}");
    }
}
