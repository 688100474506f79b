//! Calls that are short for others, or that only callers make: each against the longer way.

use aesearch_index::{
    Error, Filter, IdSet, Item, Search, SegmentBuilder, Settings, Snapshot, Writer, codes_from_bytes,
    codes_to_bytes, distance,
};

use crate::{Random, commit, items, open, segment_files};

/// Threads may share or send all of these; that they may is part of the interface.
#[test]
fn threads_may_share_what_is_open() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Snapshot>();
    check::<Writer>();
    check::<SegmentBuilder>();
    check::<(Search, Filter, IdSet, Settings)>();
    check::<Error>();
}

#[test]
fn codes_in_bulk_make_the_same_bytes_as_one_by_one() {
    for bits in [40, 128] {
        let settings = Settings { bits, ..Settings::default() };
        let mut random = Random(3);
        let codes: Vec<u64> = (0..700).flat_map(|_| random.code(bits, 20)).collect();
        let words = aesearch_index::words(bits);
        let file = |fill: &dyn Fn(&mut SegmentBuilder)| {
            let dir = tempfile::tempdir().unwrap();
            let mut builder = SegmentBuilder::new(&settings).unwrap();
            builder.push(Item::named("first", &codes[..words])).unwrap();
            fill(&mut builder);
            builder.push(Item::named("last", &codes[..words])).unwrap();
            assert_eq!(builder.len(), 702);
            Writer::lock(dir.path()).unwrap().commit(builder, &[]).unwrap();
            std::fs::read(&segment_files(dir.path())[0]).unwrap()
        };
        let one_by_one = file(&|builder| {
            codes
                .chunks_exact(words)
                .for_each(|code| builder.push(Item { code, ..Item::default() }).unwrap());
        });
        assert!(file(&|builder| builder.push_codes(&codes).unwrap()) == one_by_one);
        let bytes = codes_to_bytes(&codes, bits).unwrap();
        assert!(
            file(&|builder| builder.push_codes(&codes_from_bytes(&bytes, bits).unwrap()).unwrap())
                == one_by_one
        );
    }
}

#[test]
fn codes_in_bulk_that_do_not_fit_are_refused_whole() {
    let mut builder = SegmentBuilder::new(&Settings { bits: 100, ..Settings::default() }).unwrap();
    let refused =
        |builder: &mut SegmentBuilder, codes: &[u64]| builder.push_codes(codes).unwrap_err().to_string();
    assert_eq!(refused(&mut builder, &[1, 2, 3]), "codes: expected 2 words each, got 3 words");
    assert_eq!(refused(&mut builder, &[1, 2, 3, !0]), "codes: expected 100 bits each, got more in code 1");
    assert!(builder.is_empty());
    builder.push_codes(&[]).unwrap();
    let with_latents = Settings { latent_size: 2, ..Settings::default() };
    let mut builder = SegmentBuilder::new(&with_latents).unwrap();
    assert_eq!(refused(&mut builder, &[1]), "latent: expected 2 values, got 0");
}

#[test]
fn within_a_radius_all_are_found_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { bucket_size: Some(16), ..Settings::default() };
    commit(dir.path(), &items(3000, &settings, 5), &settings);
    let snapshot = open(dir.path());
    let mut random = Random(8);
    for _ in 0..20 {
        let query = random.code(64, 50);
        for radius in [0, 5, 12, 64] {
            let mut expected: Vec<(u32, u32)> = snapshot
                .ids()
                .map(|id| (distance(snapshot.code(id), &query), id))
                .filter(|&(distance, _)| distance <= radius)
                .collect();
            expected.sort_unstable();
            let hits = snapshot.search(&query, &Search::within(radius)).unwrap();
            assert_eq!(hits.iter().map(|hit| (hit.distance, hit.id)).collect::<Vec<_>>(), expected);
            assert_eq!(snapshot.search_many(&query, &Search::within(radius)).unwrap(), [hits]);
        }
    }
}

#[test]
fn names_lead_to_all_their_items_and_removal_takes_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::lock(dir.path()).unwrap();
    assert!(writer.remove(&[0]).unwrap_err().is_not_found());
    for round in 0..3u64 {
        let mut builder = SegmentBuilder::new(&Settings::default()).unwrap();
        for name in ["wren", "robin", "", "wren"] {
            builder.push(Item::named(name, &[round])).unwrap();
        }
        writer.commit(builder, &[]).unwrap();
    }
    let named = |names: &[&str]| open(dir.path()).ids_named(names);
    assert_eq!(
        [&["wren"][..], &["robin", ""], &["whale"], &[]].map(|names| named(names).len()),
        [6, 6, 0, 0]
    );
    let index = open(dir.path());
    assert!(named(&["wren"]).iter().all(|id| index.name(id) == b"wren"));
    writer.remove(&named(&["wren", "whale"]).iter().collect::<Vec<_>>()).unwrap();
    assert_eq!((open(dir.path()).len(), named(&["wren"]).len(), named(&["robin"]).len()), (6, 0, 3));
    let error = writer.remove(&[1000]).unwrap_err();
    assert!(error.is_input() && error.to_string().starts_with("item to remove: expected"), "{error}");
    assert_eq!(open(dir.path()).len(), 6, "nothing was removed");
}
