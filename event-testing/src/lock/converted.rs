//! The lock of values that functions convert: what it records of them, and how it compares it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::*;
use event_core::registry::Registration;
use event_core::{Event, EventVersion};

fn check(folder: &Path, event: Registration, bless: bool) -> Result<(), String> {
    let registry = Registry::builder().registration(event).build().unwrap();
    let mode = Mode { bless, strict: false };
    checked_with(&registry, env!("CARGO_PKG_NAME"), folder, mode)
}

fn lock_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("events.lock")).unwrap()
}

macro_rules! paid {
    ($name:ident, $with:literal $(, $derive:ident)?) => {
        mod $name {
            use super::*;

            #[derive($($derive,)? Serialize, Deserialize, Event)]
            #[event(type = "lock.paid", version = 1, register = false)]
            pub(super) struct Paid {
                #[serde(with = $with)]
                #[event(shape = "u32")]
                pub(super) price: u32,
            }
        }
    };
}

macro_rules! codec {
    ($name:ident, $write:expr, $read:expr) => {
        mod $name {
            use super::*;

            pub(super) fn serialize<S: Serializer>(value: &u32, to: S) -> Result<S::Ok, S::Error> {
                let write: fn(u32) -> u32 = $write;
                to.serialize_u32(write(*value))
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
                let read: fn(u32) -> u32 = $read;
                u32::deserialize(from).map(read)
            }
        }
    };
}

codec!(cents, |it| it, |it| it);
codec!(units, |it| it / 100, |it| it * 100);
codec!(small, |it| it, |it| it.checked_sub(it / 100 * 100).filter(|_| it < 1000).expect("small"));

paid!(plain, "cents", Debug);
paid!(moved, "super::cents", Debug);
paid!(other, "units", Debug);
paid!(clamped, "small", Debug);
paid!(silent, "cents");

fn blessed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    check(folder.path(), Registration::of::<plain::Paid>(), true).unwrap();
    folder
}

#[test]
fn values_that_functions_convert_are_recorded_as_debug_shows_them() {
    let folder = blessed();
    let lock = lock_of(folder.path());
    assert!(lock.contains("  = v1 {\"price\":1}\n  ~ \"Paid { price: 1 }\"\n"), "{lock}");
    assert!(lock.contains("  - {\"price\":70000}\n  = v1 {\"price\":70000}\n"), "{lock}");
    assert_eq!(lock.parse::<LockFile>().unwrap().to_string(), lock);
    check(folder.path(), Registration::of::<plain::Paid>(), true).unwrap();
    assert_eq!(lock_of(folder.path()), lock, "blessing again changes nothing");
    let silent = tempfile::tempdir().unwrap();
    check(silent.path(), Registration::of::<silent::Paid>(), true).unwrap();
    assert!(!lock_of(silent.path()).contains("  ~ "), "{}", lock_of(silent.path()));
}

#[test]
fn a_moved_function_is_blessed_only_with_recorded_values() {
    let folder = blessed();
    let moved = Registration::of::<moved::Paid>();
    let report = check(folder.path(), moved, false).unwrap_err();
    assert!(report.contains("~ price: u32, with cents → u32, with super::cents"), "{report}");
    assert!(report.contains("every stored event reads as before"), "{report}");
    let other = check(folder.path(), Registration::of::<other::Paid>(), true).unwrap_err();
    assert!(
        other.contains("needs `Debug`") && other.contains("the shape of lock.paid v1 changed"),
        "{other}"
    );
    let before: LockFile = lock_of(folder.path()).parse().unwrap();
    check(folder.path(), moved, true).unwrap();
    check(folder.path(), moved, false).unwrap();
    let after: LockFile = lock_of(folder.path()).parse().unwrap();
    assert_eq!(diff(&before, &after)[0].impact, Impact::Additive);

    // A lock that was written before values were recorded passes, and proves nothing.
    let folder = blessed();
    let lock = lock_of(folder.path());
    let lines = lock.lines().filter(|line| !line.starts_with("  ~ "));
    let unrecorded: String = lines.flat_map(|line| [line, "\n"]).collect();
    fs::write(folder.path().join("events.lock"), &unrecorded).unwrap();
    check(folder.path(), Registration::of::<plain::Paid>(), false).unwrap();
    assert_eq!(lock_of(folder.path()), unrecorded);
    assert!(check(folder.path(), moved, true).is_err());
    let mut old: LockFile = unrecorded.parse().unwrap();
    old.set_lines("lock.paid", EventVersion::new(1), &moved.shape());
    let before: LockFile = unrecorded.parse().unwrap();
    assert_eq!(diff(&before, &old)[0].impact, Impact::NeedsMigration);
    check(folder.path(), Registration::of::<plain::Paid>(), true).unwrap();
    assert_eq!(lock_of(folder.path()), lock);
}

#[test]
fn a_function_that_panics_for_a_recorded_value_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    check(folder.path(), Registration::of::<clamped::Paid>(), true).unwrap();
    assert!(!lock_of(folder.path()).contains("70000"), "{}", lock_of(folder.path()));
    let folder = blessed();
    let mut lock: LockFile = lock_of(folder.path()).parse().unwrap();
    lock.set_lines("lock.paid", EventVersion::new(1), &Registration::of::<clamped::Paid>().shape());
    fs::write(folder.path().join("events.lock"), lock.to_string()).unwrap();
    let report = check(folder.path(), Registration::of::<clamped::Paid>(), false).unwrap_err();
    assert!(report.contains("a function of the event panicked"), "{report}");
}

#[test]
fn broken_lines_of_recorded_values_are_reported() {
    let folder = blessed();
    let lock = lock_of(folder.path());
    for (from, to) in [
        ("  ~ \"Paid { price: 1 }\"", "  ~ Paid { price: 1 }"),
        ("  ~ \"Paid { price: 1 }\"", "  ~ "),
        ("  = v1 {\"price\":1}\n", ""),
    ] {
        fs::write(folder.path().join("events.lock"), lock.replacen(from, to, 1)).unwrap();
        let report = check(folder.path(), Registration::of::<plain::Paid>(), false).unwrap_err();
        assert!(report.contains("as `Debug` shows it, was edited by hand"), "{report}");
    }
}
