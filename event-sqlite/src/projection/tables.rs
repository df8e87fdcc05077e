//! [`SqliteTables`]: how the statements of a projection name its tables.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_sql::projector::ProjectionStatus;
use sqlx::AssertSqlSafe;

/// The names of a build's tables in the file.
///
/// ```
/// use event_core::{EventSet, Position};
/// use event_sqlite::{ProjectionStatus, SqliteTables};
///
/// # let status = ProjectionStatus {
/// #     build: 2, schema: "doors_2_".into(), is_current: true, position: Position::START, events: 0,
/// #     last_event_at: None, last_event: None, filter: String::new(),
/// # };
/// let tables = SqliteTables::of(&status); // of `SqliteAdapter::projection_status("doors", None)`: the current build
/// assert_eq!(tables.name("doors"), "doors_2_doors");
/// assert_eq!(tables.text("SELECT opened FROM {doors} WHERE door = '{}'"), "SELECT opened FROM doors_2_doors WHERE door = '{}'");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteTables {
    prefix: String,
    last: Last,
}

/// The last statement that was asked for: where a projection fails, it is the one that failed.
#[derive(Debug, Clone, Default)]
struct Last(Arc<Mutex<Option<String>>>);

impl Last {
    fn slot(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was asked for is no part of what the tables are.
impl PartialEq for Last {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Last {}

impl SqliteTables {
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix, last: Last::default() }
    }

    /// Forgets the last statement, and returns it.
    pub(super) fn take_last(&self) -> Option<String> {
        self.last.slot().take()
    }

    /// For a reader: the tables of a build, by its status.
    pub fn of(status: &ProjectionStatus) -> Self {
        Self::new(status.schema.clone())
    }

    /// What the names of the tables begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name of a table, or of an index, in the file.
    pub fn name(&self, table: &str) -> String {
        format!("{}{table}", self.prefix)
    }

    /// A statement that names tables, and indexes, in braces: `{doors}` becomes [`name("doors")`](Self::name).
    /// Braces around anything else than `a`-`z`, `0`-`9` and `_` stay.
    pub fn text(&self, statement: &str) -> String {
        let mut text = String::with_capacity(statement.len() + 32);
        let mut rest = statement;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let named = after.split_once('}').filter(|(name, _)| is_name(name));
            if let Some((name, behind)) = named {
                text.push_str(&self.prefix);
                text.push_str(name);
                rest = behind;
            } else {
                text.push('{');
                rest = after;
            }
        }
        text.push_str(rest);
        *self.last.slot() = Some(text.clone());
        text
    }

    /// The same for the driver. It is safe: the text is the program's own, and the names are checked.
    pub fn sql(&self, statement: &'static str) -> AssertSqlSafe<String> {
        AssertSqlSafe(self.text(statement))
    }
}

fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    !name.is_empty() && name.bytes().all(is_part)
}
