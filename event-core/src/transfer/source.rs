//! [`Source`]: reads a store from beginning to end, in batches that another store can import in this order.

use std::collections::VecDeque;

use crate::adapter::import::{ImportBatch, ImportedLink, Positions};
use crate::adapter::{AllOptions, ListOptions, ReadOptions, StreamInfo};
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::transfer::selection::{Pages, Which};
use crate::transfer::starts::Starts;
use crate::value::{Position, Scope, StreamVersion};

/// Reads streams, then events, then links, one page at a time.
pub(super) struct Source {
    store: EventStore,
    pub(super) pages: Pages,
    positions: Positions,
    stage: Stage,
    starts: Starts,
    /// Read, and not returned yet.
    ready: VecDeque<ImportBatch>,
}

/// What is read next.
enum Stage {
    /// Streams of events.
    Streams(Streams),
    /// Events after this position.
    Events(Position),
    /// Streams of links.
    LinkStreams(Streams),
    /// Links of the first of these streams from a version on, then the next page of streams.
    Links(VecDeque<StreamInfo>, StreamVersion, Streams),
    End,
}

impl Source {
    pub(super) fn new(store: EventStore, pages: Pages, positions: Positions) -> Self {
        let (starts, ready) = (Starts::default(), VecDeque::new());
        Self { store, pages, positions, stage: Stage::Streams(Streams::new(true)), starts, ready }
    }

    /// The next batch, which is never empty; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<ImportBatch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            let stage = std::mem::replace(&mut self.stage, Stage::End);
            let batch = match stage {
                Stage::Streams(streams) => self.streams(streams).await?,
                Stage::Events(after) => self.events(after).await?,
                Stage::LinkStreams(streams) => self.link_streams(streams).await?,
                Stage::Links(page, from, streams) => self.links(page, from, streams).await?,
                Stage::End => return Ok(None),
            };
            if batch.is_some() {
                return Ok(batch);
            }
        }
    }

    async fn streams(&mut self, mut streams: Streams) -> Result<Option<ImportBatch>> {
        let Some(mut page) = streams.next(&self.store, &self.pages).await? else {
            self.stage = Stage::Events(Position::START);
            return Ok(None);
        };
        self.stage = Stage::Streams(streams);
        page.retain(|info| !info.holds_links);
        for info in &page {
            self.starts.listed(info);
        }
        Ok((!page.is_empty()).then_some(ImportBatch::Streams(page)))
    }

    async fn events(&mut self, after: Position) -> Result<Option<ImportBatch>> {
        let options = AllOptions::new().after(after).limit(self.pages.limit);
        let options = match (&self.pages.which, self.pages.which.category()) {
            (Which::Stream(stream_id), _) => options.stream(stream_id.clone()),
            (_, Some(category)) => options.category(category),
            _ => options,
        };
        let mut events = self.store.read_all(options).await?;
        self.stage = match events.last() {
            Some(last) if is_full(events.len(), &self.pages) => Stage::Events(last.position()),
            _ => Stage::LinkStreams(Streams::new(false)),
        };
        events.retain(|event| self.pages.which.has(event.stream_id()));
        self.ready = self.starts.batches(self.positions, events).into();
        Ok(None)
    }

    async fn link_streams(&mut self, mut streams: Streams) -> Result<Option<ImportBatch>> {
        let Some(mut page) = streams.next(&self.store, &self.pages).await? else {
            return Ok(None);
        };
        let truncated: Vec<_> = page.iter().filter_map(|it| self.starts.truncated(it)).collect();
        page.retain(|info| info.holds_links);
        self.stage = Stage::Links(page.iter().cloned().collect(), StreamVersion::NONE, streams);
        let batches = [truncated, page].into_iter().filter(|it| !it.is_empty());
        self.ready.extend(batches.map(ImportBatch::Streams));
        Ok(None)
    }

    async fn links(
        &mut self,
        mut page: VecDeque<StreamInfo>,
        from: StreamVersion,
        streams: Streams,
    ) -> Result<Option<ImportBatch>> {
        let Some(StreamInfo { tenant, stream_id, version, .. }) = page.front().cloned() else {
            self.stage = Stage::LinkStreams(streams);
            return Ok(None);
        };
        let scope = Scope { tenant: tenant.clone(), ..self.store.scope().clone() };
        let options = ReadOptions::forward().from(from).limit(self.pages.limit);
        let mut events = match self.store.with_scope(scope).read_stream(&stream_id, options).await {
            // The stream was deleted after it was listed.
            Err(Error::StreamDeleted { .. }) => Vec::new(),
            events => events?,
        };
        let next = events.last().map(|last| last.stream_version().next());
        let is_full = is_full(events.len(), &self.pages);
        // Links that were added after the stream was listed belong to a later export.
        events.retain(|event| event.stream_version() <= version);
        let next = next.filter(|_| is_full).unwrap_or_else(|| {
            page.pop_front();
            StreamVersion::NONE
        });
        self.stage = Stage::Links(page, next, streams);
        let links = events.iter().map(|event| ImportedLink {
            tenant: tenant.clone(),
            stream_id: stream_id.clone(),
            stream_version: event.stream_version(),
            event_id: event.event_id(),
        });
        let links: Vec<_> = links.collect();
        Ok((!links.is_empty()).then_some(ImportBatch::Links(links)))
    }
}

/// The selected streams of a store, page by page.
pub(super) struct Streams {
    deleted: bool,
    last: Option<Box<StreamInfo>>,
    is_over: bool,
}

impl Streams {
    pub(super) const fn new(deleted: bool) -> Self {
        Self { deleted, last: None, is_over: false }
    }

    /// The next page, which is never empty; `None` at the end.
    pub(super) async fn next(
        &mut self,
        store: &EventStore,
        pages: &Pages,
    ) -> Result<Option<Vec<StreamInfo>>> {
        if self.is_over {
            return Ok(None);
        }
        let list = ListOptions::new().limit(pages.limit);
        let list = match &pages.which {
            Which::Stream(stream_id) => {
                self.is_over = true;
                return Ok(Some(vec![store.stream_info(stream_id).await?]));
            }
            Which::All => list,
            Which::Category(category) => list.category(category),
            Which::Prefix(prefix) => list.prefix(prefix),
        };
        let list = if self.deleted { list.deleted() } else { list };
        let list = self.last.iter().fold(list, |list, last| list.after(last));
        let page = store.list_streams(list).await?;
        self.is_over = !is_full(page.len(), pages);
        self.last = page.last().cloned().map(Box::new);
        Ok((!page.is_empty()).then_some(page))
    }
}

const fn is_full(length: usize, pages: &Pages) -> bool {
    length >= pages.limit.get() as usize
}
