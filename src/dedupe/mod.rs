//! What is there twice: found, proposed, carried out, taken back.

mod plan;

mod decisions;
mod report;

mod whole;

pub use decisions::{
    Change, DECISIONS_COMMAND, DECISIONS_FILE, Decision, Decisions, Hash, Verdict, hex, unhex,
};
pub use plan::{
    COMMAND, CopyRecall, Duplicate, File, Group, Kind, NearMiss, Plan, SCHEMA_VERSION, Threshold, Unread,
};
pub use report::{Picture, ReportOptions, html_report};
pub use whole::write_whole;
