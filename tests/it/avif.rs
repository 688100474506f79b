//! AVIF files that say something else than they hold, made of hand-written boxes, and planes of red, green and blue.

use std::path::Path;

use aesearch::images::{Decoding, Item, Limits, MemoryBudget, Pixels, decode, read};

fn file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/avif");
    std::fs::read(folder.join(name)).expect("the file is there")
}

fn decode_file(name: &str) -> Pixels {
    decode(&file(name), &Limits::default()).expect(name)
}

/// An item: kind, the size that is said of it, tiles, whether it is the alpha of the first.
type AnItem<'a> = (&'a [u8; 4], [u32; 2], &'a [u16], bool);

/// A file of items, the first one primary, and their data.
fn of_items(items: &[AnItem], data: &[Vec<u8>]) -> Vec<u8> {
    let a_box = |name: &[u8], content: Vec<u8>| {
        [&(content.len() as u32 + 8).to_be_bytes()[..], name, &content].concat()
    };
    let full = |name: &[u8], content: Vec<u8>| a_box(name, [vec![0; 4], content].concat());
    let mut file = a_box(b"ftyp", b"avif\0\0\0\0avifmif1".to_vec());
    let count = (items.len() as u16).to_be_bytes();
    let (mut info, mut places) = (count.to_vec(), [0x44, 0, count[0], count[1]].to_vec());
    let (mut properties, mut belongs) = (Vec::new(), [0, 0, count[0], count[1]].to_vec());
    let mut references = vec![0; 4];
    let mut at = file.len() as u32 + 8;
    for (number, (&(kind, size, tiles, is_alpha), data)) in (1_u16..).zip(items.iter().zip(data)) {
        let id = number.to_be_bytes();
        let entry = [&[2, 0, 0, 0], &id[..], &[0; 2], kind, &[0]].concat();
        info.extend(a_box(b"infe", entry));
        let length = data.len() as u32;
        places.extend([&id[..], &[0, 0, 0, 1], &at.to_be_bytes(), &length.to_be_bytes()].concat());
        at += length;
        let size = size.map(u32::to_be_bytes).concat();
        properties.extend(full(b"ispe", size));
        let kind = if is_alpha { &b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"[..] } else { b"none\0" };
        properties.extend(full(b"auxC", kind.to_vec()));
        let first = number as u8 * 2 - 1;
        belongs.extend([&id[..], &[2, first, first + 1]].concat());
        let parts: Vec<u8> = tiles.iter().flat_map(|id| id.to_be_bytes()).collect();
        let reference = [&id[..], &(tiles.len() as u16).to_be_bytes(), &parts].concat();
        references.extend(if tiles.is_empty() { vec![] } else { a_box(b"dimg", reference) });
        references.extend(if is_alpha { a_box(b"auxl", [&id[..], &[0, 1, 0, 1]].concat()) } else { vec![] });
    }
    let handler = [&[0; 4], &b"pict"[..], &[0; 13]].concat();
    let properties = [a_box(b"ipco", properties), full(b"ipma", belongs)].concat();
    let boxes = [
        full(b"hdlr", handler),
        full(b"pitm", vec![0, 1]),
        full(b"iinf", info),
        full(b"iloc", places),
        a_box(b"iref", references),
        a_box(b"iprp", properties),
    ];
    file.extend(a_box(b"mdat", data.concat()));
    file.extend(full(b"meta", boxes.concat()));
    file
}

#[test]
fn tiles_and_alpha_have_limits_too() {
    let whole = file("420.avif");
    let start = whole.windows(4).position(|name| name == b"mdat").expect("is there") + 4;
    let coded = || whole[start..].to_vec();
    let grid = |columns: u8, [width, height]: [u32; 2]| {
        [&[0, 1, 0, columns - 1][..], &width.to_be_bytes(), &height.to_be_bytes()].concat()
    };
    let (size, huge) = ([91, 67], [65_535, 65_535]);
    let two = of_items(
        &[(b"grid", [182, 67], &[2, 3], false), (b"av01", size, &[], false), (b"av01", size, &[], false)],
        &[grid(2, [182, 67]), coded(), coded()],
    );
    let found = decode(&two, &Limits::default()).expect("decodes");
    assert_eq!((found.width, found.height), (182, 67));
    let tile = decode_file("420.avif");
    assert!(
        found.data.chunks(91 * 3).zip(tile.data.chunks(91 * 3).flat_map(|row| [row; 2])).all(|(a, b)| a == b)
    );

    let reason = |file: &[u8]| decode(file, &Limits::default()).unwrap_err();
    let tiles_are_huge =
        of_items(&[(b"grid", size, &[2], false), (b"av01", huge, &[], false)], &[grid(1, size), coded()]);
    assert!(reason(&tiles_are_huge).starts_with("avif: too large: 65535x65535"));
    let too_few = of_items(
        &[(b"grid", [92, 67], &[2], false), (b"av01", size, &[], false)],
        &[grid(1, [92, 67]), coded()],
    );
    assert_eq!(reason(&too_few), "avif: damaged: tiles do not cover the picture");
    let of_another_size = "avif: unsupported: an alpha of another size than the picture";
    let alpha_is_huge =
        of_items(&[(b"av01", size, &[], false), (b"av01", huge, &[], true)], &[coded(), coded()]);
    assert_eq!(reason(&alpha_is_huge), of_another_size);
    let grid_of_alpha = of_items(
        &[(b"av01", size, &[], false), (b"grid", size, &[1], true)],
        &[coded(), grid(1, [u32::MAX; 2])],
    );
    assert_eq!(reason(&grid_of_alpha), of_another_size);
    // nothing but what the file says holds any more
    let limits = Limits { max_pixels: u64::MAX, max_decoded_bytes: u64::MAX, ..Limits::default() };
    let how = Decoding { limits, budget: MemoryBudget::new(64 << 20), ..Decoding::default() };
    for size in [[4000, 4000], huge, [u32::MAX; 2]] {
        let tile = of_items(
            &[(b"grid", [91, 67], &[2], false), (b"av01", size, &[], false)],
            &[grid(1, [91, 67]), coded()],
        );
        let reason = read(&Item::from_bytes("a", tile), &limits).unwrap().decode(&how).unwrap_err();
        assert!(reason.contains("`max_memory`"), "{reason}");
        let one = of_items(&[(b"av01", size, &[], false)], &[coded()]);
        let reason = decode(&one, &limits).unwrap_err();
        assert!(reason.starts_with("avif: damaged: a picture of 91x67 where the file says"), "{reason}");
    }
}

#[test]
fn planes_of_red_green_and_blue_are_exact() {
    // libavif's pixels of a file without loss
    let expected = decode(&file("identity.png"), &Limits::default()).expect("decodes");
    assert_eq!(decode_file("identity.avif"), expected);
    let mut limited = file("identity.avif");
    let at = limited.windows(4).position(|name| name == b"nclx").expect("is there");
    limited[at + 10] = 0;
    let found = decode(&limited, &Limits::default()).expect("decodes");
    let wide = |code: u8| ((f32::from(code) - 16.0) * 255.0 / 219.0).round() as u8;
    assert_eq!(found.data, expected.data.into_iter().map(wide).collect::<Vec<_>>());
}
