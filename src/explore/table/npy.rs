//! numpy's .npy, version 1.0, as a structured array: `numpy.load("table.npy")["x"]`.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Column, Table};

/// The header's end is aligned to this many bytes.
const ALIGN: usize = 64;

pub(super) fn write(table: &Table, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let widths: Vec<usize> = table.columns.iter().map(|(_, column)| width(column)).collect();
    let mut fields = String::new();
    for ((name, column), width) in table.columns.iter().zip(&widths) {
        let comma = if fields.is_empty() { "" } else { ", " };
        let field = match column {
            Column::Texts(_) => format!("'|S{width}'"),
            Column::Integers(_) => "'<i8'".to_owned(),
            Column::Numbers(_) => "'<f4'".to_owned(),
            Column::Lists(_) => format!("'<i4', ({width},)"),
            Column::Vectors { .. } => format!("'<f4', ({width},)"),
        };
        let _ = write!(fields, "{comma}('{name}', {field})"); // into a String: nothing fails
    }
    let rows = table.len();
    let header = format!("{{'descr': [{fields}], 'fortran_order': False, 'shape': ({rows},), }}");
    let padded = (10 + header.len() + 1).next_multiple_of(ALIGN) - 10 - 1;
    let size = u16::try_from(padded + 1)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "too many columns for .npy"))?;
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&size.to_le_bytes())?;
    writeln!(out, "{header:padded$}")?;
    for row in 0..rows {
        for ((_, column), &width) in table.columns.iter().zip(&widths) {
            value(column, row, width, out)?;
        }
    }
    Ok(())
}

/// Bytes of a text, or numbers of a list or vector; numpy knows no texts of no bytes.
fn width(column: &Column) -> usize {
    match column {
        Column::Texts(values) => values.iter().flatten().map(String::len).max().unwrap_or(0).max(1),
        Column::Lists(values) => values.iter().map(Vec::len).max().unwrap_or(0),
        Column::Vectors { size, .. } => *size,
        Column::Integers(_) | Column::Numbers(_) => 1,
    }
}

fn value(column: &Column, row: usize, width: usize, out: &mut (dyn Write + Send)) -> io::Result<()> {
    match column {
        Column::Texts(values) => {
            let text = values[row].as_deref().unwrap_or_default().as_bytes();
            out.write_all(text)?;
            out.write_all(&vec![0; width - text.len()])
        }
        Column::Integers(values) => out.write_all(&values[row].map_or(-1, i64::from).to_le_bytes()),
        Column::Numbers(values) => out.write_all(&values[row].unwrap_or(f32::NAN).to_le_bytes()),
        Column::Lists(values) => {
            let padding = std::iter::repeat_n(-1, width - values[row].len());
            let numbers = values[row].iter().map(|&number| i32::try_from(number).unwrap_or(i32::MAX));
            numbers.chain(padding).try_for_each(|number| out.write_all(&number.to_le_bytes()))
        }
        Column::Vectors { size, values } => {
            values[row * size..][..*size].iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))
        }
    }
}
