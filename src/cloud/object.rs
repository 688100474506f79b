//! What an object is called, and whether it is still the same.

/// The schemes of URLs that are understood.
const SCHEMES: [&str; 5] = ["s3", "gs", "az", "http", "https"];

/// An object as its store lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    /// `s3://bucket/photos/a.jpg`
    pub(crate) url: String,
    /// Bytes.
    pub(crate) size: u64,
    /// As [`tag`].
    pub(crate) tag: i64,
}

/// The bytes of an object, with its tag as they were fetched.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tag: i64,
}

/// Whether this is the URL of an object or a prefix, rather than a path.
pub(crate) fn is_url(name: &[u8]) -> bool {
    let begins =
        |scheme: &str| name.strip_prefix(scheme.as_bytes()).is_some_and(|rest| rest.starts_with(b"://"));
    SCHEMES.iter().any(|scheme| begins(scheme))
}

/// The ETag of an object as a number that stands where files have their time of change, in 62 bits of its hash; where
/// a server gives no ETag, the time of change itself, in nanoseconds since 1970. No file has such a time: with an ETag it
/// lies before 1824.
#[cfg_attr(not(feature = "cloud"), allow(dead_code))]
pub(crate) fn tag(etag: Option<&str>, modified_ns: Option<i64>) -> i64 {
    use sha2::{Digest as _, Sha256};
    const BITS: u32 = 62;
    let Some(etag) = etag else { return modified_ns.unwrap_or(0) };
    // listings and answers of some stores differ in quotes and in the mark of weak ones
    let bare = etag.trim_start_matches("W/").trim_matches('"');
    let hash = Sha256::digest(bare.as_bytes());
    let number = hash.iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    -(1 << BITS) - (number >> (u64::BITS - BITS)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_paths() {
        for url in ["s3://b", "gs://b/p", "az://c/a b#c.png", "https://h/a.png", "http://h:1/"] {
            assert!(is_url(url.as_bytes()), "{url}");
        }
        for path in ["s3:/b", "s3", "/s3://b", "file:///a", "a/http://b", "", "postgres://h/d"] {
            assert!(!is_url(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn a_tag_is_that_of_the_etag_and_no_time_of_a_file() {
        let tags = ["\"a\"", "a", "W/\"a\""].map(|etag| tag(Some(etag), Some(7)));
        assert!(tags.iter().all(|other| *other == tags[0]));
        assert_ne!(tag(Some("b"), None), tags[0]);
        for etag in 0..1000 {
            let tag = tag(Some(&etag.to_string()), None);
            assert!(tag > i64::MIN && tag <= -(1 << 62), "{tag}");
        }
        assert_eq!((tag(None, Some(7)), tag(None, None)), (7, 0));
    }
}
