//! What went wrong with a request, in words, and whether it is worth another try. (The store's own client has tried
//! again where the server failed or did not answer; what is left for here is what it lets through.)

use std::collections::hash_map::RandomState;
use std::error::Error as _;
use std::future::Future;
use std::hash::BuildHasher as _;
use std::time::Duration;

use object_store::Error as StoreError;

use crate::error::Error;

/// How often a request is tried whose answer was cut off.
const TRIES: u32 = 6;
/// The wait before the second try, at most; twice as much before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    said: String,
}

/// What kind of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Missing,
    Denied,
    /// Another try will not help.
    Final,
    /// It may.
    Passing,
}

impl Fault {
    pub(super) fn new(kind: Kind, said: impl Into<String>) -> Fault {
        Fault { kind, said: said.into() }
    }

    /// Bytes that are missing at the end.
    pub(super) fn short(expected: u64, got: u64) -> Fault {
        Fault::new(Kind::Passing, format!("cut off: expected {expected} bytes, got {got}"))
    }

    /// Why an image cannot be used.
    pub(super) fn reason(&self) -> String {
        match self.kind {
            Kind::Missing => "no such object".to_owned(),
            Kind::Denied => format!("permission denied: {}", self.said),
            Kind::Final | Kind::Passing => self.said.clone(),
        }
    }

    /// Why a call ends.
    pub(super) fn error(&self, url: &str) -> Error {
        let what = format!("{url}: {}", self.reason());
        match self.kind {
            Kind::Missing => Error::not_found(what),
            Kind::Denied => Error::invalid(what).with_hint(
                "credentials come from the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
                 GOOGLE_SERVICE_ACCOUNT, AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, and the like",
            ),
            Kind::Final | Kind::Passing => Error::invalid(what),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        let chain = chain_of(&error);
        // some stores wrap the answers to listings, which then are told by their words alone
        let status = status_of(&chain);
        let kind = match (&error, status.as_deref().and_then(|status| status.get(..3))) {
            (StoreError::NotFound { .. }, _) | (_, Some("404")) => Kind::Missing,
            (StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. }, _)
            | (_, Some("401" | "403")) => Kind::Denied,
            (StoreError::Generic { .. }, None) if !has_tried_again(&chain) => Kind::Passing,
            _ => Kind::Final,
        };
        let last = chain.into_iter().next_back().unwrap_or_default();
        let said = status.map_or(last, |status| format!("the store answered {status}"));
        Fault { kind, said }
    }
}

/// What an error says, and what its causes say.
fn chain_of(error: &StoreError) -> Vec<String> {
    let mut chain = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        chain.push(error.to_string());
        cause = error.source();
    }
    chain
}

/// `503 Service Unavailable`, where the store answered with one.
fn status_of(chain: &[String]) -> Option<String> {
    const BEFORE: &str = "status code: ";
    let said = chain.iter().find_map(|said| said.split_once(BEFORE))?.1;
    Some(said.split([':', '\n']).next().unwrap_or(said).trim().to_owned())
}

/// Whether the client has tried as often as it is told to.
fn has_tried_again(chain: &[String]) -> bool {
    chain.iter().any(|said| said.contains(" retries, max_retries"))
}

/// Does `work` until it succeeds, its fault is no passing one, or there were enough tries.
pub(super) async fn again<T, F: Future<Output = Result<T, Fault>>>(
    mut work: impl FnMut() -> F,
) -> Result<T, Fault> {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match work().await {
            Err(Fault { kind: Kind::Passing, .. }) => {}
            done => return done,
        }
        // anywhere between half and all of it, so that requests that failed together do not come together
        let any = RandomState::new().hash_one(0) as f64 / u64::MAX as f64; // 0 to 1, of the system's random numbers
        tokio::time::sleep(wait.mul_f64(0.5 + any / 2.0)).await;
        wait *= 2;
    }
    work().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(said: &str) -> Fault {
        Fault::from(StoreError::Generic { store: "S3", source: said.to_owned().into() })
    }

    #[test]
    fn answers_are_told_by_their_status() {
        let failed =
            |status: &str| format!("Server returned non-2xx status code: {status}: <Error>x</Error>");
        for (status, kind) in [
            ("404 Not Found", Kind::Missing),
            ("403 Forbidden", Kind::Denied),
            ("401 Unauthorized", Kind::Denied),
            ("500 Internal Server Error", Kind::Final),
            ("400 Bad Request", Kind::Final),
        ] {
            let fault = generic(&failed(status));
            assert_eq!(fault.kind, kind, "{status}");
            assert!(!fault.reason().contains("<Error>"), "{}", fault.reason());
        }
        assert_eq!(generic("error decoding response body").kind, Kind::Passing);
        assert_eq!(generic("in 3s, after 8 retries, max_retries: 8").kind, Kind::Final);
        assert_eq!(generic(&failed("503 Slow Down")).reason(), "the store answered 503 Slow Down");
    }
}
