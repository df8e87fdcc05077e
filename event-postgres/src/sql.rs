//! [`Statements`]: the statements, rendered once for the schema they run in. SQL text is built only here.
//!
//! The files say `event_store`; rendering puts the schema's quoted name there. Names are checked, so the text is as
//! constant as the files are.

use std::sync::Arc;

use event_sql::migrations::plain;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres};

/// The schema's name in the files, and the default.
pub(crate) const DEFAULT_SCHEMA: &str = "event_store";

/// A transaction for one statement. Its settings follow, each as one [`SET`].
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
/// A setting for the transaction: `$1` is its name, `$2` its value, both inserted as text.
const SET: &str = "SET LOCAL $1 = '$2'";
/// Whether the server still answers on an idle connection.
pub(crate) const PING: &str = "SELECT 1";
/// An import fills tables that were empty when its statements were first planned: plan each call anew.
pub(crate) const PLAN_EACH_CALL: &str = "SET plan_cache_mode = force_custom_plan";
/// The schema of a build. It must not exist: an existing schema of that name is not the store's.
const CREATE_SCHEMA: &str = "CREATE SCHEMA event_store";
/// Says whose it is: only the owner of a schema can say so. `$1` is a text without quotes.
const MARK_SCHEMA: &str = "COMMENT ON SCHEMA event_store IS '$1'";
const DROP_SCHEMA: &str = "DROP SCHEMA IF EXISTS event_store CASCADE";

/// A setting of a session, and its value. Both are chosen by this crate, without quotes.
pub(crate) type Setting = (&'static str, String);

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

    /// The statement without parameters, as one message that leaves nothing in the session.
    pub(crate) fn raw(&self) -> sqlx::RawSql {
        sqlx::raw_sql(AssertSqlSafe(Arc::clone(&self.0)))
    }
}

/// Opens a transaction with its own settings, in one message.
#[derive(Debug, Clone)]
pub(crate) struct Begin(Arc<str>);

impl Begin {
    /// For a transaction with these settings.
    pub(crate) fn new(settings: &[Setting]) -> Self {
        let mut text = BEGIN.to_owned();
        for (name, value) in settings {
            text.push_str("; ");
            text.push_str(&SET.replace("$1", name).replace("$2", value));
        }
        Self(text.into())
    }

    pub(crate) fn query(&self) -> sqlx::RawSql {
        sqlx::raw_sql(AssertSqlSafe(Arc::clone(&self.0)))
    }
}

macro_rules! statements {
    ($($topic:ident { $($name:ident)* })*) => {
        /// Every statement of this crate, one file each, in a folder per topic.
        #[derive(Debug)]
        pub(crate) struct Statements {
            schema: Schema,
            $($(pub(crate) $name: Statement,)*)*
        }

        impl Statements {
            pub(crate) fn new(schema: Schema) -> Self {
                Self {
                    $($($name: Statement(
                        schema
                            .render(include_str!(concat!("sql/", stringify!($topic), "/", stringify!($name), ".sql")))
                            .into(),
                    ),)*)*
                    schema,
                }
            }

            /// The files, to compare with those in the folder.
            #[cfg(test)]
            const FILES: &[&str] = &[$($(concat!(stringify!($topic), "/", stringify!($name), ".sql"),)*)*];
        }
    };
}

statements! {
    append {
        append_event append_one append_many append_batch append_together record_names append_event_in
        append_one_in append_many_in record_event_versions bound_transaction
    }
    read {
        read_forward read_backward read_links_forward read_links_backward read_all read_category read_of_stream
        read_correlated read_all_backward
        read_event tail frontier holders read_frontier keep_frontier last_assigned lineage place census
    }
    stream {
        stream_info list_streams list_all_streams list_ordered_streams owners change_stream remove_truncated link_events link_events_in
    }
    import {
        import_tenants import_categories import_new_streams import_lock_streams import_there import_known
        import_lock_events import_analyze import_set_position import_events import_events_at import_set_streams
        import_find_links import_links
    }
    subscription {
        register_subscription heartbeat_subscription save_checkpoint save_checkpoints move_checkpoint
        release_partitions stop_subscription park_event
        unpark_event replay_parked parked parked_due control_subscription is_registered list_subscriptions
        find_subscription change_subscription passed
        select_parked select_discarded replay_selected discard_parked
    }
    projection {
        begin_projection move_projection switch_projection drop_projection projection list_projections set_search_path schema_of_build
        statement_of
    }
    view {
        begin_read_model builds write_documents lock_current_build load_documents find_document page_of_documents page_of_all_documents
        switch_read_model drop_read_model
    }
    snapshot {
        load_snapshot snapshots_of_streams save_snapshot discard_snapshot
    }
    schema {
        has_history create_schema create_history applied record_migration tables_of_schema lock_migrations lock_grants grant
        grant_builds
    }
    sequences {
        sequences_behind repair_sequences
    }
    verify {
        gap_in_versions version_beyond_stream wrong_count position_used_twice
        event_id_used_twice positions_out_of_order position_beyond_sequence mixed_stream
        event_of_unknown_stream keys_contradict link_to_nothing checkpoint_beyond_log
        snapshot_beyond_stream missing_in_census
    }
    session {
        start opened cancel activity probe_first probe_second health notify blockers settings
        old_transactions room
    }
}

