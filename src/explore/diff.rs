//! The differences between two indexes, by the names and contents of their images.
//!
//! The same name with the same content is the same; with different content, changed. Content under a new
//! name, whose old name is gone, was renamed. The rest is gone or added (a copy of an image that stays is
//! added); some of the added images are near earlier ones.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use aesearch_index::{Access, Mode, Search, Snapshot};

use super::table::{Column, CsvTexts, Format, Table};
use crate::error::{Error, Result};
use crate::gallery::{Facts, Record, check_outputs, different_codes, index_at};
use crate::observer::{Note, Observer, Progress, Stage};

/// Images that are searched for between two questions to the observer.
const BLOCK: usize = 8192;
/// By default an added image is near where one in so many bits differs, or fewer.
const BITS_PER_NEAR_BIT: usize = 32;

/// An added image, and the image it is near to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// The name of the added image.
    pub name: Vec<u8>,
    /// The name of the nearest image of the earlier index.
    pub to: Vec<u8>,
    /// Differing bits of their codes.
    pub distance: u32,
}

/// The differences between two indexes; names are sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// The number of images with the same name and content.
    pub same: usize,
    /// The same name with different content.
    pub changed: Vec<Vec<u8>>,
    /// The same content under a new name: from, to.
    pub renamed: Vec<(Vec<u8>, Vec<u8>)>,
    /// Names that are gone, and whose content has no new name.
    pub gone: Vec<Vec<u8>>,
    /// New names, whose content had no name that is gone.
    pub added: Vec<Vec<u8>>,
    /// Added images within the radius of an earlier image, the nearest first; nothing if models or binarizers
    /// differ, since their codes cannot be compared.
    pub near: Option<Vec<Near>>,
    /// The radius, in bits.
    pub radius: u32,
}

impl Diff {
    /// Whether there is any difference.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.renamed.is_empty() && self.gone.is_empty() && self.added.is_empty()
    }

    /// The differences one by one: what happened, to which image, and the other image that matters.
    pub fn lines(&self) -> impl Iterator<Item = (&'static str, &[u8], Option<&[u8]>)> {
        let single = [("added", &self.added), ("gone", &self.gone), ("changed", &self.changed)];
        let single = single
            .into_iter()
            .flat_map(|(what, names)| names.iter().map(move |name| (what, &name[..], None)));
        let near = self.near.iter().flatten().map(|near| ("near", &near.name[..], Some(&near.to[..])));
        let renamed = self.renamed.iter().map(|(from, to)| ("renamed", &to[..], Some(&from[..])));
        single.chain(renamed).chain(near)
    }

    /// A row for each difference: what, path, other.
    fn table(&self) -> Table {
        let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let lines = || self.lines();
        Table::default()
            .with("what", Column::Texts(lines().map(|(what, _, _)| Some(what.to_owned())).collect()))
            .with("path", Column::Texts(lines().map(|(_, name, _)| Some(text(name))).collect()))
            .with("other", Column::Texts(lines().map(|(_, _, other)| other.map(text)).collect()))
    }
}

/// How to compare two indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffOptions {
    /// An added image is near an earlier one within this many bits; nothing is one bit in 32.
    pub radius: Option<u32>,
    /// How to read the indexes.
    pub access: Access,
    /// A table to write, with a row for each difference: what, path, other.
    pub table: Option<PathBuf>,
    /// How texts are written in tables that are CSV.
    pub texts: CsvTexts,
}

impl Default for DiffOptions {
    fn default() -> Self {
        DiffOptions { radius: None, access: Access::Map, table: None, texts: CsvTexts::default() }
    }
}

