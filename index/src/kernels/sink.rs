//! What a scan reports to: a sink sets the bound and takes the codes below it.

/// Takes what a scan finds.
pub(crate) trait Sink {
    /// Only distances below it are pushed.
    fn bound(&self) -> u32;
    /// Code `index` of the scan lies at `distance`, which is below the bound.
    fn push(&mut self, index: usize, distance: u32);
}

/// The nearest code of a scan; among equally near ones, the first.
#[derive(Debug)]
pub(crate) struct First {
    pub(crate) index: usize,
    pub(crate) distance: u32,
    pub(crate) found: bool,
}

impl First {
    /// Nothing found yet: index 0 at a distance no code has.
    pub(crate) fn new() -> Self {
        First::within(u32::MAX)
    }

    /// Only codes nearer than `bound` count.
    pub(crate) fn within(bound: u32) -> Self {
        First { index: 0, distance: bound, found: false }
    }
}

impl Sink for First {
    #[inline]
    fn bound(&self) -> u32 {
        self.distance
    }

    #[inline]
    fn push(&mut self, index: usize, distance: u32) {
        *self = First { index, distance, found: true };
    }
}
