//! When codes of an index are of no use any more: it moves to another model, or its binarizer is fitted anew.

use std::path::Path;

use aesearch_index::Snapshot;

use super::folder::base;
use super::record::Facts;
use super::spelling::Names;
use crate::error::{Error, Result};
use crate::images::{Item, resolve};
use crate::model::{Model, shipped_names};
use crate::observer::{Note, Observer};
use crate::output::count;

/// A binarizer fitted to this many images is as good as it gets, and is kept.
const WELL_FITTED: usize = 5_000;

/// The images of a run, and what they are called in the index.
type Found<'a> = (&'a mut Vec<Item>, &'a mut Names);

/// Why all images might be read again.
pub(super) struct Again {
    /// The index moves to another model.
    pub(super) moves: bool,
    /// Bits of codes from now on.
    pub(super) bits: usize,
    /// The binarizer is fitted anew, and there are no latents to fit it to.
    pub(super) refits: bool,
    /// The caller asked for that.
    pub(super) is_asked: bool,
}

impl Again {
    /// Adds the `kept` items of the index at `dir`, and the absent ones, to those that are read, where all are to be
    /// read again.
    /// Returns whether they are: not where one of them cannot be read now.
    pub(super) fn read(
        &self,
        dir: &Path,
        old: Option<&Snapshot>,
        ((items, names), (kept, absent)): (Found<'_>, (&mut Vec<u32>, &[u32])),
        model: &Model,
        observer: &dyn Observer,
    ) -> Result<bool> {
        let Some(old) = old.filter(|_| self.moves || self.refits) else { return Ok(false) };
        let ids = [kept, absent].concat();
        let again = resolve(ids.iter().map(|&id| old.name(id)), base(dir));
        let again = match again.into_iter().collect::<Result<Vec<_>, _>>() {
            Ok(again) => again,
            Err(reason) if self.moves => return Err(cannot_move(dir, model, &reason)),
            Err(reason) => {
                let what = "the binarizer is not fitted anew, as some images cannot be read now";
                observer.note(&Note::new(format!("{what}: {reason}")));
                return Ok(false);
            }
        };
        names.extend(old, &again, &ids);
        items.extend(again);
        kept.clear();
        let (name, n) = (&model.metadata.name, count(old.len() as u64, "image"));
        if self.moves {
            let codes = if self.bits == old.bits() {
                String::new()
            } else {
                format!(", codes of {} bits", self.bits)
            };
            observer
                .note(&Note::new(format!("the index moves to the model {name}{codes}: {n} are read again")));
        } else if self.is_asked {
            observer.note(&Note::new("the index keeps no latents: all images are read again"));
        }
        Ok(true)
    }
}

/// The shipped model of this name, if another one made the index; none for other names, and where none is asked for.
pub(super) fn moves_to(facts: &Facts, asked: Option<&str>) -> Result<Option<Model>> {
    let Some(name) = asked.filter(|asked| shipped_names().any(|name| name == *asked)) else {
        return Ok(None);
    };
    let model = Model::load(name)?;
    Ok((model.sha256 != facts.model.sha256).then_some(model))
}

fn cannot_move(dir: &Path, model: &Model, reason: &str) -> Error {
    let name = &model.metadata.name;
    let what = format!("{}: to move to the model {name}, expected all images, got {reason}", dir.display());
    Error::not_found(what).with_hint("make the images available, or take them out with `remove` first")
}

/// Whether the collection has grown far beyond what its binarizer was fitted to.
pub(super) fn outgrown(facts: &Facts, n_images: usize) -> bool {
    let (fitted, offered) = (facts.codes.fitted as usize, facts.codes.offered as usize);
    facts.codes.provisional || (fitted > 0 && fitted < WELL_FITTED && n_images >= 2 * offered)
}
