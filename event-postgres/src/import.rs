//! Import: a batch of another store's, in one transaction on a connection of its own, judged by the core.
//!
//! Whoever imports chooses times and positions, so it takes the rights of the schema's owner: the functions that other
//! roles write by do not help. The rows of the streams are locked before a position is assigned, as for an append. Kept
//! positions are written under a lock on the table of events, all beyond what was ever assigned: a reader that is at the
//! end has passed none of them.

mod rows;

use std::collections::{BTreeSet, HashMap};

use event_core::adapter::import::judge::{self, Found, FoundLink, StreamKey, Target};
use event_core::adapter::import::{ImportBatch, Imported, ImportedLink, Positions};
use event_core::registry::SeenVersions;
use event_core::{
    Error, EventId, Position, RecordedEvent, Result, StreamId, StreamInfo, StreamVersion, Tenant,
};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Postgres, Transaction};
use tokio::sync::Mutex;
use uuid::Uuid;

use self::rows::Columns;
use crate::append::stored;
use crate::error;
use crate::pool::Pool;
use crate::row::{self, Cells};
use crate::sql::{PLAN_EACH_CALL, PgQuery, Statements};

const OPERATION: &str = "import";

/// One import at a time, on a connection that is kept while it goes well.
#[derive(Default)]
pub(crate) struct Importer(Mutex<Option<Session>>);

/// The connection, and how much was stored over it.
struct Session {
    connection: PgConnection,
    stored: u64,
    /// When the planner is told next; four times as much each time.
    analyze_at: u64,
}

impl Session {
    async fn open(pool: &Pool) -> Result<Self> {
        let mut connection = pool.open_session(OPERATION).await?;
        sqlx::query(PLAN_EACH_CALL).execute(&mut connection).await.map_err(fail)?;
        Ok(Self { connection, stored: 0, analyze_at: 1_000 })
    }

    /// Counts what was stored, and tells the planner when it is time; whether the connection can be used again. A failure
    /// costs time, not events.
    async fn count(&mut self, stored: u64, sql: &Statements) -> bool {
        self.stored += stored;
        if self.stored < self.analyze_at {
            return true;
        }
        self.analyze_at = self.stored.saturating_mul(4);
        match sql.import_analyze.query().execute(&mut self.connection).await {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%error, "the planner could not be told what was imported");
                !error::is_fatal(&error)
            }
        }
    }
}

impl Importer {
    /// Stores a batch.
    pub(crate) async fn import(
        &self,
        pool: &Pool,
        sql: &Statements,
        batch: &ImportBatch,
    ) -> Result<Imported> {
        let mut slot = self.0.lock().await;
        let mut session = match slot.take() {
            Some(session) => session,
            None => Session::open(pool).await?,
        };
        let transaction = session.connection.begin().await.map_err(fail)?;
        let imported = Work { transaction, sql }.run(batch).await?;
        if session.count(imported.stored, sql).await {
            *slot = Some(session);
        }
        Ok(imported)
    }

    /// Lets go of the connection.
    pub(crate) async fn close(&self) {
        if let Some(session) = self.0.lock().await.take() {
            // Nothing is lost with a connection that does not close in good order.
            let _ = session.connection.close().await;
        }
    }
}

fn fail(error: sqlx::Error) -> Error {
    error::error(OPERATION, error)
}

/// The transaction of a batch; dropped before its end, it takes all of it back.
struct Work<'c> {
    transaction: Transaction<'c, Postgres>,
    sql: &'c Statements,
}

