//! The images of an index as rows to compute with. They are sorted by name, so that results do not depend on
//! the order in which the images were indexed.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aesearch_index::{Access, Filter, IdSet, Snapshot, words};

use crate::draw::band_sheet::short_name;
use crate::error::{Error, Result};
use crate::gallery::{Labels, Record, or_thumbnails};
use crate::images::{Item, resolve};

/// The images of an index, at least one: all, or those that pass an expression.
#[derive(Debug)]
pub struct Rows {
    dir: PathBuf,
    snapshot: Snapshot,
    /// Lets only these rows pass; none where they are all images.
    filter: Option<Filter>,
    /// The id of each image in the index, `[n]`.
    pub ids: Vec<u32>,
    /// Labels as positions in [`Rows::label_names`], `[n]`.
    pub labels: Vec<Option<u32>>,
    /// The labels there are, sorted.
    pub label_names: Vec<String>,
}

impl Rows {
    /// Opens the index at `dir`; labels count where they look like classes.
    ///
    /// # Errors
    /// When there is no index, it is damaged, or it holds no images.
    pub fn open(dir: &Path, access: Access) -> Result<Rows> {
        Rows::labelled(dir, access, &Labels::default())
    }

    /// The same, with these labels.
    ///
    /// # Errors
    /// As [`Rows::open`]; when the labels cannot be read.
    pub fn labelled(dir: &Path, access: Access, choice: &Labels) -> Result<Rows> {
        let snapshot = Snapshot::open_with(dir, access)?;
        let mut ids: Vec<u32> = snapshot.ids().collect();
        if ids.is_empty() {
            let what = format!("{}: expected an index with images, got one without", dir.display());
            return Err(Error::not_found(what).with_hint("add images with `update`"));
        }
        ids.sort_unstable_by(|&a, &b| snapshot.name(a).cmp(snapshot.name(b)));
        let indexed: Vec<(&[u8], Option<String>)> = ids
            .iter()
            .map(|&id| Ok((snapshot.name(id), Record::of(&snapshot, id)?.label)))
            .collect::<Result<_>>()?;
        let named = choice.of(&indexed)?;
        let mut label_names: Vec<String> = named.iter().flatten().cloned().collect();
        label_names.sort_unstable();
        label_names.dedup();
        let number = |label: &String| label_names.binary_search(label).ok().map(|at| at as u32);
        let labels = named.iter().map(|label| label.as_ref().and_then(number)).collect();
        Ok(Rows { dir: dir.to_owned(), snapshot, filter: None, ids, labels, label_names })
    }

    /// Only these images; their labels stay.
    ///
    /// # Errors
    /// When none of them is left.
    pub fn only(mut self, passing: &IdSet) -> Result<Rows> {
        let labelled = self.ids.iter().zip(&self.labels).filter(|(id, _)| passing.contains(**id));
        let (ids, labels): (Vec<u32>, Vec<Option<u32>>) = labelled.unzip();
        if ids.is_empty() {
            let (all, dir) = (self.ids.len(), self.dir.display());
            return Err(Error::not_found(format!(
                "{dir}: `where`: expected some of {all} images to pass, got none"
            )));
        }
        let used: BTreeSet<u32> = labels.iter().copied().flatten().collect();
        let used: Vec<u32> = used.into_iter().collect();
        let number = |label: u32| used.binary_search(&label).ok().map(|at| at as u32);
        self.labels = labels.iter().map(|label| label.and_then(number)).collect();
        self.label_names = used.iter().map(|&label| self.label_names[label as usize].clone()).collect();
        self.filter = Some(self.snapshot.filter(passing));
        Ok(Rows { ids, ..self })
    }

    /// What lets only these images pass in searches of the index; none where they are all of it.
    pub(super) fn filter(&self) -> Option<Filter> {
        self.filter.clone()
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Always false: there is at least one image.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The open index.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The folder of the index.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The name of an image; bytes that are not UTF-8 are shown as U+FFFD.
    pub fn name(&self, row: u32) -> Cow<'_, str> {
        String::from_utf8_lossy(self.raw_name(row))
    }

