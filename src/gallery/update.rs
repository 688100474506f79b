//! Bringing an index up to date with what some paths hold, with as little work as possible.
//!
//! ```text
//! walk -> plan: keep (same size and time) | read (new or changed) -> pipeline -> binarize -> ingest: commits
//! ```
//!
//! An image leaves the index when its file is gone, or when it belongs below a path of the run and is not
//! found there; images elsewhere stay. What is read is hashed first: a content that the index knows, under
//! this name or another, is not encoded again. A run that is interrupted or killed keeps what it committed,
//! and the next one continues from there. A binarizer that was fitted to a few images is fitted anew when
//! there are many more: all images are then coded again from the latents that the index keeps, or read again
//! where it keeps none.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aesearch_index::{Snapshot, Writer};

use super::after::After;
use super::again::{Again, moves_to, outgrown};
use super::binarizers::{BinarizerChoice, Wanted};
use super::choose::{ChooseOptions, choose};
use super::columns;
use super::folder::{base, check_made_with, load_indexed_model, lock, open_if_any};
use super::ingest::{Checkpoints, Content, Ingest, SegmentLayout, Tally};
use super::listing::{Listed, Listing, tell_walk};
use super::memory::{ForImages, Memory, memory_for_images};
use super::outcome::{KnownHashes, Outcome};
use super::pipeline::{Encoded, Pipeline, PipelineOptions};
use super::plan::Plan;
use super::polarity::{Invert, decide_by_sample};
use super::probe::try_out;
use super::record::{Facts, Fitted, ModelIdentity, Polarity};
use super::refit::code_anew;
use super::sample::Sample;
use super::strangers::keep_strangers;
use super::taken::Taken;
use super::thumbnails::{ThumbnailFacts, Thumbnailer};
use super::update_report::{Times, UpdateReport};
use super::views::{warn_where_poor, warn_where_unknown};
use crate::encode::MAX_FIT;
use crate::error::Result;
use crate::images::{Decoding, Frames, Item, Limits, MemoryBudget, Skipped, Video, WalkOptions, spread};
use crate::model::{Foreign, Known, LoadOptions, Model, shipped_names};
use crate::observer::{Note, Observer, Progress};
use crate::runtime::{Device, Runtime, RuntimeOptions, ensure};

/// How to index.
#[derive(Debug, Clone)]
pub struct UpdateOptions {
    /// A shipped model's name, a model folder or file, or `auto`: the index's own model, or for a new index
    /// the shipped one that suits the images best.
    pub model: String,
    /// Whether an index that another model made moves to `model`, if that is a shipped one: all images are read
    /// again. Otherwise such an index is refused.
    pub moves: bool,
    /// How the model's file is opened.
    pub load: LoadOptions,
    /// Which images of the paths are taken; instead of the fields of the same names, those below count.
    pub walk: WalkOptions,
    /// Which frames of files that hold several; none: as in the index, or in a new one the first.
    pub frames: Option<Frames>,
    /// Which pictures of films; none: as in the index, or in a new one none.
    pub video: Option<Video>,
    /// Worker threads; each holds a session and a batch.
    pub threads: usize,
    /// The device.
    pub device: Device,
    /// Distinct codes per bucket of the index; none: as it is, or in a new index as suits the number of
    /// images.
    pub bucket_size: Option<usize>,
    /// Keep no latents: a smaller index, and hits in the order of their codes. An index without latents stays
    /// so.
    pub without_latents: bool,
    /// Which binarizer a new index gets; an old one must have it, unless `refit` says otherwise.
    pub binarizer: BinarizerChoice,
    /// Bits per code, 32 to 256, and no more than numbers in a latent; none: the index's own, or what the
    /// model says.
    pub bits: Option<usize>,
    /// Fit the binarizer anew, and code all images anew from the latents that the index keeps.
    pub refit: bool,
    /// Keep small pictures of all images, so that sheets and pages show them when their files are not there:
    /// no side is longer than so many pixels; 0 removes those there are; none leaves it as it is.
    pub thumbnails: Option<usize>,
    /// Whether images are inverted; decided once, when the index is made.
    pub invert: Invert,
    /// Drop images that are not there now though they may come back: those of a path that is gone or holds no
    /// image at all, as where a drive is not mounted.
    pub prune: bool,
    /// The limits for one image.
    pub limits: Limits,
    /// The memory for the run.
    pub memory: Memory,
    /// When to commit before the end.
    pub checkpoints: Checkpoints,
    /// Wait for another writer to end, instead of failing.
    pub wait: bool,
    /// The seed for fitting the binarizer and for measuring strangers.
    pub seed: u64,
    /// Where ONNX Runtime comes from; looked for only if there is something to encode.
    pub runtime: RuntimeOptions,
}

