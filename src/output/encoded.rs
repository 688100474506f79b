//! Base64: pictures inside a page, hashes of its policy, bytes in JSON and in metadata. The only file that names the
//! crate.

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Base64 that ends without padding; texts of a multiple of three bytes can be put together.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

/// Base64 with padding.
pub(super) fn padded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of a text in Base64, with padding or without; none if it is something else.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let either = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&ALPHABET, either).decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_with_padding_and_without() {
        for n in 0..9u8 {
            let bytes: Vec<u8> = (0..n).map(|i| i ^ 0xa5).collect();
            for text in [base64(&bytes), padded(&bytes)] {
                assert_eq!(from_base64(&text), Some(bytes.clone()), "{text}");
            }
        }
        assert_eq!((from_base64("a b"), from_base64("_-")), (None, None));
    }
}
