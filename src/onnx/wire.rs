//! Protobuf in its encoded form: the fields of a message one after the other, borrowed from its bytes.
//!
//! For files from unknown sources: nothing is allocated or copied, however small a field or deep a message
//! claims to be; the caller counts the depth. Files of this program are read by prost (`messages`).

/// A field's value, not interpreted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload<'a> {
    /// A varint: an integer or an enum.
    Number(u64),
    /// A string, bytes, a message, or packed numbers.
    Bytes(&'a [u8]),
    /// Four or eight bytes: a float or a double.
    Fixed,
}

/// The fields of a message, in the order of the file.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Fields { rest: message }
    }

    fn field(&mut self) -> Option<(u32, Payload<'a>)> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok().filter(|&number| number > 0)?;
        let payload = match key & 7 {
            0 => Payload::Number(self.varint()?),
            1 => self.take(8).map(|_| Payload::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Payload::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Payload::Fixed)?,
            _ => return None, // groups, which ONNX has none of
        };
        Some((number, payload))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Payload<'a>), String>;

    /// Ends after the first bytes that are not a field.
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or_else(|| "not an ONNX file: expected a protobuf message, got other bytes".to_owned()))
    }
}

/// Numbers of a repeated field, which may be packed.
pub(super) fn numbers(payload: Payload<'_>) -> impl Iterator<Item = Result<u64, String>> {
    let (single, mut packed) = match payload {
        Payload::Number(number) => (Some(Ok(number)), Fields::of(&[])),
        Payload::Bytes(bytes) => (None, Fields::of(bytes)),
        Payload::Fixed => {
            (Some(Err("not an ONNX file: expected an integer, got a float".to_owned())), Fields::of(&[]))
        }
    };
    let packed = std::iter::from_fn(move || {
        if packed.rest.is_empty() {
            return None;
        }
        let number = packed.varint();
        if number.is_none() {
            packed.rest = &[];
        }
        Some(number.ok_or_else(|| "not an ONNX file: expected packed integers, got other bytes".to_owned()))
    });
    single.into_iter().chain(packed)
}

/// The string in field `number`, empty where there is none; the last one holds.
pub(super) fn text(message: &[u8], number: u32) -> Result<&str, String> {
    let mut found: &[u8] = &[];
    for field in Fields::of(message) {
        match field? {
            (at, Payload::Bytes(bytes)) if at == number => found = bytes,
            _ => {}
        }
    }
    std::str::from_utf8(found)
        .map_err(|_| "not an ONNX file: expected names in UTF-8, got other bytes".to_owned())
}

/// Names in messages are short and on one line.
pub(super) fn cut(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u32, Payload<'_>)>, String> {
        Fields::of(bytes).collect()
    }

    #[test]
    fn fields_are_read_in_order() {
        let bytes =
            [0x08, 0x96, 0x01, 0x12, 0x02, b'o', b'k', 0x1d, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0, 0, 0, 0];
        let expected =
            [(1, Payload::Number(150)), (2, Payload::Bytes(b"ok")), (3, Payload::Fixed), (4, Payload::Fixed)];
        assert_eq!(fields(&bytes).unwrap(), expected);
        for end in [1, 2, 4, 6, 8, 11, 20] {
            assert!(fields(&bytes[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn what_is_no_message_ends_the_reading() {
        let endless = [0xff; 40];
        let long = [&[0x12][..], &[0xff; 9], &[0x01]].concat(); // a length of u64::MAX
        for bytes in [&endless[..], &long, &[0x0b], &[0x00, 0x00], &[0x0f]] {
            let read: Vec<_> = Fields::of(bytes).collect();
            assert!(read.len() == 1 && read[0].is_err(), "{bytes:?}: {read:?}");
        }
        assert_eq!(fields(&[]), Ok(vec![]));
    }

    #[test]
    fn repeated_numbers_come_packed_or_single() {
        let all = |payload| numbers(payload).collect::<Result<Vec<_>, _>>();
        assert_eq!(all(Payload::Bytes(&[3, 0x80, 1, 5])).unwrap(), [3, 128, 5]);
        assert_eq!(all(Payload::Number(7)).unwrap(), [7]);
        assert!(all(Payload::Bytes(&[3, 0x80])).is_err() && all(Payload::Fixed).is_err());
    }
}
