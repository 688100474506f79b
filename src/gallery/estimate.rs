//! What `update` would take, before it starts: from listing the images and running a sample of them through
//! the model.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aesearch_index::Snapshot;

use super::again::{moves_to, outgrown};
use super::binarizers::Wanted;
use super::choose::choose;
use super::folder::{base, load_indexed_model, open_if_any};
use super::listing::Listed;
use super::memory::fixed;
use super::outcome::Outcome;
use super::pipeline::{Pipeline, PipelineOptions};
use super::plan::Plan;
use super::record::Facts;
use super::update::UpdateOptions;
use crate::error::{Error, Result};
use crate::images::{Item, Skipped, file_of, spread};
use crate::observer::Observer;
use crate::runtime::ensure;

/// Images that are run through the model.
const SAMPLE: usize = 256;
/// Share of a core that each further thread adds, measured on two cores: the rest is waiting for memory.
const PARALLEL: f64 = 0.95;
/// Seconds per image for building the index, beside the workers' part.
const BUILD: f64 = 8e-6;
/// Bytes per image in an index, beside name, label, code and latent: record, offsets, id, its share of the
/// graph.
const PER_IMAGE: f64 = 75.0;

/// What a run of [`update`](super::update()) would take.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// Images found.
    pub images: usize,
    /// Of these, images that would be read: new ones, and those that may have changed.
    pub to_read: usize,
    /// Bytes of all files.
    pub bytes: u64,
    /// Images that were run through the model.
    pub sampled: usize,
    /// Images of the sample that cannot be used, and paths that cannot be listed.
    pub skipped: Vec<Skipped>,
    /// Name of the model.
    pub model: String,
    /// Bits per code.
    pub bits: usize,
    /// Worker threads.
    pub threads: usize,
    /// How long it would take.
    pub seconds: f64,
    /// Peak of memory, in bytes.
    pub memory_bytes: u64,
    /// Size of the index, in bytes. While a run ends there may be twice as much.
    pub index_bytes: u64,
}

/// Estimates what an update of the index at `dir` with the images of `data` would take. Nothing is written.
///
/// # Errors
/// As [`update`](super::update()).
pub fn estimate(
    dir: &Path,
    data: &[PathBuf],
    options: &UpdateOptions,
    observer: &dyn Observer,
) -> Result<Estimate> {
    let start = Instant::now();
    let old = open_if_any(dir)?;
    let Listed { walk, names, .. } = options.listing().list(data, old.as_ref(), base(dir))?;
    let model = match &old {
        Some((_, facts)) => match moves_to(facts, options.asked())? {
            Some(model) => model,
            None => load_indexed_model(dir, facts, &options.model, &options.load)?,
        },
        None => {
            choose(&walk.items.iter().collect::<Vec<_>>(), &options.choice(walk.items.len())?, observer)?.0
        }
    };
    let wanted = Wanted::new(&options.binarizer, options.bits, &model, (options.seed, options.threads))?;
    let moves = old.as_ref().is_some_and(|(_, facts)| facts.model.sha256 != model.sha256);
    let wanted = match old.as_ref().filter(|_| !moves) {
        Some((_, facts)) => wanted.again(facts, options.refit),
        None => wanted,
    };
    let due =
        |(old, facts): &(Snapshot, Facts)| options.refit || outgrown(facts, walk.items.len().max(old.len()));
    let fits = moves || old.as_ref().is_none_or(due);
    let refit = fits && old.as_ref().is_some_and(|(old, _)| moves || old.latent_size() == 0);
    let plan = Plan::new((&walk.items, &names), old.as_ref().map(|old| &old.0), refit)?;
    let how = options.pipeline(walk.items.len())?;
    let listing = start.elapsed();
    let jobs = plan.jobs();
    let sample: Vec<&Item> = spread(jobs.len(), SAMPLE).into_iter().map(|i| &walk.items[jobs[i]]).collect();
    let n_sampled = sample.len();

    let mut skipped = walk.skipped.clone();
    let (mut spent, mut fitting, mut latents) = (Duration::ZERO, Duration::ZERO, Vec::new());
    if n_sampled > 0 {
        let runtime = ensure(&options.runtime, observer)?;
        let pipeline = Pipeline::new(&runtime, &model, PipelineOptions { threads: 1, ..how });
        let encoded = pipeline.encode(&sample, observer, &mut |job, outcome| {
            match outcome {
                Outcome::Skipped(reason) => skipped.push(Skipped::new(sample[job].name(), reason)),
                Outcome::Encoded { latent, .. } => latents.extend(latent),
                Outcome::Same(_) => {}
            }
            Ok(())
        })?;
        if !encoded.is_finished() {
            return Err(Error::Interrupted);
        }
        let times = encoded.times;
        spent = times.read + times.hash + times.decode + times.resize + times.encode;
        if fits {
            fitting = wanted.time_to_fit(&latents, walk.items.len(), &runtime)?;
        }
    }
    let per_image = spent.as_secs_f64() / n_sampled.max(1) as f64;
    let work = per_image * jobs.len() as f64 / (1.0 + PARALLEL * (options.threads.max(1) - 1) as f64);
    let latent = if options.without_latents { 0 } else { model.metadata.latent_size + 4 };
    let words = aesearch_index::words(wanted.bits());
    let names: usize =
        walk.items.iter().map(|item| item.name().len() + item.label().map_or(0, str::len)).sum();
    let per_item = PER_IMAGE + (latent + 8 * words) as f64;
    Ok(Estimate {
        images: walk.items.len(),
        to_read: jobs.len(),
        bytes: bytes_of(&walk.items),
        sampled: n_sampled,
        skipped,
        model: model.metadata.name.clone(),
        bits: wanted.bits(),
        threads: options.threads,
        seconds: listing.as_secs_f64() + fitting.as_secs_f64() + work + BUILD * walk.items.len() as f64,
        memory_bytes: fixed(options.threads, walk.items.len()),
        index_bytes: names as u64 + (per_item * walk.items.len() as f64) as u64,
    })
}

/// Bytes of the files that hold the items, each counted once.
fn bytes_of(items: &[Item]) -> u64 {
    let (mut containers, mut last) = (HashSet::new(), None);
    let mut bytes = 0;
    for item in items {
        let Ok(stamp) = item.quick_stamp() else { continue };
        if !item.is_entry() {
            bytes += stamp.0;
        } else if last != Some(stamp) {
            last = Some(stamp);
            // Entries of one container stand together: one look at the disk for each run of them is enough.
            if containers.insert(file_of(&item.name(), Path::new(""))) {
                bytes += stamp.0;
            }
        }
    }
    bytes
}