    /// What tells an image from others of its folder or container: `0017.png` of `digits/3/0017.png`.
    pub fn short_name(&self, row: u32) -> String {
        short_name(&self.name(row))
    }

    /// The bytes of the name of an image.
    pub(crate) fn raw_name(&self, row: u32) -> &[u8] {
        self.snapshot.name(self.ids[row as usize])
    }

    /// The label of an image, if it has one.
    pub fn label(&self, row: u32) -> Option<&str> {
        self.labels[row as usize].map(|label| self.label_names[label as usize].as_str())
    }

    /// Whether there are at least two different labels.
    pub fn is_labelled(&self) -> bool {
        self.label_names.len() > 1
    }

    /// Codes `[n, words(bits)]`.
    pub fn codes(&self) -> Vec<u64> {
        let mut codes = Vec::with_capacity(self.len() * words(self.snapshot.bits()));
        self.ids.iter().for_each(|&id| codes.extend(self.snapshot.code(id)));
        codes
    }

    /// Latents `[n, D]`, scaled to length 1 (or 0), since they are compared by their cosine.
    ///
    /// # Errors
    /// When the index keeps no latents.
    pub fn latents(&self) -> Result<Vec<f32>> {
        let size = self.snapshot.latent_size();
        if size == 0 {
            return Err(Error::unsupported("the index: expected latents, got only codes"));
        }
        let mut latents = vec![0.0; self.len() * size];
        (0..).zip(latents.chunks_exact_mut(size)).for_each(|(row, latent)| self.write_latent(row, latent));
        Ok(latents)
    }

    /// Writes the latent of an image, as [`Rows::latents`] has it, into `latent`, `[D]`.
    pub(super) fn write_latent(&self, row: u32, latent: &mut [f32]) {
        let Some(stored) = self.snapshot.latent(self.ids[row as usize]) else { return latent.fill(0.0) };
        let square: i64 = stored.values.iter().map(|&value| i64::from(value).pow(2)).sum();
        let scale = if square > 0 { (square as f64).sqrt().recip() as f32 } else { 0.0 };
        latent.iter_mut().zip(stored.values).for_each(|(to, &value)| *to = f32::from(value) * scale);
    }

    /// Vectors to compare images by, `[n, D]`: unit latents or, where the index keeps none, the bits of the
    /// codes as +-1, scaled to length 1.
    ///
    /// # Errors
    /// When the index is damaged.
    pub fn unit_vectors(&self) -> Result<Vec<f32>> {
        if self.snapshot.latent_size() > 0 {
            return self.latents();
        }
        let (codes, bits) = (self.codes(), self.snapshot.bits());
        let unit = (bits as f32).sqrt().recip();
        let sign =
            |code: &[u64], bit: usize| if code[bit / 64] >> (bit % 64) & 1 == 1 { unit } else { -unit };
        let codes = codes.chunks(words(bits));
        Ok(codes.flat_map(|code| (0..bits).map(move |bit| sign(code, bit))).collect())
    }

    /// The images of `rows` where they can be found, else the reason why not.
    pub fn find(&self, rows: impl IntoIterator<Item = u32>) -> Vec<Result<Item, String>> {
        let names = rows.into_iter().map(|row| self.raw_name(row));
        resolve(names, self.dir.parent().unwrap_or(Path::new("")))
    }

    /// As [`Rows::find`], to look at: an image that cannot be found is shown by its thumbnail, if there is one.
    /// Also how many those are.
    pub fn find_to_show(&self, rows: &[u32]) -> (Vec<Result<Item, String>>, usize) {
        let ids: Vec<u32> = rows.iter().map(|&row| self.ids[row as usize]).collect();
        or_thumbnails((&self.dir, &self.snapshot), &ids, self.find(rows.iter().copied()))
    }
}
