//! Which labels the images of an index have: those they were indexed with, none, or those of a table.
//!
//! Most labels are names of folders. In a training set these are classes; in a collection of photos they are
//! dates, cameras and albums, and that two copies lie in different ones says nothing. So by default labels
//! count only where folders look like classes.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::images::read_text;

/// Labels with fewer images than this, on average, are no classes, if there are more than [`FEW`] of them.
const IMAGES: usize = 2;
const FEW: usize = 10;
/// The share of the images in folders with names that are no classes, in hundredths, from which none are.
const SHARE: usize = 20;
/// Years that folders are named by.
const YEARS: std::ops::RangeInclusive<u32> = 1900..=2099;
/// Names of months, by their first three letters.
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// Names of folders that say nothing about what is on their images.
const GENERIC: [&str; 24] = [
    "dcim",
    "camera",
    "camera roll",
    "camera uploads",
    "screenshots",
    "whatsapp images",
    "downloads",
    "desktop",
    "pictures",
    "photos",
    "images",
    "my pictures",
    "originals",
    "original",
    "copies",
    "copy",
    "backup",
    "backups",
    "new folder",
    "untitled folder",
    "import",
    "imports",
    "unsorted",
    "tmp",
];

/// Which labels count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Labels {
    /// Those that images were indexed with, where their folders look like classes.
    #[default]
    Auto,
    /// Those that images were indexed with: names of folders, or what containers say.
    Folder,
    /// None.
    None,
    /// Those of a CSV file with lines of `path,label`. Paths are names in the index, or start at the working
    /// directory or at the folder of the file. Other images have none.
    Table(PathBuf),
}

impl FromStr for Labels {
    type Err = Error;

    fn from_str(name: &str) -> Result<Labels> {
        Ok(match name {
            "auto" => Labels::Auto,
            "folder" => Labels::Folder,
            "none" => Labels::None,
            file if file.to_lowercase().ends_with(".csv") => Labels::Table(file.into()),
            other => {
                let what = format!("`labels`: expected auto, folder, none or a .csv file, got {other:?}");
                return Err(Error::invalid(what));
            }
        })
    }
}

impl Labels {
    /// The label of each image, given its name in the index and the label that it was indexed with.
    ///
    /// ```
    /// use aesearch::gallery::Labels;
    ///
    /// let of = |names: [&str; 2]| {
    ///     let images = names.map(|name| (name.as_bytes(), name.split('/').rev().nth(1).map(str::to_owned)));
    ///     Labels::Auto.of(&images).unwrap()
    /// };
    /// assert_eq!(of(["set/cat/1.png", "set/dog/1.png"]), [Some("cat".to_owned()), Some("dog".to_owned())]);
    /// assert_eq!(of(["photos/2019-05/1.jpg", "photos/2020/1.jpg"]), [None, None]);
    /// ```
    ///
    /// # Errors
    /// When the table cannot be read, or names none of the images.
    pub fn of<N: AsRef<[u8]>>(&self, images: &[(N, Option<String>)]) -> Result<Vec<Option<String>>> {
        let indexed = || images.iter().map(|(_, label)| label.clone());
        Ok(match self {
            Labels::Folder => indexed().collect(),
            Labels::None => vec![None; images.len()],
            Labels::Auto if are_classes(images.iter().filter_map(|(_, label)| label.as_deref())) => {
                indexed().map(|label| label.filter(|label| is_class(label))).collect()
            }
            Labels::Auto => vec![None; images.len()],
            Labels::Table(path) => {
                let table = table(path)?;
                let labels: Vec<Option<String>> =
                    images.iter().map(|(name, _)| lookup(&table, name.as_ref())).collect();
                if !images.is_empty() && labels.iter().all(Option::is_none) {
                    let what = format!(
                        "{}: expected labels of images of the index, got none of them",
                        path.display()
                    );
                    return Err(Error::invalid(what).with_hint("the first column holds their paths"));
                }
                labels
            }
        })
    }
}

/// Whether the labels of some images look like classes.
fn are_classes<'a>(labels: impl Iterator<Item = &'a str>) -> bool {
    let mut images: BTreeMap<&str, usize> = BTreeMap::new();
    labels.for_each(|label| *images.entry(label).or_default() += 1);
    let all: usize = images.values().sum();
    let others: usize = images.iter().filter(|(label, _)| !is_class(label)).map(|(_, n)| n).sum();
    let are_few = images.len() > FEW && all < IMAGES * images.len();
    !are_few && 100 * others <= SHARE * all
}

/// Whether a name may be that of a class: it is no date, no camera's folder, and none that any folder may have.
fn is_class(label: &str) -> bool {
    let lower = label.trim().to_lowercase();
    !GENERIC.contains(&lower.as_str()) && !is_camera(label) && !is_date(&lower)
}

/// Names by the rule for cameras: three digits and five letters, digits or underlines, such as `100CANON`.
fn is_camera(label: &str) -> bool {
    let is_free = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    label.len() == 8
        && label.chars().take(3).all(|c| c.is_ascii_digit())
        && label.chars().skip(3).all(is_free)
        && label.chars().skip(3).any(|c| !c.is_ascii_digit())
}

