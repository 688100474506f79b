//! Tests of indexing and querying whole folders, with small untrained models.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aesearch_index::Snapshot;

use super::*;
use crate::error::{Error, Result};
use crate::images::{InputShape, Pixels, WalkOptions, walk, write_png};
use crate::model::{BinarizerKind, Family, Metadata, decoder_onnx, encoder_onnx};
use crate::observer::{Note, Observer, Progress};
use crate::runtime::RuntimeOptions;

pub(super) const SHAPE: InputShape = InputShape { channels: 1, height: 28, width: 28 };

/// A folder of images, an untrained model that reconstructs everything as dark, and a place for an index.
pub(super) struct Fixture {
    dir: tempfile::TempDir,
    pub(super) options: UpdateOptions,
}

impl Fixture {
    pub(super) fn new(family: Family) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let model = dir.path().join("model");
        write_model(&model, family, 1);
        let runtime = RuntimeOptions::from_env();
        let model = model.to_str().unwrap().to_owned();
        let options = UpdateOptions { model, threads: 2, ..UpdateOptions::new(runtime) };
        fs::create_dir_all(dir.path().join("data/b")).unwrap();
        Fixture { dir, options }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn draw(&self, names: std::ops::Range<usize>) {
        for n in names {
            write_png(&self.path(&format!("data/{n:03}.png")), &picture(n)).unwrap();
        }
    }

    pub(super) fn update(&self) -> UpdateReport {
        self.try_update(&self.options, &()).unwrap()
    }

    pub(super) fn try_update(
        &self,
        options: &UpdateOptions,
        observer: &dyn Observer,
    ) -> Result<UpdateReport> {
        update(&self.path(FOLDER), &[self.path("data")], options, observer)
    }

    pub(super) fn open(&self) -> Gallery {
        let runtime = RuntimeOptions::from_env();
        Gallery::open(&self.path(FOLDER), &OpenOptions::new(runtime), &()).unwrap()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot::open(self.path(FOLDER)).unwrap()
    }

    /// The names of the files in the index, sorted.
    fn names(&self) -> Vec<String> {
        by_name(&self.snapshot()).into_keys().collect()
    }
}

/// The items of an index by the names of their files.
pub(super) fn by_name(snapshot: &Snapshot) -> BTreeMap<String, u32> {
    let name = |id| String::from_utf8_lossy(snapshot.name(id)).rsplit('/').next().unwrap().to_owned();
    snapshot.ids().map(|id| (name(id), id)).collect()
}

pub(super) fn write_model(folder: &Path, family: Family, seed: u64) {
    let architecture = family.architecture(SHAPE, 64).unwrap();
    let mut parameters = architecture.initial_weights(seed);
    // The last layer ends in a sigmoid: with weights 0 and bias -3 it paints everything dark.
    let [.., weights, bias] = &architecture.parameters()[..] else { unreachable!() };
    parameters[weights.range()].fill(0.0);
    parameters[bias.range()].fill(-3.0);
    let binarizer = if family == Family::ConvHash { BinarizerKind::Sign } else { BinarizerKind::Itq };
    let metadata = Metadata { binarizer, ..Metadata::new("untrained", &architecture, 64) };
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("encoder.onnx"), encoder_onnx(&architecture, &parameters, &metadata).to_bytes())
        .unwrap();
    fs::write(folder.join("decoder.onnx"), decoder_onnx(&architecture, &parameters, &metadata).to_bytes())
        .unwrap();
}

/// Light strokes on dark, different for each `n`.
pub(super) fn picture(n: usize) -> Pixels {
    let at = |x: usize, y: usize| {
        let (a, b) = (n * 7 % 23 + 2, n * 13 % 19 + 3);
        if x.abs_diff(a) < 3 || (x + y).abs_diff(a + b) < 2 || y == b { 255 - (n % 50) as u8 } else { 0 }
    };
    let data = (0..28 * 28).map(|i| at(i % 28, i / 28)).collect();
    Pixels { width: 28, height: 28, channels: 1, data }
}

