//! Photoshop files, written here by the layout that Adobe describes. benches/formats.py compares more of them with
//! what psd-tools and Pillow read.

use aesearch::images::{Item, Limits, Pixels, decode, read};

use crate::formats::survives;

/// A file from its parts: numbers of the format for what samples mean, planes of samples as they are stored.
#[derive(Clone, Default)]
struct Psd {
    is_large: bool,
    is_packed: bool,
    mode: u16,
    bits: u16,
    size: (usize, usize),
    palette: Vec<u8>,
    resources: Vec<(u16, Vec<u8>)>,
    /// How many layers there are, if the file says.
    layers: Option<i16>,
    planes: Vec<Vec<u8>>,
}

impl Psd {
    fn new(mode: u16, bits: u16, size: (usize, usize), planes: &[&[u8]]) -> Psd {
        let planes = planes.iter().map(|plane| plane.to_vec()).collect();
        Psd { mode, bits, size, planes, ..Psd::default() }
    }

    fn with(mut self, id: u16, content: &[u8]) -> Psd {
        self.resources.push((id, content.to_vec()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let long = |value: usize| (value as u32).to_be_bytes();
        let length = |value: usize| {
            if self.is_large { (value as u64).to_be_bytes().to_vec() } else { long(value).to_vec() }
        };
        let mut file = b"8BPS\0\x01\0\0\0\0\0\0".to_vec();
        file[5] += u8::from(self.is_large);
        file.extend((self.planes.len() as u16).to_be_bytes());
        file.extend([long(self.size.1), long(self.size.0)].concat());
        file.extend([self.bits.to_be_bytes(), self.mode.to_be_bytes()].concat());
        file.extend([&long(self.palette.len()), &self.palette[..]].concat());
        let resources: Vec<u8> = self
            .resources
            .iter()
            .flat_map(|(id, content)| {
                let padding = vec![0; content.len() % 2];
                [
                    &b"8BIM"[..],
                    &id.to_be_bytes(),
                    &[2, b'x', b'y', 0],
                    &long(content.len()),
                    content,
                    &padding,
                ]
                .concat()
            })
            .collect();
        file.extend([&long(resources.len()), &resources[..]].concat());
        let count = self.layers.map(|count| [&count.to_be_bytes()[..], &[0; 2]].concat()).unwrap_or_default();
        // of more than 8 bits: no layers here, no global mask, then a block
        let layers = match (self.layers, self.bits > 8) {
            (None, _) => Vec::new(),
            (_, false) => [length(count.len()), count, vec![0; 4]].concat(),
            (_, true) => [length(0), vec![0; 4], b"8BIMLr16".to_vec(), length(count.len()), count].concat(),
        };
        file.extend([length(layers.len()), layers].concat());
        file.extend([0, u8::from(self.is_packed)]);
        if !self.is_packed {
            return [file, self.planes.concat()].concat();
        }
        let rows: Vec<Vec<u8>> =
            self.planes.iter().flat_map(|plane| plane.chunks(plane.len() / self.size.1)).map(pack).collect();
        for row in &rows {
            let digits = long(row.len());
            file.extend(if self.is_large { &digits[..] } else { &digits[2..] });
        }
        [file, rows.concat()].concat()
    }

    fn decoded(&self) -> Pixels {
        decode(&self.bytes(), &Limits::default()).expect("decodes")
    }

    fn refusal(&self) -> String {
        decode(&self.bytes(), &Limits::default()).unwrap_err()
    }
}

/// Apple's PackBits: each byte by itself, but those that follow each other alike.
fn pack(row: &[u8]) -> Vec<u8> {
    let runs = row.chunk_by(|a, b| a == b).flat_map(|run| run.chunks(100));
    runs.flat_map(|run| if run.len() == 1 { [0, run[0]] } else { [(257 - run.len()) as u8, run[0]] })
        .collect()
}

fn deep(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

fn light(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// Files of 3x2 pixels, and what is to be seen, by rows.
fn kinds() -> Vec<(&'static str, Psd, usize, Vec<u8>)> {
    let size = (3, 2);
    let [r, g, b]: [&[u8]; 3] = [&[255, 0, 0, 10, 7, 7], &[0, 255, 0, 20, 7, 8], &[0, 0, 255, 30, 7, 9]];
    let rgb = vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 7, 7, 7, 7, 8, 9];
    let finer = |plane: &[u8]| {
        deep(&plane.iter().map(|&value| u16::from(value) * 257 + u16::from(value < 100)).collect::<Vec<_>>())
    };
    let half = light(&[0.0, 0.5, 1.0, 2.0, -1.0, 0.002]);
    let mut indexed = Psd::new(2, 8, size, &[&[0, 1, 2, 2, 1, 0]]);
    indexed.palette = vec![0; 768];
    [(1, 200), (256 + 2, 100), (512, 50)].into_iter().for_each(|(at, value)| indexed.palette[at] = value);
    let hidden = indexed.clone().with(1047, &[0, 1]);
    let no_ink = [255; 6];
    let neutral = [128; 6];
    vec![
        ("bits", Psd::new(0, 1, size, &[&[0b0100_0000, 0b1011_1111]]), 1, vec![255, 0, 255, 0, 255, 0]),
        ("grey", Psd::new(1, 8, size, &[&[0, 9, 9, 9, 80, 255]]), 1, vec![0, 9, 9, 9, 80, 255]),
        ("duotone", Psd::new(8, 8, size, &[&[0, 9, 9, 9, 80, 255]]), 1, vec![0, 9, 9, 9, 80, 255]),
        (
            "grey of 16 bits",
            Psd::new(1, 16, size, &[&deep(&[0, 257, 300, 1000, 65_534, 65_535])]),
            1,
            vec![0, 1, 1, 4, 255, 255],
        ),
        ("grey of 32 bits", Psd::new(1, 32, size, &[&half]), 1, vec![0, 188, 255, 255, 0, 7]),
        ("palette", indexed, 3, vec![0, 0, 50, 200, 0, 0, 0, 100, 0, 0, 100, 0, 200, 0, 0, 0, 0, 50]),
        (
            "transparent index",
            hidden,
            3,
            vec![0, 0, 50, 255, 255, 255, 0, 100, 0, 0, 100, 0, 255, 255, 255, 0, 0, 50],
        ),
        ("colours", Psd::new(3, 8, size, &[r, g, b]), 3, rgb.clone()),
        ("colours of 16 bits", Psd::new(3, 16, size, &[&finer(r), &finer(g), &finer(b)]), 3, rgb),
        (
            "colours of 32 bits",
            Psd::new(3, 32, size, &[&half, &half, &half]),
            3,
            [0, 188, 255, 255, 0, 7].into_iter().flat_map(|v| [v; 3]).collect(),
        ),
        (
            "inks",
            Psd::new(
                4,
                8,
                size,
                &[&[255, 0, 255, 255, 255, 255], &no_ink, &no_ink, &[255, 255, 0, 204, 255, 255]],
            ),
            3,
            vec![255, 255, 255, 0, 255, 255, 0, 0, 0, 204, 204, 204, 255, 255, 255, 255, 255, 255],
        ),
        (
            "Lab",
            Psd::new(9, 8, size, &[&[0, 255, 0, 255, 0, 255], &neutral, &neutral]),
            3,
            [0, 255, 0, 255, 0, 255].into_iter().flat_map(|v| [v; 3]).collect(),
        ),
        (
            "Lab of 16 bits",
            Psd::new(
                9,
                16,
                size,
                &[&deep(&[0, 65_535, 0, 65_535, 0, 0]), &deep(&[32_768; 6]), &deep(&[32_768; 6])],
            ),
            3,
            [0, 255, 0, 255, 0, 0].into_iter().flat_map(|v| [v; 3]).collect(),
        ),
    ]
}

#[test]
fn pictures_of_all_kinds_are_read() {
    for (name, file, channels, expected) in kinds() {
        for (is_large, is_packed) in [(false, false), (false, true), (true, false), (true, true)] {
            let found = Psd { is_large, is_packed, ..file.clone() }.decoded();
            assert_eq!((found.width, found.height, found.channels), (3, 2, channels), "{name}");
            assert_eq!(found.data, expected, "{name}, large: {is_large}, packed: {is_packed}");
        }
    }
}

#[test]
fn transparent_pictures_look_as_on_white() {
    // red opaque, red half, nothing, stored as they look on white
    let planes: [&[u8]; 4] = [&[255, 255, 255], &[0, 127, 255], &[0, 127, 255], &[255, 128, 0]];
    let stored = [255, 0, 0, 255, 127, 127, 255, 255, 255];
    let size = (3, 1);
    for (layers, packed) in [(None, false), (Some(-1), true)] {
        let found = Psd { layers, is_packed: packed, ..Psd::new(3, 8, size, &planes) }.decoded();
        assert_eq!(found.data, stored, "{layers:?}");
    }
    let deep: Vec<Vec<u8>> =
        planes.iter().map(|plane| plane.iter().flat_map(|&v| [v, v]).collect()).collect();
    let deep: Vec<&[u8]> = deep.iter().map(Vec::as_slice).collect();
    let found = Psd { layers: Some(-3), ..Psd::new(3, 16, size, &deep) }.decoded();
    assert_eq!(found.data, stored);

    // white in part, which shows on black
    let white: [&[u8]; 4] = [&[255; 3], &[255; 3], &[255; 3], &[255, 128, 0]];
    assert_eq!(Psd::new(3, 8, size, &white).decoded().data, [255, 255, 255, 128, 128, 128, 0, 0, 0]);
    // not stored as on white
    let straight: [&[u8]; 2] = [&[0, 10, 0], &[255, 0, 0]];
    assert_eq!(Psd::new(1, 8, size, &straight).decoded().data, [0, 255, 255]);
}

#[test]
fn selections_are_not_transparency() {
    let planes: [&[u8]; 2] = [&[255, 10, 255], &[255, 0, 0]];
    let file = Psd::new(1, 8, (3, 1), &planes);
    for (layers, ids) in [(Some(2), None), (None, Some([0, 0, 0, 7])), (Some(0), Some([0, 0, 0, 9]))] {
        let mut file = Psd { layers, ..file.clone() };
        file.resources.extend(ids.map(|ids| (1053, ids.to_vec())));
        assert_eq!(file.decoded().data, planes[0], "{layers:?} {ids:?}");
    }
    let file = file.with(1053, &[0; 4]);
    // white, and nothing beside it, shows on black
    assert_eq!(file.decoded().data, [255, 0, 0]);
}

#[test]
fn profile_and_orientation_count() {
    let file = Psd::new(3, 8, (2, 1), &[&[200, 0], &[100, 0], &[50, 0]]);
    let profile = moxcms::ColorProfile::new_display_p3().encode().expect("encodes");
    let found = file.clone().with(1039, &profile).decoded();
    assert!(
        found.data.iter().zip([215, 93, 31, 0, 0, 0]).all(|(a, b): (&u8, u8)| a.abs_diff(b) <= 2),
        "{found:?}"
    );

    let turned = file.with(1058, b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
    let found = turned.decoded();
    assert_eq!((found.width, found.height, &found.data[..]), (1, 2, &[200, 100, 50, 0, 0, 0][..]));
    let facts = read(&Item::from_bytes("a", turned.bytes()), &Limits::default()).expect("reads").facts();
    assert_eq!((facts.format, facts.exif, facts.partial), ("psd", true, true));
}

#[test]
fn what_is_not_read_is_named() {
    let file = Psd::new(1, 8, (3, 1), &[&[255; 3]]);
    let unmerged = [0, 0, 0, 1, 0, 0, 0, 0, 0];
    let blank = Psd { layers: Some(2), ..file.clone().with(1057, &unmerged) };
    assert!(
        blank.refusal().starts_with("psd: unsupported: saved without a merged picture"),
        "{}",
        blank.refusal()
    );
    // without layers there is nothing else that was saved
    assert_eq!(file.clone().with(1057, &unmerged).decoded().data, [255; 3]);
    for (bytes, reason) in [
        ([0, 7, 0, 8], "psd: unsupported: inks of any kind"),
        ([0, 4, 0, 32], "psd: unsupported: mode 4 in 32 bits"),
        ([0, 99, 0, 8], "psd: damaged: mode 99"),
        ([0, 3, 0, 8], "psd: damaged: 3x1 pixels in 1 channels"),
    ] {
        let [mode, bits] = [[bytes[0], bytes[1]], [bytes[2], bytes[3]]].map(u16::from_be_bytes);
        let found = Psd { mode, bits, ..file.clone() }.refusal();
        assert!(found.starts_with(reason), "{found}");
    }
    let mut bytes = file.bytes();
    let at = bytes.len() - 4;
    for (method, reason) in [
        (2, "psd: unsupported: a merged picture packed by ZIP"),
        (9, "psd: damaged: its picture is packed by method 9"),
    ] {
        bytes[at] = method;
        let found = decode(&bytes, &Limits::default()).unwrap_err();
        assert!(found.starts_with(reason), "{found}");
    }
    let found = Psd { is_packed: true, size: (4, 1), ..file }.refusal();
    assert_eq!(found, "psd: damaged: row 0 of channel 0 is too short");
}

#[test]
fn limits_hold_before_anything_is_decoded() {
    let vast = Psd { size: (30_000, 30_000), ..Psd::new(3, 8, (1, 1), &[&[0], &[0], &[0]]) };
    assert_eq!(vast.refusal(), "psd: too large: 30000x30000 is 900 megapixels, the limit is 200");
    let empty = Psd { size: (0, 30_000), ..vast.clone() };
    assert_eq!(empty.refusal(), "psd: the image is 0x30000: it has no pixels");
    let claims = Psd { size: (10_000, 10_000), ..vast };
    assert_eq!(claims.refusal(), "psd: the file ends too early (truncated)");
}

#[test]
fn damage_of_any_kind_is_survived() {
    for (_, file, ..) in kinds() {
        let file = Psd {
            is_packed: true,
            layers: Some(-1),
            ..file.with(1057, &[0, 0, 0, 1, 1]).with(1058, b"II*\0")
        };
        survives(&file.bytes(), 1, 1);
    }
}
