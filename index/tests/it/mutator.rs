//! Faults that a checksum does not find: a sound index with some of its numbers, names and attributes changed, and
//! every checksum, length and count of the files made right again.
//!
//! [`Index::edit`] makes faults of any kind; those here know what a section holds, and make what once went wrong:
//! pieces that overlap, codes without items, scales of zero, curves of a thousand points, names that steer a
//! terminal. The same number makes the same mutant. Shared by the tests of both crates.

use crate::craft::{Framed, Index, Input};

/// Bytes that a fault takes at most, and some.
const NOISE: usize = 256;

/// What names must not do: steer a terminal, leave the folder, end a line, a cell, a tag or an attribute.
const LETTERS: [&[u8]; 10] = [
    b"\x1b[31m\x1b[2J",
    b"\x1b]0;title\x07",
    "\u{202e}gnp.".as_bytes(),
    "\u{2066}\u{200f}\u{61c}".as_bytes(),
    b"../../../etc/",
    b"\r\n\t\0",
    b"\xff\xfe\xc0",
    b"</script><b>",
    b"=1+1,\"',;",
    b"#0#1!/",
];

/// The sound index with one to four faults, as `case` says.
pub(crate) fn mutant(sound: &Index, case: u64) -> Index {
    let noise = noise(case);
    let mut input = Input(&noise);
    let mut index = sound.clone();
    for _ in 0..1 + input.byte() % 4 {
        let which = usize::from(input.byte()) % index.segments.len();
        match input.byte() % 8 {
            0 => index.edit(&mut input),
            1 => change_attribute(&mut index, &mut input),
            2 if input.byte().is_multiple_of(2) => index.segments[which].kill(input.number()),
            _ => change_section(&mut index.segments[which].segment, &mut input),
        }
    }
    if !input.byte().is_multiple_of(8) {
        index.fit();
    }
    index
}

/// SplitMix64.
fn noise(case: u64) -> Vec<u8> {
    let mut state = case;
    let word = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    std::iter::repeat_with(word).take(NOISE / 8).flat_map(u64::to_le_bytes).collect()
}

/// Bytes of an attribute changed, cut off, or doubled.
fn change_attribute(index: &mut Index, input: &mut Input<'_>) {
    let count = index.attributes.len();
    if count == 0 {
        return;
    }
    let value = &mut index.attributes[input.below(count)].1;
    let length = value.len();
    match input.byte() % 8 {
        0 => value.truncate(input.below(length)),
        1 => value.extend_from_within(input.below(length)..),
        2 => floats(&mut value[length % 4..], input),
        _ => (0..=input.byte() % 4).for_each(|_| {
            let at = input.below(length);
            value[at..].iter_mut().take(1).for_each(|byte| *byte = input.byte());
        }),
    }
}

/// A fault in a section, of the kind that what it holds allows.
fn change_section(segment: &mut Framed, input: &mut Input<'_>) {
    // what belongs to each item more often than codes and graph
    const KINDS: [u32; 24] = [1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 8, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 12, 14, 14];
    let kind = KINDS[usize::from(input.byte()) % KINDS.len()];
    let items = segment.shape[3];
    let bytes = segment.section(kind);
    match kind {
        2 | 3 | 5 | 6 => offsets::<4>(bytes, input),
        9 | 11 => offsets::<8>(bytes, input),
        8 => points(bytes, input),
        10 => letters(bytes, input),
        14 => {
            bytes.resize(items as usize * 4, 0);
            floats(bytes, input);
        }
        _ => run(bytes, input),
    }
}

/// Offsets that overlap, fall, end early or too far.
fn offsets<const WIDTH: usize>(bytes: &mut [u8], input: &mut Input<'_>) {
    let (places, _) = bytes.as_chunks_mut::<WIDTH>();
    let n = places.len();
    if n < 2 {
        return;
    }
    let (first, last) = (places[0], places[n - 1]);
    let (from, some) = (input.below(n), 1 + input.below(n));
    let number = |number: u64| std::array::from_fn(|i| number.to_le_bytes()[i]);
    match input.byte() % 9 {
        0 | 1 => places
            .iter_mut()
            .enumerate()
            .for_each(|(i, at)| *at = if i.is_multiple_of(2) { first } else { last }),
        2 => places[n - 1] = number(0),
        3 => places[0] = number(input.number()),
        4 => places[from] = number(input.number()),
        5 => places.iter_mut().skip(from).take(some).for_each(|at| *at = first),
        6 => places.iter_mut().skip(from).take(some).for_each(|at| *at = last),
        7 => places.reverse(),
        _ => places.swap(from, some - 1),
    }
}

/// Points of a curve that promise what is not so, and as many as fit.
fn points(bytes: &mut Vec<u8>, input: &mut Input<'_>) {
    if bytes.len() < 20 {
        for number in [10, 1, 0, 1f32.to_bits(), 1] {
            bytes.extend(number.to_le_bytes());
        }
    }
    let most = [bytes.len() / 20, 101, 1024, 1025][usize::from(input.byte()) % 4];
    while bytes.len() < most * 20 {
        bytes.extend_from_within(..20);
    }
    let (at, every) = (input.below(bytes.len() / 20), input.byte().is_multiple_of(2));
    let (field, number) = (usize::from(input.byte()) % 5 * 4, input.number() as u32);
    let number = if field == 12 { special(input).to_bits() } else { number };
    for point in bytes.chunks_exact_mut(20).skip(at).take(if every { usize::MAX } else { 1 }) {
        point[field..field + 4].copy_from_slice(&number.to_le_bytes());
    }
}

fn letters(bytes: &mut [u8], input: &mut Input<'_>) {
    let letters = LETTERS[usize::from(input.byte()) % LETTERS.len()];
    let step = [letters.len(), 24, 64, usize::MAX][usize::from(input.byte()) % 4];
    let from = input.below(bytes.len());
    for place in bytes[from..].chunks_mut(step) {
        place.iter_mut().zip(letters).for_each(|(byte, &letter)| *byte = letter);
    }
}

fn special(input: &mut Input<'_>) -> f32 {
    const SPECIAL: [f32; 8] = [0.0, f32::NAN, f32::INFINITY, -1.0, f32::MIN_POSITIVE, f32::MAX, 1e-45, -0.0];
    SPECIAL[usize::from(input.byte()) % SPECIAL.len()]
}

/// A run of floats that are none, or nothing to divide by.
fn floats(bytes: &mut [u8], input: &mut Input<'_>) {
    let (places, _) = bytes.as_chunks_mut::<4>();
    let (from, some, value) = (input.below(places.len()), 1 + input.below(places.len()), special(input));
    places.iter_mut().skip(from).take(some).for_each(|place| *place = value.to_le_bytes());
}

/// A run of one byte.
fn run(bytes: &mut [u8], input: &mut Input<'_>) {
    let (from, some, value) = (input.below(bytes.len()), 1 + input.below(bytes.len()), input.byte());
    let value = if value < 0x80 { [0, 0xff, 1, 0x80][usize::from(value) % 4] } else { value };
    bytes.iter_mut().skip(from).take(some).for_each(|byte| *byte = value);
}
