//! Which labels the images of an index have: those they were indexed with, none, or those of a table.
//!
//! Most labels are names of folders, which by default count only where they look like classes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aesearch_index::Snapshot;

use super::classes::{are_classes, full_name, is_folder, names_class};
use super::record::Record;
use crate::error::{Error, Result};
use crate::images::{Places, read_text};
use crate::output::uncovered;

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
    /// Those of a CSV file with lines of `path,label`, such as a table that was written here. Paths are names in the index, or start at the working
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
    /// let of = |folders: [&str; 2]| {
    ///     let names = folders.map(|folder| [1, 2].map(|i| format!("{folder}/{i}.png")));
    ///     let label = |name: &str| name.split('/').rev().nth(1).map(str::to_owned);
    ///     let images: Vec<_> = names.iter().flatten().map(|name| (name, label(name))).collect();
    ///     Labels::Auto.of(&images).unwrap()
    /// };
    /// assert_eq!(of(["set/cat", "set/dog"])[1..3], [Some("cat".to_owned()), Some("dog".to_owned())]);
    /// assert_eq!(of(["photos/2019-05", "photos/2020"]), [None, None, None, None]);
    /// ```
    ///
    /// # Errors
    /// When the table cannot be read, or names none of the images.
    pub fn of<N: AsRef<[u8]>>(&self, images: &[(N, Option<String>)]) -> Result<Vec<Option<String>>> {
        let labelled = images.iter().filter_map(|(name, label)| Some((name.as_ref(), label.as_deref()?)));
        let chosen = self.chosen(|| Ok(are_classes(labelled)))?;
        chosen.check(images.iter().map(|(name, _)| name.as_ref()))?;
        Ok(images.iter().map(|(name, label)| chosen.label(name.as_ref(), label.as_deref())).collect())
    }

    /// The same for some images of an index, where `are_classes` says whether the folders of all are classes.
    ///
    /// # Errors
    /// Those of `are_classes`; when the table cannot be read.
    pub(super) fn chosen(&self, are_classes: impl FnOnce() -> Result<bool>) -> Result<Chosen<'_>> {
        Ok(match self {
            Labels::Folder => Chosen::Folders,
            Labels::None => Chosen::None,
            Labels::Auto if are_classes()? => Chosen::Classes,
            Labels::Auto => Chosen::NoFolders,
            Labels::Table(path) => Chosen::Table(path, table(path)?),
        })
    }
}

/// Whether the folders of all images of an index look like classes.
///
/// # Errors
/// When a record is damaged.
pub(super) fn has_classes(snapshot: &Snapshot) -> Result<bool> {
    let labels: Vec<(u32, Option<String>)> =
        snapshot.ids().map(|id| Ok((id, Record::of(snapshot, id)?.label))).collect::<Result<_>>()?;
    Ok(are_classes(labels.iter().filter_map(|(id, label)| Some((snapshot.name(*id), label.as_deref()?)))))
}

/// Which labels count, decided.
#[derive(Debug)]
pub(super) enum Chosen<'a> {
    None,
    /// What containers say, and names of folders.
    Folders,
    /// The same, of folders that may be classes.
    Classes,
    /// What containers say.
    NoFolders,
    Table(&'a Path, HashMap<Vec<u8>, String>),
}

impl Chosen<'_> {
    /// The label of an image, given its name and the label that it was indexed with.
    pub(super) fn label(&self, name: &[u8], indexed: Option<&str>) -> Option<String> {
        match self {
            Chosen::None => None,
            Chosen::Folders => indexed.map(|label| full_name(name, label)),
            Chosen::Classes => indexed.filter(|label| names_class(name, label)).map(str::to_owned),
            Chosen::NoFolders => indexed.filter(|label| !is_folder(name, label)).map(str::to_owned),
            Chosen::Table(_, table) => lookup(table, name),
        }
    }

    /// Whether a table names any of these images.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn check<'n>(&self, names: impl Iterator<Item = &'n [u8]>) -> Result<()> {
        let Chosen::Table(path, table) = self else { return Ok(()) };
        let mut names = names.peekable();
        if names.peek().is_none() || names.any(|name| lookup(table, name).is_some()) {
            return Ok(());
        }
        let what = format!("{}: expected labels of images of the index, got none of them", path.display());
        Err(Error::invalid(what).with_hint("the first column holds their paths"))
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
    let (mut labels, places) = (HashMap::new(), Places::default());
    for record in reader.byte_records() {
        let record = record.map_err(|error| wrong(&error))?;
        let (Some(name), Some(label)) = (record.get(0), record.get(1)) else {
            return Err(wrong(&"expected lines of path,label, got one without a label"));
        };
        let (name, label) = (uncovered(name), String::from_utf8_lossy(uncovered(label)).into_owned());
        if label.is_empty() {
            continue;
        }
        let shown = String::from_utf8_lossy(name);
        for path in [PathBuf::from(&*shown), folder.join(&*shown)] {
            let ways = [std::path::absolute(&path).ok(), places.of_file(&path)].into_iter().flatten();
            labels.extend(ways.map(|way| (way.into_os_string().into_encoded_bytes(), label.clone())));
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
    fn folders_count_where_they_look_like_classes() {
        let of = |labels: Labels, folders: [&str; 2]| {
            let image = |i: usize| {
                let label = folders[i % 2].rsplit('/').next().unwrap().to_owned();
                (format!("{}/{i}.png", folders[i % 2]), Some(label))
            };
            let known = labels.of(&(0..4).map(image).collect::<Vec<_>>()).unwrap();
            [known[0].clone(), known[1].clone()].map(Option::unwrap_or_default)
        };
        assert_eq!(of(Labels::Auto, ["a/cat", "a/dog"]), ["cat", "dog"]);
        for photos in [["a/cat", "a/2019"], ["2019/06", "2020/06"], ["Our wedding", "Rome"]] {
            assert_eq!(of(Labels::Auto, photos), ["", ""], "{photos:?}");
        }
        assert_eq!(of(Labels::Folder, ["a/cat", "a/2019"]), ["cat", "2019"]);
        assert_eq!(of(Labels::Folder, ["2019/06", "2020/06"]), ["2019/06", "2020/06"], "two folders");
        assert_eq!(of(Labels::None, ["a/cat", "a/dog"]), ["", ""]);
        let of_container = [("2019/t.gz#0", Some("7".to_owned())), ("2019/a.png", Some("2019".to_owned()))];
        assert_eq!(Labels::Auto.of(&of_container).unwrap(), [Some("7".to_owned()), None]);
    }

    #[test]
    fn tables_name_images_as_the_index_does_or_by_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("labels.CSV");
        // as spreadsheets on Windows write it
        std::fs::write(&path, "\u{feff}a/1.png,cat\r\n\"b,2.png\",dog\r\n3.png,\r\n").unwrap();
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
        // as tables are written here, for spreadsheets
        std::fs::write(&path, "path,label\n'=1/a.png,'+1\n''=1.png,'-1\n'tis.png,'tis\n").unwrap();
        let images = ["=1/a.png", "'=1.png", "'tis.png"].map(|name| (name, None));
        let found = labels.of(&images).unwrap();
        assert_eq!(found, ["+1", "-1", "'tis"].map(|label| Some(label.to_owned())));
        assert!("folders".parse::<Labels>().unwrap_err().to_string().contains("\"folders\""));
        assert_eq!("none".parse::<Labels>().unwrap(), Labels::None);
    }
}
