//! Decides whether an append, a link or a change of a stream is stored. The functions are pure, so that all backends that
//! decide in Rust give the same answers. PostgreSQL decides in SQL; the contract suite proves that both agree.
//!
//! An append is checked in this order: ids that are already stored ([`already_stored`]), then the stream's state, the expected
//! version and the stream limit ([`StreamHead::append`]).

use super::{Appended, LinkEvents, Outcome, StreamAppend, StreamChange};
use crate::adapter::{Delete, StreamInfo, StreamState};
use crate::error::{Error, Result};
use crate::value::{Conflict, EventId, ExpectedVersion, Position, StreamId, StreamVersion};

/// The fields of a stream's entry that decide about a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamHead {
    /// The number of its last event or link; 0 if the stream does not exist.
    pub version: StreamVersion,
    /// The number of the first event or link that is kept; 1 unless the stream was truncated.
    pub first_version: StreamVersion,
    /// Whether it can be read and written.
    pub state: StreamState,
    /// Whether it holds links instead of events.
    pub holds_links: bool,
}

impl StreamHead {
    /// A stream that does not exist.
    pub const NONE: Self = Self {
        version: StreamVersion::NONE,
        first_version: StreamVersion::new(1),
        state: StreamState::Active,
        holds_links: false,
    };

    /// The head of a stream's entry.
    pub const fn of(info: &StreamInfo) -> Self {
        let StreamInfo { version, first_version, state, holds_links, .. } = *info;
        Self { version, first_version, state, holds_links }
    }

    /// The number of events or links that are kept.
    pub const fn live(&self) -> u64 {
        (self.version.get() + 1).saturating_sub(self.first_version.get())
    }

    /// Checks an append of new ids, or a claim, against the stream's state, the expected version and the limit of live events,
    /// which concerns appends only.
    ///
    /// # Errors
    /// [`Error::StreamArchived`], [`Error::StreamDeleted`], [`Error::MixedStream`], [`Error::WrongExpectedVersion`],
    /// [`Error::StreamLimitReached`].
    pub fn append(&self, append: &StreamAppend, limit: Option<u64>) -> Result<()> {
        let stream_id = || append.stream_id.clone();
        match self.state {
            StreamState::Archived => return Err(Error::stream_archived(stream_id())),
            state if state.is_deleted() => return Err(Error::stream_deleted(stream_id())),
            _ if self.holds_links => return Err(Error::mixed_stream(stream_id(), true)),
            _ => {}
        }
        append
            .expected
            .check(self.version)
            .map_err(|conflict| Error::conflict(stream_id(), conflict))?;
        if append.is_claim() {
            return Ok(());
        }
        self.check_limit(&append.stream_id, append.events.len(), limit)
    }

    /// Checks a link of events that are not linked yet against the stream's state and the expected version; `head` is `None`
    /// for a stream that does not exist. The caller then checks that the events are stored, and the
    /// [limit](Self::check_limit).
    ///
    /// # Errors
    /// [`Error::StreamDeleted`], [`Error::MixedStream`], [`Error::StreamArchived`], [`Error::WrongExpectedVersion`].
    pub fn link(head: Option<&Self>, link: &LinkEvents) -> Result<()> {
        let stream_id = || link.stream_id.clone();
        match head.map(|head| (head.state, head.holds_links)) {
            Some((state, _)) if state.is_deleted() => {
                return Err(Error::stream_deleted(stream_id()));
            }
            Some((_, false)) => return Err(Error::mixed_stream(stream_id(), false)),
            Some((StreamState::Archived, _)) => return Err(Error::stream_archived(stream_id())),
            _ => {}
        }
        let version = head.map_or(StreamVersion::NONE, |head| head.version);
        let checked = link.expected.check(version);
        checked.map_err(|conflict| Error::conflict(stream_id(), conflict))
    }

    /// Refuses `added` events or links that would exceed the limit.
    ///
    /// # Errors
    /// [`Error::StreamLimitReached`].
    pub fn check_limit(
        &self,
        stream_id: &StreamId,
        added: usize,
        limit: Option<u64>,
    ) -> Result<()> {
        let live = self.live();
        match limit {
            Some(limit) if live.saturating_add(added as u64) > limit => {
                Err(Error::stream_limit_reached(stream_id.clone(), limit, live))
            }
            _ => Ok(()),
        }
    }

