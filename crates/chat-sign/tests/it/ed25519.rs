//! Ed25519: the vectors of RFC 8032, section 7.1, and a request.

use chat_sign::{Ed25519Signer, PrivateKeyError, Query, Secret, Sign};

/// Secret key, public key, message, signature.
const VECTORS: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

/// The first key of the RFC, as `openssl` writes it.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";

/// A published example request.
const REQUEST: &str = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1\
    &recvWindow=5000&timestamp=1499827319559";

/// The same as a query without the two parameters that signing appends.
fn request() -> Query {
    let pairs = REQUEST.split('&').filter_map(|pair| pair.split_once('='));
    let own = pairs.filter(|(name, _)| !matches!(*name, "recvWindow" | "timestamp"));
    own.fold(Query::new(), |query, (name, value)| query.with(name, value))
}

fn bytes(hex: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
    (0..hex.len()).step_by(2).map(pair).collect()
}

#[test]
fn the_vectors_of_the_rfc() {
    for [secret, public, message, signature] in VECTORS {
        let signer = Ed25519Signer::from_seed(&bytes(secret).try_into().unwrap());
        assert_eq!(signer.public_key().to_vec(), bytes(public));
        assert_eq!(signer.sign_bytes(&bytes(message)).to_vec(), bytes(signature));
    }
}

#[test]
fn a_request_is_signed_as_another_library_does() {
    let signer = Ed25519Signer::from_pem(&Secret::new(PEM)).unwrap();
    // Python's `cryptography` with the same key, base64, percent-encoded.
    let expected = "3fhuDZ9nYMviDQ5OEtJBJS11jUZDTRzRQ%2BTQMarm%2BLErFiJvUiVPQjTzDoWZQe4miPX%2ByHk1v%2FZ7TWLYjIbmCA%3D%3D";
    let signed = signer.sign_query(request(), 1_499_827_319_559, 5_000);
    assert_eq!(signed.as_str(), format!("{REQUEST}&signature={expected}"));
    assert!(!format!("{signed:?}").contains(expected));
    assert_eq!(format!("{signer:?}"), "Ed25519Signer([REDACTED])");
}

#[test]
fn other_keys_are_refused_without_a_word_of_them() {
    let rsa = include_str!("keys/rfc7515-pkcs8.pem");
    let error = |pem: &str| Ed25519Signer::from_pem(&Secret::new(pem)).unwrap_err();
    assert_eq!(error(rsa), PrivateKeyError::Key);
    assert_eq!(error(&PEM[..80]), PrivateKeyError::Key);
    let long = "-----BEGIN PRIVATE KEY-----".repeat(1000);
    for pem in ["", "MC4CAQAwBQYDK2Vw", "-----BEGIN ENCRYPTED PRIVATE KEY-----", long.as_str()] {
        assert_eq!(error(pem), PrivateKeyError::Pem);
    }
    // Up to 16 KiB it is read, and then found to be no key.
    let begin = "-----BEGIN PRIVATE KEY-----\n";
    let longest = format!("{begin}{}", "A".repeat(16 * 1024 - begin.len()));
    assert_eq!(error(&longest), PrivateKeyError::Key);
    assert_eq!(error(&format!("{longest}A")), PrivateKeyError::Pem);
}
