//! A first search: finds words that are spelled alike. A code has a bit for every pair of letters that follow
//! each other in the word.
//!
//! ```text
//! cargo run --example near_words -- elefant
//! ```

use aesearch_index::{Item, Mode, Result, Search, SegmentBuilder, Settings, Snapshot, Writer};

const WORDS: &str =
    "elephant elegant element relevant infant penguin pelican giraffe gorilla lemur leopard lion tiger";
const BITS: usize = 256;

fn code_of(word: &str) -> [u64; BITS / 64] {
    let mut code = [0; BITS / 64];
    for pair in word.as_bytes().windows(2) {
        let bit = (usize::from(pair[0]) * 31 + usize::from(pair[1])) % BITS;
        code[bit / 64] |= 1 << (bit % 64);
    }
    code
}

fn main() -> Result<()> {
    let wanted = std::env::args().nth(1).unwrap_or_else(|| "elefant".to_string());
    let dir = std::env::temp_dir().join("near-words");
    let mut builder = SegmentBuilder::new(&Settings { bits: BITS, ..Settings::default() })?;
    for word in WORDS.split(' ') {
        builder.push(Item::named(word, &code_of(word)))?;
    }
    Writer::lock(&dir)?.replace(builder)?;

    let index = Snapshot::open(&dir)?;
    let search = Search { k: 3, mode: Mode::Exact, ..Search::default() };
    for hit in index.search(&code_of(&wanted), &search)? {
        println!("{:3} bits  {}", hit.distance, String::from_utf8_lossy(index.name(hit.id)));
    }
    Ok(())
}
