//! Augmentation: random views of an image that show the same thing, for training that must tell images apart
//! by what they show.
//!
//! A view is one bilinear resampling under a random affine map, then a random change of tones. Bytes `[C, H,
//! W]` in, `f32` `[C, H, W]` in `0..=1` out. What is done to photos follows SimCLR (Chen et al., 2020).

use super::blur::blur;
use crate::images::InputShape;
use rand::{Rng, RngExt};
use std::fmt;
use std::str::FromStr;

/// Which views to train on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Augment {
    /// The images as they are.
    #[default]
    None,
    /// Ink on paper: turned, scaled, sheared and shifted a little, with fainter or stronger ink.
    Digits,
    /// Scenes: cropped, mirrored, in other light and colours, grey, or blurred.
    Photos,
}

impl Augment {
    /// All kinds.
    pub const ALL: [Augment; 3] = [Augment::None, Augment::Digits, Augment::Photos];

    /// The name used on the command line and in model files.
    pub fn name(self) -> &'static str {
        match self {
            Augment::None => "none",
            Augment::Digits => "digits",
            Augment::Photos => "photos",
        }
    }

    fn ranges(self) -> Ranges {
        match self {
            Augment::None => Ranges::NONE,
            Augment::Digits => Ranges::DIGITS,
            Augment::Photos => Ranges::PHOTOS,
        }
    }

    /// A random view of `image`, bytes `[C, H, W]`, into `out`, `[C, H, W]` in `0..=1`.
    pub(crate) fn view(self, shape: InputShape, image: &[u8], rng: &mut impl Rng, out: &mut [f32]) {
        self.ranges().view(shape, image, rng, out);
    }
}

impl fmt::Display for Augment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Augment {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Augment::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("augmentation: expected none, digits or photos, got {name:?}"))
    }
}

/// How far views go from their image. Every range is symmetric about no change.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ranges {
    /// Rotation to either side, in degrees.
    rotation_deg: f32,
    /// Width and height, each by itself: 0.15 is 85 % to 115 %.
    scale: f32,
    /// Horizontal shear to either side, in degrees.
    shear_deg: f32,
    /// Shift along each axis, in halves of the side.
    shift: f32,
    /// Bending: how far the knots of a net over the image are moved along each axis, in halves of the side.
    bend: f32,
    /// Smallest side of a crop inside the image, as a part of the image's; 1 is no crop.
    crop: f32,
    /// Probability of a mirror image.
    flip: f32,
    /// Factor on the distance from the pivot (see [`Ground`]).
    contrast: f32,
    /// Factor on the pivot itself.
    brightness: f32,
    /// Factor on each channel by itself; not for grey images.
    colour: f32,
    /// Factor on the distance from grey.
    saturation: f32,
    /// Probability of a view without colour.
    grey: f32,
    /// Half of the views are blurred, by a Gaussian of at most this standard deviation, in sides of the
    /// image.
    blur: f32,
    /// What lies beyond the border.
    ground: Ground,
}

/// What an image shows beyond its border, and the pivot that contrast turns on.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ground {
    /// Paper: of the colour that the border mostly has (the median of each channel). It is the pivot: paper
    /// stays, ink changes.
    Paper,
    /// A scene that goes on: the border is repeated. The pivot is the mean of each channel.
    Scene,
}

impl Ranges {
    const NONE: Ranges = Ranges {
        rotation_deg: 0.0,
        scale: 0.0,
        shear_deg: 0.0,
        shift: 0.0,
        bend: 0.0,
        crop: 1.0,
        flip: 0.0,
        contrast: 0.0,
        brightness: 0.0,
        colour: 0.0,
        saturation: 0.0,
        grey: 0.0,
        blur: 0.0,
        ground: Ground::Scene,
    };

    const DIGITS: Ranges = Ranges {
        rotation_deg: 15.0,
        scale: 0.15,
        shear_deg: 12.0,
        shift: 0.08,
        bend: 0.1,
        contrast: 0.3,
        ground: Ground::Paper,
        ..Ranges::NONE
    };

