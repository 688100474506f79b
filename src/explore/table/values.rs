//! CSV, and single values of a column as JSON.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::column::{Column, Table};
use super::format::CsvTexts;
use crate::output::covered;

impl Column {
    /// The value of a row.
    pub(super) fn value(&self, row: usize) -> Value {
        match self {
            Column::Texts(values) => json!(values[row]),
            Column::Integers(values) => json!(values[row]),
            Column::Numbers(values) => values[row].map_or(Value::Null, number),
            Column::Lists(values) => json!(values[row]),
            Column::NumberLists(values) => values[row].iter().copied().map(number).collect(),
            Column::Vectors { size, values } => {
                values[row * size..][..*size].iter().copied().map(number).collect()
            }
            Column::Bytes(values) => json!(values[row].as_deref().map(hex)),
            Column::Struct(fields) => {
                let field = |(name, column): &(&str, Column)| ((*name).to_owned(), column.value(row));
                Value::Object(fields.iter().map(field).collect())
            }
        }
    }
}

/// With as few digits as tell it from other f32.
fn number(value: f32) -> Value {
    match value.is_finite() {
        // a JSON number is read as f64: the text of the f32 is what was meant
        true => value.to_string().parse::<serde_json::Number>().map_or(Value::Null, Value::Number),
        false => Value::Null,
    }
}

/// Two digits for each byte.
pub(in crate::explore) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // into a String: nothing fails
        text
    })
}

/// The values of a row as text.
fn cells(table: &Table, row: usize) -> impl Iterator<Item = String> {
    table.columns.iter().map(move |(_, column)| match column.value(row) {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    })
}

pub(super) fn csv(table: &Table, texts: CsvTexts, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let is_text: Vec<bool> =
        table.columns.iter().map(|(_, column)| matches!(column, Column::Texts(_))).collect();
    let safe = |(cell, &is_text): (String, &bool)| match is_text && texts == CsvTexts::Safe {
        true => covered(cell),
        false => cell,
    };
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(table.names())?;
    for row in 0..table.len() {
        writer.write_record(cells(table, row).zip(&is_text).map(safe))?;
    }
    writer.flush()
}

/// Values between tabs, for readers that know no quotes: a tab or the end of a line in a value is a blank.
pub(in crate::explore) fn tsv(table: &Table, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let plain = |cell: String| cell.replace(['\t', '\n', '\r'], " ");
    writeln!(out, "{}", table.names().collect::<Vec<_>>().join("\t"))?;
    for row in 0..table.len() {
        writeln!(out, "{}", cells(table, row).map(plain).collect::<Vec<_>>().join("\t"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_and_ends_of_lines_are_blanks() {
        let names = vec![Some("a\tb\r\nc".to_owned()), None];
        let table = Table::default()
            .with("path", Column::Texts(names))
            .with("x", Column::Numbers(vec![Some(0.5), Some(1.0)]));
        let mut text = Vec::new();
        tsv(&table, &mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "path\tx\na b  c\t0.5\n\t1\n");
    }
}
