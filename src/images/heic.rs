//! HEIC files: the primary picture, whole or by its thumbnail, with its crop, turn and mirror applied. The only
//! file that names `heifer`.
//!
//! The orientation in EXIF is that of the camera; a file of this format says by its own properties how it is
//! turned, and they count. Values of HDR pictures (PQ, HLG) stay what they are; a gain map is not applied.

use std::cell::Cell;

use std::collections::HashSet;

use heifer::{Error, Image, Options};
use heifer_isobmff::boxes::Property;
use heifer_isobmff::{self as container, HeifFile, Item, ItemId};

use super::alpha::divide_by_alpha;
use super::colour::Transform;
use super::heics::{self, Sample};
use super::heif::{has_colours, transform};
use super::limits::check_pixels;
use super::metadata::boxes;
use super::raster::{Channels, Raster};
use super::{Decoding, Needed};

/// Bytes a pixel of the result takes in the decoder: red, green, blue, alpha.
const BYTES: u64 = 4;

/// Bytes a pixel of a coded picture takes in its decoder: planes of 16 bits, what was said of each block.
const BYTES_CODED: u64 = 12;

/// Pictures that one may be put together from, and how deep.
const MOST_PARTS: usize = 20_000;
const DEEPEST: usize = 4;

/// The pixels of the primary picture, or the first of a sequence, and how its colours become sRGB; those of its thumbnail where that is
/// enough.
///
/// # Errors
/// What is damaged, too large or not supported.
pub(super) fn decode(bytes: &[u8], how: &Decoding) -> Result<(Raster, Option<Transform>), String> {
    if heics::is_bare(bytes)
        && let Some(still) = heics::samples(bytes, 1).first().and_then(|first| first.file(bytes))
    {
        return decode_primary(&still, how);
    }
    if how.needed != Needed::Whole
        && let Ok(file) = HeifFile::parse(bytes)
        && let Some(thumbnail) = thumbnail(&file, bytes.len(), how)
    {
        let mut small = bytes.to_vec();
        // a damaged one is no reason to lose the picture
        if set_primary(&mut small, thumbnail)
            && let Ok((raster, own)) = decode_primary(&small, how)
        {
            let transform = match has_colours(&file, thumbnail) {
                true => own,
                false => transform(&file, file.primary_id, raster.channels),
            };
            return Ok((raster, transform));
        }
    }
    decode_primary(bytes, how)
}

/// The smallest thumbnail of the primary picture that is enough in its place: twice the size needed, of the
/// same proportions, turned alike. None if the picture is cut off, too large, cropped, or may be transparent.
///
/// Measured on two pictures of other programs and 21 photos that libheif packed, with thumbnails of 240 and 320
/// pixels, 7 to 10 times the size needed: codes of 128 bits by the model `photos-128` differ from those of whole
/// pictures in 0.7 bits on average, and at most in 3. By `photos`, which needs 224 pixels, they would differ in
/// 4.5 and at most in 22.
fn thumbnail(file: &HeifFile, length: usize, how: &Decoding) -> Option<ItemId> {
    const TWICE: [usize; 2] = [2, 1];
    let primary = file.primary_id;
    let mut sizes = Sizes::default();
    let (width, height) = sizes.add(file, primary, 0).ok()?;
    check_pixels((width, height), 0, &how.limits).ok()?;
    let tiles = file.referenced_items(primary, b"dimg");
    // data that lie in several places are copied: no more often than is sound
    let left = Cell::new(2 * length);
    let is_there = |id: &ItemId| {
        let data = file.item_data(*id).map_or(0, |data| data.len());
        let is_sound = data > 0 && data <= left.get();
        left.set(left.get().saturating_sub(data));
        is_sound
    };
    let is_alpha = |id: &ItemId| {
        let mut properties = file.item_properties(*id).into_iter().flatten();
        properties.any(|property| match property {
            Property::AuxiliaryType(kind) => kind.ends_with(":auxid:1") || kind.ends_with(":alpha"),
            _ => false,
        })
    };
    let turns = turns(file, primary)?;
    let is_whole = is_there(&primary) && tiles.iter().all(is_there);
    if !is_whole || file.referencing_items(primary, b"auxl").iter().any(is_alpha) {
        return None;
    }
    let is_enough = |(across, down): (u32, u32)| {
        // the shorter side of a thumbnail is rounded
        let [a, b] = [(across, height), (down, width)].map(|(a, b)| u64::from(a) * u64::from(b));
        let is_lying = turns.iter().any(|turn| matches!(turn, Property::Rotation(1 | 3)));
        let upright = if is_lying { (down, across) } else { (across, down) };
        a.abs_diff(b) <= 2 * u64::from(width.max(height))
            && how.needed.fits((upright.0 as usize, upright.1 as usize), TWICE)
    };
    let thumbnails = file.referencing_items(primary, b"thmb").into_iter().filter_map(|id| {
        let size = file.image_size(id).ok()??;
        let is_alike = turns == self::turns(file, id)?;
        (is_alike && is_enough(size)).then_some((u64::from(size.0) * u64::from(size.1), id))
    });
    thumbnails.min().map(|(_, id)| id)
}

