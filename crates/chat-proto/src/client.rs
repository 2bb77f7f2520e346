//! Client sessions: one engine, one sub-machine a service.
//!
//! [`Session`] owns what both services share: link phases, back-off, timers, the table of requests,
//! HTTP exchanges, closing. The service ([`Service`]) reacts through a [`Cx`] and never waits.

mod config;
mod engine;
mod event;
mod frames;
pub mod phase;
mod requests;
mod service;
mod timers;

pub use config::SessionConfig;
pub use engine::{Cx, Session};
pub use event::{CredentialsProblem, Event, RequestId};
pub use phase::Phase;
pub use service::{Prepare, Service, Verdict};
