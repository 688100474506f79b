//! Which images of an index pass an expression.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::path::Path;

use aesearch_index::{IdSet, Snapshot, Value};

use super::column::Column;
use super::parse::{Tree, Wanted, Where};
use crate::error::Result;
use crate::gallery::{Known, Labels, Record};
use crate::observer::Observer;

impl Where {
    /// The images of the index at `dir` that pass, with these labels. Where an expression asks for what files
    /// know and the index does not hold it yet, the files are asked.
    ///
    /// # Errors
    /// When the index is damaged, the labels cannot be read, or the observer stops the work.
    pub fn select(
        &self,
        (dir, snapshot): (&Path, &Snapshot),
        labels: &Labels,
        observer: &dyn Observer,
    ) -> Result<IdSet> {
        let all = snapshot.ids().collect();
        let (known, labelled) = (OnceCell::new(), OnceCell::new());
        Images { dir, snapshot, labels, observer, all, known, labelled }.passing(&self.tree)
    }
}

/// The images of an index; what is known of them is looked up when it is asked for.
struct Images<'a> {
    dir: &'a Path,
    snapshot: &'a Snapshot,
    labels: &'a Labels,
    observer: &'a dyn Observer,
    all: IdSet,
    known: OnceCell<Known<'a>>,
    labelled: OnceCell<Vec<Option<String>>>, // in the order of the ids
}

impl<'a> Images<'a> {
    fn passing(&self, tree: &Tree) -> Result<IdSet> {
        match tree {
            Tree::All(trees) => {
                trees.iter().try_fold(self.all.clone(), |all, tree| Ok(all.and(&self.passing(tree)?)))
            }
            Tree::Any(trees) => {
                trees.iter().try_fold(IdSet::default(), |any, tree| Ok(any.or(&self.passing(tree)?)))
            }
            Tree::Not(tree) => Ok(self.all.without(&self.passing(tree)?)),
            Tree::Test(column, Wanted::Nothing) => {
                Ok(self.all.without(&self.with(*column, &Wanted::Something)?))
            }
            Tree::Test(column, wanted) => self.with(*column, wanted),
        }
    }

    /// The images with a value in a column that is as wanted.
    fn with(&self, column: Column, wanted: &Wanted) -> Result<IdSet> {
        let ids = || self.snapshot.ids();
        match column {
            Column::Path => {
                let name = |id: u32| with_slashes(String::from_utf8_lossy(self.snapshot.name(id)));
                Ok(ids().filter(|&id| wanted.allows(Value::Text(&name(id)))).collect())
            }
            Column::Label => {
                let labelled = ids().zip(self.labelled()?);
                let allows =
                    |label: &Option<String>| label.as_ref().is_some_and(|l| wanted.allows(Value::Text(l)));
                Ok(labelled.filter(|(_, label)| allows(label)).map(|(id, _)| id).collect())
            }
            Column::Date | Column::Text(_) | Column::Number(_) | Column::Degrees(_) => {
                Ok(self.known()?.select(column.name(), |value| wanted.allows(value)))
            }
        }
    }

    fn known(&self) -> Result<&Known<'a>> {
        if let Some(known) = self.known.get() {
            return Ok(known);
        }
        let known = Known::open(self.dir, self.snapshot, self.observer)?;
        Ok(self.known.get_or_init(|| known))
    }

    fn labelled(&self) -> Result<&[Option<String>]> {
        if let Some(labelled) = self.labelled.get() {
            return Ok(labelled);
        }
        let image = |id: u32| Ok((self.snapshot.name(id), Record::of(self.snapshot, id)?.label));
        let images: Vec<(&[u8], Option<String>)> = self.snapshot.ids().map(image).collect::<Result<_>>()?;
        let labels = self.labels.of(&images)?;
        Ok(self.labelled.get_or_init(|| labels))
    }
}

/// A path as expressions write it on every system: `/` stands between folders.
fn with_slashes(path: Cow<'_, str>) -> Cow<'_, str> {
    if cfg!(windows) { path.replace('\\', "/").into() } else { path }
}

impl Wanted {
    fn allows(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Wanted::Something, _) => true,
            (Wanted::Text { lower, is_part, is_not }, Value::Text(text)) => {
                let text = text.to_lowercase();
                is_not ^ if *is_part { text.contains(lower) } else { text == *lower }
            }
            (Wanted::Within { range, is_not }, Value::Integer(value)) => is_not ^ range.contains(&value),
            _ => false,
        }
    }
}
