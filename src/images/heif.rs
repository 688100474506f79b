//! What HEIC and AVIF files keep as items of their container, beside the pictures. A file that is damaged keeps
//! nothing.

use heifer_isobmff::HeifFile;
use heifer_isobmff::boxes::{ColorInfo, Property};

use super::colour::Transform;
use super::raster::Channels;

/// The EXIF data of the primary picture.
pub(super) fn exif(bytes: &[u8]) -> Option<Vec<u8>> {
    let file = HeifFile::parse(bytes).ok()?;
    file.exif(file.primary_id).ok()?
}

/// The XMP packet of the primary picture.
pub(super) fn xmp(bytes: &[u8]) -> Option<Vec<u8>> {
    let file = HeifFile::parse(bytes).ok()?;
    file.xmp(file.primary_id).ok()?
}

/// Primaries, transfer, matrix and full range of a picture's colours, by their numbers in H.273.
pub(super) fn colour_numbers(file: &HeifFile, id: u32) -> Option<(u16, u16, u16, bool)> {
    file.item_properties(id).ok()?.find_map(|property| match property {
        &Property::Color(ColorInfo::Nclx { primaries, transfer, matrix, full_range }) => {
            Some((primaries, transfer, matrix, full_range))
        }
        _ => None,
    })
}

/// Whether a picture says what its colours are.
pub(super) fn has_colours(file: &HeifFile, id: u32) -> bool {
    let is_colour = |property: &Property| matches!(property, Property::Color(_));
    file.item_properties(id).is_ok_and(|mut properties| properties.any(is_colour))
}

/// How the colours of a picture become sRGB: by its profile, or else by the numbers of primaries and curve; a grid
/// has those of its first tile.
pub(super) fn transform(file: &HeifFile, id: u32, channels: Channels) -> Option<Transform> {
    if let Ok(Some(profile)) = file.icc_profile(id) {
        return Transform::of(profile, channels);
    }
    let first = file.referenced_items(id, b"dimg").first().copied();
    let mut items = [Some(id), first].into_iter().flatten();
    let (primaries, transfer, ..) = items.find_map(|id| colour_numbers(file, id))?;
    Transform::of_primaries(primaries, transfer, channels)
}
