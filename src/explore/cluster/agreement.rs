//! How well clusters and labels agree, from the number of images of each cluster with each label.

use serde::Serialize;

/// Agreement of a clustering with labels; all figures are from 0 to 1, but `ari` can be slightly negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Agreement {
    /// The share of the images that have the most frequent label of their cluster.
    pub purity: f64,
    /// Mutual information, normalized by the mean of both entropies.
    pub nmi: f64,
    /// Rand index adjusted for chance (Hubert and Arabie 1985).
    pub ari: f64,
    /// The share of the images that have the label of their cluster, with the best one-to-one matching of
    /// clusters and labels.
    pub accuracy: f64,
}

/// How many images of each cluster have each label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) counts: Vec<Vec<usize>>, // [clusters, labels]
}

impl Table {
    /// Counts the images with a label; those in no cluster are the last row.
    pub(super) fn new(clusters: &[Option<u32>], labels: &[Option<u32>], k: usize, n_labels: usize) -> Table {
        let mut counts = vec![vec![0; n_labels]; k + 1];
        for (cluster, label) in clusters.iter().zip(labels) {
            if let Some(label) = label {
                counts[cluster.map_or(k, |cluster| cluster as usize)][*label as usize] += 1;
            }
        }
        if counts.last().is_some_and(|none| none.iter().all(|&count| count == 0)) {
            counts.pop();
        }
        Table { counts }
    }

    /// Nothing if no image has a label.
    pub(super) fn agreement(&self) -> Option<Agreement> {
        let rows: Vec<f64> = self.counts.iter().map(|row| row.iter().sum::<usize>() as f64).collect();
        let n_labels = self.counts.first().map_or(0, Vec::len);
        let columns: Vec<f64> = (0..n_labels)
            .map(|label| self.counts.iter().map(|row| row[label]).sum::<usize>() as f64)
            .collect();
        let n: f64 = rows.iter().sum();
        if n == 0.0 {
            return None;
        }
        let entropy = |sizes: &[f64]| -> f64 {
            sizes.iter().filter(|&&size| size > 0.0).map(|size| -size / n * (size / n).ln()).sum()
        };
        let pairs = |size: f64| size * (size - 1.0) / 2.0;
        let (mut information, mut together) = (0.0, 0.0);
        for (row, counts) in rows.iter().zip(&self.counts) {
            for (column, &count) in columns.iter().zip(counts).filter(|(_, count)| **count > 0) {
                let count = count as f64;
                information += count / n * (count * n / (row * column)).ln();
                together += pairs(count);
            }
        }
        let mean_entropy = (entropy(&rows) + entropy(&columns)) / 2.0;
        let [in_rows, in_columns] =
            [&rows, &columns].map(|sizes| sizes.iter().map(|&s| pairs(s)).sum::<f64>());
        let by_chance = in_rows * in_columns / pairs(n).max(1.0);
        let most = (in_rows + in_columns) / 2.0;
        let purest: usize = self.counts.iter().filter_map(|row| row.iter().max()).sum();
        Some(Agreement {
            purity: purest as f64 / n,
            // both have one group: they agree
            nmi: if mean_entropy > 0.0 { (information / mean_entropy).clamp(0.0, 1.0) } else { 1.0 },
            ari: if most > by_chance { (together - by_chance) / (most - by_chance) } else { 1.0 },
            accuracy: matched(&self.counts) as f64 / n,
        })
    }
}

