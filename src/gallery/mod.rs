//! The facade: a folder of images, a model and an index, used together. Start reading here.
//!
//! [`update`] brings an index up to date with what some paths hold. A [`Gallery`] is an index opened with the model and binarizer
//! that made it, and answers what looks like an image:
//!
//! ```text
//! 7.png -> load -> resize -> (invert) -> encoder -> latent -> binarizer -> code -> search -> re-rank by latents -> hits
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `update.rs` | the `index` command: what is new, what is kept, one commit |
//! | `estimate.rs` | the `estimate` command: what `index` would take |
//! | `remove.rs` | the `remove` command: take images out |
//! | `plan.rs` | comparing a folder with an index: what is kept, read, gone |
//! | `ingest.rs` | from what was read to commits |
//! | `pipeline.rs`, `worker.rs` | many images to latents, on worker threads |
//! | `memory.rs` | how much of the memory is for images |
//! | `choose.rs` | which of the shipped models knows the images best |
//! | `polarity.rs` | dark ink on light paper, or the reverse |
//! | `sample.rs` | a few images of a collection, for both |
//! | `outputs.rs` | output paths: no indexed image is overwritten |
//! | `record.rs` | what is stored beside codes: items, model, binarizer, polarity |

mod estimate;
mod remove;
mod update;

mod ingest;
mod plan;

mod memory;
mod pipeline;
mod record;
mod worker;

mod choose;
mod polarity;
mod sample;

mod outputs;

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use aesearch_index::{Access, Mode, Ranked, Search, Snapshot};

pub use choose::{Candidate, Choice, ChooseOptions, choose};
pub use estimate::{Estimate, estimate};
pub use ingest::Checkpoints;
pub use memory::Memory;
pub use outputs::{check_outputs, keep_images};
pub use pipeline::{Encoded, Outcome, Pipeline, PipelineOptions, Stages};
pub use polarity::{Invert, decide_polarity, reconstruct_either_way};
pub use record::{Facts, ModelIdentity, Polarity, Record};
pub use remove::{RemoveReport, remove};
pub use update::{Times, UpdateOptions, UpdateReport, update};

use crate::encode::{Autoencoder, EncodeOptions, Encoder};
use crate::error::{Error, Result};
use crate::images::{Decoding, Item, Limits, MemoryBudget, Pixels, Resizer, invert_pixels, read};
use crate::model::{LoadOptions, Model};
use crate::observer::Observer;
use crate::runtime::{Device, Runtime, RuntimeOptions, ensure};

/// The name of an index folder.
pub const FOLDER: &str = ".aesearch";

/// The index folder that holds for `start`, an absolute path: its own, or that of the nearest folder above it.
pub fn find(start: &Path) -> Option<PathBuf> {
    start.ancestors().map(|folder| folder.join(FOLDER)).find(|dir| aesearch_index::is_index(dir))
}

/// How to open a gallery.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Where the index's model is now; `auto`: where it was.
    pub model: String,
    /// How the model's file is opened.
    pub load: LoadOptions,
    /// How the index's files are brought into memory.
    pub access: Access,
    /// The device that encodes queries. One image at a time is the processor's work.
    pub device: Device,
    /// Dark ink on light paper: `Never` and `Always` decide for all queries, `Auto` for each by itself.
    pub invert: Invert,
    /// What one image may cost.
    pub limits: Limits,
    /// Where ONNX Runtime comes from.
    pub runtime: RuntimeOptions,
}

impl OpenOptions {
    /// The defaults, with a place for ONNX Runtime.
    pub fn new(runtime: RuntimeOptions) -> Self {
        OpenOptions {
            model: "auto".to_owned(),
            load: LoadOptions::default(),
            access: Access::Map,
            device: Device::Cpu,
            invert: Invert::Auto,
            limits: Limits::default(),
            runtime,
        }
    }
}

/// What to look for.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryOptions {
    /// At most so many hits.
    pub k: usize,
    /// How hard to look.
    pub mode: Mode,
    /// Only images within so many bits.
    pub radius: Option<u32>,
    /// The nearest so many by code are put in order by their latents; 0 leaves them in the order of their codes.
    pub rerank: usize,
}

impl Default for QueryOptions {
    fn default() -> Self {
        QueryOptions { k: 10, mode: Mode::Recall(0.99), radius: None, rerank: 200 }
    }
}

