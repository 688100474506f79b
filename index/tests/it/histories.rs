//! Random histories of adding, removing and merging against a naive model.

use std::collections::BTreeMap;

use aesearch_index::{Changes, Mode, Search, SegmentBuilder, Settings, Snapshot, Writer, distance, verify};

use crate::{Owned, Random, commit, ids_of, items, open};

#[test]
fn random_additions_and_removals_equal_the_model() {
    let rounds = if std::env::var_os("AESEARCH_LONG_TESTS").is_some() { 400 } else { 40 };
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { bits: 96, latent_size: 5, bucket_size: Some(8), ..Settings::default() };
    let mut random = Random(1);
    let mut model: Vec<Owned> = Vec::new();
    let mut writer = Writer::lock(dir.path()).unwrap();
    writer.commit(SegmentBuilder::new(&settings).unwrap(), &[]).unwrap();
    let mut most_segments = 0;
    for round in 0..rounds {
        let before = open(dir.path());
        let ids = ids_of(&before, &model);
        let latents: BTreeMap<Vec<u8>, (Vec<i8>, f32)> =
            before.ids().map(|id| (before.name(id).to_vec(), latent(&before, id))).collect();
        let removed_in_8 = random.below(9) / 2 * usize::from(round % 3 == 0); // from none to half of them
        let mut removed = Vec::new();
        let mut kept = ids.iter().map(|&id| match random.below(8) < removed_in_8 {
            true => {
                removed.push(id);
                false
            }
            false => true,
        });
        model.retain(|_| kept.next().unwrap());
        let mut builder = SegmentBuilder::new(&settings).unwrap();
        for _ in 0..random.below(60) * usize::from(round % 5 != 4) {
            let item = Owned::random(&mut random, &settings);
            item.push_to(&mut builder);
            model.push(item);
        }
        writer.commit(builder, &removed).unwrap();
        if round % 11 == 10 {
            writer.compact().unwrap();
            assert!(open(dir.path()).segments() <= 1 && open(dir.path()).dead() == 0);
        }

        let after = open(dir.path());
        most_segments = most_segments.max(after.segments());
        assert_eq!((after.len(), after.ids().count()), (model.len(), model.len()));
        for (id, item) in ids_of(&after, &model).into_iter().zip(&model) {
            assert!(after.contains(id));
            assert_eq!(
                (after.name(id), after.payload(id), after.code(id)),
                (&item.name[..], &item.payload[..], &item.code[..])
            );
            if let Some(before) = latents.get(after.name(id)) {
                assert_eq!(&latent(&after, id), before, "copied bit for bit");
            }
        }
        let query = random.code(96, 50);
        for mode in [Mode::Exact, Mode::Recall(1.0)] {
            let search = Search { k: 5, mode, radius: None, ties: false, only: None };
            let hits = after.search(&query, &search).unwrap();
            let mut expected: Vec<(u32, u32)> =
                after.ids().map(|id| (distance(after.code(id), &query), id)).collect();
            expected.sort_unstable();
            expected.truncate(5);
            assert_eq!(hits.iter().map(|hit| (hit.distance, hit.id)).collect::<Vec<_>>(), expected);
            let queries = [&query[..], &random.code(96, 50)].concat();
            assert_eq!(after.search_many(&queries, &search).unwrap()[0], hits);
        }
        assert_eq!(verify(dir.path()).unwrap(), []);
    }
    assert!(most_segments > 2, "{most_segments}");
}

fn latent(snapshot: &Snapshot, id: u32) -> (Vec<i8>, f32) {
    let latent = snapshot.latent(id).unwrap();
    (latent.values.to_vec(), latent.scale)
}

