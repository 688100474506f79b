//! What is there twice: found, proposed, carried out, taken back.

mod plan;

pub use plan::{
    COMMAND, CopyRecall, Duplicate, File, Group, Kind, NearMiss, Plan, SCHEMA_VERSION, Threshold, Unread,
};
