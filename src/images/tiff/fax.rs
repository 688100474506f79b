//! Strips in the codes of fax machines, Group 3 and 4. The only file that names `hayro_ccitt`.

use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};

use super::layout::Fax;
use super::unpacked::cut;

/// Rows of bits, 1 where there is ink.
struct Rows {
    row_bytes: usize,
    bytes: Vec<u8>,
}

impl Decoder for Rows {
    fn push_row(&mut self, changes: &[u32]) {
        let start = self.bytes.len();
        self.bytes.resize(start + self.row_bytes, 0);
        let row = &mut self.bytes[start..];
        for ink in changes.chunks(2) {
            let end = ink.get(1).map_or(8 * self.row_bytes, |&end| end as usize);
            (ink[0] as usize..end).for_each(|x| row[x / 8] |= 0x80 >> (x % 8));
        }
    }
}

/// Unpacks so many columns and rows.
///
/// # Errors
/// The strip is damaged, or has fewer rows.
pub(super) fn unpack(how: Fax, packed: &[u8], (columns, rows): (usize, usize)) -> Result<Vec<u8>, String> {
    let settings = DecodeSettings {
        columns: columns as u32,
        rows: rows as u32,
        end_of_block: true,
        end_of_line: false,
        rows_are_byte_aligned: how == Fax::Rows,
        encoding: match how {
            Fax::Group4 => EncodingMode::Group4,
            Fax::Group3 { two_dimensional: true } => EncodingMode::Group3_2D,
            Fax::Rows | Fax::Group3 { two_dimensional: false } => EncodingMode::Group3_1D,
        },
        strict: false,
    };
    let mut found = Rows { row_bytes: columns.div_ceil(8), bytes: Vec::new() };
    let outcome = hayro_ccitt::decode(packed, &mut found, &mut DecoderContext::new(settings));
    let expected = found.row_bytes * rows;
    match outcome {
        _ if found.bytes.len() >= expected => {
            found.bytes.truncate(expected);
            Ok(found.bytes)
        }
        Ok(_) => Err(cut()),
        Err(error) => Err(format!("damaged: fax row {}: {error}", found.bytes.len() / found.row_bytes + 1)),
    }
}
