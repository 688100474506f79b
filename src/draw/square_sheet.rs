//! Many images of one size in a square, for instance new ones that a decoder made.

use super::canvas::{Area, Canvas};
use super::style::{HEADING, MARGIN, PAPER, heading};
use super::text::fitted;
use crate::images::Pixels;

/// About the width of all images side by side.
const WIDTH: usize = 900;
/// Between images.
const BETWEEN: usize = 4;

/// Draws all images in a square, or nearly, below a title and a line about them; u8 RGB.
pub fn square_sheet(title: [&str; 2], images: &[Pixels]) -> Pixels {
    let columns = images.len().isqrt() + usize::from(images.len().isqrt().pow(2) < images.len());
    let columns = columns.max(1);
    let (width, height) = images.first().map_or((1, 1), |image| (image.width, image.height));
    let zoom = (WIDTH / (columns * width)).clamp(1, 8);
    let (cell, tall) = (zoom * width, zoom * height);
    let across = (columns * (cell + BETWEEN)).max(WIDTH / 2);
    let top = MARGIN + HEADING;
    let down = images.len().div_ceil(columns) * (tall + BETWEEN);
    let mut canvas = Canvas::new(2 * MARGIN + across - BETWEEN, top + down + MARGIN - BETWEEN, PAPER);
    heading(&mut canvas, title, fitted);
    for (i, image) in images.iter().enumerate() {
        let (x, y) = (MARGIN + i % columns * (cell + BETWEEN), top + i / columns * (tall + BETWEEN));
        canvas.image(image, Area { x, y, width: cell, height: tall });
    }
    canvas.into_pixels()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_of_any_number_are_nearly_square() {
        for n in [0, 1, 2, 7, 100, 101] {
            let image = Pixels { width: 28, height: 28, channels: 1, data: vec![9; 28 * 28] };
            let drawn = square_sheet(["a model", "so many"], &vec![image; n]);
            assert!(drawn.width < 1200 && drawn.height < 1300, "{n}: {}x{}", drawn.width, drawn.height);
            let inked = drawn.data.chunks_exact(3).filter(|dot| *dot == [9; 3]).count();
            assert_eq!(inked % (28 * 28), 0);
            assert!(inked >= n * 28 * 28);
        }
    }
}
