//! Access modes and their changes.

use std::fmt;
use std::ops::{BitAnd, BitOr, Sub};

use crate::im::down::Acs;
use crate::json::Str;

/// A set of permissions, written as letters in the order `JRWPASDO`. (tinode-doc)
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct AccessMode(u8);

/// Letters by bit.
const LETTERS: [char; 8] = ['J', 'R', 'W', 'P', 'A', 'S', 'D', 'O'];

/// A mode that a server must refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an access mode")]
pub struct BadMode;

impl AccessMode {
    /// Nothing: written `N`.
    pub const NONE: Self = Self(0);
    /// `J`: join.
    pub const JOIN: Self = Self(1);
    /// `R`: read messages.
    pub const READ: Self = Self(2);
    /// `W`: write messages.
    pub const WRITE: Self = Self(4);
    /// `P`: receive presence.
    pub const PRES: Self = Self(8);
    /// `A`: approve members.
    pub const APPROVE: Self = Self(16);
    /// `S`: invite.
    pub const SHARE: Self = Self(32);
    /// `D`: delete for everybody.
    pub const DELETE: Self = Self(64);
    /// `O`: own.
    pub const OWNER: Self = Self(128);
    /// Everything.
    pub const ALL: Self = Self(255);

    /// Reads what a client asks for: letters in any case and order; `N` only in front, where it
    /// ends the reading; empty is `None` and means "the default". (tinode-code)
    ///
    /// # Errors
    ///
    /// Any other character, and `N` behind a letter. Changes such as `+W` are refused.
    pub fn parse_request(text: &str) -> Result<Option<Self>, BadMode> {
        if text.is_empty() {
            return Ok(None);
        }
        if text.starts_with(['N', 'n']) {
            return Ok(Some(Self::NONE));
        }
        text.chars()
            .try_fold(Self::NONE, |mode, letter| Some(mode | Self::of_letter(letter)?))
            .map(Some)
            .ok_or(BadMode)
    }

    /// Reads what a server says; letters it does not know are ignored.
    #[must_use]
    pub fn parse_lenient(text: &str) -> Self {
        text.chars().filter_map(Self::of_letter).fold(Self::NONE, BitOr::bitor)
    }

    /// Whether every permission of `other` is in this mode.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any permission of `other` is in this mode.
    #[must_use]
    pub const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// `A` or `O`.
    #[must_use]
    pub const fn is_admin(self) -> bool {
        self.has_any(Self(Self::APPROVE.0 | Self::OWNER.0))
    }

    /// `A`, `S` or `O`.
    #[must_use]
    pub const fn is_sharer(self) -> bool {
        self.has_any(Self(Self::APPROVE.0 | Self::SHARE.0 | Self::OWNER.0))
    }

    /// The change from this mode to `to`, as it travels in `dacs`: `+` what is added, then `-` what
    /// is removed; empty when nothing changed. (tinode-code)
    #[must_use]
    pub fn delta(self, to: Self) -> String {
        let (added, removed) = (to - self, self - to);
        let mut text = String::new();
        for (sign, mode) in [('+', added), ('-', removed)] {
            if mode != Self::NONE {
                text.push(sign);
                text.push_str(&mode.to_string());
            }
        }
        text
    }

    fn of_letter(letter: char) -> Option<Self> {
        let letter = letter.to_ascii_uppercase();
        LETTERS.iter().position(|known| *known == letter).map(|bit| Self(1 << bit))
    }
}

/// Letters in canonical order; `N` for none.
impl fmt::Display for AccessMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        if *self == Self::NONE {
            return f.write_char('N');
        }
        LETTERS
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & (1 << bit) != 0)
            .try_for_each(|(_, letter)| f.write_char(*letter))
    }
}

impl fmt::Debug for AccessMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl BitOr for AccessMode {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for AccessMode {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// What is in the first and not in the second.
impl Sub for AccessMode {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// A change of one side of access, as it travels in `dacs`. (tinode-code)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dacs {
    /// The new mode: letters alone, `N` for cleared.
    Set(AccessMode),
    /// What is added, and what is removed.
    Change(AccessMode, AccessMode),
}

impl Dacs {
    /// Reads one side; `None` when the text is empty, which means unchanged.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        if !text.starts_with(['+', '-']) {
            return Some(Self::Set(AccessMode::parse_lenient(text)));
        }
        let (mut added, mut removed, mut adding) = (AccessMode::NONE, AccessMode::NONE, true);
        for letter in text.chars() {
            match letter {
                '+' => adding = true,
                '-' => adding = false,
                _ => {
                    let bit = AccessMode::of_letter(letter).unwrap_or_default();
                    let side = if adding { &mut added } else { &mut removed };
                    *side = *side | bit;
                }
            }
        }
        Some(Self::Change(added, removed))
    }

