//! A synthetic collection to try the program on: there are no digit images in the repository, so it draws its own.
//!
//! `strokes` (how digits are written) -> [`digits`] (one image from one random stream).

pub mod digits;
mod strokes;
