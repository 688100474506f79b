//! Objects in buckets: which are there, and their bytes. Everything that waits for a network is here, and returns when
//! it is done: nothing else of the program is asynchronous.
//!
//! | file | what it answers |
//! |---|---|
//! | `object` | what is an object called, and is it still the same |
//! | `stores` | which store is meant by a URL, with the credentials of the environment; how often is a request tried |
//! | `faults` | what went wrong, and is it worth another try |
//! | `listing` | which objects are there |
//! | `gets`, `blocks`, `puts` | bytes of small objects, of many in order; of large ones, block by block; the other way |
//! | `without` | in a program that was built without the feature `cloud`: that it was |
//!
//! S3, Google Cloud Storage, Azure and WebDAV are those of the crate `object_store`, which signs requests and tries
//! them again. Credentials come from the environment alone.

mod object;

#[cfg(feature = "cloud")]
mod blocks;
#[cfg(feature = "cloud")]
mod faults;
#[cfg(feature = "cloud")]
mod gets;
#[cfg(feature = "cloud")]
mod listing;
#[cfg(feature = "cloud")]
mod puts;
#[cfg(feature = "cloud")]
mod stores;
#[cfg(not(feature = "cloud"))]
mod without;

pub(crate) use object::{Fetched, Object, is_url};

#[cfg(feature = "cloud")]
pub(crate) use self::{
    blocks::download,
    gets::{Arriving, get, get_all},
    listing::{find, list},
    puts::{put, upload},
};
#[cfg(not(feature = "cloud"))]
pub(crate) use without::{Arriving, download, find, get, get_all, list, put, upload};
