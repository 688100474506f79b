//! The bytes of a file, mapped or read, and the casts between bytes and numbers. Only this file and
//! `kernels/` have unsafe code.
//!
//! A [`Span`] is checked once at open (bounds, alignment, whole elements); [`Map::get`] turns it into a
//! slice. Nothing here trusts the contents: every bit pattern of a [`Plain`] type is a value.
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::io::{self, Read};
use std::marker::PhantomData;
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

/// How the files of an index are brought into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Access {
    /// Memory-mapped: opened in constant time, read on demand, shared with other processes.
    #[default]
    Map,
    /// Read into memory whole: for network drives that may disappear, and files that others may truncate.
    Read,
}

/// Numbers without padding or invalid bit patterns.
///
/// # Safety
/// Every bit pattern must be a valid value, and the type must have no padding.
pub(crate) unsafe trait Plain: Copy {}
// SAFETY: primitive integers and floats have no padding and no invalid bit patterns.
unsafe impl Plain for u8 {}
// SAFETY: as above.
unsafe impl Plain for i8 {}
// SAFETY: as above.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for u64 {}
// SAFETY: as above.
unsafe impl Plain for f32 {}

/// The bytes of `values`, in the machine's order (little-endian: see the crate root).
pub(crate) fn bytes_of<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: `T` is `Plain` (no padding), the pointer and length come from a live slice, u8 has no
    // alignment.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// The bytes of `values`, writable.
fn bytes_of_mut(values: &mut [u64]) -> &mut [u8] {
    // SAFETY: u64 has no padding and every byte pattern is one; pointer, length and lifetime are the slice's.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

/// A range of a map that holds whole, aligned values of `T`.
#[derive(Debug)]
pub(crate) struct Span<T> {
    start: usize, // bytes
    end: usize,   // bytes
    element: PhantomData<T>,
}

impl<T> Span<T> {
    /// No values.
    pub(crate) fn empty() -> Self {
        Span { start: 0, end: 0, element: PhantomData }
    }
}

/// The bytes of a file.
#[derive(Debug)]
pub(crate) struct Map(Bytes);

#[derive(Debug)]
enum Bytes {
    Mapped(Mmap),
    /// Words, so that sections are aligned, and the length in bytes.
    Read(Vec<u64>, usize),
}

impl Map {
    /// The whole file at `path`, which must be a regular file, not empty, and of `expected` bytes if that is
    /// given.
    ///
    /// # Errors
    /// The system's own, and `InvalidData` for any other file.
    pub(crate) fn open(path: &Path, access: Access, expected: Option<u64>) -> io::Result<Self> {
        // checked before opening: opening a pipe would wait for its other end
        let metadata = fs::metadata(path)?;
        let length = metadata.len();
        let fits = expected.is_none_or(|expected| expected == length);
        if !metadata.is_file() || length == 0 || !fits {
            let got = if metadata.is_file() { format!("{length} bytes") } else { "no file".to_string() };
            return Err(io::Error::new(io::ErrorKind::InvalidData, got));
        }
        let mut file = File::open(path)?;
        match access {
            // SAFETY: committed files are immutable: the writer creates each under a fresh name, never opens
            // it again for writing, and only ever unlinks it, which leaves existing maps intact. As with
            // every mapped file, a process that truncates it in place kills the reader; that is outside the
            // contract, and `Access::Read` is for such places.
            Access::Map => Ok(Map(Bytes::Mapped(unsafe { Mmap::map(&file) }?))),
            Access::Read => {
                let length = usize::try_from(length).map_err(io::Error::other)?;
                let mut words = Vec::new();
                words.try_reserve_exact(length.div_ceil(8)).map_err(io::Error::other)?;
                words.resize(length.div_ceil(8), 0);
                file.read_exact(&mut bytes_of_mut(&mut words)[..length])?;
                Ok(Map(Bytes::Read(words, length)))
            }
        }
    }

    /// The range `offset..offset + len` bytes as values of `T`, if it lies in the map, is aligned, and holds
    /// whole values.
    pub(crate) fn span<T: Plain>(&self, offset: u64, len: u64) -> Option<Span<T>> {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        let bytes = self.deref().get(start..end)?;
        let whole = bytes.len().is_multiple_of(size_of::<T>()) && bytes.as_ptr().cast::<T>().is_aligned();
        whole.then_some(Span { start, end, element: PhantomData })
    }

    /// The values of a span.
    pub(crate) fn get<T: Plain>(&self, span: &Span<T>) -> &[T] {
        // SAFETY: every bit pattern is a `T`. `align_to` itself takes care of alignment and whole elements,
        // so even a span of another map could only lose values at its ends.
        let (_, values, _) = unsafe { self.deref()[span.start..span.end].align_to::<T>() };
        values
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Mapped(map) => map,
            Bytes::Read(words, length) => &bytes_of(words)[..*length],
        }
    }
}