impl Default for UpdateOptions {
    fn default() -> Self {
        UpdateOptions::new(RuntimeOptions::default())
    }
}

impl UpdateOptions {
    /// The defaults, with ONNX Runtime from where `runtime` says.
    pub fn new(runtime: RuntimeOptions) -> Self {
        UpdateOptions {
            model: "auto".to_owned(),
            moves: false,
            load: LoadOptions::default(),
            walk: WalkOptions::default(),
            frames: None,
            video: None,
            threads: 1,
            device: Device::Auto,
            bucket_size: None,
            without_latents: false,
            binarizer: BinarizerChoice::Auto,
            bits: None,
            refit: false,
            thumbnails: None,
            invert: Invert::Auto,
            prune: false,
            limits: Limits::default(),
            memory: Memory::About(u64::MAX),
            checkpoints: Checkpoints::default(),
            wait: false,
            seed: 0,
            runtime,
        }
    }

    pub(super) fn listing(&self) -> Listing<'_> {
        let UpdateOptions { frames, video, walk, limits, prune, .. } = self;
        Listing { frames: *frames, video: *video, walk, limits: *limits, prune: *prune }
    }

    /// The model to move to.
    pub(super) fn asked(&self) -> Option<&str> {
        self.moves.then_some(&*self.model)
    }

    /// How to encode `n_images` images.
    pub(super) fn pipeline(&self, n_images: usize) -> Result<PipelineOptions> {
        let UpdateOptions { threads, device, mut limits, .. } = *self;
        let ForImages { pixels, file } = memory_for_images(self.memory, threads, n_images)?;
        limits.max_file_bytes = limits.max_file_bytes.min(file);
        Ok(PipelineOptions { threads, device, limits, budget: MemoryBudget::new(pixels) })
    }

    /// How to choose a model for `n_images` images.
    pub(super) fn choice(&self, n_images: usize) -> Result<ChooseOptions> {
        let PipelineOptions { limits, budget, .. } = self.pipeline(n_images)?;
        let UpdateOptions { model, load, device, invert, runtime, .. } = self.clone();
        Ok(ChooseOptions { model, load: Some(load), device, invert, limits, budget, runtime })
    }
}

