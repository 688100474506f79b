//! Small pictures of all images, for what is made to be looked at.

use std::path::Path;

use crate::error::Result;
use crate::explore::read_all::read_all;
use crate::explore::rows::Rows;
use crate::observer::Observer;

use crate::images::{Item, Limits, Pixels, Skipped, fitted, load};

/// What `make` makes of each image once no side of it is longer than `side`, `[n]` by row.
///
/// # Errors
/// When the observer interrupts.
pub(super) fn pictures<T: Send>(
    items: &Rows<'_>,
    dir: &Path,
    (side, threads): (usize, usize),
    observer: &dyn Observer,
    make: impl Fn(Pixels) -> Result<T, String> + Sync,
) -> Result<(Vec<Option<T>>, Vec<Skipped>)> {
    read_all(items, dir, threads, observer, || {
        Ok(|batch: &[(u32, Item)]| {
            let one = |item: &Item| make(fitted(&load(item, &Limits::default())?.pixels, side)?);
            Ok(batch.iter().map(|(row, item)| (*row, one(item))).collect())
        })
    })
}
