//! [`ViewBuild`]: folds events into the documents of one build.
//!
//! Events are folded in memory; what changed is written together with the checkpoint: at once when the view is at the end of
//! the log, and while it is behind only when the documents fill their room, since later events change many of them again.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::View;
use super::cache::{Cache, Changes};
use super::keys::shown;
use crate::adapter::{
    BuildMove, DocumentKey, DocumentWrite, LastEvent, ModelKind, StoredBuild, Switch, Written,
};
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Error, Result};
use crate::projection::builds::{self, Model, stored_status};
use crate::projection::projector::{
    At, Cause, EventAt, Fault, Held, NotWritten, ProjectedBatch, ProjectionBuild, ProjectionStatus,
    ProjectionTables,
};
use crate::store::EventStore;
use crate::subscription::panicked;
use crate::value::Position;

const FOLD: &str = "fold a view";
/// So many events are folded between two looks at the room.
const CHUNK: usize = 256;
/// A write that takes longer gets fewer documents the next time.
const SLOW: Duration = Duration::from_secs(1);
/// One that is done within this time may get more.
const QUICK: Duration = Duration::from_millis(300);

/// The documents of one build.
pub(super) struct ViewBuild<V: View> {
    store: EventStore,
    build: ProjectionBuild,
    cache: Cache<V>,
    /// What was folded and not written: events, the last one.
    pending: (u64, Option<LastEvent>),
    /// What is being written.
    changes: Changes,
    /// An event that failed: what is before it is written first.
    stop: Option<Position>,
    /// Each event is written alone, to find the one that fails.
    is_alone: bool,
}

/// Why an event was not folded, and the document.
type Failed = (Option<DocumentKey>, BoxError);

impl<V: View> ViewBuild<V> {
    pub(super) fn new(store: EventStore, build: &StoredBuild) -> Result<Self> {
        let named = (V::NAME, build.number);
        let build = ProjectionBuild::new(FOLD, named, V::filter(), |_| String::new())?;
        Ok(Self {
            store,
            build,
            cache: Cache::new(),
            pending: (0, None),
            changes: Vec::new(),
            stop: None,
            is_alone: false,
        })
    }

