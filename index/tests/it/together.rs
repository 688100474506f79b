//! Indexes whose segments are taken over: the same items and answers, what was removed stays so, nothing else changes.

use aesearch_index::{Latent, Mode, Search, SegmentBuilder, Settings, Snapshot, Writer, quantize, verify};

use crate::{Owned, commit, ids_of, items, open, segment_files};

fn settings() -> Settings {
    Settings { bits: 72, latent_size: 5, ..Settings::default() }
}

/// Name, payload, code, and the latent with its scale.
type Content = (Vec<u8>, Vec<u8>, Vec<u64>, Vec<i8>, f32);

/// What an index holds, in the order of names.
fn content(snapshot: &Snapshot) -> Vec<Content> {
    let item = |id: u32| {
        let Latent { values, scale } = snapshot.latent(id).unwrap();
        let (name, payload, code) = (snapshot.name(id), snapshot.payload(id), snapshot.code(id));
        (name.to_vec(), payload.to_vec(), code.to_vec(), values.to_vec(), scale)
    };
    let mut all: Vec<_> = snapshot.ids().map(item).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn indexes_are_put_together_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let all = items(3000, &settings(), 5);
    let dirs: Vec<_> = (0..4).map(|i| folder.path().join(i.to_string())).collect();
    all.chunks(1000).zip(&dirs).for_each(|(some, dir)| commit(dir, some, &settings()));
    // some are removed where they were, some only now
    let gone: Vec<u32> = ids_of(&open(&dirs[1]), &all[1000..1100]);
    Writer::lock(&dirs[1]).unwrap().remove(&gone).unwrap();
    let parts: Vec<Snapshot> = dirs[..3].iter().map(|dir| open(dir)).collect();
    let now_gone = [Vec::new(), ids_of(&parts[1], &all[1100..1150]), ids_of(&parts[2], &all[2000..2010])];
    let taken: Vec<(&Snapshot, &[u32])> =
        parts.iter().zip(&now_gone).map(|(part, gone)| (part, &gone[..])).collect();
    let extra = Owned { name: b"extra".to_vec(), ..all[0].clone() };
    let attributes = vec![("of".to_owned(), b"all".to_vec())];
    let mut add = SegmentBuilder::new(&Settings { attributes, ..settings() }).unwrap();
    extra.push_to(&mut add);
    Writer::lock(&dirs[3]).unwrap().take_over(&taken, add).unwrap();

    let left: Vec<Owned> =
        [&all[..1000], &all[1150..2000], &all[2010..], std::slice::from_ref(&extra)].concat();
    let one = folder.path().join("one");
    commit(&one, &left, &settings());
    let (one, together) = (open(&one), open(&dirs[3]));
    assert_eq!((together.len(), together.segments(), together.dead()), (left.len(), 4, 160));
    assert_eq!(together.attribute("of"), Some(&b"all"[..]));
    assert_eq!(content(&together), content(&one));
    assert_eq!(verify(&dirs[3]).unwrap(), []);
    let search = Search { k: 20, mode: Mode::Exact, ..Search::default() };
    for item in all.iter().step_by(97) {
        let distances = |snapshot: &Snapshot| {
            let hits = snapshot.search(&item.code, &search).unwrap();
            hits.iter().map(|hit| hit.distance).collect::<Vec<_>>()
        };
        assert_eq!(distances(&together), distances(&one));
    }
    // into an index that holds something, and merged afterwards
    let mut writer = Writer::lock(&dirs[0]).unwrap();
    let nothing = || SegmentBuilder::new(&settings()).unwrap();
    writer.take_over(&[(&parts[2], &[]), (&parts[2], &[])], nothing()).unwrap();
    assert_eq!((open(&dirs[0]).len(), open(&dirs[0]).segments()), (3000, 3));
    writer.take_over(&[], nothing()).unwrap();
    assert_eq!(open(&dirs[0]).segments(), 3, "nothing is merged");
    writer.compact().unwrap();
    assert_eq!((open(&dirs[0]).len(), open(&dirs[0]).segments()), (3000, 1));
    // where all of a segment is left out, nothing is copied
    let ids: Vec<u32> = parts[2].ids().collect();
    let none = folder.path().join("none");
    Writer::lock(&none).unwrap().take_over(&[(&parts[2], &ids)], nothing()).unwrap();
    assert_eq!((open(&none).len(), segment_files(&none).len()), (0, 0));
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b, damaged] = ["a", "b", "damaged"].map(|name| folder.path().join(name));
    commit(&a, &items(50, &settings(), 1), &settings());
    let other = Settings { bits: 64, ..settings() };
    commit(&b, &items(50, &other, 2), &other);
    commit(&damaged, &items(50, &settings(), 3), &settings());
    let segment = segment_files(&damaged).remove(0);
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let mut writer = Writer::lock(&a).unwrap();
    let nothing = || SegmentBuilder::new(&settings()).unwrap();
    let before = content(&open(&a));
    assert!(writer.take_over(&[(&open(&b), &[])], nothing()).unwrap_err().is_input());
    assert!(writer.take_over(&[(&open(&a), &[50])], nothing()).unwrap_err().is_input());
    let error = writer.take_over(&[(&open(&damaged), &[])], nothing()).unwrap_err();
    assert!(matches!(error, aesearch_index::Error::Damaged { .. }), "{error}");
    assert_eq!(content(&open(&a)), before);
    let many: Vec<(Snapshot, Vec<u32>)> = (0..1030).map(|_| (open(&a), Vec::new())).collect();
    let many: Vec<(&Snapshot, &[u32])> = many.iter().map(|(part, gone)| (part, &gone[..])).collect();
    assert!(writer.take_over(&many, nothing()).unwrap_err().is_input(), "more segments than an index has");
    assert_eq!(content(&open(&a)), before);
    drop(writer);
    let _ = Writer::lock(&a).unwrap();
    assert_eq!(segment_files(&a).len(), 1, "the next writer removes what was copied");
}

#[test]
fn quantized_latents_are_kept_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let pushed = items(70, &settings(), 9);
    commit(&dir.path().join("a"), &pushed, &settings());
    let mut builder = SegmentBuilder::new(&settings()).unwrap();
    for item in &pushed {
        let (values, scale) = quantize(&item.latent);
        let plain = aesearch_index::Item {
            payload: &item.payload,
            ..aesearch_index::Item::named(&item.name, &item.code)
        };
        builder.push_quantized(plain, Latent { values: &values, scale }).unwrap();
    }
    for (values, scale) in [(&[1i8, 2][..], 1.0), (&[1, 2, 3, 4, 5], f32::NAN), (&[1, 2, 3, 4, 5], -1.0)] {
        let plain = aesearch_index::Item::named("x", &pushed[0].code);
        assert!(builder.push_quantized(plain, Latent { values, scale }).unwrap_err().is_input());
    }
    assert!(
        builder
            .push_quantized(aesearch_index::Item::named("x", &[1]), Latent { values: &[0; 5], scale: 1.0 })
            .is_err()
    );
    Writer::lock(dir.path().join("b")).unwrap().replace(builder).unwrap();
    let [a, b] = ["a", "b"].map(|name| std::fs::read(&segment_files(&dir.path().join(name))[0]).unwrap());
    assert!(a == b, "byte by byte");
}