/// An image of the gallery that is near a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// From 1.
    pub rank: usize,
    /// The image's number in the index.
    pub id: u32,
    /// The image's name; bytes that are not UTF-8 are shown as U+FFFD.
    pub path: String,
    /// The bytes of a name that is not UTF-8.
    pub path_bytes: Option<Vec<u8>>,
    /// Its label, where one is known.
    pub label: Option<String>,
    /// Hamming distance of the codes, in bits.
    pub distance: u32,
    /// Cosine of the latents, -1 to 1.
    pub similarity: f32,
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryResult {
    /// The nearest images, the nearest first.
    pub hits: Vec<Hit>,
    /// The query was inverted before it was encoded.
    pub inverted: bool,
}

/// An index opened with the model and the binarizer that made it.
pub struct Gallery {
    snapshot: Snapshot,
    facts: Facts,
    model: Model,
    runtime: Runtime,
    encoder: Encoder,
    /// Opened when a query's ink is in doubt.
    autoencoder: Option<Autoencoder>,
    resizer: Resizer,
    options: OpenOptions,
}

impl Gallery {
    /// Opens the index at `dir` as its last commit left it; `observer` hears of what takes long.
    ///
    /// # Errors
    /// When there is no index, it is damaged or too new, its model is gone or another, or ONNX Runtime is not to be had.
    pub fn open(dir: &Path, options: &OpenOptions, observer: &dyn Observer) -> Result<Gallery> {
        let snapshot = Snapshot::open_with(dir, options.access)?;
        let facts = Facts::of(&snapshot, dir)?;
        let model = load_indexed_model(dir, &facts, (&options.model, &options.load))?;
        let runtime = ensure(&options.runtime, observer)?;
        let encoder = Encoder::new(&runtime, &model, &EncodeOptions { threads: 1, device: options.device })?;
        let (autoencoder, resizer, options) = (None, Resizer::new(), options.clone());
        Ok(Gallery { snapshot, facts, model, runtime, encoder, autoencoder, resizer, options })
    }

    /// The images that look most like `item`.
    ///
    /// # Errors
    /// When the image cannot be read, with the reason, or the search is not one of this index.
    pub fn query(&mut self, item: &Item, options: &QueryOptions) -> Result<QueryResult> {
        let unusable = |reason| Error::invalid(format!("{}: {reason}", item.display()));
        let grey = self.encoder.input().channels == 1; // as it was when the index was made
        let decoding = Decoding { limits: self.options.limits, grey, ..Decoding::default() };
        let source = read(item, &self.options.limits).map_err(unusable)?;
        let pixels = source.decode(&decoding).map_err(unusable)?;
        self.query_pixels(&pixels, options).map_err(|error| match error {
            Error::Invalid(problem) => unusable(problem.what),
            other => other,
        })
    }

    /// The images that look most like `pixels`.
    ///
    /// # Errors
    /// When the search is not one of this index.
    pub fn query_pixels(&mut self, pixels: &Pixels, options: &QueryOptions) -> Result<QueryResult> {
        let (latent, inverted) = self.latent(pixels)?;
        Ok(QueryResult { hits: self.search(&latent, options)?, inverted })
    }

    /// The latent `[D]` of an image, and whether it was inverted before it was encoded.
    ///
    /// # Errors
    /// When the image is empty, or the model fails on it.
    pub fn latent(&mut self, pixels: &Pixels) -> Result<(Vec<f32>, bool)> {
        let shape = self.encoder.input();
        let mut image = vec![0.0; shape.size()];
        self.resizer.to_input(pixels, shape, &mut image).map_err(Error::invalid)?;
        let mut inverted = match self.options.invert {
            Invert::Auto => self.facts.polarity.inverted,
            Invert::Never => false,
            Invert::Always => true,
        };
        if inverted {
            invert_pixels(&mut image);
        }
        if self.options.invert == Invert::Auto && self.facts.polarity.doubts(&image) {
            if self.autoencoder.is_none() {
                let options = EncodeOptions { threads: 1, device: self.options.device };
                self.autoencoder = Autoencoder::open(&self.runtime, &self.model, &options)?;
            }
            if let Some(autoencoder) = &mut self.autoencoder {
                inverted ^= polarity::correct(&mut image, autoencoder)?;
            }
        }
        Ok((self.encoder.encode(&image)?, inverted))
    }

