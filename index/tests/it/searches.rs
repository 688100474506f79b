//! Searches against the naive answer: exact ones equal it, approximate ones keep their promise.

use std::sync::Mutex;

use aesearch_index::{
    Error, Hit, Item, Mode, Pair, Search, SegmentBuilder, Settings, Snapshot, Writer, distance,
};

use crate::{Random, commit, ids_of, items, open};

fn naive(snapshot: &Snapshot, query: &[u64], k: usize, radius: u32) -> Vec<Hit> {
    let mut hits: Vec<Hit> = snapshot
        .ids()
        .map(|id| Hit { id, distance: distance(snapshot.code(id), query) })
        .filter(|hit| hit.distance <= radius)
        .collect();
    hits.sort_by_key(|hit| (hit.distance, hit.id));
    hits.truncate(k);
    hits
}

fn exact(k: usize, radius: Option<u32>) -> Search {
    Search { k, mode: Mode::Exact, radius, ties: false, only: None }
}

#[test]
fn exact_equals_the_naive_answer_ties_and_all() {
    for (bits, n) in [(32, 500), (64, 1), (64, 700), (100, 300), (128, 300), (192, 200), (256, 300)] {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { bits, bucket_size: Some(16), ..Settings::default() };
        let mut pushed = items(n, &settings, bits as u64);
        for i in (0..n).step_by(3) {
            pushed[i].code = pushed[n - 1 - i].code.clone(); // equal codes under several ids
        }
        commit(dir.path(), &pushed, &settings);
        let snapshot = open(dir.path());
        let mut random = Random(9);
        for _ in 0..30 {
            let query = random.code(bits, 50);
            for (k, radius) in [(0, None), (1, None), (10, None), (n + 5, None), (n, Some(12)), (3, Some(0))]
            {
                let hits = snapshot.search(&query, &exact(k, radius)).unwrap();
                assert_eq!(
                    hits,
                    naive(&snapshot, &query, k, radius.unwrap_or(u32::MAX)),
                    "{bits} {k} {radius:?}"
                );
            }
        }
    }
}

#[test]
fn buckets_and_textbook_hnsw_keep_the_promised_recall() {
    for bucket_size in [1, 32] {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { bucket_size: Some(bucket_size), ..Settings::default() };
        commit(dir.path(), &items(6000, &settings, 1), &settings);
        let snapshot = open(dir.path());
        assert!(!snapshot.recall_curve().is_empty());
        for recall in [0.9, 0.99] {
            let search = Search { k: 10, mode: Mode::Recall(recall), radius: None, ties: false, only: None };
            let (found, wanted) = tie_aware(&snapshot, &search, 300);
            let measured = found as f32 / wanted as f32;
            assert!(measured >= recall - 0.005, "{measured} of {recall} at bucket size {bucket_size}");
        }
    }
}

/// Neighbours found at most as far as the exact k-th, and how many there are.
fn tie_aware(snapshot: &Snapshot, search: &Search, queries: usize) -> (usize, usize) {
    let mut random = Random(77);
    let (mut found, mut wanted) = (0, 0);
    for _ in 0..queries {
        let query = random.code(snapshot.bits(), 50);
        let last = snapshot.search(&query, &exact(search.k, None)).unwrap().last().unwrap().distance;
        let hits = snapshot.search(&query, search).unwrap();
        found += hits.iter().filter(|hit| hit.distance <= last).count();
        wanted += search.k;
    }
    (found, wanted)
}

#[test]
fn pairs_are_those_of_the_double_loop_also_among_the_dead() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { bits: 100, bucket_size: Some(16), ..Settings::default() };
    commit(dir.path(), &items(600, &settings, 1), &settings);
    for removed in [0, 50] {
        let gone: Vec<u32> = open(dir.path()).ids().step_by(7).take(removed).collect();
        Writer::lock(dir.path()).unwrap().commit(SegmentBuilder::new(&settings).unwrap(), &gone).unwrap();
        let snapshot = open(dir.path());
        let ids: Vec<u32> = snapshot.ids().collect();
        let mut expected = Vec::new();
        for (at, &a) in ids.iter().enumerate() {
            for &b in &ids[at + 1..] {
                let distance = distance(snapshot.code(a), snapshot.code(b));
                if distance <= 15 {
                    expected.push(Pair { a, b, distance });
                }
            }
        }
        let found = Mutex::new(Vec::new());
        snapshot.pairs_within(15, &|pairs| found.lock().unwrap().extend_from_slice(pairs)).unwrap();
        let mut found = found.into_inner().unwrap();
        found.sort_unstable();
        assert!(expected.len() > 100);
        assert_eq!(found, expected);
    }
}

