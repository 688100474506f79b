//! Index files of faiss, written without it: `faiss.read_index_binary("codes.faiss")` searches the codes
//! exactly, and `faiss.read_index("latents.faiss")` the latents by their cosine. Results are row numbers of
//! `images.csv`.
//!
//! The formats are those of faiss's `impl/index_write.cpp`, little-endian and without padding:
//!
//! ```text
//! IndexBinaryFlat  "IBxF", d i32 (bits), code_size i32, ntotal i64, is_trained u8, metric i32 (1),
//!                  size u64 (bytes), codes
//! IndexFlatIP      "IxFI", d i32, ntotal i64, 2^20 i64 twice, is_trained u8, metric i32 (0),
//!                  size u64 (floats), vectors f32
//! ```

use std::io::{self, Write};
use std::path::Path;

use super::findings::{Exported, Findings, Written};
use super::options::ExportOptions;
use crate::error::Result;
use crate::explore::columns;
use crate::explore::rows::Rows;
use crate::explore::table::{Column, Table};
use crate::output::write_whole_with;

pub(super) fn write(rows: &Rows, found: &Findings, to: &Path, options: &ExportOptions) -> Result<Exported> {
    let numbers = Column::Integers((0..rows.len() as u32).map(Some).collect());
    let table = Table::default().with("row", numbers).and(columns::identity(rows));
    let table = table.and(found.table(rows, options, &options.parts)?);
    let mut paths = vec![to.join("codes.faiss")];
    let codes = columns::code_bytes(rows);
    write_whole_with(&paths[0], &mut |out| binary_flat(&codes, columns::code_size(rows), out))?;
    let size = rows.snapshot().latent_size();
    if size > 0 {
        paths.push(to.join("latents.faiss"));
        let latents = rows.latents()?;
        write_whole_with(&paths[1], &mut |out| flat_ip(&latents, size, out))?;
    }
    let images = to.join("images.csv");
    table.write(&images, options.texts)?;
    paths.push(images);
    let files = paths.iter().map(|path| Written::of(path, to)).collect::<Result<_>>()?;
    Ok(Exported { columns: table.names().collect(), files, skipped: Vec::new() })
}

/// IndexBinaryFlat of codes `[n, size]`.
fn binary_flat(codes: &[u8], size: usize, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let n = codes.len() / size.max(1);
    out.write_all(b"IBxF")?;
    out.write_all(&int(8 * size)?.to_le_bytes())?;
    out.write_all(&int(size)?.to_le_bytes())?;
    out.write_all(&(n as i64).to_le_bytes())?;
    out.write_all(&[1])?; // needs no training
    out.write_all(&1i32.to_le_bytes())?; // METRIC_L2, the metric of all binary indexes
    out.write_all(&(codes.len() as u64).to_le_bytes())?;
    out.write_all(codes)
}

/// IndexFlatIP of vectors `[n, size]`.
fn flat_ip(vectors: &[f32], size: usize, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let n = vectors.len() / size.max(1);
    out.write_all(b"IxFI")?;
    out.write_all(&int(size)?.to_le_bytes())?;
    out.write_all(&(n as i64).to_le_bytes())?;
    // two numbers that are not used any more
    out.write_all(&(1i64 << 20).to_le_bytes())?;
    out.write_all(&(1i64 << 20).to_le_bytes())?;
    out.write_all(&[1])?;
    out.write_all(&0i32.to_le_bytes())?; // METRIC_INNER_PRODUCT
    out.write_all(&(vectors.len() as u64).to_le_bytes())?;
    vectors.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
}

fn int(value: usize) -> io::Result<i32> {
    i32::try_from(value).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_what_faiss_writes() {
        let mut bytes = Vec::new();
        binary_flat(&[1, 2, 3, 4, 5, 6], 2, &mut bytes).unwrap();
        // faiss.write_index_binary of an IndexBinaryFlat(16) with these three codes
        let expected = b"IBxF\x10\0\0\0\x02\0\0\0\x03\0\0\0\0\0\0\0\x01\x01\0\0\0\x06\0\0\0\0\0\0\0\x01\x02\x03\x04\x05\x06";
        assert_eq!(bytes, expected);
    }

    #[test]
    fn latents_are_what_faiss_writes() {
        let mut bytes = Vec::new();
        flat_ip(&[1.0, 0.0, 0.0, -1.0], 2, &mut bytes).unwrap();
        // faiss.write_index of an IndexFlatIP(2) with these two vectors
        let expected = b"IxFI\x02\0\0\0\x02\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x10\0\0\0\0\0\x01\0\0\0\0\x04\0\0\0\0\0\0\0\
                         \0\0\x80\x3f\0\0\0\0\0\0\0\0\0\0\x80\xbf";
        assert_eq!(bytes, expected);
    }
}
