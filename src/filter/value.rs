//! Numbers and dates of expressions: each stands for a range of values of its column.

use std::ops::Range;

use crate::gallery::days;

const DAY: i64 = 86_400;

/// The seconds since 1970 that a date stands for: of a year, a month, a day, an hour, a minute or a second.
pub(super) fn date(text: &str) -> Option<Range<i64>> {
    let (day, time) = match text.split_once(['T', ' ']) {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let number = |digits: &str, length: usize| {
        let fits = digits.len() == length && digits.bytes().all(|digit| digit.is_ascii_digit());
        fits.then(|| digits.parse::<i64>().ok()).flatten()
    };
    let parts: Vec<&str> = day.split('-').collect();
    let year = number(parts[0], 4)?;
    let month =
        parts.get(1).map_or(Some(1), |month| number(month, 2)).filter(|month| (1..=12).contains(month))?;
    let first = days(year, month, 1);
    let next = if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) };
    let start = match (&parts[..], time) {
        ([_], None) => return Some(first * DAY..days(year + 1, 1, 1) * DAY),
        ([_, _], None) => return Some(first * DAY..next * DAY),
        ([_, _, day], _) => first + number(day, 2).filter(|day| (1..=next - first).contains(day))? - 1,
        _ => return None,
    };
    let Some(time) = time else { return Some(start * DAY..(start + 1) * DAY) };
    let parts: Vec<&str> = time.split(':').collect();
    let part = |at: usize, below: i64| {
        parts.get(at).map_or(Some(0), |part| number(part, 2)).filter(|part| *part < below)
    };
    let start = start * DAY + part(0, 24)? * 3600 + part(1, 60)? * 60 + part(2, 60)?;
    let length = *[3600, 60, 1].get(parts.len() - 1)?;
    Some(start..start + length)
}

/// The whole number that a text stands for; `kB`, `MB` and `GB` are allowed where `has_units`.
pub(super) fn number(text: &str, has_units: bool) -> Option<Range<i64>> {
    let lower = text.to_lowercase();
    let units = [("kb", 1e3), ("mb", 1e6), ("gb", 1e9)];
    let unit = units
        .into_iter()
        .filter(|_| has_units)
        .find_map(|(name, unit)| Some((lower.strip_suffix(name)?, unit)));
    let value = match unit {
        Some((digits, unit)) => whole(digits.trim(), unit)?,
        None => text.parse().ok()?,
    };
    Some(value..value.checked_add(1)?)
}

/// The millionths of a degree that a text stands for.
pub(super) fn degrees(text: &str) -> Option<Range<i64>> {
    let value = whole(text, 1e6)?;
    (-180_000_000..=180_000_000).contains(&value).then_some(value..value + 1)
}

fn whole(digits: &str, unit: f64) -> Option<i64> {
    let is_number = digits.bytes().all(|letter| letter.is_ascii_digit() || b".-".contains(&letter));
    let value = digits.parse::<f64>().ok().filter(|value| is_number && value.is_finite())? * unit;
    (value.abs() < 1e15).then(|| value.round() as i64)
}

/// `2024-06-30T18:05:00`
pub(super) fn date_text(seconds: i64) -> String {
    let (day, time) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // "civil from days", Howard Hinnant: years begin in March, and eras last 400 years
    let shifted = day.saturating_add(719_468);
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    let year = year + 400 * era;
    let [hour, minute, second] = [time / 3600, time / 60 % 60, time % 60];
    format!("{year:04}-{month:02}-{of_month:02}T{hour:02}:{minute:02}:{second:02}")
}

/// `52.5`, from millionths.
pub(super) fn degrees_text(micro: i64) -> String {
    let degrees = micro as f64 / 1e6;
    degrees.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_stands_for_all_of_its_year_month_day_or_minute() {
        for (text, first, last) in [
            ("2024", "2024-01-01T00:00:00", "2024-12-31T23:59:59"),
            ("2024-02", "2024-02-01T00:00:00", "2024-02-29T23:59:59"),
            ("2023-12", "2023-12-01T00:00:00", "2023-12-31T23:59:59"),
            ("1969-12-31", "1969-12-31T00:00:00", "1969-12-31T23:59:59"),
            ("2024-06-30T18", "2024-06-30T18:00:00", "2024-06-30T18:59:59"),
            ("2024-06-30 18:05", "2024-06-30T18:05:00", "2024-06-30T18:05:59"),
            ("2024-06-30T18:05:07", "2024-06-30T18:05:07", "2024-06-30T18:05:07"),
        ] {
            let range = date(text).unwrap();
            assert_eq!(
                (date_text(range.start), date_text(range.end - 1)),
                (first.into(), last.into()),
                "{text}"
            );
        }
        for wrong in [
            "",
            "24",
            "2024-13",
            "2024-00",
            "2023-02-29",
            "2024-6",
            "2024-06-31",
            "2024-06T10",
            "2024T10",
            "20240630",
            "2024-06-30T24",
            "2024-06-30T10:60",
            "2024-06-30T10:00:00:00",
            "2024-06-30T",
            "June",
            "+024",
        ] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_day_of_a_thousand_years_is_shown_as_itself() {
        assert_eq!(date_text(-1), "1969-12-31T23:59:59");
        // damaged ones cost no more than others
        assert!([i64::MIN, i64::MAX].iter().all(|far| date_text(*far).contains("-")));
        for day in (days(1600, 1, 1)..days(2600, 1, 1)).step_by(11) {
            let text = date_text(day * DAY);
            assert_eq!(date(&text).unwrap().start, day * DAY, "{text}");
        }
    }

    #[test]
    fn numbers_have_units_and_degrees_fractions() {
        assert_eq!(number("-3", false), Some(-3..-2));
        assert_eq!(number("1.5MB", true), Some(1_500_000..1_500_001));
        assert_eq!((number("1.5", true), number("5MB", false), number("x", true)), (None, None, None));
        assert_eq!((number("9223372036854775807", false), number("1e9gb", true)), (None, None));
        assert_eq!(degrees("-33.86"), Some(-33_860_000..-33_859_999));
        assert_eq!((degrees("200"), degrees("1e1"), degrees("inf")), (None, None, None));
        assert_eq!((degrees_text(52_500_000), degrees_text(-1)), ("52.5".into(), "-0.000001".into()));
    }
}
