//! Containers: files that hold many images, read where they lie. Nothing is unpacked to disk, nothing large
//! is kept.
//!
//! | file | what it answers |
//! |---|---|
//! | `recognise`, `names` | is this file a container, and in which format; what does its name claim |
//! | `container` | how many images, what are they called, read this one; whatever the format |
//! | `idx`, `npy`, `npz`, `cifar` | arrays of images of one size, and their labels |
//! | `arrays` | the images of such arrays by number |
//! | `tar`, `zip` | archives of image files |
//! | `entries` | names, positions and labels of the images in an archive; which names are refused |
//! | `frames` | image files of several pictures, as containers of them |
//! | `film` | films, as containers of some of their pictures |
//! | `parquet`, `pages` | tables with a column of image files; which of their pages are refused |
//! | `labels` | a label for each entry, every text once |
//! | `skips` | what is not used, and the bounds |
//! | `stream` | packed bytes by position, without unpacking them again and again; bombs |
//! | `file` | a file by position, without holding it open |
//!
//! Everything that a container says of itself is only a claim: sizes, names, counts. Each claim is checked
//! before it costs anything, and what is refused is listed with its reason.

mod container;
mod names;
mod recognise;

mod arrays;
mod cifar;
mod idx;
mod npy;
mod npz;

mod film;
mod frames;

mod entries;
mod tar;
mod zip;

mod pages;
mod parquet;

mod file;
mod labels;
mod skips;
mod stream;

pub(super) use container::{Container, Opened};
pub(super) use recognise::{ContainerFormat, Found, recognise};

#[cfg(test)]
pub(super) mod tests;
