//! The transaction of one batch of an import.

use std::collections::BTreeSet;

use event_core::adapter::import::judge::{self, Found, Target};
use event_core::adapter::import::{ImportBatch, Imported, ImportedLink, Positions};
use event_core::registry::SeenVersions;
use event_core::{
    Error, EventId, Position, RecordedEvent, Result, StreamId, StreamInfo, StreamVersion, Tenant,
};
use event_sql::error::no_answer;
use event_sql::import::{
    OPERATION, StoredEvents, StoredStream, StoredStreams, imported, link, location,
};
use event_sql::rows::{self, to_i64};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Postgres, Transaction};
use uuid::Uuid;

use super::columns::{self, Columns, Keyed, narrow};
use super::fail;
use crate::census;
use crate::error::Failure;
use crate::row::Cells;
use crate::sql::{PgQuery, Statements};

/// The transaction of a batch; dropped before its end, it undoes all of it.
pub(super) struct Batch<'c> {
    pub(super) transaction: Transaction<'c, Postgres>,
    pub(super) sql: &'c Statements,
}

impl Batch<'_> {
    pub(super) async fn store(mut self, batch: &ImportBatch) -> Result<Imported, Failure> {
        let imported = match batch {
            ImportBatch::Streams(lines) => self.streams(lines).await?,
            ImportBatch::Events { positions, events } => self.events(*positions, events).await?,
            ImportBatch::Links(links) => self.links(links).await?,
        };
        self.transaction.commit().await.map_err(fail)?;
        Ok(imported)
    }

    async fn streams(&mut self, lines: &[StreamInfo]) -> Result<Imported, Failure> {
        let names = Names::of(lines.iter().map(|it| (&it.tenant, &it.stream_id)));
        // New rows first, then locks: no two writers wait for each other in a circle.
        let new = judge::streams(lines, [])?;
        self.create(&new).await?;
        self.lock(&names).await?;
        let stored = self.find(&names).await?;
        let infos: Vec<StreamInfo> = stored.values().map(|it| it.target.info.clone()).collect();
        let changed = judge::streams(lines, infos)?;
        self.update(&changed, &stored).await?;
        Ok(Imported::default())
    }

    async fn events(
        &mut self,
        positions: Positions,
        batch: &[RecordedEvent],
    ) -> Result<Imported, Failure> {
        let names = Names::of(batch.iter().map(|it| (it.tenant(), it.stream_id())));
        self.create(&first_of_streams(batch)).await?;
        self.lock(&names).await?;
        let stored = self.find(&names).await?;
        let ids = self.known(batch).await?;
        if positions == Positions::Keep {
            self.execute(self.sql.import_lock_events.query()).await?;
        }
        let last = self.fetch_one(self.sql.last_assigned.query()).await?;
        let last_position = Cells::new(&last).get::<i64>("last_assigned")?;
        let last_position = last_position.try_into().map_err(Error::from)?;
        let streams = stored.iter().map(|(key, it)| (key.clone(), it.target.clone())).collect();
        let accepted = judge::events(positions, batch, Found { streams, ids, last_position })?;
        if let (Positions::Keep, Some(last)) = (positions, accepted.events.last()) {
            self.assign_after(last.position()).await?;
        }
        self.insert(positions, &accepted.events, &stored).await?;
        self.update(&accepted.streams, &stored).await?;
        let pairs = accepted.events.iter().map(|it| (it.event_type(), it.event_version()));
        let pairs = SeenVersions::default().unseen(pairs);
        if !pairs.is_empty() {
            self.fetch(census::query(self.sql, &pairs)).await?;
        }
        Ok(imported(accepted.events.len(), batch.len()))
    }

    async fn links(&mut self, batch: &[ImportedLink]) -> Result<Imported, Failure> {
        let names = Names::of(batch.iter().map(|it| (&it.tenant, &it.stream_id)));
        self.lock(&names).await?;
        let streams = self.find(&names).await?;
        let stream =
            |link: &ImportedLink| streams.get(&(link.tenant.clone(), link.stream_id.clone()));
        let query = self
            .sql
            .import_find_links
            .query()
            .bind(batch.iter().map(|it| it.tenant.as_str().to_owned()).collect::<Vec<_>>())
            .bind(batch.iter().map(|it| stream(it).map(|it| it.key)).collect::<Vec<_>>())
            .bind(batch.iter().map(|it| to_i64(it.stream_version.get())).collect::<Vec<_>>())
            .bind(batch.iter().map(|it| it.event_id.as_uuid()).collect::<Vec<Uuid>>());
        let rows = self.fetch(query).await?;
        let found = rows.iter().zip(batch).map(|(row, line)| {
            link(&Cells::new(row), stream(line).map(|it| it.target.info.clone()))
        });
        let accepted = judge::links(batch, &found.collect::<Result<Vec<_>>>()?)?;
        let (mut tenants, mut keys) = (Vec::new(), Vec::new());
        let (mut numbers, mut positions) = (Vec::new(), Vec::new());
        for (link, position) in &accepted {
            let Some(stream) = stream(link) else { continue };
            tenants.push(narrow(stream.tenant_key));
            keys.push(stream.key);
            numbers.push(to_i64(link.stream_version.get()));
            positions.push(to_i64(position.get()));
        }
        let query = self.sql.import_links.query().bind(tenants).bind(keys);
        self.execute(query.bind(numbers).bind(positions)).await?;
        Ok(imported(accepted.len(), batch.len()))
    }

    /// Creates the streams that do not exist.
    async fn create(&mut self, targets: &[Target]) -> Result<(), Failure> {
        let Columns { tenants, streams, categories, versions, first, states, created } =
            Columns::of(targets);
        self.execute(self.sql.import_tenants.query().bind(tenants.clone())).await?;
        self.execute(self.sql.import_categories.query().bind(categories.clone())).await?;
        let query = self.sql.import_new_streams.query();
        let query = query.bind(tenants).bind(streams).bind(categories).bind(versions);
        self.execute(query.bind(first).bind(states).bind(created)).await
    }

    async fn lock(&mut self, names: &Names) -> Result<(), Failure> {
        let query = names.bind_to(self.sql.import_lock_streams.query());
        self.fetch(query).await.map(drop)
    }

    async fn find(&mut self, names: &Names) -> Result<StoredStreams, Failure> {
        let rows = self.fetch(names.bind_to(self.sql.import_there.query())).await?;
        let streams = rows.iter().map(|row| StoredStream::read(&Cells::new(row)));
        Ok(streams.collect::<Result<_>>()?)
    }

    async fn known(&mut self, batch: &[RecordedEvent]) -> Result<StoredEvents, Failure> {
        let tenants: Vec<_> = batch.iter().map(|it| it.tenant().as_str().to_owned()).collect();
        let ids: Vec<Uuid> = batch.iter().map(|it| it.event_id().as_uuid()).collect();
        let rows = self.fetch(self.sql.import_known.query().bind(tenants).bind(ids)).await?;
        let known = rows.iter().map(|row| {
            let cells = Cells::new(row);
            let id = EventId::from_uuid(cells.get("event_id")?);
            Ok(((rows::tenant(&cells)?, id), location(&cells)?))
        });
        known.collect()
    }

    /// Positions that are assigned from here on come after this one.
    async fn assign_after(&mut self, last: Position) -> Result<(), Failure> {
        let next = to_i64(last.get()).saturating_add(1);
        let row = self.fetch_one(self.sql.import_set_position.query().bind(next)).await?;
        // The server builds this statement from a number.
        let statement: String = Cells::new(&row).get("statement")?;
        let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *self.transaction).await;
        done.map(drop).map_err(fail)
    }

    async fn insert(
        &mut self,
        positions: Positions,
        events: &[&RecordedEvent],
        streams: &StoredStreams,
    ) -> Result<(), Failure> {
        let keyed = events.iter().map(|event| {
            let key = (event.tenant().clone(), event.stream_id().clone());
            let stream = streams.get(&key);
            stream
                .map(|stream| (*event, stream))
                .ok_or_else(|| Error::adapter(OPERATION, "a stream has no key"))
        });
        let keyed: Vec<Keyed<'_>> = keyed.collect::<Result<_>>()?;
        let mut rest = &keyed[..];
        while !rest.is_empty() {
            let (query, count) = columns::insert(self.sql, positions, rest);
            self.execute(query).await?;
            rest = &rest[count..];
        }
        Ok(())
    }

    /// Writes streams as they were judged.
    async fn update(&mut self, targets: &[Target], streams: &StoredStreams) -> Result<(), Failure> {
        let stored: Vec<&StoredStream> = targets
            .iter()
            .filter_map(|it| streams.get(&(it.info.tenant.clone(), it.info.stream_id.clone())))
            .collect();
        let Columns { versions, states, first, .. } = Columns::of(targets);
        let query = self
            .sql
            .import_set_streams
            .query()
            .bind(stored.iter().map(|it| narrow(it.tenant_key)).collect::<Vec<_>>())
            .bind(stored.iter().map(|it| it.key).collect::<Vec<_>>());
        self.execute(query.bind(versions).bind(states).bind(first)).await
    }

    async fn fetch(&mut self, query: PgQuery<'_>) -> Result<Vec<PgRow>, Failure> {
        query.fetch_all(&mut *self.transaction).await.map_err(fail)
    }

    async fn fetch_one(&mut self, query: PgQuery<'_>) -> Result<PgRow, Failure> {
        let row = query.fetch_optional(&mut *self.transaction).await.map_err(fail)?;
        row.ok_or_else(|| no_answer(OPERATION).into())
    }

    async fn execute(&mut self, query: PgQuery<'_>) -> Result<(), Failure> {
        query.execute(&mut *self.transaction).await.map(drop).map_err(fail)
    }
}

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

/// The streams that begin with a batch of events, as they are before their first event.
fn first_of_streams(batch: &[RecordedEvent]) -> Vec<Target> {
    let mut seen = BTreeSet::new();
    let first = batch.iter().filter(|it| {
        it.stream_version() == StreamVersion::new(1) && seen.insert((it.tenant(), it.stream_id()))
    });
    first.map(Target::before).collect()
}
