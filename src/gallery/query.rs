//! Queries: the images of a gallery that are most similar to an image.
//!
//! ```text
//! 7.png -> load -> resize -> (invert) -> encoder -> latent [D] -> binarizer -> code -> search -> re-rank -> hits
//! ```

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use aesearch_index::{Filter, Mode, Search};

use super::found::{Found, Hit, Ranking, Store, code_share};
use super::labels::{Chosen, Labels, has_classes};
use super::open::{Gallery, QueryEncoder};
use super::own::Own;
use super::polarity::{self, Invert};
use super::together::Opened;
use crate::encode::is_usable;
use crate::error::{Error, Result};
use crate::images::{
    Decoding, Item, Needed, Pixels, Remarks, Resolver, Skipped, Source, WalkOptions, invert_pixels, read,
    walk,
};
use crate::observer::Observer;

/// What a crop has of the width and height of its image.
const CROP: f64 = 0.8;

/// What to search for.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryOptions {
    /// The number of hits, at most.
    pub k: usize,
    /// Exact search, or the recall that approximate search aims at.
    pub mode: Mode,
    /// Only images whose codes differ from the query's in at most this many bits.
    pub radius: Option<u32>,
    /// The number of nearest codes that are put in order by their latents; 0 leaves them in the order of
    /// their codes.
    pub rerank: usize,
    /// Leave out what is no nearer than strangers.
    pub only_near: bool,
    /// Search with the mean latent of the whole query, its middle and its corners: six times the work.
    pub crops: bool,
    /// Leave out the query itself, where it is an image of the index: the one of its name, or for an image in
    /// memory those with the same bytes. What is asked by pixels or by a latent has neither.
    pub without_self: bool,
    /// Only images that pass these filters, one for each of the gallery's indexes; empty: all images.
    pub only: Vec<Filter>,
}

impl Default for QueryOptions {
    fn default() -> Self {
        QueryOptions {
            k: 10,
            mode: Mode::Recall(0.99),
            radius: None,
            rerank: 200,
            only_near: false,
            crops: false,
            without_self: false,
            only: Vec::new(),
        }
    }
}

/// The result of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryResult {
    /// The most similar images, the best first.
    pub hits: Vec<Hit>,
    /// Whether the query was inverted before it was encoded.
    pub inverted: bool,
}

/// The mean `[D]` of latents `[n, D]`.
pub(super) fn mean(latents: &[f32], n: usize) -> Vec<f32> {
    let (first, others) = latents.split_at(latents.len() / n.max(1));
    let mut mean = first.to_vec();
    for latent in others.chunks_exact(first.len().max(1)) {
        mean.iter_mut().zip(latent).for_each(|(sum, x)| *sum += x);
    }
    mean.iter_mut().for_each(|sum| *sum /= n as f32);
    mean
}

/// One of several queries.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The query.
    pub item: Item,
    /// Its label, where one is known: as its folder or container says, unless [`Answers::label`] gave it another.
    pub label: Option<String>,
    /// The pixels that the model's input was made of, where they were to be kept: those of a large JPEG file are
    /// fewer than it has.
    pub pixels: Option<Pixels>,
    /// What was found.
    pub result: QueryResult,
    /// How long it took, reading the image included.
    pub seconds: f64,
}

/// The results of several queries.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// In the order of the queries.
    pub answers: Vec<Answer>,
    /// Images that cannot be used.
    pub skipped: Vec<Skipped>,
}

impl Answers {
    /// Gives each query and each hit its label by `labels`, of the images of the gallery that answered.
    ///
    /// # Errors
    /// Those of [`Labels::of`]; when a record is damaged.
    pub fn label(&mut self, gallery: &Gallery, labels: &Labels) -> Result<()> {
        let chosen = gallery.chosen(labels)?;
        self.answers.iter_mut().for_each(|answer| answer.label_by(&chosen));
        Ok(())
    }
}

impl Answer {
    pub(super) fn label_by(&mut self, chosen: &Chosen<'_>) {
        self.label = chosen.label(&self.item.name(), self.item.label());
        for hit in &mut self.result.hits {
            let name = hit.path_bytes.as_deref().unwrap_or(hit.path.as_bytes());
            hit.label = chosen.label(name, hit.label.as_deref());
        }
    }
}

