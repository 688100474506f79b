//! A segment or tombstone file of any bytes, beside a MANIFEST that names it with its length: opened and used
//! whole.
#![no_main]

#[path = "../../tests/it/craft.rs"]
#[allow(dead_code)]
mod craft;
#[path = "../../tests/it/harness.rs"]
#[allow(dead_code)]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::open(data));
