//! Imports batches from another store. A batch is checked as a whole before anything is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::adapter::StreamInfo;
use crate::adapter::import::judge::{self, Found, FoundLink, Target};
use crate::adapter::import::{ImportBatch, Imported, ImportedLink, Positions};
use crate::envelope::{RecordedEvent, RecordedParts};
use crate::error::Result;
use crate::memory::{State, Stream};
use crate::value::{Position, StreamId, Tenant};

impl State {
    pub(super) fn import(&mut self, batch: &ImportBatch) -> Result<Imported> {
        match batch {
            ImportBatch::Streams(entries) => self.import_streams(entries),
            ImportBatch::Events { positions, events } => self.import_events(*positions, events),
            ImportBatch::Links(links) => self.import_links(links),
        }
    }

    fn import_streams(&mut self, entries: &[StreamInfo]) -> Result<Imported> {
        let existing = entries.iter().filter_map(|it| self.info_of(&it.tenant, &it.stream_id));
        for target in judge::streams(entries, existing.collect::<Vec<_>>())? {
            self.put(&target.info);
        }
        Ok(Imported::default())
    }

    fn import_events(
        &mut self,
        positions: Positions,
        events: &[RecordedEvent],
    ) -> Result<Imported> {
        let mut found =
            Found { last_position: Position::new(self.last_position), ..Found::default() };
        for event in events {
            let (tenant, stream_id) = (event.tenant(), event.stream_id());
            if let Some(info) = self.info_of(tenant, stream_id) {
                let key = (tenant.clone(), stream_id.clone());
                let last = self.streams.get(&key).and_then(|stream| stream.events.last());
                let last = last.map(|event| event.stream_version()).unwrap_or_default();
                found.streams.insert(key, Target::existing(info, last));
            }
            let id = (tenant.clone(), event.event_id());
            if let Some(known) = self.locate(tenant, event.event_id()) {
                found.ids.insert(id, (known.stream_id, known.version, known.position));
            }
        }
        let accepted = judge::events(positions, events, found)?;
        for target in &accepted.streams {
            self.put(&target.info);
        }
        for event in &accepted.events {
            self.last_position = match positions {
                Positions::Keep => event.position().get(),
                Positions::Assign => self.last_position + 1,
            };
            let position = Position::new(self.last_position);
            let parts = RecordedParts { position, ..(*event).clone().into_parts() };
            let key = (parts.tenant.clone(), parts.stream_id.clone());
            let event = Arc::new(RecordedEvent::from_parts(parts));
            self.ids.insert((key.0.clone(), event.event_id()), position);
            self.log.insert(position, Arc::clone(&event));
            let pair = (event.event_type(), event.event_version());
            self.versions.extend(self.versions.unseen([pair]));
            if let Some(stream) = self.streams.get_mut(&key) {
                stream.events.push(event);
            }
        }
        let stored = accepted.events.len() as u64;
        Ok(Imported { stored, skipped: events.len() as u64 - stored })
    }

    fn import_links(&mut self, links: &[ImportedLink]) -> Result<Imported> {
        let found: Vec<FoundLink> = links.iter().map(|link| self.find_link(link)).collect();
        let accepted = judge::links(links, &found)?;
        for (link, position) in &accepted {
            let key = (link.tenant.clone(), link.stream_id.clone());
            if let Some(links) = self.streams.get_mut(&key).and_then(|it| it.links.as_mut()) {
                links.insert(link.stream_version, *position);
            }
        }
        let stored = accepted.len() as u64;
        Ok(Imported { stored, skipped: links.len() as u64 - stored })
    }

    fn find_link(&self, link: &ImportedLink) -> FoundLink {
        let position = self.ids.get(&(link.tenant.clone(), link.event_id)).copied();
        let key = (link.tenant.clone(), link.stream_id.clone());
        let links = self.streams.get(&key).and_then(|stream| stream.links.as_ref());
        let mut numbers = links.into_iter().flatten();
        FoundLink {
            stream: self.info_of(&link.tenant, &link.stream_id),
            position,
            at_number: links.and_then(|links| links.get(&link.stream_version)).copied(),
            number: numbers.find(|(_, at)| Some(**at) == position).map(|(version, _)| *version),
        }
    }

    fn info_of(&self, tenant: &Tenant, stream_id: &StreamId) -> Option<StreamInfo> {
        let stream = self.streams.get(&(tenant.clone(), stream_id.clone()))?;
        Some(stream.info(tenant, stream_id))
    }

    /// Stores the entry of a stream.
    fn put(&mut self, info: &StreamInfo) {
        let key = (info.tenant.clone(), info.stream_id.clone());
        let stream = self.streams.entry(key).or_insert_with(|| Stream {
            links: info.holds_links.then(BTreeMap::new),
            ..Stream::new(info.created_at)
        });
        stream.version = info.version;
        stream.first_version = info.first_version;
        stream.state = info.state;
    }
}