impl Statements {
    /// The beginning of a script that migrates the schema: the transaction, the lock that migrations hold, the locks on
    /// these tables, and the record of migrations.
    pub(crate) fn script(&self, tables: &[&str]) -> String {
        let name = format!("'{}'", self.schema.as_str());
        let lock = self.lock_grants.0.replace("$1", &name);
        let tables = self.schema.lock_tables(tables);
        let statements = [&*lock, &*self.create_schema.0, &*self.create_history.0];
        let statements = statements.into_iter().chain(tables.as_deref());
        let statements: Vec<_> = statements.map(|it| plain(it) + ";\n").collect();
        format!("{BEGIN};\n{}", statements.concat())
    }

    /// The statement that records a migration, with its values.
    pub(crate) fn record(&self, version: i64, name: &str, checksum: &str) -> String {
        let text = plain(&self.record_migration.0);
        let values = format!("({version}, '{name}', '\\x{checksum}')");
        text.replace("($1, $2, $3)", &values)
    }

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
        let continues = letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !starts || !continues || name.len() > 63 || name.starts_with("pg_") {
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

    /// The name as SQL has it.
    pub(crate) fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }

    /// Creates it.
    pub(crate) fn create(&self) -> sqlx::RawSql {
        sqlx::raw_sql(AssertSqlSafe(self.render(CREATE_SCHEMA)))
    }

    /// The statement that marks it. The mark names checked names only.
    pub(crate) fn mark(&self, mark: &str) -> String {
        self.render(MARK_SCHEMA).replace("$1", mark)
    }

    /// Locks tables of it against everybody, all by one statement; `None` if there are none. The names are those of
    /// this crate's files.
    pub(crate) fn lock_tables(&self, tables: &[&str]) -> Option<String> {
        let tables: Vec<_> =
            tables.iter().map(|it| format!("{}.\"{it}\"", self.quoted())).collect();
        let statement = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "));
        (!tables.is_empty()).then_some(statement)
    }

    /// Drops it, with everything in it.
    pub(crate) fn drop(&self) -> sqlx::RawSql {
        sqlx::raw_sql(AssertSqlSafe(self.render(DROP_SCHEMA)))
    }

    /// A file's text for this schema.
    pub(crate) fn render(&self, text: &str) -> String {
        text.replace(DEFAULT_SCHEMA, &self.quoted())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

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
    fn every_file_of_the_folder_is_a_statement() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sql");
        let mut found = BTreeSet::new();
        for topic in std::fs::read_dir(&folder).unwrap() {
            let topic = topic.unwrap().path();
            assert!(topic.is_dir(), "{} belongs in the folder of a topic", topic.display());
            for file in std::fs::read_dir(topic).unwrap() {
                let file = file.unwrap().path();
                found.insert(
                    file.strip_prefix(&folder).unwrap().to_string_lossy().replace('\\', "/"),
                );
            }
        }
        let listed: BTreeSet<String> =
            Statements::FILES.iter().map(|file| (*file).to_owned()).collect();
        assert_eq!(
            found, listed,
            "sql/ holds one file per statement of the list, and nothing else"
        );
    }

    #[test]
    fn files_are_rendered_for_their_schema() {
        let statements = Statements::new(Schema::new("mine").unwrap());
        assert!(statements.read_event.0.contains("\"mine\".events"));
        assert!(!statements.read_event.0.contains(DEFAULT_SCHEMA));
    }
}
