//! The marker that ends an image: is it there, and where. Nothing is decoded.

/// Whether a JPEG file has its end-of-image marker; without it, it may have been cut short.
pub(super) fn has_end(bytes: &[u8]) -> bool {
    bytes.ends_with(&[0xff, END_OF_IMAGE]) || end(bytes).is_some()
}

const END_OF_IMAGE: u8 = 0xd9;

/// Where the image ends that the bytes begin with: behind its end-of-image marker.
pub(in crate::images) fn end(bytes: &[u8]) -> Option<usize> {
    const RESTART_FIRST: u8 = 0xd0;
    const START_OF_IMAGE: u8 = 0xd8;

    let mut rest = bytes;
    // In the encoded data between segments 0xff is always followed by 0 or a restart marker, so a plain
    // search works.
    while let Some(at) = next_ff(rest) {
        rest = &rest[at + 1..];
        match rest.first() {
            None => break,
            Some(&END_OF_IMAGE) => return Some(bytes.len() - rest.len() + 1),
            // 0xff is padding; the others have no length
            Some(0xff) => {}
            Some(0 | 1 | RESTART_FIRST..=START_OF_IMAGE) => rest = &rest[1..],
            Some(_) => {
                let Some(&[high, low]) = rest.get(1..3) else { break };
                let Some(after) = rest.get(1 + usize::from(u16::from_be_bytes([high, low]))..) else { break };
                rest = after;
            }
        }
    }
    None
}

/// The position of the next 0xff; blocks without one are passed over as a whole.
fn next_ff(bytes: &[u8]) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<64>();
    let is_plain = |block: &&[u8; 64]| !block.iter().fold(false, |any, &byte| any | (byte == 0xff));
    let start = 64 * blocks.iter().take_while(is_plain).count();
    Some(start + bytes[start..].iter().position(|&byte| byte == 0xff)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] =
        b"\xff\xd8\xff\xe1\0\x0aExif\0\0MM\xff\xda\0\x03x\x01\x02\xff\0\x03\xff\xd0\x04\xff\xff\xd9junk";

    #[test]
    fn the_end_is_found_and_any_cut_has_none() {
        assert!(has_end(FILE) && has_end(&FILE[..FILE.len() - 4]));
        assert_eq!(end(FILE), Some(FILE.len() - 4));
        let long = [&FILE[..4], b"\0\xff", &[7; 253], &FILE[4..]].concat();
        assert_eq!((end(&long), next_ff(&[7; 200])), (Some(long.len() - 4), None));
        for cut in 0..FILE.len() - 4 {
            assert!(!has_end(&FILE[..cut]), "cut at {cut}");
        }
    }

    #[test]
    fn an_end_marker_inside_a_segment_does_not_count() {
        assert!(!has_end(b"\xff\xd8\xff\xe1\0\x07\xff\xd9\xff\xd9\0"));
        assert!(!has_end(b"\xff\xd8\xff\xe1\0\0"));
    }
}
