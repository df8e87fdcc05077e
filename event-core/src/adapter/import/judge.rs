//! Decides what an import stores, skips and refuses. The functions are pure, so that all adapters give the same answers.

use std::collections::{HashMap, HashSet};

use super::{ImportedLink, Positions};
use crate::adapter::{StreamInfo, StreamState};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::value::{EventId, Position, StreamId, StreamVersion, Tenant};

/// The highest position and stream version that an import may store. Half of the range is left for later appends.
const MAX_IMPORTED: u64 = 1 << 62;

/// A stream's tenant and name.
pub type StreamKey = (Tenant, StreamId);

/// Merges the entries of imported streams into the store's. Returns the streams that change, as they are to be afterwards.
///
/// `existing` are the store's entries of these streams. A stream that exists keeps its events; its state only advances, from
/// active to archived to softly deleted.
///
/// # Errors
/// [`Error::InvalidImport`] if the two entries cannot be merged, [`Error::MixedStream`].
pub fn streams(
    entries: &[StreamInfo],
    existing: impl IntoIterator<Item = StreamInfo>,
) -> Result<Vec<Target>> {
    let mut known: HashMap<StreamKey, Target> = existing
        .into_iter()
        .map(|info| (key(&info), Target::existing(info, StreamVersion::NONE)))
        .collect();
    let mut changed: Vec<StreamKey> = Vec::new();
    for entry in entries {
        if entry.version.get() > MAX_IMPORTED || entry.first_version.get() > MAX_IMPORTED {
            let reason = format!(
                "version {} leaves no room for later appends",
                entry.version.max(entry.first_version)
            );
            return Err(Error::invalid_import(Some(entry.stream_id.clone()), reason));
        }
        let is_changed = if let Some(target) = known.get_mut(&key(entry)) {
            target.merge(entry)?
        } else {
            known.insert(key(entry), Target::of_entry(entry));
            true
        };
        if is_changed && !changed.contains(&key(entry)) {
            changed.push(key(entry));
        }
    }
    Ok(changed.iter().filter_map(|key| known.remove(key)).collect())
}

fn key(info: &StreamInfo) -> StreamKey {
    (info.tenant.clone(), info.stream_id.clone())
}

/// A stream that an import writes to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The stream's entry, as it is to be stored.
    pub info: StreamInfo,
    /// The last event that is stored or was truncated. In a deleted stream this is less than the version it once had.
    pub last_event: StreamVersion,
    /// Whether this batch creates it.
    pub is_new: bool,
}

impl Target {
    /// A stream that the store has; `last_event` is the number of its last event, 0 if it has none.
    pub fn existing(info: StreamInfo, last_event: StreamVersion) -> Self {
        let before = StreamVersion::new(info.first_version.get().saturating_sub(1));
        Self { last_event: last_event.max(before), info, is_new: false }
    }

    /// A stream that its first event creates, as it is before that event.
    pub fn before(event: &RecordedEvent) -> Self {
        let info = StreamInfo {
            tenant: event.tenant().clone(),
            stream_id: event.stream_id().clone(),
            version: StreamVersion::NONE,
            first_version: StreamVersion::new(1),
            state: StreamState::Active,
            created_at: event.recorded_at(),
            holds_links: false,
        };
        Self { info, last_event: StreamVersion::NONE, is_new: true }
    }

    /// A new stream. Its version grows with the events that are imported, so that a concurrent append leaves no gap. A stream
    /// without events to import, such as a deleted one, gets its final version at once.
    fn of_entry(entry: &StreamInfo) -> Self {
        let before = StreamVersion::new(entry.first_version.get().saturating_sub(1));
        let at_end = entry.holds_links || entry.state.is_deleted();
        let version = if at_end { entry.version } else { before };
        let info = StreamInfo { version, ..entry.clone() };
        Self { info, last_event: before, is_new: true }
    }

