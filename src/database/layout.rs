//! What is in which table. `aesearch_tables`, in the schema of the tables, says by which model and binarizer the codes
//! of each were made; a table that is not listed there belongs to someone else.

use super::rows::{COLUMNS, OF_LATENTS};
use super::server::Server;
use super::table::{TABLES, literal};
use crate::error::{Error, Result};
use crate::gallery::{Facts, different_codes};

/// Numbers that a `halfvec` holds at most.
pub(super) const LONGEST_LATENT: usize = 16_000;

/// What `aesearch_tables` says of a table.
pub(super) struct Listed {
    pub(super) facts: Facts,
    pub(super) latent_size: usize,
    /// Whether all rows of the last push are there.
    pub(super) is_complete: bool,
}

/// The entry of the table that is meant, if it is listed.
pub(super) fn listed(server: &mut Server) -> Result<Option<Listed>> {
    let tables = server.name.beside(TABLES);
    if !exists(server, &tables)? {
        return Ok(None);
    }
    let fail = server.fail();
    let found = format!("select facts, latent_size, complete from {tables} where name = $1");
    let Some(row) = server.client.query_opt(&found, &[&server.name.table]).map_err(fail)? else {
        return Ok(None);
    };
    let (facts, latent_size, is_complete): (Vec<u8>, i32, bool) = (row.get(0), row.get(1), row.get(2));
    let facts = Facts::from_bytes(&facts, &server.place)?;
    Ok(Some(Listed { facts, latent_size: usize::try_from(latent_size).unwrap_or(0), is_complete }))
}

/// Whether a table is there; `name` as SQL reads it.
pub(super) fn exists(server: &mut Server, name: &str) -> Result<bool> {
    let fail = server.fail();
    let row = server.client.query_one("select to_regclass($1) is not null", &[&name]).map_err(fail)?;
    Ok(row.get(0))
}

