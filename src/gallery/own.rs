//! Whether an image of the index is the query itself.

use super::found::Found;
use crate::error::Result;
use crate::images::{Item, Source, is_same_image};

/// What a query leaves out.
pub(super) enum Own {
    /// Nothing.
    Nothing,
    /// The image of this name.
    Named(Vec<u8>),
    /// Images of this content: the query is in memory, and has no name of its own.
    Content([u8; 32]),
}

impl Own {
    /// What a query of `item` leaves out, if it is to leave out itself.
    pub(super) fn of(item: &Item, source: &Source, is_left_out: bool) -> Own {
        match (is_left_out, item.is_in_memory()) {
            (false, _) => Own::Nothing,
            (true, false) => Own::Named(item.name().into_owned()),
            (true, true) => Own::Content(source.stamp().hash),
        }
    }

    /// Whether an image that was found is left out.
    ///
    /// # Errors
    /// When its record is damaged.
    pub(super) fn is(&self, found: &Found<'_>) -> Result<bool> {
        Ok(match self {
            Own::Nothing => false,
            Own::Named(name) => is_same_image(name, found.name(), found.base()),
            Own::Content(hash) => found.hash()? == *hash,
        })
    }
}
