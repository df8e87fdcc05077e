//! [`Source`]: a store from beginning to end, in batches that another store can take in this order.

use std::collections::VecDeque;

use crate::error::{Error, Result};
use crate::number::{Position, StreamVersion};
use crate::options::{AllOptions, ListOptions, ReadOptions, StreamInfo};
use crate::scope::Scope;
use crate::seam::{ImportBatch, ImportedLink, Positions};
use crate::store::EventStore;
use crate::transfer::export::{ExportOptions, Which};

/// Reads streams, then events, then links; holds one page.
pub(super) struct Source {
    store: EventStore,
    options: ExportOptions,
    positions: Positions,
    stage: Stage,
}

/// What comes next.
enum Stage {
    /// Streams of events after this one.
    Streams(Option<Box<StreamInfo>>),
    /// Events after this position.
    Events(Position),
    /// Streams of links after this one.
    LinkStreams(Option<Box<StreamInfo>>),
    /// Links, from a version on, of the first of these; then on with the streams after the last one looked at.
    Links(VecDeque<StreamInfo>, StreamVersion, Option<Box<StreamInfo>>),
    End,
}

impl Source {
    pub(super) const fn new(
        store: EventStore,
        options: ExportOptions,
        positions: Positions,
    ) -> Self {
        Self { store, options, positions, stage: Stage::Streams(None) }
    }

    /// The next batch, which is not empty.
    pub(super) async fn next(&mut self) -> Result<Option<ImportBatch>> {
        loop {
            let stage = std::mem::replace(&mut self.stage, Stage::End);
            let batch = match stage {
                Stage::Streams(last) => self.streams(last).await?,
                Stage::Events(after) => self.events(after).await?,
                Stage::LinkStreams(last) => self.link_streams(last).await?,
                Stage::Links(streams, from, last) => self.links(streams, from, last).await?,
                Stage::End => return Ok(None),
            };
            if batch.is_some() {
                return Ok(batch);
            }
        }
    }

    async fn streams(&mut self, last: Option<Box<StreamInfo>>) -> Result<Option<ImportBatch>> {
        let (mut page, last) = self.list(last, true).await?;
        self.stage = last.map_or(Stage::Events(Position::START), |it| Stage::Streams(Some(it)));
        page.retain(|info| !info.holds_links);
        Ok((!page.is_empty()).then_some(ImportBatch::Streams(page)))
    }

    async fn events(&mut self, after: Position) -> Result<Option<ImportBatch>> {
        let options = AllOptions::new().after(after).limit(self.options.page);
        let options = match (&self.options.which, self.options.which.category()) {
            (Which::Stream(stream_id), _) => options.stream(stream_id.clone()),
            (_, Some(category)) => options.category(category),
            _ => options,
        };
        let mut events = self.store.read_all(options).await?;
        self.stage = match events.last() {
            Some(last) if is_full(events.len(), &self.options) => Stage::Events(last.position()),
            _ => Stage::LinkStreams(None),
        };
        events.retain(|event| self.options.which.has(event.stream_id()));
        let positions = self.positions;
        Ok((!events.is_empty()).then_some(ImportBatch::Events { positions, events }))
    }

    async fn link_streams(&mut self, last: Option<Box<StreamInfo>>) -> Result<Option<ImportBatch>> {
        let (mut page, last) = self.list(last, false).await?;
        page.retain(|info| info.holds_links);
        if page.is_empty() {
            self.stage = last.map_or(Stage::End, |last| Stage::LinkStreams(Some(last)));
            return Ok(None);
        }
        self.stage = Stage::Links(page.iter().cloned().collect(), StreamVersion::NONE, last);
        Ok(Some(ImportBatch::Streams(page)))
    }

    async fn links(
        &mut self,
        mut streams: VecDeque<StreamInfo>,
        from: StreamVersion,
        last: Option<Box<StreamInfo>>,
    ) -> Result<Option<ImportBatch>> {
        let Some(StreamInfo { tenant, stream_id, version, .. }) = streams.front().cloned() else {
            self.stage = last.map_or(Stage::End, |last| Stage::LinkStreams(Some(last)));
            return Ok(None);
        };
        let scope = Scope { tenant: tenant.clone(), ..self.store.scope().clone() };
        let options = ReadOptions::forward().from(from).limit(self.options.page);
        let mut page = match self.store.with_scope(scope).read_stream(&stream_id, options).await {
            // It was deleted since it was listed.
            Err(Error::StreamDeleted { .. }) => Vec::new(),
            page => page?,
        };
        let next = page.last().map(|last| last.stream_version().next());
        let is_full = is_full(page.len(), &self.options);
        // What was linked since belongs to a later export: the stream's line says how far this one goes.
        page.retain(|event| event.stream_version() <= version);
        let next = next.filter(|_| is_full).unwrap_or_else(|| {
            streams.pop_front();
            StreamVersion::NONE
        });
        self.stage = Stage::Links(streams, next, last);
        let links = page.iter().map(|event| ImportedLink {
            tenant: tenant.clone(),
            stream_id: stream_id.clone(),
            stream_version: event.stream_version(),
            event_id: event.event_id(),
        });
        let links: Vec<_> = links.collect();
        Ok((!links.is_empty()).then_some(ImportBatch::Links(links)))
    }

    /// A page of streams, and the last one if more may follow.
    async fn list(
        &self,
        last: Option<Box<StreamInfo>>,
        deleted: bool,
    ) -> Result<(Vec<StreamInfo>, Option<Box<StreamInfo>>)> {
        let options = ListOptions::new().limit(self.options.page);
        let options = match &self.options.which {
            Which::Stream(stream_id) => {
                return Ok((vec![self.store.stream_info(stream_id).await?], None));
            }
            Which::All => options,
            Which::Category(category) => options.category(category),
            Which::Prefix(prefix) => options.prefix(prefix),
        };
        let options = if deleted { options.with_deleted() } else { options };
        let options = last.iter().fold(options, |options, last| options.after(last));
        let page = self.store.list_streams(options).await?;
        let more = page.last().filter(|_| is_full(page.len(), &self.options));
        let more = more.cloned().map(Box::new);
        Ok((page, more))
    }
}

const fn is_full(length: usize, options: &ExportOptions) -> bool {
    length >= options.page.get() as usize
}
