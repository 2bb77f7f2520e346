//! See `chat_fuzz::decode_c2c`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chat_fuzz::decode_c2c(data));
