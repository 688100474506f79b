//! Bits of a scan, and the tables that make symbols of them.

use std::cell::OnceCell;

/// Bits that are there after a refill.
const FILLED: u32 = 56;
/// Bits that the quickest table looks at.
const FAST: u32 = 10;
/// Bits that the table for passing over coefficients looks at, and those that it passes at most, as it need
/// not see values: a third of [`FILLED`].
const PASS: u32 = 12;
const LONGEST: u32 = 18;
/// What an entry of that table says of a block's end, and without a symbol.
const END: u16 = 128 << 8;
const NONE: u16 = 127 << 8;
/// Coefficients that the end of a block stands for in the table with values: more than a block has.
const ENDED: i32 = 65;

/// The bits of a scan, up to the next marker. Beyond it there are zeros, so that a reader need not ask at
/// each symbol; [`Bits::is_overdrawn`] tells afterwards.
///
/// Loops work on a copy, which the compiler keeps in registers, and put it back.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, from the highest on.
    word: u64,
    /// How many of them count.
    count: u32,
    /// How many of them are zeros from beyond the marker.
    lent: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Bits { bytes, at, word: 0, count: 0, lent: 0 }
    }

    /// Where the marker is that stopped the reading, or the next byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Whether more bits were taken than there are.
    pub(super) fn is_overdrawn(&self) -> bool {
        self.lent > self.count
    }

    /// Whole bytes that were read ahead and not taken.
    pub(super) fn whole_bytes(&self) -> usize {
        (self.count.saturating_sub(self.lent) / 8) as usize
    }

    /// Goes on at `at`, as after a marker.
    pub(super) fn restart(&mut self, at: usize) {
        *self = Bits::new(self.bytes, at);
    }

    /// At least 32 bits, for one symbol and the value that belongs to it.
    #[inline(always)]
    pub(super) fn fill(&mut self) {
        if self.count < 32 {
            self.refill();
        }
    }

    /// At least [`FILLED`] bits.
    #[inline(always)]
    fn refill(&mut self) {
        if let Some(next) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let next = u64::from_be_bytes(*next);
            if ones(next) == 0 {
                self.add(next);
                return;
            }
        }
        *self = self.refilled_slowly();
    }

    /// Takes as many of eight whole bytes as there is room for.
    #[inline(always)]
    fn add(&mut self, next: u64) {
        self.word |= next >> self.count;
        let whole = (63 - self.count) >> 3;
        self.at += whole as usize;
        self.count += whole * 8;
    }

    #[cold]
    #[inline(never)]
    fn refilled_slowly(mut self) -> Self {
        while self.count < FILLED {
            let next = match self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
                Some(next) => u64::from_be_bytes(*next),
                None => u64::MAX,
            };
            // bytes before the first 0xff
            let sound = ones(next).leading_zeros() / 8;
            if sound == 8 {
                self.add(next);
                return self;
            }
            if sound > 0 {
                let whole = sound.min((63 - self.count) / 8);
                self.word |= (next & !(u64::MAX >> (8 * whole))) >> self.count;
                self.at += whole as usize;
                self.count += 8 * whole;
                continue;
            }
            let byte = match self.bytes.get(self.at) {
                Some(&0xff) if self.bytes.get(self.at + 1) == Some(&0) => {
                    self.at += 2;
                    0xff
                }
                Some(&byte) if byte != 0xff => {
                    self.at += 1;
                    byte
                }
                _ => {
                    self.lent += 8;
                    0
                }
            };
            self.word |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
        self
    }

    #[inline(always)]
    fn peek(&self, n: u32) -> usize {
        (self.word >> (64 - n)) as usize
    }

    #[inline(always)]
    fn pass(&mut self, n: u32) {
        self.word <<= n & 63;
        self.count -= n;
    }

    /// The next `n` bits, 0 to 16, after [`Bits::fill`].
    #[inline(always)]
    pub(super) fn take(&mut self, n: u32) -> i32 {
        let bits = (self.word >> 32 >> (32 - n)) as i32;
        self.pass(n);
        bits
    }

    /// The signed value of `n` bits, 0 to 16 (EXTEND of the standard).
    #[inline(always)]
    pub(super) fn value(&mut self, n: u32) -> i32 {
        let bits = self.take(n);
        let half = (1 << n) >> 1;
        if bits < half { bits - (1 << n) + 1 } else { bits }
    }
}

