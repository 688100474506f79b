//! Which images a machine takes of those that several encode.
//!
//! An image belongs to a shard by the hash of its name, so it stays there when others come and go, shards are of
//! nearly the same size, and machines that see the same paths need not talk to each other.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::images::{Item, hash_bytes};

/// One of several shares of the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    number: u64,
    of: u64,
}

impl Default for Shard {
    fn default() -> Self {
        Shard { number: 1, of: 1 }
    }
}

impl Shard {
    /// Whether the image of this name is in it.
    pub fn holds(self, name: &[u8]) -> bool {
        let hash = hash_bytes(name);
        let number = u64::from_le_bytes(std::array::from_fn(|i| hash[i]));
        self.of == 1 || number % self.of == self.number - 1
    }

    /// The positions of its images.
    pub(super) fn positions(self, items: &[Item]) -> Vec<usize> {
        (0..items.len()).filter(|&position| self.holds(&items[position].name())).collect()
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Shard> {
        let parsed = text.split_once('/').and_then(|(number, of)| {
            let (number, of) = (number.parse().ok()?, of.parse().ok()?);
            (1..=of).contains(&number).then_some(Shard { number, of })
        });
        parsed.ok_or_else(|| Error::invalid(format!("`shard`: expected one as 1/8 to 8/8, got {text:?}")))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_in_one_shard_and_shards_are_of_one_size() {
        let shards: Vec<Shard> = (1..=8).map(|i| format!("{i}/8").parse().unwrap()).collect();
        let mut sizes = [0; 8];
        for i in 0..8000 {
            let name = format!("photos/{i}.jpg");
            let holding: Vec<usize> = (0..8).filter(|&at| shards[at].holds(name.as_bytes())).collect();
            assert_eq!(holding.len(), 1, "{name}");
            sizes[holding[0]] += 1;
        }
        assert!(sizes.iter().all(|size| (880..1120).contains(size)), "{sizes:?}");
        assert!(Shard::default().holds(b"a") && shards[7].to_string() == "8/8");
        for wrong in ["0/8", "9/8", "8", "a/b", "1/0", "-1/2"] {
            assert!(wrong.parse::<Shard>().unwrap_err().to_string().contains("`shard`"), "{wrong}");
        }
    }
}
