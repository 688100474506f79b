//! Frames of a burst, small as they are on the web: different pictures, related to each other.

use rand::SeedableRng;
use rayon::prelude::*;

use super::{Dice, reduced, street};
use crate::cli::Place;
use crate::fixtures::write;
use crate::scenes::{list, members, scan, text};

/// Frames of a burst, and the time between two.
const FRAMES: usize = 24;
const MOMENT: f32 = 0.25;

#[test]
fn small_frames_of_a_burst_are_related() {
    let frames: Vec<_> = (0..FRAMES as u64)
        .into_par_iter()
        .map(|number| street::moment(&mut Dice::seed_from_u64(number), MOMENT * number as f32))
        .collect();
    for width in [64, 96, 128] {
        let place = Place::empty();
        for (frame, number) in frames.iter().zip(0..) {
            write(&place.path().join(format!("set/{number:02}.png")), &reduced(frame, width));
        }
        let plan = scan(&place, &["set", "--related"]);
        let wrong: Vec<_> =
            list(&plan["groups"]).iter().filter(|group| text(&group["kind"]) != "related").collect();
        let told: Vec<String> =
            wrong.iter().map(|group| format!("{} {:?}", text(&group["kind"]), members(group))).collect();
        assert!(told.is_empty(), "{width} pixels wide: {told:?}");
        let related: usize = list(&plan["groups"]).iter().map(|group| members(group).len()).sum();
        assert!(width < 96 || related > FRAMES / 2, "{width} pixels wide: {related} related");
    }
}
