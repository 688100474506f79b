//! The state of an image: size, time of change, and a hash of its content. The only file that names `blake3`.

use std::io::{self, Read};
use std::path::Path;

use super::Pixels;
use super::plain_file::{io_reason, mtime_ns, open_file};

/// The state of a file when it was read. Files with equal hashes have equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Size of the file (for an entry: of its container), in bytes.
    pub size: u64,
    /// Time of change of that file, in nanoseconds since 1970; [`Stamp::IN_MEMORY`] where there is no file.
    pub mtime_ns: i64,
    /// BLAKE3 of the bytes of the image file, on disk or in a container; for plain pixels, of their shape and
    /// values.
    pub hash: [u8; 32],
}

impl Stamp {
    /// Stands for the time of change of an image that came from memory. No file has it.
    pub const IN_MEMORY: i64 = i64::MIN;
}

/// The state of a file on disk, of any content and size: it is read in pieces, and must be the same before
/// and after.
///
/// # Errors
/// The reason why it cannot be read.
pub fn stamp_file(path: &Path) -> Result<Stamp, String> {
    const PIECE: usize = 1 << 18;
    let (mut file, metadata) = open_file(path).map_err(io_reason)?;
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; PIECE.min(usize::try_from(metadata.len()).unwrap_or(PIECE).max(1))];
    let mut size = 0;
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                size += n as u64;
                hasher.update(&piece[..n]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io_reason(error)),
        }
        // a file that grows while it is read is not followed
        if size > metadata.len() {
            break;
        }
    }
    let now = file.metadata().map_err(io_reason)?;
    let (before, after) = (mtime_ns(&metadata), mtime_ns(&now));
    if (now.len(), after, size) != (metadata.len(), before, metadata.len()) {
        return Err("it changed while it was read".to_owned());
    }
    Ok(Stamp { size, mtime_ns: before, hash: *hasher.finalize().as_bytes() })
}

/// BLAKE3 of bytes in memory; for the bytes of a file it is the hash of its [`Stamp`].
pub fn hash_bytes(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// BLAKE3 of bytes that `feed` hands over in pieces.
pub(super) fn hash_pieces(feed: impl FnOnce(&mut dyn FnMut(&[u8]))) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    feed(&mut |piece| {
        hasher.update(piece);
    });
    *hasher.finalize().as_bytes()
}

pub(super) fn hash_pixels(pixels: &Pixels) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for side in [pixels.height, pixels.width, pixels.channels] {
        hasher.update(&(side as u64).to_le_bytes());
    }
    *hasher.update(&pixels.data).finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_stamped_as_its_bytes_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.bin");
        for size in [0, 1, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 1_000_000] {
            let bytes: Vec<u8> = (0..size).map(|i: u32| (i * 7 + i / 251) as u8).collect();
            std::fs::write(&path, &bytes).unwrap();
            let stamp = stamp_file(&path).unwrap();
            assert_eq!((stamp.size, stamp.hash), (u64::from(size), hash_bytes(&bytes)));
            assert_eq!(stamp.mtime_ns, mtime_ns(&path.metadata().unwrap()));
        }
        assert_eq!(stamp_file(dir.path()).unwrap_err(), "a folder, not a file");
        assert!(stamp_file(&dir.path().join("none")).unwrap_err().starts_with("no such file"));
    }
}
