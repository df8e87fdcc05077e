//! [`SqliteAdapter`]: the seam of `event-core` on one file, as thin calls into the files beside it.

use event_core::adapter::async_trait;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use event_core::adapter::append::{Commit, LinkEvents, StreamChange};
use event_core::adapter::import::{ImportBatch, Imported};
use event_core::adapter::{
    Adapter, AdapterFactory, CheckpointStore, LiveLog, LogUpdate, SnapshotStore, TenantView,
};
use event_core::health::Health;
use event_core::registry::StoredVersion;
use event_core::{
    AllOptions, Appended, Error, EventId, ExpectedVersion, ListOptions, Position, ReadOptions,
    RecordedEvent, Result, StreamId, StreamInfo, Tenant,
};
use sqlx::Connection;

use crate::inline::{Registered, SqliteInline};
use crate::options::SqliteOptions;
use crate::pool::{Pool, run};
use crate::row::Cells;
use crate::tail::Tail;
use crate::writer::Writer;
use crate::{census, import, link, migrate, network, read, sql, stream};

event_core::adapter::submit! {
    AdapterFactory::new(&["sqlite"], |url| {
        Box::pin(async move { Ok(Arc::new(SqliteAdapter::connect(url).await?) as Arc<dyn Adapter>) })
    })
}

/// A store in one file.
pub struct SqliteAdapter {
    pool: Arc<Pool>,
    writer: Writer,
    tail: Tail,
    inline: Vec<Arc<dyn Registered>>,
}

impl SqliteAdapter {
    /// Opens the store that a URL names; [`SqliteOptions`] lists the keys.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`], and those of [`SqliteAdapter::connect_with`].
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url.parse()?).await
    }

    /// Opens a store, and creates its file and schema or brings them up to date. Programs that start together wait for
    /// one another; a schema that is up to date is only read.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when another program holds the file, [`Error::IncompatibleSchema`] when a newer program
    /// wrote the schema, [`Error::Corrupt`] when the file is damaged, [`Error::Adapter`] when it is no store, cannot be
    /// written, or cannot be created because its folder is missing.
    pub async fn connect_with(options: SqliteOptions) -> Result<Self> {
        const OPERATION: &str = "open the store";
        let driver = options.writer();
        let pool = Arc::new(Pool::new(options));
        let mut connection = pool.open(OPERATION, &driver).await?;
        migrate::run(&pool, &mut connection).await?;
        // A file that the system protects is opened for reading without a word; only a writer is told.
        match run(&mut connection, sql::TRY_WRITE)
            .await
            .map_err(|error| pool.error(OPERATION, error))
        {
            // Another program writes just now: so the file can be written.
            Ok(_) | Err(Error::Overloaded { .. }) => {}
            Err(error) => return Err(error),
        }
        // The file is in order; a connection that does not close in good order changes nothing about that.
        let _ = connection.close().await;
        network::warn(pool.path());
        let (writer, tail) = (Writer::new(Arc::clone(&pool)), Tail::new(Arc::clone(&pool)));
        Ok(Self { pool, writer, tail, inline: Vec::new() })
    }

    /// Adds a read model that is written in the transaction of each append that it is about.
    #[must_use]
    pub fn with_inline(mut self, projection: impl SqliteInline) -> Self {
        self.inline.push(Arc::new(projection));
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.pool.path()
    }

    /// What the files beside this one run their statements with.
    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Copies the whole store as of now into a new file, while others read and write. The copy is a store like this
    /// one, without the room that removed events left.
    ///
    /// # Errors
    /// [`Error::Adapter`] when the file exists already or cannot be written, [`Error::Overloaded`] when the disk is full.
    ///
    /// ```
    /// use event_sqlite::SqliteAdapter;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> event_core::Result<()> {
    /// # let folder = std::env::temp_dir().join(format!("event-sqlite-backup-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// let store = SqliteAdapter::connect_with(event_sqlite::SqliteOptions::new(folder.join("games.db"))).await?;
    /// store.backup(folder.join("games-monday.db")).await?;
    /// assert!(store.backup(folder.join("games-monday.db")).await.is_err()); // never overwrites
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn backup(&self, path: impl AsRef<Path>) -> Result<()> {
        const OPERATION: &str = "copy the store";
        let Some(text) = path.as_ref().to_str() else {
            return Err(Error::adapter(OPERATION, "the path of the copy is not UTF-8"));
        };
        if path.as_ref().exists() {
            let reason = format!(
                "{} exists; a backup overwrites nothing",
                crate::error::shown(path.as_ref())
            );
            return Err(Error::adapter(OPERATION, reason));
        }
        // A path that starts with `file:` would be taken for a URL of SQLite's own.
        let text = Path::new(".").join(text).to_string_lossy().into_owned();
        self.pool.fetch(OPERATION, sql::BACKUP.query().bind(text)).await?;
        // SQLite leaves it to the system when the copy reaches the disk.
        let synced = std::fs::File::open(path).and_then(|file| file.sync_all());
        synced.map_err(|error| Error::adapter(OPERATION, error))
    }

    /// Reads the whole file and looks for damage: pages, indexes, and rows that contradict one another.
    ///
    /// # Errors
    /// [`Error::Corrupt`] that says what was found.
    pub async fn check(&self) -> Result<()> {
        let rows = self.pool.fetch("check the store", sql::CHECK.query()).await?;
        let found: Vec<String> =
            rows.iter().map(|row| Cells::new(row).at_first()).collect::<Result<_>>()?;
        match found.as_slice() {
            [ok] if ok == "ok" => Ok(()),
            _ => Err(Error::Corrupt { at: None, reason: found.join("; ") }),
        }
    }
}