    /// Loads the documents of some events that are not in memory. Beside the error of one that does not read, whose it is.
    async fn load(
        &mut self,
        keyed: &[Vec<DocumentKey>],
    ) -> Result<Option<(usize, DocumentKey, Undecodable)>> {
        let keys = keyed.iter().flatten();
        let mut missing: Vec<_> = keys.filter(|key| self.cache.lacks(key)).cloned().collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(None);
        }
        let models = builds::models(&self.store, FOLD)?;
        for found in models.load(V::NAME, self.build.number, &missing).await? {
            if let Err(error) = self.cache.put(found.key.clone(), &found.text) {
                let event = keyed.iter().position(|keys| keys.contains(&found.key));
                return Ok(Some((event.unwrap_or_default(), found.key, Undecodable(error))));
            }
        }
        Ok(None)
    }

    /// Folds one event into its documents.
    fn fold(
        &mut self,
        event: &V::Event,
        recorded: &RecordedEvent,
        keys: &[DocumentKey],
    ) -> Result<(), Failed> {
        for key in keys {
            let document = self.cache.document(key);
            let folded = catch_unwind(AssertUnwindSafe(|| {
                document.check(event, recorded)?;
                document.fold(event, recorded);
                Ok::<_, BoxError>(document.is_deleted())
            }));
            let folded = folded.map_err(|panic| panicked("the fold", &*panic));
            match folded.and_then(|checked| checked) {
                Ok(true) => self.cache.remove(key),
                Ok(false) => self.cache.sample(key),
                Err(error) => return Err((Some(key.clone()), error)),
            }
        }
        self.pending.0 += 1;
        self.pending.1 = Some(LastEvent::of(recorded));
        Ok(())
    }

    /// The error of an event that was not folded.
    fn fault(&self, recorded: &RecordedEvent, (key, error): Failed) -> Error {
        let error = Error::adapter(FOLD, OfKey { key: key.map(|key| shown(&key.key)), error });
        let failed = NotWritten::new(error, Cause::Projection, None);
        Fault::error(&self.build, At::Event(EventAt::of(recorded)), failed)
    }

    /// What follows when an event cannot be folded: what is before it is written first, which takes reading it again, as a
    /// document may have been changed by half.
    fn failed(&mut self, recorded: &RecordedEvent, failed: Failed) -> Result<Held<V::Event>> {
        let is_first = self.pending.0 == 0;
        self.stop = Some(recorded.position());
        if is_first { Err(self.fault(recorded, failed)) } else { Ok(Held::Again) }
    }

    /// Whether what was folded has to be written before this event.
    fn stops_at(&self, recorded: &RecordedEvent) -> bool {
        self.stop == Some(recorded.position()) && self.pending.0 > 0
    }

    /// Everything that was folded, to be written before the rest of the events is taken in.
    fn write_before(
        &mut self,
        events: &mut Vec<(V::Event, RecordedEvent)>,
        done: usize,
        (up_to, epoch): (Position, u64),
    ) -> Result<Held<V::Event>> {
        let mut rest = ProjectedBatch::empty(up_to, epoch);
        rest.events = events.split_off(done);
        let at = events.last().map(|(_, recorded)| recorded);
        let here = self.pending.1.map_or(up_to, |last| last.position);
        self.write_out(here, epoch, Some(rest), at)
    }

    /// Everything that was folded, to be written now.
    fn write_out(
        &mut self,
        up_to: Position,
        epoch: u64,
        rest: Option<ProjectedBatch<V::Event>>,
        last: Option<&RecordedEvent>,
    ) -> Result<Held<V::Event>> {
        match self.cache.changes() {
            Ok(changes) => self.changes = changes,
            Err((key, error)) if self.pending.0 <= 1 => {
                let failed = (Some(key), BoxError::from(error));
                return Err(match last {
                    Some(recorded) => self.fault(recorded, failed),
                    None => Error::adapter(FOLD, failed.1),
                });
            }
            Err(_) => {
                self.is_alone = true;
                return Ok(Held::Again);
            }
        }
        let mut batch = ProjectedBatch::empty(up_to, epoch);
        (batch.count, batch.last) = std::mem::take(&mut self.pending);
        Ok(Held::Write(batch, rest))
    }
}

impl<V: View> ProjectionTables for ViewBuild<V> {
    type Event = V::Event;

    fn build(&self) -> &ProjectionBuild {
        &self.build
    }

    async fn status(&mut self) -> Result<Option<ProjectionStatus>> {
        let models = builds::models(&self.store, FOLD)?;
        let builds = models.builds(V::NAME).await?;
        let own = builds.into_iter().find(|build| build.number == self.build.number);
        let Some(own) = own else { return Ok(None) };
        Model::of_view::<V>().check(&own)?;
        Ok(Some(stored_status(&own)))
    }

    async fn hold(
        &mut self,
        batch: ProjectedBatch<V::Event>,
        is_full: bool,
    ) -> Result<Held<V::Event>> {
        let ProjectedBatch { mut events, up_to, epoch, .. } = batch;
        let chunk = if self.is_alone { 1 } else { CHUNK };
        let mut done = 0;
        while done < events.len() {
            let end = events.len().min(done + chunk);
            let (keyed, mut refused) = keys_of_all::<V>(&events[done..end]);
            if let Some((at, key, error)) = self.load(&keyed).await? {
                refused = Some((at, (Some(key), error.into())));
            }
            let sound = refused.as_ref().map_or(keyed.len(), |(at, _)| *at);
            for keys in &keyed[..sound] {
                let (event, recorded) = &events[done];
                if self.stops_at(recorded) {
                    return self.write_before(&mut events, done, (up_to, epoch));
                }
                if let Err(failed) = self.fold(event, recorded, keys) {
                    return self.failed(recorded, failed);
                }
                done += 1;
            }
            if let Some((_, failed)) = refused {
                let (_, recorded) = &events[done];
                if self.stops_at(recorded) {
                    return self.write_before(&mut events, done, (up_to, epoch));
                }
                return self.failed(recorded, failed);
            }
            if done < events.len() && (self.is_alone || self.cache.is_full()) {
                return self.write_before(&mut events, done, (up_to, epoch));
            }
        }
        if is_full && !self.cache.is_full() {
            return Ok(Held::Back);
        }
        let at = events.last().map(|(_, recorded)| recorded);
        self.write_out(up_to, epoch, None, at)
    }

