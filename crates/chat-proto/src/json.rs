//! JSON as it stands in a frame: strings, raw values and the `frame!` macro that declares them.
//!
//! A frame borrows from the text it was decoded from. [`Str`] keeps a string as it was written and
//! decodes escapes on demand; [`Raw`] keeps a whole value untouched, so that what an application
//! put into a message comes out byte for byte. Both can instead share the frame's buffer
//! ([`Share`]), which is how an event outlives the read that brought it without copying.

mod frame;
mod raw;
mod share;
mod string;
mod transparent;
mod write;

pub use crate::secret::SecretStr;
pub(crate) use frame::{Field, Fields, frame, show};
pub use raw::{Extra, Raw};
pub(crate) use share::{Form, Slice, Span};
pub use share::{Share, Source};
pub use string::Str;
pub(crate) use transparent::transparent;
pub use write::Encode;
pub(crate) use write::{Object, member_name};