pub(super) fn inverted(mut pixels: Pixels) -> Pixels {
    pixels.data.iter_mut().for_each(|value| *value = 255 - *value);
    pixels
}

/// What is noted.
#[derive(Debug, Default)]
pub(super) struct Notes(pub(super) RefCell<Vec<String>>);

impl Observer for Notes {
    fn note(&self, note: &Note) {
        self.0.borrow_mut().push(note.text.clone());
    }
}

pub(super) fn counts(report: &UpdateReport) -> [usize; 5] {
    let UpdateReport { added, unchanged, changed, removed, images, .. } = *report;
    [added, unchanged, changed, removed, images]
}

#[test]
fn every_image_finds_itself_first() {
    for family in [Family::ConvHash, Family::Conv] {
        let fixture = Fixture::new(family);
        fixture.draw(0..90);
        let report = fixture.update();
        assert_eq!((counts(&report), report.skipped.len(), report.bits), ([90, 0, 0, 0, 90], 0, 64));
        assert!(report.index_bytes > 0 && !report.interrupted);

        let gallery = fixture.open();
        for item in walk(&[fixture.path("data")], &WalkOptions::default()).unwrap().items {
            let result = gallery.query(&item, &QueryOptions::default()).unwrap();
            let first = &result.hits[0];
            assert_eq!((first.path.as_str(), first.distance, first.rank), (item.display().as_str(), 0, 1));
            assert!(first.similarity > 0.999, "{first:?}");
            assert_eq!(first.label.as_deref(), Some("data"));
            assert_eq!(result.hits.len(), 10);
            assert!(!result.inverted);
        }
    }
}

#[test]
fn a_second_run_reads_only_what_is_new_or_changed() {
    let fixture = Fixture::new(Family::Conv);
    fixture.draw(0..20);
    fixture.update();
    let before = Snapshot::open(fixture.path(FOLDER)).unwrap();

    // Nothing to do: ONNX Runtime is not even looked for, and nothing is committed.
    let nowhere = UpdateOptions {
        runtime: RuntimeOptions { library: Some("/nowhere".into()), ..RuntimeOptions::from_lookup(|_| None) },
        ..fixture.options.clone()
    };
    let modified = || fs::metadata(fixture.path(".aesearch/MANIFEST")).unwrap().modified().unwrap();
    let committed = modified();
    assert_eq!(counts(&fixture.try_update(&nowhere, &()).unwrap()), [0, 20, 0, 0, 20]);
    assert_eq!(modified(), committed);

    // One gone, one new, one with other content, one only touched.
    fs::remove_file(fixture.path("data/000.png")).unwrap();
    fixture.draw(20..21);
    write_png(&fixture.path("data/005.png"), &picture(77)).unwrap();
    let later = SystemTime::now() + Duration::from_secs(9);
    for name in ["data/005.png", "data/006.png"] {
        File::options().write(true).open(fixture.path(name)).unwrap().set_modified(later).unwrap();
    }
    assert_eq!(counts(&fixture.update()), [1, 18, 1, 1, 20]);
    let after = fixture.snapshot();
    let (old, new) = (by_name(&before), by_name(&after));
    let expected: Vec<String> = (1..21).map(|n| format!("{n:03}.png")).collect();
    assert_eq!(fixture.names(), expected);
    for (name, &id) in new.iter().filter(|(name, _)| !["005.png", "020.png"].contains(&name.as_str())) {
        assert_eq!(after.code(id), before.code(old[name]), "kept codes are the same");
        assert_eq!(after.latent(id).unwrap().values, before.latent(old[name]).unwrap().values);
    }
    assert_ne!(after.code(new["005.png"]), before.code(old["005.png"]));
    assert_eq!(counts(&fixture.update()), [0, 20, 0, 0, 20], "the touched one is known by its new time");

    // All gone: an empty index, when that is what is wanted.
    (0..30).for_each(|n| drop(fs::remove_file(fixture.path(&format!("data/{n:03}.png")))));
    let report = fixture.update();
    assert_eq!((counts(&report), report.skipped.len()), ([0, 20, 0, 0, 20], 1));
    let report = fixture.try_update(&UpdateOptions { prune: true, ..fixture.options.clone() }, &()).unwrap();
    assert_eq!((counts(&report), report.skipped.len()), ([0, 0, 0, 20, 0], 0));
    assert_eq!(fixture.open().query_pixels(&picture(1), &QueryOptions::default()).unwrap().hits, []);
}

