//! NumPy's arrays on disk, .npy: a header in the syntax of Python, then the bytes.
//!
//! Images are `uint8`, `[N, H, W]` or `[N, H, W, 1 | 3]`, in C order; labels are integers of any width, `[N]`
//! or `[N, 1]`. Anything else is refused with a description of what it is. Format: NumPy Enhancement Proposal
//! 1.

use std::io::Read;
use std::path::Path;

use super::arrays::{Arrays, Block, RecordLayout, images_of, shown};
use super::file::FileAt;
use super::labels::Labels;
use super::skips::MAX_ENTRIES;
use super::stream::{Content, Packed};
use crate::images::Skipped;
use crate::images::plain_file::io_reason;

/// The first bytes of such a file.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// Longest header, in bytes; the default limit of NumPy is 10,000.
const MAX_HEADER: usize = 1 << 16;

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// `|u1` is `uint8`.
    dtype: String,
    fortran: bool,
    pub(super) shape: Vec<u64>,
    /// Bytes before the array's.
    pub(super) start: u64,
}

/// What an array can be used for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Images: how many, their height, width and channels, and the bytes of all of them.
    Images(usize, [usize; 3], u64),
    /// Whole numbers, one for each image.
    Labels(usize),
    /// Images by their shape, but not usable.
    Refused(String),
    /// Anything else, described.
    Other(String),
}

impl Header {
    /// Reads a header from the start of a stream, no byte more.
    ///
    /// # Errors
    /// The reason why it is not a header.
    pub(super) fn read(stream: &mut dyn Read) -> Result<Self, String> {
        let mut head = [0; 8];
        stream.read_exact(&mut head).map_err(io_reason)?;
        if !head.starts_with(MAGIC) {
            return Err("not an npy array".to_owned());
        }
        let mut len = [0; 4];
        let width = if head[6] == 1 { 2 } else { 4 };
        stream.read_exact(&mut len[..width]).map_err(io_reason)?;
        let len = u32::from_le_bytes(len) as usize;
        if len > MAX_HEADER {
            return Err(format!("damaged: a header of {len} bytes"));
        }
        let mut text = vec![0; len];
        stream.read_exact(&mut text).map_err(io_reason)?;
        let start = (8 + width + len) as u64;
        parse(&String::from_utf8_lossy(&text), start)
            .ok_or_else(|| "damaged: its header cannot be parsed".to_owned())
    }

    /// What the array is.
    pub(super) fn role(&self) -> Role {
        let what = || format!("{} of dtype {}", shown(&self.shape), self.dtype);
        let is_image_shape = matches!(self.shape[..], [_, _, _] | [_, _, _, 1 | 3]);
        match self.shape[..] {
            [n] | [n, 1] if self.integer_width().is_some() && n <= MAX_ENTRIES => Role::Labels(n as usize),
            _ if !is_image_shape => Role::Other(format!(
                "expected images, [N, H, W] or [N, H, W, 1 or 3] of uint8, got {}",
                what()
            )),
            _ if !matches!(&*self.dtype, "|u1" | "u1" | "<u1" | ">u1") => {
                Role::Refused(format!("expected images of uint8, got {}", what()))
            }
            _ if self.fortran => Role::Refused("in fortran order: save it in C order".to_owned()),
            _ => match images_of(&self.shape) {
                Some(Ok((n, shape, bytes))) => Role::Images(n, shape, bytes),
                Some(Err(reason)) => Role::Refused(reason),
                None => Role::Other(what()),
            },
        }
    }

    /// Bytes of one number, if these are whole numbers.
    fn integer_width(&self) -> Option<usize> {
        let width = self.dtype.trim_start_matches(['|', '<', '>', '=']).strip_prefix(['u', 'i'])?;
        width.parse().ok().filter(|width| [1, 2, 4, 8].contains(width))
    }

    /// The numbers of an array of [`Role::Labels`], from a stream positioned after the header.
    pub(super) fn read_numbers(&self, stream: &mut dyn Read) -> Result<Vec<i64>, String> {
        let Role::Labels(n) = self.role() else { return Err("no labels".to_owned()) };
        let width = self.integer_width().unwrap_or(1);
        let (signed, big) = (self.dtype.contains('i'), self.dtype.starts_with('>'));
        let mut bytes = Vec::new();
        stream.take((n * width) as u64).read_to_end(&mut bytes).map_err(io_reason)?;
        if bytes.len() < n * width {
            return Err(format!("{n} labels take {} bytes, the file holds less", n * width));
        }
        let number = |bytes: &[u8]| {
            let mut wide = [0; 8];
            wide[..width].copy_from_slice(bytes);
            if big {
                wide[..width].reverse();
            }
            let unused = 64 - 8 * width as u32;
            let value = i64::from_le_bytes(wide);
            if signed { value << unused >> unused } else { value }
        };
        Ok(bytes.chunks_exact(width).map(number).collect())
    }
}

