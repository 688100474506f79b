//! numpy's .npz, an array for each column, `numpy.load("table.npz")["x"]`; and .npy, version 1.0, with one
//! matrix.

use std::io::{self, Write};

use zip::write::{SimpleFileOptions, ZipWriter};

use super::column::{Column, Table};
use super::values::hex;

/// The header's end is aligned to this many bytes.
const ALIGN: usize = 64;

/// Writes a stored archive; a column in a column is called `image.path`.
pub(super) fn write(table: &Table, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut out = Sink { out, failed: None };
    let mut archive = ZipWriter::new_stream(&mut out);
    let written = table.columns.iter().try_for_each(|(name, column)| entry(&mut archive, name, column));
    let finished = archive.finish().map(drop).map_err(io::Error::other);
    out.failed.map_or(written.and(finished), Err)
}

/// Keeps the first error and then takes everything: an archive that cannot be finished says so on stderr.
struct Sink<'a> {
    out: &'a mut (dyn Write + Send),
    failed: Option<io::Error>,
}

impl Sink<'_> {
    fn keep<T>(&mut self, done: io::Result<T>, instead: T) -> io::Result<T> {
        match done {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.failed = Some(error);
                Ok(instead)
            }
            done => done,
        }
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.failed {
            Some(_) => Ok(bytes.len()),
            None => {
                let written = self.out.write(bytes);
                self.keep(written, bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.failed {
            Some(_) => Ok(()),
            None => {
                let flushed = self.out.flush();
                self.keep(flushed, ())
            }
        }
    }
}

/// An array of any type and shape.
#[derive(Debug)]
pub struct Array {
    name: String,
    descr: String,
    shape: String,
    bytes: Vec<u8>,
}

impl Array {
    /// An array of little-endian values of the type `descr`, such as `<f4`.
    pub fn new(name: &str, descr: &str, shape: &[usize], bytes: Vec<u8>) -> Array {
        let shape: String = shape.iter().map(|side| format!("{side}, ")).collect();
        let (name, descr, shape) = (name.to_owned(), descr.to_owned(), format!("({})", shape.trim_end()));
        Array { name, descr, shape, bytes }
    }

    /// Texts of UTF-8, padded with zeros.
    pub fn texts(name: &str, texts: Vec<Vec<u8>>) -> Array {
        let width = texts.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let padded = texts
            .iter()
            .flat_map(|text| text.iter().copied().chain(std::iter::repeat_n(0, width - text.len())));
        Array::new(name, &format!("|S{width}"), &[texts.len()], padded.collect())
    }
}

/// Writes arrays as a stored archive.
///
/// # Errors
/// Those of `out`.
pub fn write_npz(arrays: &[Array], out: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut out = Sink { out, failed: None };
    let mut archive = ZipWriter::new_stream(&mut out);
    let written = arrays.iter().try_for_each(|array| {
        start(&mut archive, &array.name)?;
        header(&array.descr, &array.shape, &mut archive)?;
        archive.write_all(&array.bytes)
    });
    let finished = archive.finish().map(drop).map_err(io::Error::other);
    out.failed.map_or(written.and(finished), Err)
}

fn start<W: Write + io::Seek>(archive: &mut ZipWriter<W>, name: &str) -> io::Result<()> {
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let options = stored.large_file(true).last_modified_time(zip::DateTime::default()); // the same bytes each time
    archive.start_file(format!("{name}.npy"), options).map_err(io::Error::other)
}

fn entry<W: Write + io::Seek>(archive: &mut ZipWriter<W>, name: &str, column: &Column) -> io::Result<()> {
    if let Column::Struct(fields) = column {
        return fields
            .iter()
            .try_for_each(|(field, column)| entry(archive, &format!("{name}.{field}"), column));
    }
    start(archive, name)?;
    array(column, archive)
}

/// A matrix `[rows, columns]` of little-endian values of the type `descr`, such as `<f4`.
pub(in crate::explore) fn matrix(
    descr: &str,
    [rows, columns]: [usize; 2],
    values: impl Iterator<Item = impl AsRef<[u8]>>,
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    header(descr, &format!("({rows}, {columns})"), out)?;
    values.into_iter().try_for_each(|value| out.write_all(value.as_ref()))
}

fn header(descr: &str, shape: &str, out: &mut dyn Write) -> io::Result<()> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let padded = (10 + header.len() + 1).next_multiple_of(ALIGN) - 10 - 1;
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&((padded + 1) as u16).to_le_bytes())?; // short: a type and two numbers
    writeln!(out, "{header:padded$}")
}

