//! One scan: its blocks, from bits to planes (sequential) or to coefficients (progressive).

use super::header::{Frame, Scan, Tables};
use super::huffman::{Bits, Table};
use super::idct;
use super::part::Fault;
use super::plane::{Plane, ZIGZAG};

/// What scans read of a component.
struct Unit<'a> {
    plane: &'a mut Plane,
    dc: Option<&'a Table>,
    ac: Option<&'a Table>,
    /// Blocks of it in an MCU.
    h: usize,
    v: usize,
    predictor: i32,
    /// The largest value of the first coefficients, without their sign, before quantization.
    extreme: u32,
}

/// Bytes between pixels and the next marker that some cameras leave there.
const SPARE_BYTES: usize = 2;
/// The largest first coefficient of 8 bits, scaled by its quantization; encoders round, and may clip late.
const BRIGHTEST: u64 = 1024 + 64;

/// What was read of a scan.
pub(super) struct Read {
    /// Where it ends.
    pub(super) end: usize,
    /// Why its pixels are not those that were written, where that shows.
    pub(super) damage: Option<&'static str>,
}

/// Reads a scan into `planes`, one for each component of `frame`.
pub(super) fn read(
    bytes: &[u8],
    scan: &Scan,
    (frame, tables): (&Frame, &Tables),
    planes: &mut [Plane],
) -> Result<Read, Fault> {
    let mut slots: Vec<Option<&mut Plane>> = planes.iter_mut().map(Some).collect();
    let is_alone = scan.components.len() == 1;
    let mut units = Vec::with_capacity(scan.components.len());
    for &(number, dc, ac) in &scan.components {
        let wrong = || Fault::damaged("a scan of a component that is not there", scan.at);
        let plane = slots.get_mut(number).and_then(Option::take).ok_or_else(wrong)?;
        plane.begin(scan, tables)?;
        let dc = tables.dc.get(dc).and_then(Option::as_deref);
        let ac = tables.ac.get(ac).and_then(Option::as_deref);
        let needs_dc = scan.band.0 == 0 && scan.high == 0;
        if needs_dc && dc.is_none() || scan.band.1 > 0 && ac.is_none() {
            return Err(Fault::damaged("a scan without its Huffman table", scan.at));
        }
        let (h, v) = if is_alone { (1, 1) } else { (plane.component.h, plane.component.v) };
        units.push(Unit { plane, dc, ac, h, v, predictor: 0, extreme: 0 });
    }
    let (columns, rows) = if is_alone { units[0].plane.blocks_alone(frame) } else { frame.mcus() };
    if frame.progressive && scan.band.0 > 0 && units[0].plane.kept < 64 {
        return Ok(Read { end: end_of(bytes, scan.at), damage: None });
    }
    let mut bits = Bits::new(bytes, scan.at);
    let (mut left, mut restarts, mut ends) = (tables.restart_interval, 0, 0);
    let mut spare = 0;
    for row in 0..rows {
        for column in 0..columns {
            if tables.restart_interval > 0 {
                if left == 0 {
                    spare = spare.max(spare_bytes(bytes, &bits));
                    restart(bytes, &mut bits, restarts)?;
                    units.iter_mut().for_each(|unit| unit.predictor = 0);
                    (left, restarts, ends) = (tables.restart_interval, (restarts + 1) % 8, 0);
                }
                left -= 1;
            }
            for unit in &mut units {
                for v in 0..unit.v {
                    for h in 0..unit.h {
                        let place = (column * unit.h + h, row * unit.v + v);
                        let read = match (frame.progressive, scan.band.0, scan.high) {
                            (false, ..) => sequential(&mut bits, unit, place),
                            (true, 0, 0) => first_dc(&mut bits, unit, place, scan.low),
                            (true, 0, _) => more_dc(&mut bits, unit, place, scan.low),
                            (true, _, 0) => first_ac(&mut bits, unit, place, scan, &mut ends),
                            (true, ..) => more_ac(&mut bits, unit, place, scan, &mut ends),
                        };
                        if read.is_none() {
                            return Err(fault(bytes, &bits));
                        }
                    }
                }
            }
            if bits.is_overdrawn() {
                return Err(fault(bytes, &bits));
            }
        }
    }
    spare = spare.max(spare_bytes(bytes, &bits));
    let is_too_bright = |unit: &Unit| {
        let step = u64::from(unit.plane.first_step()) << scan.low;
        u64::from(unit.extreme) * step > BRIGHTEST + step
    };
    let damage = match () {
        () if spare > SPARE_BYTES => Some("bytes are left over behind its pixels"),
        () if units.iter().any(is_too_bright) => Some("pixels are brighter or darker than any can be"),
        () => None,
    };
    Ok(Read { end: bits.at(), damage })
}

