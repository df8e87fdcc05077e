//! What an import stores, what it skips and what it refuses: pure, so that every adapter decides alike.

use std::collections::{HashMap, HashSet};

use super::{ImportedLink, Positions};
use crate::adapter::{StreamInfo, StreamState};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::value::{EventId, Position, StreamId, StreamVersion, Tenant};

/// The highest position that an import may keep, and the highest version of a stream: half of what a store can hold is left
/// for what comes.
const HIGHEST_KEPT: u64 = 1 << 62;

/// A stream by its owner and name.
pub type StreamKey = (Tenant, StreamId);

/// Which streams change, as they are to be afterwards; new ones come with [`Target::is_new`].
///
/// `there` is what the store has of them. A stream that is there already keeps what it has, and goes on in the one
/// direction that states have: archived, deleted softly.
///
/// # Errors
/// [`Error::InvalidImport`] where the two cannot be brought together, [`Error::MixedStream`].
pub fn streams(
    lines: &[StreamInfo],
    there: impl IntoIterator<Item = StreamInfo>,
) -> Result<Vec<Target>> {
    let mut known: HashMap<StreamKey, Target> = there
        .into_iter()
        .map(|info| (key(&info), Target::there(info, StreamVersion::NONE)))
        .collect();
    let mut changed: Vec<StreamKey> = Vec::new();
    for line in lines {
        if line.version.get() > HIGHEST_KEPT || line.first_version.get() > HIGHEST_KEPT {
            let reason = format!(
                "version {} leaves no room for what is appended later",
                line.version.max(line.first_version)
            );
            return Err(Error::invalid_import(Some(line.stream_id.clone()), reason));
        }
        let is_other = if let Some(target) = known.get_mut(&key(line)) {
            target.merge(line)?
        } else {
            known.insert(key(line), Target::of_line(line));
            true
        };
        if is_other && !changed.contains(&key(line)) {
            changed.push(key(line));
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
    /// What is known of it, or will be.
    pub info: StreamInfo,
    /// The last event that is stored, or that a truncation removed; not what a deleted stream reached before.
    pub last_event: StreamVersion,
    /// Whether it comes into being with this batch.
    pub is_new: bool,
}

impl Target {
    /// A stream of the store, and the number of its last event, 0 if it has none.
    pub fn there(info: StreamInfo, last_event: StreamVersion) -> Self {
        let before = StreamVersion::new(info.first_version.get().saturating_sub(1));
        Self { last_event: last_event.max(before), info, is_new: false }
    }

    /// A stream that comes with its first event, as it is before that.
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

    /// A new stream. It reaches as far as its events come: who appends meanwhile leaves no gap. What has no more events
    /// to come is at its end at once.
    fn of_line(line: &StreamInfo) -> Self {
        let before = StreamVersion::new(line.first_version.get().saturating_sub(1));
        let at_end = line.holds_links || line.state.is_deleted();
        let version = if at_end { line.version } else { before };
        let info = StreamInfo { version, ..line.clone() };
        Self { info, last_event: before, is_new: true }
    }

    /// Takes in what a line says of the stream; whether anything changed.
    fn merge(&mut self, line: &StreamInfo) -> Result<bool> {
        let there = &mut self.info;
        let refused =
            |reason: String| Err(Error::invalid_import(Some(line.stream_id.clone()), reason));
        let (old, new) = (rank(there.state), rank(line.state));
        let both_live = !there.state.is_deleted() && !line.state.is_deleted();
        if both_live && there.holds_links != line.holds_links {
            return Err(Error::mixed_stream(line.stream_id.clone(), there.holds_links));
        }
        if new > old && line.state == StreamState::HardDeleted {
            return refused("it was deleted for good since; delete it here, too".into());
        }
        let (here, wanted) = (there.first_version, line.first_version);
        let is_other = both_live && here != wanted;
        if is_other && (wanted < here || there.version >= here) {
            let end = there.version.next();
            return refused(if wanted > end {
                format!(
                    "it begins at version {wanted} in the import and ends before {end} here; truncate it before {end} here"
                )
            } else {
                format!(
                    "it starts at version {here} here and at {wanted} in the import; truncate the one that starts earlier"
                )
            });
        }
        if is_other {
            // Nothing is left of it here, and what is between was never to come.
            there.first_version = wanted;
            there.version = there.version.max(StreamVersion::new(wanted.get() - 1));
            self.last_event = self.last_event.max(there.version);
        }
        let reaches = line.holds_links || line.state.is_deleted();
        let version = if reaches { there.version.max(line.version) } else { there.version };
        let changes = is_other || new > old || version != there.version;
        if new > old {
            there.state = line.state;
            there.holds_links &= !line.state.is_deleted();
        }
        there.version = version;
        Ok(changes)
    }
}

/// States go one way.
const fn rank(state: StreamState) -> u8 {
    match state {
        StreamState::Active => 0,
        StreamState::Archived => 1,
        StreamState::SoftDeleted => 2,
        StreamState::HardDeleted => 3,
    }
}

/// What a store has of the events of a batch.
#[derive(Debug, Default)]
pub struct Found {
    /// Their streams, those that are there.
    pub streams: HashMap<StreamKey, Target>,
    /// Where their ids are stored, those that are.
    pub ids: HashMap<(Tenant, EventId), (StreamId, StreamVersion, Position)>,
    /// The highest position that was ever used.
    pub last_position: Position,
}

/// What is to be stored of a batch of events.
#[derive(Debug)]
pub struct Accepted<'e> {
    /// The events, in order.
    pub events: Vec<&'e RecordedEvent>,
    /// Their streams, as they are afterwards.
    pub streams: Vec<Target>,
}

/// Judges a batch of events.
///
/// # Errors
/// [`Error::EventIdConflict`] where another event has the id or the place, [`Error::InvalidImport`] for a gap, a falling
/// or a used position, [`Error::StreamDeleted`], [`Error::MixedStream`]; each names the stream.
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
        if let Some((stream, number, place)) = found.ids.get(&id) {
            if (stream, *number) != (event.stream_id(), version) {
                return taken("the event is stored elsewhere");
            }
            if positions == Positions::Keep && *place != position {
                let id = event.event_id();
                return refused(format!(
                    "event {id} has position {place} here and {position} in the import; import with new positions"
                ));
            }
            continue;
        }
        if !ids.insert(id) {
            return taken("one id stands twice in the import");
        }
        let key = (event.tenant().clone(), stream_id());
        let target = found.streams.entry(key.clone()).or_insert_with(|| Target::before(event));
        check_open(target)?;
        if version <= target.last_event {
            return taken("another event stands in its place");
        }
        if version != target.last_event.next() {
            return refused(format!(
                "version {version} comes where {} belongs; import the stream from its first version on",
                target.last_event.next()
            ));
        }
        if positions == Positions::Keep && position <= found.last_position {
            return refused(format!(
                "position {position} cannot be kept: this store has used all up to {}; import with new positions",
                found.last_position
            ));
        }
        if positions == Positions::Keep && position.get() > HIGHEST_KEPT {
            return refused(format!(
                "position {position} cannot be kept: it leaves no room for what is appended later; import with new positions"
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

/// What a store has of one link of a batch.
#[derive(Debug, Default)]
pub struct FoundLink {
    /// The stream of links.
    pub stream: Option<StreamInfo>,
    /// Where the event stands.
    pub position: Option<Position>,
    /// What the stream shows under the number of the link.
    pub at_number: Option<Position>,
    /// Under which number the stream shows the event.
    pub number: Option<StreamVersion>,
}

/// The links that are to be stored, each with the position of its event; `found` has one for each link.
///
/// # Errors
/// [`Error::EventsNotFound`] with all events of the first such stream that are not stored, [`Error::EventIdConflict`],
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
            return refused("a link comes before the line of its stream".into());
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
