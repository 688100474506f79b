//! A MANIFEST of any record, with a right checksum: opened, verified, repaired, committed to.
#![no_main]

#[path = "../../tests/it/craft.rs"]
#[allow(dead_code)]
mod craft;
#[path = "../../tests/it/harness.rs"]
#[allow(dead_code)]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::manifest(data));
