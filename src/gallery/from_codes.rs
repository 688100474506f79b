//! An index of what was encoded elsewhere: no image is opened, and no model.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use aesearch_index::{Item, Latent, SegmentBuilder, Settings};

use super::coding::Coded;
use super::columns::keep;
use super::folder::{load_indexed_model, lock, open_if_any};
use super::record::{Facts, Record};
use super::strangers::keep_strangers;
use super::update::{UpdateOptions, identity};
use super::update_report::{Times, UpdateReport};
use crate::error::{Error, Result};
use crate::images::{Skipped, hash_bytes};
use crate::observer::{Observer, Progress, Stage};

/// An image that was encoded elsewhere, or why it was not.
pub type Elsewhere = Result<Coded, Skipped>;

/// Makes an index at `dir`, where there is none, of images that were encoded with `facts`. It equals that of
/// [`update`](super::update()) over the same images. Of `options`, those about segments count, and `model`, where it
/// says where the model is here. Of several images of one name, the first is taken; others of another content are
/// among the skipped.
///
/// # Errors
/// When there is an index, an image does not fit the facts, `images` gives an error, or the observer stops the work;
/// `Mismatch` when `options.model` is another model.
pub fn index_coded(
    dir: &Path,
    (facts, has_latents): (&Facts, bool),
    (images, expected): (&mut dyn Iterator<Item = Result<Elsewhere>>, usize),
    options: &UpdateOptions,
    observer: &dyn Observer,
) -> Result<UpdateReport> {
    let start = Instant::now();
    let mut writer = lock(dir, options.wait, observer)?;
    if open_if_any(dir)?.is_some() {
        let what = format!("{}: expected no index, got one", dir.display());
        return Err(Error::invalid(what).with_hint("make another one, and put both together with `merge`"));
    }
    let mut facts = Facts { strangers: None, classes: None, ..facts.clone() };
    if options.model != "auto" {
        let model = load_indexed_model(dir, &facts, &options.model, &options.load)?;
        facts.model = identity(&model, &options.model, Some(&facts));
    }
    let binarizer = &facts.codes.binarizer;
    let latent_size = if has_latents && !options.without_latents { binarizer.latent_size() } else { 0 };
    let bits = binarizer.bits();
    let attributes = vec![facts.to_attribute()];
    let settings = Settings { bits, latent_size, bucket_size: options.bucket_size, attributes };
    let mut builder = SegmentBuilder::new(&settings)?;
    let (mut came, mut skipped) = (HashMap::new(), Vec::new());
    observer.stage(Stage::images("indexing"));
    for image in images {
        let image = match image? {
            Ok(image) => image,
            Err(none) => {
                skipped.push(none);
                continue;
            }
        };
        match came.insert(hash_bytes(&image.name), image.stamp.hash) {
            None => push(&mut builder, &image)?,
            Some(content) if content == image.stamp.hash => {} // a part that was written twice
            Some(content) => {
                came.insert(hash_bytes(&image.name), content);
                let reason = "another image of the same name came before it";
                observer.skipped(&image.shown(), reason);
                skipped.push(Skipped::new(&image.name, reason));
            }
        }
        if builder.len().is_multiple_of(4096) {
            observer.progress(&Progress::of(builder.len(), expected));
            if observer.should_stop() {
                return Err(Error::Interrupted);
            }
        }
    }
    let added = builder.len();
    let writing = Instant::now();
    writer.commit_since(builder, &[], 0)?;
    let now = keep_strangers((dir, &mut writer), options.seed)?;
    Ok(UpdateReport {
        added,
        unchanged: 0,
        changed: 0,
        removed: 0,
        renamed: 0,
        encoded: 0,
        recoded: 0,
        images: added,
        bytes: 0,
        skipped,
        bits,
        polarity: facts.polarity,
        model: facts.model,
        index_bytes: now.map_or(0, |(index, _)| index.bytes()),
        thumbnails: None,
        seconds: start.elapsed().as_secs_f64(),
        times: Times { write: writing.elapsed(), ..Times::default() },
        interrupted: false,
    })
}

fn push(builder: &mut SegmentBuilder, image: &Coded) -> Result<()> {
    let Coded { name, label, stamp, code, latent, scale, of_file } = image;
    let payload = Record::new(label.as_deref(), stamp).to_bytes();
    let item = Item { name, payload: &payload, code, latent: &[] };
    let (values, scale) = match builder.latent_size() {
        0 => (&[][..], 0.0),
        _ => (&latent[..], *scale),
    };
    builder.push_quantized(item, Latent { values, scale })?;
    keep(builder, of_file)
}
