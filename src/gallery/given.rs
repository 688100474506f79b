//! Adding images that the caller hands over one after the other, as those in memory, to an index.
//!
//! They are taken as they come: no more of them are held than are being encoded. What is decided once for an index, its
//! model, polarity and binarizer, is decided by the first of them. An image is known by its name, and one of a name that
//! the index holds replaces it. Images from memory have no file that could be gone: later runs of `update` keep them,
//! until they are replaced or removed by name.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aesearch_index::{Snapshot, Writer};

use super::after::After;
use super::again::outgrown;
use super::folder::{check_made_with, lock, open_if_any};
use super::ingest::{Content, Entry, Ingest};
use super::outcome::Outcome;
use super::pipeline::{Encoded, Pipeline, some_of};
use super::plan::Plan;
use super::record::{Facts, Fitted};
use super::spelling::Names;
use super::taken::Taken;
use super::thumbnails::Thumbnailer;
use super::update::{Made, Run, UpdateOptions, identity, layout, model_for, wanted};
use super::update_report::{Times, UpdateReport};
use crate::encode::MAX_FIT;
use crate::error::Result;
use crate::images::{Item, Skipped, hash_bytes};
use crate::observer::{Observer, Progress};
use crate::runtime::{Runtime, ensure};

/// The images of a stream by which the model and the polarity of a new index are chosen: so many, or of so many bytes in
/// memory.
pub const FIRST: (usize, usize) = (1024, 256 << 20);

/// Adds images to the index at `dir`, which is made if there is none. They may be in memory ([`Item::from_pixels`],
/// [`Item::from_bytes`], with a label by [`Item::with_label`]) or files; the iterator is asked on the caller's thread,
/// for a few at a time. Nothing is removed; options about paths are not used, and neither are `refit` and `moves`.
///
/// Images in memory whose name is empty are numbered: 0, 1, 2, ..., on from the largest number that is the name of an image
/// of the index as it is when the lock is held, so that writers who take turns never replace each other's images.
///
/// ```
/// use aesearch::gallery::{UpdateOptions, add_images};
/// use aesearch::images::{Item, Pixels};
/// use aesearch::runtime::RuntimeOptions;
///
/// # fn main() -> aesearch::Result<()> {
/// let folder = tempfile::tempdir().expect("a temporary folder");
/// let stripes = |n: u32| Pixels { width: 28, height: 28, channels: 1, data: (0..28 * 28).map(|i| (i * n) as u8).collect() };
/// let mut images = (0..100).map(|n| Item::from_pixels(format!("stripes {n}"), stripes(n)));
/// let options = UpdateOptions { model: "digits-64".into(), ..UpdateOptions::new(RuntimeOptions::from_env()) };
/// let report = add_images(&folder.path().join("index"), &mut images, &options, &())?;
/// assert_eq!((report.added, report.images), (100, 100));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`update`](super::update()), but for those of paths. An image that cannot be used is skipped, and so is a second
/// one of the same name.
pub fn add_images(
    dir: &Path,
    images: &mut dyn Iterator<Item = Item>,
    options: &UpdateOptions,
    observer: &dyn Observer,
) -> Result<UpdateReport> {
    let start = Instant::now();
    let options = &UpdateOptions { refit: false, moves: false, ..options.clone() };
    let lock = || lock(dir, options.wait, observer);
    let mut writer = if dir.is_dir() { Some(lock()?) } else { None };
    let mut old = open_if_any(dir)?;
    let first = some_of(images, FIRST);
    let (model, polarity) = model_for(dir, old.as_ref(), &first, options, observer)?;
    let times = Times { check: start.elapsed(), ..Times::default() };
    let writer = match &mut writer {
        Some(writer) => writer,
        none => {
            let writer = none.insert(lock()?);
            old = open_if_any(dir)?; // again: another writer may have been faster
            writer
        }
    };
    let (snapshot, before) = (old.as_ref().map(|old| &old.0), old.as_ref().map(|old| &old.1));
    let mut numbers = snapshot.map_or(0, next_number)..;
    let mut numbered = |item: Item| match item.is_in_memory() && item.name().is_empty() {
        true => item.with_name(numbers.next().map_or_else(String::new, |number| number.to_string())),
        false => item,
    };
    let first: Vec<Item> = first.into_iter().map(&mut numbered).collect();
    let images = &mut images.map(numbered);
    before.map_or(Ok(()), |facts| check_made_with(dir, facts, &model))?;
    let wanted = &wanted(dir, before, &model, options)?;
    let (names, kept) = (Names::default(), snapshot.map_or_else(Vec::new, |old| old.ids().collect()));
    let n_kept = kept.len();
    let plan = &Plan::new((&[], &names), snapshot, false)?.keeping(kept, Vec::new());
    let layout = layout(snapshot, false, options, observer);
    let taken = Taken::new(options.frames, options.video, before.map(|facts| facts.taken));
    let thumbnails = Thumbnailer::open(dir, options.thumbnails, observer)?.map(Arc::new);
    let (model, refit) = (&model, false);
    let run = Run { dir, plan, before, refit, model, wanted, polarity, layout, taken, thumbnails, options };
    let made = run.take_in((first, images), writer, observer)?;
    let has_latents = layout.latents && snapshot.is_some_and(|old| old.latent_size() > 0);
    let due = before.is_some_and(|facts| outgrown(facts, n_kept + made.tally.added));
    run.finish(writer, made, due && has_latents, (start, times), observer)
}

