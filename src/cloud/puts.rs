//! Bytes into objects. An object appears whole or not at all.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use object_store::{ObjectStoreExt as _, PutPayload};

use super::faults::{Fault, Kind, again};
use super::stores::{Place, wait};
use crate::error::{Error, Result};

/// Files up to this size go in one request, larger ones in parts of it.
const PART: u64 = 16 << 20;

/// Writes an object of these bytes.
///
/// # Errors
/// The store refuses it.
pub(crate) fn put(url: &str, bytes: Vec<u8>) -> Result<()> {
    let place = Place::of(url)?;
    let payload = PutPayload::from(bytes);
    let put = || async {
        place.store.put(&place.key, payload.clone()).await?;
        Ok::<(), Fault>(())
    };
    wait(again(put))?.map_err(|fault| fault.error(url))
}

/// Writes an object of the bytes of an open file, whose path is for messages.
///
/// # Errors
/// The file cannot be read, or the store refuses it.
pub(crate) fn upload((path, opened): (&Path, &mut File), url: &str) -> Result<()> {
    let io = |error| Error::io(path, error);
    let size = opened.metadata().map_err(io)?.len();
    if size <= PART {
        let mut bytes = Vec::new();
        opened.read_to_end(&mut bytes).map_err(io)?;
        return put(url, bytes);
    }
    let place = Place::of(url)?;
    let sent = wait(async {
        let mut parts = place.store.put_multipart(&place.key).await?;
        loop {
            let mut part = Vec::new();
            let read = Read::take(&mut *opened, PART).read_to_end(&mut part);
            let sent = match read {
                Ok(0) => break,
                Ok(_) => parts.put_part(part.into()).await.map_err(Fault::from),
                Err(error) => Err(Fault::new(Kind::Final, error.to_string())),
            };
            if let Err(fault) = sent {
                let _ = parts.abort().await; // the store forgets it in time
                return Err(fault);
            }
        }
        parts.complete().await?;
        Ok::<(), Fault>(())
    })?;
    sent.map_err(|fault| fault.error(url))
}
