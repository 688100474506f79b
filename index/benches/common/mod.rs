//! Shared by the benches: synthetic codes, files of codes, clocks, arguments, and the calls that are timed.
//!
//! Not a bench itself: it has no `main`. Each bench uses a part of it.
#![allow(dead_code)]

pub(crate) mod api;
pub(crate) mod args;
pub(crate) mod clock;
pub(crate) mod codes;
pub(crate) mod generator;
pub(crate) mod start;
