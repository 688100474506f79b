//! The memory map and the two casts between bytes and numbers; with `kernels/` the only home of unsafe code.
//!
//! A [`Span`] is checked once at open (bounds, alignment, whole elements); [`Map::get`] turns it into a slice. Nothing
//! here trusts the contents: every bit pattern of a [`Plain`] type is a value.
#![allow(unsafe_code)]

use std::fs::File;
use std::marker::PhantomData;
use std::ops::Deref;

use memmap2::Mmap;

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
    // SAFETY: `T` is `Plain` (no padding), the pointer and length come from a live slice, u8 has no alignment.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// A range of a map that holds whole, aligned values of `T`.
#[derive(Debug)]
pub(crate) struct Span<T> {
    start: usize, // bytes
    end: usize,   // bytes
    element: PhantomData<T>,
}

/// A file mapped for reading.
#[derive(Debug)]
pub(crate) struct Map(Mmap);

impl Map {
    /// Maps a whole file, which must not be empty.
    pub(crate) fn new(file: &File) -> std::io::Result<Self> {
        // SAFETY: committed files are immutable: the writer creates each under a fresh name, never opens it again for
        // writing, and only ever unlinks it, which leaves existing maps intact. As with every mapped file, a stranger
        // who truncates it in place kills the reader; that is outside the contract.
        unsafe { Mmap::map(file) }.map(Map)
    }

    /// The range `offset..offset + len` bytes as values of `T`, if it lies in the map, is aligned, and holds whole values.
    pub(crate) fn span<T: Plain>(&self, offset: u64, len: u64) -> Option<Span<T>> {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        let bytes = self.0.get(start..end)?;
        let whole = bytes.len().is_multiple_of(size_of::<T>()) && bytes.as_ptr().cast::<T>().is_aligned();
        whole.then_some(Span { start, end, element: PhantomData })
    }

    /// The values of a span.
    pub(crate) fn get<T: Plain>(&self, span: &Span<T>) -> &[T] {
        // SAFETY: every bit pattern is a `T`. `align_to` itself takes care of alignment and whole elements, so even a
        // span of another map could only lose values at its ends.
        let (_, values, _) = unsafe { self.0[span.start..span.end].align_to::<T>() };
        values
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
