//! The `secret` of an IM `login`.

use zeroize::Zeroizing;

use crate::{Secret, encoding};

/// The longest `secret` that is decoded, in bytes of base64 (choice).
pub const MAX_LOGIN_SECRET_LEN: usize = 16 * 1024;
/// What fits into [`MAX_LOGIN_SECRET_LEN`], before base64.
const MAX_PLAIN_LEN: usize = MAX_LOGIN_SECRET_LEN / 4 * 3;

/// The secret of `login` with the scheme `access_token`: base64 of `user@domain:access_token`.
///
/// Written as padded standard base64, as the seed does (seed); read in either alphabet, with or
/// without padding, because the protocol text asks for the URL alphabet without padding
/// (portsip-docs). Read from the right: the last `:` ends the domain, which may be an IPv6
/// address, and the last `@` before it ends the user.
///
/// ```
/// use chat_sign::LoginSecret;
///
/// let login = LoginSecret::new("101", "pbx.example.com", "TOKEN")?;
/// let sent = login.encode();
/// assert_eq!(sent.expose(), "MTAxQHBieC5leGFtcGxlLmNvbTpUT0tFTg==");
/// assert_eq!(LoginSecret::decode(sent.expose())?, login);
/// # Ok::<(), chat_sign::LoginSecretError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSecret {
    user: String,
    domain: String,
    access_token: Secret,
}

impl LoginSecret {
    /// Joins the three parts; none is changed, not even its case.
    ///
    /// # Errors
    ///
    /// When a part is empty, when the domain holds a `@` or the token a `:` (the other side would
    /// split elsewhere), or when it all is too long.
    pub fn new(
        user: impl Into<String>,
        domain: impl Into<String>,
        access_token: impl Into<Secret>,
    ) -> Result<Self, LoginSecretError> {
        let login =
            Self { user: user.into(), domain: domain.into(), access_token: access_token.into() };
        not_empty(&login.user, "user")?;
        not_empty(&login.domain, "domain")?;
        not_empty(login.access_token.expose(), "access token")?;
        without(&login.domain, '@', "domain")?;
        without(login.access_token.expose(), ':', "access token")?;
        fits(login.plain_len())?;
        Ok(login)
    }

    /// The extension or user name, as the PBX knows it.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The tenant's SIP domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The access token that the PBX issued.
    #[must_use]
    pub fn access_token(&self) -> &Secret {
        &self.access_token
    }

    /// The text for `login.secret`.
    #[must_use]
    pub fn encode(&self) -> Secret {
        let mut plain = Zeroizing::new(String::with_capacity(self.plain_len()));
        plain.push_str(&self.user);
        plain.push('@');
        plain.push_str(&self.domain);
        plain.push(':');
        plain.push_str(self.access_token.expose());
        encoding::encode(plain.as_bytes())
    }

    /// Reads the text of `login.secret`.
    ///
    /// # Errors
    ///
    /// When the text is too long, not base64, not UTF-8, or lacks one of the three parts.
    pub fn decode(text: &str) -> Result<Self, LoginSecretError> {
        let plain = decode(text)?;
        let (address, token) =
            plain.rsplit_once(':').ok_or(LoginSecretError::MissingSeparator { separator: ':' })?;
        let (user, domain) = address
            .rsplit_once('@')
            .ok_or(LoginSecretError::MissingSeparator { separator: '@' })?;
        Self::new(user, domain, token)
    }

    fn plain_len(&self) -> usize {
        self.user.len() + self.domain.len() + self.access_token.expose().len() + 2
    }
}

/// The secret of `login` with the scheme `basic`: base64 of `login:password` (tinode-doc).
///
/// The first `:` ends the login, so the password may hold more of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasicSecret {
    login: String,
    password: Secret,
}

impl BasicSecret {
    /// Joins the two parts.
    ///
    /// # Errors
    ///
    /// When a part is empty, when the login holds a `:`, or when it all is too long.
    pub fn new(
        login: impl Into<String>,
        password: impl Into<Secret>,
    ) -> Result<Self, LoginSecretError> {
        let basic = Self { login: login.into(), password: password.into() };
        not_empty(&basic.login, "login")?;
        not_empty(basic.password.expose(), "password")?;
        without(&basic.login, ':', "login")?;
        fits(basic.plain_len())?;
        Ok(basic)
    }

    /// The login name.
    #[must_use]
    pub fn login(&self) -> &str {
        &self.login
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// The text for `login.secret`, as padded standard base64.
    #[must_use]
    pub fn encode(&self) -> Secret {
        let mut plain = Zeroizing::new(String::with_capacity(self.plain_len()));
        plain.push_str(&self.login);
        plain.push(':');
        plain.push_str(self.password.expose());
        encoding::encode(plain.as_bytes())
    }

    /// Reads the text of `login.secret`, in either alphabet, with or without padding.
    ///
    /// # Errors
    ///
    /// When the text is too long, not base64, not UTF-8, or lacks one of the two parts.
    pub fn decode(text: &str) -> Result<Self, LoginSecretError> {
        let plain = decode(text)?;
        let (login, password) =
            plain.split_once(':').ok_or(LoginSecretError::MissingSeparator { separator: ':' })?;
        Self::new(login, password)
    }

    fn plain_len(&self) -> usize {
        self.login.len() + self.password.expose().len() + 1
    }
}

/// Why a login secret cannot be made or read. It never shows any of the secret.
///
/// From `new` the caller is to blame, from `decode` the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginSecretError {
    /// The encoded text is longer than [`MAX_LOGIN_SECRET_LEN`].
    #[error("the login secret is longer than {MAX_LOGIN_SECRET_LEN} bytes")]
    TooLong,
    /// The text is base64 in neither alphabet.
    #[error("the login secret is not base64")]
    NotBase64,
    /// The decoded bytes are not text.
    #[error("the login secret is not UTF-8")]
    NotUtf8,
    /// The character between two parts does not occur.
    #[error("the login secret has no '{separator}'")]
    MissingSeparator {
        /// The character.
        separator: char,
    },
    /// A part has no characters.
    #[error("the {part} of the login secret is empty")]
    EmptyPart {
        /// The part, in words.
        part: &'static str,
    },
    /// A part holds the character that ends it.
    #[error("the {part} of the login secret must not hold '{separator}'")]
    HoldsSeparator {
        /// The part, in words.
        part: &'static str,
        /// The character.
        separator: char,
    },
}

fn decode(text: &str) -> Result<Zeroizing<String>, LoginSecretError> {
    let text = text.trim_ascii_end();
    if text.len() > MAX_LOGIN_SECRET_LEN {
        return Err(LoginSecretError::TooLong);
    }
    let bytes = encoding::decode(text).ok_or(LoginSecretError::NotBase64)?;
    let plain = core::str::from_utf8(&bytes).map_err(|_| LoginSecretError::NotUtf8)?;
    Ok(Zeroizing::new(plain.to_owned()))
}

fn not_empty(text: &str, part: &'static str) -> Result<(), LoginSecretError> {
    if text.is_empty() {
        return Err(LoginSecretError::EmptyPart { part });
    }
    Ok(())
}

fn without(text: &str, separator: char, part: &'static str) -> Result<(), LoginSecretError> {
    if text.contains(separator) {
        return Err(LoginSecretError::HoldsSeparator { part, separator });
    }
    Ok(())
}

fn fits(plain_len: usize) -> Result<(), LoginSecretError> {
    if plain_len > MAX_PLAIN_LEN {
        return Err(LoginSecretError::TooLong);
    }
    Ok(())
}
