//! Contact sheets: each query large at the left, its neighbours in rank order in a grid beside it, captions
//! below them.
//!
//! RowLayout only; what the captions say is the caller's. One picture in memory: about 1 MB for each query
//! with ten neighbours.

use super::canvas::{Area, Canvas, Colour, Pen};
use super::style::{BLUE, FAINT, GAP, GREEN, INK, LINE, MARGIN, PAPER, RED, RULE, TEXT, TITLE, WEAK};
use super::text::{column_width, fitted, headed, shortened, text_height, text_width};
use crate::images::Pixels;

/// A query and what was found for it.
#[derive(Debug, Clone)]
pub struct SheetRow {
    /// Heading of the row, such as the query's path.
    pub title: String,
    /// The query.
    pub image: Pixels,
    /// The neighbours, nearest first.
    pub cells: Vec<Cell>,
}

/// One neighbour.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The neighbour's image.
    pub image: Pixels,
    /// Lines below the image, the first one in stronger ink.
    pub caption: Vec<String>,
    /// What the frame says about it.
    pub frame: Frame,
}

/// What is known of a neighbour beside its rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Frame {
    /// Nothing: a thin grey frame.
    #[default]
    Plain,
    /// It has the query's label: green.
    Agrees,
    /// It has another label: red.
    Differs,
}

/// Neighbours side by side.
const COLUMNS: usize = 5;
/// Side of a neighbour's image: five times 28, and the box that any other image is fitted into.
const THUMB: usize = 140;
/// Side of the query's image, the largest.
pub const LARGE: usize = 2 * THUMB;
/// From an image to the middle of its frame, and the frame's own thickness.
const FRAME: usize = 3;
/// From an image to its captions: the frame and some air.
const ABOVE: usize = 4 * FRAME;
/// A caption wider than so many digits is cut.
const CAPTION: usize = 18;

/// Where things are, the same for all rows.
struct RowLayout {
    /// Width of a column: an image, or the widest caption.
    pitch: usize,
    /// Columns in use.
    columns: usize,
    /// Height of one line of neighbours with its captions.
    line: usize,
}

impl RowLayout {
    fn of(rows: &[SheetRow]) -> Self {
        let cells = || rows.iter().flat_map(|row| &row.cells);
        let longest = cells().flat_map(|cell| &cell.caption).map(|line| text_width(line, TEXT)).max();
        let caption = longest.unwrap_or(0).min(column_width(CAPTION, TEXT));
        let lines = cells().map(|cell| cell.caption.len()).max().unwrap_or(0);
        RowLayout {
            pitch: THUMB.max(caption) + GAP,
            columns: rows.iter().map(|row| row.cells.len()).max().unwrap_or(0).min(COLUMNS),
            line: THUMB + ABOVE + lines * LINE + GAP,
        }
    }

    fn width(&self) -> usize {
        let grid = if self.columns > 0 { 2 * GAP + self.columns * self.pitch - GAP } else { 0 };
        2 * MARGIN + LARGE + grid
    }

    fn height(&self, row: &SheetRow) -> usize {
        let grid = row.cells.len().div_ceil(COLUMNS) * self.line;
        2 * MARGIN + 2 * LINE + grid.saturating_sub(GAP).max(LARGE)
    }
}

/// Draws the sheet, u8 RGB, with the lines of a legend at its foot; without rows a bare strip of paper.
pub fn query_sheet(rows: &[SheetRow], legend: &[String]) -> Pixels {
    let layout = RowLayout::of(rows);
    let foot = if legend.is_empty() { 0 } else { legend.len() * LINE + GAP };
    let height = rows.iter().map(|row| layout.height(row)).sum::<usize>().max(2 * MARGIN) + foot;
    let mut canvas = Canvas::new(layout.width(), height, PAPER);
    let mut top = 0;
    for row in rows {
        if top > 0 {
            let width = layout.width() - 2 * MARGIN;
            canvas.fill(Area { x: MARGIN, y: top, width, height: 1 }, RULE);
        }
        draw_row(&mut canvas, &layout, row, top);
        top += layout.height(row);
    }
    for (i, line) in legend.iter().enumerate() {
        let y = height - foot + i * LINE;
        canvas.text((MARGIN, y), &headed(line, TEXT, layout.width() - 2 * MARGIN), WEAK);
    }
    canvas.into_pixels()
}

