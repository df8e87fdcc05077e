//! [`Declared`]: the tables that the statements of a projection create.

use event_core::value::Escaped;

use super::dialect::Dialect;
use super::scan::{Part, is_name, scan};

/// The first words of what a table has beside its columns.
const CONSTRAINTS: [&str; 5] = ["primary", "unique", "check", "foreign", "constraint"];

/// A table that is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// Whether it has a column `tenant`.
    pub(super) has_tenant: bool,
}

/// The tables of a projection, and the statements that create them in one dialect.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) tables: Vec<Table>,
    /// Statements with [`Piece`]s for names, in order.
    statements: Vec<Vec<Piece>>,
}

/// A part of a statement that depends on where the build is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Table(String),
    Index(String),
}

impl Declared {
    /// Reads the statements of a projection; the error is a sentence.
    pub(super) fn read(create: &[&str], dialect: Dialect) -> Result<Self, String> {
        let mut declared = Self { tables: Vec::new(), statements: Vec::new() };
        for sql in create {
            let read = declared.statement(sql, dialect);
            read.map_err(|reason| format!("{reason}, in `{}`", Escaped(sql)))?;
        }
        if declared.tables.is_empty() {
            return Err("`create` declares no table: `CREATE TABLE {name} (…)`".into());
        }
        Ok(declared)
    }

