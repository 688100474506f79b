//! The segments between scans: frame, tables, scan headers. Their lengths are checked, unknown ones skipped.

use super::huffman::Table;
use super::part::Fault;

/// Image, components, sampling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// Columns, in pixels.
    pub(super) width: usize,
    /// Rows, in pixels.
    pub(super) height: usize,
    pub(super) progressive: bool,
    /// 1 to 4.
    pub(super) components: Vec<Component>,
    /// The largest sampling factors.
    pub(super) h_max: usize,
    pub(super) v_max: usize,
}

/// One component: luma, for example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Sampling factors, 1 to 4.
    pub(super) h: usize,
    pub(super) v: usize,
    /// Which quantization table.
    pub(super) table: usize,
}

impl Frame {
    /// MCUs (minimum coded units) in a row, and rows of them.
    pub(super) fn mcus(&self) -> (usize, usize) {
        (self.width.div_ceil(8 * self.h_max), self.height.div_ceil(8 * self.v_max))
    }

    /// Columns and rows of a component in its own pixels.
    pub(super) fn size_of(&self, component: &Component) -> (usize, usize) {
        ((self.width * component.h).div_ceil(self.h_max), (self.height * component.v).div_ceil(self.v_max))
    }
}

/// Tables that segments define, for all that follows them.
#[derive(Default)]
pub(super) struct Tables {
    /// In zigzag order.
    pub(super) quantization: [Option<[u16; 64]>; 4],
    pub(super) dc: [Option<Box<Table>>; 4],
    pub(super) ac: [Option<Box<Table>>; 4],
    /// MCUs between restart markers; 0 without.
    pub(super) restart_interval: usize,
    /// The colour transform of Adobe's segment.
    pub(super) adobe: Option<u8>,
    pub(super) jfif: bool,
}

/// A scan's header.
#[derive(Debug)]
pub(super) struct Scan {
    /// Numbers of components in the frame, with their tables for DC and AC.
    pub(super) components: Vec<(usize, usize, usize)>,
    /// First and last coefficient, in zigzag order.
    pub(super) band: (usize, usize),
    /// Bits that earlier scans left out, and that this one does (successive approximation).
    pub(super) high: u32,
    pub(super) low: u32,
    /// Where its data start.
    pub(super) at: usize,
}

/// What comes next.
pub(super) enum Segment {
    Frame(Frame),
    Scan(Scan),
    /// The marker that ends an image.
    End,
    /// The file ends here.
    Nothing,
}

/// Walks over segments.
pub(super) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    frame: Option<Frame>,
}

impl<'a> Segments<'a> {
    /// After the start marker.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Segments { bytes, at: 2, frame: None }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// The next segment that is not a table; `tables` takes those before it.
    pub(super) fn next(&mut self, tables: &mut Tables) -> Result<Segment, Fault> {
        loop {
            // bytes that belong to nothing are passed over, as by other decoders
            let Some(marker) = self.marker() else { return Ok(Segment::Nothing) };
            match marker {
                0xd9 => return Ok(Segment::End),
                0x01 | 0xd0..=0xd8 => continue,
                _ => {}
            }
            let start = self.at;
            let Some(&[high, low]) = self.bytes.get(start..start + 2) else { return Err(Fault::Truncated) };
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length < 2 {
                return Err(Fault::damaged("a segment without a length", start));
            }
            let Some(body) = self.bytes.get(start + 2..start + length) else { return Err(Fault::Truncated) };
            self.at = start + length;
            let fault = |what| Fault::damaged(what, start);
            match marker {
                0xc4 => huffman_tables(body, tables).ok_or_else(|| fault("a damaged Huffman table"))?,
                0xdb => {
                    quantization_tables(body, tables).ok_or_else(|| fault("a damaged quantization table"))?;
                }
                0xdd => {
                    let [high, low] =
                        *body.first_chunk().ok_or_else(|| fault("a damaged restart interval"))?;
                    tables.restart_interval = usize::from(u16::from_be_bytes([high, low]));
                }
                0xc0..=0xc2 => {
                    let frame = frame(body, marker == 0xc2, start)?;
                    self.frame = Some(frame.clone());
                    return Ok(Segment::Frame(frame));
                }
                0xc3 => return Err(Fault::Unsupported("lossless JPEG")),
                0xc5..=0xc7 | 0xde | 0xdf => return Err(Fault::Unsupported("hierarchical JPEG")),
                0xc9..=0xcf => return Err(Fault::Unsupported("arithmetic coding")),
                0xda => {
                    let frame = self.frame.as_ref().ok_or_else(|| fault("a scan before its frame"))?;
                    let scan = scan(body, frame, self.at).ok_or_else(|| fault("a damaged scan header"))?;
                    return Ok(Segment::Scan(scan));
                }
                0xdc => return Err(Fault::Unsupported("a height that is given after the pixels (DNL)")),
                0xe0 => tables.jfif |= body.starts_with(b"JFIF\0"),
                0xee if body.starts_with(b"Adobe") => tables.adobe = body.get(11).copied(),
                0xe1..=0xef | 0xfe => {}
                _ => return Err(fault(&format!("a stray marker ff {marker:02x}"))),
            }
        }
    }

