//! A search by codes, for many at once: arrays in, arrays out, and no object for each hit.

use aesearch::Error;
use aesearch_index::{Hit, Search, Snapshot, words};
use pyo3::prelude::*;

use crate::arrays::{Owner, array};
use crate::calls::in_slices;
use crate::errors::{exception, invalid};

/// Queries that one thread answers before somebody looks for Ctrl-C.
const TOGETHER: usize = 256;

/// Ids i64 `[Q, k]` and distances i32 `[Q, k]` of the items nearest to codes, which are the bytes of u64 `[Q, B / 64]`; -1
/// where there are fewer.
pub(crate) fn nearest<'py>(
    py: Python<'py>,
    snapshot: &Snapshot,
    codes: &[u8],
    search: &Search,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let k = search.k;
    let words = words(snapshot.bits());
    let (numbers, rest) = codes.as_chunks::<8>();
    if !rest.is_empty() || !numbers.len().is_multiple_of(words) {
        let what = format!("codes: expected {words} words each, got {} bytes", codes.len());
        return Err(invalid(py, what));
    }
    let codes: Vec<u64> = numbers.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let n = codes.len() / words;
    let (mut ids, mut distances) = (filled(py, n, k)?, filled(py, n, k)?);
    let together = TOGETHER * rayon::current_num_threads();
    let cells = (together * k).max(1);
    let mut rows = ids.chunks_mut(cells).zip(distances.chunks_mut(cells));
    in_slices(py, (&codes, together * words), |some| {
        let found = snapshot.search_many(some, search)?;
        if let Some(rows) = rows.next() {
            put(&found, rows, k);
        }
        Ok(Vec::<()>::new())
    })?;
    Ok((array(py, Owner::I64(ids), &[n, k])?, array(py, Owner::I32(distances), &[n, k])?))
}

/// `n` times `k` numbers, -1 all of them.
fn filled<T: From<i8> + Clone>(py: Python<'_>, n: usize, k: usize) -> PyResult<Vec<T>> {
    let (mut numbers, cells) = (Vec::new(), n.saturating_mul(k));
    if numbers.try_reserve_exact(cells).is_err() {
        let what = format!("k: {k} hits for each of {n} codes are more than memory holds");
        let error = Error::too_large(what).with_hint("ask for fewer, or about fewer codes at a time");
        return Err(exception(py, &error));
    }
    numbers.resize(cells, T::from(-1));
    Ok(numbers)
}

/// Puts ids and distances into rows `[n, k]`; what is there stays where a query has fewer hits.
fn put(found: &[Vec<Hit>], (ids, distances): (&mut [i64], &mut [i32]), k: usize) {
    let rows = ids.chunks_mut(k.max(1)).zip(distances.chunks_mut(k.max(1)));
    for (hits, (ids, distances)) in found.iter().zip(rows) {
        for (hit, (id, distance)) in hits.iter().zip(ids.iter_mut().zip(distances)) {
            (*id, *distance) = (i64::from(hit.id), hit.distance as i32); // at most 256 bits
        }
    }
}
