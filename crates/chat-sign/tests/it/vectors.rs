//! Published values.

use chat_sign::{HmacSigner, Query, Secret, Sign};

/// The service's documentation prints this key for illustration.
const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";

fn signer() -> HmacSigner {
    HmacSigner::new(&Secret::new(SECRET))
}

#[test]
fn published_query_vectors() {
    for (payload, expected) in [
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1\
             &recvWindow=5000&timestamp=1499827319559",
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY&type=LIMIT\
             &timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
        (
            "timestamp=1700000000000",
            "11ce6b18ed8a095f39e30a856dfee442c52b2a29d2b28dd45ef0efd52e7b383a",
        ),
        (
            "timestamp=1700000000000&recvWindow=5000",
            "1e007ef2535aaa12a2584e410f756c0f06b159ddad46fe71baa45f1ec8c7f9ec",
        ),
        (
            "orderNo=22000000000000000001&page=1&rows=50&recvWindow=5000&timestamp=1700000000000",
            "032727133bbd2b4254ec0ba7140aecdb06b30a44ceb97d0bb4c762cbf25ce751",
        ),
    ] {
        assert_eq!(signer().sign_hex(payload.as_bytes()), expected, "{payload}");
        let object: &dyn Sign = &signer();
        assert_eq!(object.signature(payload.as_bytes()), expected, "{payload}");
        let upper = expected.to_ascii_uppercase();
        assert!(signer().verify_hex(payload.as_bytes(), upper.as_bytes()));
    }
}

#[test]
fn whole_query_of_an_order() {
    let query = Query::new()
        .with("symbol", "LTCBTC")
        .with("side", "BUY")
        .with("type", "LIMIT")
        .with("timeInForce", "GTC")
        .with("quantity", 1)
        .with("price", "0.1");
    assert_eq!(
        signer().sign_query(query, 1_499_827_319_559, 5_000).as_str(),
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000\
         &timestamp=1499827319559\
         &signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    );
}

#[test]
fn whole_query_with_full_width_digits() {
    let query = Query::new()
        .with("symbol", "１２３４５６")
        .with("side", "BUY")
        .with("type", "LIMIT")
        .with("timeInForce", "GTC")
        .with("quantity", 1)
        .with("price", "0.1");
    assert_eq!(
        signer().sign_query(query, 1_499_827_319_559, 5_000).into_string(),
        "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY&type=LIMIT\
         &timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559\
         &signature=e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"
    );
}

#[test]
fn whole_query_of_a_history_page() {
    let query =
        Query::new().with("orderNo", "22000000000000000001").with("page", 1).with("rows", 50);
    assert_eq!(
        signer().sign_query(query, 1_700_000_000_000, 5_000).as_str(),
        "orderNo=22000000000000000001&page=1&rows=50&recvWindow=5000&timestamp=1700000000000\
         &signature=032727133bbd2b4254ec0ba7140aecdb06b30a44ceb97d0bb4c762cbf25ce751"
    );
}

/// RFC 4231, test cases 1 to 4, 6 and 7; case 5 is about a truncated MAC.
#[test]
fn rfc_4231() {
    let ascending: Vec<u8> = (1..=25).collect();
    let cases: [(&[u8], &[u8], &str); 6] = [
        (
            &[0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            &[0xaa; 20],
            &[0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            &ascending,
            &[0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            &[0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size \
              data. The key needs to be hashed before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ];
    for (key, data, expected) in cases {
        let signer = HmacSigner::from_bytes(key);
        assert_eq!(signer.sign_hex(data), expected);
        // The keyed instance is not used up.
        assert_eq!(signer.sign_hex(data), expected);
    }
}

#[test]
fn verify_hex_refuses_what_is_not_the_mac() {
    let mac = signer().sign_hex(b"payload");
    assert!(signer().verify_hex(b"payload", mac.as_bytes()));
    for wrong in ["", "00", &mac[..62], &mac[..63], &format!("{mac}00"), &"g".repeat(64)] {
        assert!(!signer().verify_hex(b"payload", wrong.as_bytes()), "{wrong}");
    }
    assert!(!signer().verify_hex(b"payloae", mac.as_bytes()));
}
