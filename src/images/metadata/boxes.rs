//! The boxes of ISO media files: HEIC, CR3, JPEG XL.

/// One box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::images) struct MediaBox<'a> {
    pub(in crate::images) name: [u8; 4],
    /// Where its content begins.
    pub(in crate::images) at: usize,
    /// May consist of boxes itself.
    pub(in crate::images) content: &'a [u8],
    /// Where it ends, and the next one begins.
    pub(in crate::images) end: usize,
}

/// The box that begins at `at`; none if it is cut short.
fn box_at(bytes: &[u8], at: usize) -> Option<MediaBox<'_>> {
    let rest = bytes.get(at..)?;
    let name = *rest.get(4..)?.first_chunk()?;
    let (header, length) = match u32::from_be_bytes(*rest.first_chunk()?) {
        0 => (8, rest.len()),
        1 => (16, usize::try_from(u64::from_be_bytes(*rest.get(8..)?.first_chunk()?)).ok()?),
        length => (8, length as usize),
    };
    Some(MediaBox { name, at: at + header, content: rest.get(header..length)?, end: at + length })
}

/// All boxes that are whole.
pub(in crate::images) fn boxes(bytes: &[u8]) -> impl Iterator<Item = MediaBox<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = box_at(bytes, at)?;
        at = found.end;
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_have_lengths_of_two_sizes_or_reach_to_the_end() {
        let file = b"\0\0\0\x0aabcdxy\0\0\0\x01efgh\0\0\0\0\0\0\0\x11z\0\0\0\0ijklrest";
        let found: Vec<_> = boxes(file).map(|found| (found.name, found.at, found.content)).collect();
        assert_eq!(found, [(*b"abcd", 8, &b"xy"[..]), (*b"efgh", 26, b"z"), (*b"ijkl", 35, b"rest")]);
        assert_eq!(boxes(&file[..26]).count(), 1);
        for wrong in [
            &b"\0\0\0\x07abcd"[..],
            b"\0\0\0\x09abcd",
            b"\0\0\0\x01abcd\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\0\0\0\x01abcd",
        ] {
            assert_eq!(boxes(wrong).count(), 0, "{wrong:?}");
        }
    }
}
