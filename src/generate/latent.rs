//! The latent space seen from where it is widest: every image as a dot, and what the decoder draws between
//! them.
//!
//! Latents are projected on the plane of their two principal directions (a latent of two numbers is shown as
//! it is); the decoder is asked for a grid of points in that plane.

use std::path::PathBuf;

use super::inputs::{Inputs, inputs, write_sheet};
use super::reconstructor::Reconstructor;
use crate::draw::plane_sheet::{Dot, PlaneSheet};
use crate::encode::Plane;
use crate::error::{Error, Result};
use crate::gallery::{ChooseOptions, Labels, Outcome, Pipeline, PipelineOptions, decide_polarity};
use crate::images::{Item, MemoryBudget, Pixels, Skipped, to_pixels};
use crate::observer::Observer;
use crate::output::thousands;
use crate::runtime::RuntimeOptions;

/// How far the grid reaches from the mean, in standard deviations.
const REACH: f32 = 2.5;
/// Images of a finer grid are too small to look at.
const MAX_GRID: usize = 100;

/// How to draw a latent space.
#[derive(Debug, Clone)]
pub struct LatentOptions {
    /// Of which model.
    pub model: ChooseOptions,
    /// Images at most, spread evenly over those there are.
    pub count: usize,
    /// Images along each side of the decoder's grid, at most 100; 0 leaves it out.
    pub grid: usize,
    /// Worker threads.
    pub threads: usize,
    /// Seed of the order in which dots are drawn over each other, and of the sample where there are very
    /// many.
    pub seed: u64,
    /// Which labels colour the dots.
    pub labels: Labels,
    /// The PNG file for the picture; none to get the pixels alone.
    pub sheet: Option<PathBuf>,
}

impl Default for LatentOptions {
    fn default() -> Self {
        let model = ChooseOptions::new(RuntimeOptions::default());
        LatentOptions {
            model,
            count: 10_000,
            grid: 15,
            threads: 1,
            seed: 0,
            labels: Labels::default(),
            sheet: None,
        }
    }
}

