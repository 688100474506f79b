//! Sessions that threads borrow from one gallery: a session serves one image at a time, so there are as many
//! as ever ran at once.

use std::sync::{Arc, Mutex, PoisonError};

use crate::encode::Encoder;

/// Sessions that nobody is using.
#[derive(Debug)]
pub(super) struct Sessions<T>(Mutex<Vec<T>>);

impl<T> Default for Sessions<T> {
    fn default() -> Self {
        Sessions(Mutex::new(Vec::new()))
    }
}

impl<T> Sessions<T> {
    /// One that is idle; none where all are in use, and the caller has to open another.
    pub(super) fn take(&self) -> Option<T> {
        // Whole values go in and out, so a panic elsewhere cannot have broken one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Makes one available to other threads.
    pub(super) fn give_back(&self, session: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }
}

/// Sessions of one model on one device that runs of a [`Pipeline`](super::Pipeline) leave to later ones, which need not
/// open them again: for a photo model that takes as long as encoding seven photos.
#[derive(Debug, Clone, Default)]
pub struct IdleEncoders(Arc<Sessions<Encoder>>);

impl IdleEncoders {
    pub(super) fn take(&self) -> Option<Encoder> {
        self.0.take()
    }

    pub(super) fn give_back(&self, encoder: Encoder) {
        self.0.give_back(encoder);
    }
}
