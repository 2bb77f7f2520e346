//! Frames to text and back, with limits.
//!
//! Both roles use one set of frame types: [`Codec`] only swaps what is read and what is written.
//!
//! # Reading
//!
//! Frames are read by a scanner of our own, in one pass and without an allocation for the strings:
//! they borrow from the text, escapes are decoded on demand, and what the application put in stays
//! raw. A frame predicts its members in the order in which the service writes them and goes on in a
//! general loop at the first surprise, so any order, any spelling of JSON, repeated members (the
//! last wins) and unknown ones (kept in `extra`) are read too.
//!
//! The serde definitions of the same frames are the reference: for any text both give the same value
//! and the same decision. The deliberate differences, all of them:
//!
//! * Depth: the limit (100 unless configured, 128 at most) counts every array and object. serde_json
//!   stops at 128 levels where it has a type for what it reads, and nowhere in raw values, which
//!   somebody else has to parse in the end.
//!
//! # Writing
//!
//! Members are written in the order in which the frame types declare their fields, which is that of
//! the published samples, without white space; defaults are left out except where a type says
//! otherwise, and members that a type does not know come last in the order in which they were read.
//! This order is stable: text that is written today is written tomorrow. Strings that were read are
//! written with the escapes they had; those made here escape what JSON demands and nothing else.

mod read;
mod scan;
mod skip;
mod special;

use std::marker::PhantomData;

pub use read::{Decode, from_text};
pub(crate) use read::{Members, any_member, lone, member, members, object};
pub use scan::{Fault, Scanner};
pub(crate) use special::{find_special, is_plain};

use crate::machine::Text;

/// What travels between two peers.
pub trait Dialect {
    /// Name for logs.
    const NAME: &'static str;
    /// From client to server.
    type Up<'a>: Wire<'a>;
    /// From server to client.
    type Down<'a>: Wire<'a>;
}

/// A frame.
pub trait Wire<'a>: Sized {
    /// The same frame, sharing its text instead of borrowing it.
    type Static: 'static;

    /// Reads a frame that borrows from `text`, nested `max_depth` deep at most.
    ///
    /// # Errors
    ///
    /// `text` is not JSON, too deep, or a member has the wrong type.
    fn decode_within(text: &'a str, max_depth: usize) -> Result<Self, DecodeError>;

    /// The same with the default depth of [`Limits`].
    ///
    /// # Errors
    ///
    /// See [`Wire::decode_within`].
    fn decode(text: &'a str) -> Result<Self, DecodeError> {
        Self::decode_within(text, DEFAULT_DEPTH)
    }

    /// Appends the frame as JSON.
    fn encode_into(&self, out: &mut Vec<u8>);

    /// Turns borrows from `text` into shares of it.
    fn share(self, text: &Text) -> Self::Static;

    /// The frame as a message.
    fn encode(&self) -> Text {
        let mut out = Vec::with_capacity(256);
        self.encode_into(&mut out);
        Text::from_utf8(out.into()).expect("the writer copies UTF-8 and adds ASCII")
    }
}

/// Why a text is no frame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not JSON, or a member has the wrong type.
    #[error("{0}")]
    Json(Fault),
    /// An object that holds none of the kinds.
    #[error("the object holds no frame")]
    NoKind,
    /// Larger than the limit.
    #[error("{len} bytes exceed the limit of {limit}")]
    TooLong {
        /// Length of the text in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Nested deeper than the limit.
    #[error("nested too deep")]
    TooDeep,
}

impl From<Fault> for DecodeError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooDeep => Self::TooDeep,
            Fault::Syntax { .. } => Self::Json(fault),
        }
    }
}

/// Every JSON library in use reads so many levels; serde_json stops at 128.
const DEFAULT_DEPTH: usize = 100;

/// What a codec takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest text, in bytes.
    pub max_bytes: usize,
    /// Deepest nesting of arrays and objects, the frame itself included; 128 at most.
    pub max_depth: usize,
}

impl Default for Limits {
    /// 1 MiB and 100 levels.
    fn default() -> Self {
        Self { max_bytes: 1 << 20, max_depth: DEFAULT_DEPTH }
    }
}

impl Limits {
    /// Checks the length of a text.
    ///
    /// # Errors
    ///
    /// The text is too long.
    pub const fn check(&self, text: &str) -> Result<(), DecodeError> {
        if text.len() > self.max_bytes {
            return Err(DecodeError::TooLong { len: text.len(), limit: self.max_bytes });
        }
        Ok(())
    }
}

/// Which side of a connection this is.
pub trait Role<D: Dialect> {
    /// What this side reads.
    type In<'a>: Wire<'a>;
    /// What this side writes.
    type Out<'a>: Wire<'a>;
}

/// The client: writes `Up`, reads `Down`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Client;

/// The server: writes `Down`, reads `Up`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Server;

impl<D: Dialect> Role<D> for Client {
    type In<'a> = D::Down<'a>;
    type Out<'a> = D::Up<'a>;
}

impl<D: Dialect> Role<D> for Server {
    type In<'a> = D::Up<'a>;
    type Out<'a> = D::Down<'a>;
}

/// Reads and writes the frames of one side.
#[derive(Debug)]
pub struct Codec<D, R> {
    limits: Limits,
    side: PhantomData<fn() -> (D, R)>,
}

impl<D: Dialect, R: Role<D>> Codec<D, R> {
    /// A codec with these limits.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, side: PhantomData }
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads a frame that borrows from `text`.
    ///
    /// # Errors
    ///
    /// The text is too long, too deep or no frame.
    pub fn decode<'a>(&self, text: &'a str) -> Result<R::In<'a>, DecodeError> {
        self.limits.check(text)?;
        R::In::decode_within(text, self.limits.max_depth)
    }

    /// Writes a frame as a message.
    #[must_use]
    pub fn encode(&self, frame: &R::Out<'_>) -> Text {
        frame.encode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_at_the_edge() {
        let limits = Limits { max_bytes: 40, max_depth: 3 };
        assert!(limits.check(&"1".repeat(40)).is_ok());
        assert!(matches!(
            limits.check(&"1".repeat(41)),
            Err(DecodeError::TooLong { len: 41, limit: 40 })
        ));
    }
}
