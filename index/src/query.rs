//! Queries of a snapshot: the nearest items of one query or many, re-ranking by latents, all near pairs.

use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::code::words;
use crate::curve::RecallPoint;
use crate::error::{Error, Result};
use crate::kernels::dot_and_square;
use crate::opened::Opened;
use crate::pairs::{Pair, pairs_within};
use crate::plan::{Arrival, Plan, Route};
use crate::search::{Hit, Mode, Ranked, SCRATCH, Search, check};
use crate::snapshot::{Latent, Snapshot};
use crate::view::View;

/// Queries that scan the codes together.
const QUERIES_PER_SCAN: usize = 128;
/// Queries that are timed.
const TIMED: usize = 128;
/// Time spent on one plan; the query that runs is finished.
const TIMED_AT_MOST: Duration = Duration::from_millis(5);

/// How long a query for 10 neighbours takes on this machine now: mean microseconds of one thread on the
/// largest segment. Times are not stored in the index, which has the same bytes on every machine.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Times {
    /// For each point of [`Snapshot::recall_curve`].
    pub curve: Vec<f32>,
    /// For a scan of every code; none for an empty index.
    pub exact: Option<f32>,
}

impl Snapshot {
    /// The items nearest to `query` `[words(bits)]`, sorted by (distance, id).
    ///
    /// ```
    /// # use aesearch_index::{Search, SegmentBuilder, Settings, Snapshot, Writer};
    /// # let dir = tempfile::tempdir()?;
    /// # let mut builder = SegmentBuilder::new(&Settings::default())?;
    /// # builder.push_codes(&[0b0001, 0b0011, 0b0111])?;
    /// # Writer::lock(dir.path())?.commit(builder, &[])?;
    /// # let index = Snapshot::open(dir.path())?;
    /// // `index` holds the codes 0b0001, 0b0011 and 0b0111
    /// let hits = index.search(&[0b0000], &Search { k: 2, ..Search::default() })?;
    /// assert_eq!([(hits[0].id, hits[0].distance), (hits[1].id, hits[1].distance)], [(0, 1), (1, 2)]);
    ///
    /// let like_item_2 = index.search(index.code(2), &Search::within(1))?; // it is among its own neighbours
    /// assert_eq!(like_item_2.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) when the query does not have the index's bits, or the recall is
    /// not within 0 to 1.
    pub fn search(&self, query: &[u64], search: &Search) -> Result<Vec<Hit>> {
        check(query, search, self.bits())?;
        self.check_filter(search)?;
        let search = self.with_k_in_range(search);
        let mut hits = Vec::new();
        for (opened, at) in self.opened().iter().zip(0..) {
            let view = opened.view();
            let found = match search.only.as_ref().and_then(|filter| filter.segments.get(at)) {
                Some(passing) => {
                    let view = View { dead: &passing.dead, ..view };
                    view.search_passing(query, &search, (passing, &opened.segment.curve))
                }
                None => view.search(query, &search, plan(opened, &view, &search, Arrival::Alone)),
            };
            hits.extend(found.into_iter().map(|hit| Hit { id: opened.first + hit.id, ..hit }));
        }
        self.merge_hits(&mut hits, &search);
        Ok(hits)
    }

