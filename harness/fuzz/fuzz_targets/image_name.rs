#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pullproof_fuzz::credentials::image_name(data));
