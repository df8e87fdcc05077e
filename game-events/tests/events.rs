//! Checks of the whole set of events: locked shapes, stored payloads, the catalogue in the README.

#![allow(missing_docs, reason = "a test's name is its documentation")]

use std::fs;
use std::path::Path;

use event_core::Registry;
use event_testing::upcasts_never_fail;
use game_events as _;

const CRATE: &str = env!("CARGO_PKG_NAME");

#[test]
fn events_are_locked() {
    event_testing::lock::check(CRATE, env!("CARGO_MANIFEST_DIR"));
}

#[test]
fn random_payloads_of_every_locked_shape_decode() {
    upcasts_never_fail(CRATE, 300);
}

#[test]
fn golden_payloads_decode_and_match_the_fixtures_folder() {
    event_testing::lock::golden::check(game_events::testing::GOLDEN);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files: Vec<String> = fs::read_dir(folder)
        .expect("the fixtures folder is readable")
        .map(|entry| entry.expect("the entry is readable").path())
        .map(|path| {
            path.file_stem().expect("a fixture has a file name").to_string_lossy().into_owned()
        })
        .collect();
    files.sort();
    let shipped: Vec<&str> = game_events::testing::GOLDEN.iter().map(|it| it.name).collect();
    assert_eq!(files, shipped, "add every fixture to `testing::GOLDEN`");
}

/// Compares the catalogue in the README with the registry; `EVENTS_LOCK=bless` rewrites it.
#[test]
fn readme_contains_the_current_catalogue() {
    const BEGIN: &str = "<!-- catalogue: written by the tests -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).expect("the README is readable");
    let (before, shown) =
        readme.split_once(BEGIN).expect("the README contains the catalogue marker");
    let registry = Registry::global().expect("the registry has no problem");
    let catalogue = registry.catalogue().of_crate(CRATE).to_markdown();
    if std::env::var("EVENTS_LOCK").is_ok_and(|value| value == "bless") {
        fs::write(&path, format!("{before}{BEGIN}{catalogue}")).expect("the README is writable");
    } else {
        assert_eq!(shown, catalogue, "run `EVENTS_LOCK=bless cargo test -p game-events`");
    }
}