impl Work<'_> {
    async fn run(mut self, batch: &ImportBatch) -> Result<Imported> {
        let imported = match batch {
            ImportBatch::Streams(lines) => self.streams(lines).await?,
            ImportBatch::Events { positions, events } => self.events(*positions, events).await?,
            ImportBatch::Links(links) => self.links(links).await?,
        };
        self.transaction.commit().await.map_err(fail)?;
        Ok(imported)
    }

    async fn streams(&mut self, lines: &[StreamInfo]) -> Result<Imported> {
        let names = Names::of(lines.iter().map(|it| (&it.tenant, &it.stream_id)));
        // New ones first, then locks: no two writers wait for each other in a circle.
        let fresh = judge::streams(lines, [])?;
        self.make(&fresh).await?;
        self.lock(&names).await?;
        let there = self.there(&names).await?;
        let infos: Vec<StreamInfo> = there.values().map(|it| it.target.info.clone()).collect();
        let changed = judge::streams(lines, infos)?;
        self.put(&changed, &there).await?;
        Ok(Imported::default())
    }

    async fn events(&mut self, positions: Positions, batch: &[RecordedEvent]) -> Result<Imported> {
        let names = Names::of(batch.iter().map(|it| (it.tenant(), it.stream_id())));
        self.make(&first_of_streams(batch)).await?;
        self.lock(&names).await?;
        let there = self.there(&names).await?;
        let ids = self.known(batch).await?;
        if positions == Positions::Keep {
            self.execute(self.sql.import_lock_events.query()).await?;
        }
        let rows = self.fetch(self.sql.last_assigned.query()).await?;
        let last_position = number(&rows, "last_assigned")?.try_into()?;
        let streams = there.iter().map(|(key, it)| (key.clone(), it.target.clone())).collect();
        let accepted = judge::events(positions, batch, Found { streams, ids, last_position })?;
        if let (Positions::Keep, Some(last)) = (positions, accepted.events.last()) {
            self.go_on_after(last.position()).await?;
        }
        self.insert(positions, &accepted.events, &there).await?;
        self.put(&accepted.streams, &there).await?;
        let pairs = accepted.events.iter().map(|it| (it.event_type(), it.event_version()));
        let pairs = SeenVersions::default().unseen(pairs);
        if !pairs.is_empty() {
            self.fetch(crate::census::record(self.sql, &pairs)).await?;
        }
        let stored = accepted.events.len() as u64;
        Ok(Imported { stored, skipped: batch.len() as u64 - stored })
    }

    async fn links(&mut self, batch: &[ImportedLink]) -> Result<Imported> {
        let names = Names::of(batch.iter().map(|it| (&it.tenant, &it.stream_id)));
        self.lock(&names).await?;
        let there = self.there(&names).await?;
        let stream =
            |link: &ImportedLink| there.get(&(link.tenant.clone(), link.stream_id.clone()));
        let query = self
            .sql
            .import_find_links
            .query()
            .bind(batch.iter().map(|it| it.tenant.as_str().to_owned()).collect::<Vec<_>>())
            .bind(batch.iter().map(|it| stream(it).map(|it| it.stream_key)).collect::<Vec<_>>())
            .bind(batch.iter().map(|it| stored(it.stream_version.get())).collect::<Vec<_>>())
            .bind(batch.iter().map(|it| it.event_id.as_uuid()).collect::<Vec<Uuid>>());
        let rows = self.fetch(query).await?;
        let found = rows.iter().zip(batch).map(|(row, link)| {
            let cells = Cells::new(row);
            let number = |column| cells.get::<Option<i64>>(column);
            Ok(FoundLink {
                stream: stream(link).map(|it| it.target.info.clone()),
                position: number("position")?.map(Position::try_from).transpose()?,
                at_number: number("at_number")?.map(Position::try_from).transpose()?,
                number: number("number")?.map(StreamVersion::try_from).transpose()?,
            })
        });
        let accepted = judge::links(batch, &found.collect::<Result<Vec<_>>>()?)?;
        let rows: Vec<(i32, i64, i64, i64)> = accepted
            .iter()
            .filter_map(|(link, position)| {
                let There { tenant_key, stream_key, .. } = stream(link)?;
                let number = stored(link.stream_version.get());
                Some((*tenant_key, *stream_key, number, stored(position.get())))
            })
            .collect();
        let query = self
            .sql
            .import_links
            .query()
            .bind(rows.iter().map(|it| it.0).collect::<Vec<_>>())
            .bind(rows.iter().map(|it| it.1).collect::<Vec<_>>())
            .bind(rows.iter().map(|it| it.2).collect::<Vec<_>>())
            .bind(rows.iter().map(|it| it.3).collect::<Vec<_>>());
        self.execute(query).await?;
        let stored = accepted.len() as u64;
        Ok(Imported { stored, skipped: batch.len() as u64 - stored })
    }

    /// Brings streams into being that are not there.
    async fn make(&mut self, targets: &[Target]) -> Result<()> {
        let Columns { tenants, streams, categories, versions, first, states, created } =
            Columns::of(targets);
        self.execute(self.sql.import_tenants.query().bind(tenants.clone())).await?;
        self.execute(self.sql.import_categories.query().bind(categories.clone())).await?;
        let query = self.sql.import_new_streams.query();
        let query = query.bind(tenants).bind(streams).bind(categories).bind(versions);
        self.execute(query.bind(first).bind(states).bind(created)).await
    }

    async fn lock(&mut self, names: &Names) -> Result<()> {
        let query = names.bind_to(self.sql.import_lock_streams.query());
        self.fetch(query).await.map(drop)
    }

    async fn there(&mut self, names: &Names) -> Result<HashMap<StreamKey, There>> {
        let rows = self.fetch(names.bind_to(self.sql.import_there.query())).await?;
        rows.iter().map(There::read).collect()
    }

    async fn known(&mut self, batch: &[RecordedEvent]) -> Result<Places> {
        let tenants: Vec<_> = batch.iter().map(|it| it.tenant().as_str().to_owned()).collect();
        let ids: Vec<Uuid> = batch.iter().map(|it| it.event_id().as_uuid()).collect();
        let rows = self.fetch(self.sql.import_known.query().bind(tenants).bind(ids)).await?;
        let places = rows.iter().map(|row| {
            let cells = Cells::new(row);
            let tenant = cells.checked(Tenant::new(cells.get::<String>("tenant")?))?;
            let stream_id = cells.checked(StreamId::new(cells.get::<String>("stream_id")?))?;
            let version = cells.checked(StreamVersion::try_from(cells.get::<i64>("version")?))?;
            let position = cells.checked(Position::try_from(cells.get::<i64>("position")?))?;
            let id = EventId::from_uuid(cells.get("event_id")?);
            Ok(((tenant, id), (stream_id, version, position)))
        });
        places.collect()
    }

    /// Positions that are assigned from here on come after this one.
    async fn go_on_after(&mut self, last: Position) -> Result<()> {
        let next = stored(last.get()).saturating_add(1);
        let rows = self.fetch(self.sql.import_set_position.query().bind(next)).await?;
        // Put together by the server, from a number.
        let statement: String = match rows.first() {
            Some(row) => Cells::new(row).get("statement")?,
            None => return Err(Error::adapter(OPERATION, "no answer")),
        };
        let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *self.transaction).await;
        done.map(drop).map_err(fail)
    }

    async fn insert(
        &mut self,
        positions: Positions,
        events: &[&RecordedEvent],
        there: &HashMap<StreamKey, There>,
    ) -> Result<()> {
        let keyed = events.iter().map(|event| {
            let key = (event.tenant().clone(), event.stream_id().clone());
            let keys = there.get(&key).map(There::keys);
            keys.map(|keys| (*event, keys))
                .ok_or_else(|| Error::adapter(OPERATION, "a stream has no key"))
        });
        let keyed: Vec<rows::Keyed<'_>> = keyed.collect::<Result<_>>()?;
        let (keep, mut rest) = (positions == Positions::Keep, &keyed[..]);
        while !rest.is_empty() {
            let (query, count) = rows::insert(self.sql, keep, rest);
            self.execute(query).await?;
            rest = &rest[count..];
        }
        Ok(())
    }

    /// Streams as the judging left them.
    async fn put(&mut self, targets: &[Target], there: &HashMap<StreamKey, There>) -> Result<()> {
        let keys: Vec<&There> = targets
            .iter()
            .filter_map(|it| there.get(&(it.info.tenant.clone(), it.info.stream_id.clone())))
            .collect();
        let Columns { versions, states, first, .. } = Columns::of(targets);
        let query = self
            .sql
            .import_set_streams
            .query()
            .bind(keys.iter().map(|it| it.tenant_key).collect::<Vec<_>>())
            .bind(keys.iter().map(|it| it.stream_key).collect::<Vec<_>>());
        self.execute(query.bind(versions).bind(states).bind(first)).await
    }

    async fn fetch(&mut self, query: PgQuery<'_>) -> Result<Vec<PgRow>> {
        query.fetch_all(&mut *self.transaction).await.map_err(fail)
    }

    async fn execute(&mut self, query: PgQuery<'_>) -> Result<()> {
        query.execute(&mut *self.transaction).await.map(drop).map_err(fail)
    }
}

