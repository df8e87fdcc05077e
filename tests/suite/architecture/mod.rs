//! The layout: which crate, folder and file may use which, what the root of event-core exports, and that no text cites a
//! document that its reader does not have.

mod modules;
mod promises;
mod surface;
mod telemetry;
mod texts;

use std::fs;
use std::path::{Path, PathBuf};

use self::modules::Modules;

/// The folders of event-core, from the top floor down: each may use only those after it. ARCHITECTURE.md shows the same list.
const FOLDERS: [&str; 14] = [
    "transfer",
    "projection",
    "subscription",
    "decision",
    "aggregate",
    "store",
    "memory",
    "adapter",
    "envelope",
    "error",
    "registry",
    "event",
    "shape",
    "value",
];

/// Each crate with the crates of this workspace that it may depend on, other than for its tests.
const CRATES: [(&str, &[&str]); 10] = [
    ("event-derive", &[]),
    ("event-core", &["event-derive"]),
    ("event-sql", &["event-core"]),
    ("event-testing", &["event-core"]),
    ("event-postgres", &["event-core", "event-sql"]),
    ("event-sqlite", &["event-core", "event-sql"]),
    ("event-console", &["event-core"]),
    ("event-cli", &["event-console", "event-core", "event-postgres", "event-sqlite"]),
    ("game-events", &["event-core", "event-testing"]),
    ("gamebot", &["event-cli", "event-core", "event-postgres", "event-sqlite", "game-events"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn no_crate_has_an_import_circle() {
    let mut circles = Vec::new();
    for (name, _) in CRATES {
        circles.extend(Modules::of_crate(name).circle());
    }
    assert_eq!(circles, Vec::<String>::new());
}

#[test]
fn folders_of_the_core_use_only_those_below_them() {
    let modules = Modules::of_crate("event-core");
    let floor = |folder: &str| {
        FOLDERS.iter().position(|name| *name == folder).unwrap_or_else(|| {
            panic!("{folder} is not in the list; add it here and in ARCHITECTURE.md")
        })
    };
    let mut upward = Vec::new();
    for (from, to) in modules.arrows() {
        let ([from_folder, ..], [to_folder, ..]) = (from.as_slice(), to.as_slice()) else {
            continue;
        };
        if floor(to_folder) < floor(from_folder) {
            upward.push(format!("{} uses {}", from.join("::"), to.join("::")));
        }
    }
    assert_eq!(upward, Vec::<String>::new());
}

#[test]
fn architecture_md_shows_the_order_of_the_folders() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let shown = FOLDERS.join(" → ");
    let flat = architecture.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(&shown), "ARCHITECTURE.md should show:\n{shown}");
}

#[test]
fn manifests_keep_the_direction_between_crates() {
    for (name, allowed) in CRATES {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap();
        for (sibling, _) in CRATES {
            let depends = dependencies.lines().any(|line| line.starts_with(&format!("{sibling} ")));
            assert!(!depends || allowed.contains(&sibling), "{name} must not depend on {sibling}");
        }
    }
}

#[test]
fn game_code_never_calls_an_adapter() {
    for name in ["game-events", "gamebot"] {
        for (file, text) in texts::sources(&root().join(name).join("src")) {
            for word in ["Adapter", "event_core::adapter", ".commit(&", "sqlx"] {
                assert!(!text.contains(word), "{} says `{word}`", file.display());
            }
        }
    }
}

#[test]
fn the_core_knows_no_sql_no_file_and_no_game() {
    for (file, text) in texts::sources(&root().join("event-core/src")) {
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for word in ["SELECT ", "INSERT ", "sqlx", "std::fs", "guess", "knockout", "guild"] {
            assert!(!code.contains(word), "{} says `{word}`", file.display());
        }
    }
}
