//! The chunks of PNG and RIFF files; WebP is one.

/// Name and content of each chunk of a PNG file. A chunk that is cut short gives what is left of it.
pub(in crate::images) fn png_chunks(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    const CHECKSUM: usize = 4;
    walk(bytes, 8, |first, second| (second, u32::from_be_bytes(first) as usize, CHECKSUM))
}

/// The same for a RIFF file.
pub(in crate::images) fn riff_chunks(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    walk(bytes, 12, |first, second| {
        let length = u32::from_le_bytes(second) as usize;
        // padded to an even length
        (first, length, length % 2)
    })
}

/// Chunks from `at` on. `read` takes the two words before a content, and gives its name, its length, and how
/// many bytes follow it.
fn walk(
    bytes: &[u8],
    mut at: usize,
    read: impl Fn([u8; 4], [u8; 4]) -> ([u8; 4], usize, usize),
) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (&[first, second], _) = bytes.get(at..)?.as_chunks::<4>().0.split_first_chunk::<2>()?;
        let (name, length, more) = read(first, second);
        let start = at + 8;
        let end = start.saturating_add(length);
        at = end.saturating_add(more);
        Some((name, &bytes[start..end.min(bytes.len())]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_follow_each_other_up_to_the_end() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\x01abcdx1234\0\0\0\0efgh1234\xff\xff\xff\xffijklyz";
        let found: Vec<_> = png_chunks(png).collect();
        assert_eq!(found, [(*b"abcd", &b"x"[..]), (*b"efgh", b""), (*b"ijkl", b"yz")]);
        let riff = b"RIFF\0\0\0\0WEBPabcd\x01\0\0\0x\0efgh\x02\0\0\0yzijkl\xff\xff\xff\xffw";
        let found: Vec<_> = riff_chunks(riff).collect();
        assert_eq!(found, [(*b"abcd", &b"x"[..]), (*b"efgh", b"yz"), (*b"ijkl", b"w")]);
        (0..png.len()).for_each(|end| assert!(png_chunks(&png[..end]).count() <= 3));
        (0..riff.len()).for_each(|end| assert!(riff_chunks(&riff[..end]).count() <= 3));
    }
}
