//! Signing a request.

use std::hint::black_box;

use chat_sign::{DEFAULT_RECV_WINDOW_MS, HmacSigner, Query, Secret, Sign};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Built, Case};
use crate::contender::Contender;

const KEY: &str = "demo-merchant-secret-demo-merchant-secret-demo-merchant-secret-0";
const ORDER: &str = "22000000000000000001";
const TIME: u64 = 1_700_000_000_000;

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("sign", "history request", history_request)]
}

/// The query that asks for a page of history.
fn history_request() -> Built {
    let signer = HmacSigner::new(&Secret::new(KEY));
    let bytes = ours(&signer).len();
    let contenders = vec![
        Contender::new("ours", move || ours(&signer)),
        Contender::new("key anew and format!", by_hand),
    ];
    Built { bytes, contenders }
}

fn ours(signer: &HmacSigner) -> String {
    let query = Query::new().with("orderNo", black_box(ORDER)).with("page", 1).with("rows", 50);
    signer.sign_query(query, black_box(TIME), DEFAULT_RECV_WINDOW_MS).into_string()
}

/// As one would write it without a library of ours; nothing needs escaping here.
fn by_hand() -> String {
    let (order, time) = (black_box(ORDER), black_box(TIME));
    let query = format!(
        "orderNo={order}&page=1&rows=50&recvWindow={DEFAULT_RECV_WINDOW_MS}&timestamp={time}"
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(black_box(KEY).as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(query.as_bytes());
    let mut hex = String::with_capacity(64);
    for byte in mac.finalize().into_bytes() {
        for nibble in [byte >> 4, byte & 15] {
            hex.extend(char::from_digit(nibble.into(), 16));
        }
    }
    format!("{query}&signature={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sign_the_same() {
        assert_eq!(ours(&HmacSigner::new(&Secret::new(KEY))), by_hand());
    }
}
