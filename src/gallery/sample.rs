//! A few images spread evenly over a collection, for what is decided once for all of them.

use rayon::prelude::*;

use crate::images::{InputShape, Item, Limits, Resizer, load};

/// Images that are looked at.
const SAMPLE: usize = 128;

/// Reads at most [`SAMPLE`] of the items, on all threads of the current rayon pool, and gives them at each of `shapes`:
/// one f32 [N, C, H, W] per shape. What cannot be read is left out.
pub(super) fn sample(items: &[&Item], limits: &Limits, shapes: &[InputShape]) -> Vec<Vec<f32>> {
    let n_sampled = items.len().min(SAMPLE);
    let read = |resizer: &mut Resizer, index: usize| {
        let loaded = load(items[index * items.len() / n_sampled], limits).ok()?;
        let resize = |shape: &InputShape| {
            let mut image = vec![0.0; shape.size()];
            resizer.to_input(&loaded.pixels, *shape, &mut image).ok().map(|()| image)
        };
        shapes.iter().map(resize).collect::<Option<Vec<_>>>()
    };
    let images: Vec<Vec<Vec<f32>>> =
        (0..n_sampled).into_par_iter().map_init(Resizer::new, read).flatten().collect();
    (0..shapes.len()).map(|shape| images.iter().flat_map(|image| &image[shape]).copied().collect()).collect()
}
