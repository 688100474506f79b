//! What a program says that was built without the feature `cloud`.

use std::fs::File;
use std::path::Path;

use super::{Fetched, Object};
use crate::error::{Error, Result};

/// What is to be done about it.
const HINT: &str = "build it with the feature `cloud`, or copy the objects here first";

fn refusal(url: &str) -> Error {
    let what = format!("{url}: an object store, which this program was built without");
    Error::unsupported(what).with_hint(HINT)
}

/// As where the feature is on, but for the refusal; so are the others.
pub(crate) fn list(url: &str) -> Result<Vec<Object>> {
    Err(refusal(url))
}

pub(crate) fn find(url: &str) -> Result<Option<Object>> {
    Err(refusal(url))
}

pub(crate) fn get(url: &str, _known: Option<&Object>, _max_bytes: u64) -> Result<Fetched, String> {
    Err(format!("{}; {HINT}", refusal(url)))
}

pub(crate) fn download(url: &str, _size: u64, _into: &mut File) -> Result<()> {
    Err(refusal(url))
}

pub(crate) fn upload(_file: (&Path, &mut File), url: &str) -> Result<()> {
    Err(refusal(url))
}

pub(crate) fn put(url: &str, _bytes: Vec<u8>) -> Result<()> {
    Err(refusal(url))
}

/// Objects that are not on their way.
pub(crate) struct Arriving;

pub(crate) fn get_all(_objects: Vec<Object>, _max_bytes: u64) -> Arriving {
    Arriving
}

impl Arriving {
    pub(crate) fn next(&mut self) -> Result<Fetched, String> {
        Err("an object store, which this program was built without".to_owned())
    }
}
