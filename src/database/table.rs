//! Where a table is. Names of tables come from people: they are checked here, and quoted wherever they stand in SQL.

use std::fmt;

/// A table, and how to reach its server.
#[derive(Clone)]
pub struct Table {
    /// `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE`
    pub url: String,
    /// The password, where the URL has none.
    pub password: Option<String>,
    /// `TABLE`, or `SCHEMA.TABLE`.
    pub name: String,
}

impl fmt::Debug for Table {
    /// Without URL and password, as the URL may hold one too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(feature = "postgres")]
pub(super) use names::{Name, TABLES, literal};

/// Names in SQL.
#[cfg(feature = "postgres")]
mod names {
    use crate::error::{Error, Result};

    /// The table that says what is in the others, in each schema that has some.
    pub(in super::super) const TABLES: &str = "aesearch_tables";
    /// Bytes of a name in PostgreSQL, which cuts longer ones without a word.
    const LONGEST: usize = 63;

    /// The name of a table.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(in super::super) struct Name {
        /// None: the first of the search path.
        pub(in super::super) schema: Option<String>,
        pub(in super::super) table: String,
    }

    impl Name {
        /// `TABLE` or `SCHEMA.TABLE`; upper case stays as it is, and needs quotes in SQL.
        pub(in super::super) fn parse(text: &str) -> Result<Name> {
            let fail = |what: &str| {
                let hint = "give a name such as images, or schema.images";
                Error::invalid(format!("table {text:?}: {what}")).with_hint(hint)
            };
            let (schema, table) = match text.split_once('.') {
                Some((schema, table)) => (Some(schema), table),
                None => (None, text),
            };
            if table.contains('.') {
                return Err(fail("expected at most one dot, between schema and table, got several"));
            }
            for part in schema.into_iter().chain([table]) {
                if part.is_empty() {
                    return Err(fail("expected a name, got nothing"));
                }
                if part.len() > LONGEST {
                    return Err(fail(&format!("expected at most {LONGEST} bytes, got {}", part.len())));
                }
                if part.chars().any(char::is_control) {
                    return Err(fail("expected no control characters, got some"));
                }
            }
            if table == TABLES {
                return Err(fail("expected another name, as this table lists the others"));
            }
            Ok(Name { schema: schema.map(str::to_owned), table: table.to_owned() })
        }

        /// As SQL reads it.
        pub(in super::super) fn quoted(&self) -> String {
            self.beside(&self.table)
        }

        /// Something else in the same schema, as SQL reads it.
        pub(in super::super) fn beside(&self, name: &str) -> String {
            match &self.schema {
                Some(schema) => format!("{}.{}", quoted(schema), quoted(name)),
                None => quoted(name),
            }
        }
    }

    /// An identifier of SQL.
    fn quoted(name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// A text of SQL.
    pub(in super::super) fn literal(text: &str) -> String {
        let escaped = text.replace('\\', "\\\\").replace('\'', "''");
        format!("E'{escaped}'")
    }
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_quoted() {
        for (text, sql) in [
            ("images", "\"images\""),
            ("Public.My images", "\"Public\".\"My images\""),
            ("a\"; drop table b; --", "\"a\"\"; drop table b; --\""),
            ("gr\u{fc}n", "\"gr\u{fc}n\""),
        ] {
            assert_eq!(Name::parse(text).unwrap().quoted(), sql);
        }
        let long = "x".repeat(64);
        for wrong in
            ["", ".", "a.", ".a", "a.b.c", "a\nb", "a\0", &long, "aesearch_tables", "s.aesearch_tables"]
        {
            let error = Name::parse(wrong).unwrap_err();
            assert!(error.to_string().starts_with("table \""), "{wrong:?}: {error}");
        }
        assert_eq!(literal("a'b\\c"), "E'a''b\\\\c'");
        assert_eq!(Name::parse("s.a").unwrap().beside("b\"c"), "\"s\".\"b\"\"c\"");
    }

    #[test]
    fn passwords_are_not_shown() {
        let (url, password) = ("postgres://me:secret@host/db".to_owned(), Some("secret".to_owned()));
        let shown = format!("{:?}", Table { url, password, name: "images".to_owned() });
        assert!(!shown.contains("secret"), "{shown}");
    }
}
