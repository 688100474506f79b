//! An unfinished training on disk, in one file that is replaced as a whole: training resumes from it to the
//! same weights.
//!
//! ```text
//! "aesearch checkpoint 2\n" | length of the header u64 | header (JSON) | weights, m, v, best weights: f32 each | SHA-256 of all before
//! ```
//!
//! All numbers little-endian. A file that is cut, changed, or of another training is refused.

use super::trainer::State;
use crate::error::{Error, Result};
use crate::observer::EpochReport;
use crate::output::write_whole;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

const MAGIC: &[u8] = b"aesearch checkpoint 2\n";
const DIGEST: usize = 32;

/// A training between two steps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Checkpoint {
    pub(crate) position: Position,
    pub(crate) state: State,
    /// Weights of the best epoch so far; empty before the first one has ended.
    pub(crate) best: Vec<f32>,
}

/// How far a training is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// What the training is of: data, architecture and options.
    pub(crate) identity: String,
    /// Finished epochs.
    pub(crate) epochs: Vec<EpochReport>,
    /// Finished steps of the current epoch.
    pub(crate) step: usize,
    /// Sums over those steps, times images: the reconstruction loss and its terms.
    pub(crate) sums: [f64; 4],
    /// Wall time spent on those steps.
    pub(crate) seconds: f64,
    /// The epoch whose weights are the best ones, from 1; 0 before there is one.
    pub(crate) best_epoch: usize,
}

#[derive(Serialize, Deserialize)]
struct Header {
    place: Position,
    steps: u32,
    weights: usize,
    parameters: usize,
    best: usize,
}

impl Checkpoint {
    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written; an older one is still there then.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let header = Header {
            place: self.position.clone(),
            steps: self.state.steps,
            weights: self.state.weights.len(),
            parameters: self.state.moments[0].len(),
            best: self.best.len(),
        };
        let header = serde_json::to_vec(&header).map_err(|e| Error::io(file, e.into()))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        let [m, v] = &self.state.moments;
        for values in [&self.state.weights, m, v, &self.best] {
            bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
        }
        bytes.extend(Sha256::digest(&bytes));
        write_whole(file, &bytes)
    }

    /// Reads the file; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or is of another training than `identity`.
    pub(crate) fn read(file: &Path, identity: &str) -> Result<Option<Self>> {
        let bytes = match std::fs::read(file) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|e| Error::io(file, e))?,
        };
        let name = file.display();
        let Some(checkpoint) = Self::parse(&bytes) else {
            let what = format!("{name}: checkpoint: expected a whole one, got damaged bytes");
            return Err(Error::training(what).with_hint("delete it and start over"));
        };
        if checkpoint.position.identity != identity {
            let what =
                format!("{name}: checkpoint: expected one of the same images and options, got another");
            let hint = "use the same images and options as before, or start over without `resume`";
            return Err(Error::training(what).with_hint(hint));
        }
        Ok(Some(checkpoint))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (body, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST)?)?;
        if Sha256::digest(body).as_slice() != digest {
            return None;
        }
        let (length, rest) = body.strip_prefix(MAGIC)?.split_first_chunk()?;
        let (header, numbers) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let Header { place, steps, weights, parameters, best } = serde_json::from_slice(header).ok()?;
        let (numbers, []) = numbers.as_chunks() else { return None };
        let mut numbers = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes));
        let mut take = |count| numbers.by_ref().take(count).collect::<Vec<f32>>();
        let state = State { steps, weights: take(weights), moments: [take(parameters), take(parameters)] };
        let checkpoint = Checkpoint { position: place, state, best: take(best) };
        let whole = checkpoint.state.weights.len() == weights
            && checkpoint.state.moments.iter().all(|m| m.len() == parameters)
            && checkpoint.best.len() == best;
        whole.then_some(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Checkpoint {
        let epoch = EpochReport {
            epoch: 1,
            train_loss: 0.1 + 0.2,
            val_loss: Some(1.0 / 3.0),
            terms: [("contrastive".to_owned(), 5.5e-17)].into(),
            seconds: 1.25,
            learning_rate: 2e-3 / 3.0,
            best: true,
        };
        let place = Position {
            identity: "this".into(),
            epochs: vec![epoch],
            step: 7,
            sums: [1.0 / 7.0, 0.0, 2.0, 0.5],
            seconds: 0.5,
            best_epoch: 1,
        };
        let state =
            State { steps: 9, weights: vec![1.5, -0.0, 3.0], moments: [vec![0.1, 0.2], vec![0.3, 1e-40]] };
        Checkpoint { position: place, state, best: vec![7.0, 8.0, 9.0] }
    }

    #[test]
    fn every_bit_comes_back_and_every_change_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("checkpoint");
        assert_eq!(Checkpoint::read(&file, "this").unwrap(), None);
        sample().write(&file).unwrap();
        assert_eq!(Checkpoint::read(&file, "this").unwrap(), Some(sample()));
        assert!(Checkpoint::read(&file, "that").unwrap_err().to_string().contains("same images"));
        let bytes = std::fs::read(&file).unwrap();
        for at in (0..bytes.len()).step_by(7) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(Checkpoint::parse(&changed), None, "byte {at}");
            assert_eq!(Checkpoint::parse(&bytes[..at]), None, "cut at {at}");
        }
    }
}