    fn marker(&mut self) -> Option<u8> {
        loop {
            self.at += self.bytes.get(self.at..)?.iter().position(|&byte| byte == 0xff)? + 1;
            match *self.bytes.get(self.at)? {
                0xff => {}
                0 => self.at += 1,
                marker => {
                    self.at += 1;
                    return Some(marker);
                }
            }
        }
    }
}

fn huffman_tables(mut body: &[u8], tables: &mut Tables) -> Option<()> {
    while let Some((&[kind, ref counts @ ..], rest)) = body.split_first_chunk::<17>() {
        let count = counts.iter().map(|&n| usize::from(n)).sum();
        let (symbols, rest) = rest.split_at_checked(count)?;
        let slot = usize::from(kind & 15);
        let table = Some(Box::new(Table::new(counts, symbols)?));
        match kind >> 4 {
            0 => *tables.dc.get_mut(slot)? = table,
            1 => *tables.ac.get_mut(slot)? = table,
            _ => return None,
        }
        body = rest;
    }
    body.is_empty().then_some(())
}

fn quantization_tables(mut body: &[u8], tables: &mut Tables) -> Option<()> {
    while let Some((&kind, rest)) = body.split_first() {
        let size = if kind >> 4 == 0 { 1 } else { 2 };
        let (values, rest) = rest.split_at_checked(64 * size)?;
        let value = |i: usize| match size {
            1 => u16::from(values[i]),
            _ => u16::from_be_bytes([values[2 * i], values[2 * i + 1]]),
        };
        *tables.quantization.get_mut(usize::from(kind & 15))? = Some(std::array::from_fn(value));
        body = rest;
    }
    Some(())
}

fn frame(body: &[u8], progressive: bool, at: usize) -> Result<Frame, Fault> {
    let wrong = || Fault::damaged("a damaged frame header", at);
    let (&[precision, h0, h1, w0, w1, count], rest) = body.split_first_chunk::<6>().ok_or_else(wrong)?;
    if precision != 8 {
        return Err(Fault::Unsupported("more than 8 bits a sample"));
    }
    let [height, width] = [[h0, h1], [w0, w1]].map(|side| usize::from(u16::from_be_bytes(side)));
    if height == 0 {
        return Err(Fault::Unsupported("a height that is given after the pixels (DNL)"));
    }
    if !matches!(count, 1..=4) {
        return Err(Fault::Unsupported("a number of components other than 1, 3 and 4"));
    }
    let (components, []) = rest.as_chunks::<3>() else { return Err(wrong()) };
    let components: Vec<Component> = components
        .iter()
        .map(|&[id, sampling, table]| Component {
            id,
            h: usize::from(sampling >> 4),
            v: usize::from(sampling & 15),
            table: usize::from(table),
        })
        .collect();
    let fits = |c: &Component| (1..=4).contains(&c.h) && (1..=4).contains(&c.v) && c.table < 4;
    if width == 0 || components.len() != usize::from(count) || !components.iter().all(fits) {
        return Err(wrong());
    }
    let h_max = components.iter().map(|c| c.h).max().unwrap_or(1);
    let v_max = components.iter().map(|c| c.v).max().unwrap_or(1);
    Ok(Frame { width, height, progressive, components, h_max, v_max })
}

fn scan(body: &[u8], frame: &Frame, at: usize) -> Option<Scan> {
    let (&count, rest) = body.split_first()?;
    let (chosen, rest) = rest.split_at_checked(2 * usize::from(count))?;
    let &[first, last, approximation] = rest.first_chunk()?;
    let component = |&[id, tables]: &[u8; 2]| {
        let number = frame.components.iter().position(|component| component.id == id)?;
        Some((number, usize::from(tables >> 4), usize::from(tables & 15)))
    };
    let components: Vec<_> = chosen.as_chunks::<2>().0.iter().map(component).collect::<Option<_>>()?;
    let twice = (1..components.len()).any(|i| components[..i].iter().any(|c| c.0 == components[i].0));
    // sequential scans hold all coefficients, whatever their header says
    let (band, high, low) = match frame.progressive {
        false => ((0, 63), 0, 0),
        true => (
            (usize::from(first), usize::from(last)),
            u32::from(approximation >> 4),
            u32::from(approximation & 15),
        ),
    };
    let is_band = band.0 <= band.1 && band.1 < 64 && low <= 13 && (high == 0 || high == low + 1);
    // DC apart from AC, and AC of one component at a time
    let is_alone = !frame.progressive || if band.0 == 0 { band.1 == 0 } else { components.len() == 1 };
    let fits = !twice && matches!(components.len(), 1..=4) && is_band && is_alone;
    fits.then_some(Scan { components, band, high, low, at })
}