/// How a picture is turned and mirrored; none if it is cropped too.
fn turns<'a>(file: &'a HeifFile, id: ItemId) -> Option<Vec<&'a Property>> {
    let properties: Vec<&Property> = file.item_properties(id).ok()?.collect();
    let is_cropped = properties.iter().any(|property| matches!(property, Property::CleanAperture { .. }));
    let is_turn = |property: &&Property| matches!(property, Property::Rotation(1..) | Property::Mirror(_));
    (!is_cropped).then(|| properties.into_iter().filter(is_turn).collect())
}

fn decode_primary(bytes: &[u8], how: &Decoding) -> Result<(Raster, Option<Transform>), String> {
    let file = HeifFile::parse(bytes).map_err(|error| of_container(error, bytes))?;
    let primary = file.primary_id;
    let mut sizes = Sizes::default();
    let (width, height) = sizes.add(&file, primary, 0)?;
    let all = u64::from(width) * u64::from(height);
    check_pixels((width, height), all.saturating_mul(BYTES), &how.limits)?;
    sizes.canvases.iter().chain(&sizes.coded).try_for_each(|&(width, height)| {
        let bytes = u64::from(width).saturating_mul(u64::from(height)).saturating_mul(BYTES);
        check_pixels((width, height), bytes, &how.limits)
    })?;
    // the picture, and once more while it is turned
    let needed = sizes.bytes().saturating_add(all.saturating_mul(BYTES));
    let _held = how.budget.take(needed, &how.stopwatch)?;

    // a coded picture may not be larger than what the file says outside of it
    let options = Options { max_threads: 1, max_pixels: sizes.largest() };
    let image = heifer::decode_rgba8(bytes, &options).map_err(|error| reason(error, bytes))?;
    let is_grey = is_grey(&file, primary);
    let is_multiplied = !file.referenced_items(primary, b"prem").is_empty();
    let raster = raster(image, is_grey, is_multiplied);
    let transform = transform(&file, primary, raster.channels);
    Ok((raster, transform))
}

/// The pictures that a file holds, by their numbers in it, the primary one first; without tiles, thumbnails,
/// alpha planes and gain maps.
pub(super) fn pictures(bytes: &[u8]) -> Vec<u32> {
    let Ok(file) = HeifFile::parse(bytes) else { return Vec::new() };
    let of_kind = |kind: &'static [u8; 4]| file.references.iter().filter(move |one| one.ref_type.0 == *kind);
    // looked up, as there may be many of both
    let mut parts: HashSet<ItemId> = of_kind(b"dimg").flat_map(|tiles| &tiles.to).copied().collect();
    parts.extend(of_kind(b"thmb").chain(of_kind(b"auxl")).map(|helper| helper.from));
    let is_own = |item: &&Item| item.id == file.primary_id || !item.hidden && !parts.contains(&item.id);
    let is_read = |item: &&Item| matches!(&item.item_type.0, b"hvc1" | b"grid" | b"iovl" | b"iden");
    let mut pictures: Vec<u32> =
        file.items.iter().filter(is_read).filter(is_own).map(|item| item.id).take(MOST_PARTS).collect();
    pictures.sort_by_key(|id| *id != file.primary_id);
    pictures
}

