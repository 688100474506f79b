//! Contact sheets of groups: each group's images side by side below a line about it, small groups beside each
//! other.
//!
//! Layout only, as in [`super::query_sheet`]; its cells are those of a group, the one that stays first.

use super::canvas::{Area, Canvas, Colour, Pen};
use super::query_sheet::{Cell, Frame, framed};
use super::style::{
    FAINT, GAP, GREEN, HEADING, INK, LINE, MARGIN, PAPER, RED, RULE, STRONG, TEXT, WEAK, heading,
};
use super::text::{headed, shortened, text_height};
use crate::images::Pixels;

/// Side of an image: four times 28, and the box that any other image is fitted into.
const THUMB: usize = 112;
/// From one image of a group to the next.
const PITCH: usize = THUMB + GAP;
/// Images side by side on a sheet.
const COLUMNS: usize = 9;
/// From an image to its captions.
const ABOVE: usize = 10;

/// What a sheet shows.
#[derive(Debug, Clone, Default)]
pub struct GroupSheet {
    /// The heading, and a line below it.
    pub title: [String; 2],
    /// The groups, in order.
    pub groups: Vec<SheetGroup>,
    /// A line at the foot, such as how many groups are left out; nothing where it is empty.
    pub foot: String,
}

/// Images that belong together.
#[derive(Debug, Clone)]
pub struct SheetGroup {
    /// A line above them.
    pub title: String,
    /// The images.
    pub cells: Vec<Cell>,
}

/// A group at its place.
struct Placed<'a> {
    group: &'a SheetGroup,
    x: usize,
    y: usize,
    /// Images side by side.
    columns: usize,
}

/// Draws the sheet, u8 RGB.
pub fn group_sheet(sheet: &GroupSheet) -> Pixels {
    let width = 2 * MARGIN + COLUMNS * PITCH - GAP;
    let top = MARGIN + HEADING;
    let (placed, bottom) = place(&sheet.groups, top);
    let foot = if sheet.foot.is_empty() { 0 } else { 2 * LINE };
    let mut canvas = Canvas::new(width, bottom + foot + MARGIN, PAPER);
    heading(&mut canvas, sheet.title.each_ref().map(String::as_str), headed);
    for line in placed.chunk_by(|a, b| a.y == b.y) {
        line.iter().for_each(|group| draw(&mut canvas, group, title_columns(line, group)));
    }
    canvas.text((MARGIN, bottom + LINE / 2), &headed(&sheet.foot, TEXT, width - 2 * MARGIN), WEAK);
    canvas.into_pixels()
}

/// Fills lines with groups from the left; the places, and where the last line ends.
fn place(groups: &[SheetGroup], top: usize) -> (Vec<Placed<'_>>, usize) {
    let (mut placed, mut x, mut y, mut line_height) = (Vec::new(), MARGIN, top, 0);
    for group in groups {
        // a lone title needs some room as well
        let columns = group.cells.len().clamp(2, COLUMNS);
        if x > MARGIN && x + columns * PITCH > MARGIN + COLUMNS * PITCH {
            (x, y, line_height) = (MARGIN, y + line_height, 0);
        }
        placed.push(Placed { group, x, y, columns });
        x += columns * PITCH + GAP;
        line_height = line_height.max(height(group, columns));
    }
    (placed, y + line_height)
}