    /// Merges an imported entry into this one. Returns whether anything changed.
    fn merge(&mut self, entry: &StreamInfo) -> Result<bool> {
        let existing = &mut self.info;
        let refused =
            |reason: String| Err(Error::invalid_import(Some(entry.stream_id.clone()), reason));
        let (old, new) = (rank(existing.state), rank(entry.state));
        let both_live = !existing.state.is_deleted() && !entry.state.is_deleted();
        if both_live && existing.holds_links != entry.holds_links {
            return Err(Error::mixed_stream(entry.stream_id.clone(), existing.holds_links));
        }
        if new > old && entry.state == StreamState::HardDeleted {
            return refused("it is hard-deleted in the import; delete it here first".into());
        }
        let (here, wanted) = (existing.first_version, entry.first_version);
        let start_differs = both_live && here != wanted;
        if start_differs && (wanted < here || existing.version >= here) {
            let end = existing.version.next();
            return refused(if wanted > end {
                format!(
                    "it starts at version {wanted} in the import and ends before {end} here; truncate it before {end} here"
                )
            } else {
                format!(
                    "it starts at version {here} here and at {wanted} in the import; truncate the one that starts earlier"
                )
            });
        }
        if start_differs {
            // The store has no event of it left, and the import has none before `wanted`.
            existing.first_version = wanted;
            existing.version = existing.version.max(StreamVersion::new(wanted.get() - 1));
            self.last_event = self.last_event.max(existing.version);
        }
        let at_end = entry.holds_links || entry.state.is_deleted();
        let version = if at_end { existing.version.max(entry.version) } else { existing.version };
        let changes = start_differs || new > old || version != existing.version;
        if new > old {
            existing.state = entry.state;
            existing.holds_links &= !entry.state.is_deleted();
        }
        existing.version = version;
        Ok(changes)
    }
}

/// The order of states; a stream only advances.
const fn rank(state: StreamState) -> u8 {
    match state {
        StreamState::Active => 0,
        StreamState::Archived => 1,
        StreamState::SoftDeleted => 2,
        StreamState::HardDeleted => 3,
    }
}

/// What a store already has of a batch of events.
#[derive(Debug, Default)]
pub struct Found {
    /// The streams of the events, if they exist.
    pub streams: HashMap<StreamKey, Target>,
    /// Stream, version and position of the event ids that are stored.
    pub ids: HashMap<(Tenant, EventId), (StreamId, StreamVersion, Position)>,
    /// The highest position that the store ever used.
    pub last_position: Position,
}

/// The part of a batch of events that is to be stored.
#[derive(Debug)]
pub struct Accepted<'e> {
    /// The events that are not stored yet, in order.
    pub events: Vec<&'e RecordedEvent>,
    /// The streams of these events, as they are to be afterwards.
    pub streams: Vec<Target>,
}

/// Checks a batch of events against what the store has.
///
/// # Errors
/// [`Error::EventIdConflict`] if another event has the id or the version, [`Error::InvalidImport`] for a gap and for a position
/// that does not grow or is already used, [`Error::StreamDeleted`], [`Error::MixedStream`]. Each names the stream.
pub fn events(
    positions: Positions,
    events: &[RecordedEvent],
    mut found: Found,
) -> Result<Accepted<'_>> {
    let (mut accepted, mut order): (Vec<&RecordedEvent>, Vec<StreamKey>) = Default::default();
    let (mut last, mut ids) = (Position::START, HashSet::new());
    for event in events {
        let stream_id = || event.stream_id().clone();
        let refused = |reason: String| Err(Error::invalid_import(Some(stream_id()), reason));
        let taken =
            |reason| Err(Error::event_id_conflict(stream_id(), Some(event.event_id()), reason));
        let (version, position) = (event.stream_version(), event.position());
        event.intact()?;
        if event.origin().is_some() {
            return refused(format!("event {} is read through a link", event.event_id()));
        }
        if position <= last && last != Position::START {
            return refused(format!(
                "position {position} follows {last}; sort the events by position"
            ));
        }
        last = position;
        let id = (event.tenant().clone(), event.event_id());
        if let Some((stream, number, stored)) = found.ids.get(&id) {
            if (stream, *number) != (event.stream_id(), version) {
                return taken("the event is stored under another stream or version");
            }
            if positions == Positions::Keep && *stored != position {
                let id = event.event_id();
                return refused(format!(
                    "event {id} has position {stored} here and {position} in the import; import with new positions"
                ));
            }
            continue;
        }
        if !ids.insert(id) {
            return taken("the id occurs twice in the import");
        }
        let key = (event.tenant().clone(), stream_id());
        let target = found.streams.entry(key.clone()).or_insert_with(|| Target::before(event));
        check_open(target)?;
        if version <= target.last_event {
            return taken("another event has its stream version");
        }
        if version != target.last_event.next() {
            return refused(format!(
                "version {version} follows, expected {}; import the stream from its first version on",
                target.last_event.next()
            ));
        }
        if positions == Positions::Keep && position <= found.last_position {
            return refused(format!(
                "position {position} cannot be kept: this store has used all up to {}; import with new positions",
                found.last_position
            ));
        }
        if positions == Positions::Keep && position.get() > MAX_IMPORTED {
            return refused(format!(
                "position {position} cannot be kept: it leaves no room for later appends; import with new positions"
            ));
        }
        target.last_event = version;
        target.info.version = target.info.version.max(version);
        accepted.push(event);
        order.push(key);
    }
    let streams = order.iter().filter_map(|key| found.streams.remove(key)).collect();
    Ok(Accepted { events: accepted, streams })
}

