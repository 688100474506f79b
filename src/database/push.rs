//! An index into a table: rows that the table lacks or has otherwise are copied, in batches that are each committed; what
//! is no longer in the index is deleted. So a run that was ended goes on where it was, and one with nothing new writes
//! nothing.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use aesearch_index::{Access, Snapshot};
use postgres::Transaction;
use postgres::error::SqlState;

use super::copy::{Rows, read};
use super::layout::{LONGEST_LATENT, finish, make, make_function};
use super::report::PushReport;
use super::rows::{COLUMNS, Held, Need, OF_LATENTS, Row};
use super::server::Server;
use super::table::Table;
use crate::error::{Error, Result};
use crate::gallery::{Facts, Known};
use crate::observer::{Note, Observer, Progress, Stage};

/// Rows that are committed together.
const BATCH: usize = 20_000;
/// Bytes that are sent at once.
const CHUNK: usize = 1 << 18;
/// A table of this session, which takes rows that are there already in another form.
const STAGING: &str = "pg_temp.aesearch_staging";

/// Brings the table up to date with the index at `dir`: afterwards it has a row for each image, by its path. A new
/// table gets a search index over its codes when all rows are there (pgvector's HNSW by Hamming distance); later rows go
/// into it as they come.
///
/// # Errors
/// `Mismatch` when the table is of another model or binarizer, `Invalid` when it is someone else's or the server refuses,
/// `Locked` while another push fills it.
pub fn push(dir: &Path, access: Access, to: &Table, observer: &dyn Observer) -> Result<PushReport> {
    let start = Instant::now();
    let snapshot = Snapshot::open_with(dir, access)?;
    let facts = Facts::of(&snapshot, dir)?;
    let known = Known::kept(dir, &snapshot)?;
    let latent_size = if snapshot.latent_size() > LONGEST_LATENT { 0 } else { snapshot.latent_size() };
    let mut server = Server::connect(to)?;
    server.prepare(true)?;
    lock(&mut server)?;
    make(&mut server, &facts, latent_size)?;
    if latent_size == 0 {
        observer.note(&Note::new(
            "without latents: codes alone are pushed, and hits are in the order of their codes, not re-ranked",
        ));
    }
    let mut pushing = Pushing { server, snapshot: &snapshot, known, latent_size, observer };
    let (work, gone) = pushing.compare()?;
    let mut report = PushReport {
        place: pushing.server.place.clone(),
        images: snapshot.len(),
        added: work.added.len(),
        changed: work.changed.len(),
        unchanged: snapshot.len() - work.added.len() - work.changed.len(),
        removed: gone.len(),
        bits: snapshot.bits(),
        latent_size,
        built: false,
        push_seconds: 0.0,
        build_seconds: 0.0,
        interrupted: false,
    };
    pushing.write(&work, &gone, &facts, &mut report)?;
    report.push_seconds = start.elapsed().as_secs_f64();
    if !report.interrupted {
        let building = Instant::now();
        report.built = pushing.build()?;
        report.build_seconds = building.elapsed().as_secs_f64();
        finish(&mut pushing.server, &facts, true)?;
        make_function(&mut pushing.server)?;
    }
    Ok(report)
}

/// Keeps other pushes away from the table until the connection ends.
fn lock(server: &mut Server) -> Result<()> {
    let fail = server.fail();
    let lock = "select pg_try_advisory_lock(hashtext('aesearch'), hashtext($1))";
    match server.client.query_one(lock, &[&server.name.quoted()]).map_err(fail)?.get(0) {
        true => Ok(()),
        false => Err(Error::locked(format!("{}: another push fills it", server.place))),
    }
}

/// A push under way.
struct Pushing<'a> {
    server: Server,
    snapshot: &'a Snapshot,
    known: Known<'a>,
    latent_size: usize,
    observer: &'a dyn Observer,
}

/// Images whose rows are written.
#[derive(Default)]
struct Work {
    added: Vec<u32>,
    changed: Vec<u32>,
}

