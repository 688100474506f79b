//! Bringing an index up to date with what some paths hold, with as little work as that takes: the `index` command.
//!
//! ```text
//! walk -> plan: keep (same size and time) | read (new, or it may have changed) -> coder -> binarize -> one commit:
//!         a new segment of what is new, tombstones for what is gone
//! ```
//!
//! An image leaves the index when its file is gone, or when it lies below a path of the run and is not found there; images
//! elsewhere stay. All of a run becomes visible at once or not at all; an interrupted run commits the images that were done.
//! A binarizer that was fitted to a few images is fitted anew when there are many more; all images are then read again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use aesearch_index::{SegmentBuilder, Snapshot, Writer};

use super::choose::{ChooseOptions, choose};
use super::coder::{Coder, Job, Observer, Outcome};
use super::ink::{Invert, decide_ink};
use super::plan::{Assembly, Layout, Plan, Tally, elsewhere};
use super::record::{Facts, Ink, ModelIdentity};
use super::{check_made_with, load_indexed_model, open_if_any};
use crate::encode::{Binarizer, MAX_FIT};
use crate::error::Result;
use crate::images::{Item, Limits, Skipped, WalkOptions, named, walk};
use crate::model::{BinarizerKind, Foreign, Known, LoadOptions, Model, shipped_names};
use crate::runtime::{Device, RuntimeOptions, ensure};

/// A binarizer fitted to so many images is as good as it gets, and stays.
const WELL_FITTED: usize = 5_000;

/// How to index.
#[derive(Debug, Clone)]
pub struct UpdateOptions {
    /// A shipped model's name, a model folder or file, or `auto`: the index's own model, else the shipped one that knows
    /// the images best.
    pub model: String,
    /// How the model's file is opened.
    pub load: LoadOptions,
    /// Worker threads; each holds a session and a batch.
    pub threads: usize,
    /// The device.
    pub device: Device,
    /// Distinct codes per bucket of the index; none: as it is, in a new one as suits the
    /// number of images.
    pub bucket_size: Option<usize>,
    /// Keep no latents: less room, and answers in the order of their codes. An index without latents stays so.
    pub without_latents: bool,
    /// What to do about dark ink on light paper; decided once, when the index is made.
    pub invert: Invert,
    /// What one image may cost.
    pub limits: Limits,
    /// Seed of what is fitted to the collection.
    pub seed: u64,
    /// Where ONNX Runtime comes from; looked for only if there is something to encode.
    pub runtime: RuntimeOptions,
}

impl UpdateOptions {
    /// The defaults, with a place for ONNX Runtime.
    pub fn new(runtime: RuntimeOptions) -> Self {
        UpdateOptions {
            model: "auto".to_owned(),
            load: LoadOptions::default(),
            threads: 1,
            device: Device::Auto,
            bucket_size: None,
            without_latents: false,
            invert: Invert::Auto,
            limits: Limits::default(),
            seed: 0,
            runtime,
        }
    }

    fn choice(&self) -> ChooseOptions {
        let UpdateOptions { model, load, device, invert, limits, runtime, .. } = self.clone();
        ChooseOptions { model, load: Some(load), device, invert, limits, runtime }
    }
}

/// What a run did.
#[derive(Debug, Clone)]
pub struct UpdateReport {
    /// Images that are new in the index.
    pub added: usize,
    /// Images of the index that were kept, their content being the same.
    pub unchanged: usize,
    /// Images whose content had changed.
    pub changed: usize,
    /// Images that were dropped.
    pub removed: usize,
    /// Images in the index now.
    pub images: usize,
    /// What could not be used.
    pub skipped: Vec<Skipped>,
    /// The model.
    pub model: ModelIdentity,
    /// Bits per code.
    pub bits: usize,
    /// Whether images are inverted, and why.
    pub ink: Ink,
    /// Size of the index on disk.
    pub index_bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// The observer stopped the run; the index holds what was done.
    pub interrupted: bool,
}

