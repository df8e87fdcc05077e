//! What is accepted can be read: an event or a snapshot that its own type would not read back is refused before it is stored.

#![expect(clippy::option_option, reason = "what JSON does not always tell apart is the subject")]

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::snapshot::Notes;
use super::{Subject, append, everything, store, stream};
use crate::Noted;
use event_core::ExpectedVersion::{Any, NoStream};
use event_core::aggregate::SnapshotFault;
use event_core::shape::{Form, Shapes};
use event_core::{
    Aggregate, Error, Event, EventVersion, NewEvent, ReadOptions, Shape, Snapshots, Tenant, events,
};

macro_rules! event {
    ($name:ident) => {
        impl Event for $name {
            const TYPE: &'static str = "contract.measured";
            const VERSION: EventVersion = EventVersion::new(2);
        }
    };
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Measured {
    values: BTreeMap<String, Vec<f64>>,
    ratio: Option<f64>,
    nested: Option<Option<u8>>,
    unit: Option<()>,
}
event!(Measured);

impl Measured {
    fn sound() -> Self {
        let values = BTreeMap::from([("a".to_owned(), vec![0.1, -0.0, 1e300, 5e-324])]);
        Self { values, ratio: None, nested: Some(Some(1)), unit: None }
    }
}

/// Leaves a key out that it needs for reading.
#[derive(Serialize, Deserialize)]
struct LeftOut {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<u8>,
}
event!(LeftOut);

/// Writes a value that it does not read.
#[derive(Serialize, Deserialize)]
struct NotRead {
    #[serde(skip_deserializing)]
    score: u32,
}
event!(NotRead);

/// Writes a key that it reads under another name.
#[derive(Serialize, Deserialize)]
struct Renamed {
    #[serde(rename(serialize = "total", deserialize = "sum"))]
    total: Option<u32>,
}
event!(Renamed);

/// Two fields with one key.
#[derive(Serialize, Deserialize)]
struct Twice {
    id: u8,
    #[serde(flatten)]
    rest: Inner,
}
event!(Twice);

#[derive(Serialize, Deserialize)]
struct Inner {
    id: u8,
}

/// Readable, though its text is another one each time, or has a null that means `Some`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unordered {
    map: HashMap<u32, Option<u8>>,
    set: HashSet<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    change: Option<Option<u8>>,
    #[serde(serialize_with = "plain", deserialize_with = "null_is_nan")]
    gauge: f64,
    large: u128,
}
event!(Unordered);

fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<u8>>, D::Error> {
    Deserialize::deserialize(from).map(Some)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn plain<S: serde::Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(*number)
}

fn null_is_nan<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Option::<f64>::deserialize(from).map(|number| number.unwrap_or(f64::NAN))
}

pub async fn an_event_that_would_not_read_back_is_refused(adapter: Subject) {
    let store = store(&adapter);
    let broken = |change: fn(&mut Measured)| {
        let mut event = Measured::sound();
        change(&mut event);
        NewEvent::from(event)
    };
    let refused: [(NewEvent, &str); 10] = [
        (broken(|it| it.values.get_mut("a").unwrap()[2] = f64::NAN), "values.a[2]"),
        (broken(|it| it.values.get_mut("a").unwrap()[0] = f64::NEG_INFINITY), "values.a[0]"),
        (broken(|it| it.ratio = Some(f64::NAN)), "ratio"),
        (broken(|it| it.ratio = Some(f64::INFINITY)), "ratio"),
        (broken(|it| it.nested = Some(None)), "nested"),
        (broken(|it| it.unit = Some(())), "unit"),
        (LeftOut { items: Vec::new() }.into(), "."),
        (NotRead { score: 7 }.into(), "score"),
        (Renamed { total: Some(5) }.into(), "total"),
        (Twice { id: 1, rest: Inner { id: 2 } }.into(), "."),
    ];
    for (event, path) in refused {
        let list = vec![Noted::new("before").into(), event];
        let error = store.append(&stream("s"), Any, list).await.unwrap_err();
        assert_eq!(error.code(), "serialization_failed", "{error}");
        assert!(matches!(error, Error::Serialization { index: Some(1), .. }), "{error:?}");
        let words = format!("`contract.measured` v2 at `{path}` (index 1 of the append)");
        assert!(error.to_string().contains(&words), "{error}, not {words}");
        let list = events![Noted::new("a"), Noted::new("b")];
        let both = store.transaction().append(&stream("t"), Any, list);
        let mut broken = Measured::sound();
        broken.ratio = Some(f64::NAN);
        assert!(both.append(&stream("s"), Any, [broken]).commit().await.is_err());
    }
    assert!(everything(&store).await.is_empty(), "nothing was written");
}

