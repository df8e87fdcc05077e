//! Whether an append, a link or a change of a stream may be stored: pure, so that every backend that judges in Rust
//! answers alike. PostgreSQL judges in SQL; the contract suite proves that both agree.
//!
//! An append is judged in this order: ids that are stored already ([`already_stored`]), the stream's state, the claim, the
//! limit ([`StreamHead::append`]).

use super::{Appended, LinkEvents, Outcome, StreamAppend, StreamChange};
use crate::adapter::{StreamInfo, StreamState};
use crate::error::{Error, Result};
use crate::value::{Conflict, EventId, ExpectedVersion, Position, StreamId, StreamVersion};

/// What judging needs to know of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamHead {
    /// The number of its last event or link; 0 for a stream that does not exist.
    pub version: StreamVersion,
    /// The number of the first event that it keeps; 1 unless it was truncated.
    pub first_version: StreamVersion,
    /// What may be done with it.
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

    /// What judging needs of all that is known of a stream.
    pub const fn of(info: &StreamInfo) -> Self {
        let StreamInfo { version, first_version, state, holds_links, .. } = *info;
        Self { version, first_version, state, holds_links }
    }

    /// Number of events or links that it keeps.
    pub const fn live(&self) -> u64 {
        (self.version.get() + 1).saturating_sub(self.first_version.get())
    }

    /// Judges an append whose ids are new: the state, the claim, the limit of live events.
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
        self.room(&append.stream_id, append.events.len(), limit)
    }

    /// Judges a link whose events are not linked yet: the state and the claim. `self` is `None` for a stream that does
    /// not exist. Whether the events are stored and whether there is [`room`](Self::room) is judged after it.
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
        let claim = link.expected.check(version);
        claim.map_err(|conflict| Error::conflict(stream_id(), conflict))
    }

    /// Refuses more events or links than a limit leaves room for.
    ///
    /// # Errors
    /// [`Error::StreamLimitReached`].
    pub fn room(&self, stream_id: &StreamId, more: usize, limit: Option<u64>) -> Result<()> {
        let live = self.live();
        match limit {
            Some(limit) if live.saturating_add(more as u64) > limit => {
                Err(Error::stream_limit_reached(stream_id.clone(), limit, live))
            }
            _ => Ok(()),
        }
    }

    /// Judges a change; `head` is `None` for a stream that never existed.
    ///
    /// Where there is no stream, deleting it under the claim that there is none changes nothing and is no error.
    ///
    /// # Errors
    /// [`Error::StreamNotFound`], [`Error::StreamDeleted`], [`Error::WrongExpectedVersion`]; the last also for a truncation
    /// beyond the version after the last.
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
        if head.state.is_deleted() {
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

/// A stored event with the id of one that is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownEvent {
    /// Whether it is in the stream that is appended to.
    pub in_stream: bool,
    /// Its number in its stream.
    pub stream_version: StreamVersion,
    /// Its position.
    pub position: Position,
}

/// The first answer, if every id of a commit is stored just as it is appended now; `None` if all ids are new. `find` looks
/// an id up.
///
/// # Errors
/// [`Error::EventIdConflict`] where only some ids are stored, or elsewhere, or in another order.
pub fn already_stored(
    appends: &[StreamAppend],
    find: impl Fn(&StreamAppend, EventId) -> Option<KnownEvent>,
) -> Result<Option<Vec<Appended>>> {
    let mut answers = Vec::new();
    let mut partly = None;
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
        partly = Some(conflict("only part of the commit is stored"));
    }
    match partly {
        Some(conflict) if answers.len() < appends.len() => Err(conflict),
        Some(_) => Ok(Some(answers)),
        None => Ok(None),
    }
}

/// The first answer, if a stream links to all of the events in this order; `None` if it links to none of them. `known` are
/// those that it links to, in the order of the call.
///
/// # Errors
/// [`Error::EventIdConflict`] where it links to some of them, or in another order.
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
            "the stream links to them already, in another order or only in part",
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
