//! Loads an aggregate to decide on it: a missing stream has its default state, and a state that is known already is continued
//! with the events after it.

use crate::adapter::ReadOptions;
use crate::aggregate::options::Options;
use crate::aggregate::replay::Replay;
use crate::aggregate::report::{RecoveryReport, Replayed};
use crate::aggregate::{Aggregate, Recovered};
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::value::{Position, StreamId, StreamVersion};

impl EventStore {
    /// Recovers an aggregate; that of a missing stream is the default one, at version 0.
    pub(crate) async fn load<A: Aggregate>(
        &self,
        stream_id: &StreamId,
        options: Options,
    ) -> Result<Replayed<A>> {
        // Boxed, as callers await it at several places.
        match Box::pin(self.replayed(stream_id, options)).await {
            Err(Error::StreamNotFound { .. }) => {
                let recovered = Recovered {
                    state: A::default(),
                    version: StreamVersion::NONE,
                    position: Position::START,
                    report: RecoveryReport::new(stream_id.clone()),
                };
                Ok(Replayed { recovered, last: None, found: None })
            }
            loaded => loaded,
        }
    }

    /// Applies the events that follow a state, and reads no others.
    ///
    /// Where they do not fit, because the stream was truncated beyond it, the aggregate is loaded anew.
    pub(crate) async fn load_tail<A: Aggregate>(
        &self,
        stream_id: &StreamId,
        loaded: Replayed<A>,
        options: Options,
    ) -> Result<Replayed<A>> {
        let Some(last) = loaded.last else { return self.load(stream_id, options).await };
        let (found, first) = (loaded.found, loaded.recovered.version.next());
        let mut replay = Replay::after(loaded.recovered, last, options);
        let page = ReadOptions::forward().limit(options.limit).from(first);
        let mut events = self.stream_events(stream_id, page);
        while let Some(event) = events.next().await {
            match replay.take(&event?) {
                Err(Error::InvalidSequence { .. }) => {
                    let anew = self.load(stream_id, options).await?;
                    return Ok(Replayed { found: anew.found.or(found), ..anew });
                }
                taken => taken.map_err(|error| error.in_scope(self.scope()))?,
            }
        }
        let mut replayed = replay.finish().map_err(|error| error.in_scope(self.scope()))?;
        replayed.found = replayed.found.or(found);
        if let (Some(snapshots), Some(last)) = (A::SNAPSHOTS, replayed.last) {
            self.save_due_snapshot(&snapshots, &mut replayed.recovered, last).await;
        }
        Ok(replayed)
    }
}
