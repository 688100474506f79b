//! What to do with each image of a run: which items of the index stay as they are, which are read, which are
//! removed.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf, absolute};

use aesearch_index::Snapshot;

use super::outcome::KnownHashes;
use super::record::Record;
use super::spelling::Names;
use crate::error::Result;
use crate::images::{Item, Places, Walk, file_of};

/// The items of an index that a run over `data` leaves alone: they came from memory, or their files exist and are not
/// below `data`, or are in a folder that could not be read. And all others that were not walked, some of which may be absent. Relative names
/// start from the working directory, or else from `base`.
pub(super) fn elsewhere(
    old: &Snapshot,
    walk: &Walk,
    names: &Names,
    data: &[PathBuf],
    base: &Path,
) -> (Vec<u32>, Vec<u32>) {
    let walked: HashSet<u32> = names.known().collect();
    let unread: HashSet<PathBuf> = walk.unread.iter().flat_map(absolute).collect();
    // A link inside a folder leads out of it, but is below it by name.
    let roots: HashSet<PathBuf> =
        data.iter().flat_map(|root| [absolute(root), root.canonicalize()]).flatten().collect();
    let below = |path: &Path| path.ancestors().any(|folder| roots.contains(folder));
    let is_unread =
        |file: &Path| absolute(file).is_ok_and(|file| file.ancestors().any(|path| unread.contains(path)));
    let places = Places::default();
    let is_elsewhere = |file: &Path| {
        let absolute = absolute(file).unwrap_or_else(|_| file.to_path_buf());
        !below(&absolute) && !places.of_file(&absolute).is_some_and(|place| below(&place))
    };
    let from_memory = |id: u32| Record::of(old, id).is_ok_and(|record| record.is_in_memory());
    let stays = |&id: &u32| {
        let file = || file_of(old.name(id), base);
        from_memory(id) || file().is_some_and(|file| is_unread(&file) || is_elsewhere(&file))
    };
    old.ids().filter(|id| !walked.contains(id)).partition(stays)
}

/// The images of a run, and what is to be done with each.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) items: &'a [Item],
    /// What they are called in the index.
    names: &'a Names,
    pub(super) steps: Vec<Step>,
    pub(super) old: Option<&'a Snapshot>,
    /// Items of the old index that are kept as they are.
    pub(super) elsewhere: Vec<u32>,
    /// Those that are not there now, and are kept unless their contents turn up under other names.
    pub(super) absent: Vec<u32>,
    reread: bool,
}

/// What is to be done with an image.
#[derive(Debug)]
pub(super) enum Step {
    /// Size and time are those of item `id` of the old index.
    Keep { id: u32, relabelled: bool },
    /// New, or possibly changed: to be read.
    Read { old: Option<u32> },
}

impl<'a> Plan<'a> {
    /// Compares sizes and times with the old index; opens no image. With `reread`, codes of the old index are of
    /// no use, and every image is read.
    pub(super) fn new(
        (items, names): (&'a [Item], &'a Names),
        old: Option<&'a Snapshot>,
        reread: bool,
    ) -> Result<Plan<'a>> {
        let step = |(position, item): (usize, &Item)| match (old, names.id(position)) {
            (Some(_), Some(id)) if reread => Ok(Step::Read { old: Some(id) }),
            (Some(old), Some(id)) => {
                let record = Record::of(old, id)?;
                Ok(Step::compare(item, id, &record, names.label(position, item)))
            }
            _ => Ok(Step::Read { old: None }),
        };
        let steps = items.iter().enumerate().map(step).collect::<Result<Vec<Step>>>()?;
        Ok(Plan { items, names, steps, old, elsewhere: Vec::new(), absent: Vec::new(), reread })
    }

    /// Keeps these items of the old index as well: those elsewhere, and those that are not there now.
    pub(super) fn keeping(self, elsewhere: Vec<u32>, absent: Vec<u32>) -> Plan<'a> {
        Plan { elsewhere, absent, ..self }
    }

    /// What an image is called in the index.
    pub(super) fn name(&self, position: usize) -> Cow<'_, [u8]> {
        self.names.name(position, &self.items[position])
    }

    /// Its label there.
    pub(super) fn label(&self, position: usize) -> Option<Cow<'_, str>> {
        self.names.label(position, &self.items[position])
    }

    /// The positions of the images to be read, those that the old index holds before the others.
    pub(super) fn jobs(&self) -> Vec<usize> {
        let steps = self.steps.iter().enumerate();
        let with = |is_old| {
            steps.clone().filter_map(move |(position, step)| match step {
                Step::Read { old } if old.is_some() == is_old => Some(position),
                _ => None,
            })
        };
        with(true).chain(with(false)).collect()
    }

    /// The images that the old index does not hold under any name of their file.
    pub(super) fn new_items(&self) -> impl Iterator<Item = &'a Item> {
        let steps = self.steps.iter().zip(self.items);
        steps.filter(|(step, _)| matches!(step, Step::Read { old: None })).map(|(_, item)| item)
    }

    /// Whether codes of the old index are of no use.
    pub(super) fn is_reread(&self) -> bool {
        self.reread
    }

    /// The contents of the old index whose codes can be used again.
    pub(super) fn known(&self) -> Result<KnownHashes> {
        let Some(old) = self.old.filter(|_| !self.reread) else { return Ok(KnownHashes::new()) };
        old.ids().map(|id| Ok((Record::of(old, id)?.hash, id))).collect()
    }

    /// Items of the old index that this run does not mention.
    pub(super) fn gone(&self) -> impl Iterator<Item = u32> {
        let stays = |step: &Step| match *step {
            Step::Keep { id, .. } => Some(id),
            Step::Read { old } => old,
        };
        let mut mentioned: HashSet<u32> = self.steps.iter().filter_map(stays).collect();
        mentioned.extend(self.elsewhere.iter().chain(&self.absent));
        self.old.into_iter().flat_map(Snapshot::ids).filter(move |id| !mentioned.contains(id))
    }
}

impl Step {
    fn compare(item: &Item, id: u32, record: &Record, label: Option<Cow<'_, str>>) -> Step {
        if item.quick_stamp() != Ok((record.size, record.mtime_ns)) {
            return Step::Read { old: Some(id) };
        }
        Step::Keep { id, relabelled: record.label.as_deref() != label.as_deref() }
    }
}
