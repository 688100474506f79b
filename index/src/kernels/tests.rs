//! Every kernel beside its naive twin, for every instruction set this processor has, at the sizes where
//! things break.
//!
//! The set is passed along, never chosen for the process: tests run side by side.

use proptest::prelude::*;

use super::dispatch::{distance_with, distances_with, dot_and_square_with, gather_with, scan_with};
use super::isa::Kind;
use super::many::scan_many_with;
use super::*;
use crate::testing::random_words;
use crate::top::{ByCode, TopK};

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

/// A sink that writes down all calls on their way to `TopK`.
#[derive(Debug)]
struct Calls(TopK, Vec<(usize, u32)>);
impl Sink for Calls {
    fn bound(&self) -> u32 {
        self.0.bound()
    }
    fn push(&mut self, index: usize, distance: u32) {
        self.0.push(index as u32, distance, 1);
        self.1.push((index, distance));
    }
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), Just(1), Just(63), Just(64), Just(65), Just(127), 0usize..200]
}

/// Random codes, of which some are the inverse of the first, at the greatest distance.
fn codes_with_extremes(n: usize, words: usize, seed: u64) -> Vec<u64> {
    let mut codes = random_words(n * words, seed);
    for i in (words..n * words).filter(|i| i / words % 5 == 3) {
        codes[i] = !codes[i % words];
    }
    codes
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
        let in_order: Vec<u16> = codes.chunks_exact(words).map(|code| naive(code, query) as u16).collect();
        for isa in Isa::available() {
            let mut all = All(bound, Vec::new());
            scan_with(isa, codes, query, &mut all);
            prop_assert_eq!(&all.1, &expected, "{:?}", isa);
            let mut out = vec![7];
            distances_with(isa, codes, query, &mut out);
            prop_assert_eq!(&out, &in_order, "{:?}", isa);

            let mut nearest = TopK::new(k, 256);
            scan_with(isa, codes, query, &mut ByCode::new(&mut nearest));
            let kept = nearest.finish();
            kept.sort_unstable();
            let last = sorted.get(k - 1).map_or(256, |last| last.0);
            let wanted: Vec<_> = sorted.iter().copied().filter(|&(d, _)| d <= last).collect();
            prop_assert_eq!(&*kept, &wanted, "{:?}", isa);

            let mut first = First::new();
            scan_with(isa, codes, query, &mut first);
            if let Some(&(d, i)) = sorted.first() {
                prop_assert_eq!((first.distance, first.index), (d, i as usize), "{:?}", isa);
            }
        }
    }

    #[test]
    fn near_codes_among_unlike_ones_are_pushed_under_a_tight_bound(
        n in prop_oneof![sizes(), 200usize..400],
        words in 1usize..=4,
        seed in any::<u64>(),
        bound in 0u32..=45,
        every in 1usize..80,
    ) {
        let mut codes = random_words(n * words + words, seed);
        let query = codes.split_off(n * words);
        let flips = random_words(n * words, !seed);
        for (i, code) in codes.chunks_exact_mut(words).enumerate().filter(|(i, _)| i % every == 0) {
            for (w, word) in code.iter_mut().enumerate() {
                // often equal in the words that are looked at first, near or not in the others
                let flips = flips[i * words + w] & flips[(i + 1) * words % flips.len()];
                *word = if (i / every + w).is_multiple_of(2) { query[w] } else { query[w] ^ flips };
            }
        }
        let expected: Vec<_> = codes
            .chunks_exact(words)
            .map(|code| naive(code, &query))
            .enumerate()
            .filter(|&(_, d)| d < bound)
            .collect();
        for isa in Isa::available() {
            let mut all = All(bound, Vec::new());
            scan_with(isa, &codes, &query, &mut all);
            prop_assert_eq!(&all.1, &expected, "{:?}", isa);
        }
    }

    #[test]
    fn many_queries_make_the_calls_of_as_many_scans(
        n in prop_oneof![sizes(), Just(128), Just(129), 500usize..1500],
        q in prop_oneof![0usize..30, 126usize..132],
        words in 1usize..=4,
        seed in any::<u64>(),
        k in 0usize..20,
    ) {
        let codes = codes_with_extremes(n, words, seed);
        let mut queries = random_words(q * words, !seed);
        let from_codes = codes.len().min(queries.len()).min(words); // a query that is a code, with its inverses
        queries[..from_codes].copy_from_slice(&codes[..from_codes]);
        let mut expected: Vec<_> = (0..q).map(|i| Calls(TopK::new((k + i) % 20, 256), Vec::new())).collect();
        for (query, sink) in queries.chunks_exact(words).zip(&mut expected) {
            scan_with(Isa(Kind::Scalar), &codes, query, sink);
        }
        for isa in Isa::available() {
            let mut sinks: Vec<_> = (0..q).map(|i| Calls(TopK::new((k + i) % 20, 256), Vec::new())).collect();
            scan_many_with(isa, &codes, &queries, &mut sinks);
            for (sink, expected) in sinks.iter().zip(&expected) {
                prop_assert_eq!(&sink.1, &expected.1, "{:?}", isa);
            }
        }
    }

    #[test]
    fn codes_of_a_block_are_near_as_the_naive_loop_says(
        n in prop_oneof![Just(1), Just(63), Just(64), Just(65), Just(127), Just(128), 1usize..=128],
        words in 1usize..=4,
        seed in any::<u64>(),
        limits in prop_oneof![Just((0, 0)), Just((254, 1)), Just((255, 0)), (0u8..=100, 0u8..=1)],
        wanted in any::<u128>(),
    ) {
        let codes = codes_with_extremes(n, words, seed);
        let wanted = wanted & u128::MAX >> (BLOCK - n);
        let limits: [u8; BLOCK] = std::array::from_fn(|i| limits.0 + limits.1 * (i % 2) as u8);
        let queries = Queries { codes: &codes, wanted, limits: &limits };
        let distances = |query: &[u64]| -> Vec<u8> {
            codes.chunks_exact(words).map(|code| naive(code, query).min(255) as u8).collect()
        };
        for isa in Isa::available() {
            let mut found = Vec::new();
            Blocks::new(isa, &codes, words).near(0, queries, |i, near| found.push((i, near.clone())));
            let mut found = found.into_iter().peekable();
            for (i, query) in codes.chunks_exact(words).enumerate().filter(|(i, _)| wanted >> i & 1 == 1) {
                let distances = distances(query); // its own is 0, so each is found
                let (j, near) = found.next().unwrap();
                prop_assert_eq!(j, i, "{:?}", isa);
                for (code, &distance) in distances.iter().enumerate() {
                    prop_assert_eq!(near.codes >> code & 1 == 1, distance <= limits[i], "{:?}", isa);
                    if distance <= limits[i] {
                        prop_assert_eq!(near.distances[code], distance, "{:?}", isa);
                    }
                }
                prop_assert_eq!(near.codes & !(u128::MAX >> (BLOCK - n)), 0, "{:?}", isa);
            }
            prop_assert!(found.peek().is_none(), "{:?}", isa);
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
        let mut sinks = [all.clone(), all];
        scan_many(&[0; 10], &vec![0; 2 * words], &mut sinks);
        assert!(sinks.iter().all(|sink| sink.1.is_empty()));
    }
}