/// Makes the table for codes of `facts` and latents `[latent_size]`, 0 for none, or checks that it is for such. Gives
/// whether it is new.
///
/// # Errors
/// `Mismatch` when it is for others, `Invalid` when it was made by someone else.
pub(super) fn make(server: &mut Server, facts: &Facts, latent_size: usize) -> Result<bool> {
    let name = server.name.quoted();
    let (known, is_there) = (listed(server)?, exists(server, &name)?);
    match known {
        Some(known) if is_there => return check(server, &known, facts, latent_size).map(|()| false),
        None if is_there => {
            let what = format!("{}: expected a table that `push` made, got another one", server.place);
            return Err(Error::invalid(what).with_hint("name a table that is not there yet"));
        }
        _ => {}
    }
    let (bits, binarizer) = (facts.codes.binarizer.bits(), &facts.codes.binarizer);
    let latents = match latent_size {
        0 => String::new(),
        size => format!(", {} halfvec({size}), {} real", OF_LATENTS[0], OF_LATENTS[1]),
    };
    let [path, path_bytes, hash, width, height, label, code] = COLUMNS;
    let tables = server.name.beside(TABLES);
    let listing = if exists(server, &tables)? { String::new() } else { listing(&tables) };
    let statements = format!(
        "{listing}create table {name} ({path} text collate \"C\" primary key, {path_bytes} bytea, {hash} bytea not null, \
         {width} integer, {height} integer, {label} text, {code} bit({bits}) not null{latents});"
    );
    let fail = server.fail();
    let mut whole = server.client.transaction().map_err(&fail)?;
    whole.batch_execute(&statements).map_err(&fail)?;
    whole.execute(&format!("delete from {tables} where name = $1"), &[&server.name.table]).map_err(&fail)?;
    let entry = format!(
        "insert into {tables} (name, model, model_sha256, binarizer, binarizer_sha256, inverted, bits, latent_size, facts) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    let (rule, sha256) = (binarizer.rule().to_string(), binarizer.sha256());
    let sizes = [bits, latent_size].map(|size| i32::try_from(size).unwrap_or(i32::MAX));
    whole
        .execute(
            &entry,
            &[
                &server.name.table,
                &facts.model.name,
                &facts.model.sha256,
                &rule,
                &sha256,
                &facts.polarity.inverted,
                &sizes[0],
                &sizes[1],
                &facts.to_bytes(),
            ],
        )
        .map_err(&fail)?;
    whole.commit().map_err(&fail)?;
    Ok(true)
}

/// Refuses a table of other codes.
fn check(server: &Server, known: &Listed, facts: &Facts, latent_size: usize) -> Result<()> {
    let hint = "codes that are not made alike cannot be compared: name another table, or drop this one";
    let refuse = |what: String| Err(Error::mismatch(&server.place, what).with_hint(hint));
    if let Some(what) = different_codes(&known.facts, facts) {
        return refuse(what);
    }
    if known.facts.polarity.inverted != facts.polarity.inverted {
        return refuse("codes of images as they are, and of inverted ones".to_owned());
    }
    if known.latent_size != latent_size {
        return refuse(format!("latents: expected {} numbers, got {latent_size}", known.latent_size));
    }
    Ok(())
}

/// Writes what has become known of the collection, and whether all rows are there.
pub(super) fn finish(server: &mut Server, facts: &Facts, is_complete: bool) -> Result<()> {
    let fail = server.fail();
    let tables = server.name.beside(TABLES);
    let update = format!(
        "update {tables} set facts = $2, complete = $3 \
         where name = $1 and (facts, complete) is distinct from ($2, $3)"
    );
    let bytes = facts.to_bytes();
    server.client.execute(&update, &[&server.name.table, &bytes, &is_complete]).map_err(fail)?;
    Ok(())
}

/// The statement that makes the list of tables.
fn listing(tables: &str) -> String {
    format!(
        "create table {tables} (name text primary key, model text not null, model_sha256 text not null, \
         binarizer text not null, binarizer_sha256 text not null, inverted boolean not null, bits integer not null, \
         latent_size integer not null, complete boolean not null default false, facts bytea not null);"
    )
}

/// Makes the function `aesearch_neighbours` in the schema of the table, unless it is there as it is here.
pub(super) fn make_function(server: &mut Server) -> Result<()> {
    let fail = server.fail();
    let schema = server.name.schema.clone().unwrap_or_default();
    let body =
        FUNCTION.replace("{tables}", &server.name.beside(TABLES)).replace("{schema}", &literal(&schema));
    let found = "select p.prosrc from pg_proc p join pg_namespace n on n.oid = p.pronamespace \
                 where p.proname = 'aesearch_neighbours' and n.nspname = $1";
    let rows = server.client.query(found, &[&schema]).map_err(fail)?;
    if rows.iter().any(|row| row.get::<_, String>(0) == body) {
        return Ok(());
    }
    let name = server.name.beside("aesearch_neighbours");
    server.execute(&format!(
        "create or replace function {name}(code bit varying, k integer default 10, images regclass default null) \
         returns table (path text, label text, distance integer) language plpgsql stable \
         set search_path from current set hnsw.ef_search = 200 set hnsw.iterative_scan = strict_order \
         as {}",
        literal(&body)
    ))
}

const FUNCTION: &str = "
declare
  found regclass[];
  width integer;
begin
  select array_agg(to_regclass(format('%I.%I', {schema}, t.name))) into found from {tables} t
    where to_regclass(format('%I.%I', {schema}, t.name)) is not null
      and (images is null or to_regclass(format('%I.%I', {schema}, t.name)) = images);
  if images is not null and found is null then
    raise exception 'aesearch_neighbours: % is no table of aesearch', images;
  elsif cardinality(found) is distinct from 1 then
    raise exception 'aesearch_neighbours: expected the name of a table as third argument, as there are %: %',
      coalesce(cardinality(found), 0), found;
  end if;
  select t.bits into width from {tables} t where to_regclass(format('%I.%I', {schema}, t.name)) = found[1];
  if length(code) <> width then
    raise exception 'aesearch_neighbours: expected a code of % bits, got %', width, length(code);
  end if;
  return query execute format('select t.path, t.label, (t.code <~> $1::bit(%s))::integer from %s t
    order by t.code <~> $1::bit(%s) limit $2', width, found[1], width) using code, k;
end
";