/// How many images wide the title of a group may be: as wide as the sheet, where no group stands beside it.
fn title_columns(line: &[Placed<'_>], group: &Placed<'_>) -> usize {
    if line.len() == 1 { COLUMNS } else { group.columns }
}

fn captions(group: &SheetGroup) -> usize {
    group.cells.iter().map(|cell| cell.caption.len()).max().unwrap_or(0)
}

/// Height of one line of a group's images.
fn line_of(group: &SheetGroup) -> usize {
    THUMB + ABOVE + captions(group) * LINE + GAP / 2
}

fn height(group: &SheetGroup, columns: usize) -> usize {
    LINE + ABOVE + group.cells.len().div_ceil(columns) * line_of(group) + GAP
}

fn draw(canvas: &mut Canvas, &Placed { group, x, y, columns }: &Placed, title_columns: usize) {
    let width = columns * PITCH - GAP;
    canvas.fill(Area { x, y, width, height: 1 }, RULE);
    let title_y = y + (LINE - text_height(TEXT)) / 2 + 2;
    let title = headed(&group.title, TEXT, title_columns * PITCH - GAP);
    canvas.text((x, title_y), &title, STRONG);
    for (i, cell) in group.cells.iter().enumerate() {
        let (x, y) = (x + i % columns * PITCH, y + LINE + ABOVE + i / columns * line_of(group));
        let colour: Colour = match cell.frame {
            Frame::Plain => RULE,
            Frame::Agrees => GREEN,
            Frame::Differs => RED,
        };
        framed(canvas, &cell.image, Area { x, y, width: THUMB, height: THUMB }, colour);
        for (line, text) in cell.caption.iter().enumerate() {
            let y = y + THUMB + ABOVE + line * LINE + (LINE - text_height(TEXT)) / 2;
            let colour = if line == 0 { INK } else { FAINT };
            canvas.text((x, y), &shortened(text, TEXT, PITCH - GAP / 2), Pen { size: TEXT, colour });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(n: usize, value: u8) -> SheetGroup {
        let image = Pixels { width: 28, height: 28, channels: 1, data: vec![value; 28 * 28] };
        let cell = |i| Cell {
            image: image.clone(),
            caption: vec!["near 0.991".to_owned(), "a/very/long/path/to/it.png".to_owned()],
            frame: if i == 0 { Frame::Agrees } else { Frame::Plain },
        };
        SheetGroup { title: "12  near".to_owned(), cells: (0..n).map(cell).collect() }
    }

    fn count(sheet: &Pixels, colour: Colour) -> usize {
        sheet.data.chunks_exact(3).filter(|dot| *dot == colour).count()
    }

    #[test]
    fn all_images_are_there_and_do_not_meet() {
        let sizes = [2, 2, 3, 2, 1, 20, 9, 2, 4];
        let groups: Vec<SheetGroup> = sizes.iter().map(|&n| group(n, 77)).collect();
        let sheet =
            GroupSheet { title: ["Duplicates".into(), "9 groups".into()], groups, foot: "and 3 more".into() };
        let drawn = group_sheet(&sheet);
        assert_eq!(drawn.data.len(), drawn.width * drawn.height * 3);
        assert_eq!(count(&drawn, [77; 3]), sizes.iter().sum::<usize>() * THUMB * THUMB);
        let (placed, bottom) = place(&sheet.groups, 0);
        let area = |p: &Placed| Area {
            x: p.x,
            y: p.y,
            width: p.columns * PITCH - GAP,
            height: height(p.group, p.columns),
        };
        for (i, a) in placed.iter().enumerate() {
            assert!(placed[..i].iter().all(|b| !area(a).meets(area(b))), "{i}");
            assert!(
                area(a).x + area(a).width <= drawn.width - MARGIN && area(a).y + area(a).height <= bottom
            );
        }
        assert!(placed.iter().filter(|p| p.y == 0).count() == 3, "pairs stand beside each other");
    }

    #[test]
    fn a_group_without_others_beside_it_has_a_long_title() {
        let wide = |sizes: &[usize]| {
            let groups: Vec<SheetGroup> = sizes.iter().map(|&n| group(n, 77)).collect();
            let (placed, _) = place(&groups, 0);
            let lines = placed.chunk_by(|a, b| a.y == b.y);
            lines
                .flat_map(|line| line.iter().map(move |group| title_columns(line, group)))
                .collect::<Vec<_>>()
        };
        assert_eq!(wide(&[2]), [COLUMNS]);
        assert_eq!(wide(&[2, 3, 9, 1]), [2, 3, COLUMNS, COLUMNS]);
    }

    #[test]
    fn a_sheet_without_groups_is_a_sheet() {
        let empty = group_sheet(&GroupSheet::default());
        assert!(empty.height < 4 * MARGIN + 3 * LINE && count(&empty, PAPER) == empty.width * empty.height);
    }
}
