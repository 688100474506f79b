//! From an item to its pixels and its stamp; what cannot be read has a reason instead.
//!
//! A file is opened once, read once, hashed and decoded from that one buffer. Nothing is kept: memory is the caller's to plan,
//! within [`Limits`].

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::item::{Item, Origin};
use super::memory_budget::MemoryBudget;
use super::stopwatch::Stopwatch;
use super::{Pixels, codec, sniff};

/// A decoded image and the stamp of what it was decoded from.
#[derive(Debug)]
pub struct Loaded {
    /// The image.
    pub pixels: Pixels,
    /// The state of the file (or entry) it came from.
    pub stamp: Stamp,
}

/// The state of a file when it was read: equal hashes, equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Size of the file (for an entry: of its container), in bytes.
    pub size: u64,
    /// Time of change of that file, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// BLAKE3 of the image file's bytes, lone or inside a container; for plain pixels, of their shape and values.
    pub hash: [u8; 32],
}

/// What one image may cost. Checked against its header, before anything of that size is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_file_bytes: u64,
    /// Largest width x height. 200 million, the default, is what the largest phone cameras give.
    pub max_pixels: u64,
    /// Largest decoded image, in bytes, and about what a decoder may use beside it.
    pub max_decoded_bytes: u64,
    /// Longest time to decode it; heeded where many are, see `gallery`.
    pub decode_timeout: Duration,
}

impl Limits {
    /// How often to look whether an image takes too long.
    pub(crate) fn look_every(&self) -> Duration {
        (self.decode_timeout / 4).clamp(Duration::from_millis(5), Duration::from_millis(200))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_file_bytes: 1 << 30,
            max_pixels: 200_000_000,
            max_decoded_bytes: 1 << 30,
            decode_timeout: Duration::from_secs(60),
        }
    }
}

/// The reason for a pipe, a socket, a device.
pub(super) const NO_FILE: &str = "neither a file nor a folder: not opened";

/// What holds an image, read but not decoded.
#[derive(Debug)]
pub struct Source {
    pub(super) raw: Raw,
    /// Size in bytes and time of change of the file (for an entry: of its container), as in [`Stamp`].
    pub(super) quick_stamp: (u64, i64),
}

/// The bytes of an image as they lie in a file or container.
#[derive(Debug)]
pub(super) enum Raw {
    /// A file of some image format.
    File(Vec<u8>),
    /// Plain pixels, of IDX and the like.
    Pixels(Pixels),
}

impl Source {
    /// Bytes read.
    pub fn len(&self) -> usize {
        match &self.raw {
            Raw::File(bytes) => bytes.len(),
            Raw::Pixels(pixels) => pixels.data.len(),
        }
    }

    /// Nothing was read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of the image file; nothing where there are plain pixels.
    pub fn file_bytes(&self) -> Option<&[u8]> {
        match &self.raw {
            Raw::File(bytes) => Some(bytes),
            Raw::Pixels(_) => None,
        }
    }

    /// The state of the file or entry: hashes what was read.
    pub fn stamp(&self) -> Stamp {
        let (size, mtime_ns) = self.quick_stamp;
        let hash = match &self.raw {
            Raw::File(bytes) => *blake3::hash(bytes).as_bytes(),
            Raw::Pixels(pixels) => hash_pixels(pixels),
        };
        Stamp { size, mtime_ns, hash }
    }

    /// What the file says of itself beside its pixels.
    pub fn facts(&self) -> SourceFacts {
        match &self.raw {
            Raw::File(bytes) => codec::facts(bytes),
            Raw::Pixels(_) => SourceFacts::default(),
        }
    }

    /// The image. Never panics, whatever the bytes.
    ///
    /// # Errors
    /// The reason why there are no pixels.
    pub fn decode(self, how: &Decoding) -> Result<Pixels, String> {
        match self.raw {
            Raw::File(bytes) => codec::decode_for(&bytes, how),
            Raw::Pixels(pixels) => Ok(pixels),
        }
    }
}

