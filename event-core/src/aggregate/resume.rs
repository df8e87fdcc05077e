//! Recovery from a snapshot: when a snapshot is valid, and when the next one is saved.
//!
//! A snapshot names the event at which it was taken. Recovery reads from that event on and resumes only if the stream has the
//! same event there. So a stream that was restored and continued differently, or that ends earlier, is detected without an
//! extra read.

use crate::adapter::{ReadOptions, StoredSnapshot};
use crate::aggregate::options::Options;
use crate::aggregate::report::Replayed;
use crate::aggregate::report::{RecoveryReport, SnapshotFault, SnapshotProblem};
use crate::aggregate::{Aggregate, Recovered, Snapshots};
use crate::error::{Error, Result, with_causes};
use crate::store::{EventStore, EventStream};
use crate::value::{EventId, StreamId};

/// The result of looking for the snapshot of a stream.
pub(super) enum Found<A> {
    /// There is none, or only one after the requested version.
    Nothing,
    /// It must not be used.
    Invalid(SnapshotProblem),
    /// It fits the stream.
    Valid(Box<Tail<A>>),
}

/// The state of a snapshot, and the events after it.
pub(super) struct Tail<A> {
    pub(super) state: A,
    pub(super) snapshot: StoredSnapshot,
    pub(super) events: EventStream,
}

impl EventStore {
    /// Takes a snapshot of an aggregate now, independent of [`Snapshots::every`].
    ///
    /// Returns the recovery from which it was taken. `report.saved_snapshot` is `None` if there was already a snapshot at this
    /// version, or another program saved a later one in the meantime.
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
    /// store.truncate_before(&account, taken.version.next()).await?; // the snapshot includes these events
    /// assert_eq!(store.recover::<Account>(&account).await?.state.balance, 30);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`EventStore::recover`]; [`Error::Adapter`] for an aggregate without [`Aggregate::SNAPSHOTS`], a state that serde
    /// cannot encode, and a backend without snapshots; [`Error::InvalidEventData`] in the view of all tenants.
    pub async fn snapshot<A: Aggregate>(&self, stream_id: &StreamId) -> Result<Recovered<A>> {
        const OPERATION: &str = "take a snapshot";
        self.require_tenant()?;
        let Some(snapshots) = A::SNAPSHOTS else {
            return Err(Error::adapter(OPERATION, "the aggregate has no `SNAPSHOTS`"));
        };
        let Replayed { mut recovered, last, .. } =
            self.replayed::<A>(stream_id, Options::default()).await?;
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

    /// Loads a snapshot and checks whether it is valid.
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
            // Snapshots are an optimisation: without one, recovery reads all events.
            Err(error) => {
                let reason = with_causes(&error);
                return Ok(Found::Invalid(SnapshotProblem::unreadable(reason)));
            }
        };
        let invalid = |fault, reason| {
            let stream_version = snapshot.stream_version;
            Ok(Found::Invalid(SnapshotProblem { fault, stream_version, reason }))
        };
        let state = match read(snapshots, &snapshot) {
            Ok(state) => state,
            Err((fault, reason)) => return invalid(fault, reason),
        };
        let at = snapshot.stream_version;
        let page = ReadOptions::forward().limit(options.limit);
        let mut events = self.stream_events(stream_id, page.from(at));
        match events.next().await.transpose()? {
            Some(event) if event.stream_version() == at => {
                let same = event.event_id() == snapshot.event_id;
                if !same || event.position() != snapshot.position {
                    let reason = "the stream has another event at this version".to_owned();
                    return invalid(SnapshotFault::Wrong, reason);
                }
            }
            _ => {
                let info = self.stream_info(stream_id).await?;
                if info.version < at {
                    let reason = format!("the stream ends at version {}", info.version);
                    return invalid(SnapshotFault::Wrong, reason);
                }
                if info.first_version != at.next() {
                    let first = info.first_version;
                    let reason = format!("the stream starts at version {first}, after a gap");
                    return invalid(SnapshotFault::Wrong, reason);
                }
                // The stream is truncated right after the snapshot: the state includes all removed events.
                events = self.stream_events(stream_id, page.from(at.next()));
            }
        }
        Ok(Found::Valid(Box::new(Tail { state, snapshot, events })))
    }

    /// Saves a snapshot for the next recovery, if one is due or an invalid one has to be replaced. A failure is reported, and does
    /// not fail the recovery.
    pub(super) async fn save_due_snapshot<A: Aggregate>(
        &self,
        snapshots: &Snapshots<A>,
        recovered: &mut Recovered<A>,
        last: EventId,
    ) {
        let report = &recovered.report;
        let faults = || report.snapshot_problems.iter().map(|problem| problem.fault);
        let is_due = snapshots.is_due(report.applied) || faults().any(SnapshotFault::is_replaced);
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
        for problem in report.snapshot_problems.iter().filter(|it| it.fault.is_replaced()) {
            let (kind, at) = (&snapshot.kind, problem.stream_version);
            self.discard_snapshot(&report.stream_id, kind, at).await?;
        }
        self.save_snapshot(&report.stream_id, snapshot).await
    }
}

/// Encodes the recovered state as a snapshot.
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

/// Decodes the state of a snapshot, if it has the version and shape of this program.
fn read<A>(
    snapshots: &Snapshots<A>,
    snapshot: &StoredSnapshot,
) -> Result<A, (SnapshotFault, String)> {
    let (own, found) = (snapshots.version(), snapshot.version);
    if found > own {
        return Err((
            SnapshotFault::Newer,
            format!("it has version {found}, this program knows {own}"),
        ));
    }
    if found < own {
        return Err((
            SnapshotFault::Stale,
            format!("it has version {found}, this program writes {own}"),
        ));
    }
    if snapshot.shape != snapshots.shape() {
        let reason = format!("the shape of its state is not that of {own} in this program");
        return Err((SnapshotFault::Stale, reason));
    }
    if snapshot.stream_version.get() == 0 {
        return Err((SnapshotFault::Wrong, "it was taken before the first event".to_owned()));
    }
    snapshots
        .decode(&snapshot.data)
        .map_err(|error| (SnapshotFault::Undecodable, error.to_string()))
}
