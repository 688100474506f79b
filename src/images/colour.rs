//! Colour profiles: pixels of Display P3, Adobe RGB, CMYK or a grey of its own gamma, as sRGB. The only file
//! that names `moxcms`.
//!
//! A profile that changes no colour by more than [`ROUNDING`] is sRGB under another name, and leaves the pixels
//! as they are. One that is damaged, or made for other channels than the file has, is passed over, as other
//! readers do.

use std::sync::Arc;

#[cfg(any(feature = "avif", feature = "heic"))]
use moxcms::{CicpProfile, MatrixCoefficients};
use moxcms::{
    ColorProfile, DataColorSpace, Layout, RenderingIntent, Transform8BitExecutor, TransformOptions,
};

use super::raster::{Channels, Raster, without_profile};
use super::stamp::hash_bytes;

/// Steps of 256 by which copies of the sRGB profile differ from each other.
const ROUNDING: u8 = 2;

/// What the colours of a file are.
#[derive(Default)]
pub(super) struct Colours {
    /// How they become sRGB; none if they are, as far as is known.
    pub(super) transform: Option<Transform>,
    /// What tells them from those of other files: BLAKE3 of a profile that is not sRGB's, though it cannot be
    /// used.
    pub(super) mark: Option<[u8; 32]>,
}

impl Colours {
    /// Those of a file with this profile, and what else it says of colours that is not applied.
    pub(super) fn of(profile: Option<&[u8]>, told: Option<&[u8]>, channels: Channels) -> Colours {
        let found = profile.map_or(Found::Same, |profile| Found::of(profile, channels));
        let counts = profile.filter(|_| !matches!(found, Found::Same));
        let mark = (counts.is_some() || told.is_some())
            .then(|| hash_bytes(&[counts.unwrap_or_default(), told.unwrap_or_default()].concat()));
        Colours { transform: found.transform(), mark }
    }
}

/// What a profile does.
enum Found {
    /// Nothing: it is sRGB.
    Same,
    /// It is damaged, made for other channels, or of a kind that is not known.
    Unusable,
    Changes(Transform),
}

impl Found {
    fn of(profile: &[u8], channels: Channels) -> Found {
        let Ok(profile) = ColorProfile::new_from_slice(profile) else { return Found::Unusable };
        Transform::from_profile(&profile, channels)
    }

    fn transform(self) -> Option<Transform> {
        if let Found::Changes(transform) = self { Some(transform) } else { None }
    }
}

/// From the colours of one profile to sRGB.
pub(super) enum Transform {
    Grey(Box<[u8; 256]>),
    /// RGB or RGBA, or CMYK to RGB.
    Colours(Arc<Transform8BitExecutor>),
}

impl Transform {
    /// How colours of this profile become sRGB, in a file of such channels. None if nothing would change, or
    /// if the profile cannot be used.
    #[cfg(any(test, feature = "avif", feature = "heic", feature = "jxl", feature = "psd"))]
    pub(super) fn of(profile: &[u8], channels: Channels) -> Option<Transform> {
        Found::of(profile, channels).transform()
    }

    /// As [`Transform::of`], for primaries and a transfer curve by their numbers in H.273. The curves of
    /// televisions mean that of sRGB in pictures; values of HDR curves (PQ, HLG) stay what they are.
    #[cfg(any(feature = "avif", feature = "heic"))]
    pub(super) fn of_primaries(primaries: u16, transfer: u16, channels: Channels) -> Option<Transform> {
        /// sRGB's.
        const PICTURES: u8 = 13;
        let transfer = match u8::try_from(transfer).ok()? {
            1 | 2 | 6 | 13 | 14 | 15 => PICTURES,
            16 | 18 => return None,
            other => other,
        };
        let primaries = u8::try_from(primaries).ok().filter(|primaries| *primaries != 2).unwrap_or(1);
        let profile = ColorProfile::new_from_cicp(CicpProfile {
            color_primaries: primaries.try_into().ok()?,
            transfer_characteristics: transfer.try_into().ok()?,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        });
        Self::from_profile(&profile, channels).transform()
    }

