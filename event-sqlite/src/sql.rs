//! [`Statement`]s by topic, one file each; the shortest ones are constants.

use std::sync::{Arc, LazyLock};

use event_core::{Error, Result, serde_json};
use event_sql::migrations::plain;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Sqlite};

/// A query of this crate.
pub(crate) type SqliteQuery = Query<'static, Sqlite, SqliteArguments>;

/// A list as SQLite's `json_each` takes it.
pub(crate) fn json(list: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(list).map_err(|error| Error::adapter("write a list as JSON", error))
}

/// One statement, or several that run as one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement(&'static str);

impl Statement {
    /// The statement, to bind and run.
    pub(crate) fn query(self) -> SqliteQuery {
        sqlx::query(self.0)
    }
}

/// The text of a statement: a short one by its name, or a file of `sql/` by its path without the extension.
macro_rules! text {
    (begin) => {
        // Takes the write lock, or waits for it: rows that are read after it cannot change before the commit.
        "BEGIN IMMEDIATE"
    };
    (commit) => {
        "COMMIT"
    };
    (rollback) => {
        "ROLLBACK"
    };
    (no_wait) => {
        "PRAGMA busy_timeout = 0"
    };
    (write_ahead) => {
        // Readers and the writer do not wait for each other. The file keeps the mode.
        "PRAGMA journal_mode = WAL"
    };
    (set_version) => {
        "UPDATE streams SET version = ?2 WHERE stream_key = ?1"
    };
    (known_change) => {
        "SELECT 1 FROM stream_changes WHERE stream_key = ?1 AND call = ?2"
    };
    (build_key) => {
        "SELECT build_key FROM projections WHERE name = ?1 AND build = ?2"
    };
    (forget_changes) => {
        "DELETE FROM stream_changes WHERE stream_key = ?1 AND made_at < ?2"
    };
    (record_change) => {
        "INSERT INTO stream_changes (stream_key, call, made_at) VALUES (?1, ?2, ?3)"
    };
    ($path:literal) => {
        include_str!(concat!("sql/", $path, ".sql"))
    };
}

macro_rules! statements {
    ($($constant:ident = $($text:tt),+;)*) => {
        $(pub(crate) const $constant: Statement = Statement(concat!($(text!($text), ";\n"),+));)*

        /// The parts of the statements, as they are written below.
        #[cfg(test)]
        const TEXTS: &[&str] = &[$($(stringify!($text)),+),*];
    };
}

