//! The positions of everything in the picture of a map, in pixels from the top left corner.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::content::MapPicture;
use crate::draw::canvas::{Area, Colour};
use crate::draw::colormap::group_colour;
use crate::draw::style::{FAINT, GAP, LINE, MARGIN, TEXT};
use crate::draw::text::{column_width, headed, text_width};
use crate::explore::map::colouring::Colouring;
use crate::images::Pixels;
use crate::output::thousands;

/// Side of the square that holds the dots.
pub(super) const SIDE: usize = 1400;
/// Margin inside its border.
const PADDING: f32 = 40.0;
pub(super) const MAX_THUMBNAILS: usize = 48;
/// Side of a thumbnail: twice 28, and larger where all images are photos of few groups.
const THUMB: usize = 56;
const PHOTO: usize = 84;
const FEW: usize = 16;
const FRAME: usize = 3;
/// Names in the legend: those with a colour of their own.
const MAX_LINES: usize = 27;
/// A name is as wide as so many digits at most.
const NAME: usize = 22;
/// Rings that are tried around the position of a thumbnail, and positions on each.
const RINGS: usize = 60;
const SPOKES: usize = 24;

/// An image of the map.
pub(super) struct Thumbnail {
    /// Its position among the thumbnails of the picture.
    pub(super) number: usize,
    pub(super) group: Option<usize>,
    /// With its frame.
    pub(super) area: Area,
    /// Of the image within.
    pub(super) image: Area,
    /// The position of its dot.
    pub(super) at: (f32, f32),
    /// Whether the thumbnail is elsewhere, with a line to that position.
    pub(super) moved: bool,
}

pub(super) struct MapLayout {
    pub(super) width: usize,
    pub(super) height: usize,
    /// The square that holds the dots.
    pub(super) plot: Area,
    /// The position of each dot, `[n]`.
    pub(super) positions: Vec<(f32, f32)>,
    /// The order in which dots are drawn.
    pub(super) order: Vec<u32>,
    /// Radius of a dot.
    pub(super) radius: f32,
    pub(super) thumbnails: Vec<Thumbnail>,
    /// Top left corners and groups of the legend's lines.
    pub(super) legend: Vec<((usize, usize), usize)>,
    /// How many groups the legend leaves out.
    pub(super) left_out: usize,
}

impl MapLayout {
    pub(super) fn of(picture: &MapPicture) -> MapLayout {
        let top = MARGIN + 2 * LINE + GAP;
        let plot = Area { x: MARGIN, y: top, width: SIDE, height: SIDE };
        let positions = placed(&picture.points, plot);
        let mut order: Vec<u32> = (0..positions.len() as u32).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(picture.seed));
        let groups = &picture.colouring.groups;
        let lines = groups.len().min(MAX_LINES);
        let left = MARGIN + SIDE + GAP;
        let mut listed: Vec<usize> = (0..lines).collect(); // the largest, sorted by name
        listed.sort_by_key(|&i| counted(&groups[i].name));
        let legend = listed.into_iter().enumerate().map(|(i, group)| ((left, top + i * (LINE + 4)), group));
        let longest = groups.iter().take(lines).map(|group| text_width(&group.name, TEXT)).max().unwrap_or(0);
        let left_out = groups.len() - lines;
        let more = left_out_text(left_out).map_or(0, |text| GAP + text_width(&text, TEXT));
        // a dot, the name, the number of images
        let line = 2 * GAP + longest.min(column_width(NAME, TEXT)) + column_width(9, TEXT);
        let legend_width = if lines > 0 { line.max(more) } else { 0 };
        MapLayout {
            width: left + legend_width + MARGIN - if lines > 0 { 0 } else { GAP },
            height: top + SIDE + MARGIN,
            plot,
            radius: radius(positions.len()),
            thumbnails: thumbnails(picture, &positions, plot),
            positions,
            order,
            legend: legend.collect(),
            left_out,
        }
    }
}

/// A name, and the number that it ends in: 9 comes before 10.
fn counted(name: &str) -> (&str, Option<u64>) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem, name[stem.len()..].parse().ok())
}

