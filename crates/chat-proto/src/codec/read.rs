//! Values from the text of a frame.

use super::scan::{Fault, Scanner};
use crate::json::{Raw, Str};

/// A value that can be read from the text of a frame, borrowing from it.
///
/// Everything that is read this way also implements `Deserialize`: that is the reference it is
/// tested against.
pub trait Decode<'a>: Default {
    /// Reads the value that stands at the front, perhaps behind white space, into `self`, which is
    /// the default. So a large value is made where it stays. Members take `null` before they ask.
    ///
    /// # Errors
    ///
    /// Not JSON, too deep, or another kind of value.
    fn read(&mut self, scanner: Scanner<'a>) -> Result<Scanner<'a>, Fault>;

    /// The same for a small value in its usual spelling, to be inlined. `None` leaves the scanner
    /// where it was.
    #[inline(always)]
    fn read_plain(_: &mut Scanner<'a>) -> Option<Self> {
        None
    }

    /// The byte with which a large value starts.
    const OPENS: Option<u8> = None;
}

/// An object whose members can be read one by one.
pub(crate) trait Members<'a> {
    /// Reads the value of the member of this name, which stood in the text as `written`.
    fn read_member(
        &mut self,
        name: &str,
        written: Str<'a>,
        scanner: Scanner<'a>,
    ) -> Result<Scanner<'a>, Fault>;
}

/// The one value that `text` holds, nested `max_depth` deep at most (and never deeper than 128).
///
/// # Errors
///
/// `text` is not one JSON value, too deep, or of another kind.
pub fn from_text<'a, T: Decode<'a>>(text: &'a str, max_depth: usize) -> Result<T, Fault> {
    let mut value = T::default();
    value.read(Scanner::new(text, max_depth))?.end()?;
    Ok(value)
}

/// The value of a member, into a field that still holds its default; so does `null`.
#[inline(always)]
pub(crate) fn member<'a, T: Decode<'a>>(
    field: &mut T,
    scanner: &mut Scanner<'a>,
) -> Result<(), Fault> {
    if let Some(value) = T::read_plain(scanner) {
        // A default owns nothing: to forget it saves asking whether it does.
        std::mem::forget(std::mem::replace(field, value));
    } else if T::OPENS.is_some_and(|byte| scanner.is_at(byte)) {
        *scanner = field.read(scanner.local())?;
    } else {
        *scanner = any_member(field, scanner.local())?;
    }
    Ok(())
}

/// The same in any spelling, into a field that was perhaps read before.
#[inline(never)]
pub(crate) fn any_member<'a, T: Decode<'a>>(
    field: &mut T,
    scanner: Scanner<'a>,
) -> Result<Scanner<'a>, Fault> {
    let mut scanner = scanner.local();
    if let Some(value) = T::read_plain(&mut scanner) {
        *field = value;
        return Ok(scanner);
    }
    *field = T::default();
    scanner.local().null().map_or_else(|| field.read(scanner.local()), Ok)
}

/// An object with members in any order.
pub(crate) fn object<'a>(
    object: &mut dyn Members<'a>,
    scanner: Scanner<'a>,
) -> Result<Scanner<'a>, Fault> {
    let mut scanner = scanner.local();
    if scanner.object()? { members(object, scanner) } else { Ok(scanner) }
}

/// The same behind the brace, or behind members that were predicted.
pub(crate) fn members<'a>(
    object: &mut dyn Members<'a>,
    scanner: Scanner<'a>,
) -> Result<Scanner<'a>, Fault> {
    let mut scanner = scanner.local();
    loop {
        let (name, escaped) = scanner.name()?;
        let written = Str::scanned(name, escaped);
        scanner = if escaped {
            object.read_member(&written.decode(), written.clone(), scanner.local())?
        } else {
            object.read_member(name, written, scanner.local())?
        };
        if !scanner.more()? {
            return Ok(scanner);
        }
    }
}