#[async_trait]
impl Adapter for SqliteAdapter {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    async fn commit(&self, commit: &Commit) -> Result<Vec<Appended>> {
        let inline: Vec<_> = self.inline.iter().filter(|it| it.wants(commit)).collect();
        let answers = match inline.as_slice() {
            [] => self.writer.commit(commit).await,
            inline => self.writer.commit_inline(inline, commit).await,
        };
        // Whatever the answer is: what was stored is seen.
        self.tail.wake();
        answers
    }

    async fn read_stream(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
        options: ReadOptions,
    ) -> Result<Vec<RecordedEvent>> {
        match stream::owner(&self.pool, view, stream_id).await? {
            Some(tenant) => read::stream(&self.pool, &tenant, stream_id, options).await,
            None => Err(Error::stream_not_found(stream_id.clone())),
        }
    }

    async fn read_all(
        &self,
        view: &TenantView,
        options: &AllOptions,
    ) -> Result<Vec<RecordedEvent>> {
        read::all(&self.pool, view, options).await
    }

    async fn read_event(
        &self,
        view: &TenantView,
        event_id: EventId,
    ) -> Result<Option<RecordedEvent>> {
        read::event(&self.pool, view, event_id).await
    }

    async fn stream_info(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
    ) -> Result<Option<StreamInfo>> {
        match stream::owner(&self.pool, view, stream_id).await? {
            Some(tenant) => stream::info(&self.pool, &tenant, stream_id).await,
            None => Ok(None),
        }
    }

    async fn list_streams(
        &self,
        view: &TenantView,
        options: &ListOptions,
    ) -> Result<Vec<StreamInfo>> {
        stream::list(&self.pool, view, options).await
    }

    async fn change_stream(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> Result<()> {
        stream::change(&self.pool, tenant, stream_id, expected, change).await
    }

    fn snapshots(&self) -> &dyn SnapshotStore {
        self
    }

    async fn link(&self, link: &LinkEvents) -> Result<Appended> {
        link::link(&self.pool, link).await
    }

    async fn import(&self, batch: &ImportBatch) -> Result<Imported> {
        let imported = import::import(&self.pool, batch).await;
        self.tail.wake();
        imported
    }

    async fn census(&self) -> Result<Vec<StoredVersion>> {
        census::stored(&self.pool).await
    }

    async fn health(&self) -> Result<Health> {
        let asked = Instant::now();
        let rows = self.pool.fetch("ask for the store's health", sql::HEALTH.query()).await?;
        let Some(row) = rows.first() else {
            return Err(Error::adapter("ask for the store's health", "no answer"));
        };
        let cells = Cells::new(row);
        let mut health =
            Health::new(format!("SQLite {}", cells.at_first::<String>()?), asked.elapsed());
        health.schema_version = Some(cells.get("schema_version")?);
        Ok(health)
    }

    fn live(&self) -> &dyn LiveLog {
        self
    }

    fn checkpoints(&self) -> Option<&dyn CheckpointStore> {
        Some(self)
    }

    async fn close(&self) {
        self.writer.drain().await;
        self.tail.close();
        self.pool.close().await;
    }
}

#[async_trait]
impl LiveLog for SqliteAdapter {
    async fn head(&self) -> Result<Position> {
        self.tail.head().await
    }

    async fn last_assigned(&self) -> Result<Position> {
        self.tail.last_assigned().await
    }

    async fn next(&self, after: Position) -> Result<LogUpdate> {
        self.tail.next(after).await
    }
}

impl fmt::Debug for SqliteAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteAdapter").field("path", &self.path()).finish_non_exhaustive()
    }
}
