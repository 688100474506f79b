//! Sheets with a column for each image and a band for each thing to show of it: original, latent,
//! reconstruction, loss.
//!
//! Layout only, as in [`super::query_sheet`]. More than ten images make several rows of columns.

use super::canvas::{Area, Canvas};
use super::colormap::Scale;
use super::style::{GAP, HEADING, LINE, MARGIN, PAPER, RULE, STRONG, TEXT, TITLE, WEAK, heading};
use super::text::{fitted, shortened, text_height, text_width};
use crate::images::Pixels;

/// Columns side by side.
const COLUMNS: usize = 10;
/// About the width of a picture: four times 28.
const SIDE: usize = 112;
/// Between the bands of one image.
const BETWEEN: usize = 14;
/// Width and height of the bar that explains the colours.
const BAR: (usize, usize) = (200, 12);

/// What a sheet shows.
#[derive(Debug, Clone, Default)]
pub struct ColumnSheet {
    /// The heading, and a line below it.
    pub title: [String; 2],
    /// From the top; each has one entry for every image.
    pub bands: Vec<Band>,
    /// Explained at the foot, where colours stand for numbers.
    pub scale: Option<Scale>,
}

/// One thing of all images.
#[derive(Debug, Clone)]
pub struct Band {
    /// What it is, to the left of it.
    pub name: String,
    /// Of each image.
    pub entries: Entries,
}

/// What is shown.
#[derive(Debug, Clone)]
pub enum Entries {
    /// Pictures of one size.
    Pictures(Vec<Pixels>),
    /// Short texts.
    Texts(Vec<String>),
}

impl Band {
    /// A band of pictures.
    pub fn pictures(name: &str, pictures: Vec<Pixels>) -> Band {
        Band { name: name.to_owned(), entries: Entries::Pictures(pictures) }
    }

    /// A band of texts.
    pub fn texts(name: &str, texts: Vec<String>) -> Band {
        Band { name: name.to_owned(), entries: Entries::Texts(texts) }
    }

    fn len(&self) -> usize {
        match &self.entries {
            Entries::Pictures(pictures) => pictures.len(),
            Entries::Texts(texts) => texts.len(),
        }
    }

    /// Width and height on the sheet.
    fn size(&self) -> (usize, usize) {
        match &self.entries {
            Entries::Pictures(pictures) => pictures.first().map_or((0, 0), shown_size),
            Entries::Texts(_) => (0, LINE),
        }
    }
}

/// What fits above a picture: `0017.png` of `digits/3/0017.png`, `#17` of `train-images-idx3-ubyte.gz#17`.
pub(crate) fn short_name(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    match name.rsplit_once('#') {
        Some((_, entry)) if entry.parse::<usize>().is_ok() => format!("#{entry}"),
        _ => name.to_owned(),
    }
}

/// The short names of some images; with the folder where several would have the same, as `3/0000.png`.
pub(crate) fn short_names(paths: &[&str]) -> Vec<String> {
    let short: Vec<String> = paths.iter().map(|path| short_name(path)).collect();
    let is_alone = |name: &String| short.iter().filter(|other| *other == name).count() == 1;
    let with_folder = |path: &str| {
        let start = path.rmatch_indices(['/', '\\']).nth(1).map_or(0, |(at, _)| at + 1);
        path[start..].to_owned()
    };
    let name = |(path, name): (&&str, &String)| if is_alone(name) { name.clone() } else { with_folder(path) };
    paths.iter().zip(&short).map(name).collect()
}

/// The size at which a picture is shown: the whole multiple that comes nearest to [`SIDE`], a large one made
/// smaller.
fn shown_size(picture: &Pixels) -> (usize, usize) {
    let (width, height) = (picture.width.max(1), picture.height.max(1));
    if width > SIDE * 3 / 2 {
        return (SIDE, (height * SIDE / width).max(1));
    }
    let zoom = ((SIDE + width / 2) / width).max(1);
    (zoom * width, zoom * height)
}

impl ColumnSheet {
    /// Draws it, u8 RGB.
    pub fn draw(&self) -> Pixels {
        let count = self.bands.iter().map(Band::len).max().unwrap_or(0);
        let column = self.bands.iter().map(|band| band.size().0).max().unwrap_or(0).max(SIDE * 3 / 4);
        let names = self.bands.iter().map(|band| text_width(&band.name, TEXT)).max().unwrap_or(0);
        let left = MARGIN + names + GAP;
        let row: usize = self.bands.iter().map(|band| band.size().1 + BETWEEN).sum::<usize>() + GAP;
        let [title, about] = self.title.each_ref();
        let longest = text_width(title, TITLE.size).max(text_width(about, TEXT));
        let width = (left + count.min(COLUMNS) * (column + GAP) - GAP + MARGIN)
            .max(2 * MARGIN + longest.min(1200))
            .max(left + BAR.0 + 2 * GAP + MARGIN);
        let foot = if self.scale.is_some() { BAR.1 + 2 * LINE } else { 0 };
        let height = MARGIN + HEADING + count.div_ceil(COLUMNS) * row + foot + MARGIN - GAP;
        let mut canvas = Canvas::new(width, height, PAPER);

        heading(&mut canvas, [title, about], fitted);
        let mut top = MARGIN + HEADING;
        for start in (0..count).step_by(COLUMNS) {
            for band in &self.bands {
                self.draw_band(&mut canvas, band, start, BandPosition { left, top, column });
                top += band.size().1 + BETWEEN;
            }
            top += GAP;
        }
        if let Some(scale) = &self.scale {
            draw_scale(&mut canvas, scale, (left, top));
        }
        canvas.into_pixels()
    }

