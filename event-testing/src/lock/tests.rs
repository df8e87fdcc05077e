//! The lock, on real files: every finding, every kind of broken file.

use std::fs;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::*;
use event_core::{Event, EventVersion, MigrationError, Shape};

const NAME: &str = env!("CARGO_PKG_NAME");

/// How many cards were drawn.
#[derive(Serialize, Deserialize, Shape)]
struct Count(u8);

/// A card.
#[derive(Serialize, Deserialize, Event)]
#[event(type = "lock.drawn", version = 1, register = false)]
struct DrawnV1 {
    rank: u8,
}

/// A card, counted.
#[derive(Serialize, Deserialize, Event)]
#[event(type = "lock.drawn", version = 2, from = DrawnV1, register = false)]
struct Drawn {
    rank: u8,
    count: Count,
    #[serde(default)]
    note: Option<String>,
}

impl From<DrawnV1> for Drawn {
    fn from(old: DrawnV1) -> Self {
        Self { rank: old.rank, count: Count(1), note: None }
    }
}

/// The same version after an incompatible change.
#[derive(Serialize, Deserialize, Event)]
#[event(type = "lock.drawn", version = 1, register = false)]
struct DrawnChanged {
    rank: u16,
    suit: String,
}

fn registry(events: &[Registration]) -> Registry {
    Registry::builder().registrations(events).build().unwrap()
}

fn both() -> Registry {
    registry(&[Registration::of::<DrawnV1>(), Registration::of::<Drawn>()])
}

/// The files of a crate under test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn check(&self, registry: &Registry, bless: bool) -> Result<(), String> {
        checked_with(registry, NAME, self.0.path(), Mode { bless, strict: false })
    }

    fn blessed(registry: &Registry) -> Self {
        let folder = Self::new();
        folder.check(registry, true).unwrap();
        folder
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.0.path().join("events.lock")).unwrap()
    }

    fn set_lock(&self, text: &str) {
        fs::write(self.0.path().join("events.lock"), text).unwrap();
    }

    #[track_caller]
    fn assert_reported(&self, registry: &Registry, words: &[&str]) {
        let report = self.check(registry, false).unwrap_err();
        for words in words {
            assert!(report.contains(words), "{words:?} is not in:\n{report}");
        }
    }
}

#[test]
fn what_editors_add_to_a_lock_changes_nothing() {
    let folder = Folder::blessed(&both());
    let lock = folder.lock();
    folder.set_lock(&format!("\u{feff}{}\r\n\r\n\n", lock.trim_end().replace('\n', "\r\n")));
    folder.check(&both(), false).unwrap();
}

#[test]
fn blessing_locks_shapes_and_records_payloads_once() {
    let folder = Folder::new();
    folder.assert_reported(
        &both(),
        &["lock.drawn v1 is not locked yet", "EVENTS_LOCK=bless cargo test"],
    );
    folder.check(&both(), true).unwrap();
    folder.check(&both(), false).unwrap();
    let lock = folder.lock();
    assert!(
        lock.contains("  rank: u8\n  count: Count(u8)\n  note: option string, may be missing\n"),
        "{lock}"
    );
    let fixture = fs::read_to_string(folder.0.path().join("fixtures/lock.drawn.v2.json")).unwrap();
    assert_eq!(fixture, "{\n  \"count\": 1,\n  \"note\": \"text\",\n  \"rank\": 1\n}\n");
    // Parsing and writing are inverse, so blessing again changes nothing.
    assert_eq!(lock.parse::<LockFile>().unwrap().to_string(), lock);
}

#[test]
fn a_changed_shape_is_shown_field_by_field_with_a_stub() {
    let folder = Folder::blessed(&registry(&[Registration::of::<DrawnV1>()]));
    let changed = registry(&[Registration::of::<DrawnChanged>()]);
    folder.assert_reported(
        &changed,
        &[
            "the shape of lock.drawn v1 changed",
            "~ rank: u8 → u16",
            "+ suit: string",
            "pub struct DrawnChangedV1 {\n        pub rank: u8,\n    }",
            "#[event(type = \"lock.drawn\", version = 2, from = DrawnChangedV1)]",
            "rank: /* from u8 to u16: */ old.rank,",
            "suit: /* new: a String for events that never had one */,",
        ],
    );
    let before = folder.lock();
    assert!(folder.check(&changed, true).is_err(), "blessing does not accept a changed shape");
    assert_eq!(folder.lock(), before, "a block is never rewritten");
}

