//! The latent space seen from where it is widest: every image as a dot, and what the decoder draws between them.
//!
//! Left, the latents projected on the plane of their two principal directions (a latent of two numbers is shown as it is),
//! coloured by label. Right, the decoder's answers on a grid of that plane, over the frame that is marked on the left.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::reconstructor::Reconstructor;
use crate::draw::canvas::{Area, Canvas, Colour, Pen, fitted, text_height, text_width};
use crate::draw::colormap::LABELS;
use crate::draw::style::{BLUE, FAINT, GAP, INK, LINE, MARGIN, PAPER, RULE, STRONG, TEXT, WEAK};
use crate::encode::Plane;
use crate::error::{Error, Result};
use crate::gallery::{Outcome, Pipeline, PipelineOptions, decide_polarity};
use crate::images::{Item, MemoryBudget, Pixels, Skipped, to_pixels};
use crate::observer::Observer;

/// Side of the plot and of the grid of images: fifteen times twice 28.
const SIDE: usize = 840;
/// How far the grid reaches from the mean, in standard deviations.
const REACH: f32 = 2.5;
/// The most characters of a label that are written.
const LABEL: usize = 14;
/// Scale of the font among the dots.
const NAME: usize = 3;

/// How to look at latents.
#[derive(Debug, Clone)]
pub struct LatentOptions {
    /// Images along each side of the grid; 0 leaves it out.
    pub grid: usize,
    /// Worker threads.
    pub threads: usize,
    /// Seed of the order in which dots are drawn over each other, and of the sample where there are very many.
    pub seed: u64,
}

impl Default for LatentOptions {
    fn default() -> Self {
        LatentOptions { grid: 15, threads: 1, seed: 0 }
    }
}

/// A look at latents.
#[derive(Debug)]
pub struct LatentView {
    /// The images that could be read.
    pub points: Vec<Point>,
    /// The others.
    pub skipped: Vec<Skipped>,
    /// The share of the latents' variance that is seen along either direction, 0 to 1.
    pub shares: [f64; 2],
    /// The picture.
    pub sheet: Pixels,
}

/// Where an image lies.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What it is called.
    pub path: String,
    /// Its label, where one is known.
    pub label: Option<String>,
    /// Along the two directions, in the latent's own unit.
    pub at: [f32; 2],
}

/// Encodes `items` and draws where they lie.
///
/// # Errors
/// When the model fails, no image can be read (the first reason is told), or the observer interrupts.
pub fn view_latents(
    reconstructor: &mut Reconstructor,
    items: &[Item],
    options: &LatentOptions,
    observer: &dyn Observer,
) -> Result<LatentView> {
    let Encoded { latents, points, skipped } = encode(reconstructor, items, options, observer)?;
    if points.is_empty() {
        let first =
            skipped.first().map_or("none was given".to_owned(), |s| format!("{}: {}", s.path, s.reason));
        return Err(Error::invalid(format!("images: expected at least one that can be read: {first}")));
    }
    let plane = Plane::fit(&latents, reconstructor.model.metadata.latent_size, options.seed);
    let at = plane.points(&latents);
    let points: Vec<Point> = points.into_iter().zip(at).map(|(point, at)| Point { at, ..point }).collect();
    let frame = Frame::around(&points);
    let grid = manifold(reconstructor, &plane, &frame, options.grid)?;
    let sheet = Sheet { reconstructor, plane: &plane, points: &points, frame, grid: &grid };
    Ok(LatentView { sheet: sheet.draw(options), shares: plane.shares, points, skipped })
}

/// Latents [N, D] and whose they are.
#[derive(Default)]
struct Encoded {
    latents: Vec<f32>,
    points: Vec<Point>,
    skipped: Vec<Skipped>,
}

fn encode(
    reconstructor: &Reconstructor,
    items: &[Item],
    options: &LatentOptions,
    observer: &dyn Observer,
) -> Result<Encoded> {
    let Reconstructor { runtime, model, options: looking, polarity, .. } = reconstructor;
    let (device, limits) = (looking.device, looking.limits);
    let how = PipelineOptions { threads: options.threads, device, limits, budget: MemoryBudget::default() };
    let mut pipeline = Pipeline::new(runtime, model, how);
    let all: Vec<&Item> = items.iter().collect();
    let polarity = match polarity {
        Some(polarity) => *polarity,
        None => decide_polarity(&all, looking.invert, &pipeline)?,
    };
    pipeline.inverted = polarity.inverted;
    let mut encoded = Encoded::default();
    let coded = pipeline.encode(&all, observer, &mut |job, outcome| {
        let (path, label) = (items[job].display(), items[job].label().map(str::to_owned));
        match outcome {
            Outcome::Encoded { latent, .. } => {
                encoded.latents.extend(latent);
                encoded.points.push(Point { path, label, at: [0.0; 2] });
            }
            Outcome::Skipped(reason) => encoded.skipped.push(Skipped::new(items[job].name(), reason)),
            Outcome::Same(_) => {} // no content is known beforehand
        }
        Ok(())
    })?;
    if coded.is_finished() { Ok(encoded) } else { Err(Error::Interrupted) }
}

