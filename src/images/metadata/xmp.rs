//! Reads values of an XMP packet that stand as an attribute or an element. The packet is not parsed as XML.

use super::exif::date;

/// Most bytes of a value that are read.
const MOST_TEXT: usize = 200;

/// How the image is to be turned, 1 to 8.
pub(super) fn orientation(packet: &[u8]) -> Option<u8> {
    match value(packet, b"tiff:Orientation")?.as_bytes() {
        [digit @ b'1'..=b'8'] => Some(digit - b'0'),
        _ => None,
    }
}

/// When the picture was taken.
pub(super) fn taken(packet: &[u8]) -> Option<String> {
    let names: [&[u8]; 2] = [b"exif:DateTimeOriginal", b"photoshop:DateCreated"];
    names.into_iter().find_map(|name| date(&value(packet, name)?))
}

/// Stars, 1 to 5.
pub(super) fn rating(packet: &[u8]) -> Option<u8> {
    value(packet, b"xmp:Rating")?.parse().ok().filter(|rating| (1..=5).contains(rating))
}

/// Latitude and longitude.
pub(super) fn place(packet: &[u8]) -> Option<[String; 2]> {
    Some([value(packet, b"exif:GPSLatitude")?, value(packet, b"exif:GPSLongitude")?])
}

/// Keywords, as they stand in the list `dc:subject`.
pub(super) fn tags(packet: &[u8]) -> Vec<String> {
    /// More are not read.
    const MOST: usize = 1000;
    let find = |text: &[u8], mark: &[u8]| text.windows(mark.len()).position(|window| window == mark);
    let Some(start) = find(packet, b"<dc:subject") else { return Vec::new() };
    let list = &packet[start..];
    let mut list = &list[..find(list, b"</dc:subject").unwrap_or(0)];
    let mut tags = Vec::new();
    while let Some(at) = find(list, b"<rdf:li").filter(|_| tags.len() < MOST) {
        list = &list[at..];
        tags.extend(value(list, b"<rdf:li"));
        list = &list[1..];
    }
    tags.sort();
    tags.dedup();
    tags
}

pub(super) fn make(packet: &[u8]) -> Option<String> {
    value(packet, b"tiff:Make")
}

pub(super) fn model(packet: &[u8]) -> Option<String> {
    value(packet, b"tiff:Model")
}

pub(super) fn lens(packet: &[u8]) -> Option<String> {
    value(packet, b"exifEX:LensModel").or_else(|| value(packet, b"aux:Lens"))
}

pub(super) fn software(packet: &[u8]) -> Option<String> {
    value(packet, b"tiff:Software").or_else(|| value(packet, b"xmp:CreatorTool"))
}

/// The text after a name; none if it is empty or does not end.
fn value(packet: &[u8], name: &[u8]) -> Option<String> {
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'=' | b'"' | b'\'' | b'>');
    let texts = packet.windows(name.len()).enumerate().filter(|(_, window)| *window == name);
    // a longer name may begin alike
    let text =
        texts.map(|(at, _)| &packet[at + name.len()..]).find(|text| text.first().is_some_and(is_between))?;
    let between = text.iter().take(MOST_TEXT).take_while(|byte| is_between(byte)).count();
    let text = &text[between..];
    let end = text.iter().take(MOST_TEXT).position(|byte| matches!(byte, b'"' | b'\'' | b'<'))?;
    let text = std::str::from_utf8(&text[..end]).ok()?.trim();
    (!text.is_empty()).then(|| unescaped(text))
}

fn unescaped(text: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    named.iter().fold(text.to_owned(), |text, (name, character)| text.replace(name, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_two_forms() {
        assert_eq!(orientation(b"<tiff:Orientation>3</tiff:Orientation>"), Some(3));
        assert_eq!(orientation(b"x tiff:Orientation = '5' y"), Some(5));
        for none in [
            "",
            "tiff:Orientation",
            "tiff:Orientation=\"9\"",
            "tiff:Orientation=\"\" x=\"1\"",
            "tiff:Orientation=\"6",
        ] {
            assert_eq!(orientation(none.as_bytes()), None, "{none}");
        }
        let packet = b"<a tiff:Make='Cam &amp; Co' exif:DateTimeOriginal=\"2019-07-04T12:00:00+02:00\"/>";
        assert_eq!((make(packet).as_deref(), model(packet)), (Some("Cam & Co"), None));
        assert_eq!(make(b"<tiff:MakeX>1</tiff:MakeX><tiff:Make>2</tiff:Make>").as_deref(), Some("2"));
        assert_eq!(taken(packet).as_deref(), Some("2019-07-04T12:00:00"));
        let packet =
            b"<x xmp:Rating='4' exif:GPSLatitude='52,30.5N' exif:GPSLongitude='13,24E'><dc:subject><rdf:Bag>\
            <rdf:li>sea</rdf:li><rdf:li>Anna &amp; Ben</rdf:li></rdf:Bag></dc:subject>";
        assert_eq!((rating(packet), tags(packet)), (Some(4), vec!["Anna & Ben".into(), "sea".into()]));
        assert_eq!(place(packet), Some(["52,30.5N".to_owned(), "13,24E".to_owned()]));
        assert_eq!((rating(b"xmp:Rating='9'"), tags(b"<dc:subject><rdf:li>open").len()), (None, 0));
        let long = [&b"tiff:Make=\""[..], &[b'a'; 300], b"\""].concat();
        assert_eq!(make(&long), None);
    }
}
