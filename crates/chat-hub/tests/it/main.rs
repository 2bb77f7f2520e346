//! The hub driven through real frames, under virtual time.

mod access;
mod deletion;
mod durability;
mod files;
mod history;
mod hostile;
mod lab;
mod links;
mod login;
mod model;
mod notes;
mod oauth;
mod presence;
mod publish;
mod topics;
mod transcript;
mod world;
