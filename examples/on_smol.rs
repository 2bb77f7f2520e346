//! The examples on smol: `build.rs` writes them from those on tokio. `CHAT_EXAMPLE` says which.

include!(concat!(env!("OUT_DIR"), "/smol.rs"));
