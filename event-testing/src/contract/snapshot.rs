//! Snapshots: stored byte for byte, never replaced by an earlier one, and never used unless they fit the stream.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Subject, append, exact, store, stream};
use crate::Noted;
use event_core::ExpectedVersion::{Any, NoStream};
use event_core::adapter::StoredSnapshot;
use event_core::aggregate::SnapshotFault;
use event_core::registry::Registration;
use event_core::shape::{Form, Shapes};
use event_core::{
    Aggregate, AnyEvent, Delete, Error, EventId, EventSet, EventStore, EventVersion, Position,
    RecordedEvent, Recovered, Result, Scope, Shape, Snapshots, StreamId, StreamVersion, Tenant,
};

const fn version(n: u64) -> StreamVersion {
    StreamVersion::new(n)
}

/// A closed set of one event.
pub(super) struct Notes(pub(super) Noted);

impl EventSet for Notes {
    const TYPES: &'static [&'static str] = &["contract.noted"];
    const REGISTRATIONS: &'static [Registration] = &[Registration::of::<Noted>()];

    fn decode(recorded: &RecordedEvent) -> Result<Self> {
        recorded.decode().map(Self)
    }

    fn as_event(&self) -> Option<&dyn AnyEvent> {
        Some(&self.0)
    }
}

/// A state that depends on every event and their order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Digest {
    notes: u64,
    hash: u64,
    last: String,
}

impl Shape for Digest {
    fn shape(_: &mut Shapes) -> Form {
        Form::fixed("the digest of the contract")
    }
}

impl Digest {
    fn take(&mut self, text: String) {
        self.notes += 1;
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.last = text;
    }
}

macro_rules! aggregate {
    ($view:vis $name:ident, $state:ty, $snapshots:expr) => {
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        $view struct $name(pub(super) $state);

        impl Shape for $name {
            fn shape(shapes: &mut Shapes) -> Form {
                <$state>::shape(shapes)
            }
        }

        impl Aggregate for $name {
            type Event = Notes;
            const SNAPSHOTS: Option<Snapshots<Self>> = $snapshots;

            fn apply(&mut self, event: Notes) {
                self.0.take(event.0.text);
            }
        }
    };
}

aggregate!(Plain, Digest, None);
aggregate!(pub(super) Periodic, Digest, Some(Snapshots::new("contract.digest", 2).every(100)));
aggregate!(Manual, Digest, Some(Snapshots::new("contract.manual", 1)));
// The same kind, as written by an older program, and by one with another shape.
aggregate!(Older, Digest, Some(Snapshots::new("contract.digest", 1).every(1)));
aggregate!(Reshaped, Other, Some(Snapshots::new("contract.digest", 2).every(1)));

/// Decodes a digest's JSON, but has another shape.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Other {
    notes: u64,
    #[serde(default)]
    more: String,
}

impl Shape for Other {
    fn shape(_: &mut Shapes) -> Form {
        Form::fixed("another digest")
    }
}

