//! The bytes of a strip or tile, unpacked to exactly as many as its pixels take.

use std::io::{Cursor, Read};

use image::ImageDecoder as _;

use super::layout::{Compression, Layout};
use super::unpacked::{Chunk, cut};
use super::{fax, jpeg};

/// Unpacks so many rows, `length` bytes in all.
///
/// # Errors
/// The bytes are damaged, or end before the pixels do.
pub(super) fn unpack(layout: &Layout, packed: &[u8], length: usize, rows: usize) -> Result<Chunk, String> {
    let bytes = match &layout.compression {
        Compression::None => packed.get(..length).map(<[u8]>::to_vec).ok_or_else(cut)?,
        Compression::Deflate => read(flate2::read::ZlibDecoder::new(packed), length, "deflate")?,
        Compression::Zstd => {
            let decoder = zstd::stream::read::Decoder::new(packed);
            read(decoder.map_err(|error| damaged("zstd", &error))?, length, "zstd")?
        }
        Compression::Lzw => lzw(packed, length)?,
        Compression::PackBits => pack_bits(packed, length)?,
        Compression::Fax(how) => fax::unpack(*how, packed, (layout.chunk.0, rows))?,
        Compression::WebP => {
            let row_bytes = layout.chunk.0 * layout.samples;
            return Ok(Chunk { row_bytes, bytes: webp(layout, packed, rows)? });
        }
        Compression::Jpeg { tables, to_rgb } => {
            let samples = if layout.is_planar { 1 } else { layout.samples };
            let wanted = jpeg::Wanted { chunk: layout.chunk, rows, samples, to_rgb: *to_rgb };
            return jpeg::unpack(tables, packed, &wanted);
        }
    };
    Ok(Chunk { row_bytes: bytes.len() / rows, bytes })
}

fn damaged(name: &str, error: &dyn std::fmt::Display) -> String {
    format!("damaged: {name}: {error}")
}

fn read(mut from: impl Read, length: usize, name: &str) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => cut(),
        _ => damaged(name, &error),
    })?;
    Ok(bytes)
}

fn lzw(packed: &[u8], length: usize) -> Result<Vec<u8>, String> {
    // before TIFF 6.0 the codes began with their low bits: the first one, 256, reads 0, 1
    let is_old = packed.len() > 1 && packed[0] == 0 && packed[1] & 1 == 1;
    let mut decoder = if is_old {
        weezl::decode::Decoder::new(weezl::BitOrder::Lsb, 8)
    } else {
        weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8)
    };
    let mut bytes = vec![0; length];
    let (mut from, mut at) = (packed, 0);
    while at < length {
        let step = decoder.decode_bytes(from, &mut bytes[at..]);
        (from, at) = (&from[step.consumed_in..], at + step.consumed_out);
        match step.status {
            Ok(weezl::LzwStatus::Ok) if step.consumed_in + step.consumed_out > 0 => {}
            Err(error) => return Err(damaged("LZW", &error)),
            _ => break,
        }
    }
    if at < length { Err(cut()) } else { Ok(bytes) }
}

/// Runs of Apple's PackBits: so many bytes as they are, or one byte so many times.
pub(in crate::images) fn pack_bits(packed: &[u8], length: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(length);
    let mut rest = packed;
    while bytes.len() < length {
        let (&head, after) = rest.split_first().ok_or_else(cut)?;
        let count = usize::from(head);
        rest = match head {
            0..=127 => {
                bytes.extend(after.get(..=count).ok_or_else(cut)?);
                &after[count + 1..]
            }
            128 => after,
            _ => {
                let (&value, after) = after.split_first().ok_or_else(cut)?;
                bytes.extend(std::iter::repeat_n(value, 257 - count));
                after
            }
        };
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// All rows of a strip or tile, at least so many.
fn webp(layout: &Layout, packed: &[u8], rows: usize) -> Result<Vec<u8>, String> {
    let decoder = image::codecs::webp::WebPDecoder::new(Cursor::new(packed));
    let decoder = decoder.map_err(|error| damaged("WebP", &error))?;
    let (width, height) = decoder.dimensions();
    let samples = usize::from(decoder.color_type().channel_count());
    let has_rows = (rows..=layout.chunk.1).contains(&(height as usize));
    if width as usize != layout.chunk.0 || !has_rows || layout.is_planar {
        return Err("damaged: WebP of another size than its strip or tile".to_owned());
    }
    let mut bytes = vec![0; width as usize * height as usize * samples];
    decoder.read_image(&mut bytes).map_err(|error| damaged("WebP", &error))?;
    match (samples, layout.samples) {
        (3, 4) => Ok(bytes.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect()),
        (found, expected) if found == expected => Ok(bytes),
        (found, expected) => Err(format!("damaged: WebP of {found} samples, expected {expected}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_unpacked() {
        assert_eq!(pack_bits(&[2, 1, 2, 3, 254, 9, 128, 0, 7], 7).unwrap(), [1, 2, 3, 9, 9, 9, 7]);
        assert_eq!(pack_bits(&[254, 9], 2).unwrap(), [9, 9]);
        assert_eq!(pack_bits(&[2, 1, 2], 3).unwrap_err(), cut());
        assert_eq!(pack_bits(&[254], 3).unwrap_err(), cut());
    }

    #[test]
    fn lzw_ends_where_it_ends() {
        let bytes: Vec<u8> = (0..5000_u32).map(|i| (i * i / 7) as u8).collect();
        let mut encoder = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
        let packed = encoder.encode(&bytes).unwrap();
        assert_eq!(lzw(&packed, bytes.len()).unwrap(), bytes);
        assert_eq!(lzw(&packed, bytes.len() + 1).unwrap_err(), cut());
        assert_eq!(lzw(&packed[..100], bytes.len()).unwrap_err(), cut());
        let packed = weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 8).encode(&bytes).unwrap();
        assert_eq!(lzw(&packed, bytes.len()).unwrap(), bytes, "the old order of bits");
    }
}
