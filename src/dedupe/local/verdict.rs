//! What the blocks of an overlap say about two pictures.
//!
//! A copy differs from its original a little everywhere, by about as much in every block, and by much only
//! where something was changed. Two shots of a scene, two forms and two pages of a kind agree in some blocks
//! and differ in many.

use std::collections::BTreeSet;

use super::blocks::{Block, quantile, touching};
use super::marks::marks;

/// Mean square of the gradients from which a block says something: at least, and as a share of the mean.
const STRUCTURE: f32 = 3.0;
const STRUCTURE_SHARE: f32 = 0.05;
/// Blocks with structure from which anything is said.
const FEWEST: usize = 12;
/// Inliers without which nothing is compared, and those without which all must agree.
pub(super) const INLIERS: usize = 5;
pub(super) const SURE_INLIERS: usize = 8;

/// A block differs when it is less alike than this, and unlike several times as much as the median block.
const UNLIKE: f32 = 0.5;
const NOISE: f32 = 4.0;
/// It is altered, as by a mark that one sees through, when it is less alike than the median block by far.
const ALTERED: f32 = 0.12;
const ALTERED_BY: f32 = 6.0;
/// Blocks this alike agree.
const ALIKE: f32 = 0.6;

/// Likeness of the median block, and of nine in ten of the well structured ones that are left: of a copy that
/// was scaled down until detail was lost, of one of low quality, of a good one, and of one that is exact but for
/// what was altered.
const LOST: (f32, f32) = (0.7, 0.55);
const POOR: (f32, f32) = (0.75, 0.75);
const TIGHT: (f32, f32) = (0.8, 0.8);
const EXACT: (f32, f32) = (0.98, 0.95);
/// Softenings of the sharper picture from which the other one has lost detail.
const SOFTENINGS: usize = 4;
/// The share of blocks that may be altered in a picture that is near, in one that is edited, and in one that is
/// exact but for these.
const FEW: f32 = 0.02;
const PART: f32 = 0.2;
const EXACT_PART: f32 = 0.3;
/// The share that may be altered where the median block is less alike than this: two shots of one scene differ a little
/// everywhere, and much in parts.
const CLEAR: f32 = 0.95;
const SMALL_PART: f32 = 0.1;
/// The share of the altered blocks that lies together, and of all blocks that may neither agree nor be altered.
const TOGETHER: f32 = 0.9;
const WEAK: f32 = 0.2;
/// The share of both pictures that the overlap of near ones covers, the share where detail is lost, and the
/// share of one of them that the overlap of edited ones covers.
const NEAR: f32 = 0.6;
const WHOLE: f32 = 0.85;
const ONE_WHOLE: f32 = 0.8;
/// Blocks that agree in pictures that are related.
const SOME: f32 = 0.1;

/// What one picture is to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// The same picture as a whole: at another size, quality or tone, slightly cropped or turned.
    Near,
    /// The same picture, with a part that was changed, added or cut away.
    Edited,
    /// They share much, but differ in content: a burst, a form filled in anew, packs of a brand.
    Related,
    /// They have nothing to do with each other, as far as can be seen.
    Different,
}

/// The blocks of two pictures, weighed.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) likeness: Likeness,
    /// Blocks with structure.
    pub(super) structured: usize,
    /// The share of them that agree.
    pub(super) agreeing: f32,
    /// Groups of blocks that differ or are altered, by column and row; those of a group touch.
    pub(super) altered: Vec<Vec<(usize, usize)>>,
    /// Whether all blocks agree so well that few inliers suffice.
    pub(super) all_agree: bool,
}

/// How alike the blocks are.
struct Agreement {
    /// The median block.
    middle: f32,
    /// The worst but a tenth of the well structured ones that are not altered.
    worst: f32,
    /// Shares of blocks that are altered, that are so in the largest group, and that neither are nor agree.
    altered: f32,
    together: f32,
    weak: f32,
}

impl Agreement {
    fn is_whole(&self) -> bool {
        self.altered <= FEW
    }

    fn reaches(&self, wanted: (f32, f32)) -> bool {
        self.middle >= wanted.0 && self.worst >= wanted.1
    }
}

