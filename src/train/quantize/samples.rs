//! Graphs that are run on one image of a data set after the other.

use std::ops::Range;

use crate::error::Result;
use crate::runtime::{Device, Input, Runtime, Session, SessionOptions, Tensor};
use crate::train::data::Dataset;

/// Some images of a data set.
pub(super) struct Images<'a> {
    pub(super) data: &'a Dataset,
    pub(super) ids: Range<usize>,
}

/// A session on one thread of the processor, whose answers are the same on any number of threads.
pub(super) fn open(runtime: &Runtime, graph: &[u8]) -> Result<Session> {
    runtime.session(graph, &SessionOptions { device: Device::Cpu, ..SessionOptions::default() })
}

/// What a graph gives for one image of a data set.
pub(super) fn run_one(session: &mut Session, data: &Dataset, i: usize) -> Result<Vec<Tensor>> {
    let shape = data.shape();
    let dims = [1, shape.channels, shape.height, shape.width];
    session.run(&[("image", Input::Slice(&dims, &data.batch_outermost(i..i + 1)?))])
}