statements! {
    // Transactions.
    BEGIN = begin;
    COMMIT = commit;
    ROLLBACK = rollback;
    BEGIN_APPEND = begin, "append/find_streams";
    BEGIN_CHANGE = begin, "stream/stream_info";
    BEGIN_SUBSCRIPTION = begin, "subscription/find_subscription";

    // Append.
    // Most appends hold one event: one call for all three statements, as a call of the connection's thread costs as much
    // as a statement.
    APPEND_ONE = "append/insert_events", "append/put_streams", commit;
    // One to a stream that exists needs no call before it.
    APPEND_TO_EXISTING = begin, "append/append_to_existing", "append/advance_stream", commit;
    TAKE_LOCK = "append/take_lock";
    FIND_STREAMS = "append/find_streams";
    KNOWN_EVENTS = "append/known_events";
    INSERT_TENANT = "append/insert_tenant";
    INSERT_CATEGORY = "append/insert_category";
    RECORD_EVENT_VERSIONS = "append/record_event_versions";

    // Read.
    READ_FORWARD = "read/read_forward";
    READ_BACKWARD = "read/read_backward";
    READ_LINKS_FORWARD = "read/read_links_forward";
    READ_LINKS_BACKWARD = "read/read_links_backward";
    READ_ALL = "read/read_all";
    READ_CATEGORY = "read/read_category";
    READ_OF_STREAM = "read/read_of_stream";
    READ_CORRELATED = "read/read_correlated";
    READ_ALL_BACKWARD = "read/read_all_backward";
    READ_EVENT = "read/read_event";
    READ_INLINE = "read/read_inline";
    HEAD = "read/head";
    LAST_ASSIGNED = "read/last_assigned";
    PLACE = "read/place";
    PROOF = "read/proof";
    COMMON = "read/common";
    NAMES_OF_STREAMS = "read/names_of_streams";
    CENSUS = "read/census";

    // Streams and links.
    STREAM_INFO = "stream/stream_info";
    LIST_STREAMS = "stream/list_streams";
    LIST_ORDERED_STREAMS = "stream/list_ordered_streams";
    OWNERS = "stream/owners";
    CHANGE_STREAM = "stream/change_stream";
    KNOWN_CHANGE = known_change;
    FORGET_CHANGES = forget_changes;
    RECORD_CHANGE = record_change;
    SET_VERSION = set_version;
    REMOVE_EVENTS = "stream/remove_events";
    FIND_LINKED = "stream/find_linked";
    INSERT_LINK_STREAM = "stream/insert_link_stream";
    INSERT_LINKS = "stream/insert_links";
    REMOVE_LINKS = "stream/remove_links";

    // Import.
    PUT_TENANTS = "import/put_tenants";
    PUT_CATEGORIES = "import/put_categories";
    IMPORT_FIND_STREAMS = "import/import_find_streams";
    IMPORT_KNOWN = "import/import_known";
    IMPORT_STREAMS = "import/import_streams";
    IMPORT_FIND_LINKS = "import/import_find_links";
    IMPORT_LINKS = "import/import_links";

    // Durable subscriptions.
    FIND_SUBSCRIPTION = "subscription/find_subscription";
    SELECT_PARKED = "subscription/select_parked";
    SELECT_DISCARDED = "subscription/select_discarded";
    REPLAY_SELECTED = "subscription/replay_selected";
    KEEP_DISCARDED = "subscription/keep_discarded";
    DISCARD_PARKED = "subscription/discard_parked";
    RECORD_PASSED = "subscription/record_passed";
    FORGET_SUBSCRIPTION_CHANGES = "subscription/forget_changes";
    PASSED = "subscription/passed";
    CHANGE_SUBSCRIPTION = "subscription/change_subscription";
    EXTENT_OF_PARTITIONS = "subscription/extent_of_partitions";
    MOVE_BACK_PARTITIONS = "subscription/move_back_partitions";
    SET_SKIPPED = "subscription/set_skipped";
    REGROUP_PARKED = "subscription/regroup_parked";
    ADD_SUBSCRIPTION = "subscription/add_subscription";
    ADD_PARTITIONS = "subscription/add_partitions";
    LIST_SUBSCRIPTIONS = "subscription/list_subscriptions";
    PAUSE_SUBSCRIPTION = "subscription/pause_subscription";
    STOP_SUBSCRIPTION = "subscription/stop_subscription";
    DELETE_SUBSCRIPTION = "subscription/delete_subscription";
    HEARTBEAT_MEMBER = "subscription/heartbeat_member";
    COUNT_MEMBERS = "subscription/count_members";
    REMOVE_MEMBER = "subscription/remove_member";
    REMOVE_EXPIRED_MEMBERS = "subscription/remove_expired_members";
    DELETE_MEMBERS = "subscription/delete_members";
    RENEW_PARTITIONS = "subscription/renew_partitions";
    TAKE_PARTITIONS = "subscription/take_partitions";
    HELD_PARTITIONS = "subscription/held_partitions";
    HOLDS_PARTITION = "subscription/holds_partition";
    SAVE_CHECKPOINT = "subscription/save_checkpoint";
    RELEASE_PARTITION = "subscription/release_partition";
    RELEASE_PARTITIONS = "subscription/release_partitions";
    TAKE_AWAY_PARTITIONS = "subscription/take_away_partitions";
    DELETE_PARTITIONS = "subscription/delete_partitions";
    PARK_EVENT = "subscription/park_event";
    UNPARK_EVENT = "subscription/unpark_event";
    PARKED = "subscription/parked";
    PARKED_DUE = "subscription/parked_due";
    REPLAY_PARKED = "subscription/replay_parked";
    DELETE_PARKED = "subscription/delete_parked";

    // Projections.
    BEGIN_PROJECTION = "projection/begin_projection";
    PROJECTION = "projection/projection";
    LIST_PROJECTIONS = "projection/list_projections";
    MOVE_PROJECTION = "projection/move_projection";
    LEAVE_PROJECTION = "projection/leave_projection";
    ENTER_PROJECTION = "projection/enter_projection";
    DROP_PROJECTION = "projection/drop_projection";
    NAMED_LIKE = "projection/named_like";
    TABLES_OF_PROJECTION = "projection/tables_of_projection";

    // Views.
    BEGIN_VIEW = "view/begin_view";
    BUILDS = "view/builds";
    BUILD_KEY = build_key;
    LOAD_DOCUMENTS = "view/load_documents";
    FIND_DOCUMENT = "view/find_document";
    PAGE_OF_DOCUMENTS = "view/page_of_documents";
    PAGE_OF_ALL_DOCUMENTS = "view/page_of_all_documents";
    PUT_DOCUMENTS = "view/put_documents";
    REMOVE_DOCUMENTS = "view/remove_documents";
    DROP_DOCUMENTS = "view/drop_documents";

    // Snapshots.
    LOAD_SNAPSHOT = "snapshot/load_snapshot";
    SAVE_SNAPSHOT = "snapshot/save_snapshot";
    SNAPSHOTS_OF_STREAMS = "snapshot/snapshots_of_streams";
    DISCARD_SNAPSHOT = "snapshot/discard_snapshot";
    REMOVE_SNAPSHOTS = "snapshot/remove_snapshots";

    // Schema migrations.
    CREATE_HISTORY = "schema/create_history";
    APPLIED = "schema/applied";
    RECORD_MIGRATION = "schema/record_migration";

    // The file.
    IDENTITY = "file/identity";
    STORE_ID = "file/store_id";
    CONTENTS = "file/contents";
    RENEW_ID = "file/renew_id";
    RESET_LOG = "file/reset_log";
    HEALTH = "file/health";
    SETTINGS = "file/settings";
    BACKUP = "file/backup";
    CHECK = "file/check";

    // Verification: one kind of fault each.
    GAP_IN_VERSIONS = "verify/gap_in_versions";
    VERSION_BEYOND_STREAM = "verify/version_beyond_stream";
    WRONG_COUNT = "verify/wrong_count";
    POSITION_USED_TWICE = "verify/position_used_twice";
    EVENT_ID_USED_TWICE = "verify/event_id_used_twice";
    POSITIONS_OUT_OF_ORDER = "verify/positions_out_of_order";
    POSITION_BEYOND_SEQUENCE = "verify/position_beyond_sequence";
    UNKNOWN_STATE = "verify/unknown_state";
    MIXED_STREAM = "verify/mixed_stream";
    EVENT_OF_UNKNOWN_STREAM = "verify/event_of_unknown_stream";
    KEYS_CONTRADICT = "verify/keys_contradict";
    LINK_TO_NOTHING = "verify/link_to_nothing";
    CHECKPOINT_BEYOND_LOG = "verify/checkpoint_beyond_log";
    SNAPSHOT_BEYOND_STREAM = "verify/snapshot_beyond_stream";
    MISSING_IN_CENSUS = "verify/missing_in_census";
    TIME_BEYOND_DATES = "verify/time_beyond_dates";

    // The file as it is used.
    WRITE_AHEAD = write_ahead;
    // Whether the file can be written. The connection keeps the first setting and must not be used again.
    TRY_WRITE = no_wait, begin, rollback;
}

