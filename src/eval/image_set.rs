//! What is evaluated: codes, latents and labels of the gallery's own images, or of other images that are
//! encoded now; and their pixels, for the baselines.

use std::collections::HashMap;

use aesearch_index::Snapshot;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::gallery::{self, Gallery, Outcome, Record};
use crate::images::{self, InputShape, Item, Limits, Needed, Resizer, Skipped, invert_pixels, spread};
use crate::observer::{Observer, Stage};

/// Labels as numbers, in the order in which they first occur.
#[derive(Debug, Default)]
pub(super) struct Labels(HashMap<String, u32>);

impl Labels {
    fn number(&mut self, label: Option<&str>) -> Option<u32> {
        let next = self.0.len() as u32;
        label.map(|label| *self.0.entry(label.to_owned()).or_insert(next))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Images to evaluate, a row for each.
#[derive(Debug, Default)]
pub(super) struct ImageSet {
    /// `[rows, words(bits)]`
    pub(super) codes: Vec<u64>,
    /// `[rows, D]`
    pub(super) latents: Vec<f32>,
    /// `[rows]`
    pub(super) labels: Vec<Option<u32>>,
    /// `[rows]`
    pub(super) images: Images,
}

/// Which images these are.
#[derive(Debug)]
pub(super) enum Images {
    /// The gallery's own.
    Own(Vec<Own>),
    /// Others.
    Others(Vec<Item>),
}

/// An image of the gallery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Own {
    /// Its number in the index.
    pub(super) id: u32,
    /// Its row among all images of the gallery.
    pub(super) row: u32,
}

impl Default for Images {
    fn default() -> Self {
        Images::Others(Vec::new())
    }
}

impl ImageSet {
    /// All images of the gallery.
    pub(super) fn own(
        snapshot: &Snapshot,
        choice: &gallery::Labels,
        labels: &mut Labels,
    ) -> Result<ImageSet> {
        let mut set = ImageSet::default();
        let mut indexed = Vec::new();
        for id in snapshot.ids() {
            set.codes.extend(snapshot.code(id));
            if let Some(latent) = snapshot.latent(id) {
                set.latents.extend(latent.values.iter().map(|&value| f32::from(value) * latent.scale));
            }
            indexed.push((snapshot.name(id), Record::of(snapshot, id)?.label));
        }
        let named = choice.of(&indexed)?;
        set.labels = named.iter().map(|label| labels.number(label.as_deref())).collect();
        set.images = Images::Own(snapshot.ids().zip(0..).map(|(id, row)| Own { id, row }).collect());
        Ok(set)
    }

