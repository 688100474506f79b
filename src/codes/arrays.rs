//! Rows as numpy arrays, one for each column, in an archive.

use std::io::{self, Write};

use aesearch_index::codes_to_bytes;

use super::head::Head;
use super::line::hex;
use super::row::Row;
use crate::explore::table::{Array, write_npz};
use crate::gallery::COLUMNS;
use crate::images::Stamp;

/// Columns of texts among those of what files know.
const TEXTS: [&str; 4] = ["camera", "format", "lens", "software"];

/// Writes the archive. There are no bits as text: `numpy.unpackbits(code, axis=1, bitorder='little')` gives them.
pub(super) fn write_arrays(rows: &[Row], head: &Head, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let n = rows.len();
    let images = || rows.iter().map(|row| &row.image);
    let (bits, size) = (head.layout.bits, head.layout.latent_size);
    let codes: Vec<u64> = images().flat_map(|image| image.code.iter().copied()).collect();
    let codes = codes_to_bytes(&codes, bits).map_err(io::Error::other)?;
    let longs = |name: &str, of: &dyn Fn(&Row) -> Option<i64>| {
        let bytes = rows.iter().flat_map(|row| of(row).unwrap_or(-1).to_le_bytes());
        Array::new(name, "<i8", &[n], bytes.collect())
    };
    let mut arrays = vec![
        Array::texts("path", images().map(|image| image.name.clone()).collect()),
        Array::texts("hash", images().map(|image| hex(image.stamp.hash).into_bytes()).collect()),
        Array::texts("label", images().map(|image| image.label.clone().unwrap_or_default().into()).collect()),
        Array::new("code", "|u1", &[n, bits.div_ceil(8)], codes),
    ];
    if size > 0 {
        let latents = images().flat_map(|image| image.latent.iter().flat_map(|x| x.to_le_bytes()));
        arrays.push(Array::new("latent", "|i1", &[n, size], latents.collect()));
        let scales = images().flat_map(|image| image.scale.to_le_bytes());
        arrays.push(Array::new("latent_scale", "<f4", &[n], scales.collect()));
    }
    if head.layout.fingerprints {
        // of different lengths: their bytes behind each other, and where each ends
        let all = rows.iter().flat_map(|row| row.fingerprint.iter().copied()).collect::<Vec<u8>>();
        let mut end = 0;
        let ends = rows.iter().flat_map(|row| {
            end += row.fingerprint.len() as i64;
            end.to_le_bytes()
        });
        arrays.push(Array::new("fingerprint_end", "<i8", &[n], ends.collect()));
        arrays.push(Array::new("fingerprint", "|u1", &[all.len()], all));
    }
    for name in COLUMNS {
        arrays.push(match name {
            name if TEXTS.contains(&name) => Array::texts(
                name,
                images().map(|image| image.text(name).unwrap_or_default().into()).collect(),
            ),
            "latitude" | "longitude" => {
                let degrees = |row: &Row| row.image.number(name).map_or(f64::NAN, |micro| micro as f64 / 1e6);
                let bytes = rows.iter().flat_map(|row| degrees(row).to_le_bytes());
                Array::new(name, "<f8", &[n], bytes.collect())
            }
            "date" => {
                let missing = i64::MIN; // NaT
                let bytes = images().flat_map(|image| image.number(name).unwrap_or(missing).to_le_bytes());
                Array::new(name, "<M8[s]", &[n], bytes.collect())
            }
            name => longs(name, &|row| row.image.number(name)),
        });
    }
    arrays.push(longs("size", &|row| i64::try_from(row.image.stamp.size).ok()));
    arrays.push(longs("mtime_ns", &|row| {
        Some(row.image.stamp.mtime_ns).filter(|time| *time != Stamp::IN_MEMORY)
    }));
    let metadata: Vec<(String, String)> = head.metadata();
    arrays.extend(metadata.into_iter().map(|(name, value)| Array::texts(&name, vec![value.into_bytes()])));
    write_npz(&arrays, out)
}
