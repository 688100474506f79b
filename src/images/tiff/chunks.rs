//! Strips and tiles, one after the other: unpacked, and their samples put where they belong.

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

/// Calls `read` for each sample of each row, with its bytes and the number of the sample in it.
fn fill<T: Copy>(
    bytes: &[u8],
    layout: &Layout,
    out: &mut [T],
    read: impl Fn(&[u8], usize) -> T,
) -> Result<(), String> {
    let kept = layout.kept();
    let across = layout.width.div_ceil(layout.chunk.0);
    let per_plane = across * layout.height.div_ceil(layout.chunk.1);
    let planes: &[usize] = if layout.is_planar { &kept } else { &[0] };
    for &plane in planes {
        for place in 0..per_plane {
            let (left, top) = (place % across * layout.chunk.0, place / across * layout.chunk.1);
            let columns = layout.chunk.0.min(layout.width - left);
            let rows = layout.chunk.1.min(layout.height - top);
            let number = plane * per_plane + place;
            let chunk = unpacked(bytes, layout, number, rows).map_err(|why| {
                let kind = if layout.is_tiled { "tile" } else { "strip" };
                format!("{kind} {} of {}: {why}", number + 1, layout.offsets.len())
            })?;
            for (y, row) in chunk.bytes.chunks_exact(chunk.row_bytes).take(rows).enumerate() {
                let start = ((top + y) * layout.width + left) * kept.len();
                let out = &mut out[start..start + columns * kept.len()];
                for (x, pixel) in out.chunks_exact_mut(kept.len()).enumerate() {
                    if layout.is_planar {
                        let channel = kept.iter().position(|&kept| kept == plane).unwrap_or(0);
                        pixel[channel] = read(row, x);
                    } else {
                        let samples = pixel.iter_mut().zip(&kept);
                        samples.for_each(|(out, sample)| *out = read(row, x * layout.samples + sample));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Unpacks so many rows of a chunk.
fn unpacked(bytes: &[u8], layout: &Layout, number: usize, rows: usize) -> Result<Chunk, String> {
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
