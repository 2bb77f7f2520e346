//! Time stamps of frames.

use std::fmt;

use crate::im::Flavor;
use crate::json::{Str, transparent};
use crate::time::{UnixMillis, calendar};

/// An RFC 3339 time stamp as it was written, with 0 to 9 digits of fraction.
///
/// It stays text, because servers trim zeros differently and a relayed frame must not change; it is
/// read on demand.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Stamp<'a>(Str<'a>);

impl<'a> Stamp<'a> {
    /// The text.
    #[must_use]
    pub const fn as_text(&self) -> &Str<'a> {
        &self.0
    }

    /// A stamp that keeps nothing else alive.
    #[must_use]
    pub fn detach(&self) -> Stamp<'static> {
        Stamp(self.0.detach())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Microseconds since 1970-01-01T00:00:00Z; `None` when the text is no time stamp.
    #[must_use]
    pub fn unix_micros(&self) -> Option<i64> {
        calendar::read_rfc3339(&self.0.decode())
    }

    /// Milliseconds since 1970-01-01T00:00:00Z; `None` when the text is no time stamp or earlier.
    #[must_use]
    pub fn unix_millis(&self) -> Option<UnixMillis> {
        let micros = u64::try_from(self.unix_micros()?).ok()?;
        Some(UnixMillis::new(micros / 1000))
    }
}

impl Stamp<'static> {
    /// Writes a time the way a server of this flavour does: PortSIP with microseconds, Tinode with
    /// milliseconds, both with trailing zeros trimmed. (seed, tinode-code)
    ///
    /// `micros` counts from 1970-01-01T00:00:00Z; what lies beyond the years 0 to
    /// 9999 is clamped.
    #[must_use]
    pub fn from_unix_micros(micros: i64, flavor: Flavor) -> Self {
        let micros = match flavor {
            Flavor::PortSip => micros,
            Flavor::Tinode => micros - micros.rem_euclid(1000),
        };
        Self(Str::from(calendar::write_rfc3339(micros)))
    }
}

impl<'a, T: Into<Str<'a>>> From<T> for Stamp<'a> {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

transparent! { Stamp(Str) }

impl fmt::Debug for Stamp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_any_number_of_digits() {
        for (text, micros) in [
            ("2024-10-24T08:24:41Z", 0),
            ("2024-10-24T08:24:41.9Z", 900_000),
            ("2024-10-24T08:24:41.91355Z", 913_550),
            ("2024-10-24T08:24:41.913558Z", 913_558),
            ("2024-10-24T08:24:41.913558999Z", 913_558),
        ] {
            assert_eq!(Stamp::from(text).unix_micros(), Some(1_729_758_281_000_000 + micros));
        }
        assert_eq!(Stamp::from("yesterday").unix_micros(), None);
    }

    #[test]
    fn writes_the_digits_of_the_samples() {
        for text in ["2024-10-25T03:40:52.35514Z", "2024-10-24T07:04:01.120034Z"] {
            let micros = Stamp::from(text).unix_micros().unwrap();
            assert_eq!(*Stamp::from_unix_micros(micros, Flavor::PortSip).as_text(), text);
        }
    }

    #[test]
    fn tinode_gets_milliseconds() {
        let stamp = Stamp::from_unix_micros(1_729_758_281_913_558, Flavor::Tinode);
        assert_eq!(*stamp.as_text(), "2024-10-24T08:24:41.913Z");
        assert!(stamp.as_text().decode().len() <= 24);
    }
}