/// A number above all names that are numbers.
fn next_number(snapshot: &Snapshot) -> u64 {
    let number = |id| std::str::from_utf8(snapshot.name(id)).ok()?.parse::<u64>().ok();
    snapshot.ids().filter_map(number).max().map_or(0, |last| last.saturating_add(1))
}

/// What was encoded to fit a binarizer.
#[derive(Default)]
struct Fit {
    codes: Option<Fitted>,
    held: Vec<Held>,
    encoded: Encoded,
    took: Duration,
}

/// The outcome of an image that is kept until there is a binarizer.
struct Held {
    name: Vec<u8>,
    label: Option<String>,
    outcome: Outcome,
}

impl Run<'_> {
    fn take_in(
        &self,
        (first, rest): (Vec<Item>, &mut dyn Iterator<Item = Item>),
        writer: &mut Writer,
        observer: &dyn Observer,
    ) -> Result<Made> {
        let Run { plan, model, layout, taken, options, .. } = *self;
        if first.is_empty() && self.before.is_none() {
            return Ok(Made::default());
        }
        let mut named = Named::new(plan.old, observer);
        let runtime = ensure(&options.runtime, observer)?;
        let mut pipeline = Pipeline::new(&runtime, model, options.pipeline(0)?);
        let all: Vec<&Item> = first.iter().collect();
        let new: Vec<&Item> = first.iter().filter(|item| named.old(&item.name()).is_none()).collect();
        let start = Instant::now();
        let (polarity, seen) = self.look(&mut pipeline, (&all, &new), observer)?;
        let check = start.elapsed().saturating_sub(seen.took);
        pipeline.inverted = polarity.inverted;
        pipeline.inputs = seen.inputs.into();
        pipeline.thumbnails = self.thumbnails.clone();

        let mut images = first.into_iter().chain(rest);
        let expected = match images.size_hint() {
            (least, Some(most)) if least == most => least,
            _ => 0,
        };
        let fit = match self.before {
            Some(facts) => Fit { codes: Some(facts.codes.clone()), ..Fit::default() },
            None => self.fit_to_first(&pipeline, (&mut images, expected), (&runtime, observer))?,
        };
        let mut encoded = fit.encoded;
        let Some(codes) = fit.codes else {
            let mut made = Made { encoded, check, fit: fit.took, ..Made::default() };
            fit.held.into_iter().for_each(|held| drop(named.usable(&held.name, held.outcome)));
            made.tally.skipped = named.skipped;
            return Ok(made);
        };
        let strangers = self.before.and_then(|facts| facts.strangers);
        let identity = identity(model, &options.model, self.before);
        let facts = Facts { model: identity, codes, polarity, strangers, taken, classes: None };
        let known = Arc::new(plan.known()?);
        pipeline.known = known.clone();
        let checkpoints = options.checkpoints;
        let mut ingest =
            Ingest::new(Content { plan, known: &known, facts: &facts, layout, checkpoints }, writer)?;
        for Held { name, label, outcome } in fit.held {
            named.put(&mut ingest, (&name, label.as_deref()), outcome)?;
        }
        if encoded.is_finished() {
            let after = After { observer, before: encoded.progress, total: expected };
            let sink =
                &mut |item: &Item, outcome| named.put(&mut ingest, (&item.name(), item.label()), outcome);
            encoded = after.and(&encoded, pipeline.encode_stream((&mut images, expected), &after, sink)?);
        }
        let mut tally = ingest.finish(encoded.is_finished())?;
        tally.unchanged -= named.replaced; // they were kept, as far as the plan knows
        tally.skipped.extend(named.skipped);
        encoded.times += seen.times;
        Ok(Made { tally, encoded, check, fit: fit.took })
    }

    /// Fits the binarizer to the first [`MAX_FIT`] images, where it needs fitting.
    fn fit_to_first(
        &self,
        pipeline: &Pipeline<'_>,
        (images, expected): (&mut dyn Iterator<Item = Item>, usize),
        (runtime, observer): (&Runtime, &dyn Observer),
    ) -> Result<Fit> {
        if let Some(ready) = self.wanted.ready() {
            return Ok(Fit { codes: Some(ready), ..Fit::default() });
        }
        let (mut held, mut latents) = (Vec::new(), Vec::new());
        let after = After { observer, before: Progress::default(), total: expected };
        let few = &mut images.take(MAX_FIT);
        let encoded =
            pipeline.encode_stream((few, expected.min(MAX_FIT)), &after, &mut |item, outcome| {
                if let Outcome::Encoded { latent, .. } = &outcome {
                    latents.extend_from_slice(latent);
                }
                let (name, label) = (item.name().into_owned(), item.label().map(str::to_owned));
                held.push(Held { name, label, outcome });
                Ok(())
            })?;
        let fit = || self.wanted.fit((&latents, held.len()), (runtime, observer), encoded.is_finished());
        let (codes, took) = (!latents.is_empty()).then(fit).transpose()?.unzip();
        Ok(Fit { codes, held, encoded, took: took.unwrap_or_default() })
    }
}