impl Pushing<'_> {
    /// What is to be written, and the paths of rows that are to go.
    fn compare(&mut self) -> Result<(Work, Vec<String>)> {
        self.observer.stage(Stage::images("comparing"));
        let mut held = Held::default();
        self.each(Held::COLUMNS, |fields| held.note(fields))?;
        let mut work = Work::default();
        for id in self.snapshot.ids() {
            match held.see(&Row::of(self.snapshot, id)?) {
                Need::Nothing => {}
                Need::Change => work.changed.push(id),
                Need::Add => work.added.push(id),
            }
        }
        let mut gone = Vec::new();
        if held.len() > 0 {
            self.each("path", |fields| {
                let path = fields.first().and_then(Option::as_deref).filter(|path| held.holds(path));
                gone.extend(path.map(|path| String::from_utf8_lossy(path).into_owned()));
            })?;
        }
        Ok((work, gone))
    }

    /// Reads columns of all rows.
    fn each(&mut self, columns: &str, mut note: impl FnMut(&[Option<Vec<u8>>])) -> Result<()> {
        let (fail, place) = (self.server.fail(), self.server.place.clone());
        let copy = format!("copy {} ({columns}) to stdout (format binary)", self.server.name.quoted());
        let rows = self.server.client.copy_out(&copy).map_err(fail)?;
        read(rows, |fields| {
            note(fields);
            Ok::<(), std::io::Error>(())
        })
        .map_err(|error| Error::invalid(format!("{place}: {error}")))
    }

    /// Writes rows by batches, until the observer stops it.
    fn write(&mut self, work: &Work, gone: &[String], facts: &Facts, report: &mut PushReport) -> Result<()> {
        let total = work.added.len() + work.changed.len();
        if total + gone.len() > 0 {
            finish(&mut self.server, facts, false)?;
        }
        self.observer.stage(Stage::images("pushing"));
        let mut done = 0;
        let mut is_stopped = |written: usize| {
            done += written;
            self.observer.progress(&Progress::of(done, total));
            self.observer.should_stop()
        };
        let (mut added, mut changed, mut removed) = (0, 0, 0);
        let (server, batch) = (&mut self.server, (self.snapshot, &self.known, self.latent_size));
        for paths in gone.chunks(BATCH) {
            let fail = server.fail();
            let delete = format!("delete from {} where path = any($1)", server.name.quoted());
            server.client.execute(&delete, &[&paths]).map_err(fail)?;
            removed += paths.len();
        }
        for ids in work.changed.chunks(BATCH) {
            if is_stopped(0) {
                break;
            }
            change(server, batch, ids)?;
            changed += ids.len();
            is_stopped(ids.len());
        }
        for ids in work.added.chunks(BATCH) {
            if is_stopped(0) {
                break;
            }
            let (fail, table) = (server.fail(), server.name.quoted());
            let mut whole = server.client.transaction().map_err(&fail)?;
            copy((&mut whole, &table), batch, ids, &fail)?;
            whole.commit().map_err(&fail)?;
            added += ids.len();
            is_stopped(ids.len());
        }
        report.interrupted = added + changed < total;
        (report.added, report.changed, report.removed) = (added, changed, removed);
        report.images = report.unchanged + added + work.changed.len();
        Ok(())
    }

    /// Builds the search index where there is none. Gives whether it did.
    fn build(&mut self) -> Result<bool> {
        let table = self.server.name.quoted();
        let fail = self.server.fail();
        let found = "select exists (select from pg_index i join pg_class c on c.oid = i.indexrelid \
                     join pg_am a on a.oid = c.relam \
                     where i.indrelid = to_regclass($1) and i.indisvalid and a.amname = 'hnsw')";
        if self.server.client.query_one(found, &[&table]).map_err(&fail)?.get(0) {
            return Ok(false);
        }
        self.observer.stage(Stage::new("building the search index", "images"));
        let needed = self.snapshot.len() * (self.snapshot.bits() / 8 + PER_ROW) / 1024;
        let kilobytes = needed.clamp(64 << 10, 2 << 20);
        let more = "select set_config('maintenance_work_mem', $1, false) \
                    where pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes($1)";
        self.server.client.query(more, &[&format!("{kilobytes}kB")]).map_err(&fail)?;
        let statement = format!("create index on {table} using hnsw (code bit_hamming_ops)");
        let built = self.server.client.batch_execute(&statement);
        // workers share memory in /dev/shm, which is small in containers
        let lacks_memory = |error: &postgres::Error| {
            let full = [&SqlState::DISK_FULL, &SqlState::OUT_OF_MEMORY, &SqlState::INSUFFICIENT_RESOURCES];
            error.code().is_some_and(|code| full.contains(&code))
        };
        match built {
            Err(error) if lacks_memory(&error) => {
                self.server.execute(&format!("set max_parallel_maintenance_workers = 0; {statement}"))?;
            }
            built => built.map_err(&fail)?,
        }
        self.server.execute(&format!("analyze {table}"))?;
        Ok(true)
    }
}

/// Bytes that pgvector takes for a row while it builds, beside the code: 32 links of the lowest level, and what leads
/// there.
const PER_ROW: usize = 600;

/// What rows are made of.
type Batch<'a> = (&'a Snapshot, &'a Known<'a>, usize);

/// Copies rows of these images into a table.
fn copy(
    (whole, table): (&mut Transaction<'_>, &str),
    (snapshot, known, latent_size): Batch<'_>,
    ids: &[u32],
    fail: &impl Fn(postgres::Error) -> Error,
) -> Result<()> {
    let columns = columns(latent_size).join(", ");
    let copy = format!("copy {table} ({columns}) from stdin (format binary)");
    let mut to = whole.copy_in(&copy).map_err(fail)?;
    let broken = |error: std::io::Error| Error::invalid(format!("{table}: {error}"));
    let mut rows = Rows::begin();
    for &id in ids {
        Row::of(snapshot, id)?.write(&mut rows, known, latent_size);
        if rows.len() > CHUNK {
            to.write_all(&rows.take()).map_err(broken)?;
        }
    }
    rows.end();
    to.write_all(&rows.take()).map_err(broken)?;
    to.finish().map_err(fail)?;
    Ok(())
}

/// Puts rows of these images in place of those with the same paths.
fn change(server: &mut Server, batch: Batch<'_>, ids: &[u32]) -> Result<()> {
    let (fail, table) = (server.fail(), server.name.quoted());
    let columns = columns(batch.2);
    let set: Vec<String> = columns.iter().map(|column| format!("{column} = excluded.{column}")).collect();
    let mut whole = server.client.transaction().map_err(&fail)?;
    let staging =
        format!("create temp table if not exists aesearch_staging (like {table}) on commit delete rows");
    whole.batch_execute(&staging).map_err(&fail)?;
    copy((&mut whole, STAGING), batch, ids, &fail)?;
    let (columns, set) = (columns.join(", "), set.join(", "));
    let upsert = format!(
        "insert into {table} ({columns}) select {columns} from {STAGING} on conflict (path) do update set {set}"
    );
    whole.batch_execute(&upsert).map_err(&fail)?;
    whole.commit().map_err(&fail)
}

fn columns(latent_size: usize) -> Vec<&'static str> {
    let latents = OF_LATENTS.iter().filter(|_| latent_size > 0);
    COLUMNS.iter().chain(latents).copied().collect()
}
