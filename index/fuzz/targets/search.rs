//! Sections and header fields of any content, with right checksums: searched in all ways, verified, repaired,
//! merged.
#![no_main]

#[path = "../../tests/it/craft.rs"]
#[allow(dead_code)]
mod craft;
#[path = "../../tests/it/harness.rs"]
#[allow(dead_code)]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::search(data));
