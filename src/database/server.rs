//! A connection to a server. What goes wrong there is said with the place and the server's own words, never with the
//! URL, which may hold a password.

use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::error::SqlState;
use postgres::{Client, Config, NoTls};

use super::table::{Name, Table};
use crate::error::{Error, Result};

/// How long to wait for a server that does not answer, where the URL does not say.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open connection, and the table that is meant.
pub(super) struct Server {
    pub(super) client: Client,
    /// Host, port, database and table, for messages.
    pub(super) place: String,
    pub(super) name: Name,
}

impl Server {
    /// Connects; finds pgvector and the schema of the table.
    pub(super) fn connect(table: &Table) -> Result<Server> {
        let name = Name::parse(&table.name)?;
        let config = config(table)?;
        let place = format!("{}, table {}", place(&config), table.name);
        let client = config.connect(NoTls).map_err(|error| unreachable(&place, &error))?;
        Ok(Server { client, place, name })
    }

    /// An error of the server, with the place.
    pub(super) fn fail(&self) -> impl Fn(postgres::Error) -> Error + use<> {
        let place = self.place.clone();
        move |error| failed(&place, &error)
    }

    /// Several statements at once.
    pub(super) fn execute(&mut self, statements: &str) -> Result<()> {
        let fail = self.fail();
        self.client.batch_execute(statements).map_err(fail)
    }

    /// Makes names of pgvector known to this session, wherever it is installed, and gives the table its schema. `create`
    /// installs it where it is missing.
    pub(super) fn prepare(&mut self, create: bool) -> Result<()> {
        let fail = self.fail();
        let found = "select n.nspname, e.extversion from pg_extension e \
                     join pg_namespace n on n.oid = e.extnamespace where e.extname = 'vector'";
        let mut vector = self.client.query_opt(found, &[]).map_err(&fail)?;
        if vector.is_none() && create {
            let hint = "pgvector has to be installed on the server, and `create extension vector` to be run once in the \
                        database by someone who may";
            self.client
                .batch_execute("create extension if not exists vector")
                .map_err(|error| fail(error).with_hint(hint))?;
            vector = self.client.query_opt(found, &[]).map_err(&fail)?;
        }
        let Some(vector) = vector else {
            let what = format!("{}: expected the extension vector, got a database without it", self.place);
            return Err(Error::not_found(what).with_hint("fill a table first, with `push`"));
        };
        let (schema, version): (String, String) = (vector.get(0), vector.get(1));
        if !is_recent(&version) {
            let what = format!("pgvector: expected at least 0.8, got {version}");
            let hint = "install a newer one on the server, then run `alter extension vector update`";
            return Err(Error::version(&self.place, what).with_hint(hint));
        }
        let path = "select set_config('search_path', current_setting('search_path') || ', ' || quote_ident($1), false)";
        self.client.query_one(path, &[&schema]).map_err(&fail)?;
        if self.name.schema.is_none() {
            let first = self.client.query_one("select current_schema()::text", &[]).map_err(&fail)?;
            let schema: Option<String> = first.get(0);
            if schema.is_none() {
                let what =
                    format!("{}: expected a schema for the table, got a search path without one", self.place);
                return Err(Error::invalid(what).with_hint("name it: schema.table"));
            }
            self.name.schema = schema;
        }
        Ok(())
    }
}

/// Whether a version of pgvector can go on with a search that has not found enough.
fn is_recent(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (0, 8)
}

fn config(table: &Table) -> Result<Config> {
    let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| table.url.starts_with(scheme));
    // what the parser says may quote a part of the password
    let parsed = table.url.parse::<Config>().ok().filter(|_| is_url);
    let Some(mut config) = parsed else {
        let what = "postgres: expected postgres://USER@HOST:PORT/DATABASE, got something else";
        let hint = "characters such as @ / ? # : in a name or password are written as %40 %2F %3F %23 %3A; sslmode may be \
                    disable or prefer";
        return Err(Error::invalid(what).with_hint(hint));
    };
    if let (None, Some(password)) = (config.get_password(), &table.password) {
        config.password(password);
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(PATIENCE);
    }
    if config.get_ssl_mode() == SslMode::Require {
        let what = format!("{}: sslmode: expected disable or prefer, got require", place(&config));
        return Err(Error::unsupported(what).with_hint(WITHOUT_TLS));
    }
    if config.get_application_name().is_none() {
        config.application_name("aesearch");
    }
    Ok(config)
}

const WITHOUT_TLS: &str = "TLS is not built in: go through a tunnel, such as ssh -L 5432:localhost:5432 HOST, or a proxy \
                           on this machine";

/// `db.example:5432/photos`
fn place(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => config.get_hostaddrs().first().map_or("localhost".to_owned(), ToString::to_string),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("{host}:{port}/{database}")
}

/// Why no connection came about.
fn unreachable(place: &str, error: &postgres::Error) -> Error {
    let failed = failed(place, error);
    let Some(refused) = error.as_db_error() else {
        return failed.with_hint("is the server running there, and does it listen?");
    };
    if *refused.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
        && refused.message().contains("no encryption")
    {
        return failed.with_hint(WITHOUT_TLS);
    }
    failed
}

/// What the server says; of a connection that broke, what the system says.
fn failed(place: &str, error: &postgres::Error) -> Error {
    let Some(said) = error.as_db_error() else {
        let mut words = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !words.contains(&text) {
                words = format!("{words}: {text}");
            }
            cause = inner.source();
        }
        return Error::invalid(format!("{place}: {words}"));
    };
    let detail = said.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
    let error = Error::invalid(format!("{place}: {}{detail}", said.message()));
    match said.hint() {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> Error {
        let table = Table { url: url.to_owned(), password: None, name: "images".to_owned() };
        config(&table).map(|config| place(&config)).unwrap_err()
    }

    #[test]
    fn no_part_of_a_password_is_said() {
        for url in [
            "postgres://me:hunter2@host:port/db",
            "postgres://me:hunter2/x@host/db",
            "postgres://me:hunter2@host/db?sslmode=hunter2",
            "postgres://me:hunter2@host/db?sslmode=require",
            "host=x password=hunter2",
            "mysql://me:hunter2@host/db",
        ] {
            let error = refusal(url);
            assert!(!format!("{error} {:?} {error:?}", error.hint()).contains("hunter2"), "{url}: {error}");
        }
        assert!(
            refusal("postgres://me@host/db?sslmode=require").hint().unwrap().contains("TLS is not built in")
        );
    }

    #[test]
    fn places_name_host_port_and_database() {
        let place_of = |url: &str, password: Option<&str>| {
            let password = password.map(str::to_owned);
            let config = config(&Table { url: url.to_owned(), password, name: "x".to_owned() }).unwrap();
            (place(&config), config.get_password().map(<[u8]>::to_vec))
        };
        let ours = Some(b"ours".to_vec());
        assert_eq!(
            place_of("postgres://me:ours@h/db", Some("other")),
            ("h:5432/db".to_owned(), ours.clone())
        );
        assert_eq!(place_of("postgresql://me@h:77", Some("ours")), ("h:77/me".to_owned(), ours));
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(["0.8.0", "0.10.1", "1.0"].iter().all(|version| is_recent(version)));
        assert!(!["0.7.4", "", "x"].iter().any(|version| is_recent(version)));
    }
}
