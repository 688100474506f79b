//! A new binarizer for an index that keeps its latents: fitted to them, and every image coded anew from
//! them. No image is read, and no model runs.
//!
//! The latents are kept in 8 bits per number, so a new code may differ in a bit or so from what the image
//! itself would give.

use std::path::Path;

use aesearch_index::{Changes, SegmentBuilder, Settings, Snapshot, Writer};
use rayon::prelude::*;

use super::binarizers::Wanted;
use super::record::Facts;
use crate::encode::{Binarizer, MAX_FIT};
use crate::error::{Error, Result};
use crate::images::spread;
use crate::observer::{Observer, Progress, Stage};
use crate::runtime::{RuntimeOptions, ensure};

/// Images that are coded between two questions to the observer.
const BLOCK: usize = 4096;

/// Fits the binarizer that is wanted to the latents of the index at `dir`, which keeps them, and replaces
/// every code; nothing where the index has it already. The number of images coded anew.
pub(super) fn code_anew(
    (dir, writer): (&Path, &mut Writer),
    wanted: &Wanted,
    runtime: &RuntimeOptions,
    observer: &dyn Observer,
) -> Result<usize> {
    let old = Snapshot::open(dir)?;
    let before = Facts::of(&old, dir)?;
    let ids = by_name(&old);
    if ids.is_empty() {
        return Ok(0);
    }
    let codes = match wanted.ready() {
        Some(ready) => ready,
        None => {
            let sample = spread(ids.len(), MAX_FIT);
            let latents: Vec<f32> = sample.iter().flat_map(|&i| latent(&old, ids[i])).collect();
            let runtime = ensure(runtime, observer)?;
            wanted.fit((&latents, ids.len()), (&runtime, observer), true)?.0
        }
    };
    let now = &before.codes;
    if codes.binarizer == now.binarizer && !now.provisional && codes.by_name == now.by_name {
        return Ok(0);
    }
    let facts = Facts { codes, ..before };
    let settings = Settings {
        bits: facts.codes.binarizer.bits(),
        attributes: vec![facts.to_attribute()],
        ..old.settings()
    };
    let mut builder = SegmentBuilder::new(&settings)?;
    observer.stage(Stage::images("coding anew"));
    for block in ids.chunks(BLOCK) {
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        let codes: Vec<Vec<u64>> =
            block.par_iter().map(|&id| code(&facts.codes.binarizer, &old, id)).collect();
        for (&id, code) in block.iter().zip(&codes) {
            builder.push_changed(&old, id, &Changes { code: Some(code), ..Changes::default() })?;
        }
        observer.progress(&Progress::of(builder.len(), ids.len()));
    }
    writer.replace(builder)?;
    Ok(ids.len())
}

/// All ids in the order of the images' names, which does not depend on the history of the index.
fn by_name(snapshot: &Snapshot) -> Vec<u32> {
    let mut ids: Vec<u32> = snapshot.ids().collect();
    ids.sort_unstable_by(|&a, &b| snapshot.name(a).cmp(snapshot.name(b)));
    ids
}

/// The code of an image, by the latent that the index keeps of it.
pub(super) fn code(binarizer: &Binarizer, snapshot: &Snapshot, id: u32) -> Vec<u64> {
    let latent: Vec<f32> = latent(snapshot, id).collect();
    binarizer.binarize(&latent)
}

