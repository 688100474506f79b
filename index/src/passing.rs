//! A filter, prepared for searches of one snapshot: which items pass, in which buckets any do, and where few
//! do, their codes side by side.

use std::sync::Arc;

use crate::ids::IdSet;
use crate::snapshot::Snapshot;
use crate::tombstones::is_dead;
use crate::view::View;

/// Up to this share of the codes, those that pass are copied: a scan of the copy reads nothing else.
const FEW: usize = 16;

/// The items that a search may find: of one snapshot, for any number of searches. Made by
/// [`Snapshot::filter`]; a clone shares what was prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub(crate) generation: u64,
    pub(crate) segments: Arc<[Passing]>, // as in the snapshot
}

/// What passes of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passing {
    pub(crate) dead: Vec<u64>, // [ceil(items / 64)], a bit per item that is deleted or does not pass
    pub(crate) items: usize,   // that pass
    pub(crate) buckets: Vec<u64>, // a bit per bucket with a code that passes
    pub(crate) few: Option<Few>, // none where many pass
}

/// The codes of a segment that pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Few {
    pub(crate) numbers: Vec<u32>, // ascending
    pub(crate) codes: Vec<u64>,   // [numbers, words]
}

impl Filter {
    /// The number of items that pass.
    pub fn len(&self) -> usize {
        self.segments.iter().map(|passing| passing.items).sum()
    }

    /// No item passes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Passing {
    fn new(view: &View<'_>, ids: &IdSet, first: u32) -> Passing {
        let words = view.items.div_ceil(64);
        let beyond = |at: u32| {
            if at + 1 == words && !view.items.is_multiple_of(64) { !0 << (view.items % 64) } else { 0 }
        };
        let dead = |at: u32| {
            let passes = ids.word_from(u64::from(first) + 64 * u64::from(at));
            !passes | view.dead.get(at as usize).copied().unwrap_or(0) | beyond(at)
        };
        let dead: Vec<u64> = (0..words).map(dead).collect();
        let items = dead.iter().map(|word| word.count_zeros() as usize).sum();
        let mut buckets = vec![0; view.n_buckets().div_ceil(64)];
        let (mut few, most) = (Some(Few::default()), view.n_codes() / FEW);
        // each code lies in one bucket and each item under one code, unless the file is damaged
        let (mut codes_left, mut items_left) = (view.n_codes(), view.items as usize);
        for bucket in 0..view.n_buckets() {
            let (start, codes) = view.bucket(bucket as u32);
            for (code, number) in codes.chunks_exact(view.words).zip(start as u32..).take(codes_left) {
                codes_left -= 1;
                let items = view.items_of(number);
                let items = items.take(items_left);
                items_left -= items.len();
                if items.into_iter().all(|item| is_dead(&dead, item)) {
                    continue;
                }
                buckets[bucket / 64] |= 1 << (bucket % 64);
                match &mut few {
                    Some(some) if some.numbers.len() < most => {
                        some.numbers.push(number);
                        some.codes.extend_from_slice(code);
                    }
                    _ => few = None,
                }
            }
        }
        Passing { dead, items, buckets, few }
    }

    #[inline]
    pub(crate) fn bucket(&self, bucket: u32) -> bool {
        self.buckets.get(bucket as usize / 64).is_some_and(|word| word >> (bucket % 64) & 1 == 1)
    }
}

impl Snapshot {
    /// Prepares the items `ids` as the only ones that searches find: see [`Search::only`](crate::Search).
    /// Takes a pass over all items, some milliseconds for a million.
    ///
    /// ```
    /// use aesearch_index::{IdSet, Search};
    /// # use aesearch_index::{SegmentBuilder, Settings, Snapshot, Writer};
    /// # let dir = tempfile::tempdir()?;
    /// # let mut builder = SegmentBuilder::new(&Settings::default())?;
    /// # builder.push_codes(&[0b0001, 0b0011, 0b0111])?;
    /// # Writer::lock(dir.path())?.commit(builder, &[])?;
    /// # let index = Snapshot::open(dir.path())?;
    /// let odd: IdSet = index.ids().filter(|id| id % 2 == 1).collect();
    /// let only = Some(index.filter(&odd));
    /// let hits = index.search(&[0], &Search { only, ..Search::default() })?;
    /// assert_eq!((hits.len(), hits[0].id), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn filter(&self, ids: &IdSet) -> Filter {
        let passing = |opened: &crate::opened::Opened| Passing::new(&opened.view(), ids, opened.first);
        Filter { generation: self.generation(), segments: self.opened().iter().map(passing).collect() }
    }
}
