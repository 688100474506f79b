//! The facade: a folder of images, a model and an index, used together. Start reading here.
//!
//! [`update`] brings an index up to date with what some paths hold. A [`Gallery`] is an index opened with the
//! model and binarizer that made it; it finds the images most similar to an image, for any number of threads
//! at once.
//!
//! | file | responsibility |
//! |---|---|
//! | `update.rs` | index what some paths hold: what is new, what is kept, what is gone |
//! | `estimate.rs` | what `update` would take |
//! | `remove.rs` | take images out of an index |
//! | `open.rs` | a [`Gallery`]: index, model and binarizer, opened together |
//! | `query.rs` | the images most similar to an image |
//! | `info.rs`, `upkeep.rs` | what an index holds; check, repair and compact it |
//! | `folder.rs` | find and open an index folder, load the model that made it |
//! | `plan.rs` | compare a folder with an index: what is kept, what is read, what is gone |
//! | `ingest.rs` | from outcomes to commits |
//! | `pipeline.rs` | many images to latents |
//! | `worker_pool.rs`, `worker.rs`, `watch.rs` | its threads, and what to do if a decoder hangs |
//! | `outcome.rs` | what became of an image |
//! | `memory.rs` | how much of the memory is for images |
//! | `choose.rs` | which of the shipped models suits the images best |
//! | `polarity.rs` | light strokes on dark, or dark on light |
//! | `sample.rs` | a few images of a collection, for both |
//! | `outputs.rs` | output paths: no indexed image is overwritten |
//! | `sessions.rs` | sessions that threads borrow |
//! | `record.rs` | what is stored beside codes: items, model, binarizer, polarity |

mod estimate;
mod remove;
mod update;

mod open;
mod query;
mod sessions;

mod info;
mod upkeep;

mod folder;
mod record;

mod ingest;
mod plan;

mod memory;
mod outcome;
mod pipeline;
mod watch;
mod worker;
mod worker_pool;

mod choose;
mod polarity;
mod sample;

mod outputs;

pub use choose::{Candidate, Choice, ChooseOptions, choose};
pub use estimate::{Estimate, estimate};
pub use folder::{FOLDER, find};
pub use info::{Info, MeasuredRecall, info};
pub use ingest::Checkpoints;
pub use memory::Memory;
pub use open::{Gallery, OpenOptions};
pub use outcome::{Outcome, StageTimes};
pub use outputs::{check_outputs, keep_images};
pub use pipeline::{Encoded, Pipeline, PipelineOptions};
pub use polarity::{Invert, decide_polarity, reconstruct_either_way};
pub use query::{Answer, Answers, Hit, QueryOptions, QueryResult};
pub use record::{Facts, ModelIdentity, Polarity, Record};
pub use remove::{RemoveReport, remove};
pub use update::{Times, UpdateOptions, UpdateReport, update};
pub use upkeep::{CompactReport, IndexSize, RepairReport, compact, repair, verify};

#[cfg(test)]
mod tests;
