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

pub(super) use colours::channels;
#[cfg(feature = "psd")]
pub(super) use compression::pack_bits;
pub(super) use directory::Directory;
pub(super) use layout::Layout;

use super::raster::Raster;
use super::shrink::Shrinker;

/// The colour profile.
pub(super) fn profile<'a>(directory: &Directory<'a>) -> Option<&'a [u8]> {
    directory.block(34_675)
}

/// The XMP packet.
pub(super) fn xmp<'a>(directory: &Directory<'a>) -> Option<&'a [u8]> {
    directory.block(700)
}

/// Decodes the picture of a layout.
///
/// # Errors
/// What is damaged, and in which strip or tile; or what is not supported.
pub(super) fn decode(bytes: &[u8], layout: &Layout) -> Result<Raster, String> {
    let samples = chunks::decode(bytes, layout)?;
    Ok(colours::resolve(layout, samples))
}

/// Decodes the picture of a layout, which is not measured, row by row, and makes it smaller.
///
/// # Errors
/// As [`decode`].
pub(super) fn shrink(bytes: &[u8], layout: &Layout, mut shrinker: Shrinker) -> Result<Raster, String> {
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
