//! Graphs that are run on the images of a data set, one by one.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::observer::{Observer, Progress};
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

/// Images that are run between two questions to the observer.
const BLOCK: usize = 16;

/// What `make` makes of the outputs of a graph for each of the images, in their order. Runs on all threads of
/// the current rayon pool, each with a session of its own.
pub(super) fn each<T: Send>(
    runtime: &Runtime,
    graph: &[u8],
    images: &Images<'_>,
    observer: &dyn Observer,
    make: impl Fn(usize, Vec<Tensor>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let idle = Mutex::new(Vec::new());
    let idle = || idle.lock().unwrap_or_else(PoisonError::into_inner); // whole sessions go in and out
    let of = |&i: &usize| {
        let taken = idle().pop();
        let mut session = taken.map_or_else(|| open(runtime, graph), Ok)?;
        let outputs = run_one(&mut session, images.data, i)?;
        idle().push(session);
        make(i, outputs)
    };
    let ids: Vec<usize> = images.ids.clone().collect();
    let mut made = Vec::with_capacity(ids.len());
    for block in ids.chunks(BLOCK) {
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        observer.progress(&Progress::of(made.len(), ids.len()));
        made.extend(block.par_iter().map(of).collect::<Result<Vec<T>>>()?);
    }
    Ok(made)
}

/// What a graph gives for one image of a data set.
pub(super) fn run_one(session: &mut Session, data: &Dataset, i: usize) -> Result<Vec<Tensor>> {
    let shape = data.shape();
    let dims = [1, shape.channels, shape.height, shape.width];
    session.run(&[("image", Input::Slice(&dims, &data.batch_outermost(i..i + 1)?))])
}
