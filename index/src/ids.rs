//! A set of items: one bit for each id.

/// A set of ids of one snapshot.
///
/// ```
/// use aesearch_index::IdSet;
///
/// let even: IdSet = (0..10).filter(|id| id % 2 == 0).collect();
/// let small: IdSet = (0..5).collect();
/// assert_eq!(even.and(&small).iter().collect::<Vec<_>>(), [0, 2, 4]);
/// assert_eq!(even.without(&small).len(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdSet {
    words: Vec<u64>, // bit i % 64 of word i / 64; the last word is not 0
}

impl IdSet {
    /// Adds an id.
    pub fn insert(&mut self, id: u32) {
        let word = id as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (id % 64);
    }

    /// Whether it holds an id.
    #[inline]
    pub fn contains(&self, id: u32) -> bool {
        self.words.get(id as usize / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    /// The number of ids.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Holds no id.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Its ids, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0u32..).flat_map(|(&word, at)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(at * 64 + bit)
            })
        })
    }

    /// The ids that are in both.
    #[must_use]
    pub fn and(&self, other: &IdSet) -> IdSet {
        IdSet::trimmed(self.words.iter().zip(&other.words).map(|(a, b)| a & b).collect())
    }

    /// The ids that are in one or both.
    #[must_use]
    pub fn or(&self, other: &IdSet) -> IdSet {
        let n = self.words.len().max(other.words.len());
        let word = |set: &IdSet, at: usize| set.words.get(at).copied().unwrap_or(0);
        IdSet { words: (0..n).map(|at| word(self, at) | word(other, at)).collect() }
    }

    /// Those ids that are not in the other.
    #[must_use]
    pub fn without(&self, other: &IdSet) -> IdSet {
        let others = other.words.iter().copied().chain(std::iter::repeat(0));
        IdSet::trimmed(self.words.iter().zip(others).map(|(a, b)| a & !b).collect())
    }

    /// The 64 bits from id `first` on.
    pub(crate) fn word_from(&self, first: u64) -> u64 {
        let (at, shift) = ((first / 64) as usize, first % 64);
        let word = |at: usize| self.words.get(at).copied().unwrap_or(0);
        if shift == 0 { word(at) } else { word(at) >> shift | word(at + 1) << (64 - shift) }
    }

    fn trimmed(mut words: Vec<u64>) -> IdSet {
        let used = words.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
        words.truncate(used);
        IdSet { words }
    }
}

impl FromIterator<u32> for IdSet {
    fn from_iter<I: IntoIterator<Item = u32>>(ids: I) -> Self {
        let mut set = IdSet::default();
        set.extend(ids);
        set
    }
}

impl Extend<u32> for IdSet {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, ids: I) {
        ids.into_iter().for_each(|id| self.insert(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_do_what_sorted_lists_do() {
        let random =
            |seed| crate::testing::random_words(200, seed).into_iter().map(|word| (word % 700) as u32);
        for seed in 0..5 {
            let (a, b): (Vec<u32>, Vec<u32>) = (random(seed).collect(), random(seed + 9).take(90).collect());
            let (set_a, set_b): (IdSet, IdSet) = (a.iter().copied().collect(), b.iter().copied().collect());
            let listed = |keep: &dyn Fn(&u32) -> bool| (0..700).filter(keep).collect::<Vec<u32>>();
            let same = |set: IdSet, keep: &dyn Fn(&u32) -> bool| {
                assert_eq!(set.iter().collect::<Vec<_>>(), listed(keep));
                assert_eq!((set.len(), set.is_empty()), (listed(keep).len(), listed(keep).is_empty()));
                assert_eq!(set, listed(keep).into_iter().collect(), "equal sets have equal words");
            };
            same(set_a.and(&set_b), &|id| a.contains(id) && b.contains(id));
            same(set_a.or(&set_b), &|id| a.contains(id) || b.contains(id));
            same(set_a.without(&set_b), &|id| a.contains(id) && !b.contains(id));
            same(set_a.without(&set_a), &|_| false);
            for first in [0, 1, 63, 64, 65, 640, 5000] {
                let bits = (0..64).filter(|bit| set_a.contains((first + bit) as u32));
                assert_eq!(set_a.word_from(first), bits.fold(0, |word, bit| word | 1 << bit));
            }
        }
    }
}