/// What is known of two pictures beside the blocks.
pub(super) struct Evidence {
    /// Blocks, by column and row, in which only one of both is clipped.
    pub(super) clipped: BTreeSet<(usize, usize)>,
    pub(super) inliers: usize,
    /// How often the sharper picture was softened.
    pub(super) softenings: usize,
    /// The share of each picture that the overlap covers.
    pub(super) covered: [f32; 2],
    /// Whether what lies beside the overlap was added to a picture, such as a border.
    pub(super) has_frame: bool,
}

/// Weighs the blocks of an overlap.
pub(super) fn judge(blocks: &[Block], evidence: &Evidence) -> Judged {
    let energy = |block: &Block| block.energies.0.max(block.energies.1);
    let mean = blocks.iter().map(energy).sum::<f32>() / blocks.len().max(1) as f32;
    let floor = STRUCTURE.max(STRUCTURE_SHARE * mean);
    let seen: Vec<&Block> = blocks.iter().filter(|block| energy(block) > floor).collect();
    let share = |count: usize| count as f32 / seen.len().max(1) as f32;
    let agreeing = share(seen.iter().filter(|block| block.likeness >= ALIKE).count());
    let (likeness, structured, altered) = (Likeness::Different, seen.len(), Vec::new());
    let mut judged = Judged { likeness, structured, agreeing, altered, all_agree: false };
    if seen.len() >= FEWEST {
        let middle = quantile(seen.iter().map(|block| block.likeness).collect(), 0.5);
        let noise = NOISE * quantile(seen.iter().map(|block| block.difference()).collect(), 0.5);
        let differs = |block: &Block| block.likeness < UNLIKE && block.difference() > noise.max(floor);
        let doubtful = (1.0 - ALTERED).min(1.0 - ALTERED_BY * (1.0 - middle));
        let is_altered = |block: &Block| {
            differs(block) || block.likeness < doubtful && block.difference() > noise.max(floor)
        };
        let strong = quantile(seen.iter().map(|block| energy(block)).collect(), 0.5);
        let rest = seen.iter().filter(|block| energy(block) >= strong && !is_altered(block));
        let worst = quantile(rest.map(|block| block.likeness).collect(), 0.1);
        let weak = seen.iter().filter(|block| block.likeness < ALIKE && !is_altered(block)).count();
        let altered = seen.iter().filter(|block| is_altered(block));
        judged.altered = touching(altered.map(|block| (block.column, block.row)).collect());
        let sizes = || judged.altered.iter().map(Vec::len);
        let agreement = Agreement {
            middle,
            worst,
            altered: share(sizes().sum()),
            together: share(sizes().max().unwrap_or(0)),
            weak: share(weak),
        };
        judged.all_agree = agreement.is_whole() && agreement.reaches(TIGHT);
        judged.likeness = self::likeness(&agreement, evidence);
        if judged.likeness == Likeness::Near
            && let Some(marks) = marks(&seen, &evidence.clipped)
        {
            (judged.likeness, judged.altered) = (Likeness::Edited, marks);
        }
    }
    if judged.likeness == Likeness::Different && evidence.inliers >= SURE_INLIERS && agreeing >= SOME {
        judged.likeness = Likeness::Related;
    }
    judged
}

fn likeness(found: &Agreement, evidence: &Evidence) -> Likeness {
    let reaches = |wanted| found.reaches(wanted);
    let covered = evidence.covered[0].min(evidence.covered[1]);
    let most = evidence.covered[0].max(evidence.covered[1]);
    let is_whole = found.is_whole();
    if evidence.inliers < SURE_INLIERS && !(is_whole && reaches(TIGHT)) {
        return Likeness::Different;
    }
    if is_whole && !evidence.has_frame {
        let has_lost = evidence.softenings >= SOFTENINGS;
        let is_poor_copy = covered >= WHOLE && reaches(if has_lost { LOST } else { POOR });
        if is_poor_copy || covered >= NEAR && reaches(TIGHT) {
            return Likeness::Near;
        }
    }
    let part = if found.middle >= CLEAR { PART } else { SMALL_PART };
    let is_one_part = found.altered <= part && found.together >= TOGETHER * found.altered;
    let is_edited = reaches(TIGHT) && (is_whole || is_one_part) && found.weak <= WEAK
        || reaches(EXACT) && found.altered <= EXACT_PART;
    if is_edited && most >= ONE_WHOLE { Likeness::Edited } else { Likeness::Different }
}
