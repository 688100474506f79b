//! The columns that an expression may name.

use aesearch_index::Value;

use super::value::{date_text, degrees_text};

/// What is known of an image, and its name in expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Its name in the index.
    Path,
    /// Its label, as other verbs show it.
    Label,
    /// When it was taken, by the clock of the camera.
    Date,
    /// A text that its file knows.
    Text(&'static str),
    /// A whole number that its file knows.
    Number(&'static str),
    /// Latitude or longitude.
    Degrees(&'static str),
}

impl Column {
    /// All columns.
    pub const ALL: [Column; 14] = [
        Column::Path,
        Column::Label,
        Column::Date,
        Column::Text("camera"),
        Column::Text("lens"),
        Column::Number("width"),
        Column::Number("height"),
        Column::Text("format"),
        Column::Number("bytes"),
        Column::Degrees("latitude"),
        Column::Degrees("longitude"),
        Column::Number("rating"),
        Column::Number("orientation"),
        Column::Text("software"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Column::Path => "path",
            Column::Label => "label",
            Column::Date => "date",
            Column::Text(name) | Column::Number(name) | Column::Degrees(name) => name,
        }
    }

    pub(super) fn named(name: &str) -> Option<Column> {
        Column::ALL.into_iter().find(|column| column.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self, Column::Path | Column::Label | Column::Text(_))
    }
}

/// A value of a column of the index as people write it: a date, degrees, a number or a text.
pub fn shown(column: &str, value: Value<'_>) -> String {
    match (column, value) {
        (_, Value::Text(text)) => text.to_owned(),
        ("date", Value::Integer(seconds)) => date_text(seconds),
        ("latitude" | "longitude", Value::Integer(micro)) => degrees_text(micro),
        (_, Value::Integer(number)) => number.to_string(),
    }
}
