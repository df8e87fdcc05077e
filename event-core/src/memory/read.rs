//! Reads pages of one stream, of all streams, and of the list of streams.

use std::sync::Arc;

use crate::adapter::{
    AllOptions, Direction, ListOptions, ListOrder, ReadOptions, StreamInfo, TenantView, within,
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
        let first = Position::new(options.get_after().get().saturating_add(1));
        if first > options.get_up_to() {
            return Vec::new();
        }
        let events = self.log.range(first..=options.get_up_to()).map(|(_, event)| event);
        let page = |events: &mut dyn Iterator<Item = &Arc<RecordedEvent>>| {
            let found = events
                .filter(|event| view.sees(event.tenant()) && options.admits(event))
                .take(options.get_limit().get() as usize)
                .map(|event| (**event).clone());
            within(options.get_limit_bytes(), found)
        };
        if options.is_backward() { page(&mut events.rev()) } else { page(&mut { events }) }
    }

    pub(super) fn list(&self, view: &TenantView, options: &ListOptions) -> Vec<StreamInfo> {
        let is_by_name = options.get_order() == ListOrder::Name;
        let listed = self
            .streams
            .iter()
            .filter(|(key, _)| {
                let starts_here = !is_by_name || options.get_after().is_none_or(|last| *key > last);
                view.sees(&key.0) && starts_here
            })
            .filter(|((_, id), stream)| {
                (options.get_deleted() || !stream.state.is_deleted())
                    && options.get_prefix().is_none_or(|prefix| id.as_str().starts_with(prefix))
                    && options.get_contains().is_none_or(|text| id.as_str().contains(text))
                    && options.get_category().is_none_or(|category| id.category() == category)
            })
            .map(|((tenant, id), stream)| stream.info(tenant, id));
        let limit = options.get_limit().get() as usize;
        if is_by_name {
            return listed.take(limit).collect();
        }
        // They come by tenant and name: a stable sort leaves equal ones so.
        let mut all: Vec<_> = listed.map(|info| (options.get_order().key(&info), info)).collect();
        all.sort_by_key(|(key, _)| *key);
        let after = options.get_after().map(|(tenant, id)| (options.get_after_key(), tenant, id));
        all.iter()
            .filter(|(key, info)| {
                after.is_none_or(|after| (*key, &info.tenant, &info.stream_id) > after)
            })
            .take(limit)
            .map(|(_, info)| info.clone())
            .collect()
    }
}
