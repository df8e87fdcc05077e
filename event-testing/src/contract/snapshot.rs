//! Snapshots: kept byte for byte, never back to an earlier version, and never trusted without proof.

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

/// The closed set of one event.
pub(super) struct Notes(Noted);

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

/// A state that depends on each event and on their order.
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
aggregate!(pub(super) Kept, Digest, Some(Snapshots::new("contract.digest", 2).every(100)));
aggregate!(Manual, Digest, Some(Snapshots::new("contract.manual", 1)));
// The same kind, as an older program and one with another shape write it.
aggregate!(Older, Digest, Some(Snapshots::new("contract.digest", 1).every(1)));
aggregate!(Reshaped, Other, Some(Snapshots::new("contract.digest", 2).every(1)));

/// Reads as a digest does, and looks otherwise.
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
fn same(found: Option<StoredSnapshot>, wanted: &StoredSnapshot) {
    let found = found.expect("there is a snapshot");
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
            // What a raw value holds is what is kept, without the space around it.
            let given = snapshot("contract.a'b\"", at, json.trim());
            assert!(save(&adapter, &stream(name), &given).await, "{name} at {at}");
            same(load(&adapter, &stream(name), &given.kind).await, &given);
        }
    }
}

pub async fn never_goes_back_to_an_earlier_version(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(1)).await;
    let name = stream("s");
    let fifth = snapshot("k", 5, "5");
    assert!(save(&adapter, &name, &fifth).await);
    for at in [1, 4, 5] {
        assert!(!save(&adapter, &name, &snapshot("k", at, "\"other\"")).await, "at {at}");
        same(load(&adapter, &name, "k").await, &fifth);
    }
    assert!(save(&adapter, &name, &snapshot("k", 6, "6")).await);

    let racers: Vec<_> = (0..20)
        .map(|n| {
            let (adapter, name) = (adapter.clone(), name.clone());
            // Each is the highest once, whatever the order they come in.
            let at = 100 + (n * 7) % 20;
            tokio::spawn(async move { save(&adapter, &name, &snapshot("k", at, "{}")).await })
        })
        .collect();
    let mut kept = 0;
    for racer in racers {
        kept += u32::from(racer.await.unwrap());
    }
    assert!(kept >= 1);
    assert_eq!(load(&adapter, &name, "k").await.unwrap().stream_version, version(119));
}

pub async fn tenants_streams_and_kinds_are_apart(adapter: Subject) {
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
    same(load(&adapter, &name, "k").await, &own);
    same(adapter.snapshots().load(&other, &name, "k").await.unwrap(), &foreign);
    for kind in ["", "K", "k%", "contract.none"] {
        assert!(load(&adapter, &name, kind).await.is_none(), "{kind}");
    }

    let discard = async |tenant: &Tenant, at: u64| {
        adapter.snapshots().discard(tenant, &name, "k", version(at)).await.unwrap()
    };
    for at in [0, 2, 9] {
        assert!(!discard(&Tenant::default(), at).await, "there is none at {at}");
    }
    assert!(discard(&Tenant::default(), 1).await);
    assert!(!discard(&Tenant::default(), 1).await);
    assert!(load(&adapter, &name, "k").await.is_none());
    same(adapter.snapshots().load(&other, &name, "k").await.unwrap(), &foreign);
    assert!(load(&adapter, &name, "kk").await.is_some());
    // What was discarded may be written anew.
    assert!(save(&adapter, &name, &own).await);
}

pub async fn missing_and_deleted_streams_have_none(adapter: Subject) {
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
        let error = store.recover::<Kept>(&name).await.unwrap_err();
        assert!(matches!(error, Error::StreamDeleted { .. }), "{error}");
    }
    let (own, hard) = (Tenant::default(), stream("hard"));
    let left = adapter.snapshots().discard(&own, &hard, "k", version(2)).await.unwrap();
    assert!(!left, "hard deletion leaves no state behind");
}

