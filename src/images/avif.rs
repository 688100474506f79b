//! AVIF files: the primary picture, from one or many tiles, with its crop, turn, mirror and alpha. The only file
//! that names `re_rav1d`.
//!
//! `re_rav1d` is dav1d in Rust, built without assembly. It has much unsafe code, and a panic inside of it passes
//! functions of C, which ends the program: this is why the feature is off by default. Values of HDR pictures
//! (PQ, HLG) stay what they are; a gain map is not applied.

use std::cell::Cell;

use heifer_isobmff::boxes::Property;
use heifer_isobmff::{Error, HeifFile, ItemId};
use re_rav1d::{Decoder, Picture, PixelLayout, PlanarImageComponent, Settings, pixel};

use super::Decoding;
use super::alpha::divide_by_alpha;
use super::colour::Transform;
use super::heif::{colour_numbers, transform};
use super::limits::check_pixels;
use super::raster::{Channels, Raster};

/// Bytes a pixel of a coded picture takes in its decoder: planes of up to 16 bits, as floats, and colours.
const BYTES_CODED: u64 = 20;

/// Bytes a pixel of the whole picture takes, and one of its alpha: colours, and those of the result.
const BYTES: u64 = 6;

/// Pixels, how their colours become sRGB, and how they are to be turned, by EXIF's number.
pub(super) struct Found {
    pub(super) raster: Raster,
    pub(super) transform: Option<Transform>,
    pub(super) turned: u8,
}

/// The pixels of the primary picture.
///
/// # Errors
/// What is damaged, too large or not supported.
pub(super) fn decode(bytes: &[u8], how: &Decoding) -> Result<Found, String> {
    let file = HeifFile::parse(bytes).map_err(reason)?;
    let primary = file.primary_id;
    let (width, height) = size(&file, primary)?;
    let alpha = alpha_of(&file, primary);
    if alpha.map(|id| size(&file, id)).transpose()?.is_some_and(|alpha| alpha != (width, height)) {
        return Err("unsupported: an alpha of another size than the picture".to_owned());
    }
    // all sizes that the file says, before any of it is decoded
    let (mut canvases, mut coded) = (0_u64, 0_u64);
    for id in [Some(primary), alpha].into_iter().flatten() {
        canvases = canvases.saturating_add(checked(&file, id, how)?);
        for &part in file.referenced_items(id, b"dimg").iter().chain([&id]) {
            coded = coded.max(checked(&file, part, how)?);
        }
    }
    let needed = coded.saturating_mul(BYTES_CODED).saturating_add(canvases.saturating_mul(BYTES));
    let _held = how.budget.take(needed, &how.stopwatch)?;

    let colours = item(&file, primary)?;
    let alpha = alpha.map(|id| item(&file, id)).transpose()?;
    let is_grey = colours.data.as_chunks::<3>().0.iter().all(|[r, g, b]| r == g && g == b) && colours.is_grey;
    let mut raster = match alpha {
        Some(alpha) => {
            let pairs = colours.data.as_chunks::<3>().0.iter().zip(alpha.data.as_chunks::<3>().0);
            let data = pairs.flat_map(|(&[r, g, b], alpha)| [r, g, b, alpha[0]]).collect();
            Raster { width: colours.width, height: colours.height, channels: Channels::Rgba, data }
        }
        None if is_grey => {
            let data = colours.data.into_iter().step_by(3).collect();
            Raster { width: colours.width, height: colours.height, channels: Channels::Grey, data }
        }
        None => Raster {
            width: colours.width,
            height: colours.height,
            channels: Channels::Rgb,
            data: colours.data,
        },
    };
    if raster.channels == Channels::Rgba && !file.referenced_items(primary, b"prem").is_empty() {
        divide_by_alpha::<4>(&mut raster.data);
    }
    let (raster, turned) = placed(&file, raster)?;
    let transform = transform(&file, primary, raster.channels);
    Ok(Found { raster, transform, turned })
}

/// A picture as it is coded: red, green, blue.
struct Colours {
    width: usize,
    height: usize,
    data: Vec<u8>,
    /// It has luma alone.
    is_grey: bool,
}

fn size(file: &HeifFile, id: ItemId) -> Result<(u32, u32), String> {
    if file.item(id).map_err(reason)?.item_type.0 == *b"grid" {
        let grid = file.grid(id).map_err(reason)?;
        return Ok((grid.output_width, grid.output_height));
    }
    file.image_size(id).map_err(reason)?.ok_or_else(|| "damaged: the size of a picture is missing".to_owned())
}