#[test]
fn readers_keep_what_was_removed_after_they_opened() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::default();
    let pushed = items(100, &settings, 1);
    commit(dir.path(), &pushed, &settings);
    let reader = open(dir.path());
    let ids = ids_of(&reader, &pushed);
    let mut writer = Writer::lock(dir.path()).unwrap();
    writer.commit(SegmentBuilder::new(&settings).unwrap(), &ids[..10]).unwrap();
    writer.commit(SegmentBuilder::new(&settings).unwrap(), &ids[10..40]).unwrap();
    let after = open(dir.path());
    assert_eq!((reader.len(), after.len(), after.dead(), after.segments()), (100, 60, 40, 1));
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        4,
        "LOCK, MANIFEST, a segment, its tombstones"
    );
    for (&id, item) in ids[..40].iter().zip(&pushed) {
        assert_eq!(reader.name(id), item.name);
        assert!(!after.contains(id) && after.name(id).is_empty() && after.code(id).is_empty());
        let everything = Search { k: 100, mode: Mode::Exact, ..Search::default() };
        assert!(after.search(&item.code, &everything).unwrap().iter().all(|hit| hit.id != id));
    }
    let again = writer.commit(SegmentBuilder::new(&settings).unwrap(), &ids[..1]).unwrap_err();
    assert!(again.to_string().contains("item to remove: expected the id of an item"), "{again}");
    writer.commit(SegmentBuilder::new(&settings).unwrap(), &ids[40..60]).unwrap();
    let rewritten = open(dir.path());
    assert_eq!((rewritten.len(), rewritten.dead()), (40, 0), "more than half of the segment was dead");
    assert_eq!(verify(dir.path()).unwrap(), []);
}

#[test]
fn the_promised_recall_holds_among_the_dead() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::default();
    let pushed = items(20_000, &settings, 1);
    commit(dir.path(), &pushed, &settings);
    assert!(!open(dir.path()).recall_curve().is_empty());
    let mut random = Random(5);
    for share in [0, 30, 45] {
        let removed: Vec<u32> = open(dir.path()).ids().filter(|_| random.below(100) < share).collect();
        Writer::lock(dir.path()).unwrap().commit(SegmentBuilder::new(&settings).unwrap(), &removed).unwrap();
        let snapshot = open(dir.path());
        let (mut found, mut wanted) = (0, 0);
        for _ in 0..300 {
            let query = random.code(64, 50);
            let exact = Search { k: 10, mode: Mode::Exact, ..Search::default() };
            let last = snapshot.search(&query, &exact).unwrap()[9].distance;
            let hits = snapshot.search(&query, &Search { mode: Mode::Recall(0.95), ..exact }).unwrap();
            assert!(hits.iter().all(|hit| snapshot.contains(hit.id)));
            found += hits.iter().filter(|hit| hit.distance <= last).count();
            wanted += 10;
        }
        let measured = found as f32 / wanted as f32;
        assert!(measured >= 0.945, "{measured} with {} dead", snapshot.dead());
    }
}

#[test]
fn items_of_another_shape_are_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { latent_size: 3, ..Settings::default() };
    commit(dir.path(), &items(4, &settings, 1), &settings);
    let snapshot = open(dir.path());
    for (bits, latent_size, id) in [(64, 3, 4), (63, 3, 0), (64, 2, 0)] {
        let mut builder =
            SegmentBuilder::new(&Settings { bits, latent_size, ..Settings::default() }).unwrap();
        assert!(builder.push_from(&snapshot, id).is_err());
        assert!(builder.is_empty());
    }
    let mut without = SegmentBuilder::new(&Settings::default()).unwrap();
    without.push_from(&snapshot, 0).unwrap();
    let other = SegmentBuilder::new(&Settings { bits: 96, latent_size: 3, ..Settings::default() }).unwrap();
    let error = Writer::lock(dir.path()).unwrap().commit(other, &[]).unwrap_err();
    assert!(error.to_string().contains("expected 64 bits and latents of 3, got 96 bits"), "{error}");
}

#[test]
fn what_is_kept_of_the_payload_may_change() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { latent_size: 3, ..Settings::default() };
    commit(dir.path(), &items(4, &settings, 1), &settings);
    let snapshot = open(dir.path());
    let mut builder = SegmentBuilder::new(&settings).unwrap();
    let changes = Changes { payload: Some(b"new"), ..Changes::default() };
    builder.push_changed(&snapshot, 2, &changes).unwrap();
    Writer::lock(dir.path()).unwrap().commit(builder, &[2]).unwrap();
    let after = open(dir.path());
    let id = after.ids().find(|&id| after.payload(id) == b"new").unwrap();
    assert_eq!((after.len(), after.name(id)), (4, snapshot.name(2)));
    assert_eq!((after.code(id), after.latent(id)), (snapshot.code(2), snapshot.latent(2)));
}
