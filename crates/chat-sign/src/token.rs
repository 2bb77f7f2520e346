//! Tokens that the service issues and later recognises without keeping them.

use core::fmt;

use crate::{HmacSigner, Secret, encoding};

/// The shortest server key, in bytes: as long as the MAC it makes.
pub const MIN_TOKEN_KEY_LEN: usize = 32;
/// The longest text that is decoded, in bytes; a token has 80.
const MAX_TEXT_LEN: usize = 128;

const CLAIMS_LEN: usize = 26;
const MAC_LEN: usize = 32;
/// Names the format and its version in what is MAC'd, so that a key used for anything else, or for
/// a later format, does not make tokens of this one.
const DOMAIN: &[u8] = b"chat-sign token 1\0";

/// What a token says of its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenClaims {
    /// The user.
    pub user_id: u64,
    /// The tenant that the user belongs to.
    pub tenant_id: u64,
    /// The second of the Unix epoch from which on the token is void.
    pub expires_at: u32,
    /// The level of trust; 20 is that of a user who logged in (tinode-doc).
    pub auth_level: u16,
    /// The number of the user's credential generation. The caller compares it: raising it at the
    /// user's record voids all tokens issued before.
    pub serial: u16,
    /// Bits; 1 stands for a user whose credentials are validated (tinode-doc).
    pub features: u16,
}

/// The server's key for tokens.
///
/// The format is our own, though of the size and order seen in the published sample, whose MAC
/// cannot be checked without its server's key: base64 of 58 bytes, which are user id (8), tenant
/// id (8), expiry (4), level (2), serial (2), features (2), all little-endian, and the HMAC-SHA256
/// (32) of a fixed label and these. Peers treat it as opaque.
///
/// The fields are readable by whoever holds the token; the key only keeps others from making one.
/// A token cannot be withdrawn before it expires but by its `serial` or another key.
///
/// ```
/// use chat_sign::{TokenClaims, TokenError, TokenKey};
///
/// let key = TokenKey::new(&[7; 32])?;
/// let claims = TokenClaims {
///     user_id: 804252613548777777,
///     tenant_id: 1,
///     expires_at: 1_700_086_400,
///     auth_level: 20,
///     serial: 0,
///     features: 1,
/// };
/// let token = key.issue(&claims);
/// assert_eq!(key.verify(token.expose(), 1_700_000_000)?, claims);
/// assert_eq!(key.verify(token.expose(), 1_700_086_400), Err(TokenError::Expired));
/// # Ok::<(), TokenError>(())
/// ```
#[derive(Clone)]
pub struct TokenKey {
    mac: HmacSigner,
}

impl TokenKey {
    /// Takes the key. It must come from a good source of randomness; this crate has none.
    ///
    /// # Errors
    ///
    /// [`TokenError::KeyTooShort`] under [`MIN_TOKEN_KEY_LEN`] bytes.
    pub fn new(key: &[u8]) -> Result<Self, TokenError> {
        if key.len() < MIN_TOKEN_KEY_LEN {
            return Err(TokenError::KeyTooShort);
        }
        Ok(Self { mac: HmacSigner::from_bytes(key) })
    }

    /// Makes a token, as padded standard base64.
    #[must_use]
    pub fn issue(&self, claims: &TokenClaims) -> Secret {
        let body = claims.to_bytes();
        let mut token = [0; CLAIMS_LEN + MAC_LEN];
        token[..CLAIMS_LEN].copy_from_slice(&body);
        token[CLAIMS_LEN..].copy_from_slice(&self.mac.sign(&[DOMAIN, &body]));
        encoding::encode(&token)
    }

    /// Reads a token, in either base64 alphabet, with or without padding, and checks that this
    /// key made it and that it is valid at `now`, in seconds of the Unix epoch.
    ///
    /// # Errors
    ///
    /// [`TokenError::Malformed`], [`TokenError::Forged`] or, for a token of this key only,
    /// [`TokenError::Expired`].
    pub fn verify(&self, token: &str, now: u64) -> Result<TokenClaims, TokenError> {
        let token = token.trim_ascii_end();
        if token.len() > MAX_TEXT_LEN {
            return Err(TokenError::Malformed);
        }
        let bytes = encoding::decode(token).ok_or(TokenError::Malformed)?;
        let (body, mac) = bytes.split_first_chunk::<CLAIMS_LEN>().ok_or(TokenError::Malformed)?;
        let mac: &[u8; MAC_LEN] = mac.try_into().map_err(|_| TokenError::Malformed)?;
        if !self.mac.verify(&[DOMAIN, body], mac) {
            return Err(TokenError::Forged);
        }
        let claims = TokenClaims::from_bytes(body);
        if now >= u64::from(claims.expires_at) {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey([REDACTED])")
    }
}

impl TokenClaims {
    fn to_bytes(self) -> [u8; CLAIMS_LEN] {
        let mut bytes = [0; CLAIMS_LEN];
        bytes[..8].copy_from_slice(&self.user_id.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.tenant_id.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.expires_at.to_le_bytes());
        bytes[20..22].copy_from_slice(&self.auth_level.to_le_bytes());
        bytes[22..24].copy_from_slice(&self.serial.to_le_bytes());
        bytes[24..].copy_from_slice(&self.features.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; CLAIMS_LEN]) -> Self {
        Self {
            user_id: u64::from_le_bytes(field(bytes, 0)),
            tenant_id: u64::from_le_bytes(field(bytes, 8)),
            expires_at: u32::from_le_bytes(field(bytes, 16)),
            auth_level: u16::from_le_bytes(field(bytes, 20)),
            serial: u16::from_le_bytes(field(bytes, 22)),
            features: u16::from_le_bytes(field(bytes, 24)),
        }
    }
}

/// The `N` bytes at `at`.
fn field<const N: usize>(bytes: &[u8; CLAIMS_LEN], at: usize) -> [u8; N] {
    core::array::from_fn(|i| bytes[at + i])
}

/// Why a token is refused. A client should be told no more than that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The server's key has less than [`MIN_TOKEN_KEY_LEN`] bytes: the caller is to blame.
    #[error("the token key has less than {MIN_TOKEN_KEY_LEN} bytes")]
    KeyTooShort,
    /// The text is not base64, or not of a token's length.
    #[error("the token is malformed")]
    Malformed,
    /// Another key made it, or someone changed it.
    #[error("the token was not issued here")]
    Forged,
    /// It was valid once.
    #[error("the token has expired")]
    Expired,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The token of the published login reply, whose layout this format follows.
    const PUBLISHED: &str =
        "AAAAhnJBgwwAAAAvbEGDDB7R+mgUAAAAAQAC9wKOmcHTClrJc8wtV5MD7AIx0LTN5iy5E901p+EBgg==";

    #[test]
    fn layout_is_that_of_the_published_sample() {
        let bytes = encoding::decode(PUBLISHED).unwrap();
        let claims = TokenClaims::from_bytes(bytes.first_chunk().unwrap());
        assert_eq!(bytes.len(), CLAIMS_LEN + MAC_LEN);
        assert_eq!(claims.to_bytes(), bytes[..CLAIMS_LEN]);
        assert_eq!((claims.auth_level, claims.serial, claims.features), (20, 0, 1));
        assert_eq!(claims.user_id, 0x0c83_4172_8600_0000);
        assert_eq!(claims.expires_at, 0x68fa_d11e);
    }

    #[test]
    fn a_token_of_another_server_is_forged() {
        let key = TokenKey::new(&[1; 32]).unwrap();
        assert_eq!(key.verify(PUBLISHED, 0), Err(TokenError::Forged));
    }
}
