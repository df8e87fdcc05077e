//! The lock, on real files: what bless records and what it does not, other formats, renamed and nested types.

use std::thread;

use serde::{Deserialize, Serialize};

use super::*;
use event_core::registry::Registration;
use event_core::{Event, Shape};

const NAME: &str = env!("CARGO_PKG_NAME");

fn registry(events: &[Registration]) -> Registry {
    Registry::builder().registrations(events).build().unwrap()
}

fn check(folder: &Path, registry: &Registry, bless: bool) -> Result<(), String> {
    checked_with(registry, NAME, folder, Mode { bless, strict: false })
}

fn lock_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("events.lock")).unwrap()
}

#[track_caller]
fn assert_words(report: Result<(), String>, words: &[&str]) {
    let report = report.unwrap_err();
    for words in words {
        assert!(report.contains(words), "{words:?} is not in:\n{report}");
    }
}

mod first {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
    pub(super) struct Address {
        pub(super) street: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
    #[event(type = "lock.placed", version = 1, register = false)]
    pub(super) struct OrderPlaced {
        pub(super) to: Address,
        #[event(opaque)]
        pub(super) price: String,
    }
}

mod nested {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
    pub(super) struct Address {
        pub(super) street: String,
        pub(super) town: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
    #[event(type = "lock.placed", version = 1, register = false)]
    pub(super) struct OrderPlacedV1 {
        pub(super) to: Address,
        #[event(opaque)]
        pub(super) price: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
    #[event(type = "lock.placed", version = 2, from = OrderPlacedV1, register = false)]
    pub(super) struct OrderPlaced {
        pub(super) to: Option<Address>,
    }