#[test]
fn a_new_label_is_taken_over_without_reading() {
    let fixture = Fixture::new(Family::ConvHash);
    fixture.draw(0..3);
    fixture.update();
    let snapshot = Snapshot::open(fixture.path(FOLDER)).unwrap();
    assert_eq!(Record::of(&snapshot, 0).unwrap().label.as_deref(), Some("data"));
    let record = Record { label: Some("other".into()), ..Record::of(&snapshot, 0).unwrap() };
    let facts = Facts::of(&snapshot, Path::new("")).unwrap();
    let settings = aesearch_index::Settings {
        latent_size: snapshot.latent_size(),
        attributes: vec![facts.to_attribute()],
        ..aesearch_index::Settings::default()
    };
    let mut builder = aesearch_index::SegmentBuilder::new(&settings).unwrap();
    let (payload, changes) = (record.to_bytes(), aesearch_index::Changes::default());
    let changes = aesearch_index::Changes { payload: Some(&payload), ..changes };
    builder.push_changed(&snapshot, 0, &changes).unwrap();
    aesearch_index::Writer::lock(fixture.path(FOLDER)).unwrap().commit(builder, &[0]).unwrap();
    let labels = |snapshot: &Snapshot| -> Vec<String> {
        let mut labels: Vec<_> =
            snapshot.ids().map(|id| Record::of(snapshot, id).unwrap().label.unwrap()).collect();
        labels.sort();
        labels
    };
    assert_eq!(labels(&fixture.snapshot()), ["data", "data", "other"]);

    assert_eq!(counts(&fixture.update()), [0, 3, 0, 0, 3]);
    assert_eq!(labels(&fixture.snapshot()), ["data", "data", "data"]);
}

#[test]
fn bad_images_are_named_and_the_rest_is_indexed() {
    for family in [Family::ConvHash, Family::Conv] {
        let fixture = Fixture::new(family);
        fixture.draw(0..5);
        fs::write(fixture.path("data/002.png"), b"not an image").unwrap();
        fs::write(fixture.path("data/b/empty.png"), b"").unwrap();
        let report = fixture.update();
        assert_eq!(counts(&report), [4, 0, 0, 0, 4]);
        let names: Vec<&str> =
            report.skipped.iter().map(|skipped| skipped.path.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["002.png", "empty.png"], "{:?}", report.skipped);

        // An image that can no longer be read is dropped, and named each time.
        fs::write(fixture.path("data/004.png"), b"truncated").unwrap();
        let report = fixture.update();
        assert_eq!((counts(&report), report.skipped.len()), ([0, 3, 0, 1, 3], 3));
    }
}

#[test]
fn nothing_but_bad_images_makes_no_index() {
    for family in [Family::ConvHash, Family::Conv] {
        let fixture = Fixture::new(family);
        fs::write(fixture.path("data/a.png"), b"not an image").unwrap();
        let report = fixture.update();
        assert_eq!((counts(&report), report.skipped.len()), ([0; 5], 1));
        let error = Gallery::open(
            &fixture.path(FOLDER),
            &OpenOptions::new(RuntimeOptions::from_lookup(|_| None)),
            &(),
        );
        assert!(matches!(error, Err(Error::NotFound(_))));
        assert!(!fixture.path(FOLDER).exists());
    }
}