/// `2019`, `2019-05`, `20190512`, `201905`, `12.05.2019`, `may 2020`, `2019-05-12 rome`; not `audi s5 2012`.
fn is_date(label: &str) -> bool {
    let parts: Vec<&str> =
        label.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let number = |part: &str| part.parse::<u32>().ok();
    let is_year = |part: &str| part.len() == 4 && number(part).is_some_and(|year| YEARS.contains(&year));
    let is_month = |part: &str| {
        let is_name =
            MONTHS.iter().any(|month| part.starts_with(month)) && part.chars().all(char::is_alphabetic);
        is_name || part.len() <= 2 && number(part).is_some_and(|month| (1..=12).contains(&month))
    };
    let is_day = |part: &str| part.len() <= 2 && number(part).is_some_and(|day| (1..=31).contains(&day));
    let in_one = |part: &str| {
        let is_stamp = [6, 8].contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit());
        is_stamp && is_year(&part[..4]) && is_month(&part[4..6]) && (part.len() == 6 || is_day(&part[6..]))
    };
    match parts.as_slice() {
        [] => false,
        [first, ..] if is_year(first) || in_one(first) => true,
        [rest @ .., last] if is_year(last) => rest.iter().all(|part| is_month(part) || is_day(part)),
        _ => false,
    }
}

/// The labels of a table, by name and by absolute path.
fn table(path: &Path) -> Result<HashMap<Vec<u8>, String>> {
    let wrong = |error: &dyn std::fmt::Display| Error::invalid(format!("{}: {error}", path.display()));
    let bytes = read_text(path).map_err(|error| Error::io(path, error))?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(bytes.as_slice());
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut labels = HashMap::new();
    for record in reader.byte_records() {
        let record = record.map_err(|error| wrong(&error))?;
        let (Some(name), Some(label)) = (record.get(0), record.get(1)) else {
            return Err(wrong(&"expected lines of path,label, got one without a label"));
        };
        let label = String::from_utf8_lossy(label).into_owned();
        if label.is_empty() {
            continue;
        }
        let shown = String::from_utf8_lossy(name);
        for place in [std::path::absolute(Path::new(&*shown)), std::path::absolute(folder.join(&*shown))] {
            let key = place.map(|place| place.as_os_str().as_encoded_bytes().to_vec());
            labels.extend(key.ok().map(|key| (key, label.clone())));
        }
        labels.insert(name.to_vec(), label);
    }
    Ok(labels)
}

fn lookup(table: &HashMap<Vec<u8>, String>, name: &[u8]) -> Option<String> {
    let absolute = || {
        let place = std::path::absolute(Path::new(std::str::from_utf8(name).ok()?)).ok()?;
        table.get(place.as_os_str().as_encoded_bytes())
    };
    table.get(name).or_else(absolute).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_cameras_are_no_classes() {
        for label in [
            "2019",
            "2019-05",
            "2019_05_12",
            "20190512",
            "201905",
            "12.05.2019",
            "May 2020",
            "2020 May",
            "05 May 2020",
            "2019-05-12 Rome",
            "2021 Summer",
            "20190512_party",
            "100CANON",
            "101_PANA",
            "DCIM",
            "Camera Roll",
            "Photos",
            "copies",
        ] {
            assert!(!is_class(label), "{label}");
        }
        for label in [
            "cat",
            "7",
            "00",
            "0017",
            "n01440764",
            "Audi S5 Coupe 2012",
            "may",
            "mars",
            "123456",
            "99999999",
            "class 3",
            "12345678",
            "Granny-Smith",
            "",
        ] {
            assert!(is_class(label), "{label}");
        }
    }

    #[test]
    fn labels_count_where_folders_look_like_classes() {
        let of = |labels: &[&str]| are_classes(labels.iter().copied());
        assert!(of(&["cat", "dog"]) && of(&[]) && of(&["1", "1", "7"]));
        assert!(of(&["cat", "cat", "dog", "dog", "2019"]), "one odd folder");
        assert!(!of(&["cat", "2019", "2020"]) && !of(&["100CANON", "2019-05"]));
        let rolls: Vec<String> = (0..11).map(|i| format!("roll {i}")).collect();
        assert!(!of(&rolls.iter().map(String::as_str).collect::<Vec<_>>()), "one image each");
        let indexed = [("a/cat/1.png", Some("cat".to_owned())), ("a/2019/2.png", Some("2019".to_owned()))];
        assert_eq!(Labels::Auto.of(&indexed).unwrap(), [None, None]);
        assert_eq!(Labels::Folder.of(&indexed).unwrap()[1].as_deref(), Some("2019"));
        assert_eq!(Labels::None.of(&indexed).unwrap(), [None, None]);
    }

    #[test]
    fn tables_name_images_as_the_index_does_or_by_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("labels.CSV");
        std::fs::write(&path, "path,label\na/1.png,cat\n\"b,2.png\",dog\n3.png,\n").unwrap();
        let labels: Labels = path.to_str().unwrap().parse().unwrap();
        let absolute = dir.path().join("b,2.png").to_str().unwrap().to_owned();
        let images =
            [("a/1.png".to_owned(), None), (absolute, Some("x".to_owned())), ("3.png".to_owned(), None)];
        let found = labels.of(&images).unwrap();
        assert_eq!(found, [Some("cat".to_owned()), Some("dog".to_owned()), None]);
        let error = labels.of(&[("other.png", None)]).unwrap_err().to_string();
        assert!(error.contains("got none of them"), "{error}");
        std::fs::write(&path, "alone\n").unwrap();
        assert!(labels.of(&images).unwrap_err().to_string().contains("without a label"));
        assert!("folders".parse::<Labels>().unwrap_err().to_string().contains("\"folders\""));
        assert_eq!("none".parse::<Labels>().unwrap(), Labels::None);
    }
}
