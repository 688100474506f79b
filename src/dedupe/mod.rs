//! Finds duplicates, proposes which files to keep, remembers decisions, carries a plan out, and takes it
//! back.
//!
//! ```text
//! index --> collection, fingerprints --> candidates --> pairs --> groups --> plan --> apply --> journal --> undo
//!                                      (codes)   (align, compare)        |
//!                   null, own copies --> threshold ---^                  +--> report --> decisions --> the next scan
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `find` | duplicates in one call: index, scan, write plan, page and sheet |
//! | `options`, `scan`, `plan`, `outputs` | from an index to a plan; the document that people and `apply` read; names of files |
//! | `collection` | which files have the same bytes, and which show the same pixels |
//! | `fingerprint`, `fingerprints` | what is kept of an image to compare it, and where |
//! | `structure`, `candidates`, `neighbours`, `views` | codes of an image's structure; the pairs worth comparing, by them, by the index's latents, and by frames, parts and turns |
//! | `traces/` | what pixels and headers tell of how an image came to be |
//! | `reading` | reads the images with some contents |
//! | `alone` | fingerprints for other programs |
//! | `alike` | whose pixels have to be hashed at full size, as the fingerprints do not tell |
//! | `align`, `compare`, `pairs` | aligns two images, measures how unlike they are, for all candidates |
//! | `local/` | whether one picture is the other, edited or whole, by local features and geometry |
//! | `verify`, `held`, `finding`, `judge` | the pairs that this is asked of; what is in memory for it; the answer; what it and the thumbnails say together |
//! | `known` | what scans found about pairs, kept so that nothing is measured twice |
//! | `strangers` | how many corners of strangers lie alike |
//! | `threshold`, `measure` | the similarity from which images are near, for this collection |
//! | `copies`, `recall` | copies made on purpose, and what share of them is found |
//! | `pair_table`, `grouping` | from near pairs to groups |
//! | `select` | which files may be proposed, by a regular expression |
//! | `original` | what speaks against an image being the original of those that show the same |
//! | `keep`, `propose` | which file is kept, and what the plan says about the others |
//! | `pictures`, `sheet`, `report/` | the groups as a picture, and as a page to review and decide |
//! | `decisions`, `decide` | what people decided about images, by content; changes it in one call |
//! | `check`, `glimpses`, `last_scan` | is an image in the collection already, whole or in part, by the threshold of the last scan |
//! | `evaluate/` | compares what is found with known pairs |
//! | `apply/` | carries a plan out, step by step, and takes it back |
//!
//! Finding duplicates is one call, which indexes what is not indexed yet:
//!
//! ```
//! use aesearch::dedupe::{FindOptions, GroupKind, find_duplicates};
//! use aesearch::demo::collection::write_collection;
//! use aesearch::gallery::UpdateOptions;
//! use aesearch::runtime::RuntimeOptions;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let files = write_collection(folder.path(), 1, 2)?; // 20 digits, and 7.png
//! std::fs::copy(&files[3], folder.path().join("copy.png"))?;
//!
//! let update = UpdateOptions::new(RuntimeOptions::from_env());
//! let options = FindOptions { data: vec![folder.path().into()], ..FindOptions::new(update) };
//! let found = find_duplicates(&folder.path().join(".aesearch"), &options, &())?;
//!
//! let group = &found.scan.plan.groups[0];
//! assert_eq!(group.kind, GroupKind::Bytes);
//! assert_eq!(group.duplicates.len(), 1);
//! # Ok(())
//! # }
//! ```

mod find;

mod options;
mod outputs;
mod plan;
mod scan;

mod collection;
mod fingerprint;
mod fingerprints;
mod reading;
mod traces;

mod candidates;
mod neighbours;
mod structure;

mod align;
mod alike;
mod alone;
mod compare;
mod finding;
mod judge;
mod known;
mod local;
mod pairs;
mod strangers;
mod verify;
mod views;

mod copies;
mod measure;
mod recall;
mod threshold;

mod doubt;
mod grouping;
mod held;
mod keep;
mod original;
mod pair_table;
mod propose;
mod select;
mod units;

mod pictures;
mod report;
mod sheet;

mod check;
mod glimpses;
mod last_scan;

mod decide;
mod decisions;

mod evaluate;

mod apply;

#[cfg(all(test, feature = "cli"))] // the reference of the command line
pub(crate) use {apply::journal_schemas, decisions::Document as DecisionsDocument};

pub use alone::{fingerprint_similarity, image_fingerprint};
pub use apply::{Action, ApplyOptions, ApplyReport, Step, UndoOptions, UndoReport, apply, undo};
pub use check::{Basis, CheckOptions, CheckThreshold, Checked, CheckedImage, Match, check, check_items};
pub use decide::{DecideOptions, DecideTask, Decided, decide};
pub use decisions::{
    ChangeCounts, DECISIONS_COMMAND, DECISIONS_FILE, Decision, Decisions, Hash, Kept, Verdict, hex, unhex,
};
pub use evaluate::{EvaluateOptions, Evaluated, Evaluation, FalsePair, OperatingPoint, evaluate};
pub use find::{FindOptions, Found, find_duplicates, write_outputs};
pub use fingerprint::Turn;
pub use fingerprints::fingerprints_of;
pub use keep::Preference;
pub use local::{Affine, Beside, Likeness, Local, Probes, Region, Verified, verify};
pub use options::ScanOptions;
pub use outputs::ScanOutputs;
pub use pictures::{PictureSource, Pictures};
pub use plan::{
    COMMAND, CopyRecall, Duplicate, File, Flaw, Group, GroupKind, InlierNull, NearMiss, Plan, SCHEMA_VERSION,
    Threshold, Unread,
};
pub use report::{PageOptions, html_report};
pub use scan::{Scan, scan};
pub use select::Select;
