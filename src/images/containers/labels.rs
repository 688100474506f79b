//! The labels of a container's entries: each text once, and four bytes per entry.

use std::collections::HashMap;

/// Entries without a label.
const NONE: u32 = u32::MAX;
/// Longest label, in bytes; longer texts are captions, not classes.
const MAX_BYTES: usize = 256;

/// A label, or none, for each entry.
#[derive(Debug, Default)]
pub(super) struct Labels {
    /// Positions in `texts`.
    of: Vec<u32>,
    texts: Texts,
}

impl Labels {
    /// The labels with these numbers; numbers without a name are their own label.
    pub(super) fn of_numbers(numbers: impl IntoIterator<Item = i64>, names: &[String]) -> Self {
        let mut labels = Labels::default();
        let mut known = HashMap::new();
        for number in numbers {
            let label = *known.entry(number).or_insert_with(|| {
                let name = usize::try_from(number).ok().and_then(|number| names.get(number));
                labels.texts.number(name.map_or(&number.to_string(), |name| name))
            });
            labels.of.push(label);
        }
        labels
    }

    /// The label of the next entry.
    pub(super) fn push(&mut self, text: Option<&str>) {
        let label = text.map_or(NONE, |text| self.texts.number(text));
        self.of.push(label);
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    /// The label of entry `index`.
    pub(super) fn get(&self, index: usize) -> Option<&str> {
        self.texts.get(*self.of.get(index)?)
    }
}

/// Different texts, numbered from 0.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
}

impl Texts {
    /// The number of a text, after trimming; the number of no label if it is empty or not the name of a
    /// class.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_BYTES || text.contains(char::is_control) {
            return NONE;
        }
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as u32; // fewer than entries, of which there are at most 1 << 24
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        number
    }

    /// The text of a number.
    pub(super) fn get(&self, number: u32) -> Option<&str> {
        self.texts.get(number as usize).map(|text| &**text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_names_where_there_are_some() {
        let labels = Labels::of_numbers([1, 0, 7, -1, 1], &["cat".to_owned(), "dog".to_owned()]);
        let got: Vec<_> = (0..6).map(|i| labels.get(i)).collect();
        assert_eq!(got, [Some("dog"), Some("cat"), Some("7"), Some("-1"), Some("dog"), None]);
    }

    #[test]
    fn captions_are_no_labels() {
        let mut labels = Labels::default();
        for text in [Some(" cat\n"), None, Some(""), Some("two\nlines"), Some(&"x".repeat(300)), Some("cat")]
        {
            labels.push(text);
        }
        let got: Vec<_> = (0..labels.len()).map(|i| labels.get(i)).collect();
        assert_eq!(got, [Some("cat"), None, None, None, None, Some("cat")]);
    }
}