/// What was read, where it began and what it left, beside the state.
pub(super) fn seen<A>(recovered: &Recovered<A>) -> (u64, Option<u64>, Option<u64>) {
    let report = &recovered.report;
    let plain = |version: Option<StreamVersion>| version.map(StreamVersion::get);
    (report.applied, plain(report.from_snapshot), plain(report.saved_snapshot))
}

/// The state from all events, and from a snapshot if there is one: they are the same.
pub(super) async fn recovered(store: &EventStore, name: &StreamId) -> Recovered<Kept> {
    let plain = store.recover::<Plain>(name).await.unwrap();
    let kept = store.recover::<Kept>(name).await.unwrap();
    assert_eq!(kept.state.0, plain.state.0);
    assert_eq!((kept.version, kept.position), (plain.version, plain.position));
    kept
}

pub async fn recovery_reads_only_what_came_after(adapter: Subject) {
    let store = store(&adapter);
    let name = stream("long");
    append(&store, "long", NoStream, Noted::many(9_990)).await;
    assert_eq!(seen(&recovered(&store, &name).await), (9_990, None, Some(9_990)));
    append(&store, "long", exact(9_990), Noted::many(10)).await;
    let again = recovered(&store, &name).await;
    assert_eq!(seen(&again), (10, Some(9_990), None));
    assert_eq!(again.report.read, 10);
    assert_eq!((again.state.0.notes, again.version), (10_000, version(10_000)));

    // The policy: every hundred events.
    let name = stream("growing");
    for step in 0..12 {
        append(&store, "growing", exact(step * 30), Noted::many(30)).await;
        let from = step / 4 * 120;
        let saved = (step % 4 == 3).then_some((step + 1) * 30);
        let wanted = ((step % 4 + 1) * 30, (from > 0).then_some(from), saved);
        assert_eq!(seen(&recovered(&store, &name).await), wanted);
    }
    // The state then is older than the snapshot.
    let then = store.recover::<Kept>(&name).until(version(7)).await.unwrap();
    assert_eq!((then.state.0.notes, seen(&then)), (7, (7, None, None)));
    let all = store.recover::<Kept>(&name).report_problems().await;
    assert_eq!(seen(&all.unwrap()), (360, None, None));
    // In the operator's view they are read, not written.
    let operator = store.all_tenants().recover::<Kept>(&name).await.unwrap();
    assert_eq!(seen(&operator), (0, Some(360), None));
    assert!(store.all_tenants().snapshot::<Manual>(&name).await.is_err());

    assert_eq!(seen(&store.recover::<Manual>(&name).await.unwrap()), (360, None, None));
    assert_eq!(seen(&store.snapshot::<Manual>(&name).await.unwrap()), (360, None, Some(360)));
    assert_eq!(seen(&store.snapshot::<Manual>(&name).await.unwrap()), (0, Some(360), None));
    let error = store.snapshot::<Plain>(&name).await.unwrap_err();
    assert_eq!(error.code(), "adapter_error");
}

/// The one thing that is the matter with the snapshot, and that a fresh one takes its place.
async fn mended(store: &EventStore, name: &StreamId, fault: SnapshotFault) {
    let found = recovered(store, name).await;
    let problems = &found.report.snapshot_problems;
    assert_eq!(problems.iter().map(|problem| problem.fault).collect::<Vec<_>>(), [fault]);
    let whole = found.version.get();
    assert_eq!(seen(&found), (whole, None, Some(whole)), "{}", found.report);
    let again = recovered(store, name).await;
    assert_eq!((seen(&again), again.report.snapshot_problems), ((0, Some(whole), None), vec![]));
}