/// The highest bit of each byte that is 0xff.
#[inline(always)]
fn ones(next: u64) -> u64 {
    const HIGHEST: u64 = 0x8080_8080_8080_8080;
    // each byte with its lowest seven bits plus one overflows into its highest bit where all of them are set
    (next & !HIGHEST).wrapping_add(HIGHEST >> 7) & next & HIGHEST
}

/// A Huffman table.
pub(super) struct Table {
    /// For the next [`FAST`] bits: length of the code << 8 | symbol; 0 for longer codes.
    fast: Box<[u16; 1 << FAST]>,
    /// As `fast`, with the value that follows, where that fits as well: value << 16 | run and itself << 8 |
    /// bits. The end of a block is [`ENDED`] and a value of 0.
    valued: OnceCell<Box<[i32; 1 << FAST]>>,
    /// For the next [`PASS`] bits, as many symbols as there are, values included: [`END`] at the end of a
    /// block, plus coefficients << 8, plus bits, [`LONGEST`] at most; [`NONE`] without a whole symbol.
    passed: OnceCell<Box<[u16; 1 << PASS]>>,
    /// For each length, the first 16 bits that are above all of its codes, and what its symbols start at.
    limits: [u32; 17],
    offsets: [i32; 17],
    symbols: [u8; 256],
}

