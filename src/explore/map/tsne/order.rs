//! An order of the items in memory, such that items near each other in the map are near each other in memory.
//!
//! It follows a Z-order curve (Morton 1966) through the start, and holds for the whole descent. A round over
//! a million items reads more than a hundred million positions; this way nearly all of them are in the
//! caches.

use rayon::prelude::*;

/// Bits of the curve along each axis.
const BITS: u32 = 16;

/// A renumbering of items: place in memory <-> item.
#[derive(Debug)]
pub(super) struct Order {
    items: Vec<u32>,  // [n], by place
    places: Vec<u32>, // [n], by item
}

impl Order {
    /// The order along a curve through these points, which are finite.
    pub(super) fn along(points: &[[f32; 2]]) -> Order {
        let bounds = [0, 1].map(|axis| {
            let of_axis = points.iter().map(|point| point[axis]);
            (of_axis.clone().fold(f32::INFINITY, f32::min), of_axis.fold(f32::NEG_INFINITY, f32::max))
        });
        let code = |point: [f32; 2]| {
            let [x, y] = [0, 1].map(|axis| {
                let (low, high) = bounds[axis];
                spread(
                    ((point[axis] - low) / (high - low).max(f32::MIN_POSITIVE) * ((1 << BITS) - 1) as f32)
                        as u32,
                )
            });
            x | y << 1
        };
        let mut coded: Vec<(u32, u32)> =
            points.iter().zip(0..).map(|(&point, item)| (code(point), item)).collect();
        coded.par_sort_unstable();
        let items: Vec<u32> = coded.into_iter().map(|(_, item)| item).collect();
        let mut places = vec![0; items.len()];
        items.iter().zip(0..).for_each(|(&item, place)| places[item as usize] = place);
        Order { items, places }
    }

    /// The item at a place.
    pub(super) fn item(&self, place: usize) -> usize {
        self.items[place] as usize
    }

    /// The place of an item; nothing if there is no such item.
    pub(super) fn place(&self, item: u32) -> Option<u32> {
        self.places.get(item as usize).copied()
    }

    /// From one per item to one per place.
    pub(super) fn arranged<T: Copy>(&self, by_item: &[T]) -> Vec<T> {
        self.items.iter().map(|&item| by_item[item as usize]).collect()
    }

    /// And back.
    pub(super) fn restored<T: Copy>(&self, by_place: &[T]) -> Vec<T> {
        self.places.iter().map(|&place| by_place[place as usize]).collect()
    }
}

/// Puts a zero before each of 16 bits.
fn spread(bits: u32) -> u32 {
    let bits = (bits | bits << 8) & 0x00ff_00ff;
    let bits = (bits | bits << 4) & 0x0f0f_0f0f;
    let bits = (bits | bits << 2) & 0x3333_3333;
    (bits | bits << 1) & 0x5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_goes_forth_and_back_and_through_quarters_one_by_one() {
        let points: Vec<[f32; 2]> = (0..64).map(|i| [(i * 5 % 8) as f32, (i / 8 * 3 % 8) as f32]).collect();
        let order = Order::along(&points);
        let arranged = order.arranged(&points);
        assert_eq!(order.restored(&arranged), points);
        assert_eq!(order.place(64), None);
        assert!(
            (0..64).all(|item| order
                .place(item)
                .is_some_and(|place| order.item(place as usize) == item as usize))
        );
        for (quarter, points) in arranged.chunks(16).enumerate() {
            let side = |axis: usize| (quarter >> axis & 1) as f32 * 4.0;
            assert!(points.iter().flatten().all(|x| x.is_finite()));
            assert!(
                points.iter().all(|p| (0..2).all(|axis| (side(axis)..side(axis) + 4.0).contains(&p[axis]))),
                "{points:?}"
            );
        }
    }

    #[test]
    fn no_points_and_equal_ones_have_an_order() {
        assert!(Order::along(&[]).arranged::<u8>(&[]).is_empty());
        assert_eq!(Order::along(&[[2.0; 2]; 3]).arranged(&[1, 2, 3]), [1, 2, 3]);
    }
}
