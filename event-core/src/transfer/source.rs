//! [`Source`]: reads a store from beginning to end, in batches that another store can import in this order.

use std::collections::VecDeque;

use crate::adapter::import::{ImportBatch, ImportedLink, Positions};
use crate::adapter::{AllOptions, ListOptions, PAGE_BYTES, ReadOptions, StreamInfo, is_full};
use crate::error::{Error, Result};
use crate::store::{EventStore, EventStream};
use crate::transfer::selection::{Pages, Which};
use crate::transfer::starts::Starts;
use crate::value::{Scope, StreamVersion};

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
    /// The rest of the events.
    Events(Box<EventStream>),
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
                Stage::Events(events) => self.events(events).await?,
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
            self.stage = Stage::Events(Box::new(self.all_events()));
            return Ok(None);
        };
        self.stage = Stage::Streams(streams);
        page.retain(|info| !info.holds_links);
        for info in &page {
            self.starts.listed(info);
        }
        Ok((!page.is_empty()).then_some(ImportBatch::Streams(page)))
    }

    /// The events, of which the next page is read while the one before is made use of.
    fn all_events(&self) -> EventStream {
        let options = AllOptions::new().limit(self.pages.limit);
        self.store.all_events(match (&self.pages.which, self.pages.which.category()) {
            (Which::Stream(stream_id), _) => options.stream(stream_id.clone()),
            (_, Some(category)) => options.category(category),
            _ => options,
        })
    }

    async fn events(&mut self, mut events: Box<EventStream>) -> Result<Option<ImportBatch>> {
        let limit = self.pages.limit.get() as usize;
        let (mut page, mut bytes) = (Vec::with_capacity(limit.min(1_000)), 0);
        let is_over = loop {
            let Some(event) = events.next().await.transpose()? else { break true };
            if self.pages.which.has(event.stream_id()) {
                bytes += event.size();
                page.push(event);
            }
            if page.len() >= limit || bytes >= PAGE_BYTES {
                break false;
            }
        };
        self.stage =
            if is_over { Stage::LinkStreams(Streams::new(false)) } else { Stage::Events(events) };
        self.ready = self.starts.batches(self.positions, page).into();
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
        let limit = self.pages.limit;
        let options = ReadOptions::forward().from(from).limit(limit).limit_bytes(PAGE_BYTES);
        let mut events = match self.store.with_scope(scope).read_stream(&stream_id, options).await {
            // The stream was deleted after it was listed.
            Err(Error::StreamDeleted { .. }) => Vec::new(),
            events => events?,
        };
        let next = events.last().map(|last| last.stream_version().next());
        let is_full = is_full(&events, limit, PAGE_BYTES);
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
        self.is_over = page.len() < pages.limit.get() as usize;
        self.last = page.last().cloned().map(Box::new);
        Ok((!page.is_empty()).then_some(page))
    }
}
