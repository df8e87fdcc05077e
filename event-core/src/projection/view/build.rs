//! [`ViewBuild`]: folds events into the documents of one build.
//!
//! Events are folded in memory; what changed is written together with the checkpoint: at once when the view is at the end of
//! the log, and while it is behind only when the documents fill their room, or after a while, since later events change
//! many of them again.

use std::time::Duration;

use tokio::time::Instant;

use super::View;
use super::cache::Changes;
use super::fold::{FOLD, Failed, Folder, fault, keys_of_all};
use crate::adapter::{
    BuildMove, DocumentKey, DocumentWrite, ModelKind, StoredBuild, Switch, Written,
};
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Error, Result};
use crate::projection::builds::{self, Model, stored_status};
use crate::projection::effects::Busy;
use crate::projection::projector::{
    Cause, Held, NotWritten, ProjectedBatch, ProjectionBuild, ProjectionStatus, ProjectionTables,
};
use crate::store::EventStore;
use crate::value::Position;

/// So many events are folded between two looks at the room.
const CHUNK: usize = 256;
/// A write that takes longer gets fewer documents the next time.
const SLOW: Duration = Duration::from_secs(1);
/// One that is done within this time may get more.
const QUICK: Duration = Duration::from_millis(300);
/// For so long at most nothing is written while the view is behind: what is lost when the program ends.
const LONGEST: Duration = Duration::from_secs(10);

/// The documents of one build.
pub(super) struct ViewBuild<V: View> {
    store: EventStore,
    build: ProjectionBuild,
    folder: Folder<V>,
    /// What is being written.
    changes: Changes,
    /// An event that failed: what is before it is written first.
    stop: Option<Position>,
    /// Each event is written alone, to find the one that fails.
    is_alone: bool,
    /// Since when something is held back.
    held_since: Option<Instant>,
    busy: Busy,
}

impl<V: View> ViewBuild<V> {
    pub(super) fn new(store: EventStore, build: &StoredBuild, busy: Busy) -> Result<Self> {
        let named = (V::NAME, build.number);
        let build = ProjectionBuild::new(FOLD, named, V::filter(), |_| String::new())?;
        Ok(Self {
            store,
            build,
            folder: Folder::new(false),
            changes: Vec::new(),
            stop: None,
            is_alone: false,
            held_since: None,
            busy,
        })
    }

    /// Loads the documents of some events that are not in memory. Beside the error of one that does not read, whose it is.
    async fn load(&mut self, keyed: &[Vec<DocumentKey>]) -> Result<Option<(usize, Failed)>> {
        let missing = self.folder.missing(keyed);
        if missing.is_empty() {
            return Ok(None);
        }
        let models = builds::models(&self.store, FOLD)?;
        let loaded = models.load(V::NAME, self.build.number, &missing).await?;
        Ok(self.folder.put(keyed, loaded))
    }

    /// What follows when an event cannot be folded: what is before it is written first, which takes reading it again, as a
    /// document may have been changed by half.
    fn failed(&mut self, recorded: &RecordedEvent, failed: Failed) -> Result<Held<V::Event>> {
        let is_first = self.folder.pending.0 == 0;
        self.stop = Some(recorded.position());
        if is_first { Err(fault(&self.build, recorded, failed)) } else { Ok(Held::Again) }
    }

    /// Whether what was folded has to be written before this event.
    fn stops_at(&self, recorded: &RecordedEvent) -> bool {
        self.stop == Some(recorded.position()) && self.folder.pending.0 > 0
    }

    /// Whether what was folded stays in memory, as later events will change many of the documents again.
    fn holds_back(&mut self) -> bool {
        let since = *self.held_since.get_or_insert_with(Instant::now);
        !self.is_alone && !self.folder.cache.is_full() && since.elapsed() < LONGEST
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
        let here = self.folder.pending.1.map_or(up_to, |last| last.position);
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
        match self.folder.cache.changes() {
            Ok(changes) => self.changes = changes,
            Err((key, error)) if self.folder.pending.0 <= 1 => {
                let failed = (Some(key), BoxError::from(error));
                return Err(match last {
                    Some(recorded) => fault(&self.build, recorded, failed),
                    None => Error::adapter(FOLD, failed.1),
                });
            }
            Err(_) => {
                self.is_alone = true;
                return Ok(Held::Again);
            }
        }
        self.held_since = None;
        let mut batch = ProjectedBatch::empty(up_to, epoch);
        (batch.count, batch.last) = std::mem::take(&mut self.folder.pending);
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
        more_follows: bool,
    ) -> Result<Held<V::Event>> {
        let ProjectedBatch { mut events, up_to, epoch, .. } = batch;
        let chunk = if self.is_alone { 1 } else { CHUNK };
        let mut done = 0;
        while done < events.len() {
            let end = events.len().min(done + chunk);
            let (keyed, mut refused) = keys_of_all::<V>(&events[done..end]);
            if let Some(unreadable) = self.load(&keyed).await? {
                refused = Some(unreadable);
            }
            let sound = refused.as_ref().map_or(keyed.len(), |(at, _)| *at);
            for keys in &keyed[..sound] {
                let (event, recorded) = &events[done];
                if self.stops_at(recorded) {
                    return self.write_before(&mut events, done, (up_to, epoch));
                }
                if let Err(failed) = self.folder.fold(event, recorded, keys) {
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
            if done < events.len() && (self.is_alone || self.folder.cache.is_full()) {
                return self.write_before(&mut events, done, (up_to, epoch));
            }
        }
        if more_follows && self.holds_back() {
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
            step: BuildMove {
                from,
                up_to,
                epoch,
                events,
                last,
                is_current: Some(self.folder.is_current),
            },
            documents: std::mem::take(&mut self.changes),
        };
        self.busy.set(self.folder.is_current);
        let written = models.write(write).await;
        self.busy.set(self.folder.is_current && matches!(written, Ok(Written::Done)));
        match written? {
            Written::Done => {
                self.folder.cache.stored();
                Ok(true)
            }
            Written::Stale => Ok(false),
            Written::TooSlow(error) => Err(NotWritten::new(error, Cause::TooSlow, None)),
        }
    }

    async fn committed(&mut self) {
        self.folder.effects.run(V::NAME).await;
        self.busy.set(false);
    }

    async fn first_to_fail(
        &mut self,
        _: Position,
        _: Vec<(V::Event, RecordedEvent)>,
    ) -> Option<(usize, NotWritten)> {
        None // The event is named where it is folded.
    }

    fn forget(&mut self, status: &ProjectionStatus) {
        self.folder.cache.forget(status.position == Position::START);
        self.folder.pending = (0, None);
        self.held_since = None;
        self.folder.is_current = status.is_current;
        self.folder.effects.forget();
    }

    fn wrote(&mut self, took: Option<Duration>) {
        match took {
            Some(took) if took < QUICK => self.folder.cache.adapt(false),
            Some(took) if took < SLOW => {}
            _ => self.folder.cache.adapt(true),
        }
    }

    async fn switch(&mut self) -> Result<Switch> {
        builds::models(&self.store, FOLD)?.switch(V::NAME, self.build.number).await
    }
}

impl Model {
    /// The definition of a view.
    pub(super) fn of_view<V: View>() -> Self {
        Self::new(V::NAME, ModelKind::View, V::VERSION, &V::filter())
    }
}
