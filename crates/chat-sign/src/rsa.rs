//! Signing with an RSA key: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017).

use core::convert::Infallible;
use core::fmt;

use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use sha2::Sha256;

use crate::asymmetric::{MAX_PEM_LEN, PrivateKeyError, for_query};
use crate::{HmacSigner, Secret, Sign};

/// Signs requests with an RSA key: RSASSA-PKCS1-v1_5 with SHA-256. (published documentation)
///
/// The same payload always gives the same signature. The computation is blinded, so that the time it
/// takes says nothing about the key; as this crate has no randomness, the blinding is derived from
/// the key and the payload, which an observer knows no better. `Debug` shows nothing of the key; its
/// memory is wiped on drop.
///
/// One signature with a key of 2048 bits takes milliseconds: HMAC and Ed25519 are far faster.
#[derive(Clone)]
pub struct RsaSigner {
    key: SigningKey<Sha256>,
    /// Makes the blinding.
    blinding: HmacSigner,
}

impl RsaSigner {
    /// Reads a key in PEM: PKCS#8 (`BEGIN PRIVATE KEY`) or PKCS#1 (`BEGIN RSA PRIVATE KEY`),
    /// unencrypted, from 1024 to 8192 bits.
    ///
    /// # Errors
    ///
    /// The text is no such PEM, holds a key of another algorithm or size, or its numbers do not fit
    /// together.
    pub fn from_pem(pem: &Secret) -> Result<Self, PrivateKeyError> {
        let pem = pem.expose().trim();
        if pem.len() > MAX_PEM_LEN {
            return Err(PrivateKeyError::Pem);
        }
        let key = if pem.starts_with("-----BEGIN RSA PRIVATE KEY-----") {
            RsaPrivateKey::from_pkcs1_pem(pem).map_err(|_| PrivateKeyError::Key)?
        } else if pem.starts_with("-----BEGIN PRIVATE KEY-----") {
            RsaPrivateKey::from_pkcs8_pem(pem).map_err(|_| PrivateKeyError::Key)?
        } else {
            return Err(PrivateKeyError::Pem);
        };
        key.validate().map_err(|_| PrivateKeyError::Key)?;
        let secret = key.to_pkcs8_der().map_err(|_| PrivateKeyError::Key)?;
        let blinding = HmacSigner::from_bytes(secret.as_bytes());
        let signer = Self { key: SigningKey::new(key), blinding };
        // So that signing cannot fail later.
        signer.try_sign(b"").map(|_| signer).ok_or(PrivateKeyError::Key)
    }

    /// The bytes of a signature: as many as the key has.
    #[must_use]
    pub fn sign_bytes(&self, payload: &[u8]) -> Vec<u8> {
        self.try_sign(payload).expect("the key has signed before, and no payload is too long")
    }

    fn try_sign(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let seed = self.blinding.sign(&[b"blinding", payload]);
        let mut source = Blinding { keyed: HmacSigner::from_bytes(&seed), count: 0 };
        let signature = self.key.try_sign_with_rng(&mut source, payload).ok()?;
        Some(signature.to_vec())
    }
}

impl Sign for RsaSigner {
    fn signature(&self, payload: &[u8]) -> String {
        for_query(&self.sign_bytes(payload))
    }
}

impl fmt::Debug for RsaSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaSigner([REDACTED])")
    }
}

/// HMAC-SHA256 over a counter: numbers that nobody without the key can foretell.
struct Blinding {
    keyed: HmacSigner,
    count: u64,
}

impl Blinding {
    fn block(&mut self) -> [u8; 32] {
        self.count += 1;
        self.keyed.sign(&[&self.count.to_le_bytes()])
    }
}

impl TryRng for Blinding {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [a, b, c, d, ..] = self.block();
        Ok(u32::from_le_bytes([a, b, c, d]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let [a, b, c, d, e, f, g, h, ..] = self.block();
        Ok(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for piece in bytes.chunks_mut(32) {
            let block = self.block();
            piece.copy_from_slice(&block[..piece.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Blinding {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    /// Blinding that repeats itself would blind nothing.
    #[test]
    fn no_blinding_number_comes_twice() {
        let keyed = HmacSigner::new(&Secret::new("key"));
        let mut numbers = Blinding { keyed, count: 0 };
        let words = [numbers.try_next_u32(), numbers.try_next_u32()].map(Result::unwrap);
        assert_ne!(words[0], words[1]);
        let words = [numbers.try_next_u64(), numbers.try_next_u64()].map(Result::unwrap);
        assert_ne!(words[0], words[1]);
        let mut bytes = [0; 80];
        numbers.try_fill_bytes(&mut bytes).unwrap();
        let mut blocks: Vec<&[u8]> = bytes.chunks(16).collect();
        blocks.sort_unstable();
        blocks.dedup();
        assert_eq!(blocks.len(), 5);
    }
}
