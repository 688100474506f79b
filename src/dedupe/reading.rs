//! Reads the images with some contents and makes something of each, several at a time.

use rayon::prelude::*;

use super::decisions::Hash;
use crate::images::{Item, Limits, Resizer, Source, by_place, read};

/// Why an image is skipped whose content is not the one that the index knows.
pub(super) const CHANGED: &str = "it has changed since it was indexed: index it again";
/// Images that are read at a time.
const BLOCK: usize = 512;
/// Bytes of an archive that are read ahead.
const READ_AHEAD: u64 = 64 << 20;

/// What is made of an image's bytes.
pub(super) type Make<'a, T> = dyn Fn(Source, &mut Resizer) -> Result<T, String> + Sync + 'a;

/// Images in the order in which they are read: [`BLOCK`]s of those that can be read on their own, then of those
/// that have to be read in their order, as entries of a compressed stream, and frames.
pub(super) fn blocks(mut images: Vec<&(Hash, Item)>) -> Vec<Vec<&(Hash, Item)>> {
    images.sort_by(|(_, a), (_, b)| by_place(a, b));
    let (in_sequence, apart): (Vec<_>, Vec<_>) = images.into_iter().partition(|(_, item)| item.in_sequence());
    apart.chunks(BLOCK).chain(in_sequence.chunks(BLOCK)).map(<[_]>::to_vec).collect()
}

/// What `make` makes of each image of a block. An image whose content has changed is not read.
pub(super) fn read_block<T: Send>(block: &[&(Hash, Item)], make: &Make<'_, T>) -> Vec<Result<T, String>> {
    let limits = Limits::default();
    let made = |hash: &Hash, source: Source, resizer: &mut Resizer| {
        if source.stamp().hash == *hash { make(source, resizer) } else { Err(CHANGED.to_owned()) }
    };
    if !block.first().is_some_and(|(_, item)| item.in_sequence()) {
        let one =
            |resizer: &mut Resizer, (hash, item): &&(Hash, Item)| made(hash, read(item, &limits)?, resizer);
        return block.par_iter().map_init(Resizer::new, one).collect();
    }
    let (mut all, mut items) = (Vec::with_capacity(block.len()), block.iter().peekable());
    while items.peek().is_some() {
        // read in order, a few files ahead, and decoded in parallel
        let (mut sources, mut bytes) = (Vec::new(), 0);
        while let Some((hash, item)) = items.next_if(|_| bytes < READ_AHEAD) {
            let source = read(item, &limits);
            bytes += source.as_ref().map_or(0, |source| source.len() as u64);
            sources.push((hash, source));
        }
        let one = |resizer: &mut Resizer, (hash, source): (&Hash, Result<Source, String>)| {
            made(hash, source?, resizer)
        };
        all.par_extend(sources.into_par_iter().map_init(Resizer::new, one));
    }
    all
}