/// The pixels of an item, if they are not too many.
fn checked(file: &HeifFile, id: ItemId, how: &Decoding) -> Result<u64, String> {
    let (width, height) = size(file, id)?;
    let pixels = u64::from(width) * u64::from(height);
    check_pixels((width, height), pixels.saturating_mul(4), &how.limits)?;
    Ok(pixels)
}

/// An item, coded or put together from tiles.
fn item(file: &HeifFile, id: ItemId) -> Result<Colours, String> {
    match &file.item(id).map_err(reason)?.item_type.0 {
        b"av01" => coded(file, id),
        b"grid" => grid(file, id),
        other => Err(format!("unsupported: a picture of type {:?}", String::from_utf8_lossy(other))),
    }
}

fn grid(file: &HeifFile, id: ItemId) -> Result<Colours, String> {
    let grid = file.grid(id).map_err(reason)?;
    let (width, height) = (grid.output_width as usize, grid.output_height as usize);
    let (columns, rows) = (usize::from(grid.columns), usize::from(grid.rows));
    let tiles = file.referenced_items(id, b"dimg");
    if tiles.is_empty() || tiles.len() != columns * rows {
        return Err("damaged: tiles are missing".to_owned());
    }
    let mut data = vec![0; width * height * 3];
    let (mut is_grey, mut sides) = (true, None);
    for (number, &tile) in tiles.iter().enumerate() {
        if file.item(tile).map_err(reason)?.item_type.0 != *b"av01" {
            return Err("unsupported: a tile that is put together from others".to_owned());
        }
        let tile = coded(file, tile)?;
        if *sides.get_or_insert((tile.width, tile.height)) != (tile.width, tile.height) {
            return Err("damaged: tiles of different sizes".to_owned());
        }
        if tile.width * columns < width || tile.height * rows < height {
            return Err("damaged: tiles do not cover the picture".to_owned());
        }
        is_grey &= tile.is_grey;
        let (left, top) = (number % columns * tile.width, number / columns * tile.height);
        let kept = tile.width.min(width.saturating_sub(left)) * 3;
        let rows = tile.data.chunks_exact(tile.width * 3).zip(top..height);
        for (row, y) in rows.filter(|_| kept > 0) {
            let at = (y * width + left) * 3;
            data[at..at + kept].copy_from_slice(&row[..kept]);
        }
    }
    Ok(Colours { width, height, data, is_grey })
}

thread_local! {
    /// Decoders that this thread has used, for pictures of up to 1, 4, 16, ... pixels. A new one for each picture would
    /// leave memory in pieces that are too small to be used again: some 200 kB a picture.
    static DECODERS: [Cell<Option<Decoder>>; CLASSES] = const { [const { Cell::new(None) }; CLASSES] };
}

/// Powers of 4 up to the most pixels that a decoder takes.
const CLASSES: usize = 16;

/// Lets a decoder of this thread do something. It takes no picture that is more than four times as large as it
/// should be.
fn with_decoder<T>(pixels: u64, work: impl FnOnce(&mut Decoder) -> Result<T, String>) -> Result<T, String> {
    // the limit of the largest class still fits 32 bits: 0 would be none
    let most = pixels.clamp(1, 1 << (2 * (CLASSES - 1)));
    let class = (most.next_power_of_two().ilog2() as usize).div_ceil(2);
    let mut decoder = match DECODERS.with(|decoders| decoders[class].take()) {
        Some(decoder) => decoder,
        None => {
            let mut settings = Settings::new();
            settings.set_n_threads(1);
            settings.set_max_frame_delay(1);
            settings.set_all_layers(false);
            settings.set_frame_size_limit(1 << (2 * class));
            Decoder::with_settings(&settings).map_err(damaged)?
        }
    };
    let found = work(&mut decoder);
    // as it was before the first picture
    decoder.flush();
    DECODERS.with(|decoders| decoders[class].set(Some(decoder)));
    found
}

fn damaged(error: re_rav1d::Error) -> String {
    format!("damaged: AV1: {error}")
}

/// The picture of a coded item, of the size that the file says of it.
fn coded(file: &HeifFile, id: ItemId) -> Result<Colours, String> {
    let size = size(file, id)?;
    let data = file.item_data(id).map_err(reason)?.into_owned();
    if data.is_empty() {
        return Err("damaged: a picture without data".to_owned());
    }
    let numbers = colour_numbers(file, id);
    with_decoder(u64::from(size.0) * u64::from(size.1), |decoder| {
        to_rgb(&picture(decoder, data, size)?, numbers)
    })
}