#[test]
fn many_equal_codes_are_all_found_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { latent_size: 0, ..Settings::default() };
    let mut pushed = items(3000, &settings, 1);
    pushed.iter_mut().step_by(2).for_each(|item| item.code = vec![42]);
    commit(dir.path(), &pushed, &settings);
    let snapshot = open(dir.path());
    assert!(snapshot.distinct_codes() <= 1501);
    for mode in [Mode::Exact, Mode::Recall(0.99)] {
        let hits = snapshot
            .search(&[42], &Search { k: 1000, mode, radius: Some(0), ties: false, only: None })
            .unwrap();
        let names: Vec<&[u8]> = hits.iter().map(|hit| snapshot.name(hit.id)).collect();
        let mut sorted: Vec<&[u8]> = pushed.iter().step_by(2).map(|item| &item.name[..]).collect();
        sorted.sort_unstable();
        assert_eq!(names, sorted[..1000], "equal codes stand in the order of their names");

        let hits =
            snapshot.search(&[42], &Search { k: 1000, mode, radius: None, ties: true, only: None }).unwrap();
        assert_eq!((hits.len(), hits[999].distance, hits[1499].distance), (1500, 0, 0));
        let none =
            snapshot.search(&[42], &Search { k: 0, mode, radius: None, ties: true, only: None }).unwrap();
        assert!(none.is_empty());
    }
}

#[test]
fn reranking_orders_by_the_cosine_of_the_latents() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { latent_size: 300, ..Settings::default() };
    let pushed = items(400, &settings, 1);
    commit(dir.path(), &pushed, &settings);
    let snapshot = open(dir.path());
    let query = Random(5).latent(300);
    let hits = snapshot.search(&pushed[0].code, &exact(200, None)).unwrap();
    let ranked = snapshot.rerank(&query, &hits, 10, 0.0);
    let cosine = |a: &[f32], b: &[f32]| {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    let ids = ids_of(&snapshot, &pushed);
    let item_of = |id| &pushed[ids.iter().position(|&other| other == id).unwrap()];
    let mut expected: Vec<(f64, u32)> =
        hits.iter().map(|hit| (cosine(&query, &item_of(hit.id).latent), hit.id)).collect();
    expected.sort_by(|a, b| b.0.total_cmp(&a.0));
    assert_eq!(ranked.len(), 10);
    assert!(ranked.is_sorted_by(|a, b| a.similarity >= b.similarity));
    for (ranked, (cosine, _)) in ranked.iter().zip(&expected) {
        assert!((f64::from(ranked.similarity) - cosine).abs() < 0.005);
    }
    let both = snapshot.rerank(&query, &hits, 200, 0.25);
    for ranked in &both {
        let by_code = 1.0 - 2.0 * f64::from(ranked.distance) / snapshot.bits() as f64;
        let expected = 0.75 * cosine(&query, &item_of(ranked.id).latent) + 0.25 * by_code;
        assert!((f64::from(ranked.similarity) - expected).abs() < 0.005);
    }
    assert!(both.is_sorted_by(|a, b| a.similarity >= b.similarity));
    let own = snapshot.rerank(
        &item_of(7).latent,
        &[Hit { id: 7, distance: 0 }, Hit { id: 9999, distance: 3 }],
        5,
        0.0,
    );
    assert!((own[0].similarity - 1.0).abs() < 1e-3 && own[1].similarity == 0.0);
    assert_eq!(snapshot.rerank(&vec![0.0; 300], &hits, 3, 0.0).len(), 3);
}

#[test]
fn without_latents_reranking_keeps_the_order_of_the_codes() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::default();
    let pushed = items(50, &settings, 1);
    commit(dir.path(), &pushed, &settings);
    let snapshot = open(dir.path());
    let hits = snapshot.search(&pushed[3].code, &exact(5, None)).unwrap();
    let ranked = snapshot.rerank(&[1.0, 2.0], &hits, 2, 0.0);
    assert_eq!(ranked.iter().map(|ranked| ranked.id).collect::<Vec<_>>(), [hits[0].id, hits[1].id]);
    assert_eq!(ranked[0].similarity, 1.0);
}

#[test]
fn queries_that_do_not_fit_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { bits: 40, ..Settings::default() };
    let mut builder = SegmentBuilder::new(&settings).unwrap();
    builder.push(Item { name: b"a", payload: b"", code: &[1], latent: &[] }).unwrap();
    Writer::lock(dir.path()).unwrap().replace(builder).unwrap();
    let snapshot = open(dir.path());
    let bad_recall =
        |recall| Search { k: 1, mode: Mode::Recall(recall), radius: None, ties: false, only: None };
    for (query, search) in [
        (&[][..], exact(1, None)),
        (&[1, 2], exact(1, None)),
        (&[1 << 40], exact(1, None)),
        (&[1], bad_recall(1.5)),
        (&[1], bad_recall(f32::NAN)),
    ] {
        assert!(matches!(snapshot.search(query, &search), Err(Error::Input { .. })));
    }
}

#[test]
fn threads_share_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::default();
    let pushed = items(3000, &settings, 1);
    commit(dir.path(), &pushed, &settings);
    let snapshot = open(dir.path());
    let search = |i: usize| snapshot.search(&pushed[i].code, &Search::default()).unwrap();
    let expected: Vec<Vec<Hit>> = (0..100).map(search).collect();
    std::thread::scope(|scope| {
        let threads = [(); 8].map(|()| scope.spawn(|| (0..100).map(search).collect::<Vec<_>>()));
        assert!(threads.into_iter().all(|thread| thread.join().unwrap() == expected));
    });
}
