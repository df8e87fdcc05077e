//! What holds for the events of the game as a whole: locked shapes, golden payloads, the catalogue in the README.

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
fn every_payload_of_a_locked_shape_reads() {
    upcasts_never_fail(CRATE, 300);
}

#[test]
fn shipped_payloads_are_those_of_the_folder() {
    event_testing::lock::golden::check(game_events::testing::GOLDEN);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files: Vec<String> = fs::read_dir(folder)
        .expect("the folder of the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    files.sort();
    let shipped: Vec<&str> = game_events::testing::GOLDEN.iter().map(|it| it.name).collect();
    assert_eq!(files, shipped, "a new fixture belongs in `testing::GOLDEN`, too");
}

/// The README shows the catalogue; `EVENTS_LOCK=bless` writes it anew.
#[test]
fn the_readme_shows_the_catalogue() {
    const BEGIN: &str = "<!-- catalogue: written by the tests -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).expect("the README");
    let (before, shown) = readme.split_once(BEGIN).expect("the README marks the catalogue");
    let registry = Registry::global().expect("a sound registry");
    let catalogue = registry.catalogue().of_crate(CRATE).to_markdown();
    if std::env::var("EVENTS_LOCK").is_ok_and(|value| value == "bless") {
        fs::write(&path, format!("{before}{BEGIN}{catalogue}")).expect("the README is written");
    } else {
        assert_eq!(shown, catalogue, "`EVENTS_LOCK=bless cargo test` writes it anew");
    }
}
