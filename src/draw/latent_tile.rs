//! A latent as colours.

use super::colormap::Scale;
use super::style::PAPER;
use crate::images::{InputShape, Pixels};

/// Maps of a latent side by side: four, as a picture of them would otherwise have too many rows.
const MAPS: usize = 4;

/// Draws a latent, `[C, H, W]`, one pixel for each number: a vector as a tile about as high as wide, maps
/// beside and below each other with a line between them.
pub fn latent_tile(latent: &[f32], shape: InputShape, scale: &Scale) -> Pixels {
    let InputShape { channels, height, width } = shape;
    let (columns, gap) =
        if (height, width) == (1, 1) { (tile_width(channels), 0) } else { (MAPS.min(channels), 1) };
    let rows = channels.div_ceil(columns);
    let (pitch_x, pitch_y) = (width + gap, height + gap);
    let (all_width, all_height) = (columns * pitch_x - gap, rows * pitch_y - gap);
    let mut data = PAPER.repeat(all_width * all_height);
    for (i, value) in latent.iter().enumerate() {
        let (map, y, x) = (i / (height * width), i / width % height, i % width);
        let at = (map / columns * pitch_y + y) * all_width + map % columns * pitch_x + x;
        data[3 * at..3 * at + 3].copy_from_slice(&scale.colour(*value));
    }
    Pixels { width: all_width, height: all_height, channels: 3, data }
}

/// The width of a tile of `n` numbers: without a gap at its end if it need not be more than twice as wide as
/// high.
fn tile_width(n: usize) -> usize {
    let root = n.isqrt().max(1);
    let even = (1..=root).rev().find(|height| n.is_multiple_of(*height)).map_or(n, |height| n / height);
    if even <= 2 * root + 1 { even } else { n.div_ceil(root) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: Scale = Scale { limit: 1.0, signed: false };

    fn vector(channels: usize) -> InputShape {
        InputShape { channels, height: 1, width: 1 }
    }

    #[test]
    fn vectors_make_tiles_and_maps_stand_apart() {
        assert_eq!([1, 2, 30, 31, 32, 64, 128, 512].map(tile_width), [1, 2, 6, 7, 8, 8, 16, 32]);
        let tile = latent_tile(&[0.5; 31], vector(31), &SCALE);
        assert_eq!((tile.width, tile.height), (7, 5));
        assert_eq!(tile.data[3 * 34..], PAPER, "what is over is paper");
        let maps = latent_tile(&[1.0; 512], InputShape { channels: 32, height: 4, width: 4 }, &SCALE);
        assert_eq!((maps.width, maps.height), (4 * 4 + 3, 8 * 4 + 7));
        let paper = maps.data.chunks_exact(3).filter(|dot| *dot == PAPER).count();
        assert_eq!(maps.width * maps.height - paper, 512);
    }

    #[test]
    fn every_number_has_its_place() {
        let latent = [0.0, 0.25, 0.5, 0.75, 1.0, 0.1]; // three maps of 1x2
        let picture = latent_tile(&latent, InputShape { channels: 3, height: 1, width: 2 }, &SCALE);
        let dots: Vec<&[u8]> = picture.data.chunks_exact(3).collect();
        for (place, value) in [0, 1, 3, 4, 6, 7].into_iter().zip(latent) {
            assert_eq!(dots[place], SCALE.colour(value), "{value}");
        }
        assert_eq!((dots.len(), dots[2]), (8, &PAPER[..]));
    }
}