/// Bytes up to the next marker that no pixel has taken.
fn spare_bytes(bytes: &[u8], bits: &Bits) -> usize {
    end_of(bytes, bits.at()) - bits.at() + bits.whole_bytes()
}

/// Why bits could not be read on.
#[cold]
fn fault(bytes: &[u8], bits: &Bits) -> Fault {
    if !bits.is_overdrawn() {
        return Fault::damaged("bits that are of no Huffman code", bits.at());
    }
    match bytes.get(bits.at()..).and_then(|rest| rest.iter().find(|&&byte| byte != 0xff)) {
        None | Some(0xd9) => Fault::Truncated,
        Some(marker) => Fault::damaged(&format!("a stray marker ff {marker:02x}"), bits.at()),
    }
}

/// Goes on after restart marker `number`.
fn restart(bytes: &[u8], bits: &mut Bits, number: u8) -> Result<(), Fault> {
    let rest = bytes.get(bits.at()..).unwrap_or_default();
    let fill = rest.iter().take_while(|&&byte| byte == 0xff).count();
    match rest.get(fill) {
        Some(&marker) if fill > 0 && marker == 0xd0 + number => {
            bits.restart(bits.at() + fill + 1);
            Ok(())
        }
        None | Some(0xd9) => Err(Fault::Truncated),
        Some(marker) if fill > 0 => {
            Err(Fault::damaged(&format!("a stray marker ff {marker:02x}"), bits.at()))
        }
        Some(_) => Err(Fault::damaged("no restart marker", bits.at())),
    }
}

/// Where the scan that starts at `at` ends, unread.
fn end_of(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    while let Some(next) = bytes[end..].iter().position(|&byte| byte == 0xff) {
        end += next;
        match bytes.get(end + 1) {
            Some(0 | 0xd0..=0xd7) => end += 2,
            Some(0xff) => end += 1,
            _ => return end,
        }
    }
    bytes.len()
}

/// A whole block: straight to its pixels.
#[inline(always)]
fn sequential(bits: &mut Bits, unit: &mut Unit, place: (usize, usize)) -> Option<()> {
    unit.predictor = unit.predictor.wrapping_add(unit.dc?.difference(bits)?);
    unit.extreme = unit.extreme.max(unit.predictor.unsigned_abs());
    let (ac, plane, dc) = (unit.ac?, &mut *unit.plane, unit.predictor);
    match plane.side {
        0 => ac.pass_coefficients(bits),
        1 => {
            plane.put_mean(place, dc);
            ac.pass_coefficients(bits)
        }
        2 => small::<4>(bits, ac, plane, place, dc),
        4 => small::<16>(bits, ac, plane, place, dc),
        _ => {
            let mut block = [[0.0; 8]; 8];
            let mut last = 0;
            block[0][0] = plane.weights[0] * dc as f32;
            ac.coefficients(bits, |at, value| {
                let (at, flat) = (at & 63, block.as_flattened_mut());
                flat[usize::from(ZIGZAG[at])] = plane.weights[at] * value as f32;
                last = at;
            })?;
            plane.put(place, &block, last);
            Some(())
        }
    }
}

