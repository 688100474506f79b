//! What all sheets have in common: colours, margins, the size of the text, a heading.

use super::canvas::{Canvas, Colour, Pen};

pub(crate) const PAPER: Colour = [250, 249, 246];
pub(crate) const INK: Colour = [32, 35, 40];
pub(crate) const FAINT: Colour = [98, 102, 110];
pub(crate) const RULE: Colour = [222, 220, 214];
pub(crate) const BLUE: Colour = [52, 104, 192];
pub(crate) const GREEN: Colour = [38, 148, 84];
pub(crate) const RED: Colour = [205, 72, 52];

/// Around a sheet, in pixels.
pub(crate) const MARGIN: usize = 28;
/// Between the parts of a sheet.
pub(crate) const GAP: usize = 22;
/// Size of the text, in pixels.
pub(crate) const TEXT: f32 = 14.0;
/// Height of a line of text with its air.
pub(crate) const LINE: usize = 22;

/// For the title of a sheet.
pub(crate) const TITLE: Pen = Pen { size: 18.0, colour: INK };
/// For what is to be read first.
pub(crate) const STRONG: Pen = Pen { size: TEXT, colour: INK };
/// For what explains it.
pub(crate) const WEAK: Pen = Pen { size: TEXT, colour: FAINT };

/// From the top of a sheet's heading to what stands below it.
pub(crate) const HEADING: usize = 3 * LINE;

/// Writes the title of a sheet and the line below it. `shorten` makes them fit: `headed` or `fitted`.
pub(crate) fn heading(canvas: &mut Canvas, title: [&str; 2], shorten: impl Fn(&str, f32, usize) -> String) {
    let width = canvas.width().saturating_sub(2 * MARGIN);
    for (text, pen, y) in [(title[0], TITLE, MARGIN), (title[1], WEAK, MARGIN + LINE + 2)] {
        canvas.text((MARGIN, y), &shorten(text, pen.size, width), pen);
    }
}