fn picture(decoder: &mut Decoder, data: Vec<u8>, (width, height): (u32, u32)) -> Result<Picture, String> {
    match decoder.send_data(data, None, None, None) {
        Err(error) if !error.is_again() => return Err(damaged(error)),
        _ => {}
    }
    let picture = decoder.get_picture().map_err(damaged)?;
    if (picture.width(), picture.height()) != (width, height) {
        let (found, rows) = (picture.width(), picture.height());
        return Err(format!("damaged: a picture of {found}x{rows} where the file says {width}x{height}"));
    }
    Ok(picture)
}

/// Samples of a plane, 0 to 1 for luma and alpha, -0.5 to 0.5 for chroma.
struct Plane {
    values: Vec<f32>,
    width: usize,
    height: usize,
}

impl Plane {
    fn of(picture: &Picture, component: PlanarImageComponent, is_full: bool, is_rgb: bool) -> Plane {
        let layout = picture.pixel_layout();
        let (mut width, mut height) = (picture.width() as usize, picture.height() as usize);
        let is_chroma = component != PlanarImageComponent::Y;
        if is_chroma && matches!(layout, PixelLayout::I420 | PixelLayout::I422) {
            width = width.div_ceil(2);
        }
        if is_chroma && layout == PixelLayout::I420 {
            height = height.div_ceil(2);
        }
        let (bits, stride) = (picture.bit_depth(), picture.stride(component) as usize);
        let scale = (1_u32 << (bits - 8)) as f32;
        // green, blue and red are all coded as luma is
        let (black, span) = match (is_full, is_chroma && !is_rgb) {
            (true, false) => (0.0, ((1_u32 << bits) - 1) as f32),
            (true, true) => (128.0 * scale, ((1_u32 << bits) - 1) as f32),
            (false, false) => (16.0 * scale, 219.0 * scale),
            (false, true) => (128.0 * scale, 224.0 * scale),
        };
        let bytes = picture.plane(component);
        let value = |code: u16| (f32::from(code) - black) / span;
        let mut values = Vec::with_capacity(width * height);
        for row in bytes.chunks(stride).take(height) {
            if bits == 8 {
                values.extend(row.iter().take(width).map(|&code| value(code.into())));
            } else {
                let codes = row.as_chunks::<2>().0.iter().take(width);
                values.extend(codes.map(|code| value(native(*code))));
            }
        }
        Plane { values, width, height }
    }

    /// The value at a pixel of a picture so many times as large, between the samples around it.
    fn at(&self, x: usize, y: usize, (by_x, by_y): (usize, usize)) -> f32 {
        let near = |at: usize, by: usize, side: usize| {
            if by == 1 {
                return (at, at, 1.0);
            }
            let (one, other) = if at.is_multiple_of(2) {
                (at / 2, (at / 2).saturating_sub(1))
            } else {
                (at / 2, at / 2 + 1)
            };
            (one, other.min(side - 1), 0.75)
        };
        let ((x, beside, share_x), (y, below, share_y)) =
            (near(x, by_x, self.width), near(y, by_y, self.height));
        let row = |y: usize| {
            let value = |x: usize| self.values[y * self.width + x];
            value(x) * share_x + value(beside) * (1.0 - share_x)
        };
        row(y) * share_y + row(below) * (1.0 - share_y)
    }
}

