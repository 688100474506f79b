//! An open gallery: an index with the model and the binarizer that made it, which many threads can query at
//! once.

use std::path::{Path, PathBuf};

use aesearch_index::{Access, Snapshot};

use super::binarizers::different_codes;
use super::folder::load_indexed_model;
use super::found::Store;
use super::pipeline::{Pipeline, PipelineOptions};
use super::polarity::Invert;
use super::record::Facts;
use super::sessions::Sessions;
use super::together::Opened;
use crate::encode::{Autoencoder, EncodeOptions, Encoder};
use crate::error::Result;
use crate::images::{Item, Limits, MemoryBudget, Resizer};
use crate::model::{LoadOptions, Model};
use crate::observer::Observer;
use crate::runtime::{Device, Runtime, RuntimeOptions, ensure};

/// How to open a gallery.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Where the index's model is now; `auto`: where it was when the index was made.
    pub model: String,
    /// How the model's file is opened.
    pub load: LoadOptions,
    /// How the index's files are brought into memory.
    pub access: Access,
    /// The device that encodes queries. For one image at a time the processor is best.
    pub device: Device,
    /// Whether queries are inverted: `Never` and `Always` hold for all queries, `Auto` decides for each.
    pub invert: Invert,
    /// The limits for one image.
    pub limits: Limits,
    /// Where ONNX Runtime comes from.
    pub runtime: RuntimeOptions,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions::new(RuntimeOptions::default())
    }
}

impl OpenOptions {
    /// The defaults, with ONNX Runtime from where `runtime` says.
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

/// An index opened with the model and the binarizer that made it.
///
/// A gallery can be shared between threads: each call borrows a session of ONNX Runtime, and opens another
/// only when all are in use. It shows the index as it was when it was opened; open it again to see later
/// commits.
///
/// Opened by [`Gallery::open_all`], it holds several indexes of one model and binarizer, whose images are searched
/// together. What is said of *the* index then holds for the first.
pub struct Gallery {
    first: Opened,
    others: Vec<Opened>,
    /// What is searched instead, if it is not the index.
    pub(super) store: Option<Box<dyn Store>>,
    model: Model,
    runtime: Runtime,
    pub(super) options: OpenOptions,
    encoders: Sessions<QueryEncoder>,
    /// Opened when the polarity of a query is in doubt.
    autoencoders: Sessions<Autoencoder>,
}

/// What one thread needs to encode queries.
pub(super) struct QueryEncoder {
    pub(super) encoder: Encoder,
    pub(super) resizer: Resizer,
}

impl Gallery {
    /// Opens the index at `dir` as its last commit left it. The observer is told about a download of ONNX
    /// Runtime.
    ///
    /// # Errors
    /// `NotFound` when there is no index or its model is gone, `Damaged` or `Version` when the index cannot
    /// be read, `Mismatch` when `options.model` is not the model that made it, `Runtime` when ONNX Runtime
    /// cannot be used.
    pub fn open(dir: &Path, options: &OpenOptions, observer: &dyn Observer) -> Result<Gallery> {
        Gallery::open_all((dir, &[]), options, observer)
    }

    /// Opens the index at `dir` and `others`, to search them together: a query finds what it would find in the index
    /// that [`merge`](super::merge()) makes of them, but an image that several of them hold is found as often.
    ///
    /// # Errors
    /// As [`Gallery::open`]; `Mismatch` when they differ in model, binarizer, polarity, or in whether they keep latents.
    pub fn open_all(
        (dir, others): (&Path, &[PathBuf]),
        options: &OpenOptions,
        observer: &dyn Observer,
    ) -> Result<Gallery> {
        let first = Opened::at(dir, options.access)?;
        let others = others.iter().map(|dir| Opened::at(dir, options.access)).collect::<Result<Vec<_>>>()?;
        for other in &others {
            first.check_images(other)?;
            if let Some(what) = different_codes(&first.facts, &other.facts) {
                let hint = "`merge` makes one index of both, and codes the images of one of them anew";
                return Err(first.refusal(other, what).with_hint(hint));
            }
        }
        Gallery::of((first, others), None, options, observer)
    }

