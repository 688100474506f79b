//! Every kernel beside its naive twin, for every instruction set this processor has, at the sizes where things break.
//!
//! The set is passed along, never chosen for the process: tests run side by side.

use proptest::prelude::*;

use super::*;
use crate::testing::random_words;
use crate::top::{ByCode, First, Nearest};

fn naive(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (0..64).filter(|i| (a ^ b) >> i & 1 == 1).count() as u32).sum()
}

/// A sink whose bound never moves.
#[derive(Debug, Clone, PartialEq)]
struct All(u32, Vec<(usize, u32)>);
impl Sink for All {
    fn bound(&self) -> u32 {
        self.0
    }
    fn push(&mut self, index: usize, distance: u32) {
        self.1.push((index, distance));
    }
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), Just(1), Just(63), Just(64), Just(65), Just(127), 0usize..200]
}

proptest! {
    #[test]
    fn every_kernel_calls_the_sink_as_the_naive_loop_does(
        n in sizes(), words in 1usize..=4, seed in any::<u64>(), bound in 0u32..=257, k in 1usize..20,
    ) {
        let random = random_words(n * words + words, seed);
        let (query, codes) = random.split_at(words);
        let expected: Vec<_> = codes
            .chunks_exact(words)
            .map(|code| naive(code, query))
            .enumerate()
            .filter(|&(_, d)| d < bound)
            .collect();
        let mut sorted: Vec<_> = codes.chunks_exact(words).map(|code| naive(code, query)).zip(0u32..).collect();
        sorted.sort_unstable();
        for isa in Isa::available() {
            let mut all = All(bound, Vec::new());
            scan_with(isa, codes, query, &mut all);
            prop_assert_eq!(&all.1, &expected, "{:?}", isa);

            let mut nearest = Nearest::new(k, 256);
            scan_with(isa, codes, query, &mut ByCode(&mut nearest));
            let mut kept = nearest.finish();
            kept.sort_unstable();
            let last = sorted.get(k - 1).map_or(256, |last| last.0);
            let wanted: Vec<_> = sorted.iter().copied().filter(|&(d, _)| d <= last).collect();
            prop_assert_eq!(&kept, &wanted, "{:?}", isa);

            let mut first = First::new();
            scan_with(isa, codes, query, &mut first);
            if let Some(&(d, i)) = sorted.first() {
                prop_assert_eq!((first.distance, first.index), (d, i as usize), "{:?}", isa);
            }
        }
    }

    #[test]
    fn gather_and_distance_equal_the_naive_loop(n in sizes(), words in 1usize..=4, seed in any::<u64>()) {
        let random = random_words(n * words + words, seed);
        let (query, codes) = random.split_at(words);
        let ids: Vec<u32> = (0..n as u32 + 2).rev().collect();
        let expected: Vec<u32> = ids
            .iter()
            .map(|&i| codes.chunks_exact(words).nth(i as usize).map_or(u32::MAX, |code| naive(code, query)))
            .collect();
        for isa in Isa::available() {
            let mut out = vec![7];
            gather_with(isa, codes, &ids, query, &mut out);
            prop_assert_eq!(&out, &expected, "{:?}", isa);
            for code in codes.chunks_exact(words) {
                prop_assert_eq!(distance_with(isa, code, query), naive(code, query), "{:?}", isa);
            }
        }
        let mut out = vec![7];
        gather(codes, &ids, query, &mut out);
        prop_assert_eq!(&out, &expected);
    }

    #[test]
    fn dot_products_are_exact_at_the_extremes(
        n in prop_oneof![sizes(), 500usize..600], seed in any::<u64>(), extreme in any::<bool>(),
    ) {
        let random = random_words(n * 5, seed);
        let query: Vec<i16> = random[..n].iter().map(|&r| if extreme { i16::MIN } else { r as i16 }).collect();
        let values: Vec<i8> = random[n..2 * n].iter().map(|&r| if extreme { i8::MIN } else { r as i8 }).collect();
        let dot = query.iter().zip(&values).map(|(&q, &v)| i64::from(q) * i64::from(v)).sum();
        let square = values.iter().map(|&v| i64::from(v) * i64::from(v)).sum();
        for isa in Isa::available() {
            prop_assert_eq!(dot_and_square_with(isa, &query, &values), (dot, square), "{:?}", isa);
        }
        prop_assert_eq!(dot_and_square(&query, &values), (dot, square));
    }
}

#[test]
fn codes_of_no_words_and_of_too_many_are_not_scanned() {
    for words in [0, 5] {
        let mut all = All(257, Vec::new());
        scan(&[0; 10], &vec![0; words], &mut all);
        assert!(all.1.is_empty());
    }
}