    /// The hits of each of `queries` `[n, words(bits)]`, in order, the same as from [`Snapshot::search`].
    /// Runs on all threads of rayon's current pool; where every code is scanned, many queries share a scan.
    ///
    /// ```
    /// # use aesearch_index::{Search, SegmentBuilder, Settings, Snapshot, Writer};
    /// # let dir = tempfile::tempdir()?;
    /// # let mut builder = SegmentBuilder::new(&Settings::default())?;
    /// # builder.push_codes(&[0b0001, 0b0011, 0b0111])?;
    /// # Writer::lock(dir.path())?.commit(builder, &[])?;
    /// # let index = Snapshot::open(dir.path())?;
    /// let answers = index.search_many(&[0b0000, 0b0011], &Search::default())?; // two queries of one word
    /// assert_eq!(answers[0].iter().map(|hit| hit.distance).collect::<Vec<_>>(), [1, 2, 3]);
    /// assert_eq!(answers[1][0].id, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Snapshot::search`], for the first query that does not fit.
    pub fn search_many(&self, queries: &[u64], search: &Search) -> Result<Vec<Vec<Hit>>> {
        let words = words(self.bits());
        queries.chunks(words).try_for_each(|query| check(query, search, self.bits()))?;
        if search.only.is_some() {
            return queries.par_chunks_exact(words).map(|query| self.search(query, search)).collect();
        }
        let search = self.with_k_in_range(search);
        let answer = |some: &[u64]| {
            let mut answers = vec![Vec::new(); some.len() / words];
            for opened in self.opened() {
                let view = opened.view();
                let plan = plan(opened, &view, &search, Arrival::Together);
                let found = view.search_many(some, &search, plan);
                for (hits, found) in answers.iter_mut().zip(found) {
                    hits.extend(found.into_iter().map(|hit| Hit { id: opened.first + hit.id, ..hit }));
                }
            }
            answers.iter_mut().for_each(|hits| self.merge_hits(hits, &search));
            answers
        };
        Ok(queries.par_chunks(QUERIES_PER_SCAN * words).flat_map_iter(answer).collect())
    }

    /// How many codes [`Snapshot::search`] compares with the query, apart from representatives of buckets.
    ///
    /// # Errors
    /// As [`Snapshot::search`].
    pub fn visits(&self, query: &[u64], search: &Search) -> Result<usize> {
        let visited = || SCRATCH.with_borrow(|scratch| scratch.visited);
        let before = visited();
        self.search(query, search)?;
        Ok(visited() - before)
    }

    fn check_filter(&self, search: &Search) -> Result<()> {
        let Some(filter) = &search.only else { return Ok(()) };
        if (filter.generation, filter.segments.len()) == (self.generation(), self.opened().len()) {
            return Ok(());
        }
        let expected = format!("one of commit {}", self.generation());
        Err(Error::input("filter", expected, format!("one of commit {}", filter.generation)))
    }

    /// Passes all pairs of items whose codes are within `radius` bits to `found`, each once, as
    /// [`pairs_within`] does but with ids instead of positions. The index stores similar codes together,
    /// which suits its pruning.
    ///
    /// ```
    /// # use aesearch_index::{SegmentBuilder, Settings, Snapshot, Writer};
    /// # let dir = tempfile::tempdir()?;
    /// # let mut builder = SegmentBuilder::new(&Settings::default())?;
    /// # builder.push_codes(&[0b0001, 0b0011, 0b0111])?;
    /// # Writer::lock(dir.path())?.commit(builder, &[])?;
    /// # let index = Snapshot::open(dir.path())?;
    /// let pairs = std::sync::Mutex::new(Vec::new());
    /// index.pairs_within(1, &|found| pairs.lock().unwrap().extend_from_slice(found))?;
    /// let mut pairs = pairs.into_inner()?;
    /// pairs.sort();
    /// assert_eq!(pairs.iter().map(|pair| (pair.a, pair.b)).collect::<Vec<_>>(), [(0, 1), (1, 2)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input), only if the index is damaged and its codes have too many bits.
    pub fn pairs_within(&self, radius: u32, found: &(impl Fn(&[Pair]) + Sync)) -> Result<()> {
        let ids: Vec<u32> = self.ids().collect();
        let codes: Vec<u64> = ids.iter().flat_map(|&id| self.code(id)).copied().collect();
        let id = |position: u32| ids.get(position as usize).copied().unwrap_or_default();
        let by_id = |pairs: &[Pair]| {
            let pairs: Vec<Pair> =
                pairs.iter().map(|pair| Pair { a: id(pair.a), b: id(pair.b), ..*pair }).collect();
            found(&pairs);
        };
        match ids.last().is_none_or(|&last| last as usize + 1 == ids.len()) {
            true => pairs_within(&codes, self.bits(), radius, found), // none is dead: ids are positions
            false => pairs_within(&codes, self.bits(), radius, &by_id),
        }
    }

