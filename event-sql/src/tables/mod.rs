//! [`TablesSql`]: the statements of a table projection in the dialect of a backend.
//!
//! Names in braces become the tables of a build, and parameters the backend's own. Everything else is passed on as it is.

mod declared;
mod dialect;
mod scan;

use event_core::adapter::{TableModel, TenantView};
use event_core::projection::projector::own_name;
use event_core::value::Escaped;
use event_core::{Error, Result, Tenant};

use self::declared::{Declared, Table};
pub use self::dialect::Dialect;
use self::scan::{Part, scan};

/// Words that a statement which only reads does not have, outside of quotes.
const CHANGES: [&str; 8] =
    ["insert", "update", "delete", "merge", "create", "drop", "alter", "truncate"];

/// The tables of one build, and the statements about them.
#[derive(Debug, Clone)]
pub struct TablesSql {
    declared: Declared,
    dialect: Dialect,
    /// The schema, or what the names begin with.
    place: String,
    is_shared: bool,
    name: &'static str,
}

/// What a statement is allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use<'v> {
    /// To change rows.
    Change,
    /// To read what the view of tenants includes.
    Read(&'v TenantView),
}

impl TablesSql {
    /// Reads the statements that create the tables of a build.
    ///
    /// # Errors
    /// [`Error::Adapter`] for a statement that not both backends have, naming it.
    pub fn new(model: TableModel, dialect: Dialect) -> Result<Self> {
        const OPERATION: &str = "create the tables of a projection";
        let TableModel { name, build, create, is_shared } = model;
        let refused = |reason: String| Error::adapter(OPERATION, format!("`{name}`: {reason}"));
        let declared = Declared::read(create, dialect).map_err(refused)?;
        let own = own_name(name, build);
        let own = own.ok_or_else(|| refused("no projection can have this name".into()))?;
        let place = if dialect == Dialect::Sqlite { own + "_" } else { own };
        Ok(Self { declared, dialect, place, is_shared, name })
    }

    /// The schema of the tables, or what their names begin with.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The statements that create the tables and their indexes.
    pub fn create(&self) -> Vec<String> {
        self.declared.create(self.dialect, &self.place)
    }

    /// The name of a table without a column `tenant`, if there is one.
    pub fn without_tenant(&self) -> Option<&str> {
        self.declared.tables.iter().find(|table| !table.has_tenant).map(|table| table.name.as_str())
    }

    /// A statement in the backend's dialect.
    ///
    /// # Errors
    /// [`Error::Adapter`] for a table that was not declared, a statement of another kind, and another number of parameters.
    pub fn translate(
        &self,
        operation: &'static str,
        sql: &str,
        params: usize,
        used: Use<'_>,
    ) -> Result<String> {
        self.translated(sql, params, used).map_err(|reason| {
            let reason = format!("`{}`: {reason}, in the statement `{}`", self.name, Escaped(sql));
            Error::adapter(operation, reason)
        })
    }

    fn translated(&self, sql: &str, params: usize, used: Use<'_>) -> Result<String, String> {
        let mut parts = scan(sql)?;
        while parts.last().is_some_and(|part| part.is_blank() || *part == Part::Mark(';')) {
            parts.pop();
        }
        let blank = parts.iter().take_while(|part| part.is_blank()).count();
        parts.drain(..blank);
        check_kind(&parts, used)?;
        let highest = parts
            .iter()
            .filter_map(|part| if let Part::Param(number) = part { Some(*number) } else { None })
            .max();
        let highest = highest.unwrap_or_default();
        if highest != params {
            return Err(format!("it has {highest} parameters, and {params} values were given"));
        }
        let tenant = match used {
            Use::Read(view) => view.tenant(),
            Use::Change => None,
        };
        let mut bound: Vec<&str> = Vec::new();
        let mut text = String::with_capacity(sql.len() + 64);
        for part in &parts {
            match *part {
                Part::Table(name) => {
                    let table = self.declared.table(name).ok_or_else(|| {
                        format!(
                            "`{{{name}}}` is not declared; declared are {}",
                            self.declared.names()
                        )
                    })?;
                    if let Some(tenant) = tenant
                        && self.is_bound(table, tenant)?
                    {
                        bound.push(&table.name);
                        text.extend(["\"", name, "\""]);
                    } else {
                        text.push_str(&self.dialect.table(&self.place, name));
                    }
                }
                Part::Param(number) => text.push_str(&self.dialect.param(number)),
                Part::Word(word) => text.push_str(word),
                Part::Mark(mark) => text.push(mark),
                Part::Other(other) => text.push_str(other),
            }
        }
        bound.sort_unstable();
        bound.dedup();
        Ok(match tenant {
            Some(tenant) if !bound.is_empty() => self.of_tenant(tenant, &bound, &text),
            _ => text,
        })
    }

    /// Whether a tenant sees only its own rows of a table; an error if it may not see it at all.
    fn is_bound(&self, table: &Table, tenant: &Tenant) -> Result<bool, String> {
        if table.has_tenant {
            return Ok(true);
        }
        if self.is_shared || *tenant == Tenant::default() {
            return Ok(false);
        }
        let (name, tenant) = (&table.name, Escaped(tenant.as_str()));
        Err(format!(
            "the table `{name}` has no column `tenant`, so that `{tenant}` may not read it"
        ))
    }

    /// The statement with the rows of one tenant in place of the tables.
    fn of_tenant(&self, tenant: &Tenant, tables: &[&str], text: &str) -> String {
        // The text of a tenant has been checked, and is quoted as both dialects do.
        let tenant = tenant.as_str().replace('\'', "''");
        let own: Vec<_> = tables
            .iter()
            .map(|name| {
                let table = self.dialect.table(&self.place, name);
                format!("\"{name}\" AS NOT MATERIALIZED (SELECT * FROM {table} WHERE tenant = '{tenant}')")
            })
            .collect();
        let own = own.join(", ");
        let word = |text: &str, word: &str| {
            let rest = text.get(word.len()..)?;
            let is_it = text.get(..word.len())?.eq_ignore_ascii_case(word);
            (is_it && rest.starts_with(char::is_whitespace)).then(|| rest.to_owned())
        };
        match word(text, "WITH") {
            None => format!("WITH {own} {text}"),
            Some(rest) => match word(rest.trim_start(), "RECURSIVE") {
                None => format!("WITH {own}, {rest}"),
                Some(rest) => format!("WITH RECURSIVE {own}, {rest}"),
            },
        }
    }
}

/// Refuses several statements, and those of another kind.
fn check_kind(parts: &[Part<'_>], used: Use<'_>) -> Result<(), String> {
    if parts.contains(&Part::Mark(';')) {
        return Err("several statements in one".into());
    }
    let first = parts.iter().find(|part| !part.is_blank());
    let begins =
        |words: &[&str]| first.is_some_and(|first| words.iter().any(|word| first.is(word)));
    match used {
        Use::Change if begins(&["insert", "update", "delete", "select", "with"]) => Ok(()),
        Use::Change => Err("an event is applied by INSERT, UPDATE, DELETE and SELECT only".into()),
        Use::Read(_) if !begins(&["select", "with", "values"]) => Err("a query is a SELECT".into()),
        Use::Read(_) => {
            let change = parts.iter().find(|part| CHANGES.iter().any(|word| part.is(word)));
            match change {
                Some(Part::Word(word)) => {
                    Err(format!("a query only reads, and this one has {word}"))
                }
                _ => Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