impl Table {
    /// From the number of codes of each length, and the symbols in their order; none where they do not fit.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Table> {
        let mut table = Table {
            fast: Box::new([0; 1 << FAST]),
            valued: OnceCell::new(),
            passed: OnceCell::new(),
            limits: [0; 17],
            offsets: [0; 17],
            symbols: [0; 256],
        };
        table.symbols.get_mut(..symbols.len())?.copy_from_slice(symbols);
        let (mut code, mut next) = (0, 0);
        for (&count, length) in counts.iter().zip(1..) {
            let count = usize::from(count);
            table.offsets[length] = next as i32 - code as i32;
            for symbol in &symbols[next..next + count] {
                if code >= 1 << length {
                    return None;
                }
                if length <= FAST as usize {
                    let spare = FAST as usize - length;
                    let entry = (length as u16) << 8 | u16::from(*symbol);
                    table.fast[code << spare..][..1 << spare].fill(entry);
                }
                code += 1;
            }
            next += count;
            table.limits[length] = (code << (16 - length)) as u32;
            code <<= 1;
        }
        Some(table)
    }

    #[cold]
    fn values(&self) -> Box<[i32; 1 << FAST]> {
        let mut values = Box::new([0; 1 << FAST]);
        for (index, (valued, &entry)) in values.iter_mut().zip(self.fast.iter()).enumerate() {
            let (length, run, size) =
                (u32::from(entry >> 8), i32::from(entry >> 4 & 15), u32::from(entry & 15));
            if entry & 255 == 0 && length > 0 {
                *valued = ENDED << 8 | length as i32;
            } else if size > 0 && length > 0 && length + size <= FAST {
                let mut bits = Bits { word: (index as u64) << (64 - FAST), count: FAST, ..Bits::new(&[], 0) };
                bits.pass(length);
                *valued = bits.value(size) << 16 | (run + 1) << 8 | (length + size) as i32;
            }
        }
        values
    }

    #[cold]
    fn passes(&self) -> Box<[u16; 1 << PASS]> {
        let mut passes = Box::new([NONE; 1 << PASS]);
        for (index, pass) in passes.iter_mut().enumerate() {
            let (mut used, mut coefficients, mut is_end) = (0, 0, false);
            while !is_end && used < PASS {
                let ahead = (index << used & ((1 << PASS) - 1)) as u32;
                let Some((length, symbol)) = self.code(ahead << (16 - PASS)) else { break };
                let (run, size) = (u16::from(symbol >> 4), u32::from(symbol & 15));
                let (bits, more) = (used + length + size, coefficients + run + 1);
                if used + length > PASS || bits > LONGEST || more > 63 {
                    break;
                }
                is_end = size == 0 && run < 15;
                (used, coefficients) = (bits, if is_end { coefficients } else { more });
            }
            if used > 0 {
                *pass = if is_end { END } else { 0 } | coefficients << 8 | used as u16;
            }
        }
        passes
    }

    /// Length and symbol of the code that 16 bits begin with.
    #[inline(always)]
    fn code(&self, ahead: u32) -> Option<(u32, u8)> {
        match self.fast[(ahead >> (16 - FAST)) as usize] {
            0 => self.long_code(ahead),
            entry => Some((u32::from(entry >> 8), entry as u8)),
        }
    }

    #[cold]
    fn long_code(&self, ahead: u32) -> Option<(u32, u8)> {
        let length = (FAST as usize + 1..=16).find(|&length| ahead < self.limits[length])?;
        let number = (ahead >> (16 - length)) as i32 + self.offsets[length];
        Some((length as u32, *self.symbols.get(number as usize)?))
    }

    /// The next symbol, after [`Bits::fill`]; none where the bits are of no code.
    #[inline(always)]
    pub(super) fn symbol(&self, bits: &mut Bits) -> Option<u8> {
        let (length, symbol) = self.code(bits.peek(16) as u32)?;
        bits.pass(length);
        Some(symbol)
    }

    /// The difference of a block's first coefficient from that of the block before.
    #[inline(always)]
    pub(super) fn difference(&self, bits: &mut Bits) -> Option<i32> {
        if bits.count < FAST {
            bits.refill();
        }
        let entry = self.valued.get_or_init(|| self.values())[bits.peek(FAST)];
        if entry != 0 && matches!(entry >> 8 & 255, 1 | ENDED) {
            bits.pass(entry as u32 & 255);
            return Some(entry >> 16);
        }
        bits.fill();
        let size = self.symbol(bits)?;
        (size <= 16).then(|| bits.value(u32::from(size)))
    }

    /// All AC coefficients of a sequential block: `each` takes their places in zigzag order and their values.
    /// None where the bits are of no code, or there are too many.
    #[inline(always)]
    pub(super) fn coefficients(&self, bits: &mut Bits, each: impl FnMut(usize, i32)) -> Option<()> {
        let mut copy = *bits;
        let found = self.coefficients_of(&mut copy, each);
        *bits = copy;
        found
    }

    #[inline(always)]
    fn coefficients_of(&self, bits: &mut Bits, mut each: impl FnMut(usize, i32)) -> Option<()> {
        let valued = self.valued.get_or_init(|| self.values());
        let mut next = 1; // the place after the last coefficient
        while next < 64 {
            if bits.count < FAST {
                bits.refill();
            }
            let entry = valued[bits.peek(FAST)];
            let mut value = entry >> 16;
            if entry != 0 {
                bits.pass(entry as u32 & 255);
                next += (entry >> 8 & 255) as usize;
                if next > 64 {
                    // only the end of the block has a value of 0
                    return (value == 0).then_some(());
                }
            } else {
                bits.fill();
                let symbol = self.symbol(bits)?;
                next += usize::from(symbol >> 4) + 1;
                match symbol & 15 {
                    0 if symbol == 0xf0 => continue,
                    0 => return Some(()),
                    _ if next > 64 => return None,
                    size => value = bits.value(u32::from(size)),
                }
            }
            each(next - 1, value);
        }
        (next == 64).then_some(())
    }

    /// Passes over what [`Table::coefficients`] reads, several symbols at a time.
    #[inline(always)]
    pub(super) fn pass_coefficients(&self, bits: &mut Bits) -> Option<()> {
        let mut copy = *bits;
        let found = self.pass_coefficients_of(&mut copy);
        *bits = copy;
        found
    }

    #[inline(always)]
    fn pass_coefficients_of(&self, bits: &mut Bits) -> Option<()> {
        let passed = self.passed.get_or_init(|| self.passes());
        let mut place = 1;
        'filled: loop {
            bits.refill();
            for _ in 0..FILLED / LONGEST {
                let (before, entry) = (*bits, u32::from(passed[bits.peek(PASS)]));
                bits.pass(entry & 255);
                let next = place + (entry >> 8);
                if next < 64 {
                    place = next;
                    continue;
                }
                if next == 64 || entry >= u32::from(END) && next - u32::from(END >> 8) < 64 {
                    return Some(());
                }
                *bits = before;
                bits.fill();
                let symbol = self.symbol(bits)?;
                place += u32::from(symbol >> 4) + 1;
                match symbol & 15 {
                    0 if symbol != 0xf0 => return Some(()),
                    size => bits.pass(u32::from(size)),
                }
                if place >= 64 {
                    return (place == 64).then_some(());
                }
                continue 'filled;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    /// A table with codes of all lengths: short ones for small runs and values, as in real ones.
    fn table() -> Table {
        let counts = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125];
        let mut symbols: Vec<u8> = (0..=255).filter(|symbol| matches!(symbol & 15, 0..=10)).collect();
        symbols.retain(|symbol| symbol & 15 > 0 || matches!(symbol, 0 | 0xf0));
        symbols.sort_by_key(|symbol| (symbol >> 4) + (symbol & 15));
        Table::new(&counts, &symbols[..162]).unwrap()
    }

    #[test]
    fn passing_over_coefficients_takes_the_same_bits_as_reading_them() {
        let (table, mut rng) = (table(), rand_chacha::ChaCha8Rng::seed_from_u64(7));
        let (mut whole, mut wrong) = (0, 0);
        for case in 0..2000 {
            // codes that do not exist begin with many ones
            let mut byte = || match case % 2 {
                0 => rng.random::<u8>() & rng.random::<u8>(),
                _ => rng.random::<u8>() | rng.random::<u8>() | rng.random::<u8>(),
            };
            let mut bytes: Vec<u8> = (0..400).map(|_| byte()).collect();
            bytes.iter_mut().filter(|byte| **byte == 0xff).for_each(|byte| *byte = 0xfe);
            let [mut read, mut passed] = [Bits::new(&bytes, 0), Bits::new(&bytes, 0)];
            let mut sum = 0;
            let found = table.coefficients(&mut read, |at, value| sum += at as i32 * value);
            assert_eq!(table.pass_coefficients(&mut passed), found, "{bytes:?}");
            if found.is_none() {
                wrong += 1;
                continue;
            }
            whole += 1;
            for _ in 0..8 {
                read.fill();
                passed.fill();
                assert_eq!(read.take(16), passed.take(16));
            }
        }
        assert!(whole > 100 && wrong > 100, "{whole} {wrong}");
    }

    #[test]
    fn stuffed_zeros_are_no_bits() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        for case in 0..500 {
            let share = [0.005, 0.1, 0.9][case % 3];
            let plain: Vec<u8> =
                (0..200).map(|_| if rng.random_bool(share) { 0xff } else { rng.random() }).collect();
            let stuffed =
                plain.iter().flat_map(|&byte| if byte == 0xff { vec![0xff, 0] } else { vec![byte] });
            let bytes: Vec<u8> = stuffed.chain([0xff, 0xd9]).collect();
            let mut bits = Bits::new(&bytes, 0);
            let mut at = 0;
            while at + 16 <= 8 * plain.len() {
                let expected = |n| {
                    (0..n).fold(0, |bits, i| {
                        bits << 1 | i32::from(plain[(at + i) / 8] >> (7 - (at + i) % 8) & 1)
                    })
                };
                let n = rng.random_range(1..=16);
                bits.fill();
                assert_eq!((bits.take(n as u32), bits.is_overdrawn()), (expected(n), false), "{bytes:?}");
                at += n;
            }
        }
    }

    #[test]
    fn bits_end_at_a_marker() {
        for before in 0..20 {
            let mut bytes: Vec<u8> = (1..=before).collect();
            bytes.extend([0xff, 0, 7, 0xff, 0xd9, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
            let mut bits = Bits::new(&bytes, 0);
            let expected: Vec<i32> = (1..=i32::from(before)).chain([0xff, 7]).collect();
            let take = |bits: &mut Bits| {
                bits.fill();
                bits.take(8)
            };
            assert!(expected.iter().all(|&byte| take(&mut bits) == byte && !bits.is_overdrawn()));
            assert_eq!(bits.at(), usize::from(before) + 3);
            assert_eq!((take(&mut bits), bits.is_overdrawn()), (0, true));
        }
    }

    #[test]
    fn values_are_of_both_signs() {
        let value = |bits: u8, n: u32| {
            let bytes = [bits, 0, 0, 0];
            let mut bits = Bits::new(&bytes, 0);
            bits.fill();
            bits.value(n)
        };
        assert_eq!([value(0, 0), value(0, 1), value(0x80, 1)], [0, -1, 1]);
        assert_eq!([value(0, 3), value(0x60, 3), value(0x80, 3), value(0xe0, 3)], [-7, -4, 4, 7]);
    }
}
