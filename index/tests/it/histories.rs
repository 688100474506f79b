//! Random histories of adding and removing against a naive model.

use aesearch_index::{Mode, Search, SegmentBuilder, Settings, Writer, verify};

use crate::{Owned, Random, open};

#[test]
fn random_additions_and_removals_equal_the_model() {
    let rounds = if std::env::var_os("AESEARCH_LONG_TESTS").is_some() { 400 } else { 25 };
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { bits: 96, latent_size: 5, bucket_size: 8, ..Settings::default() };
    let mut random = Random(1);
    let mut model: Vec<Owned> = Vec::new();
    let mut writer = Writer::lock(dir.path()).unwrap();
    writer.commit(SegmentBuilder::new(&settings).unwrap()).unwrap();
    for _ in 0..rounds {
        let before = open(dir.path());
        let mut builder = SegmentBuilder::new(&settings).unwrap();
        let mut kept = Vec::new();
        let removed_in_8 = random.below(9); // from none to all
        for (id, item) in model.drain(..).enumerate() {
            if random.below(8) >= removed_in_8 {
                builder.push_from(&before, id as u32).unwrap();
                kept.push((id as u32, item));
            }
        }
        let ids: Vec<u32> = kept.iter().map(|(id, _)| *id).collect();
        model.extend(kept.into_iter().map(|(_, item)| item));
        for _ in 0..random.below(60) {
            let item = Owned::random(&mut random, &settings);
            item.push_to(&mut builder);
            model.push(item);
        }
        assert_eq!(builder.len(), model.len());
        writer.commit(builder).unwrap();

        let after = open(dir.path());
        assert_eq!(after.len(), model.len());
        for (id, item) in model.iter().enumerate() {
            let id = id as u32;
            assert_eq!(
                (after.name(id), after.payload(id), after.code(id)),
                (&item.name[..], &item.payload[..], &item.code[..])
            );
        }
        for (new, &old) in ids.iter().enumerate() {
            assert_eq!(after.latent(new as u32), before.latent(old), "copied bit for bit");
        }
        let query = random.code(96, 50);
        let hits =
            after.search(&query, &Search { k: 5, mode: Mode::Exact, radius: None, ties: false }).unwrap();
        let mut expected: Vec<(u32, u32)> =
            (0..).zip(&model).map(|(id, item)| (aesearch_index::distance(&item.code, &query), id)).collect();
        expected.sort_unstable();
        expected.truncate(5);
        assert_eq!(hits.iter().map(|hit| (hit.distance, hit.id)).collect::<Vec<_>>(), expected);
        assert_eq!(verify(dir.path()).unwrap(), []);
    }
}

#[test]
fn items_of_another_shape_are_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { latent_size: 3, ..Settings::default() };
    crate::commit(dir.path(), &crate::items(4, &settings, 1), &settings);
    let snapshot = open(dir.path());
    for (bits, latent_size, id) in [(64, 3, 4), (63, 3, 0), (64, 2, 0), (64, 0, 0)] {
        let mut builder =
            SegmentBuilder::new(&Settings { bits, latent_size, ..Settings::default() }).unwrap();
        assert!(builder.push_from(&snapshot, id).is_err());
        assert!(builder.is_empty());
    }
}
