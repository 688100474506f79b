//! numpy's .npy, version 1.0, as a structured array: `numpy.load("table.npy")["x"]`.

use std::io::{self, Write};

use super::column::{Column, Table};
use super::values::hex;

/// The header's end is aligned to this many bytes.
const ALIGN: usize = 64;

pub(super) fn write(table: &Table, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let widths: Vec<Width> = table.columns.iter().map(|(_, column)| Width::of(column)).collect();
    let fields = fields(&table.columns, &widths);
    let rows = table.len();
    let header = format!("{{'descr': {fields}, 'fortran_order': False, 'shape': ({rows},), }}");
    let padded = (10 + header.len() + 1).next_multiple_of(ALIGN) - 10 - 1;
    let size = u16::try_from(padded + 1)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "too many columns for .npy"))?;
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&size.to_le_bytes())?;
    writeln!(out, "{header:padded$}")?;
    for row in 0..rows {
        for ((_, column), width) in table.columns.iter().zip(&widths) {
            value(column, row, width, out)?;
        }
    }
    Ok(())
}

/// How wide a column is.
enum Width {
    /// Bytes of a text, or numbers of a list or vector.
    Of(usize),
    /// Those of a struct's fields.
    Fields(Vec<Width>),
}

impl Width {
    /// Of a column; numpy knows no texts of no bytes.
    fn of(column: &Column) -> Width {
        let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
        Width::Of(match column {
            Column::Texts(values) => longest(&mut values.iter().flatten().map(String::len)).max(1),
            Column::Bytes(values) => {
                longest(&mut values.iter().flatten().map(|bytes| 2 * bytes.len())).max(1)
            }
            Column::Lists(values) => longest(&mut values.iter().map(Vec::len)),
            Column::NumberLists(values) => longest(&mut values.iter().map(Vec::len)),
            Column::Vectors { size, .. } => *size,
            Column::Integers(_) | Column::Numbers(_) => 1,
            Column::Struct(fields) => {
                return Width::Fields(fields.iter().map(|(_, column)| Width::of(column)).collect());
            }
        })
    }
}

/// The dtype of columns: `[('x', '<f4'), ('latent', '<f4', (64,))]`.
fn fields(columns: &[(&'static str, Column)], widths: &[Width]) -> String {
    let fields = columns.iter().zip(widths).map(|((name, column), width)| match (column, width) {
        (Column::Struct(inner), Width::Fields(widths)) => format!("('{name}', {})", fields(inner, widths)),
        (Column::Texts(_) | Column::Bytes(_), Width::Of(width)) => format!("('{name}', '|S{width}')"),
        (Column::Integers(_), _) => format!("('{name}', '<i8')"),
        (Column::Lists(_), Width::Of(width)) => format!("('{name}', '<i4', ({width},))"),
        (Column::NumberLists(_) | Column::Vectors { .. }, Width::Of(width)) => {
            format!("('{name}', '<f4', ({width},))")
        }
        _ => format!("('{name}', '<f4')"),
    });
    format!("[{}]", fields.collect::<Vec<_>>().join(", "))
}

fn value(column: &Column, row: usize, width: &Width, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let width = match (column, width) {
        (Column::Struct(fields), Width::Fields(widths)) => {
            let mut fields = fields.iter().zip(widths);
            return fields.try_for_each(|((_, column), width)| value(column, row, width, out));
        }
        (_, Width::Of(width)) => *width,
        (_, Width::Fields(_)) => 0,
    };
    let text = |text: &[u8], out: &mut (dyn Write + Send)| {
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
        Column::Struct(_) => Ok(()), // above
    }
}