    /// The mode after the change.
    #[must_use]
    pub fn apply(self, to: AccessMode) -> AccessMode {
        match self {
            Self::Set(mode) => mode,
            Self::Change(added, removed) => (to | added) - removed,
        }
    }
}

/// Both sides of a user's access to a topic. (seed)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// What the user wants.
    pub want: AccessMode,
    /// What the topic gives.
    pub given: AccessMode,
}

impl Access {
    /// What the user may do: what is wanted and given.
    #[must_use]
    pub fn mode(self) -> AccessMode {
        self.want & self.given
    }

    /// After a change of either side; `None` leaves a side as it is.
    #[must_use]
    pub fn changed(self, want: Option<Dacs>, given: Option<Dacs>) -> Self {
        Self {
            want: want.map_or(self.want, |dacs| dacs.apply(self.want)),
            given: given.map_or(self.given, |dacs| dacs.apply(self.given)),
        }
    }

    /// As a server writes it; `None` when it says nothing. A `mode` alone stands for both sides.
    #[must_use]
    pub fn from_acs(acs: &Acs<'_>) -> Option<Self> {
        let read = |text: &Str<'_>| AccessMode::parse_lenient(&text.decode());
        if !acs.want.is_empty() || !acs.given.is_empty() {
            return Some(Self { want: read(&acs.want), given: read(&acs.given) });
        }
        let mode = read(&acs.mode);
        (!acs.mode.is_empty()).then_some(Self { want: mode, given: mode })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mode(text: &str) -> AccessMode {
        AccessMode::parse_request(text).unwrap().unwrap()
    }

    #[test]
    fn requests_follow_the_grammar() {
        assert_eq!(mode("jrwps").to_string(), "JRWPS");
        assert_eq!(mode("SPWRJJ").to_string(), "JRWPS");
        assert_eq!(mode("NJ"), AccessMode::NONE);
        assert_eq!(AccessMode::parse_request(""), Ok(None));
        for bad in ["JN", "+W", "JXZ", "J R"] {
            assert_eq!(AccessMode::parse_request(bad), Err(BadMode), "{bad}");
        }
    }

    #[test]
    fn the_sample_of_an_ownership_transfer_applies() {
        let after = Dacs::parse("-ADO").unwrap().apply(AccessMode::ALL);
        assert_eq!(after.to_string(), "JRWPS");
        assert_eq!(AccessMode::ALL.delta(after), "-ADO");
        assert_eq!(Dacs::parse("N").unwrap().apply(after), AccessMode::NONE);
        assert_eq!(Dacs::parse(""), None);
    }

    #[test]
    fn both_sides_change_on_their_own() {
        let acs = |want: &'static str, given: &'static str, mode: &'static str| Acs {
            want: want.into(),
            given: given.into(),
            mode: mode.into(),
            ..Acs::default()
        };
        let access = Access::from_acs(&acs("JRWPA", "JRWPAS", "JRWPA")).unwrap();
        assert_eq!(access.mode(), mode("JRWPA"));
        let after = access.changed(Dacs::parse("-W"), Dacs::parse("N"));
        assert_eq!((after.want, after.given), (mode("JRPA"), AccessMode::NONE));
        assert_eq!(access.changed(None, None), access);
        assert_eq!(Access::from_acs(&acs("", "", "JR")).unwrap().mode(), mode("JR"));
        assert_eq!(Access::from_acs(&acs("", "", "")), None);
        assert_eq!(Access::from_acs(&acs("JX?", "J", "")).unwrap().mode(), AccessMode::JOIN);
    }

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        #[test]
        fn a_delta_applies_to_what_it_was_made_from(from: u8, to: u8) {
            let (from, to) = (AccessMode(from), AccessMode(to));
            let delta = from.delta(to);
            let after = Dacs::parse(&delta).map_or(from, |dacs| dacs.apply(from));
            prop_assert_eq!(after, to);
        }

        #[test]
        fn what_is_printed_reads_back(bits: u8) {
            prop_assert_eq!(mode(&AccessMode(bits).to_string()), AccessMode(bits));
        }
    }
}