#[test]
fn a_changed_older_version_is_undone_and_gets_no_stub_of_a_version_that_exists() {
    let folder = Folder::blessed(&both());
    let changed = registry(&[Registration::of::<DrawnChanged>(), Registration::of::<Drawn>()]);
    let report = folder.check(&changed, false).unwrap_err();
    let advice = "Undo the change: DrawnChanged is v1 of lock.drawn, and there is a v2 for what is new. As it was:\n\n    pub struct DrawnChanged {\n        pub rank: u8,\n    }\n";
    assert!(report.contains(advice), "{report}");
    assert!(!report.contains("impl From<"), "{report}");
}

#[test]
fn another_name_of_a_newtype_is_no_change() {
    #[derive(Serialize, Deserialize, Shape)]
    struct Number(u8);

    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.drawn", version = 2, from = DrawnV1, register = false)]
    struct Renamed {
        rank: u8,
        count: Number,
        #[serde(default)]
        note: Option<String>,
    }

    impl From<DrawnV1> for Renamed {
        fn from(old: DrawnV1) -> Self {
            Self { rank: old.rank, count: Number(1), note: None }
        }
    }

    let folder = Folder::blessed(&both());
    let renamed = registry(&[Registration::of::<DrawnV1>(), Registration::of::<Renamed>()]);
    folder.check(&renamed, false).unwrap();
    let locks = [folder.lock(), Folder::blessed(&renamed).lock()];
    let [before, after] = locks.map(|lock| lock.parse::<LockFile>().unwrap());
    assert_ne!(before.to_string(), after.to_string());
    assert_eq!(diff(&before, &after), []);
}

#[test]
fn the_public_checks_panic_with_the_report() {
    let folder = Folder::new();
    let folder = folder.0.path().to_str().unwrap();
    for check in [check as fn(&str, &str), check_strict] {
        let panic = std::panic::catch_unwind(|| check("absent-events", folder)).unwrap_err();
        let report = panic.downcast_ref::<String>().unwrap();
        assert!(report.contains("write `use absent_events as _;`"), "{report}");
    }
}

#[test]
fn a_removed_version_needs_a_migration_or_a_retired_line() {
    let folder = Folder::blessed(&both());
    let only_old = registry(&[Registration::of::<DrawnV1>()]);
    folder.assert_reported(
        &only_old,
        &["lock.drawn v2 is locked, but no longer defined", "migrate(from = 2, with = path)"],
    );
    let lock = folder.lock();
    folder.set_lock(&lock.replace("\nend\n", "\nretired lock.drawn v2: never released\nend\n"));
    folder.check(&only_old, false).unwrap();
    folder.assert_reported(&both(), &["lock.drawn v2 is retired, but can still be read"]);
    folder.set_lock(&lock.replace("\nend\n", "\nretired lock.drawn v7: a typo\nend\n"));
    folder.assert_reported(&both(), &["lock.drawn v7 is retired, but was never locked"]);
}

#[test]
fn a_struct_may_be_removed_once_a_json_step_reads_its_events() {
    #[expect(clippy::unnecessary_wraps, reason = "the signature of a JSON step")]
    fn add_count(mut data: Value) -> Result<Value, MigrationError> {
        data["count"] = 1.into();
        Ok(data)
    }

    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.drawn", version = 2, migrate(from = 1, with = add_count), register = false)]
    struct WithoutStruct {
        rank: u8,
        count: Count,
        #[serde(default)]
        note: Option<String>,
    }

    let folder = Folder::blessed(&both());
    folder.check(&registry(&[Registration::of::<WithoutStruct>()]), false).unwrap();
}

