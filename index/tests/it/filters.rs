//! Searches with a filter: right at every selectivity, for filters that have to do with the query and such
//! that have not, and without looking at what does not pass.

use aesearch_index::{Hit, IdSet, Item, Mode, Search, SegmentBuilder, Settings, Snapshot, Writer, distance};

use crate::{Random, open};

const CENTRES: usize = 400;
const ITEMS: usize = 60_000;

/// Items around centres; the payload is the centre, in two bytes.
fn index(dir: &std::path::Path, items: usize, bits: usize) -> Snapshot {
    let settings = Settings { bits, bucket_size: Some(64), ..Settings::default() };
    let mut builder = SegmentBuilder::new(&settings).unwrap();
    let mut random = Random(3);
    for _ in 0..items {
        let (code, centre) = code(&mut random, bits);
        builder
            .push(Item { payload: &(centre as u16).to_le_bytes(), code: &code, ..Item::default() })
            .unwrap();
    }
    Writer::lock(dir).unwrap().commit(builder, &[]).unwrap();
    open(dir)
}

fn code(random: &mut Random, bits: usize) -> (Vec<u64>, usize) {
    let centre = random.below(CENTRES);
    let mut of_centre = Random(centre as u64 + 1000);
    let words = aesearch_index::words(bits);
    ((0..words).map(|_| of_centre.word() ^ (random.word() & random.word() & random.word())).collect(), centre)
}

/// The nearest of the items that pass, by comparing with each.
fn by_hand(snapshot: &Snapshot, query: &[u64], k: usize, passing: &IdSet) -> Vec<Hit> {
    let hit = |id| Hit { id, distance: distance(snapshot.code(id), query) };
    let mut all: Vec<Hit> = passing.iter().map(hit).collect();
    all.sort_unstable_by_key(|hit| (hit.distance, hit.id));
    all.truncate(k);
    all
}

fn filtered(snapshot: &Snapshot, passing: &IdSet, mode: Mode) -> Search {
    Search { mode, only: Some(snapshot.filter(passing)), ..Search::default() }
}

fn centre(snapshot: &Snapshot, id: u32) -> usize {
    usize::from(u16::from_le_bytes(snapshot.payload(id).try_into().unwrap()))
}

/// Recall of 10 (a hit counts if it is no farther than the exact 10th), and the codes that were looked at.
fn measure(snapshot: &Snapshot, passing: &IdSet, queries: usize) -> (f64, f64) {
    let (mut random, search) = (Random(77), filtered(snapshot, passing, Mode::Recall(0.99)));
    let (mut found, mut expected, mut visits) = (0, 0, 0);
    for _ in 0..queries {
        let (query, _) = code(&mut random, snapshot.bits());
        let exact = by_hand(snapshot, &query, 10, passing);
        let hits = snapshot.search(&query, &search).unwrap();
        assert!(hits.iter().all(|hit| passing.contains(hit.id)));
        let last = exact.last().map_or(0, |hit| hit.distance);
        found += hits.iter().filter(|hit| hit.distance <= last).count();
        expected += exact.len();
        visits += snapshot.visits(&query, &search).unwrap();
    }
    (found as f64 / expected as f64, visits as f64 / queries as f64)
}

#[test]
fn exact_answers_are_those_by_hand_at_every_selectivity_and_width() {
    for bits in [64, 128] {
        let dir = tempfile::tempdir().unwrap();
        let snapshot = index(dir.path(), 5000, bits);
        let mut random = Random(5);
        for one_in in [1, 2, 20, 200, 2000, 5001] {
            let passing: IdSet = snapshot.ids().filter(|_| random.below(one_in) == 0).collect();
            let passing = if one_in > 5000 { IdSet::default() } else { passing };
            for mode in [Mode::Exact, Mode::Recall(1.0)] {
                let search = filtered(&snapshot, &passing, mode);
                for _ in 0..20 {
                    let (query, _) = code(&mut random, bits);
                    let expected = by_hand(&snapshot, &query, 10, &passing);
                    assert_eq!(snapshot.search(&query, &search).unwrap(), expected, "one in {one_in}");
                    assert_eq!(snapshot.search_many(&query, &search).unwrap(), [expected]);
                }
            }
        }
    }
}

