//! [`PgAdapter`]: the seam of `event-core` on PostgreSQL, as thin calls into the files beside it.

use event_core::adapter::async_trait;
use std::fmt;
use std::sync::Arc;

use event_core::adapter::append::{Commit, LinkEvents, StreamChange};
use event_core::adapter::import::{ImportBatch, Imported};
use event_core::adapter::{
    Adapter, AdapterFactory, CheckpointStore, LiveLog, LogUpdate, SnapshotStore, TenantView,
};
use event_core::health::Health;
use event_core::registry::StoredVersion;
use event_core::{
    AllOptions, Appended, Error, EventId, ExpectedVersion, ListOptions, Outcome, Position,
    ReadOptions, RecordedEvent, Result, StreamId, StreamInfo, Tenant,
};
use sqlx::AssertSqlSafe;

use crate::append::stored;
use crate::census::{self, Census};
use crate::frontier::Frontier;
use crate::import::Importer;
use crate::inline::{self, InlineProjection, Registered};
use crate::listener::Listener;
use crate::notifier::Notifier;
use crate::options::PgOptions;
use crate::pool::Pool;
use crate::replica::{Readers, Server};
use crate::row::Cells;
use crate::sql::Statements;
use crate::tail::Tail;
use crate::writer::Writer;
use crate::{error, health, link, read, start, stream};

event_core::adapter::submit! {
    AdapterFactory::new(&["postgres", "postgresql"], |url| {
        Box::pin(async move { Ok(Arc::new(PgAdapter::connect(url).await?) as Arc<dyn Adapter>) })
    })
}

/// A store on PostgreSQL 14 or newer.
pub struct PgAdapter {
    pool: Arc<Pool>,
    sql: Arc<Statements>,
    writer: Writer,
    frontier: Arc<Frontier>,
    census: Census,
    importer: Importer,
    tail: Tail,
    notifier: Option<Notifier>,
    inline: Vec<Arc<dyn Registered>>,
    readers: Readers,
}

impl PgAdapter {
    /// Opens the store that a URL names; [`PgOptions`] lists the keys.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`], and those of [`PgAdapter::connect_with`].
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url.parse()?).await
    }

    /// Opens a store, and creates its schema or brings it up to date. Programs that start together wait for one
    /// another; a schema that is up to date is only read.
    ///
    /// # Errors
    /// [`Error::Connection`] when the server cannot be reached, [`Error::IncompatibleSchema`] when a newer program
    /// wrote the schema, [`Error::Adapter`] when the server refuses: no such database, wrong password, no rights.
    pub async fn connect_with(options: PgOptions) -> Result<Self> {
        let pool = Pool::new(&options);
        let sql = Statements::new(options.get_schema().clone());
        start::open(&options, &pool, &sql).await?;
        let (pool, sql) = (Arc::new(pool), Arc::new(sql));
        let writer = Writer::new(options.get_append_lanes(), Arc::clone(&pool), Arc::clone(&sql));
        let frontier = Arc::new(Frontier::new(options.get_frontier_wait()));
        let notify = options.get_notify();
        let tail = Tail::new(
            Arc::clone(&pool),
            Arc::clone(&sql),
            Arc::clone(&frontier),
            options.direct_driver().filter(|_| notify).map(Listener::new),
        );
        let notifier = notify.then(|| Notifier::new(Arc::clone(&pool), Arc::clone(&sql)));
        let primary = Server { pool: Arc::clone(&pool), frontier: Arc::clone(&frontier) };
        let readers = Readers::new(&options, primary);
        Ok(Self {
            pool,
            sql,
            writer,
            frontier,
            census: Census::default(),
            importer: Importer::default(),
            tail,
            notifier,
            inline: Vec::new(),
            readers,
        })
    }

    /// Stores a commit, and wakes those who follow the log: here at once, elsewhere soon.
    async fn store(&self, commit: &Commit) -> Result<Vec<Appended>> {
        self.record_versions(commit).await?;
        let inline: Vec<_> = self.inline.iter().filter(|it| it.wants(commit)).collect();
        let answers = match inline.as_slice() {
            [] => self.writer.commit(commit).await,
            inline => inline::commit(self, inline, commit).await,
        };
        // Whatever the answer is: a commit whose answer was lost is seen as soon as any other.
        self.tail.wake();
        let stored_here = |answer: &&Appended| answer.outcome == Outcome::Stored;
        let positions = answers.iter().flatten().filter(stored_here).map(|answer| answer.position);
        if let (Some(notifier), Some(last)) = (&self.notifier, positions.max()) {
            notifier.tell(stored(last.get()));
        }
        answers
    }

    /// Writes a read model in the transaction of each append that it is about; see [`InlineProjection`].
    ///
    /// Such appends travel alone, one statement after the other: they cost what those of the read model cost, and the
    /// round trips between.
    #[must_use]
    pub fn with_inline(mut self, projection: impl InlineProjection) -> Self {
        self.inline.push(Arc::new(projection));
        self
    }

    /// Writes down the event versions that a commit is the first to store.
    pub(crate) async fn record_versions(&self, commit: &Commit) -> Result<()> {
        self.census.record(&self.pool, &self.sql, commit).await
    }

    /// Lets a role of the server use this store: read, and write through the store's functions only. Such a role
    /// can neither change nor remove what is stored in any other way. To be called by the owner of the schema, again
    /// after an update that migrated it.
    ///
    /// # Errors
    /// [`Error::Adapter`] when there is no such role, or the caller does not own the schema.
    pub async fn grant_to(&self, role: &str) -> Result<()> {
        const OPERATION: &str = "grant the use of the store";
        let schema = self.sql.schema().as_str().to_owned();
        let query = self.sql.grant.query().bind(role.to_owned()).bind(schema);
        let rows = self.pool.fetch(OPERATION, query).await?;
        let mut connection = self.pool.open(OPERATION).await?;
        for row in &rows {
            // Put together by the server, which quotes both names.
            let statement: String = Cells::new(row).get("statement")?;
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .map_err(|error| error::error(OPERATION, error))?;
        }
        Ok(())
    }

    pub(crate) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// What the files beside this one run their statements with.
    pub(crate) fn parts(&self) -> (&Pool, &Statements) {
        (&self.pool, &self.sql)
    }
}

