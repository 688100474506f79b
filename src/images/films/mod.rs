//! Films: pictures of them at some times, by the program `ffmpeg`, which is called and never linked.
//!
//! | file | what it answers |
//! |---|---|
//! | `choice` | which times does the user want |
//! | `times` | a time as the name of a picture, and back |
//! | `known` | which times were listed before, so that no film is gone through again |
//! | `ffmpeg` | the times of a film; its picture at one of them |
//!
//! Where films are wanted, each is a container of its pictures (`containers/film`).

mod choice;
mod ffmpeg;
mod known;
mod times;

use std::io::Read as _;
use std::path::Path;

pub use choice::Video;
pub(super) use ffmpeg::{Fault, list, picture};
pub use known::KnownFilms;
pub(super) use times::{name_of, time_of};

use super::plain_file::open_file;
use super::sniff;

/// Whether a file is a film, by its name and by its first bytes.
pub(super) fn is_film(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = |head: &mut Vec<u8>| open_file(path)?.0.take(sniff::HEAD as u64).read_to_end(head);
    sniff::is_film_name(path) && read(&mut head).is_ok() && sniff::is_film(&head)
}