#[test]
fn another_model_is_refused_with_both_names() {
    let fixture = Fixture::new(Family::ConvHash);
    fixture.draw(0..3);
    fixture.update();
    let other = fixture.path("other");
    write_model(&other, Family::ConvHash, 2);
    let options = UpdateOptions { model: other.to_str().unwrap().into(), ..fixture.options.clone() };
    let error = fixture.try_update(&options, &()).unwrap_err();
    assert!(matches!(error, Error::Mismatch(_)), "{error}");
    assert_eq!(error.to_string().matches("untrained (sha256 ").count(), 2, "{error}");
    assert!(error.hint().unwrap().contains("`dir`"));

    // The index knows its model, also after it was moved and named again.
    let auto = UpdateOptions { model: "auto".into(), ..fixture.options.clone() };
    assert_eq!(counts(&fixture.try_update(&auto, &()).unwrap()), [0, 3, 0, 0, 3]);
    let moved = fixture.path("moved");
    fs::rename(fixture.path("model"), &moved).unwrap();
    let error = fixture.try_update(&auto, &()).unwrap_err();
    assert!(error.hint().unwrap().contains("if it has moved, pass its new path as `model`"), "{error}");
    let named = UpdateOptions { model: moved.to_str().unwrap().into(), ..auto.clone() };
    fixture.try_update(&named, &()).unwrap();
    fixture.try_update(&auto, &()).unwrap();
}

#[test]
fn dark_ink_on_light_paper_is_recognized() {
    let fixture = Fixture::new(Family::ConvHash);
    for n in 0..12 {
        write_png(&fixture.path(&format!("data/{n:03}.png")), &inverted(picture(n))).unwrap();
    }
    let report = fixture.update();
    assert!(report.polarity.inverted && report.polarity.sampled == 12, "{:?}", report.polarity);
    assert!(report.polarity.error_inverted < report.polarity.error_as_is);

    let gallery = fixture.open();
    let options = QueryOptions::default();
    let [paper, slate] =
        [inverted(picture(4)), picture(4)].map(|p| gallery.query_pixels(&p, &options).unwrap());
    assert_eq!((paper.inverted, slate.inverted), (true, false));
    assert_eq!(paper.hits, slate.hits);
    assert_eq!(paper.hits[0].distance, 0);

    // The user's word goes before; what was decided holds for later runs.
    let never = UpdateOptions { invert: Invert::Never, ..fixture.options.clone() };
    assert!(fixture.try_update(&never, &()).unwrap().polarity.inverted);
    fs::remove_dir_all(fixture.path(FOLDER)).unwrap();
    assert!(!fixture.try_update(&never, &()).unwrap().polarity.inverted);
}

/// Stops after the first batch; remembers what it heard.
#[derive(Default)]
struct Stop {
    heard: RefCell<Vec<(usize, usize)>>,
    stop: Cell<bool>,
}

impl Observer for Stop {
    fn progress(&self, progress: &Progress) {
        self.heard.borrow_mut().push((progress.done, progress.total));
    }

    fn should_stop(&self) -> bool {
        self.stop.get()
    }
}

#[test]
fn an_interrupted_run_keeps_what_was_done_and_is_continued() {
    for family in [Family::ConvHash, Family::Conv] {
        let fixture = Fixture::new(family);
        fixture.draw(0..500);
        let observer = Stop::default();
        observer.stop.set(true);
        let one_thread = UpdateOptions { threads: 1, ..fixture.options.clone() };
        let report = fixture.try_update(&one_thread, &observer).unwrap();
        assert!(report.interrupted && (64..500).contains(&report.images), "{report:?}");
        assert_eq!((report.added, report.images), (fixture.names().len(), fixture.names().len()));

        observer.stop.set(false);
        let rest = fixture.try_update(&fixture.options, &observer).unwrap();
        assert_eq!(counts(&rest), [500 - report.images, report.images, 0, 0, 500]);
        let heard = observer.heard.borrow();
        assert_eq!(heard.last().unwrap().0, heard.last().unwrap().1);

        // The same images make the same codes, in one run or two, on one thread or two; a fit sees what there
        // is.
        if family == Family::Conv {
            continue;
        }
        let codes = |snapshot: &Snapshot| -> BTreeMap<String, Vec<u64>> {
            by_name(snapshot).into_iter().map(|(name, id)| (name, snapshot.code(id).to_vec())).collect()
        };
        let in_two_runs = codes(&fixture.snapshot());
        fs::remove_dir_all(fixture.path(FOLDER)).unwrap();
        fixture.update();
        assert!(codes(&fixture.snapshot()) == in_two_runs);
    }
}