    const PHOTOS: Ranges = Ranges {
        crop: 0.45,
        flip: 0.5,
        contrast: 0.4,
        brightness: 0.5,
        colour: 0.2,
        saturation: 0.4,
        grey: 0.2,
        blur: 0.06,
        ..Ranges::NONE
    };

    fn view(&self, shape: InputShape, image: &[u8], rng: &mut impl Rng, out: &mut [f32]) {
        let map = self.map(shape, rng);
        let bent = self.bent(shape, rng);
        let (source, paper) = self.ground.around(shape, image);
        resample(&source, shape, (&map, &bent), out);
        self.tone(shape, &paper, rng, out);
        if self.blur > 0.0 && rng.random::<f32>() < 0.5 {
            let sigma = rng.random::<f32>() * self.blur * shape.height.min(shape.width) as f32;
            out.chunks_exact_mut(shape.height * shape.width)
                .for_each(|plane| blur(plane, shape.width, sigma));
            out.iter_mut().for_each(|x| *x = x.clamp(0.0, 1.0)); // rounded sums may lie a little above
        }
    }

    /// A random map from pixels of the view to pixels of the image.
    fn map(&self, shape: InputShape, rng: &mut impl Rng) -> Affine {
        let (sin, cos) = either_side(rng, self.rotation_deg.to_radians()).sin_cos();
        let crop = self.crop + (1.0 - self.crop) * rng.random::<f32>();
        let mirror = if rng.random::<f32>() < self.flip { -1.0 } else { 1.0 };
        let [wide, high] = [mirror, 1.0].map(|sign| sign * crop * (1.0 + either_side(rng, self.scale)));
        let shear = either_side(rng, self.shear_deg.to_radians().tan());
        let [right, down] = [shape.width, shape.height].map(|side| {
            let halves = either_side(rng, self.shift) + either_side(rng, 1.0 - crop);
            halves * side as f32 / 2.0
        });
        let [x, y] =
            [[cos * wide, shear * cos * wide - sin * high], [sin * wide, shear * sin * wide + cos * high]];
        // the map turns and scales about the middle of the image; pixels count from the first one's middle
        let middle = [shape.width as f32 / 2.0 - 0.5, shape.height as f32 / 2.0 - 0.5];
        let start =
            |[a, b]: [f32; 2], middle_to, shift: f32| middle_to + shift - a * middle[0] - b * middle[1];
        Affine { x, y, start: [start(x, middle[0], right), start(y, middle[1], down)] }
    }

    /// How far every pixel is bent aside, `[H, W]` of `[x, y]` in pixels: random at the knots of a net,
    /// smooth between them, as hands write (Simard et al., "Best Practices for Convolutional Neural
    /// Networks", 2003). Empty for no bending.
    fn bent(&self, shape: InputShape, rng: &mut impl Rng) -> Vec<[f32; 2]> {
        const KNOTS: usize = 4;
        if self.bend == 0.0 {
            return vec![];
        }
        let reach = [shape.width, shape.height].map(|side| self.bend * side as f32 / 2.0);
        let net: [[[f32; 2]; KNOTS]; KNOTS] =
            std::array::from_fn(|_| std::array::from_fn(|_| reach.map(|reach| either_side(rng, reach))));
        // the knot before a pixel, and the smooth part of the way to the next one
        let place = |i: usize, side: usize| {
            let at = (i as f32 + 0.5) / side as f32 * (KNOTS - 1) as f32;
            let part = at.fract();
            (at as usize, part * part * (3.0 - 2.0 * part))
        };
        let between = |a: [f32; 2], b: [f32; 2], part: f32| [0, 1].map(|i| a[i] + part * (b[i] - a[i]));
        let columns: Vec<(usize, f32)> = (0..shape.width).map(|x| place(x, shape.width)).collect();
        let mut bent = Vec::with_capacity(shape.width * shape.height);
        for y in 0..shape.height {
            let (row, part) = place(y, shape.height);
            let knots: [[f32; 2]; KNOTS] =
                std::array::from_fn(|i| between(net[row][i], net[row + 1][i], part));
            bent.extend(columns.iter().map(|&(i, part)| between(knots[i], knots[i + 1], part)));
        }
        bent
    }