    fn from_profile(profile: &ColorProfile, channels: Channels) -> Found {
        let (space, layout, result) = match channels {
            Channels::Grey | Channels::GreyAlpha => (DataColorSpace::Gray, Layout::Gray, Layout::Rgb),
            Channels::Rgb => (DataColorSpace::Rgb, Layout::Rgb, Layout::Rgb),
            Channels::Rgba => (DataColorSpace::Rgb, Layout::Rgba, Layout::Rgba),
            Channels::Cmyk => (DataColorSpace::Cmyk, Layout::Rgba, Layout::Rgb),
        };
        if profile.color_space != space {
            // grey of sRGB is grey
            let is_grey = matches!(channels, Channels::Grey | Channels::GreyAlpha);
            let is_same = is_grey && matches!(Self::from_profile(profile, Channels::Rgb), Found::Same);
            return if is_same { Found::Same } else { Found::Unusable };
        }
        let intents = [RenderingIntent::Perceptual, RenderingIntent::RelativeColorimetric];
        let executor = intents.into_iter().find_map(|rendering_intent| {
            let options = TransformOptions { rendering_intent, ..TransformOptions::default() };
            profile.create_transform_8bit(layout, &ColorProfile::new_srgb(), result, options).ok()
        });
        let Some(executor) = executor else { return Found::Unusable };
        match channels {
            Channels::Grey | Channels::GreyAlpha => grey(&*executor),
            Channels::Cmyk => Found::Changes(Transform::Colours(executor)),
            Channels::Rgb | Channels::Rgba => {
                let count = channels.count();
                let before: Vec<u8> = probes().flat_map(|colour| colour.into_iter().take(count)).collect();
                let mut after = vec![0; before.len()];
                if executor.transform(&before, &mut after).is_err() {
                    return Found::Unusable;
                }
                let differs = before.iter().zip(&after).any(|(a, b)| a.abs_diff(*b) > ROUNDING);
                if differs { Found::Changes(Transform::Colours(executor)) } else { Found::Same }
            }
        }
    }

    /// Applies it to the pixels that it was made for.
    pub(super) fn apply(&self, raster: Raster) -> Raster {
        /// Pixels that are converted at a time.
        const PIECE: usize = 1 << 14;
        let Raster { width, height, channels, mut data } = raster;
        match self {
            Transform::Grey(table) => {
                let grey = data.iter_mut().step_by(channels.count());
                grey.for_each(|value| *value = table[usize::from(*value)]);
                Raster { width, height, channels, data }
            }
            Transform::Colours(executor) if channels == Channels::Cmyk => {
                let mut rgb = vec![0; width * height * 3];
                match executor.transform(&data, &mut rgb) {
                    Ok(()) => Raster { width, height, channels: Channels::Rgb, data: rgb },
                    Err(_) => plain(Raster { width, height, channels, data }),
                }
            }
            Transform::Colours(executor) => {
                let mut before = Vec::new();
                for piece in data.chunks_mut(PIECE * channels.count()) {
                    before.clear();
                    before.extend_from_slice(piece);
                    if executor.transform(&before, piece).is_err() {
                        piece.copy_from_slice(&before);
                    }
                }
                Raster { width, height, channels, data }
            }
        }
    }
}

/// Pixels as sRGB by this transform, or as they are; no CMYK is left.
pub(super) fn to_srgb(raster: Raster, transform: Option<&Transform>) -> Raster {
    match transform {
        Some(transform) => transform.apply(raster),
        None => plain(raster),
    }
}

/// CMYK without a profile becomes RGB; other pixels stay.
fn plain(raster: Raster) -> Raster {
    if raster.channels != Channels::Cmyk {
        return raster;
    }
    let data = raster.data.as_chunks::<4>().0.iter().flat_map(|&inks| without_profile(inks)).collect();
    Raster { channels: Channels::Rgb, data, ..raster }
}

fn grey(executor: &Transform8BitExecutor) -> Found {
    let before: [u8; 256] = std::array::from_fn(|value| value as u8);
    let mut after = [0; 3 * 256];
    if executor.transform(&before, &mut after).is_err() {
        return Found::Unusable;
    }
    let table: [u8; 256] = std::array::from_fn(|value| after[3 * value + 1]);
    let differs = table.iter().zip(before).any(|(after, before)| after.abs_diff(before) > ROUNDING);
    if differs { Found::Changes(Transform::Grey(Box::new(table))) } else { Found::Same }
}

