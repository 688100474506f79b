//! A time in a film, in milliseconds from its start, and the name of the picture there: `00:01:02`, or
//! `00:01:02.345` where it is no whole second.

/// The name of the picture at a time.
pub(in crate::images) fn name_of(ms: u64) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let [hours, minutes, seconds] = [seconds / 3600, seconds / 60 % 60, seconds % 60];
    let fraction = if ms == 0 { String::new() } else { format!(".{ms:03}") };
    format!("{hours:02}:{minutes:02}:{seconds:02}{fraction}")
}

/// The time that [`name_of`] calls so; none for any other text.
pub(in crate::images) fn time_of(name: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(name).ok().filter(|text| text.len() <= 20)?;
    let ms = milliseconds(text)?;
    (name_of(ms) == text).then_some(ms)
}

/// `00:01:02.34` in milliseconds, as ffmpeg writes durations.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let [hours, minutes] = [parts.next()?.parse::<u64>().ok()?, parts.next()?.parse::<u64>().ok()?];
    let (seconds, fraction) = parts.next().map(|rest| rest.split_once('.').unwrap_or((rest, "")))?;
    let fraction: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let seconds: u64 = seconds.parse().ok()?;
    let whole = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?;
    whole.checked_mul(1000)?.checked_add(fraction).filter(|_| parts.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_names_and_only_those() {
        for (ms, name) in
            [(0, "00:00:00"), (62_345, "00:01:02.345"), (362_000_020, "100:33:20.020"), (7_000, "00:00:07")]
        {
            assert_eq!((name_of(ms).as_str(), time_of(name.as_bytes())), (name, Some(ms)));
        }
        for wrong in
            ["", "7", "0:00:07", "00:00:07.0", "00:00:07.000", "00:60:00", "00:00:7", "a:b:c", "00:00:00:00"]
        {
            assert_eq!(time_of(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!((milliseconds("00:00:07.04"), milliseconds("N/A")), (Some(7_040), None));
        assert_eq!(milliseconds("99999999999999999999:00:00"), None);
    }
}
