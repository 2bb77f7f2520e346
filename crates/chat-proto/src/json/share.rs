//! Borrowed values become shared ones.

use bytestring::ByteString;

use crate::machine::Text;

/// A borrowed value that can keep its frame's buffer alive instead.
///
/// Sharing costs one reference count a string and no copy. One shared value keeps the whole message
/// in memory; what is kept for long should be copied out with `to_string`.
pub trait Share {
    /// The same type with the lifetime `'static`.
    type Static: 'static;

    /// Turns borrows from `text` into shares of it. A part that was not borrowed from `text` is
    /// copied.
    fn share(self, text: &Text) -> Self::Static;
}

/// A string slice, borrowed or shared.
#[derive(Clone)]
pub(super) enum Slice<'a> {
    Borrowed(&'a str),
    Shared(ByteString),
}

impl Slice<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }

    pub(super) fn share(self, text: &Text) -> Slice<'static> {
        match self {
            Self::Borrowed(part) => Slice::Shared(text.share(part)),
            Self::Shared(part) => Slice::Shared(part),
        }
    }

    /// The same slice under a shorter lifetime, without touching the count of a borrowed one.
    pub(super) fn reborrow(&self) -> Slice<'_> {
        match self {
            Self::Borrowed(text) => Slice::Borrowed(text),
            Self::Shared(text) => Slice::Borrowed(text),
        }
    }
}

macro_rules! share_as_is {
    ($($type:ty),*) => { $(
        impl Share for $type {
            type Static = Self;

            fn share(self, _: &Text) -> Self {
                self
            }
        }
    )* };
}
share_as_is!(bool, u32, u64, i64);

impl<T: Share> Share for Option<T> {
    type Static = Option<T::Static>;

    fn share(self, text: &Text) -> Self::Static {
        self.map(|value| value.share(text))
    }
}

impl<T: Share> Share for Box<T> {
    type Static = Box<T::Static>;

    fn share(self, text: &Text) -> Self::Static {
        Box::new((*self).share(text))
    }
}

impl<T: Share> Share for Vec<T> {
    type Static = Vec<T::Static>;

    fn share(self, text: &Text) -> Self::Static {
        self.into_iter().map(|value| value.share(text)).collect()
    }
}

impl<A: Share, B: Share> Share for (A, B) {
    type Static = (A::Static, B::Static);

    fn share(self, text: &Text) -> Self::Static {
        (self.0.share(text), self.1.share(text))
    }
}