impl Other {
    fn take(&mut self, text: String) {
        self.notes += 1;
        self.more = text;
    }
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn snapshot(kind: &str, at: u64, json: &str) -> StoredSnapshot {
    StoredSnapshot {
        kind: kind.to_owned(),
        version: EventVersion::new(7),
        shape: u64::MAX - at,
        stream_version: version(at),
        position: Position::new(at + 1),
        event_id: EventId::new(),
        data: raw(json),
    }
}

#[track_caller]
fn assert_same(found: Option<StoredSnapshot>, wanted: &StoredSnapshot) {
    let found = found.expect("a snapshot");
    assert_eq!(
        (found.kind, found.version, found.shape, found.stream_version, found.position),
        (wanted.kind.clone(), wanted.version, wanted.shape, wanted.stream_version, wanted.position)
    );
    assert_eq!((found.event_id, found.data.get()), (wanted.event_id, wanted.data.get()));
}

async fn load(adapter: &Subject, name: &StreamId, kind: &str) -> Option<StoredSnapshot> {
    adapter.snapshots().load(&Tenant::default(), name, kind).await.unwrap()
}

async fn save(adapter: &Subject, name: &StreamId, snapshot: &StoredSnapshot) -> bool {
    adapter.snapshots().save(&Tenant::default(), name, snapshot).await.unwrap()
}

pub async fn keeps_a_snapshot_byte_for_byte(adapter: Subject) {
    let store = store(&adapter);
    let huge = format!(r#"{{"text":"{}"}}"#, "ü\\u0000'\\\"--".repeat(100_000));
    let odd = " {\"b\" :1.0, \"a\":\t1e400,\"a\":\"\\u0000\\ud83d\\ude00\", \"é\":[[[]]]}\n";
    for name in ["s", "o'neil-%_\u{202e}\"; DROP TABLE snapshots", "🦀-\\"] {
        append(&store, name, NoStream, Noted::many(1)).await;
        for (at, json) in [(1, "null"), (2, odd), (3, huge.as_str()), (u64::from(u32::MAX), "[]")] {
            // A raw value holds the JSON without the white space around it.
            let saved = snapshot("contract.a'b\"", at, json.trim());
            assert!(save(&adapter, &stream(name), &saved).await, "{name} at {at}");
            assert_same(load(&adapter, &stream(name), &saved.kind).await, &saved);
        }
    }
}

pub async fn a_snapshot_is_never_replaced_by_an_earlier_one(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(1)).await;
    let name = stream("s");
    let fifth = snapshot("k", 5, "5");
    assert!(save(&adapter, &name, &fifth).await);
    for at in [1, 4, 5] {
        assert!(!save(&adapter, &name, &snapshot("k", at, "\"other\"")).await, "at {at}");
        assert_same(load(&adapter, &name, "k").await, &fifth);
    }
    assert!(save(&adapter, &name, &snapshot("k", 6, "6")).await);

    let racers: Vec<_> = (0..20)
        .map(|n| {
            let (adapter, name) = (adapter.clone(), name.clone());
            // The versions are distinct, and their order is mixed.
            let at = 100 + (n * 7) % 20;
            tokio::spawn(async move { save(&adapter, &name, &snapshot("k", at, "{}")).await })
        })
        .collect();
    let mut saved = 0;
    for racer in racers {
        saved += u32::from(racer.await.unwrap());
    }
    assert!(saved >= 1);
    assert_eq!(load(&adapter, &name, "k").await.unwrap().stream_version, version(119));
}

pub async fn tenants_streams_and_kinds_are_isolated(adapter: Subject) {
    let store = store(&adapter);
    let other = Tenant::new("other").unwrap();
    let theirs = store.with_scope(Scope::tenant(other.clone()));
    for name in ["s", "t"] {
        append(&store, name, NoStream, Noted::many(1)).await;
        append(&theirs, name, NoStream, Noted::many(1)).await;
    }
    let name = stream("s");
    let own = snapshot("k", 1, "1");
    assert!(save(&adapter, &name, &own).await);
    assert!(save(&adapter, &name, &snapshot("kk", 2, "2")).await);
    assert!(save(&adapter, &stream("t"), &snapshot("k", 3, "3")).await);
    let foreign = snapshot("k", 9, "9");
    assert!(adapter.snapshots().save(&other, &name, &foreign).await.unwrap());
    assert_same(load(&adapter, &name, "k").await, &own);
    assert_same(adapter.snapshots().load(&other, &name, "k").await.unwrap(), &foreign);
    for kind in ["", "K", "k%", "contract.none"] {
        assert!(load(&adapter, &name, kind).await.is_none(), "{kind}");
    }

    let discard = async |tenant: &Tenant, at: u64| {
        adapter.snapshots().discard(tenant, &name, "k", version(at)).await.unwrap()
    };
    for at in [0, 2, 9] {
        assert!(!discard(&Tenant::default(), at).await, "no snapshot at {at}");
    }
    assert!(discard(&Tenant::default(), 1).await);
    assert!(!discard(&Tenant::default(), 1).await);
    assert!(load(&adapter, &name, "k").await.is_none());
    assert_same(adapter.snapshots().load(&other, &name, "k").await.unwrap(), &foreign);
    assert!(load(&adapter, &name, "kk").await.is_some());
    // A discarded snapshot can be saved again.
    assert!(save(&adapter, &name, &own).await);
}

pub async fn missing_and_deleted_streams_have_no_snapshot(adapter: Subject) {
    let store = store(&adapter);
    assert!(!save(&adapter, &stream("missing"), &snapshot("k", 1, "1")).await);
    assert!(load(&adapter, &stream("missing"), "k").await.is_none());
    for (name, delete) in [("soft", Delete::Soft), ("hard", Delete::Hard)] {
        append(&store, name, NoStream, Noted::many(3)).await;
        let name = stream(name);
        for kind in ["k", "l"] {
            assert!(save(&adapter, &name, &snapshot(kind, 2, "1")).await);
        }
        let refused = store.delete_stream(&name, exact(7), delete).await;
        assert!(refused.is_err() && load(&adapter, &name, "k").await.is_some());
        store.delete_stream(&name, Any, delete).await.unwrap();
        for kind in ["k", "l"] {
            assert!(load(&adapter, &name, kind).await.is_none());
            assert!(!save(&adapter, &name, &snapshot(kind, 3, "1")).await);
        }
        let error = store.recover::<Periodic>(&name).await.unwrap_err();
        assert!(matches!(error, Error::StreamDeleted { .. }), "{error}");
    }
    let (own, hard) = (Tenant::default(), stream("hard"));
    let left = adapter.snapshots().discard(&own, &hard, "k", version(2)).await.unwrap();
    assert!(!left, "hard deletion leaves no state behind");
}

/// The number of events applied, and the versions of the snapshot that was loaded and of the one that was saved.
pub(super) fn progress<A>(recovered: &Recovered<A>) -> (u64, Option<u64>, Option<u64>) {
    let report = &recovered.report;
    let plain = |version: Option<StreamVersion>| version.map(StreamVersion::get);
    (report.applied, plain(report.from_snapshot), plain(report.saved_snapshot))
}

/// Recovers the state with and without snapshots, and checks that the results are equal.
pub(super) async fn recovered(store: &EventStore, name: &StreamId) -> Recovered<Periodic> {
    let plain = store.recover::<Plain>(name).await.unwrap();
    let periodic = store.recover::<Periodic>(name).await.unwrap();
    assert_eq!(periodic.state.0, plain.state.0);
    assert_eq!((periodic.version, periodic.position), (plain.version, plain.position));
    periodic
}

pub async fn recovery_reads_only_events_after_the_snapshot(adapter: Subject) {
    let store = store(&adapter);
    let name = stream("long");
    append(&store, "long", NoStream, Noted::many(9_990)).await;
    assert_eq!(progress(&recovered(&store, &name).await), (9_990, None, Some(9_990)));
    append(&store, "long", exact(9_990), Noted::many(10)).await;
    let again = recovered(&store, &name).await;
    assert_eq!(progress(&again), (10, Some(9_990), None));
    assert_eq!(again.report.read, 10);
    assert_eq!((again.state.0.notes, again.version), (10_000, version(10_000)));

    // The policy saves a snapshot every hundred events.
    let name = stream("growing");
    for step in 0..12 {
        append(&store, "growing", exact(step * 30), Noted::many(30)).await;
        let from = step / 4 * 120;
        let saved = (step % 4 == 3).then_some((step + 1) * 30);
        let expected = ((step % 4 + 1) * 30, (from > 0).then_some(from), saved);
        assert_eq!(progress(&recovered(&store, &name).await), expected);
    }
    // A state at an earlier version does not use a later snapshot.
    let then = store.recover::<Periodic>(&name).until(version(7)).await.unwrap();
    assert_eq!((then.state.0.notes, progress(&then)), (7, (7, None, None)));
    let all = store.recover::<Periodic>(&name).report_problems().await;
    assert_eq!(progress(&all.unwrap()), (360, None, None));
    // In the operator's view, snapshots are read and not saved.
    let operator = store.all_tenants().recover::<Periodic>(&name).await.unwrap();
    assert_eq!(progress(&operator), (0, Some(360), None));
    assert!(store.all_tenants().snapshot::<Manual>(&name).await.is_err());

    assert_eq!(progress(&store.recover::<Manual>(&name).await.unwrap()), (360, None, None));
    assert_eq!(progress(&store.snapshot::<Manual>(&name).await.unwrap()), (360, None, Some(360)));
    assert_eq!(progress(&store.snapshot::<Manual>(&name).await.unwrap()), (0, Some(360), None));
    let error = store.snapshot::<Plain>(&name).await.unwrap_err();
    assert_eq!(error.code(), "adapter_error");
}

/// Checks that recovery reports this one fault, recovers from all events, and replaces the snapshot.
async fn assert_replaced(store: &EventStore, name: &StreamId, fault: SnapshotFault) {
    let found = recovered(store, name).await;
    let problems = &found.report.snapshot_problems;
    assert_eq!(problems.iter().map(|problem| problem.fault).collect::<Vec<_>>(), [fault]);
    let all = found.version.get();
    assert_eq!(progress(&found), (all, None, Some(all)), "{}", found.report);
    let again = recovered(store, name).await;
    assert_eq!((progress(&again), again.report.snapshot_problems), ((0, Some(all), None), vec![]));
}

pub async fn an_invalid_snapshot_is_never_used(adapter: Subject) {
    let store = store(&adapter);
    let name = stream("s");
    append(&store, "s", NoStream, Noted::many(5)).await;
    store.recover::<Older>(&name).await.unwrap();
    assert_replaced(&store, &name, SnapshotFault::Stale).await;

    // Another shape at the same snapshot version; one more event, since a snapshot is only replaced by a later one.
    append(&store, "s", exact(5), Noted::many(1)).await;
    let other = store.recover::<Reshaped>(&name).await.unwrap();
    assert_eq!(other.report.snapshot_problems[0].fault, SnapshotFault::Stale);
    assert_eq!(progress(&other), (6, None, Some(6)));
    assert_replaced(&store, &name, SnapshotFault::Stale).await;

    // A snapshot of a newer program is ignored, and left for that program.
    let older = store.recover::<Older>(&name).await.unwrap();
    assert_eq!(older.report.snapshot_problems[0].fault, SnapshotFault::Newer);
    assert_eq!((progress(&older), older.state.0.notes), ((6, None, None), 6));
    assert_eq!(progress(&recovered(&store, &name).await), (0, Some(6), None));

    let good = load(&adapter, &name, "contract.digest").await.unwrap();
    let put = async |snapshot: StoredSnapshot| {
        let found = load(&adapter, &name, "contract.digest").await.unwrap().stream_version;
        let own = Tenant::default();
        assert!(adapter.snapshots().discard(&own, &name, &snapshot.kind, found).await.unwrap());
        assert!(save(&adapter, &name, &snapshot).await);
    };
    for json in ["null", "{}", r#"{"notes":-1,"hash":0,"last":""}"#, "[[[[]]]]"] {
        put(StoredSnapshot { data: raw(json), ..good.clone() }).await;
        assert_replaced(&store, &name, SnapshotFault::Undecodable).await;
    }
    let lie = raw(r#"{"notes":99,"hash":99,"last":"a lie"}"#);
    // Ahead of the stream; at another event; before the first event.
    for (at, position, event_id) in [
        (7, good.position, good.event_id),
        (i64::MAX.unsigned_abs(), good.position, good.event_id),
        (6, good.position, EventId::new()),
        (6, Position::new(good.position.get() + 1), good.event_id),
        (5, good.position, good.event_id),
        (0, Position::START, good.event_id),
    ] {
        let stream_version = version(at);
        let data = lie.clone();
        put(StoredSnapshot { stream_version, position, event_id, data, ..good.clone() }).await;
        assert_replaced(&store, &name, SnapshotFault::Wrong).await;
    }
}

pub async fn a_truncated_stream_is_recovered_from_its_snapshot(adapter: Subject) {
    let store = store(&adapter);
    let name = stream("s");
    append(&store, "s", NoStream, Noted::many(20)).await;
    let taken = store.snapshot::<Periodic>(&name).await.unwrap();
    append(&store, "s", exact(20), Noted::many(3)).await;
    let whole = store.recover::<Plain>(&name).await.unwrap();

    // The snapshot is later than the first remaining event, or directly before it.
    for first in [10, 20, 21] {
        store.truncate_before(&name, version(first)).await.unwrap();
        let found = store.recover::<Periodic>(&name).await.unwrap();
        assert_eq!((&found.state.0, found.version), (&whole.state.0, version(23)), "from {first}");
        assert_eq!(progress(&found), (3, Some(taken.version.get()), None));
    }
    for until in [4, 20] {
        let then = store.recover::<Periodic>(&name).until(version(until)).await;
        match until {
            20 => assert_eq!(then.unwrap().state, taken.state),
            _ => assert_eq!(then.unwrap_err().code(), "invalid_sequence"),
        }
    }
    // Only the snapshot is left.
    store.snapshot::<Periodic>(&name).await.unwrap();
    store.truncate_before(&name, version(24)).await.unwrap();
    let found = store.recover::<Periodic>(&name).await.unwrap();
    assert_eq!((&found.state.0, progress(&found)), (&whole.state.0, (0, Some(23), None)));
    append(&store, "s", exact(23), Noted::many(1)).await;
    assert_eq!(store.recover::<Periodic>(&name).await.unwrap().state.0.notes, 24);

    // Without a snapshot, or with one that is too old, recovery fails instead of returning a wrong state.
    for (name, gap) in [("none", false), ("old", true)] {
        append(&store, name, NoStream, Noted::many(8)).await;
        let id = stream(name);
        if gap {
            store.snapshot::<Periodic>(&id).await.unwrap();
            append(&store, name, exact(8), Noted::many(8)).await;
        }
        for first in [if gap { 10 } else { 2 }, if gap { 17 } else { 9 }] {
            store.truncate_before(&id, version(first)).await.unwrap();
            let error = store.recover::<Periodic>(&id).await.unwrap_err();
            assert!(matches!(error, Error::InvalidSequence { .. }), "{name} from {first}: {error}");
            let error = store.recover::<Plain>(&id).await.unwrap_err();
            assert!(matches!(error, Error::InvalidSequence { .. }), "{name} from {first}: {error}");
        }
    }
}

pub async fn a_snapshot_is_deleted_on_purpose(adapter: Subject) {
    let store = store(&adapter);
    let name = stream("s");
    append(&store, "s", NoStream, Noted::many(120)).await;
    assert!(!store.delete_snapshot::<Periodic>(&name).await.unwrap(), "there is none");
    store.recover::<Periodic>(&name).await.unwrap();
    store.snapshot::<Manual>(&name).await.unwrap();
    assert!(store.delete_snapshot::<Periodic>(&name).await.unwrap());
    assert!(load(&adapter, &name, "contract.digest").await.is_none());
    assert!(load(&adapter, &name, "contract.manual").await.is_some(), "another kind stays");
    assert!(!store.delete_snapshot::<Periodic>(&name).await.unwrap());
    let recovered = store.recover::<Periodic>(&name).await.unwrap();
    assert_eq!((recovered.report.applied, recovered.report.from_snapshot), (120, None));
    let error = store.delete_snapshot::<Plain>(&name).await.unwrap_err();
    assert!(matches!(error, Error::Adapter { .. }), "{error}");
    assert!(store.all_tenants().delete_snapshot::<Periodic>(&name).await.is_err());
}
