//! Reads pages of one stream, of all streams, and of the list of streams.

use crate::adapter::{
    AllOptions, Direction, ListOptions, ReadOptions, StreamInfo, TenantView, within,
};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::memory::{State, Stream};
use crate::value::{Position, StreamId, StreamVersion, Tenant};

impl State {
    pub(super) fn find(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
    ) -> Result<Option<(&Tenant, &Stream)>> {
        if let TenantView::One(tenant) = view {
            let found = self.streams.get_key_value(&(tenant.clone(), stream_id.clone()));
            return Ok(found.map(|((tenant, _), stream)| (tenant, stream)));
        }
        let mut found =
            self.streams.iter().filter(|((_, id), _)| id == stream_id).map(|((t, _), s)| (t, s));
        match (found.next(), found.next()) {
            (Some((first, _)), Some((second, _))) => Err(Error::AmbiguousStream {
                stream_id: stream_id.clone(),
                tenants: [first, second]
                    .into_iter()
                    .chain(found.map(|(t, _)| t))
                    .cloned()
                    .collect(),
            }),
            (first, _) => Ok(first),
        }
    }

    pub(super) fn page(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
        options: ReadOptions,
    ) -> Result<Vec<RecordedEvent>> {
        let Some((_, stream)) = self.find(view, stream_id)? else {
            return Err(Error::stream_not_found(stream_id.clone()));
        };
        if stream.state.is_deleted() {
            return Err(Error::stream_deleted(stream_id.clone()));
        }
        if let Some(links) = &stream.links {
            return Ok(self.linked_page(stream_id, links, options));
        }
        let limit = options.get_limit().get() as usize;
        let from = options.get_from();
        let events = stream.events.iter();
        let bytes = options.get_limit_bytes();
        Ok(match options.get_direction() {
            Direction::Forward => {
                let first = stream.events.partition_point(|event| event.stream_version() < from);
                within(bytes, events.skip(first).take(limit).map(|event| (**event).clone()))
            }
            Direction::Backward => {
                let events = events
                    .rev()
                    .filter(|event| from == StreamVersion::NONE || event.stream_version() <= from);
                within(bytes, events.take(limit).map(|event| (**event).clone()))
            }
        })
    }

    pub(super) fn all(&self, view: &TenantView, options: &AllOptions) -> Vec<RecordedEvent> {
        let after = Position::new(options.get_after().get().saturating_add(1));
        let events = self
            .log
            .range(after..)
            .map(|(_, event)| event)
            .take_while(|event| event.position() <= options.get_up_to())
            .filter(|event| view.sees(event.tenant()) && options.admits(event))
            .take(options.get_limit().get() as usize)
            .map(|event| (**event).clone());
        within(options.get_limit_bytes(), events)
    }

    pub(super) fn list(&self, view: &TenantView, options: &ListOptions) -> Vec<StreamInfo> {
        self.streams
            .iter()
            .filter(|(key, _)| {
                view.sees(&key.0) && options.get_after().is_none_or(|last| *key > last)
            })
            .filter(|((_, id), stream)| {
                (options.get_deleted() || !stream.state.is_deleted())
                    && options.get_prefix().is_none_or(|prefix| id.as_str().starts_with(prefix))
                    && options.get_category().is_none_or(|category| id.category() == category)
            })
            .take(options.get_limit().get() as usize)
            .map(|((tenant, id), stream)| stream.info(tenant, id))
            .collect()
    }
}