/// Makes the index at `dir` hold the images of the paths `data`, and of those it held before, the ones
/// elsewhere that still exist.
///
/// Images are known by their names, which are paths as given. A relative one starts from the working
/// directory, or else from the folder that holds the index.
///
/// # Errors
/// `NotFound` when a path of `data` or the model does not exist, `Damaged` or `Version` when the index cannot
/// be read, `Locked` when another writer holds it, `Mismatch` when it was made with another model or
/// binarizer, `Runtime` when ONNX Runtime cannot be used. An image that cannot be used is not an error: it is
/// skipped.
pub fn update(
    dir: &Path,
    data: &[PathBuf],
    options: &UpdateOptions,
    observer: &dyn Observer,
) -> Result<UpdateReport> {
    let start = Instant::now();
    // An existing folder is locked at once, so that a second writer does not work in vain; a new one only
    // when the model is known, so that a run without a model leaves no folder behind.
    let lock = || lock(dir, options.wait, observer);
    let mut writer = if dir.is_dir() { Some(lock()?) } else { None };
    let mut old = open_if_any(dir)?;
    let mut listed = options.listing().list(data, old.as_ref(), base(dir))?;
    let mut times = Times { walk: start.elapsed(), ..Times::default() };
    tell_walk(&listed.walk, observer);
    let (model, polarity) = model_for(dir, old.as_ref(), &listed.walk.items, options, observer)?;
    times.check = start.elapsed().saturating_sub(times.walk);
    let writer = match &mut writer {
        Some(writer) => writer,
        none => {
            let writer = none.insert(lock()?);
            old = open_if_any(dir)?; // again: another writer may have been faster
            if old.is_some() {
                listed = options.listing().list(data, old.as_ref(), base(dir))?;
            }
            writer
        }
    };
    let snapshot = old.as_ref().map(|old| &old.0);
    let moves = options.moves && old.as_ref().is_some_and(|(_, facts)| model.sha256 != facts.model.sha256);
    let before = old.as_ref().map(|old| &old.1).filter(|_| !moves);
    before.map_or(Ok(()), |facts| check_made_with(dir, facts, &model))?;
    let wanted = wanted(dir, before, &model, options)?;
    let Listed { taken, mut walk, mut names, elsewhere: mut kept, absent } = listed;
    let due = before.is_some_and(|facts| options.refit || outgrown(facts, walk.items.len() + kept.len()));
    let from_latents = due && !options.without_latents && snapshot.is_some_and(|old| old.latent_size() > 0);
    let again = Again { moves, bits: wanted.bits(), refits: due && !from_latents, is_asked: options.refit };
    let (found, rest) = ((&mut walk.items, &mut names), (&mut kept, &absent.ids[..]));
    let refit = again.read(dir, snapshot, (found, rest), &model, observer)?;
    let gone = if refit { Vec::new() } else { absent.ids.clone() };
    let plan = Plan::new((&walk.items, &names), snapshot, refit)?.keeping(kept, gone);
    let (plan, wanted, layout) = (&plan, &wanted, layout(snapshot, refit, options, observer));
    let thumbnails = Thumbnailer::open(dir, options.thumbnails, observer)?.map(Arc::new);
    let model = &model;
    let run = Run { dir, plan, before, refit, model, wanted, polarity, layout, taken, thumbnails, options };
    let made = run.make(writer, observer)?;
    let absent = absent.tell(&made.tally.moved, observer);
    let report = run.finish(writer, made, from_latents, (start, times), observer)?;
    Ok(UpdateReport { skipped: [walk.skipped, absent, report.skipped].concat(), ..report })
}

/// What is measured and made of an index when all else is done; the index as it is then.
fn last_steps(
    (dir, writer): (&Path, &mut Writer),
    is_finished: bool,
    thumbnails: Option<&Thumbnailer>,
    options: &UpdateOptions,
    observer: &dyn Observer,
) -> Result<Option<(Snapshot, Facts)>> {
    let now = match is_finished {
        true => keep_strangers((dir, writer), options.seed)?,
        false => open_if_any(dir)?,
    };
    let Some((index, facts)) = &now else { return Ok(None) };
    if is_finished {
        columns::drop_gone(dir, index)?;
    }
    if let Some(thumbnails) = thumbnails {
        let PipelineOptions { limits, budget, .. } = options.pipeline(index.len())?;
        let how = Decoding { limits, budget, ..Decoding::default() };
        thumbnails.finish(dir, index, &how, observer)?;
    }
    if !index.is_empty() {
        note_polarity(dir, options.invert, facts.polarity, observer);
    }
    Ok(now)
}

/// The model that made an index, or that it moves to; for a new index of `items`, one that is fit for use.
pub(super) fn model_for(
    dir: &Path,
    old: Option<&(Snapshot, Facts)>,
    items: &[Item],
    options: &UpdateOptions,
    observer: &dyn Observer,
) -> Result<(Model, Option<Polarity>)> {
    if let Some((_, facts)) = old {
        let indexed = || load_indexed_model(dir, facts, &options.model, &options.load);
        return Ok((moves_to(facts, options.asked())?.map_or_else(indexed, Ok)?, None));
    }
    let items: Vec<&Item> = items.iter().collect();
    let (model, polarity) = choose(&items, &options.choice(items.len())?, observer)?;
    if model.foreign.is_some() && !items.is_empty() {
        let runtime = ensure(&options.runtime, observer)?;
        let mut pipeline = Pipeline::new(&runtime, &model, options.pipeline(items.len())?);
        pipeline.inverted = options.invert == Invert::Always;
        try_out(&items, &pipeline, options.memory.bytes(), observer)?;
    }
    Ok((model, polarity))
}

