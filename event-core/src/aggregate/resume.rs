//! Recovery from a snapshot: what must hold before one is trusted, and when the next one is left behind.
//!
//! A snapshot names the event it was taken at. Recovery reads on from that very event, and goes on only if it is the
//! same one: a stream that was restored and went on otherwise, or never came so far, is told apart at no extra read.

use crate::adapter::{ReadOptions, StoredSnapshot};
use crate::aggregate::options::Options;
use crate::aggregate::report::{RecoveryReport, SnapshotFault, SnapshotProblem};
use crate::aggregate::{Aggregate, Recovered, Snapshots};
use crate::error::{Error, Result, with_causes};
use crate::store::{EventStore, EventStream};
use crate::value::{EventId, StreamId};

/// What became of the snapshot of a stream.
pub(super) enum Found<A> {
    /// There is none, or none that old.
    Nothing,
    /// It is not used.
    Doubted(SnapshotProblem),
    /// It fits the stream.
    Trusted(Box<Tail<A>>),
}

/// A state, and the events after it.
pub(super) struct Tail<A> {
    pub(super) state: A,
    pub(super) snapshot: StoredSnapshot,
    pub(super) events: EventStream,
}

impl EventStore {
    /// Takes a snapshot of an aggregate as it is now, whatever its policy says.
    ///
    /// Gives back the recovery it was taken from; `report.saved_snapshot` is none where there was one at this version, or
    /// where another program left a later one meanwhile.
    ///
    /// ```
    /// # use event_core::{Aggregate, Event, EventSet, EventStore, EventVersion, ExpectedVersion, RecordedEvent, Result, Shape, Snapshots, StreamId};
    /// # use event_core::registry::Registration;
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Moved { by: i64 }
    /// # impl Event for Moved { const TYPE: &'static str = "moved"; const VERSION: EventVersion = EventVersion::FIRST; }
    /// # enum AccountEvent { Moved(Moved) }
    /// # impl EventSet for AccountEvent {
    /// #     const TYPES: &'static [&'static str] = &["moved"];
    /// #     const REGISTRATIONS: &'static [Registration] = &[Registration::of::<Moved>()];
    /// #     fn decode(recorded: &RecordedEvent) -> Result<Self> { recorded.decode().map(Self::Moved) }
    /// #     fn as_event(&self) -> Option<&dyn event_core::AnyEvent> { let Self::Moved(moved) = self; Some(moved) }
    /// # }
    /// # #[derive(Default, serde::Serialize, serde::Deserialize, Shape)] struct Account { balance: i64 }
    /// # impl Aggregate for Account {
    /// #     type Event = AccountEvent;
    /// #     const SNAPSHOTS: Option<Snapshots<Self>> = Some(Snapshots::new("account", 1));
    /// #     fn apply(&mut self, event: AccountEvent) { let AccountEvent::Moved(moved) = event; self.balance += moved.by; }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
    /// # let store = EventStore::in_memory()?;
    /// # let account = StreamId::new("account-1")?;
    /// # store.append(&account, ExpectedVersion::NoStream, vec![Moved { by: 1 }; 30]).await?;
    /// let taken = store.snapshot::<Account>(&account).await?;
    /// store.truncate_before(&account, taken.version.next()).await?; // the events are in the state
    /// assert_eq!(store.recover::<Account>(&account).await?.state.balance, 30);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`EventStore::recover`]; [`Error::Adapter`] for an aggregate without [`Aggregate::SNAPSHOTS`], a state that
    /// serde cannot write, and a backend that keeps none; [`Error::InvalidEventData`] in the view of all tenants.
    pub async fn snapshot<A: Aggregate>(&self, stream_id: &StreamId) -> Result<Recovered<A>> {
        const OPERATION: &str = "take a snapshot";
        self.require_tenant()?;
        let Some(snapshots) = A::SNAPSHOTS else {
            return Err(Error::adapter(OPERATION, "the aggregate has no `SNAPSHOTS`"));
        };
        let (mut recovered, last) = self.replayed::<A>(stream_id, Options::default()).await?;
        let report = &recovered.report;
        if let Some(last) = last
            && report.from_snapshot != Some(recovered.version)
        {
            let snapshot = encoded(&snapshots, &recovered, last)?;
            let saved = self.replace(&recovered.report, &snapshot).await?;
            recovered.report.saved_snapshot = saved.then_some(recovered.version);
        }
        Ok(recovered)
    }

