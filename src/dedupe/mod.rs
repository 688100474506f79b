//! What is there twice: found, proposed, carried out, taken back.

mod align;
mod plan;
mod structure;
mod thumb;

mod apply;

pub use apply::{
    Action, ApplyOptions, ApplyReport, PlanFile, Step, Told, UndoReport, apply, journal_of, undo,
};
pub use plan::{
    COMMAND, CopyRecall, Duplicate, File, Group, Kind, NearMiss, Plan, SCHEMA_VERSION, Threshold, Unread,
};
#[doc(hidden)]
pub mod lab {
    pub use super::align::*;
    pub use super::structure::*;
    pub use super::thumb::*;
}
