//! Objects fetched whole: one, or many that come in order while others are under way.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use futures_util::StreamExt as _;
use futures_util::stream;
use object_store::ObjectStoreExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::faults::{Fault, Kind, again};
use super::listing::tag_of;
use super::stores::{Place, runtime, wait};
use super::{Fetched, Object};
use crate::error::Result;

/// Requests under way for one reader of many objects.
const AT_ONCE: usize = 16;

/// KiB of objects that are under way or wait for that reader, but for a single larger one.
const AHEAD_KIB: u32 = 32 << 10;

/// The bytes of the object at `url`, of which a listing said what is `known`.
///
/// # Errors
/// The reason why they cannot be had.
pub(crate) fn get(url: &str, known: Option<&Object>, max_bytes: u64) -> Result<Fetched, String> {
    let fetched = wait(fetch(url, known, max_bytes)).map_err(|error| error.to_string())?;
    fetched.map_err(|fault| fault.reason())
}

async fn fetch(url: &str, known: Option<&Object>, max_bytes: u64) -> Result<Fetched, Fault> {
    let refusal = |size: u64| {
        Fault::new(Kind::Final, format!("file too large: {size} bytes, expected at most {max_bytes}"))
    };
    if let Some(size) = known.map(|known| known.size).filter(|size| *size > max_bytes) {
        return Err(refusal(size));
    }
    let place = Place::of(url).map_err(|error| Fault::new(Kind::Final, error.to_string()))?;
    again(|| async {
        let answer = place.store.get(&place.key).await?;
        let (size, tag) = (answer.meta.size, tag_of(&answer.meta));
        if size > max_bytes {
            return Err(refusal(size));
        }
        let bytes = Vec::from(answer.bytes().await?);
        // what a server says of the size of its answer may be of one that was cut off
        let expected = known.filter(|known| known.tag == tag).map_or(size, |known| known.size);
        match bytes.len() as u64 {
            got if got == expected => Ok(Fetched { bytes, tag }),
            got => Err(Fault::short(expected, got)),
        }
    })
    .await
}

/// Objects that are on their way.
pub(crate) struct Arriving(Receiver<(Result<Fetched, String>, Option<OwnedSemaphorePermit>)>);

/// Fetches objects while they are waited for: some at once, no more than fit into a bounded memory. They come in order.
pub(crate) fn get_all(objects: Vec<Object>, max_bytes: u64) -> Arriving {
    let (sender, receiver) = channel();
    match runtime() {
        Ok(runtime) => drop(runtime.spawn(fetch_all(objects, max_bytes, sender))),
        Err(error) => {
            let told = objects.iter().map(|_| sender.send((Err(error.to_string()), None)));
            drop(told.collect::<Vec<_>>());
        }
    }
    Arriving(receiver)
}

async fn fetch_all(
    objects: Vec<Object>,
    max_bytes: u64,
    sender: Sender<(Result<Fetched, String>, Option<OwnedSemaphorePermit>)>,
) {
    let room = Arc::new(Semaphore::new(AHEAD_KIB as usize));
    // one after the other, so that the object that is waited for always has its room
    let admitted = stream::iter(objects).then(|object| {
        let kib = u32::try_from(object.size.div_ceil(1 << 10)).unwrap_or(u32::MAX).clamp(1, AHEAD_KIB);
        let room = room.clone();
        async move { (object, room.acquire_many_owned(kib).await.ok()) }
    });
    let fetched = admitted.map(|(object, room)| async move {
        let fetched = fetch(&object.url, Some(&object), max_bytes).await;
        (fetched.map_err(|fault| fault.reason()), room)
    });
    let mut fetched = std::pin::pin!(fetched.buffered(AT_ONCE));
    while let Some(next) = fetched.next().await {
        if sender.send(next).is_err() {
            return; // nobody waits any more
        }
    }
}

impl Arriving {
    /// Waits for the next object.
    ///
    /// # Errors
    /// The reason why it cannot be had.
    pub(crate) fn next(&mut self) -> Result<Fetched, String> {
        self.0.recv().map_or_else(|_| Err("it was not fetched".to_owned()), |(fetched, _)| fetched)
    }
}
