//! The statements, one file each, and the few texts that are put together from them.

use std::sync::{Arc, LazyLock};

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Sqlite};

/// A query of this crate.
pub(crate) type SqliteQuery = Query<'static, Sqlite, SqliteArguments>;

/// One statement, or several that run as one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement(&'static str);

impl Statement {
    /// The statement, to bind and run.
    pub(crate) fn query(self) -> SqliteQuery {
        sqlx::query(self.0)
    }
}

macro_rules! statements {
    ($($constant:ident = $($name:literal)+;)*) => {
        $(pub(crate) const $constant: Statement =
            Statement(concat!($(include_str!(concat!("sql/", $name, ".sql")), ";\n"),+));)*
    };
}

statements! {
    BEGIN = "begin";
    BEGIN_APPEND = "begin" "find_streams";
    BEGIN_CHANGE = "begin" "stream_info";
    // Whether the file can be written; what the last of them changes stays with the connection.
    TRY_WRITE = "no_wait" "begin" "rollback";
    COMMIT = "commit";
    ROLLBACK = "rollback";
    // One event: what most appends are. Each answer of the connection's thread costs as much as a statement.
    APPEND_ONE = "insert_events" "put_streams" "commit";
    KNOWN_EVENTS = "known_events";
    INSERT_TENANT = "insert_tenant";
    INSERT_CATEGORY = "insert_category";
    CHANGE_STREAM = "change_stream";
    REMOVE_EVENTS = "remove_events";
    READ_FORWARD = "read_forward";
    READ_BACKWARD = "read_backward";
    READ_LINKS_FORWARD = "read_links_forward";
    READ_LINKS_BACKWARD = "read_links_backward";
    FIND_LINKED = "find_linked";
    PUT_TENANTS = "put_tenants";
    PUT_CATEGORIES = "put_categories";
    IMPORT_THERE = "import_there";
    IMPORT_KNOWN = "import_known";
    IMPORT_STREAMS = "import_streams";
    IMPORT_FIND_LINKS = "import_find_links";
    IMPORT_LINKS = "import_links";
    LAST_POSITION = "last_position";
    INSERT_LINK_STREAM = "insert_link_stream";
    INSERT_LINKS = "insert_links";
    SET_VERSION = "set_version";
    REMOVE_LINKS = "remove_links";
    READ_ALL = "read_all";
    READ_CATEGORY = "read_category";
    READ_OF_STREAM = "read_of_stream";
    HEAD = "head";
    READ_EVENT = "read_event";
    OWNERS = "owners";
    NAMES_OF_STREAMS = "names_of_streams";
    STREAM_INFO = "stream_info";
    LIST_STREAMS = "list_streams";
    LOAD_SNAPSHOT = "load_snapshot";
    SAVE_SNAPSHOT = "save_snapshot";
    SNAPSHOTS_OF_STREAMS = "snapshots_of_streams";
    DISCARD_SNAPSHOT = "discard_snapshot";
    FORGET_SNAPSHOTS = "forget_snapshots";
    CENSUS = "census";
    HEALTH = "health";
    RECORD_EVENT_VERSIONS = "record_event_versions";
    BEGIN_SUBSCRIPTION = "begin" "find_subscription";
    FIND_SUBSCRIPTION = "find_subscription";
    ADD_SUBSCRIPTION = "add_subscription";
    ADD_PARTS = "add_parts";
    FORGET_MEMBERS = "forget_members";
    PUT_MEMBER = "put_member";
    COUNT_MEMBERS = "count_members";
    RENEW_PARTS = "renew_parts";
    TAKE_PARTS = "take_parts";
    HELD_PARTS = "held_parts";
    SAVE_CHECKPOINT = "save_checkpoint";
    RELEASE_PARTS = "release_parts";
    REMOVE_MEMBER = "remove_member";
    RELEASE_PART = "release_part";
    HOLDS_PART = "holds_part";
    PARK_EVENT = "park_event";
    UNPARK_EVENT = "unpark_event";
    REPLAY_PARKED = "replay_parked";
    PARKED = "parked";
    PAUSE_SUBSCRIPTION = "pause_subscription";
    TAKE_AWAY_PARTS = "take_away_parts";
    STOP_SUBSCRIPTION = "stop_subscription";
    DELETE_SUBSCRIPTION = "delete_subscription";
    DELETE_PARTS = "delete_parts";
    DELETE_MEMBERS = "delete_members";
    DELETE_PARKED = "delete_parked";
    LIST_SUBSCRIPTIONS = "list_subscriptions";
    BEGIN_PROJECTION = "begin_projection";
    NAMED_LIKE = "named_like";
    TABLES_OF_PROJECTION = "tables_of_projection";
    DROP_PROJECTION = "drop_projection";
    MOVE_PROJECTION = "move_projection";
    PROJECTION = "projection";
    LEAVE_PROJECTION = "leave_projection";
    ENTER_PROJECTION = "enter_projection";
    IDENTITY = "identity";
    CREATE_HISTORY = "create_history";
    APPLIED = "applied";
    RECORD_MIGRATION = "record_migration";
    WRITE_AHEAD = "write_ahead";
    BACKUP = "backup";
    CHECK = "check";
}

/// How many rows one statement writes: as many statements as sizes, and few calls for any number.
const SIZES: [usize; 3] = [256, 16, 1];

/// A statement whose row of values stands in it as often as there are rows to write.
pub(crate) struct Rows([(usize, Arc<str>); 3]);

impl Rows {
    fn new(text: &str) -> Self {
        const ROW: &str = "(?";
        // The files are ours: without a row of values there is nothing to repeat, and the test below says so.
        let start = text.find(ROW).unwrap_or(text.len());
        let end = text[start..].find(')').map_or(text.len(), |length| start + length + 1);
        let (head, row, tail) = (&text[..start], &text[start..end], &text[end..]);
        Self(SIZES.map(|size| (size, format!("{head}{}{tail}", vec![row; size].join(", ")).into())))
    }

    /// The rows in portions, each with the statement that writes it.
    pub(crate) fn portions<'r, T>(
        &self,
        mut rows: &'r [T],
    ) -> impl Iterator<Item = (SqliteQuery, &'r [T])> {
        std::iter::from_fn(move || {
            let (size, text) = self.0.iter().find(|(size, _)| *size <= rows.len())?;
            let (portion, rest) = rows.split_at(*size);
            rows = rest;
            Some((sqlx::query(AssertSqlSafe(Arc::clone(text))), portion))
        })
    }
}

pub(crate) static INSERT_EVENTS: LazyLock<Rows> =
    LazyLock::new(|| Rows::new(include_str!("sql/insert_events.sql")));

pub(crate) static PUT_STREAMS: LazyLock<Rows> =
    LazyLock::new(|| Rows::new(include_str!("sql/put_streams.sql")));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_values_is_repeated() {
        for (rows, columns) in [(&INSERT_EVENTS, 11), (&PUT_STREAMS, 6)] {
            for (size, text) in &rows.0 {
                let values = text.split_once("VALUES").unwrap().1;
                assert_eq!(values.matches('?').count(), columns * size);
            }
        }
        assert!(PUT_STREAMS.0[0].1.trim_end().ends_with("version = excluded.version"));
    }

    #[test]
    fn any_number_of_rows_is_written_in_few_portions() {
        let rows = [(); 529];
        let sizes: Vec<_> =
            INSERT_EVENTS.portions(&rows).map(|(_, portion)| portion.len()).collect();
        assert_eq!(sizes, [256, 256, 16, 1]);
    }
}