    impl From<OrderPlacedV1> for OrderPlaced {
        fn from(old: OrderPlacedV1) -> Self {
            Self { to: Some(old.to) }
        }
    }
}

fn blessed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("fixtures")).unwrap();
    let payload = r#"{"to":{"street":"a"},"price":"1.50"}"#;
    fs::write(folder.path().join("fixtures/lock.placed.v1.json"), payload).unwrap();
    check(folder.path(), &registry(&[Registration::of::<first::OrderPlaced>()]), true).unwrap();
    folder
}

#[test]
fn a_nested_type_that_changed_is_named_and_kept_under_its_old_name() {
    let folder = blessed();
    let both = registry(&[
        Registration::of::<nested::OrderPlacedV1>(),
        Registration::of::<nested::OrderPlaced>(),
    ]);
    let before = lock_of(folder.path());
    for bless in [false, true] {
        let report = check(folder.path(), &both, bless);
        let text = report.clone().unwrap_err();
        assert_words(
            report,
            &[
                "+ to.town: string",
                "What changed is `Address`, at `to`",
                "Keep `AddressV1` for lock.placed v1",
                "pub struct AddressV1 {\n        pub street: String,\n    }",
                "impl From<AddressV1> for Address",
                "town: /* new: a String for events that never had one */,",
                "`Address` to `AddressV1`",
            ],
        );
        assert!(!text.contains("V1V1"), "{text}");
    }
    assert_eq!(lock_of(folder.path()), before, "no version of a faulty type is locked");
    // The latest version gets both stubs.
    let only = registry(&[Registration::of::<nested::OrderPlacedV1>()]);
    assert_words(
        check(folder.path(), &only, false),
        &[
            "pub struct AddressV1",
            "pub struct OrderPlacedV1 {\n        pub to: AddressV1,",
            "for OrderPlacedV2",
        ],
    );
}

#[test]
fn a_type_renamed_with_an_alias_keeps_its_shape() {
    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.ordered", version = 1, alias = "lock.placed", register = false)]
    struct Same {
        to: first::Address,
        #[event(opaque)]
        price: String,
    }

    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.ordered", version = 1, alias = "lock.placed", register = false)]
    struct Changed {
        to: first::Address,
        #[serde(default)]
        prize: String,
    }

    let folder = blessed();
    let changed = registry(&[Registration::of::<Changed>()]);
    assert_words(
        check(folder.path(), &changed, true),
        &["the shape of lock.placed v1 changed", "- price"],
    );
    let fixtures = folder.path().join("fixtures");
    fs::copy(fixtures.join("lock.placed.v1.json"), fixtures.join("lock.ordered.v1.json")).unwrap();
    check(folder.path(), &registry(&[Registration::of::<Same>()]), true).unwrap();
    check(folder.path(), &registry(&[Registration::of::<Same>()]), false).unwrap();
}

#[test]
fn a_known_form_refines_a_name_and_is_compared_from_then_on() {
    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.placed", version = 1, register = false)]
    struct Known {
        to: first::Address,
        #[event(shape = "decimal")]
        price: String,
    }

    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.placed", version = 1, register = false)]
    struct Other {
        to: first::Address,
        price: String,
    }

    let folder = blessed();
    let path = folder.path();
    let (known, other) =
        (registry(&[Registration::of::<Known>()]), registry(&[Registration::of::<Other>()]));
    check(path, &known, false).unwrap();
    check(path, &known, true).unwrap();
    assert!(lock_of(path).contains("  price: decimal\n"), "{}", lock_of(path));
    assert_words(check(path, &other, true), &["~ price: decimal → string"]);
    let strict = Mode { bless: false, strict: true };
    checked_with(&known, NAME, path, strict).unwrap();
    let named = blessed();
    let first = registry(&[Registration::of::<first::OrderPlaced>()]);
    let words = ["`String`, at `price` of lock.placed v1, is known by name only"];
    assert_words(checked_with(&first, NAME, named.path(), strict), &words);
}

#[test]
fn a_lock_of_format_1_is_compared_and_upgraded_by_bless() {
    let folder = blessed();
    let path = folder.path();
    let format_2 = lock_of(path);
    let lines: Vec<String> = format_2
        .lines()
        .filter(|line| !["  = ", "  - ", "  ~ "].iter().any(|start| line.starts_with(start)))
        .map(|line| line.replace("format 2", "format 1") + "\n")
        .collect();
    let format_1 = lines.concat();
    fs::write(path.join("events.lock"), &format_1).unwrap();
    let first = registry(&[Registration::of::<first::OrderPlaced>()]);
    check(path, &first, false).unwrap();
    assert_eq!(lock_of(path), format_1);
    check(path, &first, true).unwrap();
    assert_eq!(lock_of(path), format_2);
    fs::write(path.join("events.lock"), format!("\u{feff}{format_2}")).unwrap();
    check(path, &first, false).unwrap();
}

#[test]
fn a_payload_that_reads_as_something_else_is_reported_without_a_change_of_shape() {
    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.placed", version = 2, from = first::OrderPlaced, register = false)]
    struct Priced {
        cents: u32,
    }

    impl From<first::OrderPlaced> for Priced {
        fn from(old: first::OrderPlaced) -> Self {
            Self { cents: old.price.replace('.', "").parse().unwrap_or(0) }
        }
    }

    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.placed", version = 2, from = first::OrderPlaced, register = false)]
    struct Mispriced {
        cents: u32,
    }

    impl From<first::OrderPlaced> for Mispriced {
        fn from(old: first::OrderPlaced) -> Self {
            Self { cents: old.price.split('.').next().unwrap_or("0").parse().unwrap_or(0) }
        }
    }

    let folder = blessed();
    let path = folder.path();
    let first = Registration::of::<first::OrderPlaced>();
    let right = registry(&[first, Registration::of::<Priced>()]);
    let words = [
        "lock.placed v2 is not locked yet",
        "what the payloads of lock.placed v1 read as is not recorded",
    ];
    assert_words(check(path, &right, false), &words);
    check(path, &right, true).unwrap();
    assert!(lock_of(path).contains("  = v2 {\"cents\":150}\n"), "{}", lock_of(path));
    check(path, &right, false).unwrap();
    let wrong = registry(&[first, Registration::of::<Mispriced>()]);
    let words = [
        "reads as something else at `cents` of v2: as {\"cents\":1}, and was recorded as {\"cents\":150}",
    ];
    assert_words(check(path, &wrong, true), &words);
}

/// A key that was not there is read by its default where the version is stored, and comes from the step where it is not.
#[test]
fn a_new_key_that_a_step_and_its_default_read_differently_is_reported() {
    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.placed", version = 2, from = first::OrderPlaced, register = false)]
    struct Sent {
        to: String,
    }

    impl From<first::OrderPlaced> for Sent {
        fn from(old: first::OrderPlaced) -> Self {
            Self { to: old.to.street }
        }
    }

    macro_rules! counted {
        ($name:ident, $by_step:literal) => {
            #[derive(Serialize, Deserialize, Event)]
            #[event(type = "lock.placed", version = 2, from = first::OrderPlaced, register = false)]
            struct $name {
                to: String,
                #[serde(default)]
                parcels: u8,
            }

            impl From<first::OrderPlaced> for $name {
                fn from(old: first::OrderPlaced) -> Self {
                    Self { to: old.to.street, parcels: $by_step }
                }
            }
        };
    }

    counted!(One, 1);
    counted!(AsByDefault, 0);

    let folder = blessed();
    let path = folder.path();
    let first = Registration::of::<first::OrderPlaced>();
    check(path, &registry(&[first, Registration::of::<Sent>()]), true).unwrap();
    let one = registry(&[first, Registration::of::<One>()]);
    let words = ["lock.placed.v1.json", "reads as something else at `.` of v2", "\"parcels\":1"];
    assert_words(check(path, &one, true), &words);
    let by_default = registry(&[first, Registration::of::<AsByDefault>()]);
    check(path, &by_default, true).unwrap();
}

#[test]
fn a_payload_that_reads_as_another_variant_is_reported_at_its_place() {
    #[derive(Serialize, Deserialize, Shape)]
    enum Speed {
        Slow,
        Fast,
    }

    macro_rules! sent {
        ($name:ident, $speed:ident) => {
            #[derive(Serialize, Deserialize, Event)]
            #[event(type = "lock.placed", version = 2, from = first::OrderPlaced, register = false)]
            struct $name {
                speed: Speed,
            }

            impl From<first::OrderPlaced> for $name {
                fn from(_: first::OrderPlaced) -> Self {
                    Self { speed: Speed::$speed }
                }
            }
        };
    }

    sent!(Slowly, Slow);
    sent!(Quickly, Fast);

    let folder = blessed();
    let first = Registration::of::<first::OrderPlaced>();
    check(folder.path(), &registry(&[first, Registration::of::<Slowly>()]), true).unwrap();
    let quickly = registry(&[first, Registration::of::<Quickly>()]);
    let words = ["lock.placed.v1.json: it reads as something else at `speed` of v2"];
    assert_words(check(folder.path(), &quickly, true), &words);
}

#[test]
fn bless_locks_no_version_that_it_reports() {
    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.scored", version = 1, register = false)]
    struct Unreadable {
        #[serde(rename(serialize = "total", deserialize = "sum"))]
        total: u32,
    }

    let folder = blessed();
    let before = lock_of(folder.path());
    let both =
        registry(&[Registration::of::<first::OrderPlaced>(), Registration::of::<Unreadable>()]);
    assert_words(
        check(folder.path(), &both, true),
        &["lock.scored.v1.json", "the type does not read what it writes"],
    );
    assert_eq!(lock_of(folder.path()), before);
    assert!(!folder.path().join("fixtures/lock.scored.v1.json").exists());
}

#[test]
fn runs_that_bless_at_once_all_succeed() {
    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.noted", version = 1, register = false)]
    struct Noted {
        text: Option<String>,
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    thread::scope(|scope| {
        let runs: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| check(path, &registry(&[Registration::of::<Noted>()]), true)))
            .collect();
        for run in runs {
            run.join().unwrap().unwrap();
        }
    });
    check(path, &registry(&[Registration::of::<Noted>()]), false).unwrap();
    let left: Vec<_> = fs::read_dir(path).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "no temporary file is left: {left:?}");
}

