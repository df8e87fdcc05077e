//! The statements, rendered once for the schema they run in. The only place where SQL text is put together.
//!
//! The files say `event_store`; rendering puts the schema's quoted name there. Names are checked, so the text is as
//! constant as the files are.

use std::sync::Arc;

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres};

use crate::options::Setting;

/// The schema's name in the files, and the default.
pub(crate) const DEFAULT_SCHEMA: &str = "event_store";

/// A query of this crate.
pub(crate) type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

/// One rendered statement.
#[derive(Debug, Clone)]
pub(crate) struct Statement(Arc<str>);

impl Statement {
    /// The statement, to bind and run.
    pub(crate) fn query<'q>(&self) -> PgQuery<'q> {
        sqlx::query(AssertSqlSafe(Arc::clone(&self.0)))
    }
}

/// What opens a transaction that has settings of its own, in one message.
#[derive(Debug, Clone)]
pub(crate) struct Begin(Arc<str>);

impl Begin {
    /// The settings are names and values of this crate's making, without quotes.
    pub(crate) fn new(settings: &[Setting]) -> Self {
        let set = include_str!("sql/set.sql").lines().last().unwrap_or_default();
        let mut text = include_str!("sql/begin.sql").trim_end().to_owned();
        for (name, value) in settings {
            text.push_str(";\n");
            text.push_str(&set.replace("$1", name).replace("$2", value));
        }
        Self(text.into())
    }

    pub(crate) fn query(&self) -> sqlx::RawSql {
        sqlx::raw_sql(AssertSqlSafe(Arc::clone(&self.0)))
    }
}

macro_rules! statements {
    ($($name:ident)*) => {
        /// Every statement of the adapter, one file each.
        #[derive(Debug)]
        pub(crate) struct Statements {
            schema: Schema,
            $(pub(crate) $name: Statement,)*
        }

        impl Statements {
            pub(crate) fn new(schema: Schema) -> Self {
                Self {
                    $($name: Statement(schema.render(include_str!(concat!("sql/", stringify!($name), ".sql"))).into()),)*
                    schema,
                }
            }
        }
    };
}

statements! {
    census record_event_versions link_events read_links_forward read_links_backward
    import_tenants import_categories import_new_streams import_lock_streams import_there import_known import_lock_events
    last_position drawn import_plans import_analyze import_set_position import_events import_events_at import_set_streams import_find_links import_links
    append_event append_one append_many append_batch change_stream remove_truncated
    append_event_in append_one_in append_many_in
    read_forward read_backward read_all read_category read_of_stream read_event frontier holders
    begin_projection move_projection switch_projection drop_projection projection set_search_path
    load_snapshot snapshots_of_streams save_snapshot discard_snapshot
    tail notify ping blockers health
    register_subscription attend_subscription save_checkpoint move_checkpoint release_parts
    park_event unpark_event replay_parked parked control_subscription is_registered list_subscriptions
    owners stream_info list_streams list_all_streams
    start probe_first probe_second
    has_history create_schema create_history applied record_migration lock_migrations grant
}

impl Statements {
    /// The schema they run in.
    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }
}

/// A checked schema name: `[a-z_][a-z0-9_]{0,62}`, not one of the server's own.
#[derive(Debug, Clone)]
pub(crate) struct Schema(String);

impl Schema {
    /// Checks the name; the error is a sentence for the user.
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let mut letters = name.bytes();
        let starts = letters.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
        let goes_on = letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !starts || !goes_on || name.len() > 63 || name.starts_with("pg_") {
            return Err(format!(
                "`{}` cannot name a schema; use 1 to 63 of a-z, 0-9 and _, not starting with a digit or `pg_`",
                name.escape_default()
            ));
        }
        Ok(Self(name.to_owned()))
    }

    /// The plain name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A file's text for this schema.
    pub(crate) fn render(&self, text: &str) -> String {
        text.replace(DEFAULT_SCHEMA, &format!("\"{}\"", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_name_is_a_plain_identifier() {
        for good in ["event_store", "_x", "a1", "select"] {
            assert!(Schema::new(good).is_ok(), "{good}");
        }
        for bad in ["", "1a", "A", "a b", "a;drop", "a\"b", "é", "pg_mine", &"a".repeat(64)] {
            assert!(Schema::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn files_are_rendered_for_their_schema() {
        let statements = Statements::new(Schema::new("mine").unwrap());
        assert!(statements.read_event.0.contains("\"mine\".events"));
        assert!(!statements.read_event.0.contains(DEFAULT_SCHEMA));
    }
}