/// `{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }`.
fn parse(text: &str, start: u64) -> Option<Header> {
    let after = |key: &str| {
        let quoted = [format!("'{key}'"), format!("\"{key}\"")];
        let (at, key) = quoted.iter().find_map(|key| Some((text.find(key.as_str())?, key)))?;
        text[at + key.len()..].trim_start().strip_prefix(':').map(str::trim_start)
    };
    let descr = after("descr")?;
    let dtype = match descr.strip_prefix(['\'', '"']) {
        Some(rest) => rest.split(['\'', '"']).next()?,
        // a list of fields
        None => "a record",
    };
    let fortran = after("fortran_order")?.starts_with("True");
    let (sides, _) = after("shape")?.strip_prefix('(')?.split_once(')')?;
    let sides = sides.split(',').map(str::trim).filter(|side| !side.is_empty());
    let shape = sides.map(|side| side.trim_end_matches('L').parse().ok()).collect::<Option<Vec<u64>>>()?;
    let dtype = dtype.chars().take(32).collect();
    (shape.len() <= 32).then_some(Header { dtype, fortran, shape, start })
}

/// The images of an .npy file, and what is wrong with the labels beside them. The error says why there are
/// none, and whether it is a file of images at all.
pub(super) fn open(file: &FileAt) -> Result<(Arrays, Vec<Skipped>), (String, bool)> {
    let header = Header::read(&mut file.from(0)).map_err(|reason| (format!("npy: {reason}"), true))?;
    let (n_images, shape, bytes) = match header.role() {
        Role::Images(n, shape, bytes) => (n, shape, bytes),
        Role::Refused(reason) => return Err((format!("npy: {reason}"), true)),
        Role::Other(reason) => return Err((format!("npy: {reason}"), false)),
        Role::Labels(_) => return Err(("npy: labels or numbers, not images".to_owned(), false)),
    };
    let end = header.start.saturating_add(bytes);
    if end != file.len() {
        let takes = shown(&header.shape);
        return Err((format!("npy: {takes} takes {end} bytes, the file has {}", file.len()), true));
    }
    let mut skipped = Vec::new();
    let labels = labels_beside(file.path(), n_images, &mut skipped);
    let content = Content::new(Packed::Plain(file.clone(), 0), end);
    let (name, layout) = (String::new(), RecordLayout::default());
    Ok((
        Arrays::new(vec![Block { name, n_images, shape, layout, content, start: header.start, labels }]),
        skipped,
    ))
}

fn labels_beside(images: &Path, n_images: usize, skipped: &mut Vec<Skipped>) -> Option<Labels> {
    let stem = images.file_stem()?.to_str()?;
    let beside = partners(stem).into_iter().map(|name| images.with_file_name(format!("{name}.npy")));
    for path in beside.filter(|path| path.is_file()) {
        let read = || {
            let mut stream = FileAt::new(&path)?.from(0);
            let header = Header::read(&mut stream)?;
            match header.role() {
                Role::Labels(n) if n == n_images => header.read_numbers(&mut stream).map(Some),
                Role::Labels(n) => Err(format!("expected {n_images} labels, got {n}")),
                _ => Ok(None),
            }
        };
        match read() {
            Ok(Some(numbers)) => return Some(Labels::of_numbers(numbers, &[])),
            Ok(None) => {}
            Err(reason) => {
                let reason = format!("npy: {reason}: used without labels");
                skipped.push(Skipped::new(path.as_os_str().as_encoded_bytes(), reason));
                return None;
            }
        }
    }
    None
}

