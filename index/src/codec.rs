//! The one place that names `bincode`: small records to bytes and back, never more than [`LIMIT`] bytes.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};

/// Records are declared with these, without naming the crate.
pub(crate) use bincode::{Decode, Encode};

/// The largest record, in bytes: a damaged length can never ask for more memory than this.
pub(crate) const LIMIT: usize = 64 << 20;

const CONFIG: Configuration<LittleEndian, Fixint, Limit<LIMIT>> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<LIMIT>();

/// The record's bytes, or why it cannot be encoded.
pub(crate) fn encode<T: Encode>(record: &T) -> Result<Vec<u8>, String> {
    let bytes = bincode::encode_to_vec(record, CONFIG).map_err(|error| error.to_string())?;
    if bytes.len() > LIMIT { Err(format!("{} bytes", bytes.len())) } else { Ok(bytes) }
}

/// The record that fills `bytes` exactly, or why they are not one.
pub(crate) fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, String> {
    let (record, used) = bincode::decode_from_slice(bytes, CONFIG).map_err(|error| error.to_string())?;
    if used == bytes.len() {
        Ok(record)
    } else {
        Err(format!("{} bytes after the record", bytes.len() - used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_lengths_are_refused_without_allocating() {
        let mut bytes = encode(&vec![1u8, 2, 3]).unwrap();
        assert_eq!(decode::<Vec<u8>>(&bytes).unwrap(), [1, 2, 3]);
        bytes.push(0);
        assert!(decode::<Vec<u8>>(&bytes).is_err());
        bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(decode::<Vec<u8>>(&bytes).is_err());
    }
}