/// Compares the indexes at `before` and `after`, each an index folder or a folder that holds one.
///
/// # Errors
/// When an index cannot be opened or is damaged, the table cannot be written, or the observer stops the work.
pub fn diff(before: &Path, after: &Path, options: &DiffOptions, observer: &dyn Observer) -> Result<Diff> {
    options.table.as_deref().map(Format::of).transpose()?;
    let [old_dir, new_dir] = [before, after].map(index_at);
    let [old, new] = [&old_dir, &new_dir].map(|dir| Snapshot::open_with(dir, options.access));
    let (old, new) = (old?, new?);
    let outputs: Vec<&Path> = options.table.iter().map(PathBuf::as_path).collect();
    check_outputs(&outputs, &old, &old_dir)?;
    check_outputs(&outputs, &new, &new_dir)?;

    let radius = options.radius.unwrap_or((new.bits() / BITS_PER_NEAR_BIT) as u32);
    let (mut found, added) = by_content(&contents(&old)?, &contents(&new)?);
    found.radius = radius;
    let facts = [Facts::of(&old, &old_dir)?, Facts::of(&new, &new_dir)?];
    match different_codes(&facts[0], &facts[1]) {
        None => found.near = Some(near(&old, &new, &added, radius, observer)?),
        Some(reason) => {
            let indexes = format!("{} and {}", before.display(), after.display());
            let note = Note::new(format!("{indexes} have {reason}: near images are unknown"));
            observer.note(&match facts[0].model.sha256 == facts[1].model.sha256 {
                true => note.with_hint("give both the same with `binarizer` and `refit`"),
                false => note,
            });
        }
    }
    if let Some(path) = &options.table {
        found.table().write(path, options.texts)?;
    }
    Ok(found)
}

/// All differences but `near`, and the ids of the added images.
fn by_content<'a>(old: &Contents<'_>, new: &Contents<'a>) -> (Diff, Vec<(&'a [u8], u32)>) {
    let mut found = Diff::default();
    let (mut lost, mut fresh) = (Vec::new(), Vec::new());
    for (name, (_, hash)) in old {
        match new.get(name) {
            Some((_, other)) if other == hash => found.same += 1,
            Some(_) => found.changed.push(name.to_vec()),
            None => lost.push((*name, *hash)),
        }
    }
    for (name, (id, hash)) in new {
        if !old.contains_key(name) {
            fresh.push((*name, *hash, *id));
        }
    }
    // each lost image is one of the new ones with the same content, in the order of their names
    let mut by_content: HashMap<[u8; 32], Vec<&[u8]>> = HashMap::new();
    lost.iter().rev().for_each(|(name, hash)| by_content.entry(*hash).or_default().push(name));
    let mut added = Vec::new();
    for (name, hash, id) in fresh {
        match by_content.get_mut(&hash).and_then(Vec::pop) {
            Some(from) => found.renamed.push((from.to_vec(), name.to_vec())),
            None => added.push((name, id)),
        }
    }
    found.renamed.sort_unstable();
    found.gone = by_content.into_values().flatten().map(<[u8]>::to_vec).collect();
    found.gone.sort_unstable();
    found.added = added.iter().map(|(name, _)| name.to_vec()).collect();
    (found, added)
}

/// The id and content hash of each image, by name.
type Contents<'a> = BTreeMap<&'a [u8], (u32, [u8; 32])>;

fn contents(snapshot: &Snapshot) -> Result<Contents<'_>> {
    let of = |id| Record::of(snapshot, id).map(|record| (snapshot.name(id), (id, record.hash)));
    snapshot.ids().map(of).collect()
}

fn near(
    before: &Snapshot,
    after: &Snapshot,
    added: &[(&[u8], u32)],
    radius: u32,
    observer: &dyn Observer,
) -> Result<Vec<Near>> {
    let search = Search { k: 1, mode: Mode::Exact, radius: Some(radius), ties: false, only: None };
    observer.stage(Stage::images("comparing"));
    let mut found = Vec::new();
    for (i, block) in added.chunks(BLOCK).enumerate() {
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        observer.progress(&Progress::of(i * BLOCK, added.len()));
        let codes: Vec<u64> = block.iter().flat_map(|(_, id)| after.code(*id)).copied().collect();
        for ((name, _), hits) in block.iter().zip(before.search_many(&codes, &search)?) {
            found.extend(hits.first().map(|hit| Near {
                name: name.to_vec(),
                to: before.name(hit.id).to_vec(),
                distance: hit.distance,
            }));
        }
    }
    found.sort_by(|a, b| (a.distance, &a.name).cmp(&(b.distance, &b.name)));
    Ok(found)
}
