//! The tags of a TIFF file: numbers, fractions and blocks, found by their number. BigTIFF too.
//!
//! EXIF blocks are laid out the same way. Values are read when they are asked for, and only where they lie
//! inside the file, so that a count costs nothing before it is believed.

/// Most entries of a directory: there are no more tags.
const MOST: usize = 1 << 16;

/// One directory: the tags of one picture.
#[derive(Debug)]
pub(in crate::images) struct Directory<'a> {
    bytes: &'a [u8],
    /// Numbers begin with their low byte.
    pub(super) is_little: bool,
    /// Offsets have 8 bytes.
    is_large: bool,
    entries: Vec<Entry>,
    /// Where it lies.
    pub(in crate::images) offset: u64,
    /// Where the directory of the next picture lies; 0 for the last one.
    pub(in crate::images) next: usize,
    /// Where that is said.
    pub(in crate::images) next_at: usize,
}

/// One tag.
#[derive(Debug, Clone, Copy)]
struct Entry {
    tag: u16,
    kind: u16,
    count: usize,
    /// Where its field for a short value or an offset lies.
    field: usize,
}

impl<'a> Directory<'a> {
    /// The directory that the header points at.
    ///
    /// # Errors
    /// What does not fit.
    pub(in crate::images) fn first(bytes: &'a [u8]) -> Result<Self, String> {
        let mut found = Directory::empty(bytes);
        let cut = || "the file ends too early (truncated)".to_owned();
        found.is_large = match found.integer(2, 2).ok_or_else(cut)? {
            42 => false,
            43 => true,
            version => return Err(format!("damaged: no version {version} exists")),
        };
        let at = if found.is_large { found.integer(8, 8) } else { found.integer(4, 4) };
        let at = at.ok_or_else(cut)?;
        found.read(at).ok_or_else(|| format!("the directory at byte {at} is cut short (truncated)"))?;
        Ok(found)
    }

    /// As [`Directory::first`], where the header may have a version of its own, as those of cameras have.
    pub(in crate::images) fn first_of_any(bytes: &'a [u8]) -> Option<Self> {
        let mut found = Directory::empty(bytes);
        found.is_large = found.integer(2, 2)? == 43;
        let at = if found.is_large { found.integer(8, 8) } else { found.integer(4, 4) };
        found.read(at?)?;
        Some(found)
    }

    /// Another directory of the same file.
    pub(in crate::images) fn at(&self, at: u64) -> Option<Self> {
        let mut found = Directory { entries: Vec::new(), ..*self };
        found.read(at)?;
        Some(found)
    }

    fn empty(bytes: &'a [u8]) -> Self {
        let is_little = bytes.starts_with(b"II");
        Directory { bytes, is_little, is_large: false, entries: Vec::new(), offset: 0, next: 0, next_at: 0 }
    }

    fn read(&mut self, at: u64) -> Option<()> {
        let (count_size, size, offset) = if self.is_large { (8, 20, 8) } else { (2, 12, 4) };
        self.offset = at;
        let at = usize::try_from(at).ok()?;
        let count = usize::try_from(self.integer(at, count_size)?).ok()?;
        let start = at.checked_add(count_size)?;
        let end = start.checked_add(count.checked_mul(size)?)?;
        self.bytes.get(start..end)?;
        if count > MOST {
            return None;
        }
        for at in (start..end).step_by(size) {
            let [tag, kind] = [self.integer(at, 2)? as u16, self.integer(at + 2, 2)? as u16];
            let count = usize::try_from(self.integer(at + 4, offset)?).unwrap_or(usize::MAX);
            self.entries.push(Entry { tag, kind, count, field: at + 4 + offset });
        }
        self.next_at = end;
        // some writers leave out the offset of the next directory
        self.next = self.integer(end, offset).and_then(|next| usize::try_from(next).ok()).unwrap_or(0);
        Some(())
    }

    /// So many bytes at `at` as a number.
    fn integer(&self, at: usize, size: usize) -> Option<u64> {
        let digits = self.bytes.get(at..at.checked_add(size)?)?;
        let add = |value: u64, digit: &u8| value << 8 | u64::from(*digit);
        Some(if self.is_little { digits.iter().rev().fold(0, add) } else { digits.iter().fold(0, add) })
    }