    /// The images whose codes, and then latents, are nearest to `latent` `[D]`.
    ///
    /// # Errors
    /// When the latent is not finite, or the search is not one of this index.
    pub fn search(&self, latent: &[f32], options: &QueryOptions) -> Result<Vec<Hit>> {
        if latent.len() != self.facts.binarizer.latent_size()
            || latent.iter().any(|number| !number.is_finite())
        {
            return Err(Error::damaged(
                &self.facts.model.name,
                "latent: expected finite numbers, got others",
            ));
        }
        let code = self.facts.binarizer.binarize(latent);
        let k = options.k.max(options.rerank);
        // of codes that are equally near, which one is cut off would be chance: the latents decide about all of them, and
        // names about equal ones, as an item's number tells of the index's history
        let search = Search { k, mode: options.mode, radius: options.radius, ties: true };
        let near = self.snapshot.search(&code, &search)?;
        let mut ranked = self.snapshot.rerank(latent, &near, near.len());
        ranked.sort_unstable_by(|a, b| {
            let by_latent = b.similarity.total_cmp(&a.similarity);
            let order = if options.rerank == 0 { Ordering::Equal } else { by_latent };
            let name = |hit: &Ranked| self.snapshot.name(hit.id);
            order.then(a.distance.cmp(&b.distance)).then_with(|| name(a).cmp(name(b)))
        });
        ranked.truncate(options.k);
        let hits = ranked.iter().zip(1..).map(|(hit, rank)| {
            let name = self.snapshot.name(hit.id);
            Ok(Hit {
                rank,
                id: hit.id,
                path: String::from_utf8_lossy(name).into_owned(),
                path_bytes: std::str::from_utf8(name).is_err().then(|| name.to_vec()),
                label: Record::of(&self.snapshot, hit.id)?.label,
                distance: hit.distance,
                similarity: hit.similarity,
            })
        });
        hits.collect()
    }

    /// The index.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// What holds for the whole index.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The model that made it.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// How to encode many images as the gallery's own were, on `threads` worker threads.
    pub fn pipeline(&self, threads: usize) -> Pipeline<'_> {
        let OpenOptions { device, limits, .. } = self.options;
        let options = PipelineOptions { threads, device, limits, budget: MemoryBudget::default() };
        Pipeline {
            inverted: self.facts.polarity.inverted,
            ..Pipeline::new(&self.runtime, &self.model, options)
        }
    }
}

/// The index at `dir` with its facts; nothing where nothing was ever committed.
fn open_if_any(dir: &Path) -> Result<Option<(Snapshot, Facts)>> {
    match Snapshot::open(dir) {
        Ok(snapshot) => {
            let facts = Facts::of(&snapshot, dir)?;
            Ok(Some((snapshot, facts)))
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The model that made an index: where it was then, unless `named` (not `auto`) says where it is. What the index knows of a
/// model of another program need not be said again.
fn load_indexed_model(dir: &Path, facts: &Facts, (named, load): (&str, &LoadOptions)) -> Result<Model> {
    let ModelIdentity { name, source, foreign, .. } = &facts.model;
    let load = LoadOptions { known: foreign.clone(), ..load.clone() };
    let model = match named {
        "auto" => Model::load_any(source, &load).map_err(|error| {
            let advice = format!(
                "{} was made with the model {name}; if it has moved, say --model PATH",
                dir.display()
            );
            // Of a file that is there the error itself says what to do.
            if error.hint().is_some() && Path::new(source).exists() { error } else { error.with_hint(advice) }
        })?,
        named => Model::load_any(named, &load)?,
    };
    check_made_with(dir, facts, &model).map(|()| model)
}

fn check_made_with(dir: &Path, facts: &Facts, model: &Model) -> Result<()> {
    let ModelIdentity { name, sha256, foreign, .. } = &facts.model;
    let (place, metadata) = (dir.display().to_string(), &model.metadata);
    if model.sha256 != *sha256 {
        let identity =
            |name: &str, sha256: &str| format!("{name} (sha256 {})", sha256.get(..12).unwrap_or(sha256));
        let (made_with, got) = (identity(name, sha256), identity(&metadata.name, &model.sha256));
        return Err(Error::mismatch(place, format!("model: expected {made_with}, got {got}")).with_hint(
            "codes of different models cannot be compared: name the model that made the index, or another folder with --index",
        ));
    }
    let formats = foreign.as_ref().zip(model.foreign.as_ref());
    match formats.and_then(|(known, now)| known.format.differs(&now.format)) {
        None => Ok(()),
        Some(difference) => Err(Error::mismatch(place, format!("model {name}: {difference}")).with_hint(
            "codes of images that were prepared in different ways cannot be compared: describe the model as when the index was made, or not at all, or name another folder with --index",
        )),
    }
}

#[cfg(test)]
mod tests;
