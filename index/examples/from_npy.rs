//! From raw codes to an index: a .npy file of rows of bytes, as numpy's `packbits` and faiss' binary indexes
//! have them. The item in row `i` gets the name `i`.
//!
//! ```text
//! cargo run --release --example from_npy -- codes.npy index   # and then, the rows nearest to row 7:
//! cargo run --release --example from_npy -- codes.npy index 7
//! ```
//!
//! Without arguments it writes a small file of its own first, as `numpy.save` would.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use aesearch_index::{Item, Search, SegmentBuilder, Settings, Snapshot, Writer, codes_from_bytes, words};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Rows `[n, width]` of uint8, and how many bytes each has.
fn read_npy(path: &Path) -> Result<(Vec<u8>, usize)> {
    let wrong =
        |what: &str| format!("{}: {what}: expected a .npy file of uint8 [rows, bytes]", path.display());
    let mut file = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    // magic, version, the header's length (2 bytes in version 1, else 4), the header: a Python dictionary
    let (magic, version) = (file.get(..6), file.get(6).copied());
    if magic != Some(b"\x93NUMPY") {
        return Err(wrong("no .npy file").into());
    }
    let start = if version == Some(1) { 10 } else { 12 };
    let length = file.get(8..start).ok_or_else(|| wrong("header"))?;
    let length = length.iter().rev().fold(0, |length, &byte| length << 8 | usize::from(byte));
    let header = file.get(start..start + length).ok_or_else(|| wrong("header"))?;
    let header = String::from_utf8_lossy(header).into_owned();
    if !header.contains("'|u1'") || !header.contains("'fortran_order': False") {
        return Err(wrong(header.trim()).into());
    }
    let shape = header.split(['(', ')']).nth(1).unwrap_or_default();
    let shape: Vec<usize> = shape.split(',').filter_map(|size| size.trim().parse().ok()).collect();
    let rows = file.split_off(start + length);
    match shape[..] {
        [n, width] if width > 0 && rows.len() == n * width => Ok((rows, width)),
        _ => Err(wrong(header.trim()).into()),
    }
}

/// As `numpy.save(path, rows)`.
fn write_npy(path: &Path, rows: &[u8], width: usize) -> Result<()> {
    let shape = format!("({}, {width})", rows.len() / width);
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
    let header = format!("{header:<117}\n"); // so that the rows start at a multiple of 64
    let start = [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes()].concat();
    Ok(fs::write(path, [&start, header.as_bytes(), rows].concat())?)
}

fn build(codes: &Path, dir: &Path) -> Result<()> {
    let (rows, width) = read_npy(codes)?;
    let bits = width * 8;
    let codes = codes_from_bytes(&rows, bits)?;
    let mut builder = SegmentBuilder::new(&Settings { bits, ..Settings::default() })?;
    for (row, code) in codes.chunks_exact(words(bits)).enumerate() {
        // without names, `builder.push_codes(&codes)` adds all rows at once
        builder.push(Item::named(&row.to_string(), code))?;
    }
    Writer::lock(dir)?.replace(builder)?;
    println!("{} rows of {bits} bits", codes.len() / words(bits));
    Ok(())
}

fn search(codes: &Path, dir: &Path, row: usize) -> Result<()> {
    let (rows, width) = read_npy(codes)?;
    let query = rows.chunks_exact(width).nth(row).ok_or("there is no such row")?;
    let index = Snapshot::open(dir)?;
    for hit in index.search(&codes_from_bytes(query, index.bits())?, &Search { k: 5, ..Search::default() })? {
        println!("row {:>6}  {:3} bits", String::from_utf8_lossy(index.name(hit.id)), hit.distance);
    }
    Ok(())
}

fn main() -> Result<()> {
    let typed: Vec<String> = env::args().skip(1).collect();
    let path = |at: usize| typed.get(at).map(PathBuf::from);
    let (Some(codes), Some(dir)) = (path(0), path(1)) else {
        let [codes, dir] = ["rows.npy", "rows"].map(|name| env::temp_dir().join(name));
        let rows: Vec<u8> = (0..1000u32).flat_map(|i| (i * i).to_le_bytes().repeat(4)).collect();
        write_npy(&codes, &rows, 16)?;
        build(&codes, &dir)?;
        return search(&codes, &dir, 7);
    };
    match typed.get(2) {
        None => build(&codes, &dir),
        Some(row) => search(&codes, &dir, row.parse()?),
    }
}
