//! Encoding images as an index would, without one: the same choice of model, polarity and binarizer, from the same
//! sample, and the same codes.
//!
//! ```text
//! walk -> model, polarity, binarizer: those of an index, or as `update` would choose them -> pipeline -> Coded, in order
//! ```
//!
//! What is decided depends on all images of the paths, also where only a share of them is encoded: so the shares of
//! several machines fit together.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use super::after::After;
use super::binarizers::{BinarizerChoice, Wanted};
use super::columns::{OfFile, values};
use super::folder::{index_at, load_indexed_model};
use super::ingest::SegmentLayout;
use super::listing::{Listed, tell_walk};
use super::memory::Memory;
use super::outcome::Outcome;
use super::pipeline::{Encoded, Feed, Pipeline};
use super::plan::Plan;
use super::polarity::Invert;
use super::record::{Facts, Fitted, Polarity};
use super::spelling::Names;
use super::taken::Taken;
use super::update::{Fit, Run, UpdateOptions, identity, model_for, wanted};
use crate::error::{Error, Result};
use crate::images::{Item, Skipped, Stamp, hash_bytes};
use crate::model::Model;
use crate::observer::{Observer, Progress};
use crate::runtime::{Runtime, ensure};

/// What an index keeps of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Coded {
    /// Its name.
    pub name: Vec<u8>,
    /// Its label, where one is known.
    pub label: Option<String>,
    /// The state of its file when it was read.
    pub stamp: Stamp,
    /// `[words(bits)]`
    pub code: Vec<u64>,
    /// `[D]`, in 8 bits; empty where none are kept.
    pub latent: Vec<i8>,
    /// Number `i` of the latent is `latent[i] * scale`.
    pub scale: f32,
    /// What its file knows, by [`COLUMNS`](super::COLUMNS).
    pub of_file: Vec<(&'static str, OfFile)>,
}

impl Coded {
    /// The name as text; bytes that are not UTF-8 are shown as U+FFFD.
    pub fn shown(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name)
    }

    /// The bytes of a name that is not UTF-8.
    pub fn bytes_of_name(&self) -> Option<&[u8]> {
        std::str::from_utf8(&self.name).is_err().then_some(&self.name)
    }

    fn of_file(&self, column: &str) -> Option<&OfFile> {
        self.of_file.iter().find(|(name, _)| *name == column).map(|(_, value)| value)
    }

    /// What its file knows in a column of numbers.
    pub fn number(&self, column: &str) -> Option<i64> {
        match self.of_file(column)? {
            OfFile::Integer(number) => Some(*number),
            OfFile::Text(_) => None,
        }
    }

    /// What its file knows in a column of texts.
    pub fn text(&self, column: &str) -> Option<&str> {
        match self.of_file(column)? {
            OfFile::Text(text) => Some(text),
            OfFile::Integer(_) => None,
        }
    }
}

/// An image as it is coded, or why it cannot be used.
pub type Usable = Result<Coded, String>;

/// Images to encode, and what decides how.
pub struct Coding {
    options: UpdateOptions,
    items: Vec<Item>,
    skipped: Vec<Skipped>,
    model: Model,
    polarity: Option<Polarity>,
    wanted: Wanted,
    taken: Taken,
    from: Option<(PathBuf, Facts)>,
}

/// How images are encoded, and what was encoded to find out.
#[derive(Debug)]
pub struct Decided {
    /// What a new index would hold of it.
    pub facts: Facts,
    held: BTreeMap<usize, Outcome>,
}

impl Decided {
    /// What was decided by an earlier run.
    pub fn before(facts: Facts) -> Decided {
        Decided { facts, held: BTreeMap::new() }
    }
}

impl Coding {
    /// Lists the images of the paths `data`, and finds the model for them as [`update`](super::update()) would for a
    /// new index. Where `options.binarizer` is an index, model, polarity and binarizer are those of that index.
    ///
    /// # Errors
    /// As [`update`](super::update()).
    pub fn of(data: &[PathBuf], options: &UpdateOptions, observer: &dyn Observer) -> Result<Coding> {
        let from = named_index(&options.binarizer)?;
        let mut options = options.clone();
        if let Some((_, facts)) = &from {
            options.frames = options.frames.or(Some(facts.taken.frames));
            options.video = options.video.or(Some(facts.taken.video));
        }
        let Listed { walk, taken, .. } = options.listing().list(data, None, Path::new(""))?;
        tell_walk(&walk, observer);
        let (model, polarity) = match &from {
            Some((dir, facts)) => {
                (load_indexed_model(dir, facts, &options.model, &options.load)?, Some(facts.polarity))
            }
            None => model_for(Path::new(""), None, &walk.items, &options, observer)?,
        };
        let wanted = wanted(Path::new(""), from.as_ref().map(|from| &from.1), &model, &options)?;
        Ok(Coding { items: walk.items, skipped: walk.skipped, model, polarity, wanted, taken, from, options })
    }