impl<'a> Decode<'a> for Str<'a> {
    fn read(&mut self, mut scanner: Scanner<'a>) -> Result<Scanner<'a>, Fault> {
        let (text, escaped) = scanner.string()?;
        *self = Str::scanned(text, escaped);
        Ok(scanner)
    }

    #[inline(always)]
    fn read_plain(scanner: &mut Scanner<'a>) -> Option<Self> {
        scanner.plain_string().map(|text| Str::scanned(text, false))
    }
}

impl<'a> Decode<'a> for Raw<'a> {
    fn read(&mut self, mut scanner: Scanner<'a>) -> Result<Scanner<'a>, Fault> {
        *self = Raw::scanned(scanner.skip()?);
        Ok(scanner)
    }

    #[inline(always)]
    fn read_plain(scanner: &mut Scanner<'a>) -> Option<Self> {
        scanner.plain_value().map(Raw::scanned)
    }
}

impl<'a> Decode<'a> for bool {
    fn read(&mut self, mut scanner: Scanner<'a>) -> Result<Scanner<'a>, Fault> {
        scanner.space();
        let value = scanner.plain_boolean();
        *self = value.ok_or_else(|| scanner.fault("expected `true` or `false`"))?;
        Ok(scanner)
    }

    #[inline(always)]
    fn read_plain(scanner: &mut Scanner<'a>) -> Option<Self> {
        scanner.plain_boolean()
    }
}

macro_rules! whole_number {
    ($($type:ty),*) => { $(
        impl<'a> Decode<'a> for $type {
            fn read(&mut self, mut scanner: Scanner<'a>) -> Result<Scanner<'a>, Fault> {
                *self = Self::try_from(scanner.integer()?)
                    .map_err(|_| scanner.fault("the number does not fit"))?;
                Ok(scanner)
            }

            #[inline(always)]
            fn read_plain(scanner: &mut Scanner<'a>) -> Option<Self> {
                let mut behind = *scanner;
                let value = Self::try_from(behind.plain_digits()?.1).ok()?;
                *scanner = behind;
                Some(value)
            }
        }
    )* };
}
whole_number!(u32, u64, i64);

impl<'a, T: Decode<'a>> Decode<'a> for Option<T> {
    const OPENS: Option<u8> = T::OPENS;

    #[inline(always)]
    fn read(&mut self, scanner: Scanner<'a>) -> Result<Scanner<'a>, Fault> {
        self.insert(T::default()).read(scanner)
    }

    #[inline(always)]
    fn read_plain(scanner: &mut Scanner<'a>) -> Option<Self> {
        T::read_plain(scanner).map(Some)
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Box<T> {
    const OPENS: Option<u8> = T::OPENS;

    #[inline(always)]
    fn read(&mut self, scanner: Scanner<'a>) -> Result<Scanner<'a>, Fault> {
        (**self).read(scanner)
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Vec<T> {
    const OPENS: Option<u8> = Some(b'[');

    fn read(&mut self, scanner: Scanner<'a>) -> Result<Scanner<'a>, Fault> {
        let mut scanner = scanner.local();
        let mut more = scanner.array()?;
        while more {
            // Unlike a push this makes the value in the vector.
            self.resize_with(self.len() + 1, T::default);
            if let Some(value) = self.last_mut() {
                scanner = value.read(scanner.local())?;
            }
            more = scanner.another()?;
        }
        Ok(scanner)
    }
}

/// Returns the only member of an object, if it has one of these names and holds an object.
macro_rules! lone {
    ($scanner:ident; $($member:literal => $wrap:expr,)*) => { $(
        if $scanner.predict(concat!("\"", $member, "\":")) {
            if $scanner.is_at(b'{') {
                let mut value = Default::default();
                if $crate::codec::Decode::read(&mut value, $scanner)?.is_last() {
                    return Ok($wrap(value));
                }
            }
        } else
    )* {} };
}
pub(crate) use lone;
