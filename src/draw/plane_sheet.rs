//! The latent space as a picture: every image as a dot in a plane, and beside it what the decoder draws at a
//! grid of points.
//!
//! Layout only: where the dots lie, and what the grid shows, is the caller's. Dots are coloured by label, and
//! the part of the plane that the grid covers is framed.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::canvas::{Area, Canvas, Colour, Pen};
use super::colormap::LABELS;
use super::style::{BLUE, GAP, HEADING, INK, LINE, MARGIN, PAPER, RULE, TEXT, WEAK, heading};
use super::text::{column_width, fitted, text_height, text_middle, text_width};
use crate::images::Pixels;

/// Side of the plot and of the grid of images: fifteen times twice 28.
const SIDE: usize = 840;
/// A label is as wide as so many digits at most.
const LABEL: usize = 14;
/// For the labels among the dots.
const NAME: Pen = Pen { size: 22.0, colour: INK };
/// With more dots than this, they are small.
const MANY: usize = 2000;

/// What a sheet shows.
#[derive(Debug, Clone, Default)]
pub struct PlaneSheet<'a> {
    /// The heading, and a line below it.
    pub title: [String; 2],
    /// The images.
    pub dots: Vec<Dot<'a>>,
    /// What the two axes are.
    pub axes: String,
    /// The images of a square grid, rows from the top, and the lower left and upper right corners of what it
    /// covers.
    pub grid: Option<(&'a [Pixels], [[f32; 2]; 2])>,
    /// Seed of the order in which dots are drawn over each other.
    pub seed: u64,
}

/// An image in the plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dot<'a> {
    /// Its place; up is up.
    pub at: [f32; 2],
    /// Its label, where one is known.
    pub label: Option<&'a str>,
}

impl PlaneSheet<'_> {
    /// Draws it, u8 RGB.
    pub fn draw(&self) -> Pixels {
        let legend = Legend::of(&self.dots);
        let top = MARGIN + HEADING + 2 * LINE;
        let right = MARGIN + SIDE + GAP + legend.width();
        let width = if self.grid.is_none() { right } else { right + GAP + SIDE + MARGIN };
        let mut canvas = Canvas::new(width, top + SIDE + 2 * LINE + MARGIN, PAPER);
        heading(&mut canvas, self.title.each_ref().map(String::as_str), fitted);

        let plot = Area { x: MARGIN, y: top, width: SIDE, height: SIDE };
        let dots = match legend.labels.is_empty() {
            true => "a dot for each image",
            false => "a dot for each image, coloured by its label",
        };
        canvas.text((plot.x, top - LINE - 4), dots, WEAK);
        self.draw_plot(&mut canvas, plot, &legend);
        legend.draw(&mut canvas, (MARGIN + SIDE + GAP, top));
        if let Some((images, _)) = self.grid {
            let grid = Area { x: right + GAP, ..plot };
            draw_grid(&mut canvas, grid, images);
            canvas.text((grid.x, top - LINE - 4), "what the decoder draws inside the frame", WEAK);
        }
        canvas.into_pixels()
    }

    fn draw_plot(&self, canvas: &mut Canvas, plot: Area, legend: &Legend) {
        canvas.fill(plot, [255; 3]);
        canvas.outline(plot, RULE);
        let corners = self.grid.map(|(_, corners)| corners);
        let view = View::of(self.dots.iter().map(|dot| dot.at).chain(corners.into_iter().flatten()), plot);
        let mut order: Vec<usize> = (0..self.dots.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(self.seed)); // else the last label covers the others
        let radius = if self.dots.len() > MANY { 2.5 } else { 4.0 };
        for &i in &order {
            canvas.disc(view.place(self.dots[i].at), radius, legend.colour(self.dots[i].label));
        }
        if let Some([low, high]) = corners {
            let ((left, bottom), (right, top)) = (view.place(low), view.place(high));
            let (x, y, width, height) = (left as usize, top as usize, right - left, bottom - top);
            canvas.outline(Area { x, y, width: width as usize, height: height as usize }, INK);
        }
        legend.draw_names(canvas, &self.dots, &view);
        canvas.text((plot.x, plot.y + plot.height + LINE / 2), &self.axes, WEAK);
    }
}