#[test]
fn recall_holds_and_what_does_not_pass_is_not_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = index(dir.path(), ITEMS, 128);
    let mut random = Random(9);
    for (one_in, most) in [(2, 0.10), (20, 0.05), (200, 0.005), (2000, 0.0005)] {
        let passing: IdSet = snapshot.ids().filter(|_| random.below(one_in) == 0).collect();
        let (recall, visits) = measure(&snapshot, &passing, 200);
        let share = visits / ITEMS as f64;
        println!("1 in {one_in}: recall {recall:.4}, {visits:.0} codes, {:.3} % of all", 100.0 * share);
        assert!(recall >= 0.99, "1 in {one_in}: {recall}");
        // a filter behind the search would have to look at all codes to find 10 among few
        assert!(share <= most * 1.3, "1 in {one_in}: {share}");
    }
}

#[test]
fn recall_holds_where_the_filter_has_to_do_with_the_query() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = index(dir.path(), ITEMS, 128);
    // whole clusters pass: queries within find theirs at once, queries elsewhere are far from all that pass
    for (one_in, name) in [(2, "half"), (20, "a twentieth"), (100, "a hundredth")] {
        let passing: IdSet =
            snapshot.ids().filter(|&id| centre(&snapshot, id).is_multiple_of(one_in)).collect();
        let (recall, visits) = measure(&snapshot, &passing, 200);
        println!("{name} of the clusters: recall {recall:.4}, {visits:.0} codes");
        assert!(recall >= 0.99, "{name}: {recall}");
        let exact = passing.len() as f64;
        assert!(visits <= 1.1 * exact.max(0.5 * ITEMS as f64), "{name}: {visits} of {exact}");
    }
}

#[test]
fn several_segments_removed_items_and_ties_are_filtered_too() {
    let dir = tempfile::tempdir().unwrap();
    let first = index(dir.path(), 9000, 64);
    let removed: Vec<u32> = first.ids().filter(|id| id.is_multiple_of(5)).collect();
    drop(first);
    let mut builder = SegmentBuilder::new(&Settings::default()).unwrap();
    let mut random = Random(21);
    for i in 0..1500 {
        let word = if i < 40 { 7 } else { code(&mut random, 64).0[0] };
        builder.push(Item { payload: &[0, 0], code: &[word], ..Item::default() }).unwrap();
    }
    Writer::lock(dir.path()).unwrap().commit(builder, &removed).unwrap();
    let snapshot = open(dir.path());
    assert!(snapshot.segments() > 1 && snapshot.dead() > 0);
    // ids that do not exist or were removed do no harm
    let passing: IdSet = (0..20_000u32).filter(|id| id.is_multiple_of(3)).collect();
    let live: IdSet = snapshot.ids().filter(|id| id.is_multiple_of(3)).collect();
    let search = filtered(&snapshot, &passing, Mode::Exact);
    assert_eq!(search.only.as_ref().map(|only| only.len()), Some(live.len()));
    for query in [[7], [!7], [random.word()]] {
        assert_eq!(snapshot.search(&query, &search).unwrap(), by_hand(&snapshot, &query, 10, &live));
        let near = Search { radius: Some(9), ..search.clone() };
        let mut expected = by_hand(&snapshot, &query, 10, &live);
        expected.retain(|hit| hit.distance <= 9);
        assert_eq!(snapshot.search(&query, &near).unwrap(), expected);
    }
    let ties = Search { k: 3, ties: true, ..search.clone() };
    let equal = live.iter().filter(|&id| snapshot.code(id) == [7]).count();
    assert!((11..=15).contains(&equal));
    assert_eq!(snapshot.search(&[7], &ties).unwrap().len(), equal);
}

#[test]
fn a_filter_of_another_commit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = index(dir.path(), 10, 64);
    let search = filtered(&snapshot, &snapshot.ids().collect(), Mode::Exact);
    Writer::lock(dir.path())
        .unwrap()
        .commit(SegmentBuilder::new(&Settings::default()).unwrap(), &[3])
        .unwrap();
    let error = open(dir.path()).search(&[1], &search).unwrap_err().to_string();
    assert!(error.contains("filter: expected one of commit 2"), "{error}");
}
