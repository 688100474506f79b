//! Rows of an index, and whether a table has them already.

use std::borrow::Cow;
use std::collections::HashMap;

use aesearch_index::{Snapshot, Value};

use super::copy::{Rows, packed};
use crate::error::Result;
use crate::gallery::{Known, Record};
use crate::images::hash_bytes;

/// Bytes of a longest path that is a key: an index of PostgreSQL takes 2,704 in an entry.
const LONGEST: usize = 2000;

/// The columns of a row, in their order. A latent and its scale are the last, and only in tables with latents.
pub(super) const COLUMNS: [&str; 7] = ["path", "path_bytes", "hash", "width", "height", "label", "code"];
pub(super) const OF_LATENTS: [&str; 2] = ["latent", "latent_scale"];

/// The start of a hash, of a path or of a row.
type Short = [u8; 16];

fn short(bytes: &[u8]) -> Short {
    let hash = hash_bytes(bytes);
    std::array::from_fn(|i| hash[i])
}

/// A name as text, and its bytes where that is not all of it: names that are not UTF-8, too long for a key, or hold a
/// zero are known by a part of their hash.
pub(super) fn text_of(name: &[u8]) -> (Cow<'_, str>, Option<&[u8]>) {
    match std::str::from_utf8(name) {
        Ok(text) if !text.contains('\0') && name.len() <= LONGEST => (Cow::Borrowed(text), None),
        _ => {
            let mut text = String::from_utf8_lossy(name).replace('\0', "\u{fffd}");
            text.truncate(text.floor_char_boundary(LONGEST));
            let hash: String = hash_bytes(name)[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            (Cow::Owned(format!("{text}#{hash}")), Some(name))
        }
    }
}

/// A label as PostgreSQL takes it, which knows no zeros.
fn text(label: Option<String>) -> Option<String> {
    label.map(|label| label.replace('\0', "\u{fffd}"))
}

/// An image of an index, as a row.
pub(super) struct Row<'a> {
    snapshot: &'a Snapshot,
    id: u32,
    pub(super) path: Cow<'a, str>,
    path_bytes: Option<&'a [u8]>,
    hash: [u8; 32],
    label: Option<String>,
}

impl<'a> Row<'a> {
    /// # Errors
    /// When its record is damaged.
    pub(super) fn of(snapshot: &'a Snapshot, id: u32) -> Result<Row<'a>> {
        let (path, path_bytes) = text_of(snapshot.name(id));
        let Record { label, hash, .. } = Record::of(snapshot, id)?;
        Ok(Row { snapshot, id, path, path_bytes, hash, label: text(label) })
    }

    fn content(&self) -> Short {
        let code = packed(self.snapshot.code(self.id), self.snapshot.bits());
        content(&self.hash, self.label.as_deref().map(str::as_bytes), &code)
    }

    /// Adds it to `rows`.
    pub(super) fn write(&self, rows: &mut Rows, known: &Known<'_>, latent_size: usize) {
        let count = COLUMNS.len() + if latent_size > 0 { OF_LATENTS.len() } else { 0 };
        rows.row(count as u16); // a few
        rows.bytes(self.path.as_bytes());
        rows.perhaps(self.path_bytes);
        rows.bytes(&self.hash);
        for column in ["width", "height"] {
            match known.value(self.id, column) {
                Some(Value::Integer(value)) => rows.integer(i32::try_from(value).unwrap_or(i32::MAX)),
                _ => rows.null(),
            }
        }
        rows.perhaps(self.label.as_deref().map(str::as_bytes));
        rows.bits(self.snapshot.code(self.id), self.snapshot.bits());
        match self.snapshot.latent(self.id).filter(|_| latent_size > 0) {
            Some(latent) => {
                rows.halves(latent.values);
                rows.real(latent.scale);
            }
            None => (COLUMNS.len()..count).for_each(|_| rows.null()),
        }
    }
}

/// What decides whether a row is the same: file, label and code. The rest follows from them.
fn content(hash: &[u8], label: Option<&[u8]>, code: &[u8]) -> Short {
    let (tag, label) = label.map_or((0, &[][..]), |label| (1, label));
    short(&[&[tag], hash, code, label].concat())
}

/// What a table holds: 32 bytes for each row.
#[derive(Default)]
pub(super) struct Held {
    rows: HashMap<Short, Short>,
}

/// What is to be done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Nothing,
    Change,
    Add,
}

impl Held {
    /// The columns that it looks at.
    pub(super) const COLUMNS: &str = "path, hash, label, code";

    /// Notes a row of the table, of [`Held::COLUMNS`].
    pub(super) fn note(&mut self, fields: &[Option<Vec<u8>>]) {
        if let [Some(path), hash, label, code] = fields {
            let [hash, code] = [hash, code].map(|field| field.as_deref().unwrap_or_default());
            let code = code.get(4..).unwrap_or_default(); // without its length
            self.rows.insert(short(path), content(hash, label.as_deref(), code));
        }
    }

    /// What a row of the index needs, which is then seen.
    pub(super) fn see(&mut self, row: &Row<'_>) -> Need {
        match self.rows.remove(&short(row.path.as_bytes())) {
            None => Need::Add,
            Some(content) if content == row.content() => Need::Nothing,
            Some(_) => Need::Change,
        }
    }

    /// Rows that were not seen.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether a row of the table was not seen.
    pub(super) fn holds(&self, path: &[u8]) -> bool {
        self.rows.contains_key(&short(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_text_keep_their_bytes_and_stay_apart() {
        assert_eq!(text_of("a/\u{e4}.png".as_bytes()), (Cow::Borrowed("a/\u{e4}.png"), None));
        let long = vec![b'x'; 4000];
        for name in [&b"a\xff"[..], b"a\xfe", b"a\0b", &long] {
            let (text, bytes) = text_of(name);
            assert_eq!(bytes, Some(name));
            assert!(text.len() <= LONGEST + 20 && !text.contains('\0') && text.contains('#'), "{text}");
        }
        assert_ne!(text_of(b"a\xff").0, text_of(b"a\xfe").0);
    }

    #[test]
    fn rows_are_the_same_by_file_label_and_code() {
        let of = |hash: &[u8], label: Option<&[u8]>, code: &[u8]| content(hash, label, code);
        let row = of(&[1; 32], Some(b"cat"), &[3; 8]);
        assert_eq!(row, of(&[1; 32], Some(b"cat"), &[3; 8]));
        for other in [
            of(&[2; 32], Some(b"cat"), &[3; 8]),
            of(&[1; 32], None, &[3; 8]),
            of(&[1; 32], Some(b"dog"), &[3; 8]),
            of(&[1; 32], Some(b"cat"), &[4; 8]),
        ] {
            assert_ne!(row, other);
        }
        assert_ne!(of(&[1; 32], None, &[3; 8]), of(&[1; 32], Some(b""), &[3; 8]));
    }

    #[test]
    fn what_was_not_seen_is_left() {
        let mut held = Held::default();
        let row = |path: &[u8]| [Some(path.to_vec()), Some(vec![1; 32]), None, Some(vec![0, 0, 0, 8, 7])];
        held.note(&row(b"a"));
        held.note(&row(b"b"));
        held.note(&[None, None, None, None]);
        assert!(held.holds(b"a") && !held.holds(b"c"));
        assert_eq!(held.len(), 2);
        assert_eq!(held.rows[&short(b"a")], content(&[1; 32], None, &[7]));
    }
}