    async fn write(
        &mut self,
        from: Position,
        batch: ProjectedBatch<V::Event>,
    ) -> Result<bool, NotWritten> {
        let models = builds::models(&self.store, FOLD)?;
        let ProjectedBatch { up_to, epoch, count: events, last, .. } = batch;
        let write = DocumentWrite {
            name: V::NAME,
            build: self.build.number,
            step: BuildMove { from, up_to, epoch, events, last },
            documents: std::mem::take(&mut self.changes),
        };
        match models.write(write).await? {
            Written::Done => {
                self.cache.stored();
                Ok(true)
            }
            Written::Stale => Ok(false),
            Written::TooSlow(error) => Err(NotWritten::new(error, Cause::TooSlow, None)),
        }
    }

    async fn first_to_fail(
        &mut self,
        _: Position,
        _: Vec<(V::Event, RecordedEvent)>,
    ) -> Option<(usize, NotWritten)> {
        None // The event is named where it is folded.
    }

    fn forget(&mut self, status: &ProjectionStatus) {
        self.cache.forget(status.position == Position::START);
        self.pending = (0, None);
    }

    fn wrote(&mut self, took: Option<Duration>) {
        match took {
            Some(took) if took < QUICK => self.cache.adapt(false),
            Some(took) if took < SLOW => {}
            _ => self.cache.adapt(true),
        }
    }

    async fn switch(&mut self) -> Result<Switch> {
        builds::models(&self.store, FOLD)?.switch(V::NAME, self.build.number).await
    }
}

/// The checked keys of the documents of some events, up to the first event whose keys are refused.
fn keys_of_all<V: View>(
    events: &[(V::Event, RecordedEvent)],
) -> (Vec<Vec<DocumentKey>>, Option<(usize, Failed)>) {
    let mut keyed = Vec::with_capacity(events.len());
    for (at, (event, recorded)) in events.iter().enumerate() {
        match keys_of::<V>(event, recorded) {
            Ok(keys) => keyed.push(keys),
            Err(error) => return (keyed, Some((at, (None, error)))),
        }
    }
    (keyed, None)
}

/// The checked keys of an event's documents.
fn keys_of<V: View>(
    event: &V::Event,
    recorded: &RecordedEvent,
) -> Result<Vec<DocumentKey>, BoxError> {
    let keys = catch_unwind(AssertUnwindSafe(|| V::keys(event, recorded)));
    let keys = keys.map_err(|panic| panicked("`keys`", &*panic))?.checked()?;
    let tenant = recorded.tenant();
    Ok(keys.into_iter().map(|key| DocumentKey { tenant: tenant.clone(), key }).collect())
}

impl Model {
    /// The definition of a view.
    pub(super) fn of_view<V: View>() -> Self {
        Self::new(V::NAME, ModelKind::View, V::VERSION, &V::filter())
    }
}

/// What failed at a document.
#[derive(Debug)]
struct OfKey {
    key: Option<String>,
    error: BoxError,
}

impl fmt::Display for OfKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "the document with the key {key}: {}", self.error),
            None => write!(f, "{}", self.error),
        }
    }
}

impl std::error::Error for OfKey {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// A stored document that the program does not read.
#[derive(Debug, thiserror::Error)]
#[error(
    "what is stored does not read as this program's document ({0}); raise `VERSION` and rebuild the view"
)]
pub(super) struct Undecodable(pub(super) serde_json::Error);