pub async fn a_snapshot_that_does_not_hold_is_never_trusted(adapter: Subject) {
    let store = store(&adapter);
    let name = stream("s");
    append(&store, "s", NoStream, Noted::many(5)).await;
    store.recover::<Older>(&name).await.unwrap();
    mended(&store, &name, SnapshotFault::Stale).await;

    // Another shape of the same version, after one more event: it may only grow.
    append(&store, "s", exact(5), Noted::many(1)).await;
    let other = store.recover::<Reshaped>(&name).await.unwrap();
    assert_eq!(other.report.snapshot_problems[0].fault, SnapshotFault::Stale);
    assert_eq!(seen(&other), (6, None, Some(6)));
    mended(&store, &name, SnapshotFault::Stale).await;

    // A newer program's is left to that program.
    let older = store.recover::<Older>(&name).await.unwrap();
    assert_eq!(older.report.snapshot_problems[0].fault, SnapshotFault::Newer);
    assert_eq!((seen(&older), older.state.0.notes), ((6, None, None), 6));
    assert_eq!(seen(&recovered(&store, &name).await), (0, Some(6), None));

    let good = load(&adapter, &name, "contract.digest").await.unwrap();
    let put = async |snapshot: StoredSnapshot| {
        let found = load(&adapter, &name, "contract.digest").await.unwrap().stream_version;
        let own = Tenant::default();
        assert!(adapter.snapshots().discard(&own, &name, &snapshot.kind, found).await.unwrap());
        assert!(save(&adapter, &name, &snapshot).await);
    };
    for json in ["null", "{}", r#"{"notes":-1,"hash":0,"last":""}"#, "[[[[]]]]"] {
        put(StoredSnapshot { data: raw(json), ..good.clone() }).await;
        mended(&store, &name, SnapshotFault::Undecodable).await;
    }
    let lie = raw(r#"{"notes":99,"hash":99,"last":"a lie"}"#);
    // Ahead of the stream; at events that are others; before the first.
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
        mended(&store, &name, SnapshotFault::Wrong).await;
    }
}

pub async fn a_truncated_stream_is_recovered_from_its_snapshot(adapter: Subject) {
    let store = store(&adapter);
    let name = stream("s");
    append(&store, "s", NoStream, Noted::many(20)).await;
    let taken = store.snapshot::<Kept>(&name).await.unwrap();
    append(&store, "s", exact(20), Noted::many(3)).await;
    let whole = store.recover::<Plain>(&name).await.unwrap();

    // At the version before the first that is left, and later than that.
    for first in [10, 20, 21] {
        store.truncate_before(&name, version(first)).await.unwrap();
        let found = store.recover::<Kept>(&name).await.unwrap();
        assert_eq!((&found.state.0, found.version), (&whole.state.0, version(23)), "from {first}");
        assert_eq!(seen(&found), (3, Some(taken.version.get()), None));
    }
    for until in [4, 20] {
        let then = store.recover::<Kept>(&name).until(version(until)).await;
        match until {
            20 => assert_eq!(then.unwrap().state, taken.state),
            _ => assert_eq!(then.unwrap_err().code(), "invalid_sequence"),
        }
    }
    // Nothing is left but the snapshot.
    store.snapshot::<Kept>(&name).await.unwrap();
    store.truncate_before(&name, version(24)).await.unwrap();
    let found = store.recover::<Kept>(&name).await.unwrap();
    assert_eq!((&found.state.0, seen(&found)), (&whole.state.0, (0, Some(23), None)));
    append(&store, "s", exact(23), Noted::many(1)).await;
    assert_eq!(store.recover::<Kept>(&name).await.unwrap().state.0.notes, 24);

    // Without a snapshot, or with one that is too old, there is no state, and never a wrong one.
    for (name, gap) in [("none", false), ("old", true)] {
        append(&store, name, NoStream, Noted::many(8)).await;
        let id = stream(name);
        if gap {
            store.snapshot::<Kept>(&id).await.unwrap();
            append(&store, name, exact(8), Noted::many(8)).await;
        }
        for first in [if gap { 10 } else { 2 }, if gap { 17 } else { 9 }] {
            store.truncate_before(&id, version(first)).await.unwrap();
            let error = store.recover::<Kept>(&id).await.unwrap_err();
            assert!(matches!(error, Error::InvalidSequence { .. }), "{name} from {first}: {error}");
            let error = store.recover::<Plain>(&id).await.unwrap_err();
            assert!(matches!(error, Error::InvalidSequence { .. }), "{name} from {first}: {error}");
        }
    }
}
