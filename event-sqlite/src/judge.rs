//! What may be done with a stream, as the seam orders it: pure, so that it reads as the contract does.

use event_core::adapter::StreamState;
use event_core::adapter::append::{LinkEvents, StreamAppend, StreamChange};
use event_core::{
    Appended, Conflict, Delete, Error, EventId, ExpectedVersion, Outcome, Position, Result,
    StreamId, StreamVersion,
};

/// Where a stream stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) version: StreamVersion,
    pub(crate) first_version: StreamVersion,
    pub(crate) state: StreamState,
    pub(crate) holds_links: bool,
}

impl Standing {
    /// A stream that does not exist.
    pub(crate) const NONE: Self = Self {
        version: StreamVersion::NONE,
        first_version: StreamVersion::new(1),
        state: StreamState::Active,
        holds_links: false,
    };

    /// Events that are kept.
    const fn live(&self) -> u64 {
        (self.version.get() + 1).saturating_sub(self.first_version.get())
    }

    /// Judges an append whose ids are new: the state, the claim, the limit.
    pub(crate) fn append(&self, append: &StreamAppend, limit: Option<u64>) -> Result<()> {
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
        let live = self.live();
        match limit {
            Some(limit) if live.saturating_add(append.events.len() as u64) > limit => {
                Err(Error::stream_limit_reached(stream_id(), limit, live))
            }
            _ => Ok(()),
        }
    }

    /// Judges a link whose events are not linked yet: the state, the claim. Gives the links that are kept.
    pub(crate) fn link(&self, link: &LinkEvents) -> Result<u64> {
        let stream_id = || link.stream_id.clone();
        match self.state {
            state if state.is_deleted() => return Err(Error::stream_deleted(stream_id())),
            _ if !self.holds_links => return Err(Error::mixed_stream(stream_id(), false)),
            StreamState::Archived => return Err(Error::stream_archived(stream_id())),
            _ => {}
        }
        let claim = link.expected.check(self.version);
        claim.map_err(|conflict| Error::conflict(stream_id(), conflict))?;
        Ok(self.live())
    }

    /// Judges a change of a stream that exists.
    pub(crate) fn change(
        &self,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> Result<()> {
        if self.state.is_deleted() {
            return Err(Error::stream_deleted(stream_id.clone()));
        }
        let refused = |conflict| Error::conflict(stream_id.clone(), conflict);
        expected.check(self.version).map_err(refused)?;
        match change {
            StreamChange::TruncateBefore(first) if first > self.version.next() => {
                let expected = ExpectedVersion::Exact(StreamVersion::new(first.get() - 1));
                Err(refused(Conflict { expected, actual: self.version }))
            }
            _ => Ok(()),
        }
    }
}

/// Judges a change of a stream that never existed: the claim that there is none may hold, and then there is nothing to
/// delete.
pub(crate) fn change_of_none(
    stream_id: &StreamId,
    expected: ExpectedVersion,
    change: StreamChange,
) -> Result<()> {
    let none = [ExpectedVersion::NoStream, ExpectedVersion::Exact(StreamVersion::NONE)];
    match change {
        StreamChange::Delete(Delete::Soft | Delete::Hard) if none.contains(&expected) => Ok(()),
        _ => Err(Error::stream_not_found(stream_id.clone())),
    }
}

/// A stored event with the id of one that is appended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// Whether it stands in the stream that is appended to.
    pub(crate) here: bool,
    pub(crate) version: StreamVersion,
    pub(crate) position: Position,
}

/// The first answer, if every id is known just as it was stored; an error if some are known otherwise; `None` if all
/// are new.
pub(crate) fn already_stored(
    appends: &[StreamAppend],
    known: impl Fn(&StreamAppend, EventId) -> Option<Known>,
) -> Result<Option<Vec<Appended>>> {
    let mut answers = Vec::new();
    let mut taken = None;
    for append in appends {
        let found: Vec<_> = append
            .events
            .iter()
            .filter_map(|event| Some((event.id, known(append, event.id)?)))
            .collect();
        let (Some((id, _)), Some((_, last))) = (found.first(), found.last()) else { continue };
        let conflict =
            |reason| Error::event_id_conflict(append.stream_id.clone(), Some(*id), reason);
        if found.len() < append.events.len() {
            return Err(conflict("only part of the batch is stored"));
        }
        if found.iter().any(|(_, known)| !known.here) {
            return Err(conflict("another stream holds the event"));
        }
        if found.windows(2).any(|pair| pair[0].1.version.next() != pair[1].1.version) {
            return Err(conflict("the events are stored in another order"));
        }
        answers.push(Appended {
            stream_version: last.version,
            position: last.position,
            outcome: Outcome::AlreadyStored,
        });
        taken = Some(conflict("only part of the commit is stored"));
    }
    match taken {
        Some(conflict) if answers.len() < appends.len() => Err(conflict),
        Some(_) => Ok(Some(answers)),
        None => Ok(None),
    }
}
