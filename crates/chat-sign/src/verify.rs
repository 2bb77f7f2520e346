//! Verifying a signed request on the service side.

use core::{fmt, str};
use std::borrow::Cow;

use crate::{
    redact::is_sensitive,
    signer::{DEFAULT_RECV_WINDOW_MS, HmacSigner, MAX_RECV_WINDOW_MS, parse_hex_pair},
};

/// The longest query string that is looked at, in bytes (choice).
pub const MAX_QUERY_LEN: usize = 16 * 1024;
/// The most parameters a query may hold, the signature included (choice).
pub const MAX_QUERY_PARAMS: usize = 64;

/// How far ahead of the service's clock a timestamp may be, exclusive (published documentation).
const MAX_AHEAD_MS: u64 = 1_000;
const SIGNATURE: &[u8] = b"signature=";

/// Verifies the query string of a request *as it was received*, undecoded and without the `?`.
///
/// What was signed is everything before the last `&signature=`. The request is fresh when
/// `timestamp < server + 1000` and `server - timestamp <= recvWindow`, where `recvWindow` is
/// 5000 if absent and at most 60000 (published documentation). All times are milliseconds,
/// `server_time_ms` counted from the Unix epoch.
///
/// A request is judged in this order: its form, its signature, its freshness. So
/// [`VerifyError::OutsideWindow`] is only told to a holder of the key.
///
/// ```
/// use chat_sign::{HmacSigner, Query, Secret, Sign, VerifyError, verify_query};
///
/// let key = HmacSigner::new(&Secret::new("demo-merchant-secret"));
/// let sent = key.sign_query(Query::new().with("orderNo", "2047"), 1_700_000_000_000, 5_000);
///
/// let verified = verify_query(sent.as_str().as_bytes(), &key, 1_700_000_000_250)?;
/// assert_eq!(verified.get("orderNo"), Some("2047"));
///
/// let late = verify_query(sent.as_str().as_bytes(), &key, 1_700_000_010_000);
/// assert!(matches!(late, Err(VerifyError::OutsideWindow { .. })));
/// # Ok::<(), VerifyError>(())
/// ```
///
/// # Errors
///
/// See [`VerifyError`]; whatever the bytes are, there is an answer and never a panic.
pub fn verify_query<'a>(
    raw: &'a [u8],
    key: &HmacSigner,
    server_time_ms: u64,
) -> Result<VerifiedQuery<'a>, VerifyError> {
    if raw.len() > MAX_QUERY_LEN {
        return Err(VerifyError::TooLong { len: raw.len() });
    }
    let (payload, signature) = split_signature(raw)?;
    let query = parse(payload)?;
    if !key.verify_hex(payload, signature) {
        return Err(VerifyError::BadSignature);
    }
    let fresh = query.timestamp_ms < server_time_ms.saturating_add(MAX_AHEAD_MS)
        && server_time_ms.saturating_sub(query.timestamp_ms) <= u64::from(query.recv_window_ms);
    if !fresh {
        return Err(VerifyError::OutsideWindow {
            timestamp_ms: query.timestamp_ms,
            server_time_ms,
            recv_window_ms: query.recv_window_ms,
        });
    }
    Ok(query)
}

/// The parameters of a request whose signature and time were found right.
///
/// `Debug` leaves out the values of parameters that are credentials.
#[derive(Clone)]
pub struct VerifiedQuery<'a> {
    params: Vec<Param<'a>>,
    timestamp_ms: u64,
    recv_window_ms: u32,
}

type Param<'a> = (Cow<'a, str>, Cow<'a, str>);

impl VerifiedQuery<'_> {
    /// The decoded value of a parameter; names are matched after decoding and with their case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params().find_map(|(found, value)| (found == name).then_some(value))
    }

    /// All parameters but the signature, decoded, in the order received. No name occurs twice.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// When the client says it signed, in milliseconds of the Unix epoch.
    #[must_use]
    pub fn timestamp_ms(&self) -> u64 {
        self.timestamp_ms
    }

    /// How long the client lets the request be valid, in milliseconds.
    #[must_use]
    pub fn recv_window_ms(&self) -> u32 {
        self.recv_window_ms
    }
}

impl fmt::Debug for VerifiedQuery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.params().map(|(name, value)| {
                let hidden = is_sensitive(name);
                (name, if hidden { "[REDACTED]" } else { value })
            }))
            .finish()
    }
}

