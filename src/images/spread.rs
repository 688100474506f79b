//! Some of many, evenly spread.

/// At most `most` of the numbers below `n`, spread evenly.
pub fn spread(n: usize, most: usize) -> Vec<usize> {
    let count = n.min(most);
    (0..count).map(|i| i * n / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread_over_all() {
        assert_eq!(spread(10, 4), [0, 2, 5, 7]);
        assert_eq!(spread(10, 3), [0, 3, 6]);
        assert_eq!((spread(3, 4), spread(0, 4)), (vec![0, 1, 2], vec![]));
    }
}
