//! The learning curve on disk: `log.jsonl`, one JSON object a line for each finished epoch.
//!
//! A line is appended whole, in one write. A resumed training first brings the file back to the epochs that
//! its checkpoint holds, in one write, so that every epoch is there exactly once.

use crate::error::{Error, Result};
use crate::observer::EpochReport;
use crate::output::write_whole;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

/// Replaces the file by these epochs.
///
/// # Errors
/// When it cannot be written; an older one then still stands.
pub(crate) fn restart(file: &Path, epochs: &[EpochReport]) -> Result<()> {
    let lines: Result<Vec<String>> = epochs.iter().map(|epoch| line(file, epoch)).collect();
    write_whole(file, lines?.concat().as_bytes())
}

/// Appends one epoch. The first one of a training begins the file anew.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn append(file: &Path, epoch: &EpochReport) -> Result<()> {
    if epoch.epoch == 1 {
        return restart(file, std::slice::from_ref(epoch));
    }
    let line = line(file, epoch)?;
    let attempt = || {
        let mut opened: File = OpenOptions::new().create(true).append(true).open(file)?;
        opened.write_all(line.as_bytes())
    };
    attempt().map_err(|e| Error::io(file, e))
}

fn line(file: &Path, epoch: &EpochReport) -> Result<String> {
    let json = serde_json::to_string(epoch).map_err(|e| Error::io(file, e.into()))?;
    Ok(json + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(epoch: usize) -> EpochReport {
        EpochReport {
            epoch,
            train_loss: 0.5 / epoch as f64,
            val_loss: None,
            terms: [("contrastive".to_owned(), 2.5)].into(),
            seconds: 1.0,
            learning_rate: 2e-3,
            best: true,
        }
    }

    #[test]
    fn lines_are_epochs_and_a_new_start_forgets_the_old_ones() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("log.jsonl");
        let epochs = || -> Vec<EpochReport> {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.is_empty() || text.ends_with('\n'));
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        for epoch in 1..=3 {
            append(&file, &report(epoch)).unwrap();
        }
        assert_eq!(epochs(), [1, 2, 3].map(report));
        restart(&file, &[report(1), report(2)]).unwrap();
        append(&file, &report(3)).unwrap();
        assert_eq!(epochs(), [1, 2, 3].map(report));
        append(&file, &report(1)).unwrap();
        assert_eq!(epochs(), [report(1)]);
        restart(&file, &[]).unwrap();
        assert_eq!(epochs(), []);
    }
}