fn draw_row(canvas: &mut Canvas, layout: &RowLayout, row: &SheetRow, top: usize) {
    let (x, y) = (MARGIN, top + MARGIN);
    let title = fitted(&row.title, TITLE.size, layout.width() - 2 * MARGIN);
    canvas.text((x, y), &title, TITLE);
    let y = y + 2 * LINE;
    framed(canvas, &row.image, Area { x, y, width: LARGE, height: LARGE }, BLUE);
    for (i, cell) in row.cells.iter().enumerate() {
        let x = x + LARGE + 2 * GAP + i % COLUMNS * layout.pitch;
        draw_cell(canvas, layout, cell, (x, y + i / COLUMNS * layout.line));
    }
}

fn draw_cell(canvas: &mut Canvas, layout: &RowLayout, cell: &Cell, (x, y): (usize, usize)) {
    let colour = match cell.frame {
        Frame::Plain => RULE,
        Frame::Agrees => GREEN,
        Frame::Differs => RED,
    };
    framed(canvas, &cell.image, Area { x, y, width: THUMB, height: THUMB }, colour);
    for (i, line) in cell.caption.iter().enumerate() {
        let y = y + THUMB + ABOVE + i * LINE + (LINE - text_height(TEXT)) / 2;
        let colour = if i == 0 { INK } else { FAINT };
        canvas.text((x, y), &shortened(line, TEXT, layout.pitch - GAP), Pen { size: TEXT, colour });
    }
}

/// Draws `image` into `area` with a frame around it.
pub(super) fn framed(canvas: &mut Canvas, image: &Pixels, area: Area, colour: Colour) {
    canvas.fill(area.grown(2 * FRAME), colour);
    canvas.fill(area.grown(FRAME), PAPER);
    canvas.image(image, area);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: usize, height: usize, value: u8) -> Pixels {
        Pixels { width, height, channels: 1, data: vec![value; width * height] }
    }

    fn row(n_cells: usize, frame: Frame) -> SheetRow {
        let caption = vec!["1  seven".to_owned(), "3 bits  0.98".to_owned()];
        let cell = Cell { image: image(28, 28, 77), caption, frame };
        SheetRow { title: "7.png".to_owned(), image: image(40, 20, 66), cells: vec![cell; n_cells] }
    }

    fn count(sheet: &Pixels, colour: Colour) -> usize {
        sheet.data.chunks_exact(3).filter(|dot| *dot == colour).count()
    }

    #[test]
    fn query_and_neighbours_are_all_there() {
        let sheet = query_sheet(&[row(7, Frame::Agrees)], &[]);
        assert_eq!(sheet.data.len(), sheet.width * sheet.height * 3);
        assert_eq!(count(&sheet, [66; 3]), LARGE * LARGE / 2, "a wide query");
        assert_eq!(count(&sheet, [77; 3]), 7 * THUMB * THUMB);
        assert!(count(&sheet, GREEN) > 0 && count(&sheet, RED) == 0 && count(&sheet, INK) > 0);
    }

    #[test]
    fn several_queries_stand_below_each_other() {
        let (one, two) = (row(10, Frame::Agrees), row(3, Frame::Differs));
        let both = query_sheet(&[one.clone(), two.clone()], &[]);
        let (one, two) = (query_sheet(&[one], &[]), query_sheet(&[two], &[]));
        assert_eq!((both.width, both.height), (one.width, one.height + two.height));
        assert_eq!(count(&both, [77; 3]), 13 * THUMB * THUMB);
        assert!(count(&both, RED) > 0);
    }

    #[test]
    fn few_or_no_neighbours_make_a_sheet_too() {
        let sheet = query_sheet(&[row(0, Frame::Plain)], &[]);
        assert_eq!(count(&sheet, [66; 3]), LARGE * LARGE / 2);
        assert_eq!(query_sheet(&[], &[]).height, 2 * MARGIN);
        let explained = query_sheet(&[row(0, Frame::Plain)], &["bits".to_owned(), "x".repeat(5000)]);
        assert_eq!((explained.width, explained.height), (sheet.width, sheet.height + 2 * LINE + GAP));
    }

    #[test]
    fn odd_images_do_not_break_the_sheet() {
        let mut odd = row(3, Frame::Plain);
        odd.cells[0].image = image(0, 0, 0);
        odd.cells[1].image = image(1, 3000, 5);
        odd.cells[2].caption = vec!["a caption that is far too long for its column\u{e9}".to_owned()];
        odd.title = "x".repeat(5000);
        assert!(query_sheet(&[odd], &[]).width < 2000);
    }
}