/// The line below the legend, where it leaves groups out.
pub(super) fn left_out_text(groups: usize) -> Option<String> {
    (groups > 0).then(|| format!("and {} more, grey", thousands(groups as u64)))
}

/// A name as the legend has room for it.
pub(super) fn legend_name(name: &str) -> String {
    headed(name, TEXT, column_width(NAME, TEXT))
}

/// The more dots, the smaller they are.
fn radius(n: usize) -> f32 {
    (300.0 / (n.max(1) as f32).sqrt()).clamp(1.1, 5.0)
}

/// The same scale along both axes, with all points inside; up is up.
fn placed(points: &[[f32; 2]], plot: Area) -> Vec<(f32, f32)> {
    let bounds = [0, 1].map(|axis| {
        let along = points.iter().map(|point| point[axis]);
        along.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    });
    let extent = bounds.iter().map(|(low, high)| high - low).fold(f32::MIN_POSITIVE, f32::max);
    let scale = (plot.width as f32 - 2.0 * PADDING) / extent;
    let [cx, cy] = bounds.map(|(low, high)| low / 2.0 + high / 2.0);
    let middle = ((plot.x + plot.width / 2) as f32, (plot.y + plot.height / 2) as f32);
    // if all points are equal, the scale is infinite
    let along = |x: f32, centre: f32| if scale.is_finite() { (x - centre) * scale } else { 0.0 };
    points.iter().map(|[x, y]| (middle.0 + along(*x, cx), middle.1 - along(*y, cy))).collect()
}

fn thumbnails(picture: &MapPicture, positions: &[(f32, f32)], plot: Area) -> Vec<Thumbnail> {
    let mut placed: Vec<Thumbnail> = Vec::new();
    let Colouring { groups, of } = &picture.colouring;
    let is_large = groups.len() <= FEW && picture.thumbnails.iter().all(|(_, image)| is_photo(image));
    let side = if is_large { PHOTO } else { THUMB };
    for (number, (row, image)) in picture.thumbnails.iter().enumerate().take(MAX_THUMBNAILS) {
        let Some(&at) = positions.get(*row as usize) else { continue };
        let (width, height) = within((image.width, image.height), side);
        let (outer_width, outer_height) = (width + 2 * FRAME, height + 2 * FRAME);
        let corner = |dx: f32, dy: f32| {
            let inside = |middle: f32, size: usize, low: usize, extent: usize| {
                let most = (low + extent - size) as f32;
                (middle - size as f32 / 2.0).clamp(low as f32, most.max(low as f32)) as usize
            };
            let x = inside(at.0 + dx, outer_width, plot.x + 1, plot.width - 2);
            let y = inside(at.1 + dy, outer_height, plot.y + 1, plot.height - 2);
            Area { x, y, width: outer_width, height: outer_height }
        };
        let free = |area: &Area| !placed.iter().any(|other| other.area.grown(3).meets(*area));
        let rings = if groups.iter().any(|group| group.medoid == *row) { RINGS } else { 0 };
        let around = (1..rings).flat_map(|ring| (0..SPOKES).map(move |spoke| (ring, spoke)));
        let spirals = around.map(|(ring, spoke)| {
            let (angle, far) = (spoke as f32 / SPOKES as f32 * std::f32::consts::TAU, ring as f32 * 10.0);
            corner(far * angle.cos(), far * angle.sin())
        });
        let Some(area) = std::iter::once(corner(0.0, 0.0)).chain(spirals).find(free) else { continue };
        let image = Area { x: area.x + FRAME, y: area.y + FRAME, width, height };
        let holds = |x: f32, low: usize, size: usize| (low as f32..=(low + size) as f32).contains(&x);
        let moved = !(holds(at.0, area.x, area.width) && holds(at.1, area.y, area.height));
        let group = of.get(*row as usize).copied().flatten().map(|group| group as usize);
        placed.push(Thumbnail { number, group, area, image, at, moved });
    }
    placed
}

