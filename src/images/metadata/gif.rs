//! The blocks of a GIF file: a header with a table of colours, then images and extensions, each with sub-blocks up
//! to an empty one.

/// One block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::images) enum GifBlock<'a> {
    /// An image, whose data may be cut short.
    Image,
    /// The data of an application: its name and the sub-blocks after it, each with its length before it.
    Application(&'a [u8], &'a [u8]),
    Other,
}

/// All blocks, up to the first damaged one.
pub(in crate::images) fn gif_blocks(bytes: &[u8]) -> impl Iterator<Item = GifBlock<'_>> {
    const APPLICATION: u8 = 0xff;
    let table = |flags: u8| if flags & 0x80 != 0 { 3 << ((flags & 7) + 1) } else { 0 };
    // the sub-blocks of the previous block
    let mut data = None;
    std::iter::from_fn(move || {
        let at = match data {
            None => 13 + table(*bytes.get(10)?),
            Some(data) => end(bytes, data)? + 1,
        };
        match *bytes.get(at)? {
            0x2c => {
                data = Some(at + 10 + table(*bytes.get(at + 9)?) + 1);
                Some(GifBlock::Image)
            }
            0x21 => {
                let (label, start) = (*bytes.get(at + 1)?, at + 2);
                data = Some(start);
                let content = &bytes[start..end(bytes, start)?];
                Some(match content {
                    [11, rest @ ..] if label == APPLICATION && rest.len() >= 11 => {
                        GifBlock::Application(&rest[..11], &rest[11..])
                    }
                    _ => GifBlock::Other,
                })
            }
            _ => None,
        }
    })
}

/// Behind the byte that ends a file, if it is there.
pub(in crate::images) fn gif_end(bytes: &[u8]) -> Option<usize> {
    let table = |flags: u8| if flags & 0x80 != 0 { 3 << ((flags & 7) + 1) } else { 0 };
    let mut at = 13 + table(*bytes.get(10)?);
    loop {
        at = match *bytes.get(at)? {
            0x3b => return Some(at + 1),
            0x2c => end(bytes, at + 10 + table(*bytes.get(at + 9)?) + 1)? + 1,
            0x21 => end(bytes, at + 2)? + 1,
            _ => return None,
        };
    }
}

/// Sub-blocks without their lengths.
pub(super) fn joined(mut blocks: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some((&length, rest)) = blocks.split_first() {
        let (block, rest) = rest.split_at(rest.len().min(length.into()));
        content.extend(block);
        blocks = rest;
    }
    content
}

/// Where the empty sub-block lies.
fn end(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let length @ 1.. = usize::from(*bytes.get(at)?) {
        at += 1 + length;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_follow_each_other_up_to_the_damage() {
        let mut file = b"GIF89a\x01\0\x01\0\x80\0\0......".to_vec();
        file.extend(b"\x21\xff\x0bICCRGBG1012\x02ab\x01c\0\x21\xf9\x02..\0\x2c.........\x02\x02xy\0;");
        let found: Vec<_> = gif_blocks(&file).collect();
        assert_eq!(
            found,
            [GifBlock::Application(b"ICCRGBG1012", b"\x02ab\x01c"), GifBlock::Other, GifBlock::Image]
        );
        assert_eq!(joined(b"\x02ab\x01c"), b"abc");
        assert_eq!(joined(b"\x09ab"), b"ab");
        let counts: Vec<usize> = (0..=file.len()).map(|end| gif_blocks(&file[..end]).count()).collect();
        assert!(counts.is_sorted() && counts[0] == 0 && counts[file.len() - 5] == 3, "{counts:?}");
    }
}
