//! Which store a URL means, and how it is asked. The only file that knows schemes of stores.
//!
//! A store is opened once for each bucket, and keeps its connections. Its client reads credentials, endpoint and time
//! limits from the environment, as in AWS_ENDPOINT and AWS_TIMEOUT.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, Result};

/// Threads that wait for networks.
const THREADS: usize = 2;

/// A server that fails or does not answer is asked again after a random wait that grows from the first of these to the
/// second ...
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// ... so often, and for no longer than this.
const ASK_AGAIN: usize = 8;
const FOR: Duration = Duration::from_secs(120);

/// An object or a prefix, and the store that has it.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) key: Path,
    /// What the URL of each object begins with: `s3://bucket/`.
    root: String,
    /// Keys are percent-encoded in URLs.
    is_http: bool,
}

impl Place {
    /// What `url` means.
    ///
    /// # Errors
    /// The URL is none that is understood, or the environment does not say how to reach the store.
    pub(super) fn of(url: &str) -> Result<Place> {
        let wrong = |what: &str| Error::invalid(format!("{url}: {what}"));
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("expected a URL, got none"))?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(wrong("expected the name of a bucket or server, got none"));
        }
        let is_http = matches!(scheme, "http" | "https");
        if is_http && key.contains(['?', '#']) {
            return Err(wrong("expected a URL without a query, got one with `?` or `#`"));
        }
        let key = key.trim_end_matches('/');
        let key = if is_http { Path::from_url_path(key) } else { Path::parse(key) };
        let key = key.map_err(|error| wrong(&format!("not a key that can be asked for: {error}")))?;
        let root = format!("{scheme}://{bucket}/");
        Ok(Place { store: store(&root, scheme, bucket)?, key, root, is_http })
    }

    /// The URL of an object of the same store.
    pub(super) fn url_of(&self, key: &Path) -> String {
        match self.is_http {
            true => self.root.clone() + &key.as_ref().replace('%', "%25"),
            false => self.root.clone() + key.as_ref(),
        }
    }

    /// Whether listings come in the order of keys, so that one that was cut off can be continued.
    pub(super) fn lists_in_order(&self) -> bool {
        !self.is_http
    }
}

fn store(root: &str, scheme: &str, bucket: &str) -> Result<Arc<dyn ObjectStore>> {
    static STORES: Mutex<Option<HashMap<String, Arc<dyn ObjectStore>>>> = Mutex::new(None);
    let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
    let stores = stores.get_or_insert_default();
    if let Some(store) = stores.get(root) {
        return Ok(store.clone());
    }
    let opened = open(scheme, bucket).map_err(|error| Error::invalid(format!("{root}: {error}")))?;
    stores.insert(root.to_owned(), opened.clone());
    Ok(opened)
}

fn open(scheme: &str, bucket: &str) -> Result<Arc<dyn ObjectStore>, object_store::Error> {
    let (init_backoff, max_backoff) = WAITS;
    let backoff = BackoffConfig { init_backoff, max_backoff, base: 2.0 };
    let retry = RetryConfig { backoff, max_retries: ASK_AGAIN, retry_timeout: FOR };
    Ok(match scheme {
        "s3" => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
            // who names an endpoint without TLS means it
            let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
            let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
            let builder = if is_plain { builder.with_allow_http(true) } else { builder };
            Arc::new(builder.build()?)
        }
        "gs" => {
            let builder = GoogleCloudStorageBuilder::from_env();
            Arc::new(builder.with_bucket_name(bucket).with_retry(retry).build()?)
        }
        "az" => {
            let builder = MicrosoftAzureBuilder::from_env();
            Arc::new(builder.with_container_name(bucket).with_retry(retry).build()?)
        }
        _ => {
            let options = ClientOptions::new().with_allow_http(scheme == "http");
            let builder = HttpBuilder::new().with_url(format!("{scheme}://{bucket}"));
            Arc::new(builder.with_client_options(options).with_retry(retry).build()?)
        }
    })
}

/// Waits for requests to be done, on any thread.
///
/// # Errors
/// As [`runtime`].
pub(super) fn wait<F: Future<Output: Send> + Send>(requests: F) -> Result<F::Output> {
    let runtime = runtime()?;
    if Handle::try_current().is_err() {
        return Ok(runtime.block_on(requests));
    }
    // a thread of a caller's own runtime must not wait by itself
    let waited = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(requests)).join());
    waited.map_err(|_| Error::invalid("a request ended early; this is a bug, please report it"))
}

/// What runs all requests.
///
/// # Errors
/// The system gives no threads.
pub(super) fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let start =
        || Builder::new_multi_thread().worker_threads(THREADS).thread_name("cloud").enable_all().build();
    let started = RUNTIME.get_or_init(start).as_ref();
    started.map_err(|error| Error::invalid(format!("threads: cannot start another one: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_stores_and_keys_and_urls_again() {
        for (url, key) in [
            ("s3://bucket/a b/c#d%41.png", "a b/c#d%41.png"),
            ("s3://bucket", ""),
            ("s3://bucket/photos/", "photos"),
        ] {
            let place = Place::of(url).unwrap();
            assert_eq!(place.key.as_ref(), key);
            assert_eq!(place.url_of(&place.key).trim_end_matches('/'), url.trim_end_matches('/'));
        }
        let place = Place::of("https://host/a%20b.png").unwrap();
        assert_eq!(place.key.as_ref(), "a b.png");
        assert_eq!(
            Place::of(&place.url_of(&Path::parse("100%25.png").unwrap())).unwrap().key.as_ref(),
            "100%25.png"
        );
    }

    #[test]
    fn a_caller_may_have_a_runtime_of_its_own() {
        let own = Builder::new_current_thread().build().unwrap();
        assert_eq!(own.block_on(async { wait(async { 7 }).unwrap() }), 7);
        assert_eq!(wait(async { 8 }).unwrap(), 8);
    }

    #[test]
    fn urls_that_mean_nothing_are_refused() {
        for url in ["s3://", "s3:///a", "s3://b/a//b", "https://h/a.png?key=1"] {
            let Err(error) = Place::of(url) else { panic!("{url}") };
            assert!(error.to_string().starts_with(url), "{error}");
        }
    }
}
