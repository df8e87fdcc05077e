//! [`Batch`]: the streams of several commits, as the file has them and as accepted commits change them.

use std::collections::{HashMap, HashSet};

use event_core::adapter::append::judge::StreamHead;
use event_core::adapter::append::{Commit, StreamAppend};
use event_core::envelope::EventData;
use event_core::{
    Appended, Error, EventId, Outcome, Position, Result, StreamId, StreamVersion, Tenant,
};
use event_sql::queue::{APPEND, Answer};
use event_sql::rows::Record;
use sqlx::sqlite::SqliteRow;

use super::KnownIds;
use crate::row::{self, Cells};
use crate::sql::json;

/// The commits of one transaction.
pub(crate) struct Batch<'b> {
    streams_by_name: HashMap<(&'b Tenant, &'b StreamId), usize>,
    pub(super) streams: Vec<Stream<'b>>,
    pub(super) events: Vec<Accepted<'b>>,
    ids: HashSet<(&'b Tenant, EventId)>,
    last_position: Position,
    pub(super) last_stream: i64,
}

/// A stream of the batch.
pub(super) struct Stream<'b> {
    pub(super) tenant: &'b Tenant,
    pub(super) name: &'b StreamId,
    pub(super) tenant_key: Option<i64>,
    pub(super) category_key: Option<i64>,
    pub(super) key: Option<i64>,
    pub(super) head: StreamHead,
    /// Whether an accepted commit appends to it.
    pub(super) is_changed: bool,
}

/// An event of an accepted commit.
pub(super) struct Accepted<'b> {
    pub(super) stream: usize,
    pub(super) version: StreamVersion,
    pub(super) position: Position,
    pub(super) event: &'b EventData,
}

impl<'b> Batch<'b> {
    pub(super) fn of(commits: &[&'b Commit]) -> Self {
        let mut batch = Self {
            streams_by_name: HashMap::new(),
            streams: Vec::new(),
            events: Vec::new(),
            ids: HashSet::new(),
            last_position: Position::START,
            last_stream: 0,
        };
        for commit in commits {
            for append in &commit.appends {
                let next = batch.streams.len();
                let name = (&commit.tenant, &append.stream_id);
                if *batch.streams_by_name.entry(name).or_insert(next) == next {
                    batch.streams.push(Stream {
                        tenant: &commit.tenant,
                        name: &append.stream_id,
                        tenant_key: None,
                        category_key: None,
                        key: None,
                        head: StreamHead::NONE,
                        is_changed: false,
                    });
                }
            }
        }
        batch
    }

    /// The names of the streams, as `find_streams` takes them.
    pub(super) fn names(&self) -> Result<String> {
        let names: Vec<_> = self
            .streams
            .iter()
            .map(|stream| {
                let name = stream.name;
                (stream.tenant.as_str(), name.as_str(), name.category())
            })
            .collect();
        json(&names)
    }

    /// Reads the answer of `find_streams`: one row for each stream.
    pub(super) fn read(&mut self, rows: &[SqliteRow]) -> Result<()> {
        if rows.len() != self.streams.len() {
            let reason = format!("{} answers for {} streams", rows.len(), self.streams.len());
            return Err(Error::adapter(APPEND, reason));
        }
        for (row, stream) in rows.iter().zip(&mut self.streams) {
            let cells = Cells::new(row);
            stream.tenant_key = cells.get("tenant_key")?;
            stream.category_key = cells.get("new_category")?;
            stream.key = cells.get("stream_key")?;
            if stream.key.is_some() {
                let (state, holds_links) = row::state(row)?;
                stream.category_key = cells.get("category_key")?;
                stream.head = StreamHead {
                    version: Record(&cells).version("version")?,
                    first_version: Record(&cells).version("first_version")?,
                    state,
                    holds_links,
                };
            }
            self.last_position = Record(&cells).position("last_position")?;
            self.last_stream = cells.get("last_stream")?;
        }
        Ok(())
    }

    /// Judges a commit on what the file has and the commits before it leave; an accepted one advances its streams.
    /// `None` if another commit of the batch stores one of its ids.
    pub(super) fn judge(&mut self, commit: &'b Commit, known: &KnownIds) -> Option<Answer> {
        let events = || commit.appends.iter().flat_map(|append| &append.events);
        if events().any(|event| self.ids.contains(&(&commit.tenant, event.id))) {
            return None;
        }
        match self.already_stored(commit, known) {
            Ok(None) => {}
            Ok(Some(first)) => return Some(Ok(first)),
            Err(conflict) => return Some(Err(conflict)),
        }
        for append in &commit.appends {
            let head = self.find(commit, append).map_or(StreamHead::NONE, |s| s.head);
            if let Err(refusal) = head.append(append, commit.stream_limit) {
                return Some(Err(refusal));
            }
        }
        self.ids.extend(events().map(|event| (&commit.tenant, event.id)));
        let appends = commit.appends.iter().filter(|append| !append.is_claim());
        Some(Ok(appends.filter_map(|append| self.accept(commit, append)).collect()))
    }

    fn accept(&mut self, commit: &'b Commit, append: &'b StreamAppend) -> Option<Appended> {
        let at = *self.streams_by_name.get(&(&commit.tenant, &append.stream_id))?;
        let stream = self.streams.get_mut(at)?;
        stream.is_changed = true;
        for event in &append.events {
            stream.head.version = stream.head.version.next();
            self.last_position = Position::new(self.last_position.get().saturating_add(1));
            self.events.push(Accepted {
                stream: at,
                version: stream.head.version,
                position: self.last_position,
                event,
            });
        }
        Some(Appended {
            stream_version: stream.head.version,
            position: self.last_position,
            outcome: Outcome::Stored,
        })
    }

    /// The key of a commit's tenant, if the tenant has stored anything before.
    pub(super) fn tenant_key(&self, commit: &Commit) -> Option<i64> {
        self.find(commit, commit.appends.first()?)?.tenant_key
    }

    /// The key of a stream, if it exists.
    pub(super) fn stream_key(&self, commit: &Commit, append: &StreamAppend) -> Option<i64> {
        self.find(commit, append)?.key
    }

    fn find(&self, commit: &Commit, append: &StreamAppend) -> Option<&Stream<'b>> {
        self.streams.get(*self.streams_by_name.get(&(&commit.tenant, &append.stream_id))?)
    }

    /// Whether nothing is to be written.
    pub(super) const fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}
