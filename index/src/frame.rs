//! Writes a framed file section by section, without holding any of them in memory.
//!
//! Header and table come last, into the room that was left for them: their checksums are known only then. What they look
//! like is `layout`'s business.

use std::io::{self, Seek, SeekFrom, Write};

use crate::layout::{ALIGNMENT, ENTRY, HEADER, Header, Kind, Section, Shape};

/// A file in the making.
pub(crate) struct Frame<W> {
    out: W,
    at: u64, // bytes written
    room: usize,
    sections: Vec<Section>,
}

impl<W: Write + Seek> Frame<W> {
    /// Leaves room for a header with `n_sections` lines.
    pub(crate) fn start(mut out: W, n_sections: usize) -> io::Result<Self> {
        let room = HEADER + n_sections * ENTRY;
        out.write_all(&vec![0; room])?;
        Ok(Frame { out, at: room as u64, room: n_sections, sections: Vec::with_capacity(n_sections) })
    }

    /// Adds a section of what `write` writes.
    pub(crate) fn section(
        &mut self,
        kind: Kind,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let offset = self.at.next_multiple_of(ALIGNMENT);
        self.out.write_all(&[0; ALIGNMENT as usize][..(offset - self.at) as usize])?;
        let mut summed = Summed { out: &mut self.out, crc: crc32fast::Hasher::new(), length: 0 };
        write(&mut summed)?;
        let Summed { crc, length, .. } = summed;
        self.at = offset + length;
        self.sections.push(Section { kind: kind as u32, checksum: crc.finalize(), offset, length });
        Ok(())
    }

    /// Writes the header. Returns the file and its length in bytes.
    ///
    /// # Errors
    /// When there are not as many sections as room was left for, or the file cannot be written.
    pub(crate) fn finish(mut self, magic: [u8; 8], shape: &Shape) -> io::Result<(W, u64)> {
        if self.sections.len() != self.room {
            return Err(io::Error::other(format!(
                "{} sections for {} lines",
                self.sections.len(),
                self.room
            )));
        }
        let header = Header::to_bytes(shape, &self.sections, self.at, magic);
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&header)?;
        self.out.flush()?;
        Ok((self.out, self.at))
    }
}

/// Counts and sums what passes through.
struct Summed<'a, W> {
    out: &'a mut W,
    crc: crc32fast::Hasher,
    length: u64,
}

impl<W: Write> Write for Summed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.crc.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
