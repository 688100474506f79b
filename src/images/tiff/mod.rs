//! TIFF files: the first picture, of any kind that photographs, scans and measurements come in.
//!
//! ```text
//! directory (tags) -> layout (what they mean) -> chunks (strips or tiles) -> samples -> colours -> Raster
//!                                                   \-- compression, fax, jpeg
//!
//! Large pictures are shrunk row by row; a strip that is compressed is unpacked whole for that.
//! ```
//!
//! | file | what it answers |
//! |---|---|
//! | `directory` | which tags are there, and what do they hold |
//! | `layout` | what do they say about the pixels; which kinds are not supported |
//! | `chunks` | where do the pixels of a strip or tile belong |
//! | `compression`, `fax`, `jpeg`, `unpacked` | its bytes, unpacked |
//! | `samples` | numbers of 1 to 64 bits in a row of bytes; predictors |
//! | `measured` | which grey is a number that has no black and white |
//! | `colours` | palettes, YCbCr and LAB as RGB |
//!
//! The crate `tiff` is not used: it gives no access to samples that it does not interpret, and refuses
//! palettes, grey with alpha, 12 bits, signed numbers, LAB, uncompressed YCbCr and Group 3.

mod chunks;
mod colours;
mod compression;
mod directory;
mod fax;
mod jpeg;
mod layout;
mod measured;
mod samples;
mod unpacked;

#[cfg(feature = "psd")]
pub(super) use compression::pack_bits;
pub(super) use directory::Directory;
pub(super) use layout::Layout;

use super::raster::Raster;
use super::samples::{Samples, Sink, Stored};
use super::shrink::{Shrinker, Shrunk};

/// The colour profile.
pub(super) fn profile<'a>(directory: &Directory<'a>) -> Option<&'a [u8]> {
    directory.block(34_675)
}

/// The XMP packet.
pub(super) fn xmp<'a>(directory: &Directory<'a>) -> Option<&'a [u8]> {
    directory.block(700)
}

/// Decodes the picture of a layout; `sink` takes its samples, if it holds nothing else.
///
/// # Errors
/// What is damaged, and in which strip or tile; or what is not supported.
pub(super) fn decode(bytes: &[u8], layout: &Layout, sink: &Sink<'_>) -> Result<Raster, String> {
    let is_associated = layout.is_associated();
    let raster = if layout.is_deep() && sink.is_wanted() {
        let mut words = chunks::words(bytes, layout)?;
        let most = layout.largest() as u16;
        colours::turn_white_up(layout, &mut words, most);
        let Layout { width, height, .. } = *layout;
        let (channels, samples) = (layout.channels(), Samples::Words(&words, most));
        sink.put(&Stored { width, height, channels, samples, is_associated });
        let scale = samples::to_8_bits(layout);
        let data = words.iter().map(|&word| scale(word.into())).collect();
        Raster { width, height, channels, data }
    } else {
        let raster = colours::stored(layout, chunks::decode(bytes, layout)?);
        if layout.is_exact() {
            sink.put(&Stored { is_associated, ..Stored::from(&raster) });
        }
        raster
    };
    Ok(if is_associated { colours::divide(raster) } else { raster })
}

/// Decodes the picture of a layout, which is not measured, row by row, and makes it smaller.
///
/// # Errors
/// As [`decode`].
pub(super) fn shrink(bytes: &[u8], layout: &Layout, mut shrinker: Shrinker) -> Result<Shrunk, String> {
    let parts = &*layout.in_parts();
    let outcome = if shrinker.is_fine() {
        let scale = samples::to_16_bits(layout);
        let read = |row: &[u8], at| scale(samples::bits(layout, row, at));
        chunks::rows(bytes, parts, read, |row| shrinker.fine_row(row))
    } else {
        chunks::rows_of_8_bits(bytes, parts, |row| shrinker.rows(colours::resolve(layout, row.to_vec())))
    };
    // the same reason as that of a whole decode, which takes chunks in the order of the file
    outcome.map_err(|why| chunks::fault(bytes, layout).unwrap_or(why))?;
    Ok(shrinker.finish())
}