/// How wide a column is: bytes of a text, or numbers of a list or vector. numpy knows no texts of no bytes.
fn width(column: &Column) -> usize {
    let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    match column {
        Column::Texts(values) => longest(&mut values.iter().flatten().map(String::len)).max(1),
        Column::Bytes(values) => longest(&mut values.iter().flatten().map(|bytes| 2 * bytes.len())).max(1),
        Column::Lists(values) => longest(&mut values.iter().map(Vec::len)),
        Column::NumberLists(values) => longest(&mut values.iter().map(Vec::len)),
        Column::Vectors { size, .. } => *size,
        Column::Integers(_) | Column::Numbers(_) | Column::Struct(_) => 1,
    }
}

fn array(column: &Column, out: &mut dyn Write) -> io::Result<()> {
    let (rows, width) = (column.len(), width(column));
    let (one, many) = (format!("({rows},)"), format!("({rows}, {width})"));
    match column {
        Column::Texts(_) | Column::Bytes(_) => header(&format!("|S{width}"), &one, out)?,
        Column::Integers(_) => header("<i8", &one, out)?,
        Column::Lists(_) => header("<i4", &many, out)?,
        Column::NumberLists(_) | Column::Vectors { .. } => header("<f4", &many, out)?,
        Column::Numbers(_) | Column::Struct(_) => header("<f4", &one, out)?,
    }
    (0..rows).try_for_each(|row| value(column, row, width, out))
}

fn value(column: &Column, row: usize, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let text = |text: &[u8], out: &mut dyn Write| {
        out.write_all(text)?;
        out.write_all(&vec![0; width - text.len()])
    };
    match column {
        Column::Texts(values) => text(values[row].as_deref().unwrap_or_default().as_bytes(), out),
        Column::Bytes(values) => text(hex(values[row].as_deref().unwrap_or_default()).as_bytes(), out),
        Column::Integers(values) => out.write_all(&values[row].map_or(-1, i64::from).to_le_bytes()),
        Column::Numbers(values) => out.write_all(&values[row].unwrap_or(f32::NAN).to_le_bytes()),
        Column::Lists(values) => {
            let padding = std::iter::repeat_n(-1, width - values[row].len());
            let numbers = values[row].iter().map(|&number| i32::try_from(number).unwrap_or(i32::MAX));
            numbers.chain(padding).try_for_each(|number| out.write_all(&number.to_le_bytes()))
        }
        Column::NumberLists(values) => {
            let padding = std::iter::repeat_n(f32::NAN, width - values[row].len());
            let numbers = values[row].iter().copied().chain(padding);
            numbers.into_iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))
        }
        Column::Vectors { size, values } => {
            values[row * size..][..*size].iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))
        }
        Column::Struct(_) => Ok(()), // its fields are arrays of their own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many bytes, and how often it was written to when full.
    struct Disk(usize, usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                self.1 += 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = self.0.min(bytes.len());
            self.0 -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_an_error_and_nothing_more_is_written() {
        let table = Table::default()
            .with("x", Column::Integers(vec![Some(1); 40]))
            .with("y", Column::Integers(vec![Some(2); 40]));
        for room in [0, 10, 300, 500, 1_000] {
            let mut disk = Disk(room, 0);
            let error = write(&table, &mut disk).unwrap_err();
            assert_eq!((error.kind(), disk.1), (io::ErrorKind::StorageFull, 1), "{room}");
        }
        write(&table, &mut Disk(10_000, 0)).unwrap();
    }
}
