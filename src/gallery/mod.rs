//! The facade: a folder of images, a model and an index, used together. Start reading here.
//!
//! [`update`] brings an index up to date with what some paths hold. A [`Gallery`] is an index opened with the
//! model and binarizer that made it; it finds the images most similar to an image, for any number of threads
//! at once.
//!
//! ```
//! use aesearch::demo::collection::write_collection;
//! use aesearch::gallery::{Gallery, OpenOptions, QueryOptions, UpdateOptions, update};
//! use aesearch::images::Item;
//! use aesearch::runtime::RuntimeOptions;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! write_collection(folder.path(), 1, 5)?; // digits/0/0000.png and 49 others, and 7.png
//!
//! let index = folder.path().join(".aesearch");
//! let runtime = RuntimeOptions::from_env();
//! let options = UpdateOptions { model: "digits-64".into(), ..UpdateOptions::new(runtime.clone()) };
//! let report = update(&index, &[folder.path().join("digits")], &options, &())?;
//! assert_eq!((report.added, report.skipped.len()), (50, 0));
//!
//! let gallery = Gallery::open(&index, &OpenOptions::new(runtime), &())?;
//! let query = Item::from_path(folder.path().join("7.png"));
//! let hits = gallery.query(&query, &QueryOptions { k: 3, ..QueryOptions::default() })?.hits;
//! assert_eq!(hits.len(), 3);
//! assert!(hits[0].similarity >= hits[1].similarity);
//! # Ok(())
//! # }
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `update.rs`, `update_report.rs` | index what some paths hold: what is new, what is kept, what is gone |
//! | `again.rs` | when all images are read again |
//! | `given.rs` | add images in memory, as they come |
//! | `coding.rs` | encode images as an index would, without one |
//! | `from_codes.rs` | an index of what was encoded elsewhere |
//! | `together.rs` | indexes that are searched or merged together |
//! | `merge.rs` | several indexes into one |
//! | `publish.rs` | an index in a bucket: there, and back into a folder |
//! | `follow.rs` | the same whenever files change |
//! | `estimate.rs` | what `update` would take |
//! | `added.rs` | give an encoder of another program a name |
//! | `remove.rs` | take images out of an index |
//! | `open.rs` | a [`Gallery`]: index, model and binarizer, opened together |
//! | `query.rs`, `own.rs` | the images most similar to an image, but for itself |
//! | `found.rs` | what was found, in an index or in a store of another program |
//! | `many.rs` | many queries, in order and as they come |
//! | `info.rs`, `upkeep.rs` | what an index holds; check, repair and compact it |
//! | `folder.rs` | find and open an index folder, load the model that made it |
//! | `plan.rs` | compare a folder with an index: what is kept, what is read, what is gone |
//! | `spelling.rs` | what an image is called in the index, whichever way leads to it |
//! | `absent.rs` | what is not there now, and may come back |
//! | `ingest.rs` | from outcomes to commits |
//! | `pipeline.rs` | many images to latents |
//! | `worker_pool.rs`, `worker.rs`, `watch.rs` | its threads, and what to do if a decoder hangs |
//! | `after.rs` | progress of a part as progress of the whole |
//! | `outcome.rs` | what became of an image |
//! | `memory.rs` | how much of the memory is for images |
//! | `choose.rs` | which of the shipped models suits the images best |
//! | `views.rs` | whether a model tells the images apart |
//! | `binarizers.rs` | which binarizer an index gets; one shared by several |
//! | `elsewhere.rs` | codes like those of an index, made without it |
//! | `refit.rs` | a new binarizer, from the latents that the index keeps |
//! | `thumbnails.rs` | small pictures, for when the files are not there |
//! | `strangers.rs` | how near images are that have nothing in common |
//! | `polarity.rs` | light strokes on dark, or dark on light |
//! | `probe.rs` | whether a model of another program is fit for use |
//! | `sample.rs` | a few images of a collection, for these four |
//! | `listing.rs`, `taken.rs` | which images there are; which pictures of files that hold several |
//! | `outputs.rs` | output paths: no indexed image is overwritten |
//! | `sessions.rs` | sessions that threads borrow |
//! | `labels.rs`, `classes.rs` | which labels count: folder names where they look like classes, none, or a table |
//! | `columns.rs` | what files know of their images, in columns of the index |
//! | `record.rs` | what is stored beside codes: items, model, binarizer, polarity |

mod added;
mod again;
mod coding;
mod estimate;
mod follow;
mod from_codes;
mod given;
mod merge;
mod publish;
mod remove;
mod update;
mod update_report;

mod found;
mod many;
mod open;
mod own;
mod query;
mod sessions;
mod together;

mod info;
mod upkeep;

mod absent;
mod classes;
mod columns;
mod folder;
mod labels;
mod listing;
mod record;
mod spelling;
mod taken;

mod after;
mod ingest;
mod plan;

mod memory;
mod outcome;
mod pipeline;
mod watch;
mod worker;
mod worker_pool;

mod binarizers;
mod choose;
mod elsewhere;
mod polarity;
mod probe;
mod refit;
mod sample;
mod strangers;
mod thumbnails;
mod views;

mod outputs;

pub use added::{AddOptions, add_model};
pub use binarizers::{BinarizerChoice, different_codes, save_binarizer};
pub use choose::{Candidate, Choice, ChooseOptions, choose};
pub use coding::{Coded, Coding, Decided, Usable};
pub(crate) use columns::days;
pub use columns::{COLUMNS, Known, OfFile};
pub use elsewhere::{coded_by, coded_like};
pub use estimate::{Estimate, estimate};
pub use folder::{FOLDER, find, index_at, nearby};
pub use follow::follow;
pub use found::{Hit, Store, Stored};
pub use from_codes::{Elsewhere, index_coded};
pub use given::{FIRST, add_images};
pub use info::{Info, MeasuredRecall, info};
pub use ingest::Checkpoints;
pub use labels::Labels;
pub use many::{Answered, ManyOptions};
pub use memory::Memory;
pub use merge::{MergeReport, merge};
pub use open::{Gallery, OpenOptions};
pub use outcome::{Outcome, StageTimes};
pub use outputs::{check_outputs, keep_images};
pub use pipeline::{Encoded, Pipeline, PipelineOptions};
pub use polarity::{Invert, decide_polarity, reconstruct_either_way};
pub use publish::{PublishReport, fetch, publish};
pub use query::{Answer, Answers, QueryOptions, QueryResult};
pub use record::{FROM_MEMORY, Facts, Fitted, ModelIdentity, Polarity, Record, Strangers};
pub use remove::{Passing, RemoveReport, remove};
pub use sessions::IdleEncoders;
pub use taken::Taken;
pub(crate) use thumbnails::or_thumbnails;
pub use thumbnails::{ThumbnailFacts, Thumbnails};
pub use together::Opened;
pub use update::{UpdateOptions, update};
pub use update_report::{Times, UpdateReport};
pub use upkeep::{CompactReport, IndexSize, RepairReport, compact, repair, verify};

#[cfg(test)]
mod tests;