impl Gallery {
    /// Which labels count among its images. Whether its folders look like classes was found out when it was
    /// brought up to date; for an index of an earlier version all records are read.
    pub(super) fn chosen<'a>(&self, labels: &'a Labels) -> Result<Chosen<'a>> {
        let has = |opened: &Opened| opened.facts.classes.map_or_else(|| has_classes(&opened.snapshot), Ok);
        let chosen = labels.chosen(|| {
            let all = self.indexes().map(has).collect::<Result<Vec<bool>>>()?;
            Ok(all.contains(&true))
        })?;
        chosen.check(
            self.indexes()
                .flat_map(|Opened { snapshot, .. }| snapshot.ids().map(move |id| snapshot.name(id))),
        )?;
        Ok(chosen)
    }

    /// The images most similar to `item`.
    ///
    /// # Errors
    /// `Invalid` when the image cannot be read, with the reason, or `options` do not fit the index.
    pub fn query(&self, item: &Item, options: &QueryOptions) -> Result<QueryResult> {
        let unusable = |reason: String| Error::invalid(format!("{}: {reason}", item.display()));
        let pixels = self.decode(item, true, &Remarks::default()).map_err(unusable)?;
        self.query_pixels(&pixels, options).map_err(|error| match error {
            Error::Invalid(problem) => unusable(problem.what),
            other => other,
        })
    }

    /// The images most similar to `pixels`. Those of a large JPEG file give exactly the code that the index has
    /// of it only if they were decoded as for it ([`Needed::inputs`] of the model's input); decoded whole,
    /// another bit in a hundred or so differs.
    ///
    /// # Errors
    /// `Invalid` when the image is empty or `options` do not fit the index.
    pub fn query_pixels(&self, pixels: &Pixels, options: &QueryOptions) -> Result<QueryResult> {
        let (latent, inverted) = self.latent_of(pixels, options.crops)?;
        Ok(QueryResult { hits: self.search(&latent, options)?, inverted })
    }

    /// A query for each of the images that `paths` hold, on all threads of the current rayon pool. An image that
    /// cannot be read is skipped.
    ///
    /// # Errors
    /// When a path does not exist; those of [`Gallery::query_items`].
    pub fn query_paths(
        &self,
        paths: &[PathBuf],
        options: &QueryOptions,
        observer: &dyn Observer,
    ) -> Result<Answers> {
        let walk = walk(paths, &WalkOptions::default())?;
        walk.skipped.iter().for_each(|s| observer.skipped(&s.path, &s.reason));
        let Answers { answers, skipped } = self.query_items(&walk.items, options, observer)?;
        Ok(Answers { answers, skipped: [walk.skipped, skipped].concat() })
    }

    /// The latent `[D]` of an image, and whether it was inverted before it was encoded.
    ///
    /// # Errors
    /// `Invalid` when the image is empty; or when the model fails on it.
    pub fn latent(&self, pixels: &Pixels) -> Result<(Vec<f32>, bool)> {
        self.latent_of(pixels, false)
    }

    fn latent_of(&self, pixels: &Pixels, crops: bool) -> Result<(Vec<f32>, bool)> {
        self.with_encoder(|session| {
            let mut images = Vec::new();
            let (views, inverted) = self.views(session, pixels, crops, &mut images)?;
            Ok((mean(&session.encoder.encode(&images)?, views), inverted))
        })
    }

    /// Adds an image, and its `crops` if they are wanted, to the end of `images` `[N, C, H, W]`. Gives how many
    /// those are, and whether they were inverted: crops are if the image was.
    pub(super) fn views(
        &self,
        session: &mut QueryEncoder,
        pixels: &Pixels,
        crops: bool,
        images: &mut Vec<f32>,
    ) -> Result<(usize, bool)> {
        let shape = session.encoder.input();
        let mut add = |pixels: &Pixels, images: &mut Vec<f32>| {
            let start = images.len();
            images.resize(start + shape.size(), 0.0);
            session.resizer.to_input(pixels, shape, &mut images[start..]).map_err(Error::invalid)?;
            Ok::<usize, Error>(start)
        };
        let start = add(pixels, images)?;
        let inverted = self.correct_polarity(&mut images[start..])?;
        let mut views = 1;
        for crop in pixels.crops(CROP).filter(|_| crops) {
            let start = add(&crop, images)?;
            if inverted {
                invert_pixels(&mut images[start..]);
            }
            views += 1;
        }
        Ok((views, inverted))
    }

    /// The images whose codes, and then latents, are nearest to `latent` `[D]`.
    ///
    /// # Errors
    /// `Invalid` when the latent is not of the model's size or `options` do not fit the index, `Damaged` when
    /// the latent is not finite.
    pub fn search(&self, latent: &[f32], options: &QueryOptions) -> Result<Vec<Hit>> {
        self.search_but(latent, options, &Own::Nothing)
    }

    /// The same without the query itself.
    pub(super) fn search_but(&self, latent: &[f32], options: &QueryOptions, own: &Own) -> Result<Vec<Hit>> {
        let binarizer = &self.facts().codes.binarizer;
        if latent.len() != binarizer.latent_size() {
            let (expected, got) = (binarizer.latent_size(), latent.len());
            return Err(Error::invalid(format!("latent: expected {expected} numbers, got {got}")));
        }
        if !is_usable(latent) {
            let what = "latent: expected finite numbers, none of them huge, got others";
            return Err(Error::damaged(&self.facts().model.name, what));
        }
        let code = binarizer.binarize(latent);
        // Which of several equally near codes makes the cut would be chance, so all of them are taken, and
        // their latents decide. Equal latents are put in order by name, as an item's number depends on the
        // history of the index.
        let k = options.k.max(options.rerank).saturating_add(usize::from(options.without_self));
        let mut found = match &self.store {
            None => self.ranked((latent, &code), k, options)?,
            Some(store) => self.stored(store.as_ref(), (latent, &code), k, options)?,
        };
        found.sort_unstable_by(|a, b| {
            let by_latent = b.similarity.total_cmp(&a.similarity);
            let order = if options.rerank == 0 { Ordering::Equal } else { by_latent };
            let names = || a.name().cmp(b.name());
            order.then(a.distance.cmp(&b.distance)).then_with(names).then(a.index().cmp(&b.index()))
        });
        let mut kept = Vec::new();
        for hit in found {
            if kept.len() < options.k && !own.is(&hit)? {
                kept.push(hit);
            }
        }
        if options.only_near {
            kept.retain(|hit| hit.is_near() != Some(false));
        }
        kept.iter().zip(1..).map(|(hit, rank)| hit.hit(rank)).collect()
    }

    /// The images of all indexes whose codes are among the `k` nearest, and those as near as the last of them.
    fn ranked(
        &self,
        (latent, code): (&[f32], &[u64]),
        k: usize,
        options: &QueryOptions,
    ) -> Result<Vec<Found<'_>>> {
        let QueryOptions { mode, radius, .. } = *options;
        let mut near: Vec<(usize, &Opened, Vec<aesearch_index::Hit>)> = Vec::new();
        for (number, opened) in self.indexes().enumerate() {
            let only = options.only.get(number).cloned();
            let hits = opened.snapshot.search(code, &Search { k, mode, radius, ties: true, only })?;
            near.push((number, opened, hits));
        }
        if near.len() > 1 {
            let mut distances: Vec<u32> =
                near.iter().flat_map(|(_, _, hits)| hits).map(|hit| hit.distance).collect();
            distances.sort_unstable();
            if let Some(&last) = k.checked_sub(1).and_then(|last| distances.get(last)) {
                near.iter_mut().for_each(|(_, _, hits)| hits.retain(|hit| hit.distance <= last));
            }
        }
        let share = code_share(&self.facts().codes.binarizer);
        let mut found = Vec::new();
        for (number, opened, hits) in near {
            let ranked = opened.snapshot.rerank(latent, &hits, hits.len(), share);
            found.extend(ranked.iter().map(|hit| Found::indexed((number, opened), hit)));
        }
        Ok(found)
    }

    /// The same of a store.
    fn stored(
        &self,
        store: &dyn Store,
        (latent, code): (&[f32], &[u64]),
        k: usize,
        options: &QueryOptions,
    ) -> Result<Vec<Found<'_>>> {
        let QueryOptions { mode, radius, .. } = *options;
        let near = store.near(code, &Search { k, mode, radius, ties: true, only: None })?;
        let ranking = Ranking::new(latent, &self.facts().codes.binarizer);
        Ok(near.into_iter().map(|stored| Found::stored(self.facts(), stored, &ranking)).collect())
    }
}