/// What an image file says of itself beside its pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceFacts {
    /// Its format, such as `jpeg`; empty for plain pixels.
    pub format: &'static str,
    /// It has EXIF data.
    pub exif: bool,
    /// It holds more pictures than the one that is decoded: frames, pages or sizes.
    pub several: bool,
}

/// Reads one item, but does not decode it.
///
/// # Errors
/// The reason why it cannot be read, for a [`Skipped`](super::Skipped).
pub fn read(item: &Item, limits: &Limits) -> Result<Source, String> {
    let source = read_any(item, limits)?;
    // a camera's TIFF holds a thumbnail where others hold the picture; only its name tells
    let is_tiff = matches!(&source.raw, Raw::File(bytes) if sniff::is_tiff(bytes));
    if is_tiff && sniff::is_raw_name(Path::new(&item.display())) {
        return Err(codec::not_built_in(sniff::RAW));
    }
    Ok(source)
}

fn read_any(item: &Item, limits: &Limits) -> Result<Source, String> {
    match &item.origin {
        Origin::File { path, .. } => {
            let (bytes, quick_stamp) = read_file(path, limits.max_file_bytes)?;
            Ok(Source { raw: Raw::File(bytes), quick_stamp })
        }
        Origin::Entry { container, index } => {
            let raw = container.read(*index as usize, limits)?;
            Ok(Source { raw, quick_stamp: container.quick_stamp() })
        }
    }
}

/// How images are decoded.
#[derive(Debug, Clone, Default)]
pub struct Decoding {
    /// What one image may cost.
    pub limits: Limits,
    /// Colour is not wanted: what has it may come without, where that is less work.
    pub grey: bool,
    /// The memory for it.
    pub budget: MemoryBudget,
    /// Stands while memory is waited for, and starts again then.
    pub stopwatch: Stopwatch,
}

/// Reads and decodes one item, in colour. Never panics, whatever the bytes.
///
/// # Errors
/// The reason why there are no pixels, for a [`Skipped`](super::Skipped).
pub fn load(item: &Item, limits: &Limits) -> Result<Loaded, String> {
    let source = read(item, limits)?;
    let stamp = source.stamp();
    Ok(Loaded { pixels: source.decode(&Decoding { limits: *limits, ..Decoding::default() })?, stamp })
}

/// The state of a lone file, whatever it holds and however large it is: read in pieces, and the same before and after.
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
    let mtime_ns = mtime_ns(&metadata);
    if (now.len(), self::mtime_ns(&now), size) != (metadata.len(), mtime_ns, metadata.len()) {
        return Err("it changed while it was read".to_owned());
    }
    Ok(Stamp { size, mtime_ns, hash: *hasher.finalize().as_bytes() })
}

/// BLAKE3 of bytes in memory: that of a file's bytes is its stamp's.
pub fn hash_bytes(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// The bytes of a file, with its size and time of change, which are the same after reading.
fn read_file(path: &Path, max_bytes: u64) -> Result<(Vec<u8>, (u64, i64)), String> {
    let (file, metadata) = open_file(path).map_err(io_reason)?;
    check_size(metadata.len(), max_bytes)?;
    let bytes = read_unchanged(file, &metadata)?;
    Ok((bytes, (metadata.len(), mtime_ns(&metadata))))
}

/// All bytes of a file that was as `metadata` says, and still is when they are read.
fn read_unchanged(mut file: File, metadata: &Metadata) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    // one more than the size, so that the read that finds the end does not grow the buffer
    let capacity =
        usize::try_from(metadata.len() + 1).map_err(|_| "file too large for this machine".to_owned())?;
    bytes.try_reserve_exact(capacity).map_err(|_| format!("no memory for {} bytes", metadata.len()))?;
    // a file that grows while it is read is not followed
    (&mut file).take(metadata.len() + 1).read_to_end(&mut bytes).map_err(io_reason)?;
    let now = file.metadata().map_err(io_reason)?;
    let is_same = now.len() == metadata.len() && mtime_ns(&now) == mtime_ns(metadata);
    if !is_same || bytes.len() as u64 != metadata.len() {
        return Err("it changed while it was read: index it again".to_owned());
    }
    Ok(bytes)
}

