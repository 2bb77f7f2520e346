//! The header that file calls carry.

use core::str::FromStr;

use crate::Secret;

/// The longest header value that is made or read, in bytes (choice).
pub const MAX_AUTH_HEADER_LEN: usize = 4 * 1024;
const MAX_SCHEME_LEN: usize = 32;
const FILE_SCHEME: &str = "token";

/// The token of a login reply, as file calls present it: `Authorization: token <value>` (seed).
///
/// The value goes out exactly as it came. The caller marks the header as sensitive and never
/// sends it to another host than the one that issued it.
///
/// ```
/// use chat_sign::{AuthHeader, FileToken};
///
/// let token = FileToken::new("AAAA+/==")?;
/// let header = token.to_header_value();
/// assert_eq!(header.expose(), "token AAAA+/==");
///
/// let received = AuthHeader::parse(header.expose())?;
/// assert_eq!(received.scheme(), "token");
/// assert_eq!(received.secret().expose(), "AAAA+/==");
/// # Ok::<(), chat_sign::AuthHeaderError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileToken(Secret);

impl FileToken {
    /// Takes a token over.
    ///
    /// # Errors
    ///
    /// When it is empty or too long, or holds something a header cannot carry: the service that
    /// issued it is to blame.
    pub fn new(token: impl Into<Secret>) -> Result<Self, AuthHeaderError> {
        let token = token.into();
        check_secret(token.expose())?;
        Ok(Self(token))
    }

    /// The token itself.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// The value of the `Authorization` header: `token`, a space, and the token.
    #[must_use]
    pub fn to_header_value(&self) -> Secret {
        let token = self.0.expose();
        // Exact room, so that the secret is not copied again.
        let mut value = String::with_capacity(FILE_SCHEME.len() + 1 + token.len());
        value.push_str(FILE_SCHEME);
        value.push(' ');
        value.push_str(token);
        Secret::new(value)
    }
}

/// A credential that a file call brought: a scheme and a secret.
///
/// Read from `Authorization` or `X-Tinode-Auth` with [`AuthHeader::parse`], or put together from
/// the `auth` and `secret` of a query, form or cookie with [`AuthHeader::new`] (tinode-doc).
/// `Debug` shows the scheme only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthHeader {
    scheme: String,
    secret: Secret,
}

impl AuthHeader {
    /// Puts the two together.
    ///
    /// # Errors
    ///
    /// When the scheme is not a word of at most 32 letters, digits, `-`, `_` and `.`, or the
    /// secret is empty, too long, or not visible ASCII.
    pub fn new(scheme: &str, secret: impl Into<Secret>) -> Result<Self, AuthHeaderError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if scheme.is_empty() || scheme.len() > MAX_SCHEME_LEN || !scheme.bytes().all(plain) {
            return Err(AuthHeaderError::BadScheme);
        }
        let secret = secret.into();
        check_secret(secret.expose())?;
        Ok(Self { scheme: scheme.to_ascii_lowercase(), secret })
    }

    /// Reads `<scheme> <secret>`; spaces and tabs around the two do not count.
    ///
    /// # Errors
    ///
    /// As [`AuthHeader::new`], and when there is only one word or the value is too long.
    pub fn parse(value: &str) -> Result<Self, AuthHeaderError> {
        const BLANK: [char; 2] = [' ', '\t'];
        if value.len() > MAX_AUTH_HEADER_LEN {
            return Err(AuthHeaderError::TooLong);
        }
        let (scheme, secret) =
            value.trim_matches(BLANK).split_once(BLANK).ok_or(AuthHeaderError::MissingSecret)?;
        Self::new(scheme, secret.trim_start_matches(BLANK))
    }

    /// The scheme in lower case, as schemes are matched without regard to case (tinode-doc).
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The secret as it was received.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}

impl FromStr for AuthHeader {
    type Err = AuthHeaderError;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        Self::parse(value)
    }
}

/// Why a credential cannot be carried by, or read from, a header. It never shows any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthHeaderError {
    /// The value is longer than [`MAX_AUTH_HEADER_LEN`].
    #[error("the credential is longer than {MAX_AUTH_HEADER_LEN} bytes")]
    TooLong,
    /// The scheme is not a short word.
    #[error("the scheme of the credential is not a word")]
    BadScheme,
    /// There is no secret, or an empty one.
    #[error("the credential has no secret")]
    MissingSecret,
    /// The secret holds a space, a control character or something beyond ASCII.
    #[error("the secret of the credential is not visible ASCII")]
    BadSecret,
}

fn check_secret(secret: &str) -> Result<(), AuthHeaderError> {
    if secret.is_empty() {
        return Err(AuthHeaderError::MissingSecret);
    }
    if secret.len() > MAX_AUTH_HEADER_LEN - FILE_SCHEME.len() - 1 {
        return Err(AuthHeaderError::TooLong);
    }
    // A line break would let whoever chose the token write headers of their own.
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(AuthHeaderError::BadSecret);
    }
    Ok(())
}
