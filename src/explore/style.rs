//! What all sheets have in common: paper, inks, margins, the size of the text.

use super::canvas::{Colour, Pen};

pub(super) const PAPER: Colour = [250, 249, 246];
pub(super) const INK: Colour = [32, 35, 40];
pub(super) const FAINT: Colour = [112, 116, 124];
pub(super) const RULE: Colour = [222, 220, 214];
pub(super) const BLUE: Colour = [52, 104, 192];
pub(super) const GREEN: Colour = [38, 148, 84];
pub(super) const RED: Colour = [205, 72, 52];

/// Around a sheet, in pixels.
pub(super) const MARGIN: usize = 28;
/// Between the parts of a sheet.
pub(super) const GAP: usize = 22;
/// Scale of the font.
pub(super) const TEXT: usize = 2;
/// Height of a line of text with its air.
pub(super) const LINE: usize = 22;

/// For what is to be read first.
pub(super) const STRONG: Pen = Pen { scale: TEXT, colour: INK };
/// For what explains it.
pub(super) const WEAK: Pen = Pen { scale: TEXT, colour: FAINT };