/// The part of the plane that the grid covers: mean and standard deviation along each direction.
#[derive(Debug, Clone, Copy)]
struct Frame {
    mean: [f32; 2],
    deviation: [f32; 2],
}

impl Frame {
    fn around(points: &[Point]) -> Frame {
        let n = points.len().max(1) as f32;
        let mean = [0, 1].map(|axis| points.iter().map(|point| point.at[axis]).sum::<f32>() / n);
        let deviation = [0, 1].map(|axis| {
            let squares = points.iter().map(|point| (point.at[axis] - mean[axis]).powi(2));
            (squares.sum::<f32>() / n).sqrt()
        });
        Frame { mean, deviation }
    }

    /// The point at `u`, `v`, both -1 to 1 from the left and from the bottom of the frame.
    fn at(&self, u: f32, v: f32) -> [f32; 2] {
        let [x, y] = self.mean;
        [x + REACH * u * self.deviation[0], y + REACH * v * self.deviation[1]]
    }
}

/// What the decoder draws at `n` x `n` points of the frame, rows from the top.
fn manifold(
    reconstructor: &mut Reconstructor,
    plane: &Plane,
    frame: &Frame,
    n: usize,
) -> Result<Vec<Pixels>> {
    let along = |i: usize| if n > 1 { 2.0 * i as f32 / (n - 1) as f32 - 1.0 } else { 0.0 };
    let places = (0..n).flat_map(|row| (0..n).map(move |column| (along(column), -along(row))));
    let latents: Vec<f32> = places.flat_map(|(u, v)| plane.latent(frame.at(u, v))).collect();
    let shape = reconstructor.shape();
    let images = reconstructor.autoencoder.decoder.decode(&latents)?;
    Ok(images.chunks_exact(shape.size()).map(|image| to_pixels(image, shape)).collect())
}

/// What is drawn.
struct Sheet<'a> {
    reconstructor: &'a Reconstructor,
    plane: &'a Plane,
    points: &'a [Point],
    frame: Frame,
    grid: &'a [Pixels],
}