    /// The same for images that come later: nothing can be found out from them, so images stay as they are unless
    /// `options` or an index say otherwise.
    ///
    /// # Errors
    /// When the model is not named or the binarizer has to be fitted; else as [`Coding::of`].
    pub fn of_stream(options: &UpdateOptions, observer: &dyn Observer) -> Result<(Coding, Decided)> {
        let hint = "name an index as `binarizer`: its model and binarizer are taken";
        if options.model == "auto" && !matches!(options.binarizer, BinarizerChoice::From(_)) {
            let what = "`model`: expected a name, as there are no images yet to choose by, got auto";
            return Err(Error::invalid(what).with_hint(hint));
        }
        let coding = Coding::of(&[], options, observer)?;
        let Some(codes) = coding.ready() else {
            let what = format!(
                "`binarizer`: expected one that is ready, as there are no images yet to fit one to, which {} needs",
                coding.model.metadata.name
            );
            return Err(Error::invalid(what).with_hint(hint));
        };
        let polarity = match &coding.from {
            Some((_, facts)) => facts.polarity,
            None => Polarity::fixed(options.invert == Invert::Always),
        };
        let decided = Decided::before(coding.facts(codes, polarity));
        Ok((coding, decided))
    }

    /// The images, in order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// What the paths hold that is no image that can be read.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// A hash of all that codes depend on: names and states of the files, the model and how it is fed, and what is asked for. A run
    /// that is begun again goes on only where it is the same.
    pub fn key(&self) -> [u8; 32] {
        let Coding { options, items, model, wanted, taken, from, .. } = self;
        let from = from.as_ref().map(|(_, facts)| facts.to_bytes());
        let fed = model.foreign.as_ref().map(|foreign| &foreign.format);
        let most = match options.memory {
            Memory::AtMost(bytes) => Some(bytes),
            Memory::About(_) => None, // another machine has more or less
        };
        let request = (options.invert, options.without_latents, taken, options.device, options.limits, most);
        let version = env!("CARGO_PKG_VERSION");
        let text = format!("{version} {} {fed:?} {} {request:?} {from:?}", model.sha256, wanted.key());
        let mut hash = hash_bytes(text.as_bytes());
        for item in items {
            let (name, stamp) = (item.name(), item.quick_stamp().unwrap_or_default());
            let [size, time] = [stamp.0.to_le_bytes(), stamp.1.to_le_bytes()];
            let label = item.label().unwrap_or_default().as_bytes();
            hash = hash_bytes(&[&hash, &*name, &[0], label, &[0], &size, &time].concat());
        }
        hash
    }

    /// Decides how the images are encoded, as for a new index: from a sample of all of them. None where no image of
    /// it can be read, with why.
    ///
    /// # Errors
    /// `Interrupted` when the observer stops the work, `Runtime` when ONNX Runtime cannot be used.
    pub fn decide(&self, observer: &dyn Observer) -> Result<Result<Decided, Vec<Skipped>>> {
        if self.items.is_empty() {
            return Ok(Err(Vec::new()));
        }
        let names = Names::none(self.items.len());
        let plan = &Plan::new((&self.items, &names), None, false)?;
        let Coding { model, wanted, polarity, taken, options, from, .. } = self;
        let (dir, before) = from.as_ref().map_or((Path::new(""), None), |(dir, facts)| (&**dir, Some(facts)));
        let layout = SegmentLayout { bucket_size: None, latents: true, anew: false };
        let (polarity, taken, thumbnails, refit) = (*polarity, *taken, None, false);
        let run =
            Run { dir, plan, before, refit, model, wanted, polarity, layout, taken, thumbnails, options };
        let jobs = plan.jobs();
        let runtime = ensure(&options.runtime, observer)?;
        let mut pipeline = Pipeline::new(&runtime, model, options.pipeline(self.items.len())?);
        let items: Vec<&Item> = self.items.iter().collect();
        let (polarity, seen) = run.look(&mut pipeline, (&items, &items), observer)?;
        pipeline.inverted = polarity.inverted;
        pipeline.inputs = seen.inputs.into();
        let fit = match before {
            Some(facts) => Fit { codes: Some(facts.codes.clone()), ..Fit::default() },
            None => run.fit(&pipeline, &jobs, (&runtime, observer))?,
        };
        let held = fit.held.into_iter();
        match fit.codes {
            Some(codes) if codes.provisional && before.is_none() => Err(Error::Interrupted),
            _ if !fit.encoded.is_finished() => Err(Error::Interrupted),
            Some(codes) => Ok(Ok(Decided { facts: self.facts(codes, polarity), held: held.collect() })),
            None => Ok(Err(held
                .filter_map(|(position, outcome)| match outcome {
                    Outcome::Skipped(reason) => Some(Skipped::new(self.items[position].name(), reason)),
                    _ => None,
                })
                .collect())),
        }
    }

