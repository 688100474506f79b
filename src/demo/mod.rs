//! A synthetic collection to try the program on: there are no digit images in the repository, so it draws its own.
//!
//! `strokes` (how digits are written) -> [`digits`] (one image from one random stream) -> [`collection`] (files in
//! folders). Nothing here indexes or queries; the `demo` command does that as a user would.

pub mod digits;
mod strokes;

pub mod collection;
