//! Images as Python hands them over: `(name, bytes)` is an image file, `(name, bytes, (height, width, channels))` are
//! pixels, and `(path,)` is a file on disk. Names and paths are bytes, as the system has them; an image with an empty name
//! is numbered when it is added. Images come back as small JPEG pictures.

use std::cell::RefCell;

use aesearch::gallery::FIRST;
use aesearch::images::{Item, Pixels, encode_jpeg, fitted, path_of};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyIterator};

/// The quality of small pictures.
const QUALITY: u8 = 80;

/// One image.
#[derive(FromPyObject)]
enum Given {
    Pixels(PyBackedBytes, PyBackedBytes, (usize, usize, usize)),
    File(PyBackedBytes, PyBackedBytes),
    Path((PyBackedBytes,)),
}

/// The image of such a tuple.
pub(crate) fn item(given: &Bound<'_, PyAny>) -> PyResult<Item> {
    Ok(match given.extract()? {
        Given::Pixels(name, data, (height, width, channels)) => {
            Item::from_pixels(name.to_vec(), Pixels { width, height, channels, data: data.to_vec() })
        }
        Given::File(name, bytes) => Item::from_bytes(name.to_vec(), bytes.to_vec()),
        Given::Path((path,)) => Item::from_path(path_of(&path)),
    })
}

/// The images of a list of such tuples.
pub(crate) fn items(given: &Bound<'_, PyAny>) -> PyResult<Vec<Item>> {
    given.try_iter()?.map(|one| item(&one?)).collect()
}

/// A JPEG file of a picture, no side longer than `side`; none where there is nothing to show.
pub(crate) fn small_jpeg(pixels: &Pixels, side: usize) -> Option<Vec<u8>> {
    encode_jpeg(&fitted(pixels, side).ok()?, QUALITY).ok()
}

/// Files in memory, as Python has them.
pub(crate) fn files(py: Python<'_>, files: Vec<Option<Vec<u8>>>) -> Vec<Option<Bound<'_, PyBytes>>> {
    files.into_iter().map(|bytes| bytes.map(|bytes| PyBytes::new(py, &bytes))).collect()
}

/// The images of an iterator of pairs of such a tuple and a label or none, as they come. Where it raises, it ends.
pub(crate) struct Stream<'a> {
    pub(crate) pairs: &'a Py<PyIterator>,
    /// How many may still come; none if nobody knows.
    pub(crate) expected: Option<usize>,
    pub(crate) raised: &'a RefCell<Option<PyErr>>,
}

impl Stream<'_> {
    /// The images that decide about a new index; an exception if the iterator raised one of them.
    pub(crate) fn first(&mut self) -> PyResult<Vec<Item>> {
        let (most, most_bytes) = FIRST;
        let (mut first, mut bytes) = (Vec::new(), 0);
        while first.len() < most && bytes < most_bytes {
            let Some(item) = self.next() else { break };
            bytes += item.held_bytes();
            first.push(item);
        }
        self.raised.take().map_or(Ok(first), Err)
    }
}

impl Iterator for Stream<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let one = |pair: PyResult<Bound<'_, PyAny>>| {
            let (image, label): (Bound<'_, PyAny>, Option<String>) = pair?.extract()?;
            let item = item(&image)?;
            PyResult::Ok(label.into_iter().fold(item, |item, label| item.with_label(&label)))
        };
        Python::attach(|py| match self.pairs.clone_ref(py).into_bound(py).next().map(one)? {
            Ok(item) => {
                self.expected = self.expected.map(|expected| expected.saturating_sub(1));
                Some(item)
            }
            Err(error) => {
                *self.raised.borrow_mut() = Some(error);
                None
            }
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.expected.unwrap_or(0), self.expected)
    }
}