#[test]
fn a_sample_stands_for_a_value_that_cannot_be_generated() {
    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "lock.paid", version = 1, register = false)]
    struct Paid {
        #[event(shape = "money", sample = { "cents": 150, "currency": "EUR" })]
        #[serde(with = "money")]
        price: (u32, String),
        #[event(shape = "option decimal", sample = "1.50")]
        tax: Option<String>,
    }

    mod money {
        use super::*;

        #[derive(Serialize, Deserialize)]
        struct Money {
            cents: u32,
            currency: String,
        }

        pub(super) fn serialize<S: serde::Serializer>(
            (cents, currency): &(u32, String),
            to: S,
        ) -> Result<S::Ok, S::Error> {
            Money { cents: *cents, currency: currency.clone() }.serialize(to)
        }

        pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
            from: D,
        ) -> Result<(u32, String), D::Error> {
            Money::deserialize(from).map(|it| (it.cents, it.currency))
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let paid = registry(&[Registration::of::<Paid>()]);
    check(path, &paid, true).unwrap();
    checked_with(&paid, NAME, path, Mode { bless: false, strict: true }).unwrap();
    let lock = lock_of(path);
    assert!(lock.contains("  price: money, with money\n"), "{lock}");
    let golden = fs::read_to_string(path.join("fixtures/lock.paid.v1.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
    assert_eq!(golden["price"]["currency"], "EUR");
    assert_eq!(golden["tax"], "1.50");
}