/// The binarizer that is asked for. An old index must have it, or be refitted.
pub(super) fn wanted(
    dir: &Path,
    before: Option<&Facts>,
    model: &Model,
    options: &UpdateOptions,
) -> Result<Wanted> {
    let wanted = Wanted::new(&options.binarizer, options.bits, model, (options.seed, options.threads))?;
    let Some(facts) = before else { return Ok(wanted) };
    if !options.refit {
        wanted.check(dir, facts, &options.binarizer)?;
    }
    Ok(wanted.again(facts, options.refit))
}

/// A note where images are inverted, and a warning where `invert` asks for what was decided against when the
/// index was made: codes of inverted images cannot be mixed with others.
fn note_polarity(dir: &Path, invert: Invert, polarity: Polarity, observer: &dyn Observer) {
    if polarity.inverted {
        observer.note(&Note::new("the images are indexed inverted, which the model knows better"));
    }
    let (ignored, kind) = match (invert, polarity.inverted) {
        (Invert::Never, true) => ("never", "inverted images"),
        (Invert::Always, false) => ("always", "images as they are"),
        _ => return,
    };
    let what = format!("`invert` {ignored} has no effect: {} was made of {kind}", dir.display());
    observer.note(
        &Note::warning(what).with_hint("to choose again, make another index with another folder as `dir`"),
    );
}

/// The layout as asked for, else as it was. If that is another one than before, the index is written anew.
pub(super) fn layout(
    old: Option<&Snapshot>,
    refit: bool,
    options: &UpdateOptions,
    observer: &dyn Observer,
) -> SegmentLayout {
    let old_bucket_size = old.and_then(Snapshot::bucket_size);
    let bucket_size = options.bucket_size.or(old_bucket_size);
    let had_latents = old.is_none_or(|old| old.latent_size() > 0);
    let latents = had_latents && !options.without_latents;
    if old.is_some() && had_latents && !latents {
        let what = "latents are dropped: hits come in the order of their codes, and new codes take reading all images";
        let hint = "to have latents again, index into another folder as `dir`";
        observer.note(&Note::new(what).with_hint(hint));
    }
    let anew = refit || had_latents != latents || (old.is_some() && old_bucket_size != bucket_size);
    SegmentLayout { bucket_size, latents, anew }
}

/// What a run did.
#[derive(Default)]
pub(super) struct Made {
    pub(super) tally: Tally,
    pub(super) encoded: Encoded,
    /// How long it took to ask the model about a sample, and to fit the binarizer.
    pub(super) check: Duration,
    pub(super) fit: Duration,
}

/// Everything that decides what the index will hold.
pub(super) struct Run<'a> {
    pub(super) dir: &'a Path,
    pub(super) plan: &'a Plan<'a>,
    /// The facts of the old index, if there is one.
    pub(super) before: Option<&'a Facts>,
    /// Its binarizer is to be fitted anew.
    pub(super) refit: bool,
    pub(super) model: &'a Model,
    pub(super) wanted: &'a Wanted,
    /// The polarity, where it was decided when the model was chosen.
    pub(super) polarity: Option<Polarity>,
    /// As asked for, else as it was.
    pub(super) layout: SegmentLayout,
    pub(super) taken: Taken,
    pub(super) thumbnails: Option<Arc<Thumbnailer>>,
    pub(super) options: &'a UpdateOptions,
}