/// A latent space, seen.
#[derive(Debug)]
pub struct LatentView {
    /// The name of the model.
    pub model: String,
    /// The numbers of a latent.
    pub latent_size: usize,
    /// The images that could be read.
    pub points: Vec<Point>,
    /// The others.
    pub skipped: Vec<Skipped>,
    /// The share of the latents' variance along either direction of the plane, 0 to 1.
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

/// Encodes images of `data` (files, folders, containers) and draws where their latents lie.
///
/// # Errors
/// When `grid` is too large, no image can be read (with the first reason), `sheet` is one of the images or
/// cannot be written, the model or ONNX Runtime cannot be used, or the observer stops it.
pub fn view_latents(
    data: &[PathBuf],
    options: &LatentOptions,
    observer: &dyn Observer,
) -> Result<LatentView> {
    if options.grid > MAX_GRID {
        return Err(Error::invalid(format!("`grid`: expected at most {MAX_GRID}, got {}", options.grid)));
    }
    let output = options.sheet.as_deref();
    let Inputs { items, mut skipped } = inputs(data, options.count, output, observer)?;
    let mut reconstructor = Reconstructor::open(&items, &options.model, observer)?;
    let Encoded { latents, points, skipped: unread } = encode(&reconstructor, &items, options, observer)?;
    if points.is_empty() {
        let first =
            unread.first().map_or("none was given".to_owned(), |s| format!("{}: {}", s.path, s.reason));
        return Err(Error::not_found(format!("images: expected at least one that can be read: {first}")));
    }
    skipped.extend(unread);
    let plane = Plane::fit(&latents, reconstructor.model.metadata.latent_size, options.seed);
    let at = plane.points(&latents);
    let points: Vec<Point> = points.into_iter().zip(at).map(|(point, at)| Point { at, ..point }).collect();
    let frame = Frame::around(&points);
    let grid = manifold(&mut reconstructor, &plane, &frame, options.grid)?;
    let (model, latent_size) = (reconstructor.model.metadata.name, reconstructor.model.metadata.latent_size);
    let corners = [(-1.0, -1.0), (1.0, 1.0)].map(|(u, v)| frame.at(u, v));
    let sheet = PlaneSheet {
        title: [
            model.clone(),
            format!("{} images as latents of {latent_size} numbers", thousands(points.len() as u64)),
        ],
        dots: points.iter().map(|point| Dot { at: point.at, label: point.label.as_deref() }).collect(),
        axes: axes(latent_size, plane.shares),
        grid: (!grid.is_empty()).then_some((&grid[..], corners)),
        seed: options.seed,
    };
    let sheet = sheet.draw();
    write_sheet(output, &sheet)?;
    Ok(LatentView { model, latent_size, points, skipped, shares: plane.shares, sheet })
}

/// What the two axes of the picture are.
fn axes(latent_size: usize, shares: [f64; 2]) -> String {
    let [x, y] = shares.map(|share| format!("{:.0} %", 100.0 * share));
    match latent_size {
        0..=2 => "across: the first number; up: the second".to_owned(),
        _ => format!("across: the principal direction, {x} of the variance; up: the second, {y}"),
    }
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
    let Reconstructor { runtime, model, options: choice, polarity, .. } = reconstructor;
    let (device, limits) = (choice.device, choice.limits);
    let how = PipelineOptions { threads: options.threads, device, limits, budget: MemoryBudget::default() };
    let mut pipeline = Pipeline::new(runtime, model, how);
    let all: Vec<&Item> = items.iter().collect();
    let polarity = match polarity {
        Some(polarity) => *polarity,
        None => decide_polarity(&all, choice.invert, &pipeline)?,
    };
    pipeline.inverted = polarity.inverted;
    let named: Vec<_> = items.iter().map(|item| (item.name(), item.label().map(str::to_owned))).collect();
    let named = options.labels.of(&named)?;
    let mut encoded = Encoded::default();
    let coded = pipeline.encode(&all, observer, &mut |job, outcome| {
        let (path, label) = (items[job].display(), named[job].clone());
        match outcome {
            Outcome::Encoded { latent, .. } => {
                encoded.latents.extend(latent);
                encoded.points.push(Point { path, label, at: [0.0; 2] });
            }
            Outcome::Skipped(reason) => {
                observer.skipped(&path, &reason);
                encoded.skipped.push(Skipped::new(items[job].name(), reason));
            }
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

/// What the decoder makes of `n` x `n` points of the frame, rows from the top.
fn manifold(
    reconstructor: &mut Reconstructor,
    plane: &Plane,
    frame: &Frame,
    n: usize,
) -> Result<Vec<Pixels>> {
    let along = |i: usize| if n > 1 { 2.0 * i as f32 / (n - 1) as f32 - 1.0 } else { 0.0 };
    let places = (0..n).flat_map(|row| (0..n).map(move |column| (along(column), -along(row))));
    let latents: Vec<f32> = places.flat_map(|(u, v)| plane.latent(frame.at(u, v))).collect();
    let shape = reconstructor.drawn();
    let images = reconstructor.autoencoder.decoder.decode(&latents)?;
    Ok(images.chunks_exact(shape.size()).map(|image| to_pixels(image, shape)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(label: Option<&str>, at: [f32; 2]) -> Point {
        Point { path: String::new(), label: label.map(str::to_owned), at }
    }

    #[test]
    fn the_frame_reaches_as_far_as_the_images_do() {
        let frame = Frame::around(&[point(None, [1.0, 0.0]), point(None, [3.0, 0.0])]);
        assert_eq!((frame.at(0.0, 0.0), frame.at(1.0, 1.0)), ([2.0, 0.0], [4.5, 0.0]));
    }
}
