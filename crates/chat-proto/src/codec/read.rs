//! Values from the text of a frame.

use super::scan::{Fault, Scanner};
use crate::json::{Params, Raw, SecretStr, Str};

/// A value that can be read from the text of a frame, borrowing from it.
///
/// Everything that is read this way also implements `Deserialize`: that is the reference it is
/// tested against.
pub trait Decode<'a>: Sized {
    /// Reads the value that stands at the front. Members take `null` before they ask.
    ///
    /// # Errors
    ///
    /// Not JSON, too deep, or another kind of value.
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Fault>;
}

/// The one value that `text` holds, nested `max_depth` deep at most (and never deeper than 128).
///
/// # Errors
///
/// `text` is not one JSON value, too deep, or of another kind.
pub fn from_text<'a, T: Decode<'a>>(text: &'a str, max_depth: usize) -> Result<T, Fault> {
    let mut scanner = Scanner::new(text, max_depth);
    let value = T::read(&mut scanner)?;
    scanner.end()?;
    Ok(value)
}

/// The value of a member: `null` is the default.
#[inline]
pub(crate) fn member<'a, T: Decode<'a> + Default>(scanner: &mut Scanner<'a>) -> Result<T, Fault> {
    if scanner.null() { Ok(T::default()) } else { T::read(scanner) }
}

impl<'a> Decode<'a> for Str<'a> {
    #[inline]
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Fault> {
        scanner.string().map(|(text, escaped)| Str::scanned(text, escaped))
    }
}

impl<'a> Decode<'a> for SecretStr<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Fault> {
        Str::read(scanner).map(Self::from)
    }
}

impl<'a> Decode<'a> for Raw<'a> {
    #[inline]
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Fault> {
        scanner.skip().map(Raw::scanned)
    }
}

impl<'a> Decode<'a> for Params<'a> {
    #[inline]
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Fault> {
        Raw::read(scanner).map(Self::from)
    }
}

impl<'a> Decode<'a> for bool {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Fault> {
        scanner.boolean()
    }
}

impl<'a> Decode<'a> for u64 {
    #[inline]
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Fault> {
        match scanner.integer()? {
            (false, value) => Ok(value),
            (true, _) => Err(scanner.fault("expected a number that is not negative")),
        }
    }
}

impl<'a> Decode<'a> for u32 {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Fault> {
        let value = u64::read(scanner)?;
        Self::try_from(value).map_err(|_| scanner.fault("the number is too large"))
    }
}

impl<'a> Decode<'a> for i64 {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Fault> {
        let (negative, value) = scanner.integer()?;
        // `-0` is a float to serde_json. Here it would be harmless, but the two must agree.
        let value = match (negative, value) {
            (true, 0) => None,
            (true, value) => 0i64.checked_sub_unsigned(value),
            (false, value) => Self::try_from(value).ok(),
        };
        value.ok_or_else(|| scanner.fault("the number does not fit"))
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Option<T> {
    #[inline]
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Fault> {
        T::read(scanner).map(Some)
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Box<T> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Fault> {
        T::read(scanner).map(Self::new)
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Vec<T> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Fault> {
        let mut values = Self::new();
        let mut more = scanner.array()?;
        while more {
            values.push(T::read(scanner)?);
            more = scanner.another()?;
        }
        Ok(values)
    }
}
