//! Large objects, fetched block by block, so that what fails is asked for again alone.

use std::fs::File;
use std::io::Write as _;
use std::ops::Range;

use futures_util::{StreamExt as _, stream};
use object_store::ObjectStoreExt as _;

use super::faults::{Fault, Kind, again};
use super::stores::{Place, wait};
use crate::error::Result;

/// Bytes of a block.
const BLOCK: u64 = 8 << 20;
/// Blocks under way.
const AT_ONCE: usize = 4;

/// Writes the `size` bytes of the object at `url` into a file.
///
/// # Errors
/// There is no such object, it is another size, or the file cannot be written.
pub(crate) fn download(url: &str, size: u64, into: &mut File) -> Result<()> {
    let place = Place::of(url)?;
    let written = wait(async {
        let blocks = (0..size.div_ceil(BLOCK)).map(|i| i * BLOCK..((i + 1) * BLOCK).min(size));
        let mut blocks = stream::iter(blocks).map(|range| block(&place, range)).buffered(AT_ONCE);
        while let Some(bytes) = blocks.next().await {
            into.write_all(&bytes?).map_err(|error| Fault::new(Kind::Final, error.to_string()))?;
        }
        Ok::<(), Fault>(())
    })?;
    written.map_err(|fault| fault.error(url))
}

async fn block(place: &Place, range: Range<u64>) -> Result<Vec<u8>, Fault> {
    again(|| async {
        let bytes = place.store.get_range(&place.key, range.clone()).await?;
        match (range.end - range.start, bytes.len() as u64) {
            (expected, got) if expected == got => Ok(Vec::from(bytes)),
            (expected, got) => Err(Fault::short(expected, got)),
        }
    })
    .await
}