/// Whether an image has more pixels than a small thumbnail shows.
pub(in crate::explore::map) fn is_photo(image: &Pixels) -> bool {
    image.width.max(image.height) > THUMB
}

/// The size of an image scaled so that its longer side is `side`.
fn within((width, height): (usize, usize), side: usize) -> (usize, usize) {
    let longer = width.max(height).max(1);
    let scaled = |length: usize| ((length * side + longer / 2) / longer).max(1);
    (scaled(width), scaled(height))
}

/// The colour of a group, or of images that are in none.
pub(super) fn colour(group: Option<usize>, picture: &MapPicture) -> Colour {
    let groups = picture.colouring.groups.len();
    match group {
        None if groups == 0 => group_colour(0, 1),
        None => [196, 194, 188],
        Some(group) => group_colour(group, groups),
    }
}

/// The colour of counts.
pub(super) const COUNT: Colour = FAINT;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::map::colouring::ColourGroup;

    #[test]
    fn all_points_are_inside_and_up_is_up() {
        let plot = Area { x: 10, y: 20, width: 500, height: 500 };
        let [(left, low), (right, high)] = placed(&[[-3.0, 0.0], [5.0, 2.0]], plot)[..] else { panic!() };
        assert!((10.0..right).contains(&left) && right < 510.0 && 20.0 < high && high < low && low < 520.0);
        assert_eq!(placed(&[[7.0, 7.0]], plot), [(260.0, 270.0)]);
        assert!(placed(&[], plot).is_empty());
    }

    #[test]
    fn names_with_numbers_are_in_their_order() {
        let mut names = ["cluster 10", "b", "cluster 9", "10", "a1", "2", "a"];
        names.sort_by_key(|name| counted(name));
        assert_eq!(names, ["2", "10", "a", "a1", "b", "cluster 9", "cluster 10"]);
    }

    #[test]
    fn long_names_keep_their_beginning() {
        assert_eq!(legend_name("great crested grebe"), "great crested grebe");
        let cut = legend_name("great crested grebes, two of them");
        assert!(cut.starts_with("great crested grebes") && cut.ends_with('\u{2026}'), "{cut}");
    }

    #[test]
    fn the_line_about_groups_left_out_fits() {
        assert_eq!(left_out_text(0), None);
        let text = left_out_text(1973).unwrap();
        assert_eq!(text, "and 1,973 more, grey");
        let group = ColourGroup { name: "7".to_owned(), size: 1, medoid: 0 };
        let colouring = Colouring { groups: vec![group; MAX_LINES + 1973], of: Vec::new() };
        let layout = MapLayout::of(&MapPicture { colouring, ..MapPicture::default() });
        let ((x, _), _) = layout.legend[0];
        assert!(x + GAP + text_width(&text, TEXT) <= layout.width - MARGIN);
    }

    #[test]
    fn thumbnails_keep_their_proportions() {
        let sizes = [(28, 28), (100, 50), (1, 900)].map(|size| within(size, THUMB));
        assert_eq!(sizes, [(56, 56), (56, 28), (1, 56)]);
    }

    #[test]
    fn only_medoids_move_aside() {
        let photo = Pixels { width: 90, height: 60, channels: 1, data: vec![0; 90 * 60] };
        let groups = [0, 1].map(|medoid| ColourGroup { name: "a".to_owned(), size: 2, medoid }).to_vec();
        let picture = MapPicture {
            points: vec![[0.0, 0.0], [0.01, 0.0], [0.02, 0.0], [9.0, 9.0]],
            colouring: Colouring { groups, of: vec![Some(0), Some(1), None, Some(1)] },
            thumbnails: (0..4).map(|row| (row, photo.clone())).collect(),
            ..MapPicture::default()
        };
        let placed = MapLayout::of(&picture).thumbnails;
        let shown: Vec<_> = placed.iter().map(|shown| (shown.number, shown.group, shown.moved)).collect();
        assert_eq!(shown, [(0, Some(0), false), (1, Some(1), true), (3, Some(1), false)]);
        assert_eq!((placed[0].image.width, placed[0].image.height), (PHOTO, PHOTO * 2 / 3));
    }
}