/// Whether an image file of `bytes` may be read.
///
/// # Errors
/// The reason why not.
pub(super) fn check_size(bytes: u64, max_bytes: u64) -> Result<(), String> {
    if bytes > max_bytes {
        return Err(format!("file too large: {bytes} bytes, the limit is {max_bytes}"));
    }
    Ok(())
}

/// Opens a plain file for reading, and nothing else: a pipe would wait for somebody to write. Gives its metadata as well.
pub(super) fn open_file(path: &Path) -> io::Result<(File, Metadata)> {
    let file = match open_at_once(path) {
        // a plain file that another program holds by a lease: the system asks for it back
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => File::open(path)?,
        opened => opened?,
    };
    let metadata = file.metadata()?;
    check_kind(&metadata)?;
    Ok((file, metadata))
}

/// Opens without waiting.
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
fn open_at_once(path: &Path) -> io::Result<File> {
    /// Linux's number on these machines.
    const O_NONBLOCK: i32 = 0o4000;
    let mut options = File::options();
    std::os::unix::fs::OpenOptionsExt::custom_flags(options.read(true), O_NONBLOCK).open(path)
}

/// Opens what is a plain file a moment before.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
fn open_at_once(path: &Path) -> io::Result<File> {
    check_kind(&path.metadata()?)?;
    File::open(path)
}

fn check_kind(metadata: &Metadata) -> io::Result<()> {
    match metadata.file_type() {
        kind if kind.is_file() => Ok(()),
        kind if kind.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        _ => Err(io::Error::other(NO_FILE)),
    }
}

fn hash_pixels(pixels: &Pixels) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for side in [pixels.height, pixels.width, pixels.channels] {
        hasher.update(&(side as u64).to_le_bytes());
    }
    *hasher.update(&pixels.data).finalize().as_bytes()
}

/// BLAKE3 of an image's size and pixels, however its file holds them: grey in three channels is grey.
pub fn hash_of_pixels(pixels: &Pixels) -> [u8; 32] {
    let is_grey = |rgb: &[u8; 3]| rgb[0] == rgb[1] && rgb[1] == rgb[2];
    match pixels.data.as_chunks::<3>() {
        (colours, []) if pixels.channels == 3 && colours.iter().all(is_grey) => {
            let data = colours.iter().map(|rgb| rgb[0]).collect();
            hash_pixels(&Pixels { channels: 1, data, ..*pixels })
        }
        _ => hash_pixels(pixels),
    }
}

/// Time of change in nanoseconds since 1970; 0 where the system has none.
pub(super) fn mtime_ns(metadata: &Metadata) -> i64 {
    let nanos = |d: std::time::Duration| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX);
    metadata.modified().map_or(0, |time| match time.duration_since(UNIX_EPOCH) {
        Ok(after) => nanos(after),
        Err(before) => -nanos(before.duration()),
    })
}

/// A failed read, in the words of a reason.
pub(super) fn io_reason(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file (or a link to nowhere)".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::UnexpectedEof => "the file ends too early (truncated)".to_owned(),
        io::ErrorKind::IsADirectory => "a folder, not a file".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

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

    #[test]
    fn a_file_that_changes_while_it_is_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        std::fs::write(&path, b"before").unwrap();
        let metadata = path.metadata().unwrap();
        let read = || read_unchanged(open_file(&path).unwrap().0, &metadata);
        assert_eq!(read().unwrap(), b"before");
        File::options().append(true).open(&path).unwrap().write_all(b" and after").unwrap();
        assert!(read().unwrap_err().starts_with("it changed while it was read"));
        std::fs::write(&path, b"behind").unwrap();
        let later = metadata.modified().unwrap() + Duration::from_secs(2);
        File::options().append(true).open(&path).unwrap().set_modified(later).unwrap();
        assert!(read().unwrap_err().starts_with("it changed"), "of the same size, at another time");
        std::fs::write(&path, b"").unwrap();
        assert!(read().is_err());
        assert!(read_file(&path, 0).unwrap().0.is_empty());
    }
}
