//! Small pictures of all images, for targets that show them.

use crate::error::Result;
use crate::explore::read_all::read_all;
use crate::explore::rows::Rows;
use crate::images::{Item, Limits, Needed, Pixels, Skipped, fitted, load_for};
use crate::observer::Observer;

/// What `make` makes of each image, scaled so that no side is longer than `side`, `[n]` by row.
///
/// # Errors
/// When the observer stops the work.
pub(super) fn pictures<T: Send>(
    rows: &Rows,
    (side, threads): (usize, usize),
    observer: &dyn Observer,
    make: impl Fn(Pixels) -> Result<T, String> + Sync,
) -> Result<(Vec<Option<T>>, Vec<Skipped>)> {
    read_all(rows, threads, observer, || {
        Ok(|batch: &[(u32, Item)]| {
            let one = |item: &Item| {
                let loaded = load_for(item, &Limits::default(), Needed::Fitted { side })?;
                make(fitted(&loaded.pixels, side)?)
            };
            Ok(batch.iter().map(|(row, item)| (*row, one(item))).collect())
        })
    })
}