    /// Measures how long queries take, with codes of the index as queries; a few milliseconds for each point
    /// of the curve.
    pub fn measure(&self) -> Times {
        let Some(opened) = self.opened().iter().max_by_key(|opened| opened.segment.items()) else {
            return Times { curve: Vec::new(), exact: None };
        };
        let view = opened.view();
        let (n, search) = (view.n_codes(), Search::default());
        let queries =
            (0..TIMED.min(n)).filter_map(|i| view.codes.chunks_exact(view.words).nth(i * n / TIMED.min(n)));
        let time = |plan| {
            let round = || {
                let (mut timed, start) = (0, Instant::now());
                for query in queries.clone().take_while(|_| start.elapsed() < TIMED_AT_MOST) {
                    std::hint::black_box(view.search(query, &search, plan));
                    timed += 1;
                }
                start.elapsed().as_secs_f32() * 1e6 / timed.max(1) as f32
            };
            round(); // warms the caches
            round()
        };
        let plan =
            |point: &RecallPoint| Plan::Buckets(Route { probes: point.probes as usize, graph: point.graph });
        let curve = self.recall_curve().iter().map(|point| time(plan(point))).collect();
        Times { curve, exact: Some(time(Plan::Exact)) }
    }

    /// Limits `k` to the number of items.
    fn with_k_in_range(&self, search: &Search) -> Search {
        Search { k: search.k.min(self.len()), ..search.clone() }
    }

    /// Merges the hits of several segments.
    fn merge_hits(&self, hits: &mut Vec<Hit>, search: &Search) {
        if self.opened().len() < 2 {
            return;
        }
        hits.sort_unstable_by_key(|hit| (hit.distance, hit.id));
        let last = search.k.checked_sub(1).and_then(|last| hits.get(last)).map(|hit| hit.distance);
        hits.truncate(match last {
            Some(last) if search.ties => hits.partition_point(|hit| hit.distance <= last),
            _ => search.k,
        });
    }

    /// The best `k` of `hits` by their similarity to `latent` `[latent_size]`, ties by (distance, id): the
    /// cosine of the latents, and that of the codes read as signs, `1 - 2 * distance / bits`, which counts for
    /// `code_share`, 0 to 1, of it.
    ///
    /// Without latents, or with a `latent` of another size, `hits` keep their order, and the similarity is
    /// that of the codes alone.
    ///
    /// ```
    /// use aesearch_index::{Item, Search, SegmentBuilder, Settings, Snapshot, Writer};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// let mut builder = SegmentBuilder::new(&Settings { latent_size: 2, ..Settings::default() })?;
    /// builder.push(Item { latent: &[0.9, 0.1], ..Item::named("a", &[3]) })?;
    /// builder.push(Item { latent: &[0.2, 0.8], ..Item::named("b", &[3]) })?;
    /// Writer::lock(dir.path())?.commit(builder, &[])?;
    ///
    /// let index = Snapshot::open(dir.path())?;
    /// // more than are wanted, and all that are as near as the last of them
    /// let hits = index.search(&[3], &Search { k: 50, ties: true, ..Search::default() })?;
    /// let best = index.rerank(&[0.1, 0.9], &hits, 1, 0.0);
    /// assert_eq!(index.name(best[0].id), b"b");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rerank(&self, latent: &[f32], hits: &[Hit], k: usize, code_share: f32) -> Vec<Ranked> {
        let rank = |&Hit { id, distance }: &Hit, similarity| Ranked { id, distance, similarity };
        let by_code = |hit: &Hit| 1.0 - 2.0 * hit.distance as f32 / self.bits() as f32;
        if self.latent_size() == 0 || latent.len() != self.latent_size() {
            return hits.iter().take(k).map(|hit| rank(hit, by_code(hit))).collect();
        }
        let query = LatentQuery::new(latent);
        let similarity = |id| self.latent(id).map_or(0.0, |Latent { values, .. }| query.cosine(values));
        let both = |hit: &Hit| (1.0 - code_share) * similarity(hit.id) + code_share * by_code(hit);
        let mut ranked: Vec<Ranked> = hits.iter().map(|hit| rank(hit, both(hit))).collect();
        let order = |a: &Ranked, b: &Ranked| {
            b.similarity.total_cmp(&a.similarity).then(a.distance.cmp(&b.distance)).then(a.id.cmp(&b.id))
        };
        if k < ranked.len() {
            ranked.select_nth_unstable_by(k, order);
            ranked.truncate(k);
        }
        ranked.sort_unstable_by(order);
        ranked
    }
}