impl Run<'_> {
    fn make(&self, writer: &mut Writer, observer: &dyn Observer) -> Result<Made> {
        let Run { plan, model, layout, taken, options, .. } = *self;
        let jobs = plan.jobs();
        let identity = identity(model, &options.model, self.before);
        let checkpoints = options.checkpoints;
        if jobs.is_empty() {
            let Some(facts) = self.before else { return Ok(Made::default()) };
            let facts = Facts { model: identity, taken, ..facts.clone() };
            let content = Content { plan, known: &KnownHashes::new(), facts: &facts, layout, checkpoints };
            let tally = Ingest::new(content, writer)?.finish(true)?;
            return Ok(Made { tally, ..Made::default() });
        }

        let runtime = ensure(&options.runtime, observer)?;
        let mut pipeline = Pipeline::new(&runtime, model, options.pipeline(plan.items.len())?);
        let start = Instant::now();
        let items: Vec<&Item> = jobs.iter().map(|&position| &plan.items[position]).collect();
        let new: Vec<&Item> = plan.new_items().collect();
        let (polarity, seen) = self.look(&mut pipeline, (&items, &new), observer)?;
        let check = start.elapsed().saturating_sub(seen.took);
        pipeline.inverted = polarity.inverted;
        pipeline.inputs = Arc::new(seen.inputs);
        pipeline.thumbnails = self.thumbnails.clone();
        let fit = match self.before {
            Some(facts) if !self.refit => Fit { codes: Some(facts.codes.clone()), ..Fit::default() },
            _ => self.fit(&pipeline, &jobs, (&runtime, observer))?,
        };
        let (true, Some(codes)) = (!self.refit || fit.encoded.is_finished(), fit.codes) else {
            // No image could be read, or not all of those whose old codes would be mixed with new ones.
            let skipped = fit.held.into_iter().filter_map(|(position, outcome)| match outcome {
                Outcome::Skipped(reason) => Some(Skipped::new(plan.items[position].name(), reason)),
                _ => None,
            });
            let tally = Tally { skipped: skipped.collect(), ..Tally::default() };
            return Ok(Made { tally, encoded: fit.encoded, check, fit: fit.took });
        };

        let strangers = self.before.and_then(|facts| facts.strangers);
        let facts = Facts { model: identity, codes, polarity, strangers, taken, classes: None };
        let known = Arc::new(plan.known()?);
        pipeline.known = known.clone();
        let content = Content { plan, known: &known, facts: &facts, layout, checkpoints };
        let mut ingest = Ingest::new(content, writer)?;
        let done: HashSet<usize> = fit.held.iter().map(|(position, _)| *position).collect();
        let rest: Vec<usize> = jobs.iter().copied().filter(|position| !done.contains(position)).collect();
        fit.held.into_iter().try_for_each(|(position, outcome)| ingest.put(position, outcome))?;
        let mut encoded = fit.encoded;
        if encoded.is_finished() {
            let items: Vec<&Item> = rest.iter().map(|&position| &plan.items[position]).collect();
            let after = After { observer, before: encoded.progress, total: jobs.len() };
            let sink = &mut |job: usize, outcome| ingest.put(rest[job], outcome);
            encoded = after.and(&encoded, pipeline.encode(&items, &after, sink)?);
        }
        let tally = ingest.finish(encoded.is_finished())?;
        encoded.times += seen.times;
        Ok(Made { tally, encoded, check, fit: fit.took })
    }

    /// What is left to do once all images have an outcome, and what was done.
    pub(super) fn finish(
        &self,
        writer: &mut Writer,
        made: Made,
        from_latents: bool,
        (start, times): (Instant, Times),
        observer: &dyn Observer,
    ) -> Result<UpdateReport> {
        let Run { dir, wanted, model, before, options, .. } = *self;
        let is_finished = made.encoded.is_finished();
        let refitting = Instant::now();
        let recoded = match from_latents && is_finished {
            true => code_anew((dir, writer), wanted, &options.runtime, observer)?,
            false => 0,
        };
        let (check, fit) = (times.check + made.check, made.fit + refitting.elapsed());
        let Tally { added, unchanged, changed, removed, renamed, encoded, skipped, write, .. } = made.tally;
        let now = last_steps((dir, writer), is_finished, self.thumbnails.as_deref(), options, observer)?;
        Ok(UpdateReport {
            added,
            unchanged,
            changed,
            removed,
            renamed,
            encoded,
            recoded,
            images: now.as_ref().map_or(0, |now| now.0.len()),
            bytes: made.encoded.progress.bytes,
            skipped,
            model: identity(model, &options.model, before),
            bits: now.as_ref().map_or(wanted.bits(), |now| now.0.bits()),
            polarity: now.as_ref().map_or(Polarity::fixed(false), |now| now.1.polarity),
            index_bytes: now.as_ref().map_or(0, |now| now.0.bytes()),
            thumbnails: ThumbnailFacts::of(dir)?,
            seconds: start.elapsed().as_secs_f64(),
            times: Times { stages: made.encoded.times, write, check, fit, ..times },
            // a run that was stopped while it learned codes has encoded all images, and is not done
            interrupted: !is_finished || now.is_some_and(|(_, facts)| facts.codes.provisional),
        })
    }

    /// The polarity of the images, and the sample that was read to decide it and to judge the model.
    pub(super) fn look(
        &self,
        pipeline: &mut Pipeline<'_>,
        (items, new): (&[&Item], &[&Item]),
        observer: &dyn Observer,
    ) -> Result<(Polarity, Sample)> {
        if let Some(facts) = self.before {
            let mut seen = Sample::default();
            pipeline.inverted = facts.polarity.inverted;
            warn_where_unknown(self.dir, new, &mut seen, pipeline, observer)?;
            return Ok((facts.polarity, seen));
        }
        if let Some(polarity) = self.polarity {
            return Ok((polarity, Sample::default()));
        }
        let (polarity, mut seen) = decide_by_sample(items, self.options.invert, pipeline)?;
        pipeline.inverted = polarity.inverted;
        warn_where_poor(items, &mut seen, pipeline, observer)?;
        Ok((polarity, seen))
    }

    /// Encodes at most [`MAX_FIT`] images, spread evenly over the collection, where the binarizer needs
    /// fitting.
    pub(super) fn fit(
        &self,
        pipeline: &Pipeline<'_>,
        jobs: &[usize],
        (runtime, observer): (&Runtime, &dyn Observer),
    ) -> Result<Fit> {
        if let Some(fitted) = self.wanted.ready() {
            return Ok(Fit { codes: Some(fitted), ..Fit::default() });
        }
        let sample: Vec<usize> = spread(jobs.len(), MAX_FIT).into_iter().map(|i| jobs[i]).collect();
        let items: Vec<&Item> = sample.iter().map(|&position| &self.plan.items[position]).collect();
        let (mut held, mut latents) = (Vec::new(), Vec::new());
        let after = After { observer, before: Progress::default(), total: jobs.len() };
        let encoded = pipeline.encode(&items, &after, &mut |job, outcome| {
            if let Outcome::Encoded { latent, .. } = &outcome {
                latents.extend_from_slice(latent);
            }
            held.push((sample[job], outcome));
            Ok(())
        })?;
        let is_whole = encoded.is_finished();
        let offered = if is_whole { jobs.len() } else { held.len() };
        let fit = || self.wanted.fit((&latents, offered), (runtime, observer), is_whole);
        let (codes, took) = (!latents.is_empty()).then(fit).transpose()?.unzip();
        Ok(Fit { codes, held, encoded, took: took.unwrap_or_default() })
    }
}

/// A binarizer, and the outcomes of the images that were encoded to fit it.
#[derive(Default)]
pub(super) struct Fit {
    /// None where no image could be read. Of an interrupted run, fitted to the images that were tried.
    pub(super) codes: Option<Fitted>,
    pub(super) held: Vec<(usize, Outcome)>,
    pub(super) encoded: Encoded,
    /// How long the fitting took, summed over its threads.
    pub(super) took: Duration,
}

/// What the index remembers of its model: enough to find it again from any working directory.
pub(super) fn identity(model: &Model, named: &str, old: Option<&Facts>) -> ModelIdentity {
    let source = match old {
        Some(facts) if named == "auto" => facts.model.source.clone(),
        _ if shipped_names().any(|name| name == named) => named.to_owned(),
        _ if named == "auto" => {
            shipped_names().find(|name| *name == model.metadata.name).unwrap_or(named).to_owned()
        }
        _ => {
            // a name may be that of an added model
            let path = model.foreign.as_ref().map_or(Path::new(named), |foreign| &foreign.path);
            std::path::absolute(path).map_or_else(|_| named.to_owned(), |path| path.display().to_string())
        }
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