#[async_trait]
impl Adapter for PgAdapter {
    fn name(&self) -> &'static str {
        "postgres"
    }

    async fn commit(&self, commit: &Commit) -> Result<Vec<Appended>> {
        self.store(commit).await
    }

    async fn read_stream(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
        options: ReadOptions,
    ) -> Result<Vec<RecordedEvent>> {
        self.readers
            .read(move |Server { pool, .. }| {
                Box::pin(async move {
                    match stream::owner(pool, &self.sql, view, stream_id).await? {
                        Some(tenant) => {
                            read::stream(pool, &self.sql, &tenant, stream_id, options).await
                        }
                        None => Err(Error::stream_not_found(stream_id.clone())),
                    }
                })
            })
            .await
    }

    async fn read_all(
        &self,
        view: &TenantView,
        options: &AllOptions,
    ) -> Result<Vec<RecordedEvent>> {
        let end = options.end().get();
        let end = i64::try_from(end).ok().map(|end| (end, &*self.sql));
        self.readers
            .read_up_to(end, move |Server { pool, frontier }| {
                Box::pin(read::all(pool, &self.sql, frontier, view, options))
            })
            .await
    }

    async fn read_event(
        &self,
        view: &TenantView,
        event_id: EventId,
    ) -> Result<Option<RecordedEvent>> {
        self.readers
            .read(move |Server { pool, .. }| Box::pin(read::event(pool, &self.sql, view, event_id)))
            .await
    }

    async fn stream_info(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
    ) -> Result<Option<StreamInfo>> {
        match stream::owner(&self.pool, &self.sql, view, stream_id).await? {
            Some(tenant) => stream::info(&self.pool, &self.sql, &tenant, stream_id).await,
            None => Ok(None),
        }
    }

    async fn list_streams(
        &self,
        view: &TenantView,
        options: &ListOptions,
    ) -> Result<Vec<StreamInfo>> {
        self.readers
            .read(move |Server { pool, .. }| Box::pin(stream::list(pool, &self.sql, view, options)))
            .await
    }

    async fn change_stream(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> Result<()> {
        stream::change(&self.pool, &self.sql, tenant, stream_id, expected, change).await
    }

    fn snapshots(&self) -> &dyn SnapshotStore {
        self
    }

    async fn link(&self, link: &LinkEvents) -> Result<Appended> {
        link::link(&self.pool, &self.sql, link).await
    }

    async fn import(&self, batch: &ImportBatch) -> Result<Imported> {
        let imported = self.importer.import(&self.pool, &self.sql, batch).await;
        self.tail.wake();
        imported
    }

    async fn census(&self) -> Result<Vec<StoredVersion>> {
        census::stored(&self.pool, &self.sql).await
    }

    async fn health(&self) -> Result<Health> {
        health::of(self).await
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
        self.importer.close().await;
        self.pool.close().await;
        self.readers.close().await;
    }
}

#[async_trait]
impl LiveLog for PgAdapter {
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

impl fmt::Debug for PgAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgAdapter")
            .field("schema", &self.sql.schema().as_str())
            .finish_non_exhaustive()
    }
}
