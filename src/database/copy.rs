//! The binary format of COPY: a header, rows of fields that each have their length, and an end. Numbers are big-endian.
//! (PostgreSQL's manual, "COPY", "Binary Format"; `bit_send` of its `varbit.c`, `halfvec_send` of pgvector.)

use std::io::{self, BufRead, Read as _};

use half::f16;

/// Magic, flags, and the length of what else the header holds.
const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const MAGIC: usize = 11;
/// Bytes of a longest field that is read.
const LONGEST: usize = 64 << 20;

/// Rows as bytes.
pub(super) struct Rows {
    bytes: Vec<u8>,
}

impl Rows {
    /// The header.
    pub(super) fn begin() -> Rows {
        Rows { bytes: HEADER.to_vec() }
    }

    /// A row of so many fields begins.
    pub(super) fn row(&mut self, fields: u16) {
        self.bytes.extend(fields.to_be_bytes());
    }

    pub(super) fn null(&mut self) {
        self.bytes.extend((-1i32).to_be_bytes());
    }

    /// A field of `bytea` or `text`.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend((bytes.len() as u32).to_be_bytes()); // shorter than a file's name or a hash can be
        self.bytes.extend(bytes);
    }

    /// The same, or null.
    pub(super) fn perhaps(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bytes(bytes),
            None => self.null(),
        }
    }

    /// A field of `integer`.
    pub(super) fn integer(&mut self, value: i32) {
        self.bytes(&value.to_be_bytes());
    }

    /// A field of `real`.
    pub(super) fn real(&mut self, value: f32) {
        self.bytes(&value.to_be_bytes());
    }

    /// A field of `bit(N)`, of a code `[words(bits)]`.
    pub(super) fn bits(&mut self, code: &[u64], bits: usize) {
        let packed = packed(code, bits);
        self.bytes.extend((packed.len() as u32 + 4).to_be_bytes());
        self.bytes.extend((bits as u32).to_be_bytes());
        self.bytes.extend(packed);
    }

    /// A field of `halfvec(D)`, of a latent in 8 bits, which half precision holds exactly.
    pub(super) fn halves(&mut self, latent: &[i8]) {
        self.bytes.extend((latent.len() as u32 * 2 + 4).to_be_bytes());
        self.bytes.extend((latent.len() as u16).to_be_bytes()); // at most 16,000: see `layout`
        self.bytes.extend([0, 0]);
        let halves = latent.iter().map(|&value| f16::from_f32(f32::from(value)));
        self.bytes.extend(halves.flat_map(|half| half.to_bits().to_be_bytes()));
    }

    /// No more rows.
    pub(super) fn end(&mut self) {
        self.bytes.extend((-1i16).to_be_bytes());
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What was written since the last time.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

/// A code `[words(bits)]` as PostgreSQL has it: the first bit is the highest of the first byte.
pub(super) fn packed(code: &[u64], bits: usize) -> Vec<u8> {
    let bytes = code.iter().flat_map(|word| word.to_le_bytes()).map(u8::reverse_bits);
    bytes.take(bits.div_ceil(8)).collect()
}

/// A latent in 8 bits, of a field of `halfvec`; none where it holds something else.
pub(super) fn latent(field: &[u8]) -> Option<Vec<i8>> {
    let (head, halves) = field.split_at_checked(4)?;
    let size = usize::from(u16::from_be_bytes([head[0], head[1]]));
    let number = |half: &[u8]| {
        let value = f16::from_bits(u16::from_be_bytes([half[0], half[1]])).to_f32();
        let whole = value as i8;
        (f32::from(whole) == value).then_some(whole)
    };
    (halves.len() == size * 2).then(|| halves.chunks_exact(2).map(number).collect())?
}

/// Calls `each` with the fields of every row that `from` gives; null is none.
///
/// # Errors
/// Those of `from` and of `each`; when the bytes are no rows.
pub(super) fn read<E: From<io::Error>>(
    mut from: impl BufRead,
    mut each: impl FnMut(&[Option<Vec<u8>>]) -> Result<(), E>,
) -> Result<(), E> {
    let wrong = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "rows of COPY: expected its binary format, got other bytes",
        )
    };
    let mut header = [0; HEADER.len()];
    from.read_exact(&mut header)?;
    if header[..MAGIC] != HEADER[..MAGIC] {
        return Err(wrong().into());
    }
    let [.., a, b, c, d] = header;
    io::copy(&mut from.by_ref().take(u64::from(u32::from_be_bytes([a, b, c, d]))), &mut io::sink())?;
    let mut fields = Vec::new();
    loop {
        let mut count = [0; 2];
        from.read_exact(&mut count)?;
        let Ok(count) = u16::try_from(i16::from_be_bytes(count)) else { return Ok(()) };
        fields.clear();
        for _ in 0..count {
            let mut length = [0; 4];
            from.read_exact(&mut length)?;
            fields.push(match usize::try_from(i32::from_be_bytes(length)) {
                Ok(length) if length > LONGEST => return Err(wrong().into()),
                Ok(length) => {
                    let mut field = vec![0; length];
                    from.read_exact(&mut field)?;
                    Some(field)
                }
                Err(_) => None,
            });
        }
        each(&fields)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields_of(write: impl FnOnce(&mut Rows)) -> Vec<Option<Vec<u8>>> {
        let mut rows = Rows::begin();
        write(&mut rows);
        rows.end();
        let mut found = Vec::new();
        read(&rows.take()[..], |fields| {
            found.extend_from_slice(fields);
            Ok::<_, io::Error>(())
        })
        .unwrap();
        found
    }

    #[test]
    fn fields_have_the_bytes_that_postgresql_reads() {
        let found = fields_of(|rows| {
            rows.row(6);
            rows.bytes("a\u{e4}".as_bytes());
            rows.null();
            rows.integer(-2);
            rows.real(0.5);
            rows.bits(&[0b1011], 12);
            rows.halves(&[1, -127, 0]);
        });
        let expected: [Option<&[u8]>; 6] = [
            Some(b"a\xc3\xa4"),
            None,
            Some(b"\xff\xff\xff\xfe"),
            Some(b"\x3f\0\0\0"),
            Some(b"\0\0\0\x0c\xd0\0"), // the first bit of a code is the first of the text 110100000000
            Some(b"\0\x03\0\0\x3c\0\xd7\xf0\0\0"),
        ];
        assert_eq!(found, expected.map(|field| field.map(<[u8]>::to_vec)));
    }

    #[test]
    fn every_number_of_8_bits_comes_back() {
        let all: Vec<i8> = (i8::MIN..=i8::MAX).collect();
        let found = fields_of(|rows| {
            rows.row(1);
            rows.halves(&all);
        });
        let field = found[0].as_ref().unwrap();
        assert_eq!(latent(field), Some(all));
        assert_eq!(latent(&field[..field.len() - 1]), None);
        assert_eq!(latent(b"\0\x01\0\0\x38\0"), None, "a half");
        assert_eq!(latent(b"\0\x01\0\0\x7c\0"), None, "infinity");
        assert_eq!(latent(b"\0"), None);
    }

    #[test]
    fn codes_of_several_words_are_cut_to_their_bits() {
        let found = fields_of(|rows| {
            rows.row(2);
            rows.bits(&[u64::MAX, 1], 72);
            rows.bits(&[1 << 63], 64);
        });
        assert_eq!(found[0].as_deref(), Some(&b"\0\0\0\x48\xff\xff\xff\xff\xff\xff\xff\xff\x80"[..]));
        assert_eq!(found[1].as_deref(), Some(&b"\0\0\0\x40\0\0\0\0\0\0\0\x01"[..]));
    }

    #[test]
    fn other_bytes_are_errors() {
        let mut rows = Rows::begin();
        rows.row(1);
        rows.bytes(b"abc");
        rows.end();
        let bytes = rows.take();
        let read = |bytes: &[u8]| read(bytes, |_| Ok::<_, io::Error>(()));
        assert!(read(&bytes).is_ok());
        assert!((0..bytes.len()).all(|end| read(&bytes[..end]).is_err()));
        assert!(read(b"PGCOPY\n\xff\r\n\x01\0\0\0\0\0\0\0\0").is_err());
        assert!(read(&[HEADER, &[0, 1, 0x7f, 0xff, 0xff, 0xff][..]].concat()).is_err(), "a field of 2 GB");
    }
}
