//! Strips and tiles, one after the other: unpacked, and their samples put where they belong, in the whole picture
//! or in one row of it.

use std::borrow::Cow;

use super::layout::{Compression, Layout};
use super::unpacked::Chunk;
use super::{compression, measured, samples};

/// Decodes all samples that are kept, colours and alpha, u8 [H, W, kept].
pub(super) fn decode(bytes: &[u8], layout: &Layout) -> Result<Vec<u8>, String> {
    let count = layout.width * layout.height * layout.kept().len();
    if layout.is_measured() {
        let mut values = vec![0.0_f32; count];
        fill(bytes, layout, &mut values, |row, at| samples::value(layout, row, at))?;
        return Ok(measured::to_grey(layout, &values));
    }
    let mut values = vec![0_u8; count];
    match (layout.bits, layout.number) {
        (8, _) => fill(bytes, layout, &mut values, |row, at| row[at])?,
        _ => {
            let scale = samples::to_8_bits(layout);
            fill(bytes, layout, &mut values, |row, at| scale(samples::bits(layout, row, at)))?;
        }
    }
    Ok(values)
}

/// As [`decode`], of samples of up to 16 bits, as they are stored.
pub(super) fn words(bytes: &[u8], layout: &Layout) -> Result<Vec<u16>, String> {
    let mut words = vec![0; layout.width * layout.height * layout.kept().len()];
    fill(bytes, layout, &mut words, |row, at| samples::bits(layout, row, at) as u16)?;
    Ok(words)
}

/// Where a chunk lies in the picture.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The sample that it holds, where each has its own chunks.
    plane: usize,
    left: usize,
    top: usize,
    columns: usize,
    rows: usize,
    /// Among all chunks.
    number: usize,
}

impl Place {
    /// Of all chunks that are read, in the order of the file: by planes, then by rows.
    fn all(layout: &Layout) -> impl Iterator<Item = Place> {
        planes(layout).into_iter().flat_map(move |plane| {
            (0..layout.height).step_by(layout.chunk.1).flat_map(move |top| Self::across(layout, plane, top))
        })
    }

    /// Of those of a plane that begin at this row of pixels.
    fn across(layout: &Layout, plane: usize, top: usize) -> impl Iterator<Item = Place> {
        let (columns, rows) = layout.chunk;
        let across = layout.width.div_ceil(columns);
        let first = (plane * layout.height.div_ceil(rows) + top / rows) * across;
        (0..across).map(move |at| {
            let left = at * columns;
            let (columns, rows) = (columns.min(layout.width - left), rows.min(layout.height - top));
            Place { plane, left, top, columns, rows, number: first + at }
        })
    }
}

fn planes(layout: &Layout) -> Vec<usize> {
    if layout.is_planar { layout.kept() } else { vec![0] }
}

/// Calls `read` for each sample of each row, with its bytes and the number of the sample in it.
fn fill<T: Copy>(
    bytes: &[u8],
    layout: &Layout,
    out: &mut [T],
    read: impl Fn(&[u8], usize) -> T,
) -> Result<(), String> {
    let kept = layout.kept();
    for place in Place::all(layout) {
        let chunk = unpacked(bytes, layout, place)?;
        for (y, row) in chunk.bytes.chunks_exact(chunk.row_bytes).take(place.rows).enumerate() {
            let start = ((place.top + y) * layout.width + place.left) * kept.len();
            let out = &mut out[start..start + place.columns * kept.len()];
            put(layout, (&kept, place.plane), row, out, &read);
        }
    }
    Ok(())
}

/// Puts the samples of one row of a chunk where they belong in a row of pixels, [columns, kept].
fn put<T: Copy>(
    layout: &Layout,
    (kept, plane): (&[usize], usize),
    row: &[u8],
    out: &mut [T],
    read: impl Fn(&[u8], usize) -> T,
) {
    if layout.is_planar {
        let channel = kept.iter().position(|&kept| kept == plane).unwrap_or(0);
        let samples = out.iter_mut().skip(channel).step_by(kept.len());
        return samples.enumerate().for_each(|(x, out)| *out = read(row, x));
    }
    for (x, pixel) in out.chunks_exact_mut(kept.len()).enumerate() {
        let samples = pixel.iter_mut().zip(kept);
        samples.for_each(|(out, sample)| *out = read(row, x * layout.samples + sample));
    }
}