    /// Random tones for a view, `[C, H, W]`: contrast, brightness, colour, saturation, then all of it within
    /// `0..=1`.
    fn tone(&self, shape: InputShape, paper: &[f32], rng: &mut impl Rng, view: &mut [f32]) {
        let pixels = shape.height * shape.width;
        let mut factor = |range| 1.0 + either_side(rng, range);
        let (contrast, brightness) = (factor(self.contrast), factor(self.brightness));
        let colours = [(); 3].map(|()| if shape.channels == 3 { factor(self.colour) } else { 1.0 });
        let saturation = factor(self.saturation);
        let saturation = if rng.random::<f32>() < self.grey { 0.0 } else { saturation };
        for (c, plane) in view.chunks_exact_mut(pixels).enumerate() {
            let pivot = match self.ground {
                Ground::Paper => paper[c],
                Ground::Scene => plane.iter().sum::<f32>() / pixels as f32,
            };
            let (slope, offset) = (contrast * colours[c], pivot * (brightness - contrast) * colours[c]);
            plane.iter_mut().for_each(|x| *x = slope * *x + offset);
        }
        if let [red, green, blue] = &mut view.chunks_exact_mut(pixels).collect::<Vec<_>>()[..] {
            for ((r, g), b) in red.iter_mut().zip(green.iter_mut()).zip(blue.iter_mut()) {
                let grey = (1.0 - saturation) * (*r + *g + *b) / 3.0;
                [*r, *g, *b] = [*r, *g, *b].map(|x| saturation * x + grey);
            }
        }
        view.iter_mut().for_each(|x| *x = x.clamp(0.0, 1.0));
    }
}

impl Ground {
    /// The image with one pixel of ground on every side, `[C, H + 2, W + 2]` in `0..=1`; and each channel's
    /// paper.
    fn around(self, shape: InputShape, image: &[u8]) -> (Vec<f32>, Vec<f32>) {
        let InputShape { height, width, .. } = shape;
        let mut source = Vec::with_capacity(shape.channels * (height + 2) * (width + 2));
        let mut paper = Vec::with_capacity(shape.channels);
        for plane in image.chunks_exact(height * width) {
            let colour = median(&mut border(plane, width));
            let beyond = |edge: u8| if self == Ground::Paper { colour } else { edge };
            let row = |row: &[u8], source: &mut Vec<f32>| {
                let ends = [row[0], row[width - 1]].map(beyond);
                let row = [ends[0]].into_iter().chain(row.iter().copied()).chain([ends[1]]);
                source.extend(row.map(unit));
            };
            let [first, last] = [&plane[..width], &plane[(height - 1) * width..]];
            row(&first.iter().map(|&x| beyond(x)).collect::<Vec<u8>>(), &mut source);
            plane.chunks_exact(width).for_each(|inner| row(inner, &mut source));
            row(&last.iter().map(|&x| beyond(x)).collect::<Vec<u8>>(), &mut source);
            paper.push(unit(colour));
        }
        (source, paper)
    }
}

/// The pixels along the border of a plane, `[H, W]`.
fn border(plane: &[u8], width: usize) -> Vec<u8> {
    let last = plane.len() - width;
    let sides = plane.chunks_exact(width).flat_map(|row| [row[0], row[width - 1]]);
    plane[..width].iter().chain(&plane[last..]).copied().chain(sides).collect()
}

fn median(values: &mut [u8]) -> u8 {
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
}

fn unit(byte: u8) -> f32 {
    f32::from(byte) * (1.0 / 255.0)
}

/// Uniform in `-range..range`.
fn either_side(rng: &mut impl Rng, range: f32) -> f32 {
    (2.0 * rng.random::<f32>() - 1.0) * range
}

/// From pixel `[x, y]` of a view to a point of the image, in pixels: `start + x * [x[0], y[0]] + y * [x[1],
/// y[1]]`.
struct Affine {
    x: [f32; 2],
    y: [f32; 2],
    start: [f32; 2],
}