/// The largest sum of counts with at most one from each row and column: the Hungarian method with potentials
/// (Kuhn 1955, Munkres 1957), in O(rows^2 columns).
fn matched(counts: &[Vec<usize>]) -> usize {
    let (n_rows, n_columns) = (counts.len(), counts.first().map_or(0, Vec::len));
    let flipped = n_rows > n_columns;
    let (n, m) = if flipped { (n_columns, n_rows) } else { (n_rows, n_columns) };
    let count =
        |row: usize, column: usize| if flipped { counts[column][row] } else { counts[row][column] } as i64;
    // Rows and columns count from 1; column 0 holds the row that is being placed. Costs are negative counts.
    let (mut of_row, mut of_column) = (vec![0i64; n + 1], vec![0i64; m + 1]);
    let mut row_at = vec![0usize; m + 1];
    for row in 1..=n {
        row_at[0] = row;
        let (mut column, mut least, mut came_from) = (0, vec![i64::MAX; m + 1], vec![0usize; m + 1]);
        let mut visited = vec![false; m + 1];
        while row_at[column] != 0 {
            visited[column] = true;
            let (current, mut step, mut next) = (row_at[column], i64::MAX, 0);
            for to in (1..=m).filter(|&to| !visited[to]) {
                let reduced = -count(current - 1, to - 1) - of_row[current] - of_column[to];
                if reduced < least[to] {
                    (least[to], came_from[to]) = (reduced, column);
                }
                if least[to] < step {
                    (step, next) = (least[to], to);
                }
            }
            for to in 0..=m {
                if visited[to] {
                    of_row[row_at[to]] += step;
                    of_column[to] -= step;
                } else {
                    least[to] = least[to].saturating_sub(step);
                }
            }
            column = next;
        }
        while column != 0 {
            row_at[column] = row_at[came_from[column]];
            column = came_from[column];
        }
    }
    (1..=m)
        .filter(|&column| row_at[column] != 0)
        .map(|column| count(row_at[column] - 1, column - 1) as usize)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn table(clusters: &[u32], labels: &[u32]) -> Table {
        let some = |all: &[u32]| all.iter().map(|&one| Some(one)).collect::<Vec<_>>();
        let largest = |all: &[u32]| all.iter().max().map_or(0, |&most| most as usize + 1);
        Table::new(&some(clusters), &some(labels), largest(clusters), largest(labels))
    }

    #[test]
    fn figures_are_those_of_scikit_learn() {
        // normalized_mutual_info_score, adjusted_rand_score of scikit-learn 1.9
        let found =
            table(&[0, 0, 0, 1, 1, 1, 2, 2, 2, 2], &[0, 0, 1, 1, 1, 2, 2, 2, 2, 0]).agreement().unwrap();
        assert!((found.nmi - 0.442_701_283).abs() < 1e-8, "{found:?}");
        assert!((found.ari - 0.204_545_454_5).abs() < 1e-9, "{found:?}");
        assert_eq!((found.purity, found.accuracy), (0.7, 0.7));
    }

    #[test]
    fn what_agrees_agrees_under_any_numbers() {
        let all = table(&[2, 2, 0, 0, 1], &[0, 0, 1, 1, 2]).agreement().unwrap();
        assert_eq!((all.purity, all.accuracy), (1.0, 1.0));
        assert!((all.nmi - 1.0).abs() < 1e-12 && (all.ari - 1.0).abs() < 1e-12);
        let one = table(&[0, 0, 0], &[0, 0, 0]).agreement().unwrap();
        assert_eq!((one.nmi, one.ari, one.accuracy), (1.0, 1.0, 1.0));
        assert_eq!(Table::new(&[Some(0)], &[None], 1, 3).agreement(), None);
    }

    #[test]
    fn images_without_cluster_are_a_cluster_of_their_own() {
        let found = Table::new(&[Some(0), None, None], &[Some(0), Some(1), Some(1)], 1, 2);
        assert_eq!(found.counts, [[1, 0], [0, 2]]);
    }

    #[test]
    fn the_best_matching_is_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for (n, m) in [(1, 1), (2, 5), (5, 3), (4, 4), (6, 6), (7, 2)] {
            let counts: Vec<Vec<usize>> =
                (0..n).map(|_| (0..m).map(|_| rng.random_range(0..20)).collect()).collect();
            assert_eq!(matched(&counts), brute(&counts, 0, &mut vec![false; m]), "{counts:?}");
        }
    }

    /// Tries all matchings; a row may stay unmatched.
    fn brute(counts: &[Vec<usize>], row: usize, used: &mut Vec<bool>) -> usize {
        if row == counts.len() {
            return 0;
        }
        let mut best = brute(counts, row + 1, used);
        for column in 0..used.len() {
            if !used[column] {
                used[column] = true;
                best = best.max(counts[row][column] + brute(counts, row + 1, used));
                used[column] = false;
            }
        }
        best
    }
}