#[test]
fn a_binarizer_that_was_fitted_to_few_images_is_fitted_anew() {
    let fixture = Fixture::new(Family::Conv);
    fixture.draw(0..60);
    fixture.update();
    let facts = || Facts::of(&Snapshot::open(fixture.path(FOLDER)).unwrap(), Path::new("")).unwrap();
    let first = facts();
    assert_eq!(first.codes.fitted, 60);
    fixture.draw(60..100);
    assert_eq!(counts(&fixture.update()), [40, 60, 0, 0, 100]);
    assert_eq!(
        (facts().codes.binarizer, facts().codes.fitted),
        (first.codes.binarizer.clone(), 60),
        "not yet twice as many"
    );

    // Interrupted, what was done is kept with the old binarizer.
    fixture.draw(100..500); // more batches than can be under way when it is asked
    let observer = Stop::default();
    observer.stop.set(true);
    let one_thread = UpdateOptions { threads: 1, ..fixture.options.clone() };
    let report = fixture.try_update(&one_thread, &observer).unwrap();
    assert_eq!((report.interrupted, report.recoded), (true, 0));
    assert_eq!(facts().codes.binarizer, first.codes.binarizer);

    let rest = fixture.update();
    assert_eq!((rest.images, rest.encoded, rest.recoded), (500, 500 - report.images, 500));
    assert_eq!(facts().codes.fitted, 500);
    let query = fixture.open().query_pixels(&picture(5), &QueryOptions::default()).unwrap();
    assert!(query.hits[0].path.ends_with("005.png") && query.hits[0].distance <= 2);
}

#[test]
fn unreadable_images_do_not_make_a_binarizer_outgrown() {
    let fixture = Fixture::new(Family::Conv);
    fixture.draw(0..10);
    for n in 0..10 {
        fs::write(fixture.path(&format!("data/b/{n}.png")), b"not an image").unwrap();
    }
    fixture.update();
    let facts = || Facts::of(&Snapshot::open(fixture.path(FOLDER)).unwrap(), Path::new("")).unwrap();
    let first = facts();
    assert_eq!((first.codes.fitted, first.codes.offered), (10, 20));
    fixture.draw(10..11);
    assert_eq!(counts(&fixture.update()), [1, 10, 0, 0, 11]);
    assert_eq!(facts(), first);
}

#[test]
fn images_elsewhere_stay_while_their_files_exist() {
    for family in [Family::ConvHash, Family::Conv] {
        let fixture = Fixture::new(family);
        let index = |name: &str| {
            counts(&update(&fixture.path(FOLDER), &[fixture.path(name)], &fixture.options, &()).unwrap())
        };
        fixture.draw(0..10);
        assert_eq!(index("data"), [10, 0, 0, 0, 10]);
        fs::create_dir(fixture.path("other")).unwrap();
        (0..4).for_each(|n| write_png(&fixture.path(&format!("other/{n}.png")), &picture(50 + n)).unwrap());
        assert_eq!(index("other"), [4, 10, 0, 0, 14]);
        assert_eq!(index("other"), [0, 14, 0, 0, 14]);

        // Gone from the paths of the run, gone from elsewhere, no longer an image below the paths of the run.
        fs::remove_file(fixture.path("data/000.png")).unwrap();
        assert_eq!(index("data"), [0, 13, 0, 1, 13]);
        fs::remove_file(fixture.path("other/0.png")).unwrap();
        assert_eq!(index("data/b"), [0, 12, 0, 1, 12]);
        fs::write(fixture.path("data/001.png"), b"not an image").unwrap();
        assert_eq!(index("other"), [0, 12, 0, 0, 12]);
        assert_eq!(index("data"), [0, 11, 0, 1, 11]);

        // One file has one name, the first it was given.
        assert_eq!(index("data/b/.."), [0, 11, 0, 0, 11]);

        // A binarizer that is fitted anew reads them all, also those elsewhere.
        (4..30).for_each(|n| write_png(&fixture.path(&format!("other/{n}.png")), &picture(50 + n)).unwrap());
        assert_eq!(index("other"), [26, 11, 0, 0, 37]);
        let facts = Facts::of(&Snapshot::open(fixture.path(FOLDER)).unwrap(), Path::new("")).unwrap();
        assert_eq!(facts.codes.offered, if family == Family::Conv { 37 } else { 0 });
        let query = fixture.open().query_pixels(&picture(5), &QueryOptions::default()).unwrap();
        assert_eq!(query.hits[0].distance, 0);
    }
}

