//! Indexes that belong together: searched as one, or put into one.

use std::path::{Path, PathBuf};

use aesearch_index::{Access, SegmentBuilder, Settings, Snapshot, Writer};

use super::folder::base;
use super::record::{FROM_MEMORY, Facts, Record};
use super::thumbnails::or_thumbnails;
use crate::error::{Error, Result};
use crate::images::{Item, Resolver};

/// An index without its model.
#[derive(Debug)]
pub struct Opened {
    /// Its folder.
    pub dir: PathBuf,
    /// What it holds.
    pub snapshot: Snapshot,
    /// Its model, binarizer and polarity.
    pub facts: Facts,
}

impl Opened {
    /// The index at `dir` as its last commit left it.
    pub(super) fn at(dir: &Path, access: Access) -> Result<Opened> {
        let snapshot = Snapshot::open_with(dir, access)?;
        let facts = Facts::of(&snapshot, dir)?;
        Ok(Opened { dir: dir.to_path_buf(), snapshot, facts })
    }

    /// An index without images, which lies nowhere.
    pub(super) fn empty(place: &str, facts: Facts, latent_size: usize) -> Result<Opened> {
        let folder = tempfile::tempdir().map_err(|error| Error::io("the temporary folder", error))?;
        let bits = facts.codes.binarizer.bits();
        let builder = SegmentBuilder::new(&Settings { bits, latent_size, ..Settings::default() })?;
        Writer::lock(folder.path())?.commit(builder, &[])?;
        let snapshot = Snapshot::open_with(folder.path(), Access::Read)?;
        Ok(Opened { dir: PathBuf::from(place), snapshot, facts })
    }

    /// Refuses another index whose images were encoded by another model, not in the same polarity, or which keeps
    /// latents where this one keeps none.
    pub(super) fn check_images(&self, other: &Opened) -> Result<()> {
        let hint = "index the images of both with one model, and with the same options";
        let refuse = |what: String| Err(self.refusal(other, what).with_hint(hint));
        let (a, b) = (&self.facts, &other.facts);
        if a.model.sha256 != b.model.sha256 {
            return refuse(format!("codes of different models, {} and {}", a.model.name, b.model.name));
        }
        let formats = a.model.foreign.as_ref().zip(b.model.foreign.as_ref());
        if let Some(difference) = formats.and_then(|(a, b)| a.format.differs(&b.format)) {
            return refuse(format!("model {}: {difference}", a.model.name));
        }
        if a.polarity.inverted != b.polarity.inverted {
            return refuse("codes of images as they are, and of inverted ones".to_owned());
        }
        if self.snapshot.latent_size() != other.snapshot.latent_size() {
            return refuse(
                "expected both to keep latents or neither, got one that does and one that does not"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Why this and another index cannot be used together.
    pub(super) fn refusal(&self, other: &Opened, what: String) -> Error {
        Error::mismatch(format!("{} and {}", self.dir.display(), other.dir.display()), what)
    }

    /// The images with these ids, or why one cannot be read.
    pub(super) fn items(&self, ids: impl IntoIterator<Item = u32>) -> Vec<Result<Item, String>> {
        let from_memory = |id| Record::of(&self.snapshot, id).is_ok_and(|record| record.is_in_memory());
        let mut resolver = Resolver::new(base(&self.dir));
        let find = |id| match from_memory(id) {
            true => Err(FROM_MEMORY.to_owned()),
            false => resolver.find(self.snapshot.name(id)),
        };
        ids.into_iter().map(find).collect()
    }

    /// The same, to look at.
    pub(super) fn items_to_show(&self, ids: &[u32]) -> Vec<Result<Item, String>> {
        or_thumbnails((&self.dir, &self.snapshot), ids, self.items(ids.iter().copied())).0
    }
}