#[test]
fn the_old_name_of_a_renamed_type_is_suggested_as_an_alias() {
    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.taken", version = 1, register = false)]
    struct Taken {
        rank: u8,
    }

    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.taken", version = 1, alias = "lock.drawn", register = false)]
    struct TakenAlias {
        rank: u8,
    }

    let folder = Folder::blessed(&registry(&[Registration::of::<DrawnV1>()]));
    folder.assert_reported(
        &registry(&[Registration::of::<Taken>()]),
        &[
            "lock.drawn v1 is locked, but no longer defined, and lock.taken has its shape",
            "alias = \"lock.drawn\"",
        ],
    );
    let lock = folder.lock();
    assert!(folder.check(&registry(&[Registration::of::<Taken>()]), true).is_err());
    assert_eq!(folder.lock(), lock, "it is not locked as a new event");
    folder.check(&registry(&[Registration::of::<TakenAlias>()]), true).unwrap();
}

#[test]
fn blessing_without_new_versions_keeps_comments() {
    let folder = Folder::blessed(&both());
    let noted =
        folder.lock().replace("\nevent lock.drawn v2", "\n# released in May\nevent lock.drawn v2");
    folder.set_lock(&noted);
    folder.check(&both(), true).unwrap();
    assert_eq!(folder.lock(), noted);
}

