#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| meshsniff_fuzz::websocket(input));