/// The pictures of a file's sequence, no more than `most`, without those that the primary picture is.
pub(super) fn sequence(bytes: &[u8], most: usize) -> Vec<Sample> {
    let mut samples = heics::samples(bytes, most);
    let file = HeifFile::parse(bytes).ok().filter(|_| !samples.is_empty());
    if let Some(cover) = file.and_then(|file| file.item_data(file.primary_id).ok()) {
        samples.retain(|sample| bytes.get(sample.data.clone()) != Some(&*cover));
    }
    samples
}

/// Makes another picture of a file the primary one. Returns whether the file has room for its number.
pub(super) fn set_primary(bytes: &mut [u8], id: u32) -> bool {
    // `pitm` lies in `meta`; both begin with a version and flags
    const VERSION: usize = 4;
    let found = || {
        let meta = boxes(bytes).find(|found| found.name == *b"meta")?;
        let pitm = boxes(meta.content.get(VERSION..)?).find(|found| found.name == *b"pitm")?;
        let is_short = pitm.content.first() == Some(&0);
        Some((meta.at + VERSION + pitm.at + VERSION, is_short))
    };
    let Some((at, is_short)) = found() else { return false };
    let digits = id.to_be_bytes();
    let (above, digits) = if is_short { digits.split_at(2) } else { digits.split_at(0) };
    let (true, Some(field)) = (above.iter().all(|&digit| digit == 0), bytes.get_mut(at..at + digits.len()))
    else {
        return false;
    };
    field.copy_from_slice(digits);
    true
}

/// The sizes of a picture and of what it is put together from, as the file says them.
#[derive(Default)]
struct Sizes {
    /// Put together, or turned.
    canvases: Vec<(u32, u32)>,
    /// Coded.
    coded: Vec<(u32, u32)>,
}

impl Sizes {
    /// The size of an item, after its parts have been added.
    fn add(&mut self, file: &HeifFile, id: ItemId, depth: usize) -> Result<(u32, u32), String> {
        let damaged = |error| of_container(error, &[]);
        if depth > DEEPEST || self.coded.len() + self.canvases.len() > MOST_PARTS {
            return Err("damaged: pictures in pictures in pictures".to_owned());
        }
        let kind = file.item(id).map_err(damaged)?.item_type.0;
        let size = file.image_size(id).map_err(damaged)?;
        let auxiliary = file.referencing_items(id, b"auxl");
        let parts = file.referenced_items(id, b"dimg").iter().chain(&auxiliary);
        let size = match &kind {
            b"grid" => {
                let grid = file.grid(id).map_err(damaged)?;
                Some((grid.output_width, grid.output_height))
            }
            _ => size,
        };
        let size = size.ok_or("damaged: the size of a picture is missing")?;
        if kind == *b"hvc1" {
            self.coded.push(size);
        } else {
            self.canvases.push(size);
        }
        for &part in parts {
            // what else is auxiliary is never decoded
            if file.item(part).is_ok() && part != id {
                self.add(file, part, depth + 1)?;
            }
        }
        Ok(size)
    }

    /// What decoding takes at most: all canvases at a time, and one coded picture.
    fn bytes(&self) -> u64 {
        let pixels = |&(width, height): &(u32, u32)| u64::from(width) * u64::from(height);
        let canvases = self.canvases.iter().fold(0, |sum: u64, size| sum.saturating_add(pixels(size)));
        let coded = self.coded.iter().map(pixels).max().unwrap_or(0);
        canvases.saturating_mul(BYTES).saturating_add(coded.saturating_mul(BYTES + BYTES_CODED))
    }

