//! Streams of links: positions of events that stand in other streams, looked up when they are read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::adapter::{Appended, Direction, LinkEvents, Outcome, ReadOptions, StreamState};
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
        let known = stream.map(|stream| known(stream, link, &positions)).transpose()?;
        if let Some(appended) = known.flatten() {
            return Ok(appended);
        }
        let (version, live) = judge(stream, link)?;
        let found: Vec<Position> = positions.iter().copied().flatten().collect();
        if found.len() < positions.len() {
            let ids = link.event_ids.iter().zip(&positions);
            let missing = ids.filter(|(_, found)| found.is_none()).map(|(id, _)| *id).collect();
            return Err(Error::events_not_found(link.stream_id.clone(), missing));
        }
        if let Some(limit) = link.stream_limit.filter(|limit| live + found.len() as u64 > *limit) {
            return Err(Error::stream_limit_reached(link.stream_id.clone(), limit, live));
        }
        let stream = self.streams.entry(key).or_insert_with(|| Stream::new(now));
        let links = stream.links.get_or_insert_default();
        let mut last = (version, Position::START);
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
        // The event of a link may have been removed since.
        let shown = |(version, position): (&StreamVersion, &Position)| {
            let event = self.log.get(position)?;
            Some((**event).clone().linked(stream_id.clone(), *version))
        };
        let limit = options.page().get() as usize;
        match (options.direction(), options.start()) {
            (Direction::Forward, from) => {
                links.range(from..).filter_map(shown).take(limit).collect()
            }
            (Direction::Backward, StreamVersion::NONE) => {
                links.iter().rev().filter_map(shown).take(limit).collect()
            }
            (Direction::Backward, from) => {
                links.range(..=from).rev().filter_map(shown).take(limit).collect()
            }
        }
    }
}

/// The first answer, if the stream links to all of the events just like this; an error if it does otherwise.
fn known(
    stream: &Stream,
    link: &LinkEvents,
    positions: &[Option<Position>],
) -> Result<Option<Appended>> {
    let Some(links) = &stream.links else { return Ok(None) };
    let numbers: Vec<(StreamVersion, Position, EventId)> = positions
        .iter()
        .zip(&link.event_ids)
        .filter_map(|(position, id)| {
            let (version, position) = links.iter().find(|(_, known)| Some(**known) == *position)?;
            Some((*version, *position, *id))
        })
        .collect();
    let Some((.., first)) = numbers.first() else { return Ok(None) };
    let contiguous = numbers.windows(2).all(|pair| pair[0].0.next() == pair[1].0);
    match numbers.last() {
        Some((stream_version, position, _)) if contiguous && numbers.len() == positions.len() => {
            Ok(Some(Appended {
                stream_version: *stream_version,
                position: *position,
                outcome: Outcome::AlreadyStored,
            }))
        }
        _ => Err(Error::event_id_conflict(
            link.stream_id.clone(),
            Some(*first),
            "the stream links to them already, in another order or only in part",
        )),
    }
}

/// The stream's version and its links, if it may take more.
fn judge(stream: Option<&Stream>, link: &LinkEvents) -> Result<(StreamVersion, u64)> {
    let stream_id = || link.stream_id.clone();
    let (version, live) = match stream {
        None => (StreamVersion::NONE, 0),
        Some(stream) => match stream.state {
            state if state.is_deleted() => return Err(Error::stream_deleted(stream_id())),
            _ if stream.links.is_none() => return Err(Error::mixed_stream(stream_id(), false)),
            StreamState::Archived => return Err(Error::stream_archived(stream_id())),
            _ => (stream.version, stream.live()),
        },
    };
    link.expected.check(version).map_err(|conflict| Error::conflict(stream_id(), conflict))?;
    Ok((version, live))
}