#[test]
fn the_bucket_size_is_the_indexs_own_until_another_is_asked_for() {
    let fixture = Fixture::new(Family::ConvHash);
    fixture.draw(0..5);
    let bucket_size = || Snapshot::open(fixture.path(FOLDER)).unwrap().bucket_size();
    fixture.try_update(&UpdateOptions { bucket_size: Some(1), ..fixture.options.clone() }, &()).unwrap();
    fixture.draw(5..6);
    assert_eq!(counts(&fixture.update()), [1, 5, 0, 0, 6]);
    assert_eq!(bucket_size(), Some(1));
    let other = UpdateOptions { bucket_size: Some(64), ..fixture.options.clone() };
    assert_eq!(counts(&fixture.try_update(&other, &()).unwrap()), [0, 6, 0, 0, 6]);
    assert_eq!(bucket_size(), Some(64));
}

#[test]
fn latents_can_be_left_out_and_dropped() {
    let fixture = Fixture::new(Family::ConvHash);
    fixture.draw(0..20);
    fixture.update();
    let with = fixture.snapshot();
    assert!(with.latent_size() > 0);
    let without = UpdateOptions { without_latents: true, ..fixture.options.clone() };
    let notes = Notes::default();
    assert_eq!(counts(&fixture.try_update(&without, &notes).unwrap()), [0, 20, 0, 0, 20]);
    assert!(notes.0.borrow().iter().any(|note| note.starts_with("latents are dropped")), "{notes:?}");
    let dropped = fixture.snapshot();
    assert_eq!(dropped.latent_size(), 0);
    assert!(dropped.bytes() < with.bytes());
    let codes = |snapshot: &Snapshot| snapshot.ids().map(|id| snapshot.code(id).to_vec()).collect::<Vec<_>>();
    assert_eq!(codes(&with), codes(&dropped));

    fixture.draw(20..25);
    assert_eq!(counts(&fixture.update()), [5, 20, 0, 0, 25], "an index without latents stays so");
    assert_eq!(fixture.snapshot().latent_size(), 0);
    let hits = fixture.open().query_pixels(&picture(7), &QueryOptions::default()).unwrap().hits;
    assert_eq!((hits[0].distance, hits[0].similarity), (0, 1.0));
    assert!(hits.is_sorted_by_key(|hit| hit.distance));
}

#[test]
fn a_few_new_images_leave_the_segments_of_the_others_alone() {
    let fixture = Fixture::new(Family::ConvHash);
    fixture.draw(0..60);
    fixture.update();
    let segments = || -> Vec<_> {
        let files = fs::read_dir(fixture.path(FOLDER)).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|file| file.extension().is_some_and(|e| e == "seg")).collect()
    };
    let first = segments();
    fixture.draw(60..63);
    fs::remove_file(fixture.path("data/005.png")).unwrap();
    assert_eq!(counts(&fixture.update()), [3, 59, 0, 1, 62]);
    assert_eq!((segments().len(), fixture.snapshot().dead()), (2, 1));
    assert!(segments().contains(&first[0]));
    let names = fixture.names();
    assert!(names.len() == 62 && !names.contains(&"005.png".to_owned()));
}