    /// Checks a change of a stream's state; `head` is `None` for a stream that never existed.
    ///
    /// Deleting a missing stream is not an error, and changes nothing, if the expected version says that it does not exist.
    /// A stream that was deleted softly may be deleted hard.
    ///
    /// # Errors
    /// [`Error::StreamNotFound`], [`Error::StreamDeleted`]; [`Error::WrongExpectedVersion`], also for a truncation that starts
    /// added than one version after the last event.
    pub fn change(
        head: Option<&Self>,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> Result<()> {
        let Some(head) = head else {
            let none = [ExpectedVersion::NoStream, ExpectedVersion::Exact(StreamVersion::NONE)];
            return match change {
                StreamChange::Delete(_) if none.contains(&expected) => Ok(()),
                _ => Err(Error::stream_not_found(stream_id.clone())),
            };
        };
        let is_removal = change == StreamChange::Delete(Delete::Hard);
        if head.state.is_deleted() && !(is_removal && head.state == StreamState::SoftDeleted) {
            return Err(Error::stream_deleted(stream_id.clone()));
        }
        let refused = |conflict| Error::conflict(stream_id.clone(), conflict);
        expected.check(head.version).map_err(refused)?;
        match change {
            StreamChange::TruncateBefore(first) if first > head.version.next() => {
                let expected = ExpectedVersion::Exact(StreamVersion::new(first.get() - 1));
                Err(refused(Conflict { expected, actual: head.version }))
            }
            _ => Ok(()),
        }
    }
}

/// A stored event whose id is appended again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownEvent {
    /// Whether it is in the stream of the append.
    pub in_stream: bool,
    /// The event's number in its stream.
    pub stream_version: StreamVersion,
    /// The event's position in the global order.
    pub position: Position,
}

/// Returns the answers of the first commit if this one repeats it: every id is stored, in the same stream and order. Returns
/// `None` if all ids are new. `find` looks an id up. Claims have no answer, and are not judged again.
///
/// # Errors
/// [`Error::EventIdConflict`] if only some ids are stored, or in another stream or order.
pub fn already_stored(
    appends: &[StreamAppend],
    find: impl Fn(&StreamAppend, EventId) -> Option<KnownEvent>,
) -> Result<Option<Vec<Appended>>> {
    let mut answers = Vec::new();
    let mut conflict_if_partial = None;
    for append in appends {
        let found: Vec<_> = append
            .events
            .iter()
            .filter_map(|event| Some((event.id, find(append, event.id)?)))
            .collect();
        let (Some((id, _)), Some((_, last))) = (found.first(), found.last()) else { continue };
        let conflict =
            |reason| Error::event_id_conflict(append.stream_id.clone(), Some(*id), reason);
        if found.len() < append.events.len() {
            return Err(conflict("only part of the batch is stored"));
        }
        if found.iter().any(|(_, known)| !known.in_stream) {
            return Err(conflict("another stream holds the event"));
        }
        if !is_contiguous(found.iter().map(|(_, known)| known.stream_version)) {
            return Err(conflict("the events are stored in another order"));
        }
        answers.push(Appended {
            stream_version: last.stream_version,
            position: last.position,
            outcome: Outcome::AlreadyStored,
        });
        conflict_if_partial = Some(conflict("only part of the commit is stored"));
    }
    match conflict_if_partial {
        Some(conflict) if answers.len() < appends.iter().filter(|it| !it.is_claim()).count() => {
            Err(conflict)
        }
        Some(_) => Ok(Some(answers)),
        None => Ok(None),
    }
}

/// Returns the answer of the first call if the stream links to all of the events in this order, and `None` if it links to none
/// of them. `known` are the events that it links to, in the order of the call.
///
/// # Errors
/// [`Error::EventIdConflict`] if the stream links to only some of them, or in another order.
pub fn already_linked(
    link: &LinkEvents,
    known: &[(EventId, StreamVersion, Position)],
) -> Result<Option<Appended>> {
    let (Some((first, ..)), Some((_, stream_version, position))) = (known.first(), known.last())
    else {
        return Ok(None);
    };
    let is_whole = known.len() == link.event_ids.len();
    if !is_whole || !is_contiguous(known.iter().map(|(_, version, _)| *version)) {
        return Err(Error::event_id_conflict(
            link.stream_id.clone(),
            Some(*first),
            "the stream already links to some of them, or to all in another order",
        ));
    }
    Ok(Some(Appended {
        stream_version: *stream_version,
        position: *position,
        outcome: Outcome::AlreadyStored,
    }))
}

fn is_contiguous(versions: impl Iterator<Item = StreamVersion> + Clone) -> bool {
    versions.clone().zip(versions.skip(1)).all(|(one, next)| one.next() == next)
}
