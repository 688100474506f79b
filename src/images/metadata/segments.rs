//! The segments of a JPEG file, up to its first scan.

/// The marker of a scan's header.
pub(in crate::images) const SCAN: u8 = 0xda;

/// One segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::images) struct Segment<'a> {
    pub(in crate::images) marker: u8,
    /// Where its content begins.
    pub(in crate::images) at: usize,
    /// Without the length that precedes it.
    pub(in crate::images) body: &'a [u8],
}

/// All segments that are whole; the header of the first scan is the last. Bytes that belong to none are
/// passed over, as decoders do.
pub(in crate::images) fn segments(bytes: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let mut at = 2; // behind the start marker
    std::iter::from_fn(move || {
        loop {
            at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)? + 1;
            let marker = *bytes.get(at)?;
            match marker {
                0xff => continue,
                0 | 0x01 | 0xd0..=0xd8 => at += 1,
                0xd9 => return None,
                _ => {
                    let length = bytes.get(at + 1..)?.first_chunk()?;
                    let (start, end) = (at + 3, at + 1 + usize::from(u16::from_be_bytes(*length)));
                    let body = bytes.get(start..end)?;
                    at = if marker == SCAN { bytes.len() } else { end };
                    return Some(Segment { marker, at: start, body });
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_end_with_the_scan() {
        let file =
            b"\xff\xd8\xff\xe0\0\x03Jjunk\xff\xff\xe1\0\x04ab\xff\x01\xff\xd0\xff\xda\0\x03x\xff\xe2\0\x02";
        let found: Vec<_> =
            segments(file).map(|segment| (segment.marker, segment.at, segment.body)).collect();
        assert_eq!(found, [(0xe0, 6, &b"J"[..]), (0xe1, 16, b"ab"), (0xda, 26, b"x")]);
        for end in 0..file.len() - 4 {
            assert!(segments(&file[..end]).count() <= found.len());
        }
        // a segment without a length, one behind the end
        for cut in [
            &b"\xff\xd8\xff\xe0\0\x01"[..],
            b"\xff\xd8\xff\xe0\xff\xff",
            b"\xff\xd8\xff\xd9\xff\xe0\0\x02",
            b"\xff",
            b"",
        ] {
            assert_eq!(segments(cut).count(), 0, "{cut:?}");
        }
    }
}