    /// Encodes the images at `positions`, which ascend, and gives each to `sink` in order, or why it cannot be used.
    ///
    /// # Errors
    /// When the encoder fails, or `sink` does.
    pub fn encode(
        &self,
        mut decided: Decided,
        positions: &[usize],
        observer: &dyn Observer,
        sink: &mut dyn FnMut(usize, Usable) -> Result<()>,
    ) -> Result<Encoded> {
        let runtime = ensure(&self.options.runtime, observer)?;
        let pipeline = self.pipeline(&runtime, &decided.facts)?;
        let mut held = std::mem::take(&mut decided.held);
        let rest: Vec<usize> =
            positions.iter().copied().filter(|position| !held.contains_key(position)).collect();
        let items: Vec<&Item> = rest.iter().map(|&position| &self.items[position]).collect();
        let before = Progress::of(positions.len() - rest.len(), positions.len());
        let after = After { observer, before, total: positions.len() };
        let mut waiting = positions.iter().copied();
        let mut give_until = |end: Option<(usize, Outcome)>| {
            let end_at = end.as_ref().map(|end| end.0);
            for position in waiting.by_ref().take_while(|position| Some(*position) != end_at) {
                let outcome = held.remove(&position).unwrap_or_else(|| Outcome::Skipped(String::new()));
                sink(position, self.coded(&decided.facts, &self.items[position], outcome))?;
            }
            match end {
                Some((position, outcome)) => {
                    sink(position, self.coded(&decided.facts, &self.items[position], outcome))
                }
                None => Ok(()),
            }
        };
        let encoded =
            pipeline.encode(&items, &after, &mut |job, outcome| give_until(Some((rest[job], outcome))))?;
        if encoded.is_finished() {
            give_until(None)?;
        }
        Ok(after.and(&Encoded { progress: before, ..Encoded::default() }, encoded))
    }

    /// Encodes images as they arrive, and gives each to `sink` in their order, as soon as it is done.
    ///
    /// # Errors
    /// As [`Coding::encode`].
    pub fn encode_arriving(
        &self,
        decided: &Decided,
        images: Receiver<Item>,
        observer: &dyn Observer,
        sink: &mut dyn FnMut(&Item, Usable) -> Result<()>,
    ) -> Result<Encoded> {
        let runtime = ensure(&self.options.runtime, observer)?;
        let pipeline = self.pipeline(&runtime, &decided.facts)?;
        let mut give = |item: &Item, outcome| sink(item, self.coded(&decided.facts, item, outcome));
        pipeline.encode_fed((&mut Feed::Arriving(images), 0), observer, &mut give)
    }

    fn pipeline<'a>(&'a self, runtime: &'a Runtime, facts: &Facts) -> Result<Pipeline<'a>> {
        let options = self.options.pipeline(self.items.len())?;
        Ok(Pipeline { inverted: facts.polarity.inverted, ..Pipeline::new(runtime, &self.model, options) })
    }

    fn ready(&self) -> Option<Fitted> {
        match &self.from {
            Some((_, facts)) => Some(facts.codes.clone()),
            None => self.wanted.ready(),
        }
    }

    fn facts(&self, codes: Fitted, polarity: Polarity) -> Facts {
        let before = self.from.as_ref().map(|(_, facts)| facts);
        let model = identity(&self.model, &self.options.model, before);
        Facts { model, codes, polarity, strangers: None, taken: self.taken, classes: None }
    }

    fn coded(&self, facts: &Facts, item: &Item, outcome: Outcome) -> Usable {
        match outcome {
            Outcome::Encoded { stamp, latent, facts: of_file } => {
                let code = facts.codes.binarizer.binarize(&latent);
                let (latent, scale) = match self.options.without_latents {
                    true => (Vec::new(), 0.0),
                    false => aesearch_index::quantize(&latent),
                };
                let (name, label) = (item.name().into_owned(), item.label().map(str::to_owned));
                Ok(Coded { name, label, stamp, code, latent, scale, of_file: values(&of_file) })
            }
            Outcome::Skipped(reason) => Err(reason),
            Outcome::Same(_) => Err("its content is known".to_owned()), // never: nothing is known here
        }
    }
}

/// The index that a choice of a binarizer names, if it is one.
fn named_index(choice: &BinarizerChoice) -> Result<Option<(PathBuf, Facts)>> {
    let BinarizerChoice::From(path) = choice else { return Ok(None) };
    if !path.is_dir() {
        return Ok(None);
    }
    let dir = index_at(path);
    let facts = Facts::of(&aesearch_index::Snapshot::open(&dir)?, &dir)?;
    Ok(Some((dir, facts)))
}
