//! Draws maps: a dot for each image, coloured by its group, and the medoid of each group as a thumbnail at
//! its position. Laid out once, drawn as pixels or as SVG.
//!
//! Dots are drawn in a seeded random order, so that the last group does not cover the others. Thumbnails that
//! would overlap move aside, with a line to their position. Photos are shown larger than digits, and some
//! more of them where the map has none yet. Nothing here knows the index.

mod content;
mod layout;
mod raster;
mod spread;
mod svg;

use self::layout::MapLayout;
use crate::images::Pixels;

pub use content::MapPicture;
pub(super) use layout::is_photo;
pub(super) use spread::spread;

impl MapPicture {
    /// The most thumbnails in a picture.
    pub const MAX_THUMBNAILS: usize = layout::MAX_THUMBNAILS;

    /// The picture as u8 RGB.
    pub fn pixels(&self) -> Pixels {
        raster::draw(self, &MapLayout::of(self))
    }

    /// The picture as a self-contained SVG file.
    pub fn svg(&self) -> String {
        svg::draw(self, &MapLayout::of(self))
    }
}

#[cfg(test)]
mod tests {
    use super::super::colouring::{ColourGroup, Colouring};
    use super::*;

    fn picture(n: usize, groups: usize) -> MapPicture {
        let angle = |i: usize| i as f32 * 2.4;
        let points = (0..n).map(|i| [angle(i).cos() * i as f32, angle(i).sin() * i as f32]).collect();
        let of = (0..n).map(|i| (i % (groups + 1) < groups).then_some((i % (groups + 1)) as u32)).collect();
        let group = |i: usize| {
            let name = format!("<{i}> & \u{e9}");
            ColourGroup { name, size: n / groups, medoid: i as u32 }
        };
        let image = Pixels { width: 28, height: 20, channels: 1, data: vec![99; 28 * 20] };
        MapPicture {
            title: ["A title".to_owned(), "and more".to_owned()],
            points,
            colouring: Colouring { groups: (0..groups).map(group).collect(), of },
            thumbnails: (0..groups).filter(|&i| i != 1).map(|i| (i as u32, image.clone())).collect(),
            seed: 3,
        }
    }

    #[test]
    fn the_same_map_is_the_same_picture() {
        for (n, groups) in [(1, 1), (3, 2), (900, 12), (300, 70)] {
            let picture = picture(n, groups);
            let pixels = picture.pixels();
            assert_eq!(pixels.data.len(), 3 * pixels.width * pixels.height);
            assert_eq!(pixels, picture.pixels());
            assert_eq!(picture.svg(), picture.svg());
        }
    }

    #[test]
    fn svg_is_whole_and_escaped_and_requests_nothing() {
        let svg = picture(900, 12).svg();
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("&lt;3&gt; &amp; \u{e9}") && !svg.contains("<3>"));
        assert_eq!(svg.matches("http").count(), 1, "the name of the format alone");
        assert_eq!(svg.matches("<image ").count(), 11, "one has none");
        for tag in ["g", "text", "path", "svg", "clipPath"] {
            let opened = svg.matches(&format!("<{tag} ")).count() + svg.matches(&format!("<{tag}>")).count();
            let closed = svg.matches(&format!("</{tag}>")).count();
            assert!(tag == "path" || opened == closed, "{tag}: {opened} opened, {closed} closed");
        }
    }

    #[test]
    fn nothing_to_show_is_a_picture_too() {
        let empty = MapPicture::default();
        assert!(empty.pixels().width > 0 && empty.svg().ends_with("</svg>\n"));
        let mut same = picture(40, 2);
        same.points.iter_mut().for_each(|point| *point = [7.0, 7.0]);
        assert!(same.pixels().height > 0);
    }
}