    /// A gallery whose images are in `store`, encoded with `facts`; `place` names it in messages. It has no index: what
    /// asks for items by number finds none.
    ///
    /// # Errors
    /// `NotFound` when the model is gone, `Mismatch` when `options.model` is another one, `Runtime` when ONNX Runtime
    /// cannot be used.
    pub fn of_store(
        (place, facts, store): (&str, Facts, Box<dyn Store>),
        options: &OpenOptions,
        observer: &dyn Observer,
    ) -> Result<Gallery> {
        Gallery::of(
            (Opened::empty(place, facts, store.latent_size())?, Vec::new()),
            Some(store),
            options,
            observer,
        )
    }

    fn of(
        (first, others): (Opened, Vec<Opened>),
        store: Option<Box<dyn Store>>,
        options: &OpenOptions,
        observer: &dyn Observer,
    ) -> Result<Gallery> {
        let model = load_indexed_model(&first.dir, &first.facts, &options.model, &options.load)?;
        let runtime = ensure(&options.runtime, observer)?;
        let gallery = Gallery {
            first,
            others,
            store,
            model,
            runtime,
            options: options.clone(),
            encoders: Sessions::default(),
            autoencoders: Sessions::default(),
        };
        gallery.encoders.give_back(gallery.open_encoder()?); // the first query need not wait for it
        Ok(gallery)
    }

    /// The folder of the index.
    pub fn dir(&self) -> &Path {
        &self.first.dir
    }

    /// All indexes; the first is that which the other functions describe.
    pub fn indexes(&self) -> impl Iterator<Item = &Opened> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The index.
    pub fn snapshot(&self) -> &Snapshot {
        &self.first.snapshot
    }

    /// What holds for the whole index: its model, binarizer and polarity.
    pub fn facts(&self) -> &Facts {
        &self.first.facts
    }

    /// The model that made it.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// A pipeline that encodes images as the gallery's own were encoded, on `threads` worker threads.
    pub fn pipeline(&self, threads: usize) -> Pipeline<'_> {
        let OpenOptions { device, limits, .. } = self.options;
        let options = PipelineOptions { threads, device, limits, budget: MemoryBudget::default() };
        Pipeline {
            inverted: self.first.facts.polarity.inverted,
            ..Pipeline::new(&self.runtime, &self.model, options)
        }
    }

    /// The images with these ids, ready to be read from where they were when they were indexed; for one whose
    /// file is gone, the reason.
    pub fn items(&self, ids: impl IntoIterator<Item = u32>) -> Vec<Result<Item, String>> {
        self.first.items(ids)
    }

    /// As [`Gallery::items`], to look at: an image whose file is gone is shown by its thumbnail, if there is one.
    pub fn items_to_show(&self, ids: &[u32]) -> Vec<Result<Item, String>> {
        self.first.items_to_show(ids)
    }

    /// Lends an encoder to `work`.
    pub(super) fn with_encoder<R>(&self, work: impl FnOnce(&mut QueryEncoder) -> Result<R>) -> Result<R> {
        let mut encoder = self.encoders.take().map_or_else(|| self.open_encoder(), Ok)?;
        let result = work(&mut encoder);
        self.encoders.give_back(encoder);
        result
    }

    /// Lends encoder and decoder to `work`; none where the model has no decoder.
    pub(super) fn with_autoencoder<R>(
        &self,
        work: impl FnOnce(&mut Autoencoder) -> Result<R>,
    ) -> Result<Option<R>> {
        let open = || Autoencoder::open(&self.runtime, &self.model, &self.session_options());
        let Some(mut autoencoder) = self.autoencoders.take().map_or_else(open, |idle| Ok(Some(idle)))? else {
            return Ok(None);
        };
        let result = work(&mut autoencoder);
        self.autoencoders.give_back(autoencoder);
        result.map(Some)
    }

    fn open_encoder(&self) -> Result<QueryEncoder> {
        let encoder = Encoder::new(&self.runtime, &self.model, &self.session_options())?;
        Ok(QueryEncoder { encoder, resizer: Resizer::new() })
    }

    fn session_options(&self) -> EncodeOptions {
        EncodeOptions { threads: 1, device: self.options.device }
    }
}
