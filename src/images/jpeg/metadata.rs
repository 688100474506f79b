//! Blocks before the pixels of a JPEG file that say how it is to be seen: the colour profile and XMP.

/// The colour profile, put together from its pieces; none if one is missing.
pub(in crate::images) fn profile(bytes: &[u8]) -> Option<Vec<u8>> {
    const APP2: u8 = 0xe2;
    let mut pieces: Vec<(u8, u8, &[u8])> = segments(bytes)
        .filter(|(marker, _)| *marker == APP2)
        .filter_map(|(_, body)| match body.strip_prefix(b"ICC_PROFILE\0")? {
            [number, count, piece @ ..] => Some((*number, *count, piece)),
            _ => None,
        })
        .collect();
    pieces.sort_by_key(|(number, ..)| *number);
    let is_whole = |(index, (number, count, _)): (usize, &(u8, u8, &[u8]))| {
        usize::from(*number) == index + 1 && usize::from(*count) == pieces.len()
    };
    let found = !pieces.is_empty() && pieces.iter().enumerate().all(is_whole);
    found.then(|| pieces.iter().flat_map(|(_, _, piece)| *piece).copied().collect())
}

/// The XMP packet.
pub(in crate::images) fn xmp(bytes: &[u8]) -> Option<Vec<u8>> {
    const APP1: u8 = 0xe1;
    let mut found = segments(bytes).filter(|(marker, _)| *marker == APP1);
    found.find_map(|(_, body)| body.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0")).map(<[u8]>::to_vec)
}

/// Marker and content of each segment up to the first scan.
fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    const SCAN: u8 = 0xda;
    let mut rest = bytes.get(2..).unwrap_or_default();
    std::iter::from_fn(move || {
        while let [0xff, 0xff, ..] = rest {
            rest = &rest[1..];
        }
        let [0xff, marker, high, low, ..] = *rest else { return None };
        let end = 2 + usize::from(u16::from_be_bytes([high, low]));
        let body = rest.get(4..end).filter(|_| marker != SCAN)?;
        rest = &rest[end..];
        Some((marker, body))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &[u8] = b"\xff\xd8\xff\xe0\0\x03J";
    const FIRST: &[u8] = b"\xff\xe2\0\x12ICC_PROFILE\0\x01\x02ab";
    const SECOND: &[u8] = b"\xff\xff\xe2\0\x11ICC_PROFILE\0\x02\x02c";
    const SCAN: &[u8] = b"\xff\xda\0\x02";

    #[test]
    fn a_profile_is_put_together() {
        let of = |parts: &[&[u8]]| profile(&[START, &parts.concat()].concat());
        assert_eq!(of(&[FIRST, SECOND, SCAN]).unwrap(), b"abc");
        assert_eq!(of(&[SECOND, FIRST, SCAN]).unwrap(), b"abc");
        for missing in [&[FIRST][..], &[SECOND], &[FIRST, FIRST], &[FIRST, SCAN, SECOND], &[]] {
            assert_eq!(of(missing), None);
        }
    }

    #[test]
    fn xmp_is_found() {
        let body = b"http://ns.adobe.com/xap/1.0/\0<x/>";
        let file = [START, b"\xff\xe1\0", &[body.len() as u8 + 2], body, SCAN].concat();
        assert_eq!(xmp(&file).unwrap(), b"<x/>");
        (0..file.len() - SCAN.len()).for_each(|end| assert_eq!(xmp(&file[..end]), None));
    }
}