/// Bilinear, of `source`, `[C, H + 2, W + 2]`; what lies further out than its border is like the border.
/// `bent` is added to where the map leads, `[H, W]` or empty.
fn resample(source: &[f32], shape: InputShape, (map, bent): (&Affine, &[[f32; 2]]), out: &mut [f32]) {
    let InputShape { height, width, .. } = shape;
    let (pixels, pitch) = (height * width, width + 2);
    let plane = pitch * (height + 2);
    for y in 0..height {
        // the border is column 0 and row 0 of the source
        let start = [map.x, map.y].map(|axis| axis[1] * y as f32);
        let start = [map.start[0] + 1.0 + start[0], map.start[1] + 1.0 + start[1]];
        for x in 0..width {
            let [aside, along] = bent.get(y * width + x).copied().unwrap_or_default();
            let from_x = (start[0] + map.x[0] * x as f32 + aside).clamp(0.0, (width + 1) as f32);
            let from_y = (start[1] + map.y[0] * x as f32 + along).clamp(0.0, (height + 1) as f32);
            let (column, row) = ((from_x as usize).min(width), (from_y as usize).min(height));
            let (right, down) = (from_x - column as f32, from_y - row as f32);
            let at = row * pitch + column;
            for c in 0..shape.channels {
                let near = &source[c * plane + at..][..pitch + 2];
                let above = (1.0 - right) * near[0] + right * near[1];
                let below = (1.0 - right) * near[pitch] + right * near[pitch + 1];
                out[c * pixels + y * width + x] = (1.0 - down) * above + down * below;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const GREY: InputShape = InputShape { channels: 1, height: 20, width: 24 };
    const COLOUR: InputShape = InputShape { channels: 3, height: 16, width: 12 };

    /// A bright disc left of the middle on black, softly shaded, in as many colours as there are channels.
    fn disc(shape: InputShape) -> Vec<u8> {
        let pixel = |i: usize| {
            let (c, y, x) =
                (i / (shape.height * shape.width), i / shape.width % shape.height, i % shape.width);
            let [y, x] = [y as f32 / shape.height as f32 - 0.5, x as f32 / shape.width as f32 - 0.4];
            ((1.0 - 3.0 * (x * x + y * y).sqrt()).max(0.0) * (250 - 60 * c) as f32) as u8
        };
        (0..shape.size()).map(pixel).collect()
    }

    fn view(ranges: &Ranges, shape: InputShape, image: &[u8], seed: u64) -> Vec<f32> {
        let mut out = vec![f32::NAN; shape.size()];
        ranges.view(shape, image, &mut ChaCha8Rng::seed_from_u64(seed), &mut out);
        out
    }

    #[test]
    fn without_ranges_a_view_is_the_image() {
        for shape in [GREY, COLOUR, InputShape { channels: 1, height: 1, width: 1 }] {
            let image = disc(shape);
            let expected: Vec<f32> = image.iter().map(|&x| unit(x)).collect();
            for ground in [Ground::Paper, Ground::Scene] {
                assert_eq!(view(&Ranges { ground, ..Ranges::NONE }, shape, &image, 1), expected);
            }
        }
    }

    #[test]
    fn views_are_images_and_in_the_mean_the_image() {
        for (kind, shape, tolerance) in [
            (Augment::Digits, GREY, 0.04),
            (Augment::Digits, COLOUR, 0.04),
            (Augment::Photos, GREY, 0.15), // crops enlarge
            (Augment::Photos, COLOUR, 0.15),
        ] {
            let image = disc(shape);
            let views: Vec<Vec<f32>> =
                (0..2000).map(|seed| view(&kind.ranges(), shape, &image, seed)).collect();
            assert!(views.iter().flatten().all(|x| (0.0..=1.0).contains(x)), "{kind}");
            assert!(views.windows(2).all(|two| two[0] != two[1]), "{kind}: two views are equal");
            let mean = |at: usize| views.iter().map(|view| view[at]).sum::<f32>() / 2000.0;
            let away = image.iter().enumerate().map(|(at, &x)| (mean(at) - unit(x)).abs());
            let away = away.sum::<f32>() / shape.size() as f32;
            assert!(away < tolerance, "{kind} {shape:?}: {away}");
        }
    }

    #[test]
    fn photos_are_mirrored_half_of_the_time_and_digits_never() {
        for (kind, expected) in [(Augment::Digits, 0..=0), (Augment::Photos, 450..=550)] {
            let mut rng = ChaCha8Rng::seed_from_u64(3);
            let mirrored = (0..1000).filter(|_| kind.ranges().map(COLOUR, &mut rng).x[0] < 0.0).count();
            assert!(expected.contains(&mirrored), "{kind}: {mirrored}");
        }
        let mirror = Ranges { flip: 1.0, ..Ranges::NONE };
        let rows = view(&mirror, InputShape { channels: 1, height: 2, width: 3 }, &[0, 0, 255, 255, 0, 0], 1);
        assert_eq!(rows, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn crops_stay_inside_the_image() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for _ in 0..1000 {
            let map = Ranges::PHOTOS.map(COLOUR, &mut rng);
            for (axis, start, side, first) in
                [(map.x, map.start[0], 12.0, map.x[0]), (map.y, map.start[1], 16.0, map.y[1])]
            {
                let ends = [-0.5, side - 0.5].map(|at| start + first * at);
                assert!(ends.iter().all(|end| (-0.501..side - 0.499).contains(end)), "{axis:?}: {ends:?}");
            }
        }
    }

    #[test]
    fn what_comes_in_over_the_border_is_paper() {
        let moved = Ranges { shift: 0.9, ..Ranges::DIGITS };
        for paper in [0u8, 230] {
            // ink in the middle, and a stroke that leaves the image
            let mut image = vec![paper; GREY.size()];
            image[8 * 24..9 * 24].fill(255 - paper);
            for seed in 0..50 {
                let view = view(&moved, GREY, &image, seed);
                let like_paper = view.iter().filter(|x| (**x - unit(paper)).abs() < 1e-5).count();
                assert!(like_paper > GREY.size() / 2, "paper {paper}, seed {seed}: {like_paper}");
            }
        }
    }

    #[test]
    fn dark_ink_on_paper_is_treated_like_its_negative() {
        let image = disc(GREY);
        let negative: Vec<u8> = image.iter().map(|x| 255 - x).collect();
        let views = [&image, &negative].map(|image| view(&Ranges::DIGITS, GREY, image, 6));
        assert!(views[0].iter().zip(&views[1]).all(|(a, b)| (a + b - 1.0).abs() < 1e-5));
    }

    #[test]
    fn a_turn_goes_about_the_middle() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let map = Ranges { rotation_deg: 90.0, ..Ranges::NONE }.map(GREY, &mut rng);
        for (axis, start, middle) in [(map.x, map.start[0], 11.5), (map.y, map.start[1], 9.5)] {
            assert!((start + axis[0] * 11.5 + axis[1] * 9.5 - middle).abs() < 1e-4);
        }
        assert!((map.x[0] * map.y[1] - map.x[1] * map.y[0] - 1.0).abs() < 1e-5, "a turn keeps areas");
    }

    #[test]
    fn a_fifth_of_the_photos_is_grey() {
        let image = disc(COLOUR);
        let pixels = COLOUR.height * COLOUR.width;
        let grey = |view: &&Vec<f32>| (0..pixels).all(|i| (view[i] - view[i + pixels]).abs() < 1e-6);
        let views: Vec<Vec<f32>> = (0..500).map(|seed| view(&Ranges::PHOTOS, COLOUR, &image, seed)).collect();
        let grey = views.iter().filter(grey).count();
        assert!((70..130).contains(&grey), "a fifth of 500: {grey}");
    }

    #[test]
    fn kinds_have_names() {
        for kind in Augment::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        let error = "letters".parse::<Augment>().unwrap_err();
        assert_eq!(error, "augmentation: expected none, digits or photos, got \"letters\"");
    }
}
