//! Texts that spreadsheets would run as formulas, in CSV files: behind an apostrophe, as OWASP advises ("CSV
//! Injection").

/// What a text begins with that is run.
const STARTS: &[u8] = b"=+-@\t\r\n";

/// Whether the text begins so, or would without apostrophes before it: they count so that each covered text
/// comes back as it was.
fn is_run(text: &[u8]) -> bool {
    text.iter().find(|&&byte| byte != b'\'').is_some_and(|byte| STARTS.contains(byte))
}

/// The text behind an apostrophe, if it needs one.
pub fn covered(text: String) -> String {
    if is_run(text.as_bytes()) { format!("'{text}") } else { text }
}

/// The text of a cell that [`covered`] made, or of one that needs no apostrophe.
pub fn uncovered(cell: &[u8]) -> &[u8] {
    cell.strip_prefix(b"'").filter(|text| is_run(text)).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_covered_comes_back() {
        for text in ["=1/a.png", "+1", "-1", "@x", "\tx", "\n", "'=1", "''+1", "'tis", "a=1", "'", ""] {
            let cell = covered(text.to_owned());
            assert!(!STARTS.contains(cell.as_bytes().first().unwrap_or(&b'a')), "{cell}");
            assert_eq!(uncovered(cell.as_bytes()), text.as_bytes());
        }
        assert_eq!(covered("'tis".to_owned()), "'tis");
        assert_eq!(uncovered(b"=1"), b"=1", "what is not covered is left");
    }
}
