//! Progress of a part of a run as progress of the whole.

use super::pipeline::Encoded;
use crate::observer::{Note, Observer, Progress, Stage};

/// Reports the progress of a part of the images as progress of all of them.
pub(super) struct After<'a> {
    pub(super) observer: &'a dyn Observer,
    pub(super) before: Progress,
    pub(super) total: usize,
}

impl After<'_> {
    fn sum(&self, progress: &Progress) -> Progress {
        Progress {
            done: self.before.done + progress.done,
            total: self.total,
            bytes: self.before.bytes + progress.bytes,
            skipped: self.before.skipped + progress.skipped,
            loss: None,
        }
    }

    pub(super) fn and(&self, before: &Encoded, mut encoded: Encoded) -> Encoded {
        encoded.times += before.times;
        Encoded { progress: self.sum(&encoded.progress), ..encoded }
    }
}

impl Observer for After<'_> {
    fn stage(&self, stage: Stage) {
        self.observer.stage(stage);
    }

    fn note(&self, note: &Note) {
        self.observer.note(note);
    }

    fn skipped(&self, path: &str, reason: &str) {
        self.observer.skipped(path, reason);
    }

    fn progress(&self, progress: &Progress) {
        self.observer.progress(&self.sum(progress));
    }

    fn should_stop(&self) -> bool {
        self.observer.should_stop()
    }
}
