//! Questions to a snapshot: the nearest codes of one query or many, put in order by latents, and all near pairs.

use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::error::Result;
use crate::kernels::dot_and_square;
use crate::pairs::{Pair, pairs_within};
use crate::plan::{Asked, Plan, Way};
use crate::search::{Hit, Mode, Ranked, RecallPoint, Search, View, check};
use crate::snapshot::{Latent, Opened, Snapshot};
use crate::words;

/// Queries that go through the codes together.
const TOGETHER: usize = 128;
/// Codes that are asked for to measure how long that takes.
const TIMED: usize = 128;
/// No more time is spent on one plan, but for the query at hand.
const TIMED_AT_MOST: Duration = Duration::from_millis(5);

/// How long a query for 10 neighbours takes here and now: means in microseconds, of one thread on the largest segment. Nothing
/// of it is stored: another machine takes another time, and the same index is to have the same bytes everywhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    /// For each point of [`Snapshot::recall_curve`].
    pub curve: Vec<f32>,
    /// Comparing with every code; nothing in an empty index.
    pub exact: Option<f32>,
}

impl Snapshot {
    /// The items nearest to `query` `[words(bits)]`, sorted by (distance, id).
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) when the query is no code of this index, or a recall is not within 0 to 1.
    pub fn search(&self, query: &[u64], search: &Search) -> Result<Vec<Hit>> {
        check(query, search, self.bits())?;
        let search = self.bounded(search);
        let mut hits = Vec::new();
        for opened in self.opened() {
            let view = opened.view();
            let plan = plan(opened, &view, &search, Asked::Alone);
            let found = view.search(query, &search, plan);
            hits.extend(found.into_iter().map(|hit| Hit { id: opened.first + hit.id, ..hit }));
        }
        self.cut(&mut hits, &search);
        Ok(hits)
    }

    /// The answers to `queries` `[n, words(bits)]`, in their order, each as [`Snapshot::search`] gives it. On all of rayon's
    /// threads; where every code is looked at, many queries at a time look at each.
    ///
    /// # Errors
    /// As [`Snapshot::search`], of the first query that does not fit.
    pub fn search_many(&self, queries: &[u64], search: &Search) -> Result<Vec<Vec<Hit>>> {
        let words = words(self.bits());
        queries.chunks(words).try_for_each(|query| check(query, search, self.bits()))?;
        let search = self.bounded(search);
        let answer = |some: &[u64]| {
            let mut answers = vec![Vec::new(); some.len() / words];
            for opened in self.opened() {
                let view = opened.view();
                let plan = plan(opened, &view, &search, Asked::Together);
                let found = view.search_many(some, &search, plan);
                for (hits, found) in answers.iter_mut().zip(found) {
                    hits.extend(found.into_iter().map(|hit| Hit { id: opened.first + hit.id, ..hit }));
                }
            }
            answers.iter_mut().for_each(|hits| self.cut(hits, &search));
            answers
        };
        Ok(queries.par_chunks(TOGETHER * words).flat_map_iter(answer).collect())
    }

    /// Hands all pairs of items whose codes are within `radius` bits to `found`, each once, with ids for positions; else as
    /// [`pairs_within`]. In the order of the index near codes stand together, which is what its pruning lives on.
    ///
    /// # Errors
    /// None but for a damaged index whose codes are none.
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

    /// Measures how long queries take, with codes of the index as queries. Takes a few milliseconds for each point of the curve.
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
                let (mut asked, start) = (0, Instant::now());
                for query in queries.clone().take_while(|_| start.elapsed() < TIMED_AT_MOST) {
                    std::hint::black_box(view.search(query, &search, plan));
                    asked += 1;
                }
                start.elapsed().as_secs_f32() * 1e6 / asked.max(1) as f32
            };
            round(); // to bring it into the caches
            round()
        };
        let plan =
            |point: &RecallPoint| Plan::Buckets(Way { probes: point.probes as usize, graph: point.graph });
        let curve = self.recall_curve().iter().map(|point| time(plan(point))).collect();
        Times { curve, exact: Some(time(Plan::Exact)) }
    }

    /// No more items than there are.
    fn bounded(&self, search: &Search) -> Search {
        Search { k: search.k.min(self.len()), ..search.clone() }
    }

    /// Brings the hits of several segments together.
    fn cut(&self, hits: &mut Vec<Hit>, search: &Search) {
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

    /// The best `k` of `hits` by cosine of their latents with `latent` `[latent_size]`, ties by (distance, id).
    ///
    /// Without latents, or with a `latent` of another size, `hits` keep their order and the similarity is that of the
    /// codes read as signs, `1 - 2 * distance / bits`.
    pub fn rerank(&self, latent: &[f32], hits: &[Hit], k: usize) -> Vec<Ranked> {
        let rank = |&Hit { id, distance }: &Hit, similarity| Ranked { id, distance, similarity };
        if self.latent_size() == 0 || latent.len() != self.latent_size() {
            let bits = self.bits() as f32;
            return hits
                .iter()
                .take(k)
                .map(|hit| rank(hit, 1.0 - 2.0 * hit.distance as f32 / bits))
                .collect();
        }
        let (query, length) = quantize_query(latent);
        let similarity = |id| {
            let Some(Latent { values, .. }) = self.latent(id) else { return 0.0 };
            let (dot, square) = dot_and_square(&query, values);
            let lengths = length * (square as f64).sqrt();
            if lengths > 0.0 { (dot as f64 / lengths).clamp(-1.0, 1.0) as f32 } else { 0.0 }
        };
        let mut ranked: Vec<Ranked> = hits.iter().map(|hit| rank(hit, similarity(hit.id))).collect();
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

/// Where to look in a segment.
fn plan(opened: &Opened, view: &View<'_>, search: &Search, asked: Asked) -> Plan {
    let Mode::Recall(recall) = search.mode else { return Plan::Exact };
    // Among the dead are as many of the nearest as among all items. A few of them are less than calibration leaves room for,
    // and are no reason to take the way of the next larger k that was measured.
    let (items, dead) = (view.items as usize, opened.dead_items as usize);
    let k = match dead * 20 < items {
        true => search.k,
        false => search.k.saturating_mul(items).div_ceil((items - dead).max(1)),
    };
    view.plan(&opened.segment.curve, k, recall, asked)
}

/// The query in 16-bit steps, and its length in them; a cosine does not need the scale.
fn quantize_query(latent: &[f32]) -> (Vec<i16>, f64) {
    let largest = latent.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let steps = if largest > 0.0 { f64::from(i16::MAX) / f64::from(largest) } else { 0.0 };
    let query: Vec<i16> = latent.iter().map(|&value| (f64::from(value) * steps).round() as i16).collect();
    let square: f64 = query.iter().map(|&value| f64::from(value).powi(2)).sum();
    (query, square.sqrt())
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
            [10, 50].map(|k| plan(opened, &opened.view(), &Search { k, ..Search::default() }, Asked::Alone))
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