/// From the plane to the canvas: the same scale in both directions, everything in sight.
struct View {
    centre: [f32; 2],
    scale: f32,
    middle: (f32, f32),
}

impl View {
    fn of(points: impl Iterator<Item = [f32; 2]>, plot: Area) -> View {
        let nowhere = [(f32::INFINITY, f32::NEG_INFINITY); 2];
        let bounds = points
            .fold(nowhere, |[x, y], at| [(x.0.min(at[0]), x.1.max(at[0])), (y.0.min(at[1]), y.1.max(at[1]))]);
        let centre = bounds.map(|(low, high)| (low + high) / 2.0);
        let extent = bounds.iter().map(|(low, high)| high - low).fold(1e-6, f32::max);
        let middle = ((plot.x + plot.width / 2) as f32, (plot.y + plot.height / 2) as f32);
        View { centre, scale: 0.94 * plot.width as f32 / extent, middle }
    }

    fn place(&self, [x, y]: [f32; 2]) -> (f32, f32) {
        let [cx, cy] = self.centre;
        (self.middle.0 + (x - cx) * self.scale, self.middle.1 - (y - cy) * self.scale)
    }
}

/// Which label has which colour. Beyond ten labels, those with fewest images share the last colour.
struct Legend {
    /// In the order of their names.
    labels: Vec<String>,
    /// Whether there are more than are named.
    others: bool,
}

impl Legend {
    fn of(dots: &[Dot]) -> Legend {
        let mut counts = BTreeMap::<&str, usize>::new();
        for label in dots.iter().filter_map(|dot| dot.label) {
            *counts.entry(label).or_default() += 1;
        }
        let mut labels: Vec<(&str, usize)> = counts.into_iter().collect();
        let others = labels.len() > LABELS.len();
        if others {
            labels.sort_by_key(|&(label, count)| (Reverse(count), label));
            labels.truncate(LABELS.len() - 1);
            labels.sort_unstable();
        }
        Legend { labels: labels.into_iter().map(|(label, _)| label.to_owned()).collect(), others }
    }

    fn colour(&self, label: Option<&str>) -> Colour {
        match label {
            _ if self.labels.is_empty() => BLUE,
            None => RULE,
            Some(label) => self.labels.iter().position(|l| l == label).map_or(LABELS[9], |i| LABELS[i]),
        }
    }

    /// The lines: names with their colours.
    fn lines(&self) -> Vec<(&str, Colour)> {
        let named = self.labels.iter().zip(LABELS).map(|(label, colour)| (label.as_str(), colour));
        named.chain(self.others.then_some(("others", LABELS[9]))).collect()
    }

    fn width(&self) -> usize {
        let longest = self.lines().iter().map(|(label, _)| text_width(label, TEXT)).max();
        longest.map_or(0, |width| GAP + width.min(column_width(LABEL, TEXT)))
    }

    fn draw(&self, canvas: &mut Canvas, (left, top): (usize, usize)) {
        for (i, (label, colour)) in self.lines().into_iter().enumerate() {
            let y = top + i * (LINE + 4);
            canvas.disc((left as f32 + 6.0, y as f32 + text_middle(TEXT)), 6.0, colour);
            canvas.text((left + GAP, y), &fitted(label, TEXT, column_width(LABEL, TEXT)), WEAK);
        }
    }