type Places = HashMap<(Tenant, EventId), (StreamId, StreamVersion, Position)>;

/// The streams of a batch, each once.
struct Names {
    tenants: Vec<String>,
    streams: Vec<String>,
}

impl Names {
    fn of<'a>(names: impl Iterator<Item = (&'a Tenant, &'a StreamId)>) -> Self {
        let names: BTreeSet<_> = names.collect();
        Self {
            tenants: names.iter().map(|it| it.0.as_str().to_owned()).collect(),
            streams: names.iter().map(|it| it.1.as_str().to_owned()).collect(),
        }
    }

    fn bind_to<'q>(&self, query: PgQuery<'q>) -> PgQuery<'q> {
        query.bind(self.tenants.clone()).bind(self.streams.clone())
    }
}

/// A stream that is there.
struct There {
    target: Target,
    tenant_key: i32,
    stream_key: i64,
    category_key: i32,
}

impl There {
    fn read(row: &PgRow) -> Result<(StreamKey, Self)> {
        let cells = Cells::new(row);
        let info = row::info(row)?;
        let last = StreamVersion::try_from(cells.get::<i64>("last_event")?)?;
        Ok((
            (info.tenant.clone(), info.stream_id.clone()),
            Self {
                target: Target::existing(info, last),
                tenant_key: cells.get("tenant_key")?,
                stream_key: cells.get("stream_key")?,
                category_key: cells.get("category_key")?,
            },
        ))
    }

    const fn keys(&self) -> (i64, i32, i32) {
        (self.stream_key, self.tenant_key, self.category_key)
    }
}

/// The streams that a batch of events may bring, as they are before their first event.
fn first_of_streams(batch: &[RecordedEvent]) -> Vec<Target> {
    let mut seen = BTreeSet::new();
    let first = batch.iter().filter(|it| {
        it.stream_version() == StreamVersion::new(1) && seen.insert((it.tenant(), it.stream_id()))
    });
    first.map(Target::before).collect()
}

fn number(rows: &[PgRow], column: &str) -> Result<i64> {
    match rows.first() {
        Some(row) => Cells::new(row).get(column),
        None => Err(Error::adapter(OPERATION, "no answer")),
    }
}
