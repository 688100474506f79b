//! Image files out: pixels to PNG and JPEG.

use std::io::Write as _;
use std::path::Path;

use image::ImageEncoder;

use super::Pixels;
use crate::{Error, Result};

/// The image as a PNG file in memory.
///
/// # Errors
/// The sizes are zero or do not match the data.
pub fn encode_png(pixels: &Pixels) -> Result<Vec<u8>> {
    let mut png = Vec::new();
    encode_as("png", image::codecs::png::PngEncoder::new(&mut png), pixels)?;
    Ok(png)
}

/// As [`encode_png`], but smaller and slower: half the bytes for drawings, in about ten times the time.
///
/// # Errors
/// As [`encode_png`].
pub fn encode_small_png(pixels: &Pixels) -> Result<Vec<u8>> {
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::NoFilter);
    encode_as("png", encoder, pixels)?;
    Ok(png)
}

/// The image as a JPEG file in memory; `quality` is 1 to 100.
///
/// # Errors
/// The sizes are zero, more than 65,535, or do not match the data.
pub fn encode_jpeg(pixels: &Pixels, quality: u8) -> Result<Vec<u8>> {
    let mut jpeg = Vec::new();
    encode_as("jpeg", image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, quality), pixels)?;
    Ok(jpeg)
}

fn encode_as(format: &str, encoder: impl ImageEncoder, pixels: &Pixels) -> Result<()> {
    let Pixels { width, height, channels, data } = pixels;
    let colour = match channels {
        1 => image::ExtendedColorType::L8,
        3 => image::ExtendedColorType::Rgb8,
        _ => return Err(Error::invalid(format!("{format}: channels: expected 1 or 3, got {channels}"))),
    };
    let expected = width.checked_mul(*height).and_then(|n| n.checked_mul(*channels));
    let sides = (u32::try_from(*width), u32::try_from(*height));
    let (Ok(columns @ 1..), Ok(rows @ 1..), true) = (sides.0, sides.1, expected == Some(data.len())) else {
        let what = format!("{format}: cannot write {width}x{height}x{channels} from {} bytes", data.len());
        return Err(Error::invalid(what));
    };
    encoder.write_image(data, columns, rows, colour).map_err(|e| Error::invalid(format!("{format}: {e}")))
}

/// Writes a PNG file: complete under its name, or not at all.
///
/// # Errors
/// As [`encode_png`], or the file cannot be written.
pub fn write_png(path: &Path, pixels: &Pixels) -> Result<()> {
    let png = encode_png(pixels)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // a picture is not secret: the permissions of any new file, not those of a temporary one
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.prefix(".aesearch-").tempfile_in(folder).map_err(|e| Error::io(path, e))?;
    file.write_all(&png).map_err(|e| Error::io(path, e))?;
    file.persist(path).map_err(|e| Error::io(path, e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{Limits, decode};

    #[test]
    fn jpegs_are_small_and_look_like_what_they_were_made_of() {
        for channels in [1, 3] {
            let at = |i: usize| (i / channels % 40 * 6 + i % channels * 9) as u8;
            let pixels =
                Pixels { width: 40, height: 30, channels, data: (0..40 * 30 * channels).map(at).collect() };
            let [good, bad] = [95, 20].map(|quality| encode_jpeg(&pixels, quality).unwrap());
            assert!(bad.len() < good.len() && good.len() < encode_png(&pixels).unwrap().len() + 1000);
            let back = decode(&good, &Limits::default()).unwrap();
            assert_eq!((back.width, back.height, back.channels), (40, 30, channels));
            let off = back.data.iter().zip(&pixels.data).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>();
            assert!(off < 5 * pixels.data.len() as u32, "{off}");
        }
        assert!(encode_jpeg(&Pixels { width: 2, height: 2, channels: 1, data: vec![0; 3] }, 80).is_err());
        assert!(
            encode_jpeg(&Pixels { width: 1, height: 70_000, channels: 1, data: vec![0; 70_000] }, 80)
                .is_err()
        );
    }
}
