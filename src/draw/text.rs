//! Text: the font, how wide a text is, and what is left of one that is too long.
//!
//! The font is embedded, see `fonts/README.md`: Latin, Greek and Cyrillic letters with their accents; any
//! other character is a box. A size is that of the em, in pixels.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, OutlinedGlyph, PxScale, ScaleFont, point};
use unicode_normalization::UnicodeNormalization as _;

static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("fonts/sans.otf")).expect("the embedded font is one")
});

/// What a text that is cut ends or begins with.
const DOTS: char = '\u{2026}';

/// The font's own scale at a size: from its lowest to its highest point.
fn scale(size: f32) -> PxScale {
    let em = FONT.units_per_em().unwrap_or(1.0);
    PxScale::from(size * FONT.height_unscaled() / em)
}

/// The glyphs of `text` with its top left corner at `(x, y)`.
pub(super) fn glyphs((x, y): (usize, usize), text: &str, size: f32) -> impl Iterator<Item = OutlinedGlyph> {
    let scale = scale(size);
    let font = FONT.as_scaled(scale);
    let (mut left, base) = (x as f32, y as f32 + font.ascent());
    // file names of macOS have letters and accents apart
    text.nfc().filter_map(move |character| {
        let id = font.glyph_id(character);
        let glyph = id.with_scale_and_position(scale, point(left, base));
        left += font.h_advance(id);
        FONT.outline_glyph(glyph)
    })
}

/// Width in pixels of `text`.
pub fn text_width(text: &str, size: f32) -> usize {
    exact_width(text, size).ceil() as usize
}

fn exact_width(text: &str, size: f32) -> f32 {
    let font = FONT.as_scaled(scale(size));
    text.nfc().map(|character| font.h_advance(font.glyph_id(character))).sum()
}

/// Width in pixels that is kept for a text of `characters` characters: as many digits are as wide.
pub fn column_width(characters: usize, size: f32) -> usize {
    (characters as f32 * exact_width("0", size)).ceil() as usize
}

/// Height in pixels of a line of text, with what reaches below the baseline.
pub fn text_height(size: f32) -> usize {
    FONT.as_scaled(scale(size)).height().ceil() as usize
}

/// Pixels from the top of a line of text to the middle of its capitals and digits, for what stands beside it.
pub fn text_middle(size: f32) -> f32 {
    const CAPITAL: f32 = 0.727; // of the em
    FONT.as_scaled(scale(size)).ascent() - size * CAPITAL / 2.0
}

/// `text` as it fits into `width` pixels: where it is too long, its end gives way to dots (of a title, the
/// beginning says more).
pub fn headed(text: &str, size: f32, width: usize) -> String {
    match cut(text.nfc(), size, width) {
        None => text.to_owned(),
        Some(Cut { characters, dots }) => text.nfc().take(characters).chain(dots).collect(),
    }
}

/// `text` as it fits into `width` pixels: where it is too long, its beginning gives way to dots (of a path,
/// the end says more).
pub fn fitted(text: &str, size: f32, width: usize) -> String {
    let characters: Vec<char> = text.nfc().collect();
    match cut(characters.iter().rev().copied(), size, width) {
        None => text.to_owned(),
        Some(cut) => {
            let kept = &characters[characters.len() - cut.characters..];
            cut.dots.into_iter().chain(kept.iter().copied()).collect()
        }
    }
}

/// `text`, such as a file's name, as it fits into `width` pixels: where it is too long, its ending goes, and if
/// need be its middle gives way to dots (both the beginning and what is before the ending say something).
pub fn shortened(text: &str, size: f32, width: usize) -> String {
    let is_ending = |ending: &str| ending.len() <= 5 && ending.starts_with(|c: char| c.is_ascii_alphabetic());
    let text = match text.rsplit_once('.') {
        Some((name, ending)) if is_ending(ending) && text_width(text, size) > width => name,
        _ => text,
    };
    let characters: Vec<char> = text.nfc().collect();
    let n = characters.len();
    let from_both_ends =
        (0..n).map(|i| if i % 2 == 0 { characters[i / 2] } else { characters[n - 1 - i / 2] });
    match cut(from_both_ends, size, width) {
        None => text.to_owned(),
        Some(Cut { characters: kept, dots }) => {
            let (beginning, end) = (&characters[..kept.div_ceil(2)], &characters[n - kept / 2..]);
            beginning.iter().copied().chain(dots).chain(end.iter().copied()).collect()
        }
    }
}