/// Why a signed request was refused. The client is to blame in every case.
///
/// A `name` is empty where the request does not hold one fit to be shown: letters, digits, `_`,
/// `-` and `.`, at most 32 of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is no `signature`.
    #[error("the request has no signature")]
    MissingSignature,
    /// There is a `signature`, but something follows it.
    #[error("the signature is not the last parameter")]
    SignatureNotLast,
    /// The query string is longer than [`MAX_QUERY_LEN`].
    #[error("the query has {len} bytes, more than {MAX_QUERY_LEN}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// There are more than [`MAX_QUERY_PARAMS`] parameters.
    #[error("the query has more than {MAX_QUERY_PARAMS} parameters")]
    TooManyParameters,
    /// A name occurs twice, after decoding.
    #[error("parameter '{name}' was sent twice")]
    DuplicateParameter {
        /// The parameter.
        name: String,
    },
    /// There is no `timestamp`.
    #[error("parameter 'timestamp' was not sent")]
    MissingTimestamp,
    /// A parameter has no `=`, no name, a broken escape, a byte that must be escaped or text that
    /// is not UTF-8, or one of the numbers is none.
    #[error("parameter '{name}' is malformed")]
    MalformedParameter {
        /// The parameter.
        name: String,
    },
    /// `recvWindow` is more than [`MAX_RECV_WINDOW_MS`].
    #[error("recvWindow is more than {MAX_RECV_WINDOW_MS} ms")]
    RecvWindowTooLarge,
    /// The signature is not the one of these bytes under this key.
    #[error("the signature is not valid for this request")]
    BadSignature,
    /// The signature is right, but the request is too old or from the future.
    #[error(
        "timestamp {timestamp_ms} is outside the window of {recv_window_ms} ms \
         (server time {server_time_ms})"
    )]
    OutsideWindow {
        /// The client's time, in milliseconds of the Unix epoch.
        timestamp_ms: u64,
        /// The service's time, in milliseconds of the Unix epoch.
        server_time_ms: u64,
        /// The window that was applied, in milliseconds.
        recv_window_ms: u32,
    },
}

/// The bytes that were signed, and the text of the signature.
fn split_signature(raw: &[u8]) -> Result<(&[u8], &[u8]), VerifyError> {
    let (payload, last) = match raw.iter().rposition(|&byte| byte == b'&') {
        Some(at) => (&raw[..at], &raw[at + 1..]),
        None => (&raw[..0], raw),
    };
    match last.strip_prefix(SIGNATURE) {
        Some(signature) => Ok((payload, signature)),
        None if segments(raw).any(|segment| segment.starts_with(SIGNATURE)) => {
            Err(VerifyError::SignatureNotLast)
        }
        None => Err(VerifyError::MissingSignature),
    }
}

fn parse(payload: &[u8]) -> Result<VerifiedQuery<'_>, VerifyError> {
    let mut query = VerifiedQuery {
        params: Vec::new(),
        timestamp_ms: 0,
        recv_window_ms: DEFAULT_RECV_WINDOW_MS,
    };
    let mut timestamp = None;
    for segment in segments(payload) {
        // One place is the signature's.
        if query.params.len() >= MAX_QUERY_PARAMS - 1 {
            return Err(VerifyError::TooManyParameters);
        }
        let (name, value) = parse_param(segment)?;
        match name.as_ref() {
            "signature" => return Err(VerifyError::SignatureNotLast),
            _ if query.get(&name).is_some() => {
                return Err(VerifyError::DuplicateParameter { name: presentable(&name) });
            }
            "timestamp" => timestamp = Some(parse_number(&name, &value)?),
            "recvWindow" => {
                query.recv_window_ms = u32::try_from(parse_number(&name, &value)?)
                    .ok()
                    .filter(|&window| window <= MAX_RECV_WINDOW_MS)
                    .ok_or(VerifyError::RecvWindowTooLarge)?;
            }
            _ => {}
        }
        query.params.push((name, value));
    }
    query.timestamp_ms = timestamp.ok_or(VerifyError::MissingTimestamp)?;
    Ok(query)
}

fn segments(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    // Splitting nothing would give one empty segment.
    raw.split(|&byte| byte == b'&').filter(|_| !raw.is_empty())
}

fn parse_param(segment: &[u8]) -> Result<Param<'_>, VerifyError> {
    let malformed = |name: &str| VerifyError::MalformedParameter { name: presentable(name) };
    let mut halves = segment.splitn(2, |&byte| byte == b'=');
    // Text without a `=` may be a value, so it is not shown as a name.
    let (Some(name), Some(value)) = (halves.next(), halves.next()) else {
        return Err(malformed(""));
    };
    let name = decode(name).filter(|name| !name.is_empty()).ok_or_else(|| malformed(""))?;
    let value = decode(value).ok_or_else(|| malformed(&name))?;
    Ok((name, value))
}

/// Undoes percent-encoding. A `+` is a space, as form encoders of other languages write it
/// (choice); [`Query`](crate::Query) escapes its own.
fn decode(raw: &[u8]) -> Option<Cow<'_, str>> {
    if !raw.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    if !raw.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return str::from_utf8(raw).ok().map(Cow::Borrowed);
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => parse_hex_pair(bytes.next()?, bytes.next()?)?,
            b'+' => b' ',
            _ => byte,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn parse_number(name: &str, value: &str) -> Result<u64, VerifyError> {
    Some(value)
        // The standard parser would take a sign as well.
        .filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| VerifyError::MalformedParameter { name: presentable(name) })
}

/// The name if it can be shown in an error, and nothing otherwise.
fn presentable(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.len() <= 32 && name.bytes().all(plain) { name.to_owned() } else { String::new() }
}