/// Possible names of the labels of an array of images, the likeliest first: `y_train` for `x_train`,
/// `test_labels` for `test_images`, `arr_1` for `arr_0`.
pub(super) fn partners(images: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (word, others) in [
        ("images", ["labels", "targets"]),
        ("Images", ["Labels", "Targets"]),
        ("image", ["label", "target"]),
        ("imgs", ["labels", "targets"]),
        ("data", ["labels", "targets"]),
    ] {
        if let Some((before, after)) = images.rsplit_once(word) {
            names.extend(others.map(|other| format!("{before}{other}{after}")));
        }
    }
    let swapped = |from: &str, to: &str| {
        let parts = images.split('_').map(|part| if part == from { to } else { part });
        parts.collect::<Vec<_>>().join("_")
    };
    names.extend([("x", "y"), ("X", "y"), ("X", "Y")].map(|(from, to)| swapped(from, to)));
    if let Some(next) = images.strip_prefix("arr_").and_then(|n| n.parse::<u32>().ok()?.checked_add(1)) {
        names.push(format!("arr_{next}"));
    }
    if names.iter().all(|name| name == images) || matches!(images, "images" | "data" | "x" | "X") {
        names.extend(["labels", "label", "y", "targets"].map(str::to_owned));
    }
    names.retain(|name| name != images);
    names
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::images::containers::tests::written;

    pub(in crate::images::containers) fn npy(dtype: &str, shape: &str, content: &[u8]) -> Vec<u8> {
        let dict = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}");
        let pad = 64 - (10 + dict.len() + 1) % 64;
        let text = format!("{dict}{}\n", " ".repeat(pad));
        let len = (text.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\0", &len[..], text.as_bytes(), content].concat()
    }

    fn reason(file: &[u8]) -> (String, bool) {
        let (_dir, path) = written("x.npy", file);
        open(&FileAt::new(&path).unwrap()).map(|_| ()).unwrap_err()
    }

    #[test]
    fn headers() {
        let header = Header::read(&mut &npy("<i4", "(2, 3)", &[])[..]).unwrap();
        assert_eq!((&*header.dtype, header.fortran, &header.shape[..]), ("<i4", false, &[2, 3][..]));
        assert_eq!(header.start % 64, 0);
        assert_eq!(
            parse("{'shape': (5,), \"fortran_order\": True, 'descr': [('a', '<f4')]}", 0).unwrap().shape,
            [5]
        );
        for wrong in ["", "{}", "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}", "{'descr': 'é'"]
        {
            assert!(parse(wrong, 0).is_none(), "{wrong}");
        }
        let huge = [b"\x93NUMPY\x02\0", &u32::MAX.to_le_bytes()[..]].concat();
        assert!(Header::read(&mut &huge[..]).unwrap_err().contains("header"));
    }

    #[test]
    fn what_is_not_images_says_what_it_is() {
        assert_eq!(
            reason(&npy("|u1", "(2, 2)", &[0; 4])),
            (
                "npy: expected images, [N, H, W] or [N, H, W, 1 or 3] of uint8, got 2x2 of dtype |u1".into(),
                false
            )
        );
        assert!(reason(&npy("<f4", "(1, 1, 1)", &[0; 4])).0.contains("of dtype <f4"));
        assert!(!reason(&npy("<i8", "(1,)", &[0; 8])).1);
        assert!(reason(&npy("|u1", "(1, 2, 3, 2)", &[0; 12])).0.contains("expected images"));
        assert!(reason(&npy("|u1", "(4294967296, 4294967296, 1)", &[])).0.contains("claims"));
        let fortran = String::from_utf8_lossy(&npy("|u1", "(1, 1, 1)", &[])[10..]).replace("False", "True ");
        let header = parse(&fortran, 0).unwrap();
        assert_eq!(header.role(), Role::Refused("in fortran order: save it in C order".into()));
    }

    #[test]
    fn every_cut_is_refused() {
        let file = npy("|u1", "(2, 1, 2)", &[1, 2, 3, 4]);
        let (_dir, path) = written("x.npy", &file);
        assert!(open(&FileAt::new(&path).unwrap()).is_ok());
        for cut in 0..file.len() {
            reason(&file[..cut]);
        }
        reason(&[&file[..], b"x"].concat());
    }

    #[test]
    fn numbers_of_every_width() {
        for (dtype, bytes, value) in [
            ("|u1", &[200][..], 200),
            ("|i1", &[200], -56),
            ("<i2", &[254, 255], -2),
            (">u2", &[1, 2], 258),
            (">i4", &[255, 255, 255, 253], -3),
            ("<i8", &[5, 0, 0, 0, 0, 0, 0, 0], 5),
        ] {
            let file = npy(dtype, "(1,)", bytes);
            let mut stream = &file[..];
            let header = Header::read(&mut stream).unwrap();
            assert_eq!(header.read_numbers(&mut stream), Ok(vec![value]), "{dtype}");
            assert!(header.read_numbers(&mut &b""[..]).is_err());
        }
    }

    #[test]
    fn partners_by_name() {
        for (images, labels) in [
            ("x_train", "y_train"),
            ("train_images", "train_labels"),
            ("arr_0", "arr_1"),
            ("X", "y"),
            ("test_x", "test_y"),
            ("images", "labels"),
            ("mnist", "labels"),
        ] {
            assert!(partners(images).iter().any(|name| name == labels), "{images}: {:?}", partners(images));
        }
    }
}