impl Gallery {
    /// The images of hits, to look at: one whose file is gone is shown by its thumbnail, if there is one.
    pub fn hits_to_show(&self, hits: &[Hit]) -> Vec<Result<Item, String>> {
        if self.store.is_some() {
            let mut resolver = Resolver::new(Path::new(""));
            let name = |hit: &Hit| hit.path_bytes.clone().unwrap_or_else(|| hit.path.clone().into_bytes());
            return hits.iter().map(|hit| resolver.find(&name(hit))).collect();
        }
        let mut shown: Vec<Result<Item, String>> = hits.iter().map(|_| Err(String::new())).collect();
        for (number, opened) in self.indexes().enumerate() {
            let own = || hits.iter().enumerate().filter(move |(_, hit)| hit.index == number);
            let ids: Vec<u32> = own().map(|(_, hit)| hit.id).collect();
            own().zip(opened.items_to_show(&ids)).for_each(|((at, _), item)| shown[at] = item);
        }
        shown
    }

    /// The pixels of an image, as when the index was made, but in colour where it has any, unless
    /// `grey_suffices`.
    fn decode(&self, item: &Item, grey_suffices: bool, remarks: &Remarks) -> Result<Pixels, String> {
        self.decode_source(read(item, &self.options.limits)?, grey_suffices, remarks)
    }

