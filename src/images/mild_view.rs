//! A view of an image that anybody would take for the same picture: moved slightly, and in other light.

use super::InputShape;

/// The side of an image that is moved by one pixel; larger ones are moved further.
const SIDE: usize = 28;
/// How the light changes: one image a tenth darker, the next a tenth brighter.
const LIGHT: [f32; 2] = [0.9, 1.1];

/// An image `[C, H, W]` moved in one of eight directions, with its edge repeated, and made darker or
/// brighter; which of these, `number` decides.
pub fn mild_view(image: &[f32], shape: InputShape, number: usize) -> Vec<f32> {
    const DIRECTIONS: [(isize, isize); 8] =
        [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (-1, -1), (1, -1)];
    let InputShape { height, width, .. } = shape;
    let (right, down) = DIRECTIONS[number / LIGHT.len() % DIRECTIONS.len()];
    let light = LIGHT[number % LIGHT.len()];
    let from = |at: usize, direction: isize, side: usize| {
        let step = (side / SIDE).max(1) as isize; // sides are a few thousand at most
        at.saturating_add_signed(-direction * step).min(side - 1)
    };
    let mut view = Vec::with_capacity(image.len());
    for plane in image.chunks_exact(height * width) {
        for y in 0..height {
            let row = &plane[from(y, down, height) * width..][..width];
            view.extend((0..width).map(|x| (row[from(x, right, width)] * light).min(1.0)));
        }
    }
    view
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_moved_and_lit_otherwise() {
        let shape = InputShape { channels: 1, height: 2, width: 3 };
        let image = [0.1, 0.2, 0.3, 0.4, 0.5, 1.0];
        let close = |found: Vec<f32>, expected: [f32; 6]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {expected:?}");
        };
        close(mild_view(&image, shape, 0), [0.09, 0.09, 0.18, 0.36, 0.36, 0.45]); // to the right, darker
        close(mild_view(&image, shape, 3), [0.11, 0.22, 0.33, 0.11, 0.22, 0.33]); // downwards, brighter
        close(mild_view(&image, shape, 5), [0.22, 0.33, 0.33, 0.55, 1.0, 1.0]); // to the left, within 0..=1
        let large = InputShape { channels: 1, height: 1, width: 56 };
        let ramp: Vec<f32> = (0..56).map(|x| x as f32 / 100.0).collect();
        assert!((mild_view(&ramp, large, 0)[55] - 0.53 * 0.9).abs() < 1e-6, "two pixels of 56");
    }
}