    /// The first number of a tag.
    pub(in crate::images) fn number(&self, tag: u16) -> Option<u64> {
        self.numbers(tag, 1)?.first().copied()
    }

    /// At most so many numbers of a tag. None if there is no such tag, if it lies outside of the file, or if
    /// it holds no whole numbers.
    pub(in crate::images) fn numbers(&self, tag: u16, most: usize) -> Option<Vec<u64>> {
        let (kind, block) = self.values(tag, most)?;
        let size = match kind {
            1 | 7 => 1,
            3 => 2,
            4 | 13 => 4,
            16 | 18 => 8,
            _ => return None,
        };
        (block..).step_by(size).take(self.count(tag)?.min(most)).map(|at| self.integer(at, size)).collect()
    }

    /// At most so many fractions of a tag, or whole numbers.
    pub(in crate::images) fn fractions(&self, tag: u16, most: usize) -> Option<Vec<f32>> {
        if let Some(numbers) = self.numbers(tag, most) {
            return Some(numbers.into_iter().map(|number| number as f32).collect());
        }
        let (5, block) = self.values(tag, most)? else { return None };
        let fraction = |at| Some(self.integer(at, 4)? as f32 / self.integer(at + 4, 4)? as f32);
        (block..).step_by(8).take(self.count(tag)?.min(most)).map(fraction).collect()
    }

    /// The bytes of a tag.
    pub(in crate::images) fn block(&self, tag: u16) -> Option<&'a [u8]> {
        let (1 | 2 | 6 | 7, at) = self.values(tag, usize::MAX)? else { return None };
        self.bytes.get(at..at.checked_add(self.count(tag)?)?)
    }

    /// Entries.
    pub(in crate::images) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is such a tag.
    pub(in crate::images) fn has(&self, tag: u16) -> bool {
        self.count(tag).is_some()
    }

    fn count(&self, tag: u16) -> Option<usize> {
        self.entry(tag).map(|entry| entry.count)
    }

    fn entry(&self, tag: u16) -> Option<Entry> {
        self.entries.iter().find(|entry| entry.tag == tag).copied()
    }

    /// The kind of a tag's values, and where they lie: in its field if they all fit, else elsewhere.
    fn values(&self, tag: u16, most: usize) -> Option<(u16, usize)> {
        let Entry { kind, count, field, .. } = self.entry(tag)?;
        let size = match kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16..=18 => 8,
            _ => return None,
        };
        let room = if self.is_large { 8 } else { 4 };
        let at = if count.checked_mul(size)? <= room {
            field
        } else {
            usize::try_from(self.integer(field, room)?).ok()?
        };
        self.bytes.get(at..at.checked_add(count.min(most).checked_mul(size)?)?)?;
        Some((kind, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lie_in_their_field_or_elsewhere() {
        let mut bytes = b"II*\0\x08\0\0\0\x03\0".to_vec();
        bytes.extend([0, 1, 3, 0, 1, 0, 0, 0, 7, 0, 0, 0]); // 256: one short, 7
        bytes.extend([1, 1, 3, 0, 3, 0, 0, 0, 50, 0, 0, 0]); // 257: three shorts at 50
        bytes.extend([2, 1, 4, 0, 255, 255, 255, 255, 0, 0, 0, 0]); // 258: more than there is
        bytes.extend([9, 0, 0, 0]);
        bytes.extend([1, 0, 2, 0, 3, 0]);
        let directory = Directory::first(&bytes).unwrap();
        assert_eq!((directory.number(256), directory.next), (Some(7), 9));
        assert_eq!(directory.numbers(257, 9), Some(vec![1, 2, 3]));
        assert_eq!(directory.numbers(257, 2), Some(vec![1, 2]));
        assert_eq!(directory.numbers(258, usize::MAX), None);
        assert!(directory.has(258) && !directory.has(259));
    }

    #[test]
    fn damage_is_told() {
        assert!(Directory::first(b"II").unwrap_err().contains("truncated"));
        assert!(Directory::first(b"MM\0\x09\0\0\0\x08").unwrap_err().contains("version 9"));
        assert!(Directory::first(b"II*\0\xff\xff\xff\xff").unwrap_err().contains("truncated"));
        assert!(Directory::first(b"II*\0\x08\0\0\0\xff\xff").unwrap_err().contains("truncated"));
    }
}
