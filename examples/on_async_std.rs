//! The examples on async-std: `build.rs` writes them from those on tokio. `CHAT_EXAMPLE` says which.

include!(concat!(env!("OUT_DIR"), "/async_std.rs"));
