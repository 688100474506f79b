//! What became of a collection: two indexes held against each other, by the images' names and contents.
//!
//! A name on both sides with the same content is the same; with another content, changed. A content that is there under another name
//! that is new was renamed. What is left is gone, or added (a copy of an image that stays is added); and of those added, some are near to what was there before.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use aesearch_index::{Mode, Search, Snapshot};

use crate::error::{Error, Result};
use crate::gallery::{Facts, Record};
use crate::observer::Observer;

/// Images that are asked for between two looks at whether to go on.
const BLOCK: usize = 8192;

/// An added image and what it is near to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// The one that was added.
    pub name: Vec<u8>,
    /// The nearest one of the earlier index.
    pub to: Vec<u8>,
    /// Bits in which their codes differ.
    pub distance: u32,
}

/// What became of one index in the other; names are sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// Images with the same name and content.
    pub same: usize,
    /// The same name with another content.
    pub changed: Vec<Vec<u8>>,
    /// The same content under another name: from, to.
    pub renamed: Vec<(Vec<u8>, Vec<u8>)>,
    /// Names that are not there any more, and whose contents are not there under a new one.
    pub gone: Vec<Vec<u8>>,
    /// New names, whose contents were not there under one that is gone.
    pub added: Vec<Vec<u8>>,
    /// Those of `added` within the radius of an image that was there, the nearest first; nothing where the models differ, since their
    /// codes cannot be compared.
    pub near: Option<Vec<Near>>,
}

impl Diff {
    /// Whether there is any difference.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.renamed.is_empty() && self.gone.is_empty() && self.added.is_empty()
    }
}

/// An index to be held against another.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// It.
    pub snapshot: &'a Snapshot,
    /// Its folder, for messages.
    pub dir: &'a Path,
}

/// What is different in `after`; an added image is near where its code is within `radius` bits of one of `before`.
///
/// # Errors
/// When an index is damaged, or the observer interrupts.
pub fn diff(before: Side<'_>, after: Side<'_>, radius: u32, observer: &dyn Observer) -> Result<Diff> {
    let [old, new] = [before.snapshot, after.snapshot].map(contents);
    let (old, new) = (old?, new?);
    let mut found = Diff::default();
    let (mut lost, mut fresh) = (Vec::new(), Vec::new());
    for (name, (_, hash)) in &old {
        match new.get(name) {
            Some((_, other)) if other == hash => found.same += 1,
            Some(_) => found.changed.push(name.to_vec()),
            None => lost.push((*name, *hash)),
        }
    }
    for (name, (id, hash)) in &new {
        if !old.contains_key(name) {
            fresh.push((*name, *hash, *id));
        }
    }
    // each that was lost is one of those that are new, first to first
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
    let [old, new] = [before, after].map(|side| Facts::of(side.snapshot, side.dir));
    let (old, new) = (old?, new?);
    if old.model.sha256 == new.model.sha256 && old.binarizer == new.binarizer {
        found.near = Some(near(before.snapshot, after.snapshot, &added, radius, observer)?);
    }
    Ok(found)
}

/// Number and hash of the content of each image, by name.
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
    let search = Search { k: 1, mode: Mode::Exact, radius: Some(radius), ties: false };
    let mut found = Vec::new();
    for block in added.chunks(BLOCK) {
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
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