#[test]
fn keys_that_look_like_paths_round_trip() {
    #[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Shape)]
    enum Role {
        #[serde(rename = "a: b", alias = "x\ny")]
        Odd,
        Plain,
    }

    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.odd", version = 1, register = false)]
    struct Odd {
        #[serde(rename = "c: \"d\"")]
        roles: std::collections::BTreeMap<Role, u8>,
        #[serde(flatten)]
        more: Option<Inside>,
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct Inside {
        x: u8,
    }

    let folder = Folder::blessed(&registry(&[Registration::of::<Odd>()]));
    folder.check(&registry(&[Registration::of::<Odd>()]), false).unwrap();
    let lock = folder.lock();
    assert!(
        lock.contains(r#""c: \"d\""{key}<"a: b">: unit"#),
        "the names of keys are locked: {lock}"
    );
    assert!(lock.contains("more: flattened, may be missing\n  x: u8"), "{lock}");
}

#[test]
fn a_broken_lock_file_is_reported_with_its_line() {
    let folder = Folder::blessed(&both());
    let good = folder.lock();
    let truncated = &good[..good.find("note").unwrap()];
    let without_end = good.replace("\nend\n", "");
    for (text, words) in [
        (
            good.replace("rank: u8\n  count", "rank: u16\n  count"),
            "was edited by hand or truncated",
        ),
        (good.replace("event lock.drawn v2", "event lock.drawn v1"), "is locked twice"),
        (
            good.replace("crate event-testing", "crate other"),
            "lock file of crate `other`, not of `event-testing`",
        ),
        (
            good.replace("event lock.drawn v2", "<<<<<<< HEAD\nevent lock.drawn v2"),
            "merge conflict marks",
        ),
        (good.replace("format 2", "format 9"), "format 9 is not known"),
        (good.replace("format 2\n", ""), "does not begin with `format 2`"),
        (
            good.replace("event lock.drawn v1 ", "event lock.drawn first "),
            "expected `event <type> v<N>",
        ),
        (
            good.replace("\nend", "\nretired lock.drawn v1:\nend"),
            "expected `retired <type> v<N>: <reason>`",
        ),
        (good.replace("\nend\n", "\nnonsense\nend\n"), "`nonsense` is not a line of a lock file"),
        (good.clone() + "  rank: u8\n", "outside of a block"),
        (good.clone() + "event x v1 0\n", "unexpected line after `end`"),
        (truncated.to_owned(), "was edited by hand or truncated"),
        (without_end, "the file is truncated"),
        (String::new(), "the file is truncated"),
        (
            good.replace("crate event-testing", "crate event-testing\ncrate event-testing"),
            "duplicate `crate` line",
        ),
        (
            good.replace("\nend", "\nretired lock.drawn v1: a\nretired lock.drawn v1: b\nend"),
            "lock.drawn v1 is retired twice",
        ),
    ] {
        folder.set_lock(&text);
        folder.assert_reported(&both(), &["events.lock:", words]);
        assert!(
            folder.check(&both(), true).is_err(),
            "{words}: blessing does not hide the problem"
        );
        assert_eq!(folder.lock(), text, "{words}: the file is not overwritten");
    }
}

#[test]
fn payloads_that_do_not_decode_are_reported_with_the_json_path() {
    let folder = Folder::blessed(&both());
    let payload = folder.0.path().join("fixtures/lock.drawn.v2.json");
    fs::write(&payload, r#"{"rank": 1, "count": "many"}"#).unwrap();
    folder.assert_reported(
        &both(),
        &["lock.drawn.v2.json", "does not fit at `count`", "never the payload"],
    );
    fs::write(&payload, "{").unwrap();
    folder.assert_reported(&both(), &["not JSON"]);
    fs::remove_file(&payload).unwrap();
    folder.assert_reported(&both(), &["lock.drawn v2 has no golden payload"]);
    fs::write(folder.0.path().join("fixtures/lock.drwan.v1.json"), "{}").unwrap();
    folder.assert_reported(&both(), &["lock.drwan.v1.json: no version of that name is locked"]);
}

#[test]
fn all_paths_of_migrations_must_give_equal_events() {
    #[expect(clippy::unnecessary_wraps, reason = "the signature of a JSON step")]
    fn shortcut(mut data: Value) -> Result<Value, MigrationError> {
        data["count"] = 7.into();
        Ok(data)
    }

    fn panics(_: Value) -> Result<Value, MigrationError> {
        panic!("no such card")
    }

    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.drawn", version = 3, from = Drawn, register = false)]
    struct Third {
        rank: u8,
        count: Count,
    }

    impl From<Drawn> for Third {
        fn from(old: Drawn) -> Self {
            Self { rank: old.rank, count: old.count }
        }
    }

    let three = || {
        Registry::builder().registrations(&[
            Registration::of::<DrawnV1>(),
            Registration::of::<Drawn>(),
            Registration::of::<Third>(),
        ])
    };
    let folder = Folder::blessed(&three().build().unwrap());
    let (v1, v3) = (EventVersion::new(1), EventVersion::new(3));
    let other = three().migration("lock.drawn", v1, v3, shortcut).build().unwrap();
    folder.assert_reported(&other, &["lock.drawn.v1.json: decodes differently along v1 → v2 → v3"]);
    let broken = three().migration("lock.drawn", v1, v3, panics).build().unwrap();
    folder.assert_reported(
        &broken,
        &["lock.drawn.v1.json", "from v1 to v3 failed: the step panicked: no such card"],
    );
}

#[test]
fn an_event_crate_that_is_not_linked_is_reported() {
    let folder = Folder::new();
    let report = checked_with(&both(), "my-events", folder.0.path(), Mode::default()).unwrap_err();
    assert!(report.contains("write `use my_events as _;`"), "{report}");
}

#[test]
fn a_diff_classifies_each_change_by_its_impact() {
    let lock = |events: &[Registration]| {
        let mut lock = LockFile::new(NAME);
        lock.add(events.iter());
        lock
    };
    let (first, changed, second) = (
        Registration::of::<DrawnV1>(),
        Registration::of::<DrawnChanged>(),
        Registration::of::<Drawn>(),
    );
    let classified = |old: &LockFile, new: &LockFile| {
        diff(old, new).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let (one, two) = (lock(&[first]), lock(&[first, second]));
    assert_eq!(classified(&one, &one), "");
    assert!(classified(&one, &two).starts_with("lock.drawn v2: additive: a new version"));
    assert_eq!(classified(&two, &one), "lock.drawn v2: breaking: removed without a `retired` line");
    assert_eq!(
        classified(&one, &lock(&[changed])),
        "lock.drawn v1: needs a migration: the shape changed within the version\n  ~ rank: u8 → u16\n  + suit: string"
    );
    let retired =
        two.to_string().replace("\nend\n", "\nretired lock.drawn v2: never released\nend\n");
    let retired: LockFile = retired.parse().unwrap();
    assert_eq!(classified(&two, &retired), "lock.drawn v2: breaking: retired: never released");
}
