//! [`Dialect`]: what each backend has its own words for.

/// The words of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL: the tables of a build have a schema of their own.
    Postgres,
    /// SQLite: the names of a build's tables and indexes begin alike.
    Sqlite,
}

/// The portable types of columns: the words, PostgreSQL's and SQLite's.
const TYPES: [(&[&str], &str, &str); 10] = [
    (&["text"], "text COLLATE \"C\"", "TEXT"),
    // Not `INTEGER`: a key of that type would be a row number, which SQLite draws where none is given.
    (&["integer", "int", "bigint"], "bigint", "INT"),
    (&["real", "double", "float"], "double precision", "REAL"),
    (&["numeric", "decimal"], "numeric", "REAL"),
    (&["boolean", "bool"], "boolean", "INT"),
    (&["timestamp", "timestamptz"], "timestamptz", "TEXT"),
    (&["date"], "date", "TEXT"),
    (&["json", "jsonb"], "jsonb", "TEXT"),
    (&["bytes", "blob", "bytea"], "bytea", "BLOB"),
    (&["uuid"], "uuid", "TEXT"),
];

impl Dialect {
    /// The type of a column; an error that lists all for another word.
    pub(super) fn column(self, word: &str) -> Result<&'static str, String> {
        let word = word.to_ascii_lowercase();
        let found = TYPES.iter().find(|(words, ..)| words.contains(&&*word));
        found
            .map(|(_, postgres, sqlite)| if self == Self::Postgres { *postgres } else { *sqlite })
            .ok_or_else(|| {
                let all: Vec<_> =
                    TYPES.iter().filter_map(|(words, ..)| words.first().copied()).collect();
                format!("the type `{word}`; the types of both backends are {}", all.join(", "))
            })
    }

    /// A table as a statement names it. `place` is the schema, or what the names begin with; all are of `a`-`z`, `0`-`9` and `_`.
    pub(super) fn table(self, place: &str, name: &str) -> String {
        match self {
            Self::Postgres => format!("\"{place}\".\"{name}\""),
            Self::Sqlite => format!("\"{place}{name}\""),
        }
    }

    /// The name of an index where it is created.
    pub(super) fn index(self, place: &str, name: &str) -> String {
        match self {
            Self::Postgres => format!("\"{name}\""),
            Self::Sqlite => format!("\"{place}{name}\""),
        }
    }

    /// A parameter.
    pub(super) fn param(self, number: usize) -> String {
        match self {
            Self::Postgres => format!("${number}"),
            Self::Sqlite => format!("?{number}"),
        }
    }

    /// What follows the columns of a table.
    pub(super) const fn options(self) -> &'static str {
        match self {
            Self::Postgres => "",
            Self::Sqlite => " STRICT",
        }
    }
}
