//! Writes a framed file section by section, without holding any of them in memory.
//!
//! Header and section table are written last, into space reserved for them, as their checksums are known only
//! then. `layout` defines what they look like.

use std::io::{self, Seek, SeekFrom, Write};

use crate::layout::{ALIGNMENT, ENTRY, HEADER, Header, Kind, Section, Shape};

/// A file being written.
pub(crate) struct Frame<W> {
    out: W,
    at: u64, // bytes written
    room: usize,
    sections: Vec<Section>,
}

impl<W: Write + Seek> Frame<W> {
    /// Reserves space for a header with `n_sections` lines.
    pub(crate) fn start(mut out: W, n_sections: usize) -> io::Result<Self> {
        let room = HEADER + n_sections * ENTRY;
        out.write_all(&vec![0; room])?;
        Ok(Frame { out, at: room as u64, room: n_sections, sections: Vec::with_capacity(n_sections) })
    }

    /// Adds a section with what `write` writes.
    pub(crate) fn section(
        &mut self,
        kind: Kind,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let offset = self.at.next_multiple_of(ALIGNMENT);
        self.out.write_all(&[0; ALIGNMENT as usize][..(offset - self.at) as usize])?;
        let mut summed = Checksummed { out: &mut self.out, crc: crc32fast::Hasher::new(), length: 0 };
        write(&mut summed)?;
        let Checksummed { crc, length, .. } = summed;
        self.at = offset + length;
        self.sections.push(Section { kind: kind as u32, checksum: crc.finalize(), offset, length });
        Ok(())
    }

    /// Writes the header. Returns the file and its length in bytes.
    ///
    /// # Errors
    /// When the number of sections is not the one reserved, or the file cannot be written.
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

/// Counts and checksums the bytes that pass through.
struct Checksummed<'a, W> {
    out: &'a mut W,
    crc: crc32fast::Hasher,
    length: u64,
}

impl<W: Write> Write for Checksummed<'_, W> {
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