/// Makes the index at `dir` hold the images of `data`, and of those it held before the ones that lie elsewhere and exist.
///
/// Images are known by their names: paths as given. A relative one starts at the working directory, else at the folder
/// that holds the index.
///
/// # Errors
/// A path of `data` that does not exist; an index that is damaged, locked, or made with another model; a model or an ONNX
/// Runtime that cannot be used. An unusable image is no error but skipped.
pub fn update(
    dir: &Path,
    data: &[PathBuf],
    options: &UpdateOptions,
    observer: &dyn Observer,
) -> Result<UpdateReport> {
    let start = Instant::now();
    let mut walk = walk(data, &WalkOptions::default())?;
    // Before the lock, so that a run without a model leaves no folder behind.
    let (model, ink) = match open_if_any(dir)? {
        Some((_, facts)) => (load_indexed_model(dir, &facts, (&options.model, &options.load))?, None),
        None => choose(&walk.items.iter().collect::<Vec<_>>(), &options.choice(), observer)?,
    };
    let mut writer = Writer::lock(dir)?;
    let old = open_if_any(dir)?; // again: another writer may have been faster
    let (snapshot, old_facts) = (old.as_ref().map(|old| &old.0), old.as_ref().map(|old| &old.1));
    old_facts.map_or(Ok(()), |facts| check_made_with(dir, facts, &model))?;

    let base = dir.parent().unwrap_or(Path::new(""));
    let mut kept = snapshot.map_or_else(Vec::new, |old| elsewhere(old, &walk.items, data, base));
    let refit = old_facts.is_some_and(|facts| outgrown(facts, walk.items.len() + kept.len()));
    if let (true, Some(old)) = (refit, snapshot) {
        for (item, id) in named(kept.iter().map(|&id| old.name(id)), base).into_iter().zip(kept.drain(..)) {
            match item {
                Ok(item) => walk.items.push(item),
                Err(reason) => walk.skipped.push(Skipped::new(old.name(id), reason)),
            }
        }
    }
    let plan = Plan::new(&walk.items, snapshot, refit)?.keeping(kept);
    let old_bucket_size = snapshot.and_then(Snapshot::bucket_size);
    let bucket_size = options.bucket_size.or(old_bucket_size);
    let had_latents = snapshot.map(|old| old.latent_size() > 0);
    let latents = !options.without_latents && had_latents.unwrap_or(true);
    // what is laid out otherwise cannot stand beside what is there
    let rebuild = (snapshot.is_some() && old_bucket_size != bucket_size)
        || had_latents.is_some_and(|had| had != latents);
    let layout = Layout { bucket_size, latents, rebuild };
    let run = Run { plan: &plan, before: old_facts, refit, model: &model, ink, layout, options };
    let made = run.make(observer)?;
    let Tally { added, unchanged, changed, skipped, .. } = made.tally;
    let removed =
        if made.content.is_some() { snapshot.map_or(0, Snapshot::len) - unchanged - changed } else { 0 };
    let mut ink = old_facts.map_or(Ink::fixed(false), |facts| facts.ink);
    if let Some(Content { add, gone, facts }) = made.content {
        ink = facts.ink;
        if rebuild || refit {
            writer.replace(add)?;
        } else if !add.is_empty() || !gone.is_empty() || old_facts != Some(&facts) {
            writer.commit(add, &gone)?;
        }
    }
    let now = open_if_any(dir)?.map(|(snapshot, _)| snapshot);
    Ok(UpdateReport {
        added,
        unchanged,
        changed,
        removed,
        images: now.as_ref().map_or(0, Snapshot::len),
        skipped: [walk.skipped, skipped].concat(),
        model: identity(&model, &options.model, old_facts),
        bits: model.metadata.bits,
        ink,
        index_bytes: now.as_ref().map_or(0, Snapshot::bytes),
        seconds: start.elapsed().as_secs_f64(),
        interrupted: made.interrupted,
    })
}

/// The next commit.
struct Content {
    add: SegmentBuilder,
    /// Items of the old index.
    gone: Vec<u32>,
    facts: Facts,
}

/// What a run comes to; no content where there is nothing to keep.
#[derive(Default)]
struct Made {
    content: Option<Content>,
    tally: Tally,
    interrupted: bool,
}

/// Whether the collection has grown far beyond what its binarizer was fitted to.
fn outgrown(facts: &Facts, n_images: usize) -> bool {
    let (fitted, offered) = (facts.fitted as usize, facts.offered as usize);
    fitted > 0 && fitted < WELL_FITTED && n_images >= 2 * offered
}

/// All that decides what the index will hold.
struct Run<'a> {
    plan: &'a Plan<'a>,
    /// The facts of the old index, if there is one.
    before: Option<&'a Facts>,
    /// Its binarizer is to be fitted anew.
    refit: bool,
    model: &'a Model,
    /// What to do about the ink, where that was found when the model was chosen.
    ink: Option<Ink>,
    /// As asked for, else as it was.
    layout: Layout,
    options: &'a UpdateOptions,
}