    /// Looks for a snapshot, and for every reason not to trust it.
    pub(super) async fn find_tail<A: Aggregate>(
        &self,
        snapshots: &Snapshots<A>,
        stream_id: &StreamId,
        options: Options,
    ) -> Result<Found<A>> {
        let snapshot = match self.load_snapshot(stream_id, snapshots.kind()).await {
            Ok(None) => return Ok(Found::Nothing),
            Ok(Some(later)) if options.until.is_some_and(|then| then < later.stream_version) => {
                return Ok(Found::Nothing);
            }
            Ok(Some(snapshot)) => snapshot,
            Err(error @ (Error::StreamNotFound { .. } | Error::AmbiguousStream { .. })) => {
                return Err(error);
            }
            // Snapshots are a saving: whatever is the matter with them, the events are still there.
            Err(error) => {
                let reason = with_causes(&error);
                return Ok(Found::Doubted(SnapshotProblem::unreadable(reason)));
            }
        };
        let doubted = |fault, reason| {
            let stream_version = snapshot.stream_version;
            Ok(Found::Doubted(SnapshotProblem { fault, stream_version, reason }))
        };
        let state = match read(snapshots, &snapshot) {
            Ok(state) => state,
            Err((fault, reason)) => return doubted(fault, reason),
        };
        let at = snapshot.stream_version;
        let page = ReadOptions::forward().limit(options.limit);
        let mut events = self.stream_events(stream_id, page.from(at));
        match events.next().await.transpose()? {
            Some(event) if event.stream_version() == at => {
                let same = event.event_id() == snapshot.event_id;
                if !same || event.position() != snapshot.position {
                    let reason = "the stream holds another event there".to_owned();
                    return doubted(SnapshotFault::Wrong, reason);
                }
            }
            _ => {
                let info = self.stream_info(stream_id).await?;
                if info.version < at {
                    let reason = format!("the stream ends at version {}", info.version);
                    return doubted(SnapshotFault::Wrong, reason);
                }
                if info.first_version != at.next() {
                    let first = info.first_version;
                    let reason =
                        format!("the stream begins at version {first}, with a gap between");
                    return doubted(SnapshotFault::Wrong, reason);
                }
                // The event is truncated, and no other: the state holds all that is gone.
                events = self.stream_events(stream_id, page.from(at.next()));
            }
        }
        Ok(Found::Trusted(Box::new(Tail { state, snapshot, events })))
    }

    /// Leaves a snapshot for the next recovery, if one is due or one was found that cannot be used. What fails here is
    /// reported, and takes nothing from the recovery.
    pub(super) async fn leave_snapshot<A: Aggregate>(
        &self,
        snapshots: &Snapshots<A>,
        recovered: &mut Recovered<A>,
        last: EventId,
    ) {
        let report = &recovered.report;
        let faults = || report.snapshot_problems.iter().map(|problem| problem.fault);
        let is_due = snapshots.is_due(report.applied) || faults().any(SnapshotFault::is_mended);
        if !is_due || !self.is_bound() || faults().any(|fault| fault == SnapshotFault::Newer) {
            return;
        }
        let saved = match encoded(snapshots, recovered, last) {
            Ok(snapshot) => self.replace(&recovered.report, &snapshot).await,
            Err(error) => Err(error),
        };
        match saved {
            Ok(saved) => recovered.report.saved_snapshot = saved.then_some(recovered.version),
            Err(error) => recovered.report.snapshot_problems.push(SnapshotProblem {
                fault: SnapshotFault::NotSaved,
                stream_version: recovered.version,
                reason: with_causes(&error),
            }),
        }
    }

    async fn replace(&self, report: &RecoveryReport, snapshot: &StoredSnapshot) -> Result<bool> {
        for problem in report.snapshot_problems.iter().filter(|it| it.fault.is_mended()) {
            let (kind, at) = (&snapshot.kind, problem.stream_version);
            self.discard_snapshot(&report.stream_id, kind, at).await?;
        }
        self.save_snapshot(&report.stream_id, snapshot).await
    }
}

/// The recovered state as it is stored.
fn encoded<A>(
    snapshots: &Snapshots<A>,
    recovered: &Recovered<A>,
    last: EventId,
) -> Result<StoredSnapshot> {
    let data = snapshots
        .encode(&recovered.state)
        .map_err(|error| Error::adapter("encode a snapshot", error))?;
    Ok(StoredSnapshot {
        kind: snapshots.kind().to_owned(),
        version: snapshots.version(),
        shape: snapshots.shape(),
        stream_version: recovered.version,
        position: recovered.position,
        event_id: last,
        data,
    })
}

/// The state in a snapshot, if this program wrote it or might have.
fn read<A>(
    snapshots: &Snapshots<A>,
    snapshot: &StoredSnapshot,
) -> Result<A, (SnapshotFault, String)> {
    let (own, found) = (snapshots.version(), snapshot.version);
    if found > own {
        return Err((SnapshotFault::Newer, format!("it is of {found}, this program knows {own}")));
    }
    if found < own {
        return Err((SnapshotFault::Stale, format!("it is of {found}, this program writes {own}")));
    }
    if snapshot.shape != snapshots.shape() {
        let reason = format!("the shape of its state is not the one of {own} in this program");
        return Err((SnapshotFault::Stale, reason));
    }
    if snapshot.stream_version.get() == 0 {
        return Err((SnapshotFault::Wrong, "there is no event before the first".to_owned()));
    }
    snapshots
        .decode(&snapshot.data)
        .map_err(|error| (SnapshotFault::Undecodable, error.to_string()))
}
