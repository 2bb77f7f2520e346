//! See `chat_fuzz::decode_im`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chat_fuzz::decode_im(data));