    /// Pixels of the largest of them, in whole blocks of the codec.
    fn largest(&self) -> u64 {
        // a block has up to 64 pixels a side; one more may be cut off at an edge
        let whole = |side: u32| (u64::from(side).div_ceil(64) + 1) * 64;
        let sizes = self.coded.iter().chain(&self.canvases);
        sizes.map(|&(width, height)| whole(width).saturating_mul(whole(height))).max().unwrap_or(1)
    }
}

/// Whether the primary picture has no colours, or the first of its tiles.
fn is_grey(file: &HeifFile, id: ItemId) -> bool {
    let first = file.referenced_items(id, b"dimg").first().copied().unwrap_or(id);
    matches!(file.hevc_config(first), Ok(Some(config)) if config.chroma_format == 0)
        && file.item(id).is_ok_and(|item| matches!(&item.item_type.0, b"hvc1" | b"grid"))
}

fn raster(image: Image<u8>, is_grey: bool, is_multiplied: bool) -> Raster {
    let (width, height) = (image.width as usize, image.height as usize);
    let (channels, data) = match (is_grey, image.has_alpha) {
        (false, false) => (Channels::Rgb, image.into_rgb8()),
        (true, false) => (Channels::Grey, image.data.into_iter().step_by(4).collect()),
        (is_grey, true) => {
            let mut data = image.data;
            if is_multiplied {
                divide_by_alpha::<4>(&mut data);
            }
            if is_grey {
                let pixels = data.as_chunks::<4>().0.iter();
                (Channels::GreyAlpha, pixels.flat_map(|pixel| [pixel[0], pixel[3]]).collect())
            } else {
                (Channels::Rgba, data)
            }
        }
    };
    Raster { width, height, channels, data }
}

fn of_container(error: container::Error, bytes: &[u8]) -> String {
    reason(Error::Container(error), bytes)
}

/// One line that says whether a file is damaged or of a kind that is not read.
fn reason(error: Error, bytes: &[u8]) -> String {
    const CONVERT: &str = "convert the sequence to a film with `ffmpeg`, which `video` reads";
    let is_sequence = matches!(bytes.get(8..12), Some(b"hevc" | b"hevx" | b"msf1"));
    match error {
        Error::Hevc(heifer::heifer_hevc_dec::Error::Unimplemented(what))
            if what.contains("inter prediction") =>
        {
            format!("unsupported: the picture needs others before it; {CONVERT}")
        }
        Error::Container(container::Error::MissingBox(name)) if name.0 == *b"meta" && is_sequence => {
            format!("unsupported: a sequence without a track of HEVC pictures; {CONVERT}")
        }
        Error::Container(container::Error::UnexpectedEof) => "the file ends too early (truncated)".to_owned(),
        Error::Unsupported(_)
        | Error::Hevc(heifer::heifer_hevc_dec::Error::Unimplemented(_))
        | Error::Container(container::Error::Unimplemented(_)) => {
            let what = error.to_string();
            let what = what.strip_prefix("unsupported: ").unwrap_or(&what);
            format!("unsupported: {what}; programs that use libheif may read it")
        }
        other => format!("damaged: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primary_picture_is_found_behind_boxes_of_any_size() {
        let pitm = b"\0\0\0\x0epitm\0\0\0\0\0\x01";
        let short = [&[0, 0, 0, 26], &b"meta"[..], &[0; 4], pitm].concat();
        let long = [&[0, 0, 0, 1], &b"meta"[..], &34_u64.to_be_bytes(), &[0; 4], pitm].concat();
        let before = [&[0, 0, 0, 1], &b"mdat"[..], &20_u64.to_be_bytes(), &[9; 4]].concat();
        for mut file in [short.clone(), long.clone(), [&before[..], &short].concat(), [before, long].concat()]
        {
            let expected = [&file[..file.len() - 2], &[1, 2]].concat();
            set_primary(&mut file, 0x102);
            assert_eq!(file, expected);
        }
        // sizes that do not fit
        for damaged in [
            [0, 0, 0, 1, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255],
            [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
        ] {
            for end in 0..16 {
                let mut file = damaged[..end].to_vec();
                set_primary(&mut file, 1);
                assert_eq!(file, damaged[..end]);
            }
        }
    }
}
