//! The views sheet: each image at the left, random views of it beside it, so that one sees what a training
//! will see.

use super::canvas::{Area, Canvas};
use super::query_sheet::framed;
use super::style::{BLUE, MARGIN, PAPER, RULE, STRONG, TEXT, WEAK};
use super::text::text_height;
use crate::images::Pixels;

/// An image and what augmentation made of it; all of one size.
#[derive(Debug, Clone)]
pub struct ViewRow {
    /// The image.
    pub image: Pixels,
    /// Its views.
    pub views: Vec<Pixels>,
}

/// Small images are magnified to as whole a multiple as stays within this many pixels; larger ones are fitted
/// into it.
const LARGEST: usize = 128;
const GAP: usize = 18;
/// Between an image and its views.
const APART: usize = 40;

/// Draws the sheet, u8 RGB, with `title` above the views; without rows a bare strip of paper.
pub fn view_sheet(rows: &[ViewRow], title: &str) -> Pixels {
    let side = rows.iter().map(|row| row.image.width.max(row.image.height)).max().unwrap_or(1).max(1);
    let scale = (LARGEST / side) as f32;
    let [width, height] = [|p: &Pixels| p.width, |p: &Pixels| p.height].map(|of| {
        let largest = rows.iter().map(|row| of(&row.image)).max().unwrap_or(1);
        let scale = if scale >= 1.0 { scale } else { LARGEST as f32 / side as f32 };
        (largest as f32 * scale).round().max(1.0) as usize
    });
    let columns = rows.iter().map(|row| row.views.len()).max().unwrap_or(0);
    let top = MARGIN + text_height(TEXT) + GAP;
    let left = MARGIN + width + APART;
    let mut canvas = Canvas::new(
        left + (columns * (width + GAP)).saturating_sub(GAP) + MARGIN,
        top + (rows.len() * (height + GAP)).saturating_sub(GAP) + MARGIN,
        PAPER,
    );
    canvas.text((MARGIN, MARGIN), "image", STRONG);
    canvas.text((left, MARGIN), title, WEAK);
    for (i, row) in rows.iter().enumerate() {
        let area = |x| Area { x, y: top + i * (height + GAP), width, height };
        framed(&mut canvas, &row.image, area(MARGIN), BLUE);
        for (j, view) in row.views.iter().enumerate() {
            framed(&mut canvas, view, area(left + j * (width + GAP)), RULE);
        }
    }
    canvas.into_pixels()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: usize, height: usize, value: u8) -> Pixels {
        Pixels { width, height, channels: 1, data: vec![value; width * height] }
    }

    #[test]
    fn every_view_has_its_place_at_a_whole_scale() {
        for (width, height, drawn) in [(28, 28, 112 * 112), (32, 48, 64 * 96), (256, 128, 128 * 64)] {
            let views = (0..8).map(|i| image(width, height, 100 + i)).collect();
            let row = ViewRow { image: image(width, height, 99), views };
            let sheet = view_sheet(&[row.clone(), row], "views");
            for value in 99..108 {
                let found = sheet.data.chunks_exact(3).filter(|dot| **dot == [value; 3]).count();
                assert_eq!(found, 2 * drawn, "{width} x {height}: {value}");
            }
        }
        assert!(!view_sheet(&[], "views").data.is_empty());
    }
}
