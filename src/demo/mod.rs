//! A synthetic collection to try things on: there are no images of digits in the repository, so it draws its
//! own.
//!
//! `strokes` (how digits are written) -> [`digits`] (one image from one random stream) -> [`collection`]
//! (files in folders). Nothing here indexes or queries.

pub mod digits;
mod strokes;

pub mod collection;
