//! What local features found about a pair of pictures, and its bytes.

use super::fingerprint::Turn;
use super::local::{Beside, Likeness, Region, Verified};
use super::plan::GroupKind;

/// What local features tell of a pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Finding {
    /// [`GroupKind::Near`], `Edited` or `Related`; none for strangers, or if too few features tell.
    pub(super) kind: Option<GroupKind>,
    /// The share of what was compared that agrees, 0 to 1.
    pub(super) agreement: f32,
    /// How the first has to be turned to lie as the second does.
    pub(super) turn: Turn,
    /// Corners of both that look the same and lie alike.
    pub(super) inliers: u16,
    /// Whether all of the picture agrees so well that few of them suffice.
    pub(super) all_agree: bool,
    /// Where they differ, in the first and in the second: left, top, right, bottom, 0 to 1.
    pub(super) regions: Option<[[f32; 4]; 2]>,
    /// What the first and the second show beside what both have.
    pub(super) beside: [Beside; 2],
    /// Whether something is laid over the first, or over the second; neither if nothing tells.
    pub(super) marked: [bool; 2],
}

/// What may lie beside, in the order of its codes.
const BESIDE: [Beside; 4] = [Beside::Nothing, Beside::Plain, Beside::Picture, Beside::Frame];

impl Finding {
    /// What was verified.
    pub(super) fn of(verified: &Verified) -> Finding {
        let kind = match verified.likeness {
            Likeness::Near => Some(GroupKind::Near),
            Likeness::Edited => Some(GroupKind::Edited),
            Likeness::Related => Some(GroupKind::Related),
            Likeness::Different => None,
        };
        // the turns that bring the second back, the other way around
        let quarters =
            if verified.mirrored { verified.quarter_turns } else { 4 - verified.quarter_turns } % 4;
        let sides = |region: &Region| [region.left, region.top, region.right, region.bottom];
        Finding {
            kind,
            agreement: verified.agreeing,
            inliers: verified.inliers as u16, // of at most 400 corners
            all_agree: verified.all_agree,
            turn: Turn { mirrored: verified.mirrored, quarters },
            regions: verified.differing.first().map(|boxes| boxes.each_ref().map(sides)),
            beside: verified.beside,
            marked: verified.marked,
        }
    }

    /// Whether it counts, if so many inliers do.
    pub(super) fn counts(&self, enough: usize) -> bool {
        self.all_agree || usize::from(self.inliers) >= enough
    }

    /// Its bytes, as [`Finding::from_bytes`] reads them.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let kind = self.kind.and_then(|kind| GroupKind::ALL.iter().position(|other| *other == kind));
        let mut bytes = vec![kind.map_or(0, |at| at as u8 + 1), code_of(self.turn)];
        bytes.extend(self.agreement.to_le_bytes());
        bytes.extend(self.inliers.to_le_bytes());
        let [first, second] = self.beside.map(|of| BESIDE.iter().position(|other| *other == of));
        let beside = (first.unwrap_or(0) | second.unwrap_or(0) << 2) as u8;
        let [first, second] = self.marked.map(u8::from);
        let whole = u8::from(self.all_agree) << 1 | u8::from(self.regions.is_some());
        bytes.push(second << 7 | first << 6 | beside << 2 | whole);
        let sides = self.regions.iter().flat_map(|regions| regions.as_flattened());
        bytes.extend(sides.flat_map(|side| side.to_le_bytes()));
        bytes
    }

    /// Reads one from the beginning of some bytes, which it removes; none if they are no finding.
    pub(super) fn from_bytes(bytes: &mut &[u8]) -> Option<Finding> {
        let [kind, turn] = take(bytes)?;
        let kind = match kind {
            0 => None,
            at => Some(*GroupKind::ALL.get(usize::from(at) - 1)?),
        };
        let agreement = f32::from_le_bytes(take(bytes)?);
        let inliers = u16::from_le_bytes(take(bytes)?);
        let [flags] = take(bytes)?;
        let beside = [2, 4].map(|shift| BESIDE[usize::from(flags >> shift & 3)]);
        let marked = [6, 7].map(|shift| flags >> shift & 1 == 1);
        let regions = match flags & 1 {
            0 => None,
            _ => {
                let sides: [u8; 32] = take(bytes)?;
                let sides: [f32; 8] = std::array::from_fn(|i| {
                    f32::from_le_bytes(std::array::from_fn(|byte| sides[4 * i + byte]))
                });
                sides.iter().all(|side| (0.0..=1.0).contains(side)).then_some(())?;
                Some(std::array::from_fn(|picture| std::array::from_fn(|i| sides[4 * picture + i])))
            }
        };
        let turn = Turn { mirrored: turn & 4 != 0, quarters: turn & 3 };
        Some(Finding { kind, agreement, turn, inliers, all_agree: flags & 2 != 0, regions, beside, marked })
    }
}

/// The bytes of a turn.
pub(super) fn code_of(turn: Turn) -> u8 {
    (u8::from(turn.mirrored) << 2) | (turn.quarters % 4)
}

/// The first bytes, which are removed; none if there are not as many.
pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}
