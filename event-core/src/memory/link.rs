//! Streams of links: they hold positions of events in other streams, which reads look up.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::adapter::append::judge::{self, StreamHead};
use crate::adapter::append::{Appended, LinkEvents, Outcome};
use crate::adapter::{Direction, ReadOptions, within};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::memory::{State, Stream};
use crate::value::{EventId, Position, StreamId, StreamVersion};

impl State {
    pub(super) fn link(&mut self, link: &LinkEvents, now: DateTime<Utc>) -> Result<Appended> {
        let positions: Vec<Option<Position>> = link
            .event_ids
            .iter()
            .map(|id| self.ids.get(&(link.tenant.clone(), *id)).copied())
            .collect();
        let key = (link.tenant.clone(), link.stream_id.clone());
        let stream = self.streams.get(&key);
        let links = stream.and_then(|stream| stream.links.as_ref());
        if let Some(links) = links
            && let Some(appended) = judge::already_linked(link, &known(links, link, &positions))?
        {
            return Ok(appended);
        }
        let head = stream.map(Stream::head);
        StreamHead::link(head.as_ref(), link)?;
        let head = head.unwrap_or(StreamHead::NONE);
        let found: Vec<Position> = positions.iter().copied().flatten().collect();
        if found.len() < positions.len() {
            let ids = link.event_ids.iter().zip(&positions);
            let missing = ids.filter(|(_, found)| found.is_none()).map(|(id, _)| *id).collect();
            return Err(Error::events_not_found(link.stream_id.clone(), missing));
        }
        head.check_limit(&link.stream_id, found.len(), link.stream_limit)?;
        let stream = self.streams.entry(key).or_insert_with(|| Stream::new(now));
        let links = stream.links.get_or_insert_default();
        let mut last = (head.version, Position::START);
        for position in found {
            last = (last.0.next(), position);
            links.insert(last.0, position);
        }
        stream.version = last.0;
        Ok(Appended { stream_version: last.0, position: last.1, outcome: Outcome::Stored })
    }

    pub(super) fn linked_page(
        &self,
        stream_id: &StreamId,
        links: &BTreeMap<StreamVersion, Position>,
        options: ReadOptions,
    ) -> Vec<RecordedEvent> {
        // The event of a link may have been removed.
        let linked = |(version, position): (&StreamVersion, &Position)| {
            let event = self.log.get(position)?;
            Some((**event).clone().linked(stream_id.clone(), *version))
        };
        let (limit, bytes) = (options.get_limit().get() as usize, options.get_limit_bytes());
        match (options.get_direction(), options.get_from()) {
            (Direction::Forward, from) => {
                within(bytes, links.range(from..).filter_map(linked).take(limit))
            }
            (Direction::Backward, StreamVersion::NONE) => {
                within(bytes, links.iter().rev().filter_map(linked).take(limit))
            }
            (Direction::Backward, from) => {
                within(bytes, links.range(..=from).rev().filter_map(linked).take(limit))
            }
        }
    }
}

/// The events of the call that the stream already links to, in the order of the call.
fn known(
    links: &BTreeMap<StreamVersion, Position>,
    link: &LinkEvents,
    positions: &[Option<Position>],
) -> Vec<(EventId, StreamVersion, Position)> {
    let wanted = link.event_ids.iter().zip(positions);
    let found = wanted.filter_map(|(id, position)| {
        let (version, position) = links.iter().find(|(_, known)| Some(**known) == *position)?;
        Some((*id, *version, *position))
    });
    found.collect()
}
