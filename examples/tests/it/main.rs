//! The examples as their readers run them: each in a process of its own, against our server on a free
//! port. What a program prints and how it ends decides.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod own_driver;
mod program;
