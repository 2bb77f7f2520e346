//! Borrowed values become shared ones.

use std::sync::Arc;

use bytestring::ByteString;

use crate::machine::Text;

/// A borrowed value that can keep its frame's buffer alive instead.
///
/// Sharing a frame costs one allocation, and one reference count a string; nothing is copied. One
/// shared value keeps the whole message in memory; what is kept for long should be copied out with
/// `to_string`.
pub trait Share: Sized {
    /// The same type with the lifetime `'static`.
    type Static: 'static;

    /// Turns borrows from the text of `source` into shares of it. A part that was not borrowed from
    /// there is copied.
    fn share_in(self, source: &Source) -> Self::Static;

    /// The same for the text itself.
    fn share(self, text: &Text) -> Self::Static {
        self.share_in(&Source::from(text))
    }
}

/// The text that the parts of one frame share.
#[derive(Clone, Debug)]
pub struct Source(Arc<Text>);

impl From<&Text> for Source {
    fn from(text: &Text) -> Self {
        Self(Arc::new(text.clone()))
    }
}

/// How the text of a [`Slice`] is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it stands; in JSON it may need escapes.
    Plain,
    /// As it stood between the quotes of a string, which had no escapes and needs none.
    Clean,
    /// What stood between the quotes of a string, with at least one escape in it.
    Escaped,
    /// JSON itself.
    Bare,
}

/// A string slice, borrowed, shared or our own. Three words, because frames are made of these.
#[derive(Clone)]
pub(crate) enum Slice<'a> {
    Borrowed(Form, &'a str),
    /// A range of bytes of the text.
    Shared(Form, u32, u32, Arc<Text>),
    Own(Form, Box<str>),
}

impl<'a> Slice<'a> {
    pub(crate) fn own(form: Form, text: impl Into<Box<str>>) -> Self {
        Self::Own(form, text.into())
    }

    #[inline(always)]
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(_, text) => text,
            Self::Shared(_, from, to, text) => &text.as_str()[*from as usize..*to as usize],
            Self::Own(_, text) => text,
        }
    }

    #[inline(always)]
    pub(crate) const fn is_empty(&self) -> bool {
        match self {
            Self::Borrowed(_, text) => text.is_empty(),
            Self::Shared(_, from, to, _) => *from == *to,
            Self::Own(_, text) => text.is_empty(),
        }
    }

    #[inline(always)]
    pub(crate) const fn form(&self) -> Form {
        match self {
            Self::Borrowed(form, _) | Self::Shared(form, ..) | Self::Own(form, _) => *form,
        }
    }

    /// The same slice under a shorter lifetime, without touching any count.
    pub(crate) fn reborrow(&self) -> Slice<'_> {
        Slice::Borrowed(self.form(), self.as_str())
    }

    /// Not inlined: a frame has a dozen of these.
    #[inline(never)]
    pub(crate) fn share_in(self, source: &Source) -> Slice<'static> {
        match self {
            Self::Borrowed(form, part) => match range(source.0.as_str(), part) {
                Some((from, to)) => Slice::Shared(form, from, to, Arc::clone(&source.0)),
                None => Slice::own(form, part),
            },
            Self::Shared(form, from, to, text) => Slice::Shared(form, from, to, text),
            Self::Own(form, text) => Slice::Own(form, text),
        }
    }
}

impl From<ByteString> for Slice<'_> {
    fn from(text: ByteString) -> Self {
        match u32::try_from(text.len()) {
            Ok(len) => Self::Shared(Form::Plain, 0, len, Arc::new(text.into())),
            Err(_) => Self::own(Form::Plain, &*text),
        }
    }
}

/// Where in a text a slice lies, and how it is meant: what can be kept of a borrowed value without
/// keeping the borrow. Two words less than a [`Slice`], because an event has many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    from: u32,
    /// The length, and [`Span::ESCAPED`].
    len: u32,
}

impl Span {
    /// Of what is empty, wherever it lies.
    pub(crate) const EMPTY: Self = Self { from: 0, len: 0 };

    const ESCAPED: u32 = 1 << 31;

    /// Of a slice that was read from `whole`. `None` for one that was not, and where the text is
    /// larger than a span can tell.
    #[inline(always)]
    pub(crate) fn of(slice: &Slice<'_>, whole: &str) -> Option<Self> {
        let Slice::Borrowed(form, part) = slice else { return None };
        if part.is_empty() {
            return Some(Self::EMPTY);
        }
        let from = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        let is_within = from <= whole.len() && part.len() <= whole.len() - from;
        if !is_within || whole.len() >= Self::ESCAPED as usize {
            return None;
        }
        // Both are less than that.
        let (from, len) = (from as u32, part.len() as u32);
        match form {
            Form::Clean | Form::Bare => Some(Self { from, len }),
            Form::Escaped => Some(Self { from, len: len | Self::ESCAPED }),
            Form::Plain => None,
        }
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// What lies there, as it stands.
    pub(crate) fn bare_in(self, whole: &str) -> &str {
        let (from, len) = (self.from as usize, (self.len & !Self::ESCAPED) as usize);
        &whole[from..from + len]
    }

    /// What lies there between the quotes of a string.
    pub(crate) fn quoted_in(self, whole: &str) -> Slice<'_> {
        let form = if self.len & Self::ESCAPED == 0 { Form::Clean } else { Form::Escaped };
        Slice::Borrowed(form, self.bare_in(whole))
    }
}

/// Where in `whole` the slice `part` lies.
fn range(whole: &str, part: &str) -> Option<(u32, u32)> {
    let from = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let to = from + part.len();
    (to <= whole.len()).then_some((u32::try_from(from).ok()?, u32::try_from(to).ok()?))
}

macro_rules! share_as_is {
    ($($type:ty),*) => { $(
        impl Share for $type {
            type Static = Self;

            fn share_in(self, _: &Source) -> Self {
                self
            }
        }
    )* };
}
share_as_is!(bool, u32, u64, i64);

impl<T: Share> Share for Option<T> {
    type Static = Option<T::Static>;

    fn share_in(self, source: &Source) -> Self::Static {
        self.map(|value| value.share_in(source))
    }
}

impl<T: Share> Share for Box<T> {
    type Static = Box<T::Static>;

    fn share_in(self, source: &Source) -> Self::Static {
        Box::new((*self).share_in(source))
    }
}

impl<T: Share> Share for Vec<T> {
    type Static = Vec<T::Static>;

    fn share_in(self, source: &Source) -> Self::Static {
        // Not collected: that would compile to ten times as much.
        let mut shared = Vec::with_capacity(self.len());
        for value in self {
            shared.push(value.share_in(source));
        }
        shared
    }
}

impl<A: Share, B: Share> Share for (A, B) {
    type Static = (A::Static, B::Static);

    fn share_in(self, source: &Source) -> Self::Static {
        (self.0.share_in(source), self.1.share_in(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sharing_gives_a_view_inside_and_a_copy_outside() {
        let text = Text::from("hello world");
        let source = Source::from(&text);
        let share = |part| Slice::Borrowed(Form::Plain, part).share_in(&source);
        let view = share(&text.as_str()[6..]);
        assert_eq!(view.as_str().as_ptr(), text.as_str()[6..].as_ptr());
        assert_eq!(view.as_str(), "world");
        assert!(matches!(share("elsewhere"), Slice::Own(_, part) if &*part == "elsewhere"));
    }

    #[test]
    fn a_slice_takes_three_words() {
        assert_eq!(size_of::<Option<Slice<'_>>>(), 3 * size_of::<usize>());
    }
}
