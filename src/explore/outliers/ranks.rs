//! Ranks: for each number, the share of all numbers that are smaller.

/// The share of the values that are smaller than each, 0 to 1; equal ones count half.
pub(super) fn ranks(values: &[f32]) -> Vec<f32> {
    let some: Vec<Option<f32>> = values.iter().copied().map(Some).collect();
    ranks_of_some(&some).into_iter().map(Option::unwrap_or_default).collect()
}

/// The same where values are missing: ranks among those there are.
pub(super) fn ranks_of_some(values: &[Option<f32>]) -> Vec<Option<f32>> {
    let mut order: Vec<(f32, usize)> =
        values.iter().enumerate().filter_map(|(at, value)| value.map(|value| (value, at))).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (n, mut ranks) = (order.len() as f64, vec![None; values.len()]);
    let mut smaller = 0;
    for equal in order.chunk_by(|a, b| a.0 == b.0) {
        let rank = ((smaller as f64 + (equal.len() - 1) as f64 / 2.0) / (n - 1.0).max(1.0)) as f32;
        equal.iter().for_each(|&(_, at)| ranks[at] = Some(rank));
        smaller += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_is_0_the_largest_1_and_equal_ones_share() {
        assert_eq!(ranks(&[5.0, 1.0, 9.0]), [0.5, 0.0, 1.0]);
        assert_eq!(ranks(&[2.0, 2.0, 7.0]), [0.25, 0.25, 1.0]);
        assert_eq!(ranks_of_some(&[Some(3.0), None, Some(1.0)]), [Some(1.0), None, Some(0.0)]);
        assert_eq!(ranks(&[4.0]), [0.0]);
        assert!(ranks(&[]).is_empty());
    }
}
