#![no_main]

#[path = "../oracles/http/mod.rs"]
mod http;

libfuzzer_sys::fuzz_target!(|data: &[u8]| http::check(data));
