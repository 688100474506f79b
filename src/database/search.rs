//! The nearest codes of a table, by pgvector.

use std::sync::{Mutex, PoisonError};

use aesearch_index::{Mode, Search};
use postgres::types::{FromSql, Type};
use postgres::{Row, Statement};

use super::copy::{latent, packed};
use super::layout::listed;
use super::report::{InTable, SearchOptions};
use super::server::Server;
use super::table::Table;
use crate::error::{Error, Result};
use crate::gallery::{Store, Stored};

/// Rows that are asked for at once, once the first are there.
const MORE: i32 = 200;

/// Opens a table that was filled by [`push`](super::push()), to search it.
///
/// # Errors
/// `NotFound` when there is no such table, `Invalid` when the server cannot be reached or refuses.
pub fn open_table(table: &Table, options: &SearchOptions) -> Result<InTable> {
    let SearchOptions { ef_search } = *options;
    if !(1..=1000).contains(&ef_search) {
        return Err(Error::invalid(format!("`ef_search`: expected 1 to 1000, got {ef_search}")));
    }
    let mut server = Server::connect(table)?;
    server.prepare(false)?;
    let Some(known) = listed(&mut server)? else {
        let what = format!("{}: expected a table that `push` made, got none", server.place);
        return Err(Error::not_found(what).with_hint("fill it with `push`, or name another table"));
    };
    // The planner knows nothing of how few rows will be asked for, and would rather sort all of them.
    server.execute(&format!(
        "set hnsw.ef_search = {ef_search}; set hnsw.iterative_scan = strict_order; set enable_seqscan = off; set jit = off"
    ))?;
    let (name, bits) = (server.name.quoted(), known.facts.codes.binarizer.bits());
    let columns = match known.latent_size {
        0 => "path, path_bytes, label, hash, null::bytea",
        _ => "path, path_bytes, label, hash, latent",
    };
    let fail = server.fail();
    let mut prepare = |statement: String| server.client.prepare(&statement).map_err(&fail);
    let code = format!("$1::text::bit({bits})");
    let near = prepare(format!(
        "select (code <~> {code})::integer, {columns} from {name} order by code <~> {code}"
    ))?;
    // what is added keeps the search index out
    let last = prepare(format!(
        "select max(d) from (select (code <~> {code})::integer + 0 as d from {name} order by d limit $2) as nearest"
    ))?;
    let within = prepare(format!(
        "select (code <~> {code})::integer, {columns} from {name} where (code <~> {code})::integer + 0 <= $2"
    ))?;
    let place = server.place.clone();
    let store =
        InPostgres { server: Mutex::new(server), near, last, within, bits, latent_size: known.latent_size };
    Ok(InTable { place, facts: known.facts, is_complete: known.is_complete, store: Box::new(store) })
}

/// A table that is searched.
struct InPostgres {
    server: Mutex<Server>,
    /// All rows, the nearest first.
    near: Statement,
    /// How far the last of so many is.
    last: Statement,
    /// All rows within a distance.
    within: Statement,
    bits: usize,
    latent_size: usize,
}

impl Store for InPostgres {
    fn latent_size(&self) -> usize {
        self.latent_size
    }

    fn near(&self, code: &[u64], search: &Search) -> Result<Vec<Stored>> {
        let code: String = packed(code, self.bits).iter().map(|byte| format!("{byte:08b}")).collect();
        let code = &code[..self.bits.min(code.len())];
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if search.k == 0 {
            return Ok(Vec::new());
        }
        match search.mode {
            Mode::Exact => self.exactly(&mut server, code, search),
            _ => self.approximately(&mut server, code, search),
        }
    }
}

impl InPostgres {
    /// Passes every code, twice: to find how far the last one is, and those that are as near.
    fn exactly(&self, server: &mut Server, code: &str, search: &Search) -> Result<Vec<Stored>> {
        let fail = server.fail();
        let k = i64::try_from(search.k).unwrap_or(i64::MAX);
        let last: Option<i32> = server.client.query_one(&self.last, &[&code, &k]).map_err(&fail)?.get(0);
        let Some(last) = last else { return Ok(Vec::new()) };
        let radius = search.radius.and_then(|radius| i32::try_from(radius).ok()).unwrap_or(i32::MAX);
        let rows = server.client.query(&self.within, &[&code, &last.min(radius)]).map_err(&fail)?;
        rows.iter().map(|row| stored(row, &server.place)).collect()
    }

    /// Follows the search index until the next row is further than the last that is wanted.
    fn approximately(&self, server: &mut Server, code: &str, search: &Search) -> Result<Vec<Stored>> {
        let (fail, place) = (server.fail(), server.place.clone());
        let mut whole = server.client.transaction().map_err(&fail)?;
        let portal = whole.bind(&self.near, &[&code]).map_err(&fail)?;
        let (mut found, mut ask) = (Vec::<Stored>::new(), i32::try_from(search.k).unwrap_or(i32::MAX));
        'all: loop {
            let rows = whole.query_portal(&portal, ask).map_err(&fail)?;
            for row in &rows {
                let next = stored(row, &place)?;
                let last = search.k.checked_sub(1).and_then(|last| found.get(last));
                let is_beyond = last.is_some_and(|last| next.distance > last.distance);
                if is_beyond || search.radius.is_some_and(|radius| next.distance > radius) {
                    break 'all;
                }
                found.push(next);
            }
            if (rows.len() as i64) < i64::from(ask) {
                break;
            }
            ask = MORE;
        }
        whole.commit().map_err(&fail)?;
        Ok(found)
    }
}

/// A field as its bytes, whatever its type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A row: distance, path, path_bytes, label, hash, latent.
fn stored(row: &Row, place: &str) -> Result<Stored> {
    let damaged =
        |what: &str| Error::damaged(place, format!("{what}: expected what `push` wrote, got something else"));
    let read = || -> Result<_, postgres::Error> {
        let (distance, path, bytes): (i32, String, Option<Vec<u8>>) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let (label, hash, halves) = (row.try_get(3)?, row.try_get(4)?, row.try_get(5)?);
        Ok((distance, bytes.unwrap_or(path.into_bytes()), label, hash, halves))
    };
    let (distance, name, label, hash, halves): (i32, Vec<u8>, Option<String>, Vec<u8>, Option<Raw<'_>>) =
        read().map_err(|_| damaged("row"))?;
    let latent = match halves {
        Some(Raw(field)) => latent(field).ok_or_else(|| damaged("latent"))?,
        None => Vec::new(),
    };
    Ok(Stored {
        name,
        label,
        hash: hash.try_into().map_err(|_| damaged("hash"))?,
        distance: u32::try_from(distance).map_err(|_| damaged("code"))?,
        latent,
    })
}
