//! The hub driven through real frames, under virtual time.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    reason = "a test may panic, looks for one variant, and reads the clock once to start from"
)]

mod access;
mod c2c;
mod c2c_calls;
mod c2c_faults;
mod c2c_front;
mod c2c_history;
mod c2c_links;
mod c2c_pair;
mod c2c_pictures;
mod c2c_script;
mod client_side;
mod deletion;
mod deletion_rows;
mod durability;
mod emc;
mod fan_out;
mod files;
mod frames;
mod grants;
mod history;
mod hostile;
mod im_pair;
mod im_verbs;
mod joining;
mod lab;
mod limits;
mod links;
mod login;
mod members;
mod model;
mod notes;
mod oauth;
mod presence;
mod publish;
mod returning;
mod session;
mod tinode;
mod tinode_files;
mod topics;
mod transcript;
mod unload;
mod world;
