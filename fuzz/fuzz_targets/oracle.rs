//! See `chat_fuzz::oracle`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chat_fuzz::oracle(data));