impl Sheet<'_> {
    fn draw(&self, options: &LatentOptions) -> Pixels {
        let legend = Legend::of(self.points);
        let top = MARGIN + 5 * LINE;
        let right = MARGIN + SIDE + GAP + legend.width();
        let width = if self.grid.is_empty() { right } else { right + GAP + SIDE + MARGIN };
        let mut canvas = Canvas::new(width, top + SIDE + 2 * LINE + MARGIN, PAPER);
        let metadata = &self.reconstructor.model.metadata;
        canvas.text((MARGIN, MARGIN), &metadata.name, STRONG);
        let (n, size) = (self.points.len(), metadata.latent_size);
        canvas.text((MARGIN, MARGIN + LINE), &format!("{n} images as latents of {size} numbers"), WEAK);

        let plot = Area { x: MARGIN, y: top, width: SIDE, height: SIDE };
        let dots = if legend.labels.is_empty() {
            "a dot for each image"
        } else {
            "a dot for each image, coloured by its label"
        };
        canvas.text((plot.x, top - LINE - LINE / 2), dots, WEAK);
        self.draw_plot(&mut canvas, plot, &legend, options.seed);
        legend.draw(&mut canvas, (MARGIN + SIDE + GAP, top));
        if !self.grid.is_empty() {
            let grid = Area { x: right + GAP, ..plot };
            draw_grid(&mut canvas, grid, self.grid);
            canvas.text((grid.x, top - LINE - LINE / 2), "what the decoder draws inside the frame", WEAK);
        }
        canvas.into_pixels()
    }

    fn draw_plot(&self, canvas: &mut Canvas, plot: Area, legend: &Legend, seed: u64) {
        canvas.fill(plot, [255; 3]);
        canvas.outline(plot, RULE);
        let corners = [(-1.0, -1.0), (1.0, 1.0)].map(|(u, v)| self.frame.at(u, v));
        let corners = if self.grid.is_empty() { &[][..] } else { &corners };
        let view = View::of(self.points.iter().map(|point| point.at).chain(corners.iter().copied()), plot);
        let mut order: Vec<usize> = (0..self.points.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed)); // else the last label covers the others
        let radius = if self.points.len() > 2000 { 2.5 } else { 4.0 };
        for &i in &order {
            canvas.disc(
                view.place(self.points[i].at),
                radius,
                legend.colour(self.points[i].label.as_deref()),
            );
        }
        if let [low, high] = corners {
            let ((left, bottom), (right, top)) = (view.place(*low), view.place(*high));
            let (x, y, width, height) = (left as usize, top as usize, right - left, bottom - top);
            canvas.outline(Area { x, y, width: width as usize, height: height as usize }, INK);
        }
        legend.draw_names(canvas, self.points, &view);
        let shares = self.plane.shares.map(|share| format!("{:.0} %", 100.0 * share));
        let caption = match self.reconstructor.model.metadata.latent_size {
            0..=2 => "across: the first number; up: the second".to_owned(),
            _ => format!(
                "across: the principal direction, {} of the variance; up: the second, {}",
                shares[0], shares[1]
            ),
        };
        canvas.text((plot.x, plot.y + plot.height + LINE / 2), &caption, WEAK);
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
    fn of(points: &[Point]) -> Legend {
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        for label in points.iter().filter_map(|point| point.label.as_deref()) {
            *counts.entry(label).or_default() += 1;
        }
        let mut labels: Vec<(&str, usize)> = counts.into_iter().collect();
        let others = labels.len() > LABELS.len();
        if others {
            labels.sort_by_key(|&(label, count)| (std::cmp::Reverse(count), label));
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
        let longest = self.lines().iter().map(|(label, _)| label.chars().count()).max();
        longest.map_or(0, |n| GAP + text_width(n.min(LABEL), TEXT))
    }

    fn draw(&self, canvas: &mut Canvas, (left, top): (usize, usize)) {
        for (i, (label, colour)) in self.lines().into_iter().enumerate() {
            let y = top + i * (LINE + 4);
            canvas.disc((left as f32 + 6.0, y as f32 + 8.0), 6.0, colour);
            let name = fitted(label, TEXT, text_width(LABEL, TEXT));
            canvas.text((left + GAP, y), &name, Pen { scale: TEXT, colour: FAINT });
        }
    }

    /// Writes each label in the midst of its dots, where no other one is written yet.
    fn draw_names(&self, canvas: &mut Canvas, points: &[Point], view: &View) {
        let mut written: Vec<Area> = Vec::new();
        for label in &self.labels {
            let own = points.iter().filter(|point| point.label.as_ref() == Some(label));
            let own: Vec<[f32; 2]> = own.map(|point| point.at).collect();
            let median = [0, 1].map(|axis| {
                let mut along: Vec<f32> = own.iter().map(|at| at[axis]).collect();
                along.sort_by(f32::total_cmp);
                along.get(along.len() / 2).copied().unwrap_or(0.0)
            });
            let (name, (x, y)) = (fitted(label, NAME, text_width(LABEL, NAME)), view.place(median));
            let (width, height) = (text_width(name.chars().count(), NAME), text_height(NAME));
            let area = Area {
                x: (x as usize).saturating_sub(width / 2),
                y: (y as usize).saturating_sub(height / 2),
                width,
                height,
            };
            if !written.iter().any(|other| other.meets(area)) {
                haloed(canvas, &name, (area.x, area.y));
                written.push(area);
            }
        }
    }
}

/// Text that stays legible on dots.
fn haloed(canvas: &mut Canvas, text: &str, (x, y): (usize, usize)) {
    for (dx, dy) in (0..9).map(|i| (i % 3, i / 3)).filter(|at| *at != (1, 1)) {
        let at = ((x + NAME * dx).saturating_sub(NAME), (y + NAME * dy).saturating_sub(NAME));
        canvas.text(at, text, Pen { scale: NAME, colour: PAPER });
    }
    canvas.text((x, y), text, Pen { scale: NAME, colour: INK });
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

    fn point(label: Option<&str>, at: [f32; 2]) -> Point {
        Point { path: String::new(), label: label.map(str::to_owned), at }
    }

    #[test]
    fn rare_labels_share_a_colour() {
        let named = |n: usize| (0..n).map(|i| point(Some(&format!("{i:02}")), [0.0; 2]));
        let ten: Vec<Point> = named(10).collect();
        let colours: std::collections::HashSet<Colour> =
            ten.iter().map(|point| Legend::of(&ten).colour(point.label.as_deref())).collect();
        assert_eq!((colours.len(), Legend::of(&ten).lines().len()), (10, 10));
        // Of twelve labels, nine are there twice.
        let twelve: Vec<Point> = named(12).chain(named(12).skip(3)).collect();
        let legend = Legend::of(&twelve);
        assert_eq!(legend.labels[..2], ["03", "04"]);
        assert_eq!(legend.lines().last().map(|line| line.0), Some("others"));
        assert_eq!(legend.colour(Some("00")), legend.colour(Some("02")));
        let unknown = Legend::of(&[point(None, [0.0; 2])]);
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
    fn the_frame_reaches_as_far_as_the_images_do() {
        let frame = Frame::around(&[point(None, [1.0, 0.0]), point(None, [3.0, 0.0])]);
        assert_eq!((frame.at(0.0, 0.0), frame.at(1.0, 1.0)), ([2.0, 0.0], [4.5, 0.0]));
    }
}
