//! Files that hold several pictures: how many there are, which of them are taken, and each by its number.
//!
//! | file | what it answers |
//! |---|---|
//! | `choice` | which of a file's pictures does the user want |
//! | `several` | is there more than one; how many frames has an animation |
//! | `inside` | what else is in the file: a film, a depth map, another picture behind its end |
//! | `parts` | pages of TIFF files, pictures of HEIC files and of MPO: each as a file of its own |
//! | `animation` | frames of GIF, PNG and WebP, one after the other |
//!
//! Where a user asks for more than the first picture, such a file is a container of them (`containers/frames`).

mod animation;
mod choice;
mod inside;
mod parts;
mod several;

pub(super) use animation::{AnimatedFile, Animation, Drawn, Frame};
pub use choice::Frames;
pub(super) use inside::{Inside, inside};
pub(super) use parts::{MOST, Part, parts};
pub(super) use several::{frames, several};
