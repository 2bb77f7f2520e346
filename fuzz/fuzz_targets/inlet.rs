//! See `chat_fuzz::inlet`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chat_fuzz::inlet(data));