/// Colours from the whole cube, opaque.
fn probes() -> impl Iterator<Item = [u8; 4]> {
    let step = |index: usize| (index * 51) as u8;
    (0..216).map(move |i| [step(i % 6), step(i / 6 % 6), step(i / 36), 255])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(profile: &ColorProfile, channels: Channels, data: &[u8]) -> Option<Vec<u8>> {
        let transform = Transform::of(&profile.encode().unwrap(), channels)?;
        let width = data.len() / channels.count();
        Some(transform.apply(Raster { width, height: 1, channels, data: data.to_vec() }).data)
    }

    fn assert_near(found: &[u8], expected: &[u8]) {
        let is_near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(*b) <= 2);
        assert!(found.len() == expected.len() && is_near, "{found:?}, expected {expected:?}");
    }

    #[test]
    fn srgb_changes_nothing() {
        assert!(through(&ColorProfile::new_srgb(), Channels::Rgb, &[1, 2, 3]).is_none());
        assert!(through(&ColorProfile::new_srgb(), Channels::Rgba, &[1, 2, 3, 4]).is_none());
    }

    #[test]
    fn other_profiles_are_applied() {
        // by the primaries and curves of the standards
        let found = through(&ColorProfile::new_display_p3(), Channels::Rgb, &[200, 100, 50, 90, 90, 90]);
        assert_near(&found.unwrap(), &[215, 93, 31, 90, 90, 90]);
        let found = through(&ColorProfile::new_adobe_rgb(), Channels::Rgba, &[100, 150, 100, 7]);
        assert_near(&found.unwrap(), &[66, 151, 97, 7]);
        let found = through(&ColorProfile::new_gray_with_gamma(1.0), Channels::GreyAlpha, &[55, 9, 255, 8]);
        assert_near(&found.unwrap(), &[128, 9, 255, 8]);
    }

    /// A profile of inks by a table of two steps each: black is black, cyan is L 60, a -20, b -30, and other
    /// inks leave no trace.
    fn profile_of_inks() -> Vec<u8> {
        let long = |value: usize| (value as u32).to_be_bytes();
        let line: Vec<u8> = (0..=255).collect();
        let mut table = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
        for i in 0..9 {
            table.extend(long(if i % 4 == 0 { 1 << 16 } else { 0 }));
        }
        (0..4).for_each(|_| table.extend(&line));
        for inks in 0..16 {
            table.extend(match inks {
                _ if inks & 1 == 1 => [0, 128, 128],
                _ if inks & 8 == 8 => [153, 108, 98],
                _ => [255, 128, 128],
            });
        }
        (0..3).for_each(|_| table.extend(&line));
        let mut profile =
            [&long(144 + table.len())[..], b"none", &long(0x0240_0000), b"prtrCMYKLab "].concat();
        profile.extend([7, 0xe8, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
        profile.extend(b"acsp");
        profile.resize(68, 0);
        profile.extend([[0, 0, 0xf6, 0xd6], [0, 1, 0, 0], [0, 0, 0xd3, 0x2d]].concat());
        profile.resize(128, 0);
        profile.extend([&long(1)[..], b"A2B0", &long(144), &long(table.len())].concat());
        [profile, table].concat()
    }

    #[test]
    fn inks_look_as_their_profile_says() {
        let data = vec![0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 255, 255, 0, 0, 0];
        let transform = Transform::of(&profile_of_inks(), Channels::Cmyk);
        assert!(transform.is_some());
        let found =
            to_srgb(Raster { width: 4, height: 1, channels: Channels::Cmyk, data }, transform.as_ref());
        assert_eq!(found.channels, Channels::Rgb);
        // cyan by LittleCMS; both go through tables
        let expected = [255, 255, 255, 255, 255, 255, 0, 0, 0, 54, 156, 197];
        assert!(found.data.iter().zip(expected).all(|(a, b): (&u8, u8)| a.abs_diff(b) <= 4), "{found:?}");
    }

    #[test]
    fn what_does_not_fit_is_passed_over() {
        assert!(through(&ColorProfile::new_display_p3(), Channels::Grey, &[1]).is_none());
        assert!(through(&ColorProfile::new_gray_with_gamma(1.0), Channels::Rgb, &[1, 2, 3]).is_none());
        assert!(Transform::of(b"no profile", Channels::Rgb).is_none());
        let inks = Raster { width: 1, height: 1, channels: Channels::Cmyk, data: vec![255, 0, 0, 51] };
        assert_eq!(to_srgb(inks, None).data, [0, 204, 204]);
    }
}
