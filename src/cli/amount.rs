//! Amounts of memory as people write them, `2GiB` or `500MB`, and how much memory is free.

use std::time::Duration;

use crate::error::{Error, Result};

/// Assumed where the system does not say how much memory is free, in bytes.
const UNKNOWN: u64 = 2 << 30;

/// Units, the long ones before those they end in.
const UNITS: [(&str, u64); 13] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
    ("t", 1 << 40),
    ("b", 1),
];

/// Bytes of `500MB` (powers of 1000), `2GiB` or `2G` (of 1024), `1.5 gb` or a bare number.
///
/// # Errors
/// If it is none of these; `name` is the flag.
pub(super) fn parse(name: &str, text: &str) -> Result<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let unit = UNITS.iter().find_map(|(unit, bytes)| lower.strip_suffix(unit).map(|number| (number, *bytes)));
    let (number, unit) = unit.unwrap_or((&lower, 1));
    let number = number.trim_end();
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.'); // no sign, exponent or infinity
    match number.parse::<f64>() {
        // a float too large for u64 becomes the largest one: no limit
        Ok(number) if plain => Ok((number * unit as f64) as u64),
        _ => Err(Error::invalid(format!("{name}: expected an amount such as 2GiB or 500MB, got {text:?}"))),
    }
}

/// Half of the memory that is free now.
pub(super) fn half_of_memory() -> u64 {
    free_memory().map_or(UNKNOWN, |n| n / 2)
}

/// The memory that is free now, in bytes, where the system says.
pub(super) fn free_memory() -> Option<u64> {
    std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text))
}

/// `MemAvailable:   12345 kB`, in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

/// Seconds as a duration, if any are given for `flag`.
pub(super) fn seconds(flag: &str, given: Option<f64>, default: Duration) -> Result<Duration> {
    let Some(given) = given else { return Ok(default) };
    let duration = Duration::try_from_secs_f64(given).ok().filter(|duration| !duration.is_zero());
    duration
        .ok_or_else(|| Error::invalid(format!("{flag}: expected a number of seconds above 0, got {given}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        let bytes = |text| parse("--max-memory", text).unwrap();
        assert_eq!(["0", "4096", "12b", "3 kB"].map(bytes), [0, 4096, 12, 3000]);
        assert_eq!(["500MB", "2GiB", "2g", "1.5GiB"].map(bytes), [500_000_000, 2 << 30, 2 << 30, 3 << 29]);
        assert_eq!(bytes("99999999TiB"), u64::MAX);
        for wrong in ["", "much", "GiB", "-1GB", "1e9", "infGB", "1.2.3", "5 apples"] {
            let error = parse("--max-memory", wrong).unwrap_err().to_string();
            assert!(error.starts_with("--max-memory: expected an amount"), "{error}");
        }
    }

    #[test]
    fn free_memory_is_what_the_system_says() {
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:   2048 kB\nBuffers: 1 kB\n"), Some(2 << 20));
        assert_eq!(available("MemTotal: 9 kB\n"), None);
        assert_eq!(available("MemAvailable: much\n"), None);
        assert!(half_of_memory() > 0);
    }
}
