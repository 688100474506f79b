//! Pictures of answers: contact sheets that show a query beside its neighbours.
//!
//! [`sheet`] lays out, [`canvas`] draws; both know pixels and text only, no index and no model.

pub mod sheet;

pub mod canvas;