/// Images of a run by name: those that the index held before, and those that have come.
struct Named<'a> {
    old: HashMap<&'a [u8], u32>,
    /// Hashes of names, which may be long.
    came: HashSet<[u8; 32]>,
    /// Images of the index that others took the place of.
    replaced: usize,
    skipped: Vec<Skipped>,
    observer: &'a dyn Observer,
}

impl<'a> Named<'a> {
    fn new(old: Option<&'a Snapshot>, observer: &'a dyn Observer) -> Named<'a> {
        let old = old.into_iter().flat_map(|old| old.ids().map(move |id| (old.name(id), id))).collect();
        Named { old, came: HashSet::new(), replaced: 0, skipped: Vec::new(), observer }
    }

    fn old(&self, name: &[u8]) -> Option<u32> {
        self.old.get(name).copied()
    }

    /// The outcome of an image that can be added; others are among the skipped from now on.
    fn usable(&mut self, name: &[u8], outcome: Outcome) -> Option<Outcome> {
        let reason = match outcome {
            Outcome::Skipped(reason) => reason,
            _ if self.came.insert(hash_bytes(name)) => return Some(outcome),
            _ => {
                let reason = "another image that was added with it has the same name".to_owned();
                self.observer.skipped(&String::from_utf8_lossy(name), &reason);
                reason
            }
        };
        self.skipped.push(Skipped::new(name, reason));
        None
    }

    fn put(
        &mut self,
        ingest: &mut Ingest<'_>,
        (name, label): (&[u8], Option<&str>),
        outcome: Outcome,
    ) -> Result<()> {
        let Some(outcome) = self.usable(name, outcome) else { return Ok(()) };
        let old = self.old(name);
        self.replaced += usize::from(old.is_some());
        ingest.take(Entry { name, label, old }, outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, Notes, counts, picture};
    use super::super::{FOLDER, Gallery, QueryOptions, remove, update};
    use super::*;
    use crate::error::Error;
    use crate::images::{Limits, encode_png, load};
    use crate::model::Family;

    fn images(names: std::ops::Range<usize>) -> impl Iterator<Item = Item> {
        names.map(|n| Item::from_pixels(format!("given {n}"), picture(n)).with_label("drawn"))
    }

    fn add(fixture: &Fixture, mut images: impl Iterator<Item = Item>) -> UpdateReport {
        add_images(&fixture.path(FOLDER), &mut images, &fixture.options, &()).unwrap()
    }

    fn nearest(gallery: &Gallery, n: usize) -> (String, u32, Option<String>) {
        let query = Item::from_pixels("a query", picture(n));
        let hit = gallery.query(&query, &QueryOptions::default()).unwrap().hits.remove(0);
        (hit.path, hit.distance, hit.label)
    }

    #[test]
    fn images_from_memory_are_found_and_stay_when_files_come_and_go() {
        for family in [Family::ConvHash, Family::Conv] {
            let fixture = Fixture::new(family); // by sign, and by a binarizer that is fitted
            let report = add(&fixture, images(0..90));
            assert_eq!((counts(&report), report.skipped.len()), ([90, 0, 0, 0, 90], 0));
            let expected = ("given 17".to_owned(), 0, Some("drawn".to_owned()));
            assert_eq!(nearest(&fixture.open(), 17), expected);
            fixture.draw(200..210);
            assert_eq!(counts(&fixture.update()), [10, 90, 0, 0, 100]);
            std::fs::remove_file(fixture.path("data/200.png")).unwrap();
            let options = UpdateOptions { prune: true, ..fixture.options.clone() };
            let pruned = update(&fixture.path(FOLDER), &[fixture.path("data")], &options, &()).unwrap();
            assert_eq!(counts(&pruned), [0, 99, 0, 1, 99]);
            assert_eq!(nearest(&fixture.open(), 17), expected);
            let removed = remove(&fixture.path(FOLDER), &["given 17".into()], None).unwrap();
            assert_eq!((removed.removed, removed.images), (1, 98));
        }
    }

    #[test]
    fn an_index_of_a_stream_equals_that_of_the_same_images_on_disk() {
        let [disk, memory] = [0, 1].map(|_| Fixture::new(Family::Conv));
        disk.draw(0..120);
        disk.update();
        add(&memory, images(0..120));
        let codes = |fixture: &Fixture| {
            let snapshot = fixture.snapshot();
            let mut codes: Vec<_> = snapshot
                .ids()
                .map(|id| (snapshot.latent(id).unwrap().values.to_vec(), snapshot.code(id).to_vec()))
                .collect();
            codes.sort_unstable();
            codes
        };
        assert!(codes(&disk) == codes(&memory));
        let snapshot = memory.snapshot();
        let (values, scales) = snapshot.all_latents().unwrap();
        for (at, id) in snapshot.ids().enumerate() {
            let latent = snapshot.latent(id).unwrap();
            let size = snapshot.latent_size();
            assert_eq!((latent.values, latent.scale), (&values[at * size..][..size], scales[at]));
        }
        remove(&memory.path(FOLDER), &["given 5".into()], None).unwrap();
        assert!(memory.snapshot().all_latents().is_none(), "they are no longer in one piece");
    }

    #[test]
    fn a_name_that_is_known_is_replaced_and_one_that_comes_twice_is_skipped() {
        let fixture = Fixture::new(Family::ConvHash);
        add(&fixture, images(0..60));
        let again = add(&fixture, images(50..70));
        assert_eq!(counts(&again), [10, 60, 0, 0, 70]);
        let other = |n: usize| Item::from_pixels(format!("given {n}"), picture(n + 500));
        let broken = Item::from_bytes("given 3", b"no image".to_vec());
        let report = add(&fixture, [other(0), other(1), other(1), broken].into_iter());
        assert_eq!(counts(&report), [0, 68, 2, 0, 70]);
        let skipped: Vec<&str> = report.skipped.iter().map(|skipped| skipped.path.as_str()).collect();
        assert_eq!(skipped, ["given 1", "given 3"]);
        let gallery = fixture.open();
        assert_eq!(nearest(&gallery, 500), ("given 0".to_owned(), 0, None));
        assert_eq!(nearest(&gallery, 3).0, "given 3", "an image that cannot be used replaces nothing");
    }

    #[test]
    fn images_without_a_name_are_numbered_on_from_the_last_commit() {
        let fixture = Fixture::new(Family::ConvHash);
        let unnamed = |names: std::ops::Range<usize>| names.map(|n| Item::from_pixels("", picture(n)));
        add(&fixture, unnamed(0..5));
        add(&fixture, images(5..6));
        assert_eq!(counts(&add(&fixture, unnamed(6..9))), [3, 6, 0, 0, 9], "no image is replaced");
        let gallery = fixture.open();
        for (n, name) in [(0, "0"), (4, "4"), (5, "given 5"), (6, "5"), (8, "7")] {
            assert_eq!(nearest(&gallery, n).0, name);
        }
    }

    #[test]
    fn no_file_is_taken_for_an_image_from_memory() {
        let fixture = Fixture::new(Family::ConvHash);
        fixture.draw(0..1);
        let name = fixture.path("data/000.png").display().to_string();
        add(&fixture, [Item::from_pixels(name, picture(5))].into_iter());
        let gallery = fixture.open();
        assert!(gallery.items(gallery.snapshot().ids())[0].as_ref().unwrap_err().contains("memory"));
        let thumbnails = UpdateOptions { thumbnails: Some(32), ..fixture.options.clone() };
        add_images(&fixture.path(FOLDER), &mut images(7..8), &thumbnails, &()).unwrap();
        let gallery = fixture.open();
        let ids: Vec<u32> = gallery.snapshot().ids().collect();
        let shown: Vec<bool> = gallery
            .items_to_show(&ids)
            .iter()
            .map(|item| item.as_ref().is_ok_and(|item| load(item, &Limits::default()).is_ok()))
            .collect();
        let names: Vec<bool> = ids.iter().map(|&id| gallery.snapshot().name(id) == b"given 7").collect();
        assert_eq!(shown, names, "that with a thumbnail, and not the file of the same name");
    }

    #[test]
    fn a_stream_is_asked_for_little_ahead_and_may_be_stopped() {
        struct StopAt(usize, std::cell::Cell<usize>);
        impl Observer for StopAt {
            fn progress(&self, progress: &Progress) {
                self.1.set(progress.done);
            }
            fn should_stop(&self) -> bool {
                self.1.get() >= self.0
            }
        }
        let fixture = Fixture::new(Family::ConvHash);
        let asked = std::cell::Cell::new(0);
        let mut endless = (0..).map(|n| {
            asked.set(asked.get() + 1);
            Item::from_bytes(format!("{n}"), encode_png(&picture(n % 300)).unwrap())
        });
        let observer = StopAt(3000, std::cell::Cell::new(0));
        let report = add_images(&fixture.path(FOLDER), &mut endless, &fixture.options, &observer).unwrap();
        assert!(report.interrupted && report.images >= 3000, "{report:?}");
        assert!(asked.get() <= report.images + 2 * 4 * 64, "{} asked", asked.get());
        assert_eq!(fixture.snapshot().len(), report.images, "what was done is kept");
    }

    #[test]
    fn a_model_that_does_not_fit_is_refused_and_nothing_is_no_index() {
        let fixture = Fixture::new(Family::ConvHash);
        let none = add(&fixture, std::iter::empty());
        assert_eq!((none.images, none.index_bytes), (0, 0));
        add(&fixture, images(0..5));
        assert_eq!(counts(&add(&fixture, std::iter::empty())), [0, 5, 0, 0, 5]);
        let other = UpdateOptions { model: "digits-64".into(), ..fixture.options.clone() };
        let refused = add_images(&fixture.path(FOLDER), &mut images(5..9), &other, &Notes::default());
        assert!(matches!(refused, Err(Error::Mismatch(_))), "{refused:?}");
    }
}