    /// Other images, encoded as the gallery's own were, and those that cannot be read.
    pub(super) fn encoded(
        gallery: &Gallery,
        items: &[Item],
        (threads, choice): (usize, &gallery::Labels),
        labels: &mut Labels,
        observer: &dyn Observer,
    ) -> Result<(ImageSet, Vec<Skipped>)> {
        observer.stage(Stage::images("encoding"));
        let all: Vec<&Item> = items.iter().collect();
        let named: Vec<_> = items.iter().map(|item| (item.name(), item.label().map(str::to_owned))).collect();
        let named = choice.of(&named)?;
        let (mut set, mut encoded, mut skipped) = (ImageSet::default(), Vec::new(), Vec::new());
        let run = gallery.pipeline(threads).encode(&all, observer, &mut |job, outcome| {
            match outcome {
                Outcome::Encoded { latent, .. } => {
                    set.codes.extend(gallery.facts().codes.binarizer.binarize(&latent));
                    set.latents.extend(latent);
                    set.labels.push(labels.number(named[job].as_deref()));
                    encoded.push(items[job].clone());
                }
                Outcome::Skipped(reason) => skipped.push(Skipped::new(items[job].name(), reason)),
                Outcome::Same(_) => {} // never: the pipeline knows no contents
            }
            Ok(())
        })?;
        set.images = Images::Others(encoded);
        if run.is_finished() { Ok((set, skipped)) } else { Err(Error::Interrupted) }
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Which of the gallery's own images these are; none where they are others.
    pub(super) fn owned(&self) -> Option<&[Own]> {
        match &self.images {
            Images::Own(own) => Some(own),
            Images::Others(_) => None,
        }
    }

    /// The rows of these among all images of the gallery; none where they are others.
    pub(super) fn own_rows(&self) -> Option<Vec<u32>> {
        self.owned().map(|own| own.iter().map(|own| own.row).collect())
    }

    /// The images at these rows.
    pub(super) fn at(&self, rows: &[usize]) -> ImageSet {
        let pick = |width: usize| move |&row: &usize| row * width..(row + 1) * width;
        let n = self.len().max(1);
        let (words, size) = (self.codes.len() / n, self.latents.len() / n);
        ImageSet {
            codes: rows.iter().map(pick(words)).flat_map(|range| &self.codes[range]).copied().collect(),
            latents: rows.iter().map(pick(size)).flat_map(|range| &self.latents[range]).copied().collect(),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
            images: match &self.images {
                Images::Own(own) => Images::Own(rows.iter().map(|&row| own[row]).collect()),
                Images::Others(items) => Images::Others(rows.iter().map(|&row| items[row].clone()).collect()),
            },
        }
    }

    /// At most `n` of them, spread evenly.
    pub(super) fn spread(&self, n: usize) -> ImageSet {
        self.at(&spread(self.len(), n))
    }

    /// The images, to be read; for one whose file is gone, the reason.
    pub(super) fn items(&self, gallery: &Gallery) -> Vec<Result<Item, String>> {
        match &self.images {
            Images::Own(own) => gallery.items(own.iter().map(|own| own.id)),
            Images::Others(items) => items.iter().cloned().map(Ok).collect(),
        }
    }
}

/// Images as pixels `[items, C * H * W]`, inverted where the gallery's are; none if one of them is gone.
pub(super) fn load_pixels(gallery: &Gallery, items: &[Item], shape: InputShape) -> Option<Vec<f32>> {
    let (limits, inverted) = (Limits::default(), gallery.facts().polarity.inverted);
    let mut pixels = vec![0.0; items.len() * shape.size()];
    let rows = pixels.par_chunks_exact_mut(shape.size()).zip(items);
    let load = |resizer: &mut Resizer, (row, item): (&mut [f32], &Item)| {
        let loaded = images::load_for(item, &limits, Needed::inputs(&[shape])).ok()?;
        resizer.to_input(&loaded.pixels, shape, row).ok()?;
        if inverted {
            invert_pixels(row);
        }
        Some(())
    };
    rows.try_for_each_init(Resizer::new, load).map(|()| pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_numbered_as_they_come() {
        let mut labels = Labels::default();
        let numbers: Vec<_> = [Some("b"), None, Some("a"), Some("b")].map(|l| labels.number(l)).into();
        assert_eq!(numbers, [Some(0), None, Some(1), Some(0)]);
        assert_eq!(labels.len(), 2);
    }

    #[test]
    fn rows_are_picked_whole() {
        let set = ImageSet {
            codes: vec![1, 2, 3],
            latents: vec![0.1, 0.2, 1.1, 1.2, 2.1, 2.2],
            labels: vec![Some(5), None, Some(6)],
            images: Images::Own([7, 8, 9].into_iter().zip(0..).map(|(id, row)| Own { id, row }).collect()),
        };
        let some = set.at(&[0, 2]);
        assert_eq!((&some.codes[..], &some.latents[..]), (&[1, 3][..], &[0.1, 0.2, 2.1, 2.2][..]));
        assert_eq!((&some.labels[..], some.own_rows()), (&[Some(5), Some(6)][..], Some(vec![0, 2])));
        assert!(ImageSet::default().spread(5).labels.is_empty());
    }
}