/// A whole block of 2x2 or 4x4 pixels, `N` in all.
#[inline(always)]
fn small<const N: usize>(
    bits: &mut Bits,
    ac: &Table,
    plane: &mut Plane,
    place: (usize, usize),
    dc: i32,
) -> Option<()> {
    let shares = plane.shares::<N>()?;
    let mut pixels = shares[0].map(|share| share * dc as f32);
    ac.coefficients(bits, |at, value| idct::add(&mut pixels, &shares[at & 63], value))?;
    plane.put_small(place, &pixels);
    Some(())
}

fn first_dc(bits: &mut Bits, unit: &mut Unit, place: (usize, usize), low: u32) -> Option<()> {
    unit.predictor = unit.predictor.wrapping_add(unit.dc?.difference(bits)?);
    unit.extreme = unit.extreme.max(unit.predictor.unsigned_abs());
    if let Some(kept) = unit.plane.kept_block(place).first_mut() {
        *kept = (unit.predictor << low) as i16;
    }
    Some(())
}

fn more_dc(bits: &mut Bits, unit: &mut Unit, place: (usize, usize), low: u32) -> Option<()> {
    bits.fill();
    let bit = bits.take(1) << low;
    if let Some(kept) = unit.plane.kept_block(place).first_mut() {
        *kept |= bit as i16;
    }
    Some(())
}

/// `ends` is the number of blocks, from this one on, that have no more coefficients in this band.
fn first_ac(
    bits: &mut Bits,
    unit: &mut Unit,
    place: (usize, usize),
    scan: &Scan,
    ends: &mut u32,
) -> Option<()> {
    if *ends > 0 {
        *ends -= 1;
        return Some(());
    }
    let table = unit.ac?;
    let block = unit.plane.kept_block(place);
    let mut at = scan.band.0;
    while at <= scan.band.1 {
        bits.fill();
        let symbol = table.symbol(bits)?;
        let run = symbol >> 4;
        match symbol & 15 {
            0 if run == 15 => at += 16,
            0 => {
                *ends = (1 << run) - 1 + bits.take(u32::from(run)) as u32;
                return Some(());
            }
            size => {
                at += usize::from(run);
                let value = bits.value(u32::from(size)) << scan.low;
                *block.get_mut(at).filter(|_| at <= scan.band.1)? = value as i16;
                at += 1;
            }
        }
    }
    Some(())
}

fn more_ac(
    bits: &mut Bits,
    unit: &mut Unit,
    place: (usize, usize),
    scan: &Scan,
    ends: &mut u32,
) -> Option<()> {
    let table = unit.ac?;
    let block = unit.plane.kept_block(place);
    let step = 1i16 << scan.low;
    let mut at = scan.band.0;
    while *ends == 0 && at <= scan.band.1 {
        bits.fill();
        let symbol = table.symbol(bits)?;
        let (mut run, mut value) = (i32::from(symbol >> 4), 0);
        match symbol & 15 {
            0 if run == 15 => {}
            0 => {
                *ends = (1 << run) + bits.take(run as u32) as u32;
                break;
            }
            1 => value = if bits.take(1) == 1 { step } else { -step },
            _ => return None,
        }
        while at <= scan.band.1 {
            let kept = block.get_mut(at)?;
            at += 1;
            if *kept != 0 {
                refine(bits, kept, step);
            } else if run == 0 {
                *kept = value;
                break;
            } else {
                run -= 1;
            }
        }
    }
    if *ends > 0 {
        *ends -= 1;
        for kept in block.get_mut(at..=scan.band.1)?.iter_mut().filter(|kept| **kept != 0) {
            refine(bits, kept, step);
        }
    }
    Some(())
}

#[inline(always)]
fn refine(bits: &mut Bits, kept: &mut i16, step: i16) {
    bits.fill();
    if bits.take(1) == 1 && *kept & step == 0 {
        *kept = kept.saturating_add(if *kept > 0 { step } else { -step });
    }
}
