//! CSV, and single values of a column as JSON.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Column, Table};

impl Column {
    /// The value of a row.
    pub(super) fn value(&self, row: usize) -> Value {
        match self {
            Column::Texts(values) => json!(values[row]),
            Column::Integers(values) => json!(values[row]),
            Column::Numbers(values) => values[row].map_or(Value::Null, number),
            Column::Lists(values) => json!(values[row]),
            Column::Vectors { size, values } => {
                values[row * size..][..*size].iter().copied().map(number).collect()
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

pub(super) fn csv(table: &Table, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(table.names())?;
    for row in 0..table.len() {
        let cells = table.columns.iter().map(|(_, column)| match column.value(row) {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        });
        writer.write_record(cells)?;
    }
    writer.flush()
}