    /// The entries from `start` on, as many as stand side by side.
    fn draw_band(&self, canvas: &mut Canvas, band: &Band, start: usize, place: BandPosition) {
        let BandPosition { left, top, column } = place;
        let (width, height) = band.size();
        let middle = top + height.saturating_sub(text_height(TEXT)) / 2;
        canvas.text((MARGIN, middle), &band.name, WEAK);
        let x = |i: usize, width: usize| left + i * (column + GAP) + column.saturating_sub(width) / 2;
        match &band.entries {
            Entries::Pictures(pictures) => {
                for (i, picture) in pictures.iter().skip(start).take(COLUMNS).enumerate() {
                    let area = Area { x: x(i, width), y: top, width, height };
                    canvas.fill(area.grown(1), RULE);
                    canvas.image(picture, area);
                }
            }
            Entries::Texts(texts) => {
                for (i, text) in texts.iter().skip(start).take(COLUMNS).enumerate() {
                    let text = shortened(text, TEXT, column);
                    canvas.text((x(i, text_width(&text, TEXT)), middle), &text, STRONG);
                }
            }
        }
    }
}

/// Where a band begins, and how wide a column is.
#[derive(Clone, Copy)]
struct BandPosition {
    left: usize,
    top: usize,
    column: usize,
}

/// A bar of all colours with its ends named.
fn draw_scale(canvas: &mut Canvas, scale: &Scale, (left, top): (usize, usize)) {
    let (width, height) = BAR;
    let lowest = if scale.signed { -scale.limit } else { 0.0 };
    for i in 0..width {
        let value = lowest + (scale.limit - lowest) * i as f32 / (width - 1) as f32;
        canvas.fill(Area { x: left + i, y: top, width: 1, height }, scale.colour(value));
    }
    let ends = [lowest, scale.limit].map(|end| if end == 0.0 { "0".to_owned() } else { format!("{end:.2}") });
    let y = top + height + LINE / 3;
    canvas.text((MARGIN, top), "scale", WEAK);
    canvas.text((left, y), &ends[0], WEAK);
    canvas.text((left + width - text_width(&ends[1], TEXT), y), &ends[1], WEAK);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: usize, height: usize, value: u8) -> Pixels {
        Pixels { width, height, channels: 1, data: vec![value; width * height] }
    }

    fn sheet(n: usize) -> ColumnSheet {
        ColumnSheet {
            title: ["model".to_owned(), "what it does".to_owned()],
            bands: vec![
                Band::texts("image", vec!["a long name of a file.png".to_owned(); n]),
                Band::pictures("original", vec![grey(28, 28, 77); n]),
                Band::pictures("latent", vec![grey(8, 4, 66); n]),
            ],
            scale: Some(Scale { limit: 1.0, signed: true }),
        }
    }

    fn count(sheet: &Pixels, value: u8) -> usize {
        sheet.data.chunks_exact(3).filter(|dot| *dot == [value; 3]).count()
    }

    #[test]
    fn every_picture_is_there_at_a_whole_multiple() {
        for n in [1, 10, 23] {
            let drawn = sheet(n).draw();
            assert_eq!(drawn.data.len(), drawn.width * drawn.height * 3);
            assert_eq!((count(&drawn, 77), count(&drawn, 66)), (n * 112 * 112, n * 112 * 56), "{n} images");
        }
        assert_eq!(sheet(10).draw().width, sheet(23).draw().width);
    }

    #[test]
    fn odd_sizes_fit_as_well() {
        assert_eq!(shown_size(&grey(32, 32, 0)), (128, 128));
        assert_eq!(shown_size(&grey(150, 30, 0)), (150, 30));
        assert_eq!(shown_size(&grey(448, 1000, 0)), (112, 250));
        assert_eq!(shown_size(&grey(1, 2, 0)), (112, 224));
        assert!(ColumnSheet::default().draw().width < 1000);
    }

    #[test]
    fn names_are_short() {
        let names = ["digits/3/0017.png", "x/train-images-idx3-ubyte.gz#17", "a#b.png", "7.png"];
        assert_eq!(names.map(short_name), ["0017.png", "#17", "a#b.png", "7.png"]);
        let names = short_names(&["digits/3/0000.png", "digits/4/0000.png", "digits/4/0001.png", "0000.png"]);
        assert_eq!(names, ["3/0000.png", "4/0000.png", "0001.png", "0000.png"]);
    }
}
