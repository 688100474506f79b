//! What all sheets have in common: paper, polarities, margins, the size of the text.

use super::canvas::{Colour, Pen};

pub(crate) const PAPER: Colour = [250, 249, 246];
pub(crate) const INK: Colour = [32, 35, 40];
pub(crate) const FAINT: Colour = [112, 116, 124];
pub(crate) const RULE: Colour = [222, 220, 214];
pub(crate) const BLUE: Colour = [52, 104, 192];
pub(crate) const GREEN: Colour = [38, 148, 84];
pub(crate) const RED: Colour = [205, 72, 52];

/// Around a sheet, in pixels.
pub(crate) const MARGIN: usize = 28;
/// Between the parts of a sheet.
pub(crate) const GAP: usize = 22;
/// Scale of the font.
pub(crate) const TEXT: usize = 2;
/// Height of a line of text with its air.
pub(crate) const LINE: usize = 22;

/// For what is to be read first.
pub(crate) const STRONG: Pen = Pen { scale: TEXT, colour: INK };
/// For what explains it.
pub(crate) const WEAK: Pen = Pen { scale: TEXT, colour: FAINT };
