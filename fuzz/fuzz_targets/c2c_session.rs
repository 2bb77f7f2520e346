//! See `chat_fuzz::c2c_session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chat_fuzz::c2c_session(data));
