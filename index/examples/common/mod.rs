//! What the examples share: made-up codes, files of codes, clocks, arguments, and every call of the crate that measures.
//!
//! Not an example itself: it has no `main`. Each example uses its part of it.
#![allow(dead_code)]

pub(crate) mod api;
pub(crate) mod args;
pub(crate) mod clock;
pub(crate) mod codes;
pub(crate) mod generator;