    pub(super) fn decode_source(
        &self,
        source: Source,
        grey_suffices: bool,
        remarks: &Remarks,
    ) -> Result<Pixels, String> {
        let limits = self.options.limits;
        let input = self.model().metadata.input;
        let (grey, needed) = (grey_suffices && input.channels == 1, Needed::inputs(&[input]));
        let remarks = remarks.clone();
        source.decode(&Decoding { limits, grey, needed, remarks, ..Decoding::default() })
    }

    /// Inverts an image `[C, H, W]` where the collection is inverted, and otherwise where its polarity is in
    /// doubt and the model reconstructs it better so. Returns whether it did.
    fn correct_polarity(&self, image: &mut [f32]) -> Result<bool> {
        let (invert, polarity) = (self.options.invert, &self.facts().polarity);
        let inverted = match invert {
            Invert::Auto => polarity.inverted,
            Invert::Never => false,
            Invert::Always => true,
        };
        if inverted {
            invert_pixels(image);
        }
        if invert != Invert::Auto || !polarity.doubts(image) {
            return Ok(inverted);
        }
        let corrected = self.with_autoencoder(|autoencoder| polarity::correct(image, autoencoder))?;
        Ok(inverted ^ corrected.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fs;

    use super::super::tests::{Fixture, inverted, picture};
    use super::*;
    use crate::model::Family;

    #[test]
    fn threads_share_a_gallery_and_get_the_same_answers() {
        fn assert_shareable<T: Send + Sync>() {}
        assert_shareable::<Gallery>();

        let fixture = Fixture::new(Family::ConvHash);
        fixture.draw(0..60);
        fixture.update();
        let (gallery, options) = (fixture.open(), QueryOptions::default());
        // Inverted ones put their polarity in doubt, which takes a decoder as well.
        let queries: Vec<Pixels> = (0..32).map(picture).chain((0..8).map(|n| inverted(picture(n)))).collect();
        let ask = |query: &Pixels| gallery.query_pixels(query, &options).unwrap();
        let alone: Vec<QueryResult> = queries.iter().map(ask).collect();
        assert!(alone.iter().filter(|result| result.inverted).count() >= 8);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|first| {
                    let (queries, ask) = (&queries, &ask);
                    let order = move || (0..queries.len()).map(move |i| (i * 7 + first * 5) % queries.len());
                    scope.spawn(move || order().map(|i| (i, ask(&queries[i]))).collect::<Vec<_>>())
                })
                .collect();
            for thread in threads {
                let answers = thread.join().unwrap();
                assert_eq!(answers.len(), queries.len());
                answers.iter().for_each(|(i, answer)| assert_eq!(*answer, alone[*i], "query {i}"));
            }
        });
    }

    #[test]
    fn several_queries_are_answered_in_order_and_unreadable_ones_skipped() {
        #[derive(Default)]
        struct Skips(RefCell<Vec<String>>);
        impl Observer for Skips {
            fn skipped(&self, path: &str, _reason: &str) {
                self.0.borrow_mut().push(path.to_owned());
            }
        }
        let fixture = Fixture::new(Family::ConvHash);
        fixture.draw(0..9);
        fixture.update();
        fs::write(fixture.path("data/004.png"), b"not an image").unwrap();
        let (gallery, options, observer) = (fixture.open(), QueryOptions::default(), Skips::default());
        let found = gallery.query_paths(&[fixture.path("data")], &options, &observer).unwrap();
        assert_eq!((found.answers.len(), found.skipped.len()), (8, 1));
        assert_eq!(*observer.0.borrow(), [found.skipped[0].path.clone()]);
        for answer in &found.answers {
            // batches round differently, in the last digits
            let alone = gallery.query(&answer.item, &options).unwrap().hits;
            let pairs = answer.result.hits.iter().zip(&alone);
            assert!(pairs.clone().all(|(a, b)| (a.similarity - b.similarity).abs() < 1e-4));
            assert_eq!(
                (answer.result.hits.len(), &answer.result.hits[0].path),
                (alone.len(), &alone[0].path)
            );
            assert_eq!(answer.result.hits[0].path, answer.item.display());
        }
        let nowhere = gallery.query_paths(&[fixture.path("nowhere")], &options, &());
        assert!(nowhere.is_err(), "a path that does not exist");
    }

    #[test]
    fn queries_obey_k_radius_and_rerank() {
        let fixture = Fixture::new(Family::ConvHash);
        fixture.draw(0..50);
        fixture.update();
        let gallery = fixture.open();
        let query = |options| gallery.query_pixels(&picture(3), &options).unwrap().hits;

        let exact = QueryOptions { k: 50, mode: Mode::Exact, rerank: 0, ..QueryOptions::default() };
        let all = query(exact.clone());
        assert_eq!(all.len(), 50);
        assert!(all.is_sorted_by_key(|hit| (hit.distance, hit.path.clone())), "ties by name");
        let radius = all[20].distance;
        let near = query(QueryOptions { radius: Some(radius), ..exact.clone() });
        assert_eq!(near.len(), all.iter().filter(|hit| hit.distance <= radius).count());
        let reranked = query(QueryOptions { k: 5, rerank: 200, ..exact.clone() });
        assert!(reranked.is_sorted_by(|a, b| a.similarity >= b.similarity));
        assert_eq!(reranked.len(), 5);
        assert_eq!(query(QueryOptions { k: 0, ..exact }).len(), 0);
    }

    #[test]
    fn labels_are_those_that_are_asked_for() {
        let fixture = Fixture::new(Family::ConvHash);
        fixture.draw(0..9);
        fixture.update();
        let (gallery, options) = (fixture.open(), QueryOptions { k: 9, ..QueryOptions::default() });
        let answers = gallery.query_paths(&[fixture.path("data")], &options, &()).unwrap();
        let table = fixture.path("labels.csv");
        fs::write(&table, format!("{},seven\n", fixture.path("data/007.png").display())).unwrap();
        for (labels, expected) in [
            (Labels::Folder, vec!["data"; 81]),
            (Labels::Auto, vec![]), // one folder tells nothing apart
            (Labels::None, vec![]),
            (Labels::Table(table), vec!["seven"; 9]),
        ] {
            let mut answers = answers.clone();
            answers.label(&gallery, &labels).unwrap();
            let hits = answers.answers.iter().flat_map(|answer| &answer.result.hits);
            assert_eq!(
                hits.filter_map(|hit| hit.label.as_deref()).collect::<Vec<_>>(),
                expected,
                "{labels:?}"
            );
        }
        let error = answers.clone().label(&gallery, &Labels::Table(fixture.path("none.csv"))).unwrap_err();
        assert!(error.to_string().contains("none.csv"), "{error}");
    }

    #[test]
    fn crops_see_other_parts_of_the_query() {
        let fixture = Fixture::new(Family::ConvHash);
        fixture.draw(0..30);
        fixture.update();
        let gallery = fixture.open();
        let similarities = |crops| {
            let options = QueryOptions { k: 30, crops, ..QueryOptions::default() };
            let hits = gallery.query_pixels(&picture(3), &options).unwrap().hits;
            hits.iter().map(|hit| hit.similarity).collect::<Vec<_>>()
        };
        let (whole, with_crops) = (similarities(false), similarities(true));
        assert!(whole[0] > 0.999 && with_crops[0] < 0.999 && with_crops[0] > 0.5, "{with_crops:?}");
        // where every crop is the whole, nothing changes
        let dot = Pixels { width: 1, height: 1, channels: 1, data: vec![90] };
        let query = |crops| gallery.query_pixels(&dot, &QueryOptions { crops, ..QueryOptions::default() });
        assert_eq!(query(true).unwrap().hits[0].path, query(false).unwrap().hits[0].path);
    }

    #[test]
    fn unusable_queries_are_errors_with_a_reason() {
        let fixture = Fixture::new(Family::ConvHash);
        fixture.draw(0..2);
        fixture.update();
        fs::write(fixture.path("broken.png"), b"\x89PNG\r\n\x1a\n").unwrap();
        let items = walk(&[fixture.path("broken.png")], &WalkOptions::default()).unwrap().items;
        let error = fixture.open().query(&items[0], &QueryOptions::default()).unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
        assert!(error.to_string().contains("broken.png: "), "{error}");
    }
}