pub async fn an_event_that_reads_back_is_stored_whatever_its_text(adapter: Subject) {
    let store = store(&adapter);
    let unordered = Unordered {
        map: (0..40).map(|n| (n, (n % 2 == 0).then_some(1))).collect(),
        set: (0..40).collect(),
        change: Some(None),
        gauge: f64::NAN,
        large: u128::MAX,
    };
    let list = events![
        Measured::sound(),
        LeftOut { items: vec![1] },
        NotRead { score: 0 },
        unordered.clone()
    ];
    append(&store, "s", NoStream, list).await;
    let page = store.read_stream(&stream("s"), ReadOptions::forward()).await.unwrap();
    assert_eq!(page[0].decode::<Measured>().unwrap(), Measured::sound());
    let read: Unordered = page[3].decode().unwrap();
    assert!(read.gauge.is_nan());
    assert_eq!(Unordered { gauge: 0.0, ..read }, Unordered { gauge: 0.0, ..unordered });
}

/// A state that JSON does not always hold.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Doubtful {
    notes: u32,
    /// Of the first note: `Some(None)`.
    last: Option<Option<u8>>,
    /// Of the second one: NaN.
    mean: f64,
}

impl Shape for Doubtful {
    fn shape(_: &mut Shapes) -> Form {
        Form::fixed("a doubtful state")
    }
}

impl Aggregate for Doubtful {
    type Event = Notes;
    const SNAPSHOTS: Option<Snapshots<Self>> =
        Some(Snapshots::new("contract.doubtful", 1).every(1));

    fn apply(&mut self, event: Notes) {
        self.notes += 1;
        match event.0.text.as_str() {
            "none" => self.last = Some(None),
            "nan" => self.mean = f64::NAN,
            _ => (self.last, self.mean) = (None, 0.0),
        }
    }
}

pub async fn a_snapshot_that_would_not_read_back_is_not_saved(adapter: Subject) {
    let store = store(&adapter);
    for (text, path) in [("none", "`last`"), ("nan", "`mean`")] {
        let name = stream(text);
        append(&store, text, NoStream, vec![Noted::new(text).into()]).await;
        for _ in 0..2 {
            let recovered = store.recover::<Doubtful>(&name).await.unwrap();
            assert_eq!((recovered.report.saved_snapshot, recovered.state.notes), (None, 1));
            let [problem] = recovered.report.snapshot_problems.as_slice() else {
                panic!("reported once: {:?}", recovered.report.snapshot_problems)
            };
            assert_eq!(problem.fault, SnapshotFault::NotSaved);
            assert!(problem.reason.contains(path), "{}", problem.reason);
            let kept =
                adapter.snapshots().load(&Tenant::default(), &name, "contract.doubtful").await;
            assert!(kept.unwrap().is_none());
        }
        let error = store.snapshot::<Doubtful>(&name).await.unwrap_err();
        assert_eq!(error.code(), "adapter_error");
        // The next state is sound again.
        store.append(&name, Any, [Noted::new("sound")]).await.unwrap();
        let recovered = store.recover::<Doubtful>(&name).await.unwrap();
        assert_eq!(recovered.report.saved_snapshot, Some(recovered.version));
    }
}
