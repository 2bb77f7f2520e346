//! Credentials of two chat services: the order chat of Binance C2C and the IM of PortSIP PBX.
//!
//! Both sides of each are here, the client's and the service's:
//!
//! | for | client | service |
//! |---|---|---|
//! | signed C2C requests | [`Query`], [`HmacSigner`], [`Sign`] | [`verify_query`] |
//! | the same with a key pair | `Ed25519Signer`, `RsaSigner`: features `ed25519`, `rsa` | |
//! | `secret` of an IM `login` | [`LoginSecret::encode`], [`BasicSecret::encode`] | [`LoginSecret::decode`], [`BasicSecret::decode`] |
//! | file calls | [`FileToken`] | [`AuthHeader`] |
//! | the token of a login reply | opaque | [`TokenKey`] |
//!
//! The crate does no I/O and has neither clock nor randomness: times and keys are arguments.
//! Everything that holds a credential prints `[REDACTED]` for it in `Debug`, and no error quotes
//! one; text from the peer is bounded and never makes it panic.
//!
//! # Example
//!
//! A client signs, a service verifies the bytes as they arrived:
//!
//! ```
//! use chat_sign::{DEFAULT_RECV_WINDOW_MS, HmacSigner, Query, Secret, Sign, verify_query};
//!
//! // Client: the time is the service's, in milliseconds.
//! let key = HmacSigner::new(&Secret::new("demo-merchant-secret"));
//! let query = Query::new()
//!     .with("orderNo", "20476365073825144832")
//!     .with("page", 1)
//!     .with("rows", 50);
//! let signed = key.sign_query(query, 1_700_000_000_000, DEFAULT_RECV_WINDOW_MS);
//! let path = format!(
//!     "/sapi/v1/c2c/chat/retrieveChatMessagesWithPagination?{}",
//!     signed.as_str()
//! );
//!
//! // Service: what follows the `?`, undecoded.
//! let (_, received) = path.split_once('?').expect("there is a query");
//! let verified = verify_query(received.as_bytes(), &key, 1_700_000_000_120)?;
//! assert_eq!(verified.get("orderNo"), Some("20476365073825144832"));
//! # Ok::<(), chat_sign::VerifyError>(())
//! ```

#[cfg(any(feature = "ed25519", feature = "rsa"))]
mod asymmetric;
#[cfg(feature = "ed25519")]
mod ed25519;
mod encoding;
mod file_auth;
mod login;
mod query;
mod redact;
#[cfg(feature = "rsa")]
mod rsa;
mod secret;
mod signer;
mod token;
mod verify;

#[cfg(feature = "rsa")]
pub use self::rsa::RsaSigner;
#[cfg(any(feature = "ed25519", feature = "rsa"))]
pub use asymmetric::PrivateKeyError;
#[cfg(feature = "ed25519")]
pub use ed25519::Ed25519Signer;
pub use file_auth::{AuthHeader, AuthHeaderError, FileToken, MAX_AUTH_HEADER_LEN};
pub use login::{BasicSecret, LoginSecret, LoginSecretError, MAX_LOGIN_SECRET_LEN};
pub use query::{Query, SignedQuery};
pub use redact::RedactedQuery;
pub use secret::Secret;
pub use signer::{DEFAULT_RECV_WINDOW_MS, HmacSigner, MAX_RECV_WINDOW_MS, Sign};
pub use token::{MIN_TOKEN_KEY_LEN, TokenClaims, TokenError, TokenKey};
pub use verify::{MAX_QUERY_LEN, MAX_QUERY_PARAMS, VerifiedQuery, VerifyError, verify_query};

/// A fixed seed and nothing written: a failing property fails the same way on every machine.
#[cfg(test)]
fn same_cases_each_run() -> proptest::test_runner::Config {
    let rng_seed = proptest::test_runner::RngSeed::Fixed(0x5165);
    proptest::test_runner::Config { rng_seed, failure_persistence: None, ..Default::default() }
}