/// The latent of an image as the index keeps it.
fn latent(snapshot: &Snapshot, id: u32) -> impl Iterator<Item = f32> + '_ {
    snapshot
        .latent(id)
        .into_iter()
        .flat_map(|latent| latent.values.iter().map(move |value| f32::from(*value) * latent.scale))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use super::super::tests::{Fixture, Notes, by_name, counts, picture, write_model};
    use super::super::*;
    use crate::encode::Rule;
    use crate::error::Error;
    use crate::model::Family;
    use crate::observer::{Observer, Stage};

    /// Latents of 64 numbers.
    fn fixture(n: usize) -> Fixture {
        let fixture = Fixture::new(Family::Vae);
        fixture.draw(0..n);
        fixture
    }

    fn facts(fixture: &Fixture) -> Facts {
        Facts::of(&fixture.snapshot(), &fixture.path(FOLDER)).unwrap()
    }

    #[test]
    fn an_index_is_coded_anew_from_its_latents_and_no_image_is_read() {
        let fixture = fixture(80);
        fixture.update();
        let before = fixture.snapshot();
        assert_eq!((facts(&fixture).codes.binarizer.rule(), before.bits()), (Rule::Itq, 64));
        let learned = UpdateOptions {
            refit: true,
            bits: Some(40),
            binarizer: BinarizerChoice::Learned,
            ..fixture.options.clone()
        };
        let report = fixture.try_update(&learned, &()).unwrap();
        assert_eq!((report.recoded, report.encoded, report.bytes, report.bits), (80, 0, 0, 40));
        assert_eq!(counts(&report), [0, 80, 0, 0, 80]);
        let after = fixture.snapshot();
        let found = facts(&fixture);
        assert_eq!(
            (found.codes.binarizer.rule(), found.codes.fitted, found.codes.offered),
            (Rule::Learned, 80, 80)
        );
        assert_eq!((after.bits(), after.segments(), after.dead()), (40, 1, 0));
        let (old, new) = (by_name(&before), by_name(&after));
        for (name, id) in &new {
            let [kept, was] = [(&after, *id), (&before, old[name])];
            assert_eq!(kept.0.latent(kept.1), was.0.latent(was.1), "{name}: latents stay as they are");
            assert_eq!(kept.0.payload(kept.1), was.0.payload(was.1));
        }
        let hits = fixture.open().query_pixels(&picture(3), &QueryOptions::default()).unwrap().hits;
        assert!(hits[0].path.ends_with("003.png") && hits[0].distance <= 2, "{:?}", hits[0]);

        // The same latents and seed give the same binarizer, and then there is nothing to code.
        let report = fixture.try_update(&learned, &()).unwrap();
        assert_eq!((report.recoded, &facts(&fixture).codes.binarizer), (0, &found.codes.binarizer));
        assert_eq!(
            counts(&fixture.update()),
            [0, 80, 0, 0, 80],
            "the index's own bits hold without being asked for"
        );
    }

    /// Stops a run as soon as it learns codes.
    #[derive(Default)]
    struct StopLearning(Cell<bool>);

    impl Observer for StopLearning {
        fn stage(&self, stage: Stage) {
            self.0.set(self.0.get() || stage.name == "learning codes");
        }

        fn should_stop(&self) -> bool {
            self.0.get()
        }
    }

    #[test]
    fn stopped_while_it_learns_codes_a_run_keeps_what_it_encoded() {
        let fixture = fixture(80);
        let learned = UpdateOptions { binarizer: BinarizerChoice::Learned, ..fixture.options.clone() };
        let report = fixture.try_update(&learned, &StopLearning::default()).unwrap();
        assert!(report.interrupted);
        assert_eq!((report.images, report.encoded), (80, 80));
        let found = facts(&fixture);
        assert_eq!((found.codes.binarizer.rule(), found.codes.provisional), (Rule::Itq, true));

        let report = fixture.try_update(&learned, &()).unwrap();
        assert_eq!((report.interrupted, report.encoded, report.recoded), (false, 0, 80));
        let found = facts(&fixture);
        assert_eq!((found.codes.binarizer.rule(), found.codes.provisional), (Rule::Learned, false));
        // coding anew may be stopped too, and changes nothing then
        let refit = UpdateOptions { refit: true, bits: Some(40), ..learned };
        assert!(matches!(fixture.try_update(&refit, &StopLearning::default()), Err(Error::Interrupted)));
        assert_eq!(facts(&fixture), found);
    }

    #[test]
    fn another_binarizer_is_refused_by_name_until_the_index_is_refitted() {
        let fixture = fixture(12);
        fixture.update();
        let own = facts(&fixture).codes.binarizer;
        let ask = |binarizer: BinarizerChoice, bits| {
            let options = UpdateOptions { binarizer, bits, ..fixture.options.clone() };
            fixture.try_update(&options, &())
        };
        for (binarizer, bits) in [
            (BinarizerChoice::Learned, None),
            (BinarizerChoice::Sign, None),
            (BinarizerChoice::Auto, Some(32)),
            (BinarizerChoice::Itq, Some(32)),
        ] {
            let error = ask(binarizer, bits).unwrap_err();
            assert!(matches!(error, Error::Mismatch(_)), "{error}");
            let has = format!("expected itq {} of 64 bits, got ", &own.sha256()[..12]);
            assert!(error.to_string().contains(&has), "{error}");
            assert!(error.hint().unwrap().contains("`refit`"));
        }
        ask(BinarizerChoice::Itq, Some(64)).unwrap();
        for bits in [31, 65, 256] {
            let error = ask(BinarizerChoice::Auto, Some(bits)).unwrap_err();
            assert!(error.to_string().starts_with("`bits`: expected 32 to 64 for the model"), "{error}");
        }
        // too few images to learn from: an error, and the index stays
        let learned =
            UpdateOptions { refit: true, binarizer: BinarizerChoice::Learned, ..fixture.options.clone() };
        assert!(fixture.try_update(&learned, &()).is_err());
        assert_eq!(facts(&fixture).codes.binarizer, own);
    }

    #[test]
    fn shards_share_the_binarizer_of_an_index_or_a_file() {
        let (first, second) = (fixture(30), fixture(8));
        first.update();
        let file = first.path("codes.bin");
        save_binarizer(&first.path(FOLDER), &file).unwrap();
        let model = first.options.model.clone();
        for from in [first.path(FOLDER), first.path(""), file.clone()] {
            let _ = fs::remove_dir_all(second.path(FOLDER));
            let options = UpdateOptions {
                model: model.clone(),
                binarizer: BinarizerChoice::From(from.clone()),
                ..second.options.clone()
            };
            second.try_update(&options, &()).unwrap();
            let shared = facts(&second);
            assert_eq!((&shared.codes.binarizer, shared.codes.fitted), (&facts(&first).codes.binarizer, 0));
            assert_eq!(different_codes(&facts(&first), &shared), None);
            let [a, b] = [first.snapshot(), second.snapshot()];
            let (ours, theirs) = (by_name(&a), by_name(&b));
            assert!(theirs.iter().all(|(name, id)| a.code(ours[name]) == b.code(*id)), "{from:?}");
            // it is shared, so more images do not change it
            second.draw(8..20);
            second.try_update(&options, &()).unwrap();
            assert_eq!(facts(&second).codes.binarizer, facts(&first).codes.binarizer);
            (8..20).for_each(|n| fs::remove_file(second.path(&format!("data/{n:03}.png"))).unwrap());
        }
        let own = facts(&second);
        let refitted = UpdateOptions { model, refit: true, ..second.options.clone() };
        second.try_update(&refitted, &()).unwrap();
        let reason = different_codes(&own, &facts(&second)).unwrap();
        assert!(reason.starts_with("codes of different binarizers, itq "), "{reason}");

        let other = second.path("other");
        write_model(&other, Family::Vae, 2);
        let ask = |model: &std::path::Path, from: std::path::PathBuf| {
            let model = model.to_str().unwrap().to_owned();
            let options =
                UpdateOptions { model, binarizer: BinarizerChoice::From(from), ..second.options.clone() };
            update(&second.path("elsewhere"), &[second.path("data")], &options, &()).unwrap_err()
        };
        let error = ask(&other, file.clone());
        assert!(
            matches!(error, Error::Mismatch(_)) && error.to_string().contains("for the model"),
            "{error}"
        );
        let mut bytes = fs::read(&file).unwrap();
        bytes.truncate(bytes.len() - 1);
        fs::write(&file, bytes).unwrap();
        let model = std::path::PathBuf::from(&first.options.model);
        assert!(matches!(ask(&model, file), Error::Damaged(_)));
        assert!(matches!(ask(&model, first.path("nowhere")), Error::Io { .. }));
    }

    #[test]
    fn an_outgrown_binarizer_is_fitted_anew_and_old_images_are_not_read_again() {
        let fixture = fixture(10);
        fixture.update();
        fixture.draw(10..25);
        let report = fixture.update();
        assert_eq!((report.encoded, report.recoded), (15, 25));
        let found = facts(&fixture);
        assert_eq!((found.codes.fitted, found.codes.offered), (25, 25));
        assert_eq!(counts(&fixture.update()), [0, 25, 0, 0, 25]);
    }

    #[test]
    fn a_kind_that_was_asked_for_by_name_stays_when_it_is_outgrown() {
        let fixture = fixture(64);
        let named =
            UpdateOptions { binarizer: BinarizerChoice::Learned, bits: Some(32), ..fixture.options.clone() };
        fixture.try_update(&named, &()).unwrap();
        let before = facts(&fixture);
        fixture.draw(64..128);
        fixture.update();
        let after = facts(&fixture);
        assert_eq!(
            (before.codes.binarizer.rule(), after.codes.binarizer.rule()),
            (Rule::Learned, Rule::Learned)
        );
        assert_eq!((before.codes.fitted, after.codes.fitted, after.codes.by_name), (64, 128, true));

        // a refit chooses again
        fixture.try_update(&UpdateOptions { refit: true, ..fixture.options.clone() }, &()).unwrap();
        let again = facts(&fixture);
        assert_eq!((again.codes.binarizer.rule(), again.codes.by_name), (Rule::Itq, false));
    }

    #[test]
    fn without_latents_all_images_are_read_again_and_a_note_says_so() {
        let fixture = fixture(12);
        let without = UpdateOptions { without_latents: true, ..fixture.options.clone() };
        fixture.try_update(&without, &()).unwrap();
        let (options, notes) = (UpdateOptions { refit: true, bits: Some(32), ..without }, Notes::default());
        let report = fixture.try_update(&options, &notes).unwrap();
        assert_eq!((report.encoded, report.recoded, report.bits), (12, 0, 32));
        assert!(
            notes.0.borrow().iter().any(|note| note.contains("keeps no latents")),
            "{notes:?}",
            notes = notes.0
        );
    }

    #[test]
    fn hits_are_told_from_strangers() {
        let fixture = fixture(90);
        fixture.update();
        let strangers = facts(&fixture).strangers.unwrap();
        assert_eq!(strangers.images, 90);
        assert!(strangers.quantiles.is_sorted() && strangers.nearer() > strangers.quantiles[1]);
        let gallery = fixture.open();
        let all = QueryOptions { k: 90, ..QueryOptions::default() };
        let query = |options: &QueryOptions| gallery.query_pixels(&picture(5), options).unwrap().hits;
        let hits = query(&all);
        assert_eq!((hits.len(), hits[0].near, hits[89].near), (90, Some(true), Some(false)));
        assert!(hits.iter().all(|hit| hit.near == Some(hit.similarity > strangers.nearer())));
        let near = query(&QueryOptions { only_near: true, ..all });
        assert_eq!(near.len(), hits.iter().filter(|hit| hit.near == Some(true)).count());
        assert!(near.iter().all(|hit| hit.near == Some(true)));

        // too few images say nothing
        let few = self::fixture(9);
        few.update();
        assert_eq!(facts(&few).strangers, None);
        assert!(
            few.open().query_pixels(&picture(1), &QueryOptions::default()).unwrap().hits[0].near.is_none()
        );
    }
}