fn check_open(target: &Target) -> Result<()> {
    let StreamInfo { stream_id, state, holds_links, .. } = &target.info;
    if *state == StreamState::HardDeleted {
        return Err(Error::stream_deleted(stream_id.clone()));
    }
    if *holds_links {
        return Err(Error::mixed_stream(stream_id.clone(), true));
    }
    Ok(())
}

/// What a store already has of one link.
#[derive(Debug, Default)]
pub struct FoundLink {
    /// The stream of links.
    pub stream: Option<StreamInfo>,
    /// The position of the event, if it is stored.
    pub position: Option<Position>,
    /// The position of the event that the stream links to under this number.
    pub at_number: Option<Position>,
    /// The number under which the stream links to the event.
    pub number: Option<StreamVersion>,
}

/// Returns the links that are to be stored, each with the position of its event. `found` has one entry per link.
///
/// # Errors
/// [`Error::EventsNotFound`] with all missing events of the first stream that links to one, [`Error::EventIdConflict`],
/// [`Error::InvalidImport`], [`Error::StreamDeleted`], [`Error::MixedStream`].
pub fn links<'l>(
    links: &'l [ImportedLink],
    found: &[FoundLink],
) -> Result<Vec<(&'l ImportedLink, Position)>> {
    let (mut accepted, mut missing) = (Vec::new(), Vec::new());
    let (mut numbers, mut events) = (HashSet::new(), HashSet::new());
    for (link, found) in links.iter().zip(found) {
        let stream_id = || link.stream_id.clone();
        let number = link.stream_version;
        let refused = |reason: String| Err(Error::invalid_import(Some(stream_id()), reason));
        let taken =
            |reason| Err(Error::event_id_conflict(stream_id(), Some(link.event_id), reason));
        let Some(stream) = &found.stream else {
            return refused("a link is imported before its stream".into());
        };
        if stream.state.is_deleted() {
            return Err(Error::stream_deleted(stream_id()));
        }
        if !stream.holds_links {
            return Err(Error::mixed_stream(stream_id(), false));
        }
        if number < stream.first_version || number > stream.version {
            return refused(format!(
                "version {number} is not among {} to {} of the stream",
                stream.first_version, stream.version
            ));
        }
        if found.position.is_some() && found.at_number == found.position {
            continue;
        }
        if found.at_number.is_some() {
            return taken("another event is linked under its number");
        }
        if found.number.is_some() || !events.insert((&link.tenant, &link.stream_id, link.event_id))
        {
            return taken("the event is linked under another number");
        }
        if !numbers.insert((&link.tenant, &link.stream_id, number)) {
            return taken("two events are linked under one number");
        }
        match found.position {
            Some(position) => accepted.push((link, position)),
            None => missing.push(link),
        }
    }
    let Some(first) = missing.first() else { return Ok(accepted) };
    let of_stream = missing.iter().filter(|link| link.stream_id == first.stream_id);
    let ids = of_stream.map(|link| link.event_id).collect();
    Err(Error::events_not_found(first.stream_id.clone(), ids))
}
