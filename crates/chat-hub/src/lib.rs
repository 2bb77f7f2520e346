//! The service side of two chat protocols as a pure state machine.
//!
//! [`Hub`] is many connections behind one machine: topics and members of the IM, orders of the C2C
//! chat, accounts, tokens, files' metadata. It opens no socket, reads no clock, touches no disk; a
//! front feeds it and does what it says.
//!
//! ```text
//! loop {
//!     feed:  offer/accepted · handle_input · handle_http · begin_transfer/finish_upload
//!            committed/commit_failed · handle_timeout
//!     then until both are empty:
//!            poll_action → Commit: store, report · Respond · Drop · Remove
//!            poll_wake   → poll_transmit of that connection until empty
//!     sleep until poll_timeout
//! }
//! ```
//!
//! **Commit before reply.** A change is made in memory at once and yields [`Record`]s. Whatever the
//! hub would say during or after the change waits until the front reports the records stored, so an
//! acknowledged message is a stored message. A commit that fails takes the changes back, and those
//! who wait get an error: no number is consumed, and the next request works.

mod accounts;
mod c2c;
mod config;
mod effects;
mod faults;
mod http_answer;
mod hub;
mod ids;
mod im;
mod journal;
mod oauth;
pub mod record;
mod services;
mod transfer;
pub mod world;

pub use c2c::{C2cImage, C2cMessage, C2cPicture, C2cRecord, Script, ScriptError};
pub use config::{HubConfig, PublicUrls};
pub use hub::{Forward, Hub, HubAction, Offer};
pub use record::Record;
pub use transfer::{Download, FileKey, Transfer, UploadBody, UploadError, Uploaded};
pub use world::World;
