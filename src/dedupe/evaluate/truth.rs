//! Known pairs of duplicates, from a CSV file, and the files of a scan that they mean. The only file that
//! names `csv`.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf, absolute};

use crate::dedupe::scan::Scan;
use crate::error::{Error, Result};
use crate::images::{Places, read_text};
use crate::output::uncovered;

/// Words that say that a pair is not a duplicate, and that it is one.
const DIFFERENT: [&str; 5] = ["0", "no", "false", "different", "n"];
const SAME: [&str; 6] = ["1", "yes", "true", "same", "y", "duplicate"];
/// The names of the first two fields, if the first line is a header.
const HEAD: [&str; 2] = ["a", "b"];

/// Known pairs of files.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Truth {
    pub(super) rows: Vec<Row>,
    /// Whether the third field says which pairs are duplicates.
    pub(super) has_judgements: bool,
    folder: PathBuf,
}

/// What is known about one pair.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) a: String,
    pub(super) b: String,
    pub(super) same: bool,
    /// How one was made from the other, if the third field says so.
    pub(super) kind: Option<String>,
}

impl Truth {
    /// Reads the file `path`: lines of `a,b` or `a,b,judgement`. Other words in the third field name kinds of
    /// pairs.
    ///
    /// # Errors
    /// When it cannot be read, or a line has fewer than two or more than three fields.
    pub(super) fn read(path: &Path) -> Result<Truth> {
        let text = read_text(path).map_err(|error| Error::io(path, error))?;
        Truth::parse(text.as_slice(), path)
    }

    pub(super) fn parse(text: impl Read, path: &Path) -> Result<Truth> {
        let place = path.display();
        let wrong = |what: String| {
            Error::invalid(format!("{place}: {what}")).with_hint(
                "expected lines of a,b or a,b,judgement: two paths, and whether they are duplicates",
            )
        };
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
        // paths may be copied from tables that were written for spreadsheets
        let plain = |cell: &str| String::from_utf8_lossy(uncovered(cell.as_bytes())).into_owned();
        let mut lines = Vec::new();
        for (record, is_first) in reader.records().zip(std::iter::once(true).chain(std::iter::repeat(false)))
        {
            let record = record.map_err(|error| wrong(error.to_string()))?;
            let cells: Vec<String> = record.iter().map(|cell| plain(cell.trim())).collect();
            match cells.as_slice() {
                [empty] if empty.is_empty() => {}
                [a, b] if is_first && [a.as_str(), b.as_str()] == HEAD => {}
                [a, b, _] if is_first && [a.as_str(), b.as_str()] == HEAD => {}
                [_, _] | [_, _, _] => lines.push(cells),
                other => {
                    return Err(wrong(format!(
                        "expected 2 or 3 columns, got {}: {}",
                        other.len(),
                        other.join(",")
                    )));
                }
            }
        }
        let judged = |cell: &str| {
            let cell = cell.to_lowercase();
            match (SAME.contains(&cell.as_str()), DIFFERENT.contains(&cell.as_str())) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            }
        };
        let thirds = || lines.iter().filter_map(|cells| cells.get(2));
        let has_judgements = thirds().next().is_some() && thirds().all(|cell| judged(cell).is_some());
        if let (false, Some(row)) = (
            has_judgements,
            lines.iter().find(|cells| cells.get(2).is_some_and(|cell| judged(cell).is_some())),
        ) {
            return Err(wrong(format!(
                "{},{}: expected the name of a kind as in other lines, got {}",
                row[0], row[1], row[2]
            )));
        }
        let row = |cells: Vec<String>| {
            let third = cells.get(2);
            Row {
                a: cells[0].clone(),
                b: cells[1].clone(),
                same: third.and_then(|cell| judged(cell)).unwrap_or(true),
                kind: third.filter(|_| !has_judgements).cloned(),
            }
        };
        // relative paths may start at the folder of the file
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Truth { rows: lines.into_iter().map(row).collect(), has_judgements, folder })
    }

    /// The file of the scan that each path of the truth means: by its name in the index, or as a path from
    /// the working directory, from the folder of the truth's file, or from one of `roots`.
    pub(super) fn files(&self, scan: &Scan, roots: &[PathBuf]) -> HashMap<&str, u32> {
        let places = Places::default();
        let ways = |path: &Path| {
            let ways = [absolute(path).ok(), places.of_file(path)].into_iter().flatten();
            ways.map(|path| path.into_os_string().into_encoded_bytes()).collect::<Vec<_>>()
        };
        let mut numbers: HashMap<Vec<u8>, u32> = HashMap::new();
        for (name, number) in scan.names() {
            for place in ways(Path::new(String::from_utf8_lossy(name).as_ref())) {
                numbers.entry(place).or_insert(number);
            }
            numbers.insert(name.to_vec(), number);
        }
        let find = |path: &str| {
            let starts = [PathBuf::new(), self.folder.clone()];
            let places = starts.iter().chain(roots).flat_map(|root| ways(&root.join(path)));
            std::iter::once(path.as_bytes().to_vec())
                .chain(places)
                .find_map(|place| numbers.get(&place).copied())
        };
        let paths = self.rows.iter().flat_map(|row| [row.a.as_str(), row.b.as_str()]);
        paths.filter_map(|path| Some((path, find(path)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Truth> {
        Truth::parse(text.as_bytes(), Path::new("x/pairs.csv"))
    }

    #[test]
    fn heads_blank_lines_and_quotes_are_understood() {
        let truth = parse("a,b\n\"one, two.png\",three.png\n\n4.png, 5.png\n").unwrap();
        let pairs: Vec<_> = truth.rows.iter().map(|row| (row.a.as_str(), row.b.as_str(), row.same)).collect();
        assert_eq!(pairs, [("one, two.png", "three.png", true), ("4.png", "5.png", true)]);
        assert!(!truth.has_judgements);
    }

    #[test]
    fn judgements_are_words_and_others_are_kinds() {
        let truth = parse("p,q,Yes\nr,s,no\nt,u,different\n").unwrap();
        assert!(truth.has_judgements);
        assert_eq!(truth.rows.iter().map(|row| row.same).collect::<Vec<_>>(), [true, false, false]);
        let truth = parse("p,q,jpeg\nr,s,crop\n").unwrap();
        assert!(!truth.has_judgements && truth.rows[1].kind.as_deref() == Some("crop"));
    }

    #[test]
    fn a_line_that_cannot_be_used_is_shown() {
        let message = |text| parse(text).unwrap_err().to_string();
        assert_eq!(message("a.png\n"), "x/pairs.csv: expected 2 or 3 columns, got 1: a.png");
        assert!(message("a,b\np,q\nr,s,t,u\n").contains("got 4: r,s,t,u"));
        assert!(message("p,q,jpeg\nr,s,no\n").contains("expected the name of a kind"));
    }
}