/// A number as this machine holds it, which is how the decoder gives samples.
fn native(bytes: [u8; 2]) -> u16 {
    if cfg!(target_endian = "big") { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
}

/// What red and blue weigh in the luma of a matrix, by its number in H.273.
fn weights(matrix: u16) -> Result<(f32, f32), String> {
    match matrix {
        1 => Ok((0.2126, 0.0722)),
        2 | 5 | 6 => Ok((0.299, 0.114)),
        4 => Ok((0.30, 0.11)),
        7 => Ok((0.212, 0.087)),
        9 => Ok((0.2627, 0.0593)),
        other => {
            Err(format!("unsupported: colours by matrix {other}; programs that use libavif may read it"))
        }
    }
}

fn to_rgb(picture: &Picture, numbers: Option<(u16, u16, u16, bool)>) -> Result<Colours, String> {
    let is_full = numbers.map_or_else(|| picture.color_range() == pixel::YUVRange::Full, |numbers| numbers.3);
    // this panics on numbers that are reserved
    let matrix = numbers.map_or_else(|| picture.matrix_coefficients() as u16, |numbers| numbers.2);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let is_grey = picture.pixel_layout() == PixelLayout::I400;
    let by = match picture.pixel_layout() {
        PixelLayout::I420 => (2, 2),
        PixelLayout::I422 => (2, 1),
        PixelLayout::I400 | PixelLayout::I444 => (1, 1),
    };
    let to_8_bits = |value: f32| (value * 255.0).round().clamp(0.0, 255.0) as u8;
    let is_rgb = matrix == 0;
    let luma = Plane::of(picture, PlanarImageComponent::Y, is_full, is_rgb);
    let mut data = Vec::with_capacity(width * height * 3);
    if is_grey {
        data.extend(luma.values.iter().flat_map(|&value| [to_8_bits(value); 3]));
        return Ok(Colours { width, height, data, is_grey });
    }
    let chroma = [PlanarImageComponent::U, PlanarImageComponent::V]
        .map(|plane| Plane::of(picture, plane, is_full, is_rgb));
    let (red, blue) = if is_rgb { (0.0, 0.0) } else { weights(matrix)? };
    for y in 0..height {
        for x in 0..width {
            let value = luma.values[y * width + x];
            let [u, v] = [0, 1].map(|plane: usize| chroma[plane].at(x, y, by));
            let rgb = if is_rgb {
                // green, blue, red
                [v, value, u]
            } else {
                let (r, b) = (value + 2.0 * (1.0 - red) * v, value + 2.0 * (1.0 - blue) * u);
                [r, (value - red * r - blue * b) / (1.0 - red - blue), b]
            };
            data.extend(rgb.map(to_8_bits));
        }
    }
    Ok(Colours { width, height, data, is_grey })
}

fn alpha_of(file: &HeifFile, id: ItemId) -> Option<ItemId> {
    let is_alpha = |id: &ItemId| {
        file.item_properties(*id).is_ok_and(|mut properties| {
            properties
                .any(|property| matches!(property, Property::AuxiliaryType(kind) if kind.ends_with("alpha")))
        })
    };
    file.referencing_items(id, b"auxl").into_iter().find(is_alpha)
}

/// The raster cropped as the primary item says, and how it is to be turned after that.
fn placed(file: &HeifFile, mut raster: Raster) -> Result<(Raster, u8), String> {
    let mut turned = 1;
    for property in file.item_properties(file.primary_id).map_err(reason)? {
        match *property {
            Property::CleanAperture { width, height, horiz_offset, vert_offset } => {
                let columns = span(raster.width, width, horiz_offset)?;
                let rows = span(raster.height, height, vert_offset)?;
                raster = cropped(raster, columns, rows);
            }
            // against the clock
            Property::Rotation(quarters) => turned = [1, 8, 3, 6][usize::from(quarters % 4)],
            Property::Mirror(is_upside_down) => {
                turned = match (turned, is_upside_down) {
                    (1, false) | (3, true) => 2,
                    (1, true) | (3, false) => 4,
                    (6, false) | (8, true) => 5,
                    _ => 7,
                }
            }
            _ => {}
        }
    }
    Ok((raster, turned))
}

/// The first and the number of columns or rows that stay of `side`: a length, and how far its middle is from the
/// middle of the picture.
fn span(side: usize, length: (u32, u32), offset: (i32, u32)) -> Result<(usize, usize), String> {
    let fraction = |(above, below): (f64, u32)| above / f64::from(below);
    let length = fraction((length.0.into(), length.1)).round();
    let first = ((side as f64 - length) / 2.0 + fraction((offset.0.into(), offset.1))).round();
    if length >= 1.0 && first >= 0.0 && first + length <= side as f64 {
        return Ok((first as usize, length as usize));
    }
    Err("damaged: a crop that lies outside of the picture".to_owned())
}

fn cropped(raster: Raster, (left, width): (usize, usize), (top, height): (usize, usize)) -> Raster {
    let count = raster.channels.count();
    let rows = raster.data.chunks_exact(raster.width * count).skip(top).take(height);
    let data = rows.flat_map(|row| &row[left * count..(left + width) * count]).copied().collect();
    Raster { width, height, channels: raster.channels, data }
}

/// One line that says whether a file is damaged or of a kind that is not read.
fn reason(error: Error) -> String {
    match error {
        Error::MissingBox(name) if name.0 == *b"meta" => {
            "unsupported: a sequence without a still picture; convert it to a film with `ffmpeg`, which `video` reads"
                .to_owned()
        }
        Error::UnexpectedEof => "the file ends too early (truncated)".to_owned(),
        Error::Unimplemented(what) => format!("unsupported: {what}; programs that use libavif may read it"),
        other => format!("damaged: {other}"),
    }
}
