//! A film as a container: each time at which a picture is taken is an entry. Its label is the name of the
//! file's folder, as that of an image file is.

use super::file::FileAt;
use super::skips::Skips;
use crate::images::Limits;
use crate::images::films::{Fault, name_of, picture, time_of};
use crate::images::frames::MOST;
use crate::images::names::folder_name;
use crate::images::plain_file::io_reason;
use crate::images::source::Raw;

/// The pictures of one film.
pub(super) struct Film {
    /// In milliseconds, ascending.
    times: Vec<u64>,
    label: Option<String>,
}

impl Film {
    pub(super) fn new(file: &FileAt, mut times: Vec<u64>, skips: &mut Skips) -> Film {
        if times.len() > MOST {
            skips.container(&format!("more than {MOST} pictures of it: only so many are used"));
            times.truncate(MOST);
        }
        Film { times, label: folder_name(file.path()).map(|name| name.into_owned()) }
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// What entry `index` is called: its time.
    pub(super) fn name(&self, index: usize) -> String {
        name_of(self.times[index])
    }

    /// The entry of this name.
    pub(super) fn find(&self, name: &[u8]) -> Option<usize> {
        self.times.binary_search(&time_of(name)?).ok()
    }

    pub(super) fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Entry `index`, not decoded.
    pub(super) fn read(&self, file: &FileAt, index: usize, limits: &Limits) -> Result<Raw, String> {
        file.read_at(0, file.len().min(1)).map_err(io_reason)?; // whether it is still the same
        match picture(file.path(), self.times[index], limits) {
            Ok(Some(ppm)) => Ok(Raw::Part(ppm)),
            Ok(None) => Err("the film has no picture at this time".to_owned()),
            Err(Fault::Film(reason)) => Err(reason),
            Err(Fault::NoProgram) => {
                Err("films need the program ffmpeg, which is not on the PATH".to_owned())
            }
            Err(Fault::NotBuilt) => Err("this program was built without films".to_owned()),
            Err(Fault::Interrupted) => Err("ffmpeg was interrupted".to_owned()),
        }
    }
}