/// The beginning of a script that migrates the schema: the mode of the file, the transaction, and the record of
/// migrations.
pub(crate) fn begin_script() -> String {
    [WRITE_AHEAD, BEGIN, CREATE_HISTORY].map(|it| plain(it.0) + ";\n").concat()
}

/// The statement that records a migration, with its values.
pub(crate) fn record_migration(version: i64, name: &str, checksum: &str) -> String {
    let values = [
        ("?1", version.to_string()),
        ("?2", format!("'{name}'")),
        ("?3", format!("x'{checksum}'")),
    ];
    let text = plain(RECORD_MIGRATION.0);
    values.into_iter().fold(text, |text, (parameter, value)| text.replace(parameter, &value))
}

/// How many rows one statement writes: nine prepared statements serve any number of rows below 512 in at most nine calls, each
/// of which costs as much as some rows.
const SIZES: [usize; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];

/// A statement that writes several rows: its row of values is repeated.
pub(crate) struct Rows([(usize, Arc<str>); SIZES.len()]);

impl Rows {
    fn new(text: &str) -> Self {
        const ROW: &str = "(?";
        // Both files have a row of values; a test checks it.
        let start = text.find(ROW).unwrap_or(text.len());
        let end = text[start..].find(')').map_or(text.len(), |length| start + length + 1);
        let (head, row, tail) = (&text[..start], &text[start..end], &text[end..]);
        Self(SIZES.map(|size| (size, format!("{head}{}{tail}", vec![row; size].join(", ")).into())))
    }

    /// A statement whose rows of values are repeated.
    pub(crate) fn of(statement: Statement) -> Self {
        Self::new(statement.0)
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
    LazyLock::new(|| Rows::new(text!("append/insert_events")));

pub(crate) static PUT_STREAMS: LazyLock<Rows> =
    LazyLock::new(|| Rows::new(text!("append/put_streams")));

#[cfg(test)]
mod tests {
    use std::path::Path;

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
    fn every_file_is_used() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sql");
        let mut folders = vec![root.clone()];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(&root).unwrap().with_extension("");
                let name = format!("{:?}", name.to_str().unwrap().replace('\\', "/"));
                assert!(TEXTS.contains(&name.as_str()), "no statement uses {}", path.display());
                files += 1;
            }
        }
        assert!(files > 50, "found only {files} files");
    }

    #[test]
    fn any_number_of_rows_is_written_in_few_portions() {
        let sizes = |rows: &[()]| -> Vec<usize> {
            INSERT_EVENTS.portions(rows).map(|(_, portion)| portion.len()).collect()
        };
        assert_eq!(sizes(&[(); 529]), [256, 256, 16, 1]);
        assert_eq!(sizes(&[(); 63]), [32, 16, 8, 4, 2, 1]);
        assert!(sizes(&[]).is_empty());
    }
}