/// What is left of a text that is too long.
struct Cut {
    /// How many characters are kept.
    characters: usize,
    /// What stands for the others, where there is room for it.
    dots: Option<char>,
}

/// How to make a text fit into `width` pixels; nothing where it fits as it is. The characters come in the
/// order of their importance.
fn cut(text: impl Iterator<Item = char>, size: f32, width: usize) -> Option<Cut> {
    let font = FONT.as_scaled(scale(size));
    let advance = |character| font.h_advance(font.glyph_id(character));
    let width = width as f32;
    let room = width - advance(DOTS);
    let (mut reached, mut characters) = (0.0, 0);
    for character in text {
        reached += advance(character);
        characters += usize::from(reached <= room);
        if reached > width {
            return Some(Cut { characters, dots: (room >= 0.0).then_some(DOTS) });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_a_shape_and_the_others_are_a_box() {
        let has_ink = |text: &str| glyphs((0, 0), text, 14.0).next().is_some();
        let letters =
            ('!'..='~').chain('\u{a1}'..='\u{ac}').chain('\u{ae}'..='\u{148}').chain('\u{14a}'..='\u{17f}');
        let others = "\u{391}\u{3c9}\u{410}\u{44f}\u{20ac}\u{2013}\u{2026}\u{2192}".chars();
        for character in letters.chain(others) {
            assert!(has_ink(&character.to_string()), "{character:?}");
            assert_ne!(FONT.glyph_id(character).0, 0, "{character:?} is a box");
        }
        assert!(!has_ink(" "));
        assert_eq!(FONT.glyph_id('\u{4e2d}').0, 0);
        assert!(has_ink("\u{4e2d}") && has_ink("\n"));
    }

    #[test]
    fn widths_add_up_and_sizes_scale_them() {
        let (one, two) = (exact_width("iW", 14.0), exact_width("iW", 28.0));
        assert!((2.0 * one - two).abs() < 1e-3);
        assert!(exact_width("i", 14.0) < exact_width("W", 14.0));
        assert!((exact_width("i", 14.0) + exact_width("W", 14.0) - one).abs() < 1e-3);
        assert_eq!((text_width("", 14.0), column_width(0, 14.0)), (0, 0));
        assert_eq!(column_width(4, 14.0), text_width("0000", 14.0));
        assert!((14..=22).contains(&text_height(14.0)), "{}", text_height(14.0));
    }

    #[test]
    fn accents_may_be_written_apart() {
        assert_eq!(text_width("Cafe\u{301}", 14.0), text_width("Caf\u{e9}", 14.0));
        assert_eq!(
            headed("Cafe\u{301} au lait", 14.0, text_width("Caf\u{e9}\u{2026}", 14.0)),
            "Caf\u{e9}\u{2026}"
        );
    }

    #[test]
    fn long_texts_keep_their_end() {
        assert_eq!(fitted("short", 14.0, 200), "short");
        assert_eq!(
            fitted("digits/7/0001.png", 14.0, text_width("\u{2026}0001.png", 14.0)),
            "\u{2026}0001.png"
        );
        assert_eq!(fitted("digits", 14.0, text_width("digits", 14.0)), "digits");
        assert_eq!(fitted("digits", 14.0, 0), "");
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shortened("short", 14.0, 200), "short");
        let width = text_width("great\u{2026}bes 2", 14.0);
        assert_eq!(shortened("great crested grebes 2.png", 14.0, width), "great\u{2026}bes 2");
        assert_eq!(shortened("IMG_0001.jpg", 14.0, text_width("IMG_0001", 14.0)), "IMG_0001");
        assert_eq!(shortened("near 0.991", 14.0, text_width("nea\u{2026}991", 14.0)), "nea\u{2026}991");
        assert_eq!(shortened("digits", 14.0, 0), "");
    }

    #[test]
    fn long_titles_keep_their_beginning() {
        assert_eq!(headed("short", 14.0, 200), "short");
        let width = text_width("cluster \u{2026}", 14.0);
        assert_eq!(headed("cluster 12, 8 images", 14.0, width), "cluster \u{2026}");
        assert_eq!(headed("digits", 14.0, text_width("\u{2026}", 14.0)), "\u{2026}");
        assert_eq!(headed("digits", 14.0, 0), "");
    }

    #[test]
    fn a_text_of_any_length_is_cut_to_its_width() {
        let text = "great crested grebes, two of them";
        for width in 0..300 {
            for cut in [fitted, headed, shortened].map(|cut| cut(text, 14.0, width)) {
                assert!(text_width(&cut, 14.0) <= width, "{cut} is wider than {width}");
            }
        }
    }
}
