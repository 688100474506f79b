//! Rows as JSON objects.

use std::io::{self, Write};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::column::Table;

/// A row, its fields in the order of the columns.
struct Row<'a> {
    table: &'a Table,
    row: usize,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.table.columns.len()))?;
        for (name, column) in &self.table.columns {
            map.serialize_entry(name, &column.value(self.row))?;
        }
        map.end()
    }
}

pub(super) fn lines(table: &Table, out: &mut (dyn Write + Send)) -> io::Result<()> {
    for row in 0..table.len() {
        serde_json::to_writer(&mut *out, &Row { table, row })?;
        writeln!(out)?;
    }
    Ok(())
}

pub(super) fn array(table: &Table, out: &mut (dyn Write + Send)) -> io::Result<()> {
    for row in 0..table.len() {
        out.write_all(if row == 0 { b"[\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &Row { table, row })?;
    }
    out.write_all(if table.is_empty() { b"[]\n" } else { b"\n]\n" })
}