/// What to scan of a segment.
fn plan(opened: &Opened, view: &View<'_>, search: &Search, arrival: Arrival) -> Plan {
    let Mode::Recall(recall) = search.mode else { return Plan::Exact };
    // The nearest items include deleted ones at the same rate as all items do, so more must be found. Below a
    // twentieth that is within the margin of the calibration, and no reason to plan for the next larger k.
    let (items, dead) = (view.items as usize, opened.dead_items as usize);
    let k = match dead * 20 < items {
        true => search.k,
        false => search.k.saturating_mul(items).div_ceil((items - dead).max(1)),
    };
    view.plan(&opened.segment.curve, k, recall, arrival)
}

/// A latent to compare others with, as [`Snapshot::rerank`] does: for latents that lie outside of an index.
///
/// ```
/// use aesearch_index::{LatentQuery, quantize};
///
/// let (values, _scale) = quantize(&[0.2, 0.8]);
/// let query = LatentQuery::new(&[0.2, 0.8]);
/// assert!(query.cosine(&values) > 0.999);
/// assert_eq!(query.cosine(&[0, 0]), 0.0);
/// ```
#[derive(Debug, Clone)]
pub struct LatentQuery {
    /// The latent as 16-bit integers; a cosine does not need the scale.
    values: Vec<i16>,
    /// Its length in them.
    length: f64,
}

impl LatentQuery {
    /// Of a latent `[latent_size]`.
    pub fn new(latent: &[f32]) -> LatentQuery {
        let largest = latent.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let steps = if largest > 0.0 { f64::from(i16::MAX) / f64::from(largest) } else { 0.0 };
        let values: Vec<i16> =
            latent.iter().map(|&value| (f64::from(value) * steps).round() as i16).collect();
        let square: f64 = values.iter().map(|&value| f64::from(value).powi(2)).sum();
        LatentQuery { values, length: square.sqrt() }
    }

    /// The cosine of the angle between it and a latent `[latent_size]` in 8 bits, -1 to 1; 0 where one of them is zero,
    /// or the other has another size.
    pub fn cosine(&self, values: &[i8]) -> f32 {
        if values.len() != self.values.len() {
            return 0.0;
        }
        let (dot, square) = dot_and_square(&self.values, values);
        let lengths = self.length * (square as f64).sqrt();
        if lengths > 0.0 { (dot as f64 / lengths).clamp(-1.0, 1.0) as f32 } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::clustered_codes;
    use crate::{Item, SegmentBuilder, Settings, Writer};

    #[test]
    fn one_removed_item_changes_no_plan() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { bucket_size: Some(32), ..Settings::default() };
        let mut builder = SegmentBuilder::new(&settings).unwrap();
        for code in clustered_codes(20_000, 64, 300, 1).chunks_exact(1) {
            builder.push(Item { name: b"", payload: b"", code, latent: &[] }).unwrap();
        }
        let mut writer = Writer::lock(dir.path()).unwrap();
        writer.commit(builder, &[]).unwrap();
        let plans = || {
            let snapshot = Snapshot::open(dir.path()).unwrap();
            let opened = &snapshot.opened()[0];
            [10, 50].map(|k| plan(opened, &opened.view(), &Search { k, ..Search::default() }, Arrival::Alone))
        };
        let before = plans();
        assert!(before.iter().all(|plan| *plan != Plan::Exact), "{before:?}");
        writer.commit(SegmentBuilder::new(&Settings::default()).unwrap(), &[7]).unwrap();
        assert_eq!(plans(), before);
        let half: Vec<u32> = (8..9000).collect();
        writer.commit(SegmentBuilder::new(&Settings::default()).unwrap(), &half).unwrap();
        assert_ne!(plans(), before, "more must be looked at to find as many among the dead");
    }
}