    /// Writes each label in the middle of its dots, unless another one is already there.
    fn draw_names(&self, canvas: &mut Canvas, dots: &[Dot], view: &View) {
        let mut written: Vec<Area> = Vec::new();
        for label in &self.labels {
            let own: Vec<[f32; 2]> =
                dots.iter().filter(|dot| dot.label == Some(label)).map(|dot| dot.at).collect();
            let median = [0, 1].map(|axis| {
                let mut along: Vec<f32> = own.iter().map(|at| at[axis]).collect();
                along.sort_by(f32::total_cmp);
                along.get(along.len() / 2).copied().unwrap_or(0.0)
            });
            let (name, (x, y)) =
                (fitted(label, NAME.size, column_width(LABEL, NAME.size)), view.place(median));
            let (width, height) = (text_width(&name, NAME.size), text_height(NAME.size));
            let area = Area {
                x: (x as usize).saturating_sub(width / 2),
                y: (y as usize).saturating_sub(height / 2),
                width,
                height,
            };
            if !written.iter().any(|other| other.meets(area)) {
                canvas.text_with_edge((area.x, area.y), &name, NAME, PAPER);
                written.push(area);
            }
        }
    }
}

/// The images of the grid, edge to edge.
fn draw_grid(canvas: &mut Canvas, area: Area, images: &[Pixels]) {
    let n = images.len().isqrt().max(1);
    let cell = area.width / n;
    for (i, image) in images.iter().enumerate() {
        let (x, y) = (area.x + i % n * cell, area.y + i / n * cell);
        canvas.image(image, Area { x, y, width: cell, height: cell });
    }
    canvas.outline(Area { width: n * cell, height: n * cell, ..area }.grown(1), INK);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(label: Option<&str>) -> Dot<'_> {
        Dot { at: [0.0; 2], label }
    }

    #[test]
    fn rare_labels_share_a_colour() {
        let names: Vec<String> = (0..12).map(|i| format!("{i:02}")).collect();
        let named = |n: usize| names.iter().take(n).map(|name| dot(Some(name)));
        let ten: Vec<Dot> = named(10).collect();
        let colours: std::collections::HashSet<Colour> =
            ten.iter().map(|dot| Legend::of(&ten).colour(dot.label)).collect();
        assert_eq!((colours.len(), Legend::of(&ten).lines().len()), (10, 10));
        // Of twelve labels, nine are there twice.
        let twelve: Vec<Dot> = named(12).chain(named(12).skip(3)).collect();
        let legend = Legend::of(&twelve);
        assert_eq!(legend.labels[..2], ["03", "04"]);
        assert_eq!(legend.lines().last().map(|line| line.0), Some("others"));
        assert_eq!(legend.colour(Some("00")), legend.colour(Some("02")));
        let unknown = Legend::of(&[dot(None)]);
        assert_eq!((unknown.colour(None), unknown.width()), (BLUE, 0));
    }

    #[test]
    fn everything_is_in_sight_and_up_is_up() {
        let plot = Area { x: 10, y: 20, width: 100, height: 100 };
        let points = [[-3.0, 0.0], [5.0, 2.0]];
        let view = View::of(points.into_iter(), plot);
        let [(left, low), (right, high)] = points.map(|at| view.place(at));
        assert!(10.0 < left && left < right && right < 110.0 && 20.0 < high && high < low && low < 120.0);
        let alone = View::of([[7.0, 7.0]].into_iter(), plot);
        assert_eq!(alone.place([7.0, 7.0]), (60.0, 70.0));
    }

    #[test]
    fn dots_and_grid_stand_side_by_side() {
        let image = Pixels { width: 2, height: 2, channels: 1, data: vec![77; 4] };
        let images = vec![image; 9];
        let dots = vec![Dot { at: [0.0, 1.0], label: Some("a") }, Dot { at: [1.0, 0.0], label: None }];
        let plain = PlaneSheet { dots, ..PlaneSheet::default() };
        let both = PlaneSheet { grid: Some((&images, [[0.0; 2], [1.0; 2]])), ..plain.clone() };
        let (plain, both) = (plain.draw(), both.draw());
        assert_eq!(plain.height, both.height);
        assert_eq!(both.width, plain.width + GAP + SIDE + MARGIN);
        let grey = |sheet: &Pixels| sheet.data.chunks_exact(3).filter(|dot| **dot == [77; 3]).count();
        assert_eq!((grey(&plain), grey(&both)), (0, SIDE * SIDE));
        assert!(!PlaneSheet::default().draw().data.is_empty());
    }
}
