//! What is there twice: found, proposed, decided, carried out, taken back.
//!
//! ```text
//! index --> files, fingerprints --> candidates --> pairs --> groups --> plan --> apply --> journal --> undo
//!                               (codes)   (align, compare)        |
//!                   null, own copies --> threshold ---^           +--> report --> decisions --> the next scan
//! ```
//!
//! | file | what it answers |
//! |---|---|
//! | `scan` | the `dedupe scan` command, from the index to a plan |
//! | `files` | which files hold the same bytes, which show the same pixels |
//! | `fingerprint`, `fingerprints` | what is kept of an image to compare it; where that is kept |
//! | `structure`, `candidates` | codes of an image's structure; which images are near by them |
//! | `align`, `compare` | how does one image lie on another; how unlike are they then |
//! | `pairs` | all pairs that are worth it, compared |
//! | `threshold`, `copies`, `measure` | from when on two are near, and what that means here |
//! | `links`, `linkage`, `keep`, `propose` | near pairs become groups; which file stays; what is told of it |
//! | `plan` | the document: what was found and is proposed |
//! | `apply/` | carries a plan out, step by step, and takes it back |
//! | `decisions` | what people decided about images, by content |
//! | `evaluate/` | what is found, held against pairs that are known |
//! | `report/` | a page to look at and decide in |

mod plan;
mod scan;

mod collection;
mod fingerprint;
mod fingerprints;

mod candidates;
mod structure;

mod align;
mod compare;
mod pairs;

mod copies;
mod measure;
mod threshold;

mod grouping;
mod keep;
mod pair_table;
mod propose;

mod apply;
mod decisions;
mod evaluate;
mod report;

pub use apply::{Action, ApplyOptions, ApplyReport, PlanFile, Step, UndoReport, apply, journal_of, undo};
pub use decisions::{
    Change, DECISIONS_COMMAND, DECISIONS_FILE, Decision, Decisions, Hash, Verdict, hex, unhex,
};
pub use evaluate::{Evaluation, FalsePair, Point, Truth, curve_svg, evaluate};
pub use fingerprint::Turn;
pub use keep::Preference;
pub use plan::{
    COMMAND, CopyRecall, Duplicate, File, Group, Kind, NearMiss, Plan, SCHEMA_VERSION, Threshold, Unread,
};
pub use report::{Picture, ReportOptions, html_report};
pub use scan::{Scan, ScanOptions, scan};