impl Run<'_> {
    fn make(&self, observer: &dyn Observer) -> Result<Made> {
        let Run { plan, model, layout, options, .. } = *self;
        let jobs = plan.jobs();
        let identity = identity(model, &options.model, self.before);
        if jobs.is_empty() {
            let Some(facts) = self.before else { return Ok(Made::default()) };
            let facts = Facts { model: identity, ..facts.clone() };
            let (add, gone, tally) = Assembly::new(plan, &facts, layout, HashMap::new())?.finish()?;
            return Ok(Made { content: Some(Content { add, gone, facts }), tally, interrupted: false });
        }

        let runtime = ensure(&options.runtime, &|text| observer.note(text))?;
        let UpdateOptions { threads, device, limits, .. } = *options;
        let mut coder = Coder { runtime: &runtime, model, threads, device, limits, inverted: false };
        let ink = match self.before.map(|facts| facts.ink).or(self.ink) {
            Some(ink) => ink,
            None => {
                let items: Vec<&Item> = jobs.iter().map(|(_, job)| job.item).collect();
                decide_ink(&items, options.invert, &coder)?
            }
        };
        coder.inverted = ink.inverted;
        let fit = match self.before {
            Some(&Facts { ref binarizer, fitted, offered, .. }) if !self.refit => {
                Fit { binarizer: Some(binarizer.clone()), fitted, offered, ..Fit::default() }
            }
            _ => fit(&coder, &jobs, options.seed, observer)?,
        };
        let binarizer = match fit.binarizer {
            Some(binarizer) if !(self.refit && fit.interrupted) => binarizer,
            // No image at all, or not all of those whose old codes the new ones would stand beside.
            _ => {
                let tally = Tally { skipped: plan.skipped(&fit.held), ..Tally::default() };
                return Ok(Made { content: None, tally, interrupted: fit.interrupted });
            }
        };

        let facts = Facts { model: identity, binarizer, fitted: fit.fitted, offered: fit.offered, ink };
        let (positions, rest): (Vec<usize>, Vec<Job<'_>>) =
            jobs.iter().filter(|(position, _)| !fit.held.contains_key(position)).copied().unzip();
        let progress = Progress { observer, before: fit.held.len(), total: jobs.len() };
        let mut assembly = Assembly::new(plan, &facts, layout, fit.held)?;
        let finished = !fit.interrupted
            && coder.encode(&rest, &progress, &mut |job, outcome| assembly.put(positions[job], outcome))?;
        if self.refit && !finished {
            return Ok(Made { interrupted: true, ..Made::default() });
        }
        let (add, gone, tally) = assembly.finish()?;
        let content = (self.before.is_some() || !add.is_empty()).then_some(Content { add, gone, facts });
        Ok(Made { content, tally, interrupted: !finished })
    }
}

/// A binarizer, and the outcomes of the jobs that were done to fit it.
#[derive(Default)]
struct Fit {
    /// None where no image could be read.
    binarizer: Option<Binarizer>,
    fitted: u32,
    /// Images there were; if interrupted, those that were tried.
    offered: u32,
    held: HashMap<usize, Outcome>,
    interrupted: bool,
}

/// Encodes at most [`MAX_FIT`] images, spread evenly over the collection, where the model's binarizer needs fitting.
fn fit(coder: &Coder<'_>, jobs: &[(usize, Job<'_>)], seed: u64, observer: &dyn Observer) -> Result<Fit> {
    let metadata = &coder.model.metadata;
    if metadata.binarizer == BinarizerKind::Sign {
        let binarizer = Some(Binarizer::for_model(metadata, &[], seed)?);
        return Ok(Fit { binarizer, ..Fit::default() });
    }
    let n_sampled = jobs.len().min(MAX_FIT);
    let (positions, sample): (Vec<usize>, Vec<Job<'_>>) =
        (0..n_sampled).map(|index| jobs[index * jobs.len() / n_sampled]).unzip();
    let progress = Progress { observer, before: 0, total: jobs.len() };
    let (mut held, mut latents) = (HashMap::new(), Vec::new());
    let finished = coder.encode(&sample, &progress, &mut |job, outcome| {
        if let Outcome::Encoded { latent, .. } = &outcome {
            latents.extend_from_slice(latent);
        }
        held.insert(positions[job], outcome);
        Ok(())
    })?;
    let fitted = (latents.len() / metadata.latent_size) as u32; // at most MAX_FIT
    let offered = if finished { jobs.len() } else { held.len() } as u32; // ids are u32
    let binarizer = match fitted {
        0 => None,
        _ => Some(Binarizer::for_model(metadata, &latents, seed)?),
    };
    Ok(Fit { binarizer, fitted, offered, held, interrupted: !finished })
}

/// Progress of a part of the jobs as progress of all of them.
struct Progress<'a> {
    observer: &'a dyn Observer,
    before: usize,
    total: usize,
}

impl Observer for Progress<'_> {
    fn progress(&self, done: usize, _: usize) {
        self.observer.progress(self.before + done, self.total);
    }

    fn interrupted(&self) -> bool {
        self.observer.interrupted()
    }
}

/// What the index is to remember of its model: where it can be found again, wherever the next command is run.
fn identity(model: &Model, named: &str, old: Option<&Facts>) -> ModelIdentity {
    let source = match old {
        Some(facts) if named == "auto" => facts.model.source.clone(),
        _ if shipped_names().any(|name| name == named) => named.to_owned(),
        _ if named == "auto" => {
            shipped_names().find(|name| *name == model.metadata.name).unwrap_or(named).to_owned()
        }
        _ => std::path::absolute(named).map_or_else(|_| named.to_owned(), |path| path.display().to_string()),
    };
    let sha256 = model.sha256.clone();
    let foreign = model.foreign.as_ref();
    let foreign = foreign.map(|Foreign { format, bytes, .. }| Known {
        sha256: sha256.clone(),
        format: format.clone(),
        bytes: *bytes,
    });
    ModelIdentity { name: model.metadata.name.clone(), sha256, source, foreign }
}
