//! Marks that one sees through, such as the letters of a watermark: they alter no block by much, but many blocks in a
//! copy that is otherwise exact.
//!
//! Of 50 copies with letters half transparent, 38 have no more altered blocks than a good copy has. In each of these at
//! least one block in twenty differs by 16 times as much as the median one; in none of 300 copies of low quality, that
//! are blurred, scaled or turned a little, and in one of 50 cropped ones. Where light or shadow is clipped, blocks
//! differ as much, so these do not count.

use std::collections::BTreeSet;

use super::blocks::{Block, quantile, touching};
use super::layer::{Layer, Overlay};

/// A block is marked where it differs by so many times as much as the median block, and by so much at least; in a
/// copy whose median block differs by less than this.
const TIMES: f32 = 16.0;
const LEAST: f32 = 2.0;
const EXACT: f32 = 0.5;
/// The share of all blocks that is marked at least, and the share of these that lies together.
const SHARE: f32 = 0.05;
const TOGETHER: f32 = 0.5;
/// Levels at both ends that may be clipped, and the share of a block by which what is clipped in either differs.
const ENDS: f32 = 6.0;
const CLIPPED: f32 = 0.05;

/// Groups of marked blocks, by column and row, the largest first; none if there is no mark.
pub(super) fn marks(
    blocks: &[&Block],
    clipped: &BTreeSet<(usize, usize)>,
) -> Option<Vec<Vec<(usize, usize)>>> {
    let middle = quantile(blocks.iter().map(|block| block.difference()).collect(), 0.5);
    if middle >= EXACT {
        return None;
    }
    let is_marked = |block: &&&Block| {
        block.difference() > LEAST.max(TIMES * middle) && !clipped.contains(&(block.column, block.row))
    };
    let marked: Vec<(usize, usize)> =
        blocks.iter().filter(is_marked).map(|block| (block.column, block.row)).collect();
    let n = marked.len() as f32;
    let groups = touching(marked);
    let together = groups.first().map_or(0, Vec::len) as f32;
    (n > 0.0 && n >= SHARE * blocks.len() as f32 && together >= TOGETHER * n).then_some(groups)
}

/// Blocks, `side` pixels wide, in which one picture is clipped and the other is not.
pub(super) fn clipped(laid: &Overlay, side: usize) -> BTreeSet<(usize, usize)> {
    let (width, height) = (laid.ground.width, laid.ground.height);
    let share = |layer: &Layer, column: usize, row: usize| {
        let (mut n, mut ends) = (0, 0);
        for y in row * side..((row + 1) * side).min(height) {
            for at in y * width + column * side..y * width + ((column + 1) * side).min(width) {
                n += usize::from(laid.inside[at]);
                let is_end = layer.values[at] <= ENDS || layer.values[at] >= 255.0 - ENDS;
                ends += usize::from(laid.inside[at] && is_end);
            }
        }
        ends as f32 / n.max(1) as f32
    };
    let cells =
        (0..height.div_ceil(side)).flat_map(|row| (0..width.div_ceil(side)).map(move |column| (column, row)));
    let differs = |&(column, row): &(usize, usize)| {
        (share(&laid.ground, column, row) - share(&laid.other, column, row)).abs() > CLIPPED
    };
    cells.filter(differs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks, ten in a row, that differ by so much.
    fn blocks(differences: &[f32]) -> Vec<Block> {
        let block = |(number, difference): (usize, &f32)| {
            let likeness = 1.0 - difference / 200.0;
            Block { column: number % 10, row: number / 10, energies: (100.0, 100.0), likeness }
        };
        differences.iter().enumerate().map(block).collect()
    }

    #[test]
    fn a_mark_lies_together_in_an_exact_copy() {
        let found = |differences: &[f32], clipped: &[(usize, usize)]| {
            let blocks = blocks(differences);
            marks(&blocks.iter().collect::<Vec<_>>(), &clipped.iter().copied().collect())
        };
        let mut differences = [0.1; 100];
        assert_eq!(found(&differences, &[]), None);
        differences[43..50].fill(5.0);
        assert_eq!(found(&differences, &[]).map(|groups| groups[0].len()), Some(7));
        let light: Vec<(usize, usize)> = (3..10).map(|column| (column, 4)).collect();
        assert_eq!(found(&differences, &light), None, "clipped light is no mark");
        let poor = differences.map(|difference| difference * 20.0);
        assert_eq!(found(&poor, &[]), None, "a poor copy differs anyhow");
        let mut apart = [0.1; 100];
        (0..100).step_by(12).for_each(|at| apart[at] = 5.0);
        assert_eq!(found(&apart, &[]), None, "here and there");
    }
}
