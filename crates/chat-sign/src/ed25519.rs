//! Signing with an Ed25519 key (RFC 8032).

use core::fmt;

use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signer, SigningKey};

use crate::asymmetric::{MAX_PEM_LEN, PrivateKeyError, for_query};
use crate::{Secret, Sign};

/// Signs requests with an Ed25519 key.
///
/// Binance recommends such keys; that its C2C endpoints take them follows from the gateway in front
/// of them and has not been shown. (published documentation) `Debug` shows nothing of the key; its
/// memory is wiped on drop.
///
/// ```
/// use chat_sign::{Ed25519Signer, Query, Secret, Sign};
///
/// // `openssl genpkey -algorithm ed25519` writes this form. This key is the first of RFC 8032.
/// let pem = Secret::new(
///     "-----BEGIN PRIVATE KEY-----\n\
///      MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
///      -----END PRIVATE KEY-----\n",
/// );
/// let signer = Ed25519Signer::from_pem(&pem)?;
/// let signed = signer.sign_query(Query::new().with("page", 1), 1_700_000_000_000, 5_000);
/// assert!(signed.as_str().contains("&timestamp=1700000000000&signature="));
/// # Ok::<(), chat_sign::PrivateKeyError>(())
/// ```
#[derive(Clone)]
pub struct Ed25519Signer {
    key: SigningKey,
}

impl Ed25519Signer {
    /// Reads a key in PEM: PKCS#8, unencrypted.
    ///
    /// # Errors
    ///
    /// The text is no such PEM, or holds a key of another algorithm.
    pub fn from_pem(pem: &Secret) -> Result<Self, PrivateKeyError> {
        let pem = pem.expose().trim();
        if pem.len() > MAX_PEM_LEN || !pem.starts_with("-----BEGIN PRIVATE KEY-----") {
            return Err(PrivateKeyError::Pem);
        }
        let key = SigningKey::from_pkcs8_pem(pem).map_err(|_| PrivateKeyError::Key)?;
        Ok(Self { key })
    }

    /// Takes the 32 secret bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(seed) }
    }

    /// The public half, as it is registered with the service in its own form.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// The 64 bytes of a signature.
    #[must_use]
    pub fn sign_bytes(&self, payload: &[u8]) -> [u8; 64] {
        self.key.sign(payload).to_bytes()
    }
}

impl Sign for Ed25519Signer {
    fn signature(&self, payload: &[u8]) -> String {
        for_query(&self.sign_bytes(payload))
    }
}

impl fmt::Debug for Ed25519Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519Signer([REDACTED])")
    }
}
