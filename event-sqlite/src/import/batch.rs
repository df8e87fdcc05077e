//! The transaction of one batch of an import.

use std::collections::BTreeSet;

use event_core::adapter::import::judge::{self, Found, Target};
use event_core::adapter::import::{ImportBatch, Imported, ImportedLink, Positions};
use event_core::registry::SeenVersions;
use event_core::{Error, Position, RecordedEvent, Result, StreamInfo};
use event_sql::import::{
    OPERATION, StoredEvents, StoredStream, StoredStreams, imported, link, location,
};
use event_sql::rows::{state_name, to_i64};

use crate::census;
use crate::error::Failure;
use crate::pool::Transaction;
use crate::row::Cells;
use crate::sql::{self, json};

/// The transaction of a batch.
pub(super) struct Batch<'p> {
    pub(super) transaction: Transaction<'p>,
}

impl Batch<'_> {
    pub(super) async fn store(mut self, batch: &ImportBatch) -> Result<Imported> {
        let imported = match batch {
            ImportBatch::Streams(lines) => self.streams(lines).await,
            ImportBatch::Events { positions, events } => self.events(*positions, events).await,
            ImportBatch::Links(links) => self.links(links).await,
        };
        match imported {
            Ok(imported) => {
                self.transaction.commit().await?;
                Ok(imported)
            }
            Err(failure) => {
                self.transaction.rollback().await;
                Err(failure.into())
            }
        }
    }

    async fn streams(&mut self, lines: &[StreamInfo]) -> Result<Imported, Failure> {
        let names = lines.iter().map(|it| (it.tenant.as_str(), it.stream_id.as_str()));
        let stored = self.find(names).await?;
        let infos = stored.into_values().map(|it| it.target.info);
        self.write_streams(&judge::streams(lines, infos)?).await?;
        Ok(Imported::default())
    }

    async fn events(
        &mut self,
        positions: Positions,
        batch: &[RecordedEvent],
    ) -> Result<Imported, Failure> {
        let names = || batch.iter().map(|it| (it.tenant().as_str(), it.stream_id().as_str()));
        let streams = self.find(names()).await?;
        let found = Found {
            streams: streams.into_iter().map(|(key, it)| (key, it.target)).collect(),
            ids: self.known(batch).await?,
            last_position: self.last_position().await?,
        };
        let last = found.last_position;
        let accepted = judge::events(positions, batch, found)?;
        self.write_streams(&accepted.streams).await?;
        let pairs = accepted.events.iter().map(|it| (it.event_type(), it.event_version()));
        let pairs = SeenVersions::default().unseen(pairs);
        self.transaction.execute(census::query(&pairs)?).await?;
        let streams = self.find(names()).await?;
        self.write_events(positions, last, &accepted.events, &streams).await?;
        Ok(imported(accepted.events.len(), batch.len()))
    }

    async fn links(&mut self, batch: &[ImportedLink]) -> Result<Imported, Failure> {
        let names = batch.iter().map(|it| (it.tenant.as_str(), it.stream_id.as_str()));
        let streams = self.find(names).await?;
        let stream =
            |link: &ImportedLink| streams.get(&(link.tenant.clone(), link.stream_id.clone()));
        let key = |link: &ImportedLink| stream(link).map(|it| it.key);
        let asked = batch.iter().map(|link| {
            let id = link.event_id.as_uuid().simple().to_string();
            (key(link), link.tenant.as_str(), to_i64(link.stream_version.get()), id)
        });
        let query = sql::IMPORT_FIND_LINKS.query().bind(json(&asked.collect::<Vec<_>>())?);
        let rows = self.transaction.fetch(query).await?;
        let found = rows.iter().zip(batch).map(|(row, line)| {
            link(&Cells::new(row), stream(line).map(|it| it.target.info.clone()))
        });
        let accepted = judge::links(batch, &found.collect::<Result<Vec<_>>>()?)?;
        let rows = accepted.iter().map(|(link, position)| {
            (key(link), to_i64(link.stream_version.get()), to_i64(position.get()))
        });
        let query = sql::IMPORT_LINKS.query().bind(json(&rows.collect::<Vec<_>>())?);
        self.transaction.execute(query).await?;
        Ok(imported(accepted.len(), batch.len()))
    }

    async fn find(
        &mut self,
        names: impl Iterator<Item = (&str, &str)>,
    ) -> Result<StoredStreams, Failure> {
        let names: BTreeSet<_> = names.collect();
        let query = sql::IMPORT_FIND_STREAMS.query().bind(json(&names)?);
        let rows = self.transaction.fetch(query).await?;
        let streams = rows.iter().map(|row| StoredStream::read(&Cells::new(row)));
        Ok(streams.collect::<Result<_>>()?)
    }

    async fn known(&mut self, batch: &[RecordedEvent]) -> Result<StoredEvents, Failure> {
        let ids = batch.iter().map(|event| {
            (event.tenant().as_str(), event.event_id().as_uuid().simple().to_string())
        });
        let query = sql::IMPORT_KNOWN.query().bind(json(&ids.collect::<Vec<_>>())?);
        let rows = self.transaction.fetch(query).await?;
        let mut known = StoredEvents::new();
        for row in &rows {
            let cells = Cells::new(row);
            let at = usize::try_from(cells.get::<i64>("event")?).ok();
            let Some(event) = at.and_then(|at| batch.get(at)) else {
                return Err(Error::adapter(OPERATION, "an answer to no event of the batch").into());
            };
            known.insert((event.tenant().clone(), event.event_id()), location(&cells)?);
        }
        Ok(known)
    }

    async fn last_position(&mut self) -> Result<Position, Failure> {
        let rows = self.transaction.fetch(sql::LAST_ASSIGNED.query()).await?;
        let last: i64 = rows.first().map_or(Ok(0), |row| Cells::new(row).first())?;
        Ok(Position::try_from(last).map_err(Error::from)?)
    }

    /// Writes streams as they were judged.
    async fn write_streams(&mut self, targets: &[Target]) -> Result<(), Failure> {
        let infos = || targets.iter().map(|target| &target.info);
        let tenants: BTreeSet<_> = infos().map(|it| it.tenant.as_str()).collect();
        let categories: BTreeSet<_> = infos().map(|it| it.stream_id.category()).collect();
        self.transaction.execute(sql::PUT_TENANTS.query().bind(json(&tenants)?)).await?;
        self.transaction.execute(sql::PUT_CATEGORIES.query().bind(json(&categories)?)).await?;
        let rows = infos().map(|it| {
            (
                it.tenant.as_str(),
                it.stream_id.as_str(),
                it.stream_id.category(),
                to_i64(it.version.get()),
                to_i64(it.first_version.get()),
                state_name(it.state, it.holds_links),
                it.created_at.timestamp_micros(),
            )
        });
        let query = sql::IMPORT_STREAMS.query().bind(json(&rows.collect::<Vec<_>>())?);
        self.transaction.execute(query).await?;
        Ok(())
    }

    /// Writes events into their streams, under their own positions or those after the last one.
    async fn write_events(
        &mut self,
        positions: Positions,
        mut last: Position,
        events: &[&RecordedEvent],
        streams: &StoredStreams,
    ) -> Result<(), Failure> {
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            last = match positions {
                Positions::Keep => event.position(),
                Positions::Assign => Position::new(last.get().saturating_add(1)),
            };
            let stream = streams.get(&(event.tenant().clone(), event.stream_id().clone()));
            let Some(stream) = stream else {
                return Err(Error::adapter(OPERATION, "a stream of the batch has no key").into());
            };
            rows.push((*event, last, stream));
        }
        for (query, portion) in sql::INSERT_EVENTS.portions(&rows) {
            let query = portion.iter().fold(query, |query, (event, position, stream)| {
                query
                    .bind(to_i64(position.get()))
                    .bind(stream.key)
                    .bind(to_i64(event.stream_version().get()))
                    .bind(event.recorded_at().timestamp_micros())
                    .bind(event.event_id().as_uuid())
                    .bind(stream.tenant_key)
                    .bind(stream.category_key)
                    .bind(i64::from(event.event_version().get()))
                    .bind(event.event_type().to_owned())
                    .bind(event.data().get().to_owned())
                    .bind(event.metadata().as_json().to_owned())
            });
            self.transaction.execute(query).await?;
        }
        Ok(())
    }
}
