//! The examples as their readers run them: each in a process of its own, on each runtime, against our
//! server on a free port. What a program prints, does and ends with decides.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod order_bot;
mod own_driver;
mod place;
mod program;
mod proxy;
mod topic_chat;
