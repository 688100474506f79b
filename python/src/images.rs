//! Images as Python hands them over: `(name, bytes)` is an image file, `(name, bytes, (height, width, channels))` are
//! pixels, and `(path,)` is a file on disk. Names and paths are bytes, as the system has them.

use std::cell::RefCell;

use aesearch::images::{Item, Pixels, path_of};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyIterator;

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

/// The images of an iterator of pairs of such a tuple and a label or none, as they come. Where it raises, it ends.
pub(crate) struct Stream<'a> {
    pub(crate) pairs: &'a Py<PyIterator>,
    /// How many may still come; none if nobody knows.
    pub(crate) expected: Option<usize>,
    pub(crate) raised: &'a RefCell<Option<PyErr>>,
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