/// As [`rows`], in 8 bits; samples are not measured.
pub(super) fn rows_of_8_bits(bytes: &[u8], layout: &Layout, take: impl FnMut(&[u8])) -> Result<(), String> {
    match layout.bits {
        8 => rows(bytes, layout, |row, at| row[at], take),
        _ => {
            let scale = samples::to_8_bits(layout);
            rows(bytes, layout, |row, at| scale(samples::bits(layout, row, at)), take)
        }
    }
}

/// Calls `take` with each row of the picture, [W, kept], from the top. Of the chunks, those that the row crosses
/// are held.
pub(super) fn rows<T: Copy + Default>(
    bytes: &[u8],
    layout: &Layout,
    read: impl Fn(&[u8], usize) -> T,
    mut take: impl FnMut(&[T]),
) -> Result<(), String> {
    let kept = layout.kept();
    let mut out = vec![T::default(); layout.width * kept.len()];
    let planes = planes(layout);
    for top in (0..layout.height).step_by(layout.chunk.1) {
        let held = planes.iter().flat_map(|&plane| Place::across(layout, plane, top));
        let held = held.map(|place| Ok((place, unpacked(bytes, layout, place)?)));
        let held: Vec<(Place, Chunk)> = held.collect::<Result<_, String>>()?;
        for y in 0..layout.chunk.1.min(layout.height - top) {
            for (place, chunk) in &held {
                let out = &mut out[place.left * kept.len()..][..place.columns * kept.len()];
                if let Some(row) = chunk.bytes.chunks_exact(chunk.row_bytes).nth(y) {
                    put(layout, (&kept, place.plane), row, out, &read);
                }
            }
            take(&out);
        }
    }
    Ok(())
}

/// Why the picture cannot be decoded: the first chunk that cannot be unpacked.
pub(super) fn fault(bytes: &[u8], layout: &Layout) -> Option<String> {
    Place::all(layout).find_map(|place| unpacked(bytes, layout, place).err())
}

/// Unpacks a chunk.
fn unpacked(bytes: &[u8], layout: &Layout, place: Place) -> Result<Chunk, String> {
    unpacked_rows(bytes, layout, place.number, place.rows).map_err(|why| {
        let kind = if layout.is_tiled { "tile" } else { "strip" };
        format!("{kind} {} of {}: {why}", place.number + 1, layout.offsets.len())
    })
}

/// Unpacks so many rows of a chunk.
fn unpacked_rows(bytes: &[u8], layout: &Layout, number: usize, rows: usize) -> Result<Chunk, String> {
    let packed = packed(bytes, layout, number)?;
    let samples = if layout.is_planar { 1 } else { layout.samples };
    let (across, down) = layout.subsampling();
    if (across, down) != (1, 1) {
        let units = (layout.chunk.0.div_ceil(across), rows.div_ceil(down));
        let length = units.0 * units.1 * (across * down + 2);
        let bytes = compression::unpack(layout, &packed, length, rows)?.bytes;
        let row_bytes = layout.chunk.0 * 3;
        return Ok(Chunk { bytes: samples::spread_chroma(&bytes, layout, rows), row_bytes });
    }
    let row_bytes = (layout.chunk.0 * samples * layout.bits).div_ceil(8);
    let mut chunk = compression::unpack(layout, &packed, row_bytes * rows, rows)?;
    let row_bytes = chunk.row_bytes;
    chunk.bytes.chunks_exact_mut(row_bytes).for_each(|row| samples::undo_predictor(layout, row, samples));
    Ok(chunk)
}

/// The bytes of a chunk as they lie in the file, their first bit first.
fn packed<'a>(bytes: &'a [u8], layout: &Layout, number: usize) -> Result<Cow<'a, [u8]>, String> {
    let start = usize::try_from(layout.offsets[number]).unwrap_or(usize::MAX);
    let rest = bytes.get(start..).filter(|rest| !rest.is_empty());
    let rest = rest.ok_or_else(|| format!("it begins at byte {start}, the file ends before (truncated)"))?;
    let length = usize::try_from(layout.lengths[number]).unwrap_or(usize::MAX);
    // the samples are checked after unpacking: a length that is a little too large is common
    let packed = &rest[..length.min(rest.len())];
    let is_plain = !layout.is_reversed || matches!(layout.compression, Compression::Jpeg { .. });
    Ok(if is_plain { packed.into() } else { packed.iter().map(|byte| byte.reverse_bits()).collect() })
}