    /// The statements, for a build at a place.
    pub(super) fn create(&self, dialect: Dialect, place: &str) -> Vec<String> {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Table(name) => dialect.table(place, name),
            Piece::Index(name) => dialect.index(place, name),
        };
        self.statements.iter().map(|pieces| pieces.iter().map(text).collect()).collect()
    }

    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The names of all tables, for messages.
    pub(super) fn names(&self) -> String {
        let names: Vec<_> = self.tables.iter().map(|table| format!("{{{}}}", table.name)).collect();
        names.join(", ")
    }

    fn statement(&mut self, sql: &str, dialect: Dialect) -> Result<(), String> {
        let parts: Vec<_> = scan(sql)?;
        let mut parts = parts.as_slice();
        while let Some((Part::Mark(';'), before)) = parts.split_last().map(|(it, rest)| (*it, rest))
        {
            parts = before;
        }
        if parts.contains(&Part::Mark(';')) {
            return Err("several statements in one: each has its own place in the list".into());
        }
        if parts.iter().any(|part| matches!(part, Part::Param(_))) {
            return Err("a parameter, which nothing gives a value".into());
        }
        let words: Vec<_> = parts.iter().filter(|part| !part.is_blank()).copied().collect();
        match words.as_slice() {
            [create, table, Part::Table(name), Part::Mark('('), ..]
                if create.is("create") && table.is("table") =>
            {
                self.table_of(parts, name, dialect)
            }
            [create, index, rest @ ..] if create.is("create") && index.is("index") => {
                self.index_of(parts, rest)
            }
            [create, unique, index, rest @ ..]
                if create.is("create") && unique.is("unique") && index.is("index") =>
            {
                self.index_of(parts, rest)
            }
            _ => Err("only `CREATE TABLE {name} (…)` and `CREATE [UNIQUE] INDEX name ON {name} (…)` are what both backends have".into()),
        }
    }

    fn table_of(&mut self, parts: &[Part<'_>], name: &str, dialect: Dialect) -> Result<(), String> {
        if self.table(name).is_some() {
            return Err(format!("the table `{name}` is declared twice"));
        }
        let open = parts.iter().position(|part| *part == Part::Mark('(')).unwrap_or_default();
        let close = parts.iter().rposition(|part| *part == Part::Mark(')'));
        let Some(close) =
            close.filter(|close| parts.iter().skip(close + 1).all(|part| part.is_blank()))
        else {
            return Err("the list of columns is not the end of the statement".into());
        };
        let columns = parts.get(open + 1..close).unwrap_or_default();
        // A table may refer to itself.
        self.tables.push(Table { name: name.to_owned(), has_tenant: false });
        let mut pieces = vec![
            Piece::Text("CREATE TABLE ".into()),
            Piece::Table(name.into()),
            Piece::Text(" (".into()),
        ];
        let mut has_tenant = false;
        for (index, column) in split(columns).into_iter().enumerate() {
            if index > 0 {
                pieces.push(Piece::Text(",".into()));
            }
            has_tenant |= self.column(column, dialect, &mut pieces)?;
        }
        pieces.push(Piece::Text(format!("){}", dialect.options())));
        if let Some(table) = self.tables.last_mut() {
            table.has_tenant = has_tenant;
        }
        self.statements.push(pieces);
        Ok(())
    }

    /// One column or constraint of a table; whether it is the column `tenant`.
    fn column(
        &self,
        parts: &[Part<'_>],
        dialect: Dialect,
        pieces: &mut Vec<Piece>,
    ) -> Result<bool, String> {
        let mut filled = parts.iter().enumerate().filter(|(_, part)| !part.is_blank());
        let Some((_, first)) = filled.next() else { return Err("a column without a name".into()) };
        if CONSTRAINTS.iter().any(|word| first.is(word)) {
            self.pass(parts, pieces)?;
            return Ok(false);
        }
        let name = match *first {
            Part::Word(name) => name,
            Part::Other(name) if name.starts_with('"') => name,
            _ => return Err("a column without a name".into()),
        };
        let Some((at, Part::Word(word))) = filled.next() else {
            return Err(format!("the column `{}` has no type", Escaped(name)));
        };
        let kind = dialect
            .column(word)
            .map_err(|reason| format!("the column `{}` has {reason}", Escaped(name)))?;
        let mut rest = parts.get(at + 1..).unwrap_or_default();
        if word.eq_ignore_ascii_case("double") {
            rest = skip(rest, |part| part.is("precision"));
        }
        if ["numeric", "decimal"].iter().any(|it| word.eq_ignore_ascii_case(it)) {
            rest = skip_arguments(rest);
        }
        if next(rest) == Some(Part::Mark('(')) {
            return Err(format!(
                "the column `{}` has a type with an argument, which not both backends enforce",
                Escaped(name)
            ));
        }
        pieces.push(Piece::Text(format!(" {name} {kind}")));
        self.pass(rest, pieces)?;
        Ok(name.trim_matches('"').eq_ignore_ascii_case("tenant"))
    }

    fn index_of(&mut self, parts: &[Part<'_>], words: &[Part<'_>]) -> Result<(), String> {
        let (name, table) = match words {
            [Part::Word(name) | Part::Table(name), on, Part::Table(table), Part::Mark('('), ..]
                if on.is("on") =>
            {
                (*name, *table)
            }
            _ => {
                return Err(
                    "an index is created by `CREATE [UNIQUE] INDEX name ON {table} (…)`".into()
                );
            }
        };
        if !is_name(name) {
            return Err(format!(
                "`{}` cannot name an index: use `a`-`z`, `0`-`9` and `_`",
                Escaped(name)
            ));
        }
        if self.table(table).is_none() {
            return Err(format!("`{{{table}}}` is not declared yet"));
        }
        let mut pieces = Vec::new();
        let mut is_named = false;
        for part in parts {
            match *part {
                Part::Word(word) | Part::Table(word) if !is_named && word == name => {
                    is_named = true;
                    pieces.push(Piece::Index(name.to_owned()));
                }
                part => self.pass(&[part], &mut pieces)?,
            }
        }
        self.statements.push(pieces);
        Ok(())
    }

    /// Passes parts on; names are of declared tables.
    fn pass(&self, parts: &[Part<'_>], pieces: &mut Vec<Piece>) -> Result<(), String> {
        for part in parts {
            pieces.push(match *part {
                Part::Table(name) if self.table(name).is_some() => Piece::Table(name.to_owned()),
                Part::Table(name) => return Err(format!("`{{{name}}}` is not declared")),
                Part::Other(text) if text.starts_with("--") => Piece::Text(" ".into()),
                Part::Word(text) | Part::Other(text) => Piece::Text(text.to_owned()),
                Part::Mark(mark) => Piece::Text(mark.to_string()),
                Part::Param(number) => Piece::Text(format!("${number}")),
            });
        }
        Ok(())
    }
}

/// The columns between commas that are in no parentheses.
fn split<'p, 's>(parts: &'p [Part<'s>]) -> Vec<&'p [Part<'s>]> {
    let mut depth = 0_i32;
    parts
        .split(|part| {
            match part {
                Part::Mark('(') => depth += 1,
                Part::Mark(')') => depth -= 1,
                _ => {}
            }
            depth == 0 && *part == Part::Mark(',')
        })
        .collect()
}

fn next<'s>(parts: &[Part<'s>]) -> Option<Part<'s>> {
    parts.iter().find(|part| !part.is_blank()).copied()
}

/// What follows the next word, if it is the wanted one.
fn skip<'p, 's>(parts: &'p [Part<'s>], wanted: impl Fn(Part<'s>) -> bool) -> &'p [Part<'s>] {
    match parts.iter().position(|part| !part.is_blank()) {
        Some(at) if parts.get(at).is_some_and(|part| wanted(*part)) => {
            parts.get(at + 1..).unwrap_or_default()
        }
        _ => parts,
    }
}

/// What follows `(precision, scale)`.
fn skip_arguments<'p, 's>(parts: &'p [Part<'s>]) -> &'p [Part<'s>] {
    if next(parts) != Some(Part::Mark('(')) {
        return parts;
    }
    let end = parts.iter().position(|part| *part == Part::Mark(')'));
    end.and_then(|end| parts.get(end + 1..)).unwrap_or(parts)
}
