//! See `chat_fuzz::im_session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chat_fuzz::im_session(data));
