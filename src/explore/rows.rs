//! The images of an index as rows to compute with: in the order of their names, so that what comes of them does not depend on the
//! order in which they were indexed.

use std::borrow::Cow;
use std::path::Path;

use aesearch_index::{Snapshot, words};

use crate::error::{Error, Result};
use crate::gallery::Record;
use crate::images::{Item, resolve};

/// All images of an index.
pub struct Rows<'a> {
    snapshot: &'a Snapshot,
    /// The number in the index of each, `[n]`.
    pub ids: Vec<u32>,
    /// Labels as positions in [`Rows::label_names`], `[n]`.
    pub labels: Vec<Option<u32>>,
    /// The labels there are, sorted.
    pub label_names: Vec<String>,
}

impl<'a> Rows<'a> {
    /// The images of `snapshot`.
    ///
    /// # Errors
    /// When there is none, or a record is damaged.
    pub fn of(snapshot: &'a Snapshot) -> Result<Rows<'a>> {
        let mut ids: Vec<u32> = snapshot.ids().collect();
        if ids.is_empty() {
            let what = "the index: expected images, got none";
            return Err(Error::invalid(what).with_hint("add some: aesearch index FOLDER"));
        }
        ids.sort_unstable_by(|&a, &b| snapshot.name(a).cmp(snapshot.name(b)));
        let named: Vec<Option<String>> = ids
            .iter()
            .map(|&id| Record::of(snapshot, id).map(|record| record.label))
            .collect::<Result<_>>()?;
        let mut label_names: Vec<String> = named.iter().flatten().cloned().collect();
        label_names.sort_unstable();
        label_names.dedup();
        let number = |label: &String| label_names.binary_search(label).ok().map(|at| at as u32);
        let labels = named.iter().map(|label| label.as_ref().and_then(number)).collect();
        Ok(Rows { snapshot, ids, labels, label_names })
    }

    /// Images.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Never: there is at least one.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The index they are of.
    pub fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// What an image is called; bytes that are not UTF-8 are shown as U+FFFD.
    pub fn name(&self, row: u32) -> Cow<'a, str> {
        String::from_utf8_lossy(self.snapshot.name(self.ids[row as usize]))
    }

    /// Its label, where one is known.
    pub fn label(&self, row: u32) -> Option<&str> {
        self.labels[row as usize].map(|label| self.label_names[label as usize].as_str())
    }

    /// Whether there are labels that tell images apart.
    pub fn is_labelled(&self) -> bool {
        self.label_names.len() > 1
    }

    /// Codes `[n, words(bits)]`.
    pub fn codes(&self) -> Vec<u64> {
        let mut codes = Vec::with_capacity(self.len() * words(self.snapshot.bits()));
        self.ids.iter().for_each(|&id| codes.extend(self.snapshot.code(id)));
        codes
    }

    /// Latents `[n, D]`, each of length 1 (or 0), since the cosine is what they are compared by.
    ///
    /// # Errors
    /// When the index keeps none.
    pub fn latents(&self) -> Result<Vec<f32>> {
        let size = self.snapshot.latent_size();
        if size == 0 {
            return Err(Error::invalid("the index: expected latents, got codes alone"));
        }
        let mut latents = Vec::with_capacity(self.len() * size);
        for &id in &self.ids {
            let Some(latent) = self.snapshot.latent(id) else {
                latents.resize(latents.len() + size, 0.0);
                continue;
            };
            let square: i64 = latent.values.iter().map(|&value| i64::from(value).pow(2)).sum();
            let scale = if square > 0 { (square as f64).sqrt().recip() as f32 } else { 0.0 };
            latents.extend(latent.values.iter().map(|&value| f32::from(value) * scale));
        }
        Ok(latents)
    }

    /// The images of `rows`, each where it can be found, else the reason why not; `dir` is the index's folder.
    pub fn find(&self, rows: impl IntoIterator<Item = u32>, dir: &Path) -> Vec<Result<Item, String>> {
        let names = rows.into_iter().map(|row| self.snapshot.name(self.ids[row as usize]));
        resolve(names, dir.parent().unwrap_or(Path::new("")))
    }
}