#[test]
fn images_are_taken_out_by_name_and_by_folder() {
    let fixture = Fixture::new(Family::ConvHash);
    fixture.draw(0..6);
    write_png(&fixture.path("data/b/7.png"), &picture(7)).unwrap();
    write_png(&fixture.path("data/b/8.png"), &picture(8)).unwrap();
    fixture.update();
    let take = |names: &[&str]| {
        let paths: Vec<PathBuf> = names.iter().map(|name| fixture.path(name)).collect();
        let report = remove(&fixture.path(FOLDER), &paths, None).unwrap();
        (report.removed, report.images, report.skipped.len())
    };
    assert_eq!(take(&["data/nothing.png"]), (0, 8, 1));
    assert_eq!(take(&["data/001.png", "data/00"]), (1, 7, 1), "whole names only");
    fs::remove_file(fixture.path("data/002.png")).unwrap();
    assert_eq!(take(&["data/b", "data/002.png", "data/b/7.png"]), (3, 4, 0), "also where the file is gone");
    assert_eq!(fixture.names(), ["000.png", "003.png", "004.png", "005.png"]);
    assert_eq!(counts(&fixture.update()), [3, 4, 0, 0, 7], "what is still there comes back");
    let nowhere = fixture.path("nowhere");
    assert!(remove(&nowhere, &[], None).is_err() && !nowhere.exists());
}

#[test]
fn a_run_without_a_model_leaves_nothing_behind() {
    let fixture = Fixture::new(Family::ConvHash);
    fixture.draw(0..1);
    let nothing = UpdateOptions { model: "no-such-model".into(), ..fixture.options.clone() };
    assert!(fixture.try_update(&nothing, &()).is_err());
    assert!(!fixture.path(FOLDER).exists());
}

#[test]
fn the_index_is_found_from_below() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b");
    fs::create_dir_all(&deep).unwrap();
    let index = dir.path().join("a").join(FOLDER);
    drop(aesearch_index::Writer::lock(&index).unwrap());
    assert_eq!(find(&deep), None, "a lock is no index");
    let builder = aesearch_index::SegmentBuilder::new(&aesearch_index::Settings::default()).unwrap();
    aesearch_index::Writer::lock(&index).unwrap().commit(builder, &[]).unwrap();
    assert_eq!(find(&deep), Some(index));
}

#[test]
fn an_index_moves_to_another_shipped_model_when_asked() {
    let mut fixture = Fixture::new(Family::ConvHash);
    fixture.options.model = "digits-64".into();
    fixture.draw(0..12);
    assert_eq!(fixture.update().model.name, "digits-64");
    // below another folder: the move takes them along
    let elsewhere = fixture.path("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    write_png(&elsewhere.join("x.png"), &picture(40)).unwrap();
    let add = |options: &UpdateOptions| {
        update(&fixture.path(FOLDER), std::slice::from_ref(&elsewhere), options, &())
    };
    assert_eq!(add(&fixture.options).unwrap().images, 13);

    let other = UpdateOptions { model: "digits-128".into(), ..fixture.options.clone() };
    let refused = fixture.try_update(&other, &()).unwrap_err();
    assert!(
        matches!(refused, Error::Mismatch(_)) && refused.hint().unwrap().contains("`moves`"),
        "{refused}"
    );
    let moving = UpdateOptions { moves: true, ..other };
    let estimated = estimate(&fixture.path(FOLDER), std::slice::from_ref(&elsewhere), &moving, &()).unwrap();
    assert_eq!((estimated.model.as_str(), estimated.to_read), ("digits-128", 1));
    let moved = fixture.try_update(&moving, &()).unwrap();
    assert_eq!((moved.model.name.as_str(), moved.bits, moved.images), ("digits-128", 128, 13));
    assert_eq!((moved.encoded, moved.unchanged, moved.added), (13, 13, 0));
    let auto = UpdateOptions { model: "auto".into(), ..fixture.options.clone() };
    let now = fixture.try_update(&auto, &()).unwrap();
    assert_eq!((now.model.name.as_str(), now.encoded), ("digits-128", 0), "it stays there");
}
