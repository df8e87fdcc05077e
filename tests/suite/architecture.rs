//! The layout keeps its promises: who may know whom, between crates, between the modules of the core, and S-26.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of event-core; each may use only those to its left. ARCHITECTURE.md shows the same list.
const MODULES: &str = "causes version stored_version number stream clock expected_version id shape json_path migration \
    decode_error facts history event decode scope metadata registration link registry census catalogue lock error guard envelope \
    set proof options health seam rows tables live_buffer memory connect retry codec operation store event_stream transaction digest subscription place durable \
    transfer snapshot recovery projection projector inline broadcast plain_set testing";

/// Pairs that know each other by design: two halves of one thing in two files.
const MUTUAL: &[(&str, &str)] = &[
    ("history", "event"), // the trait states its history, the history is of an event
    ("connect", "memory"), // `memory:` is opened without a factory
    ("store", "event_stream"), // the facade hands out streams that read through it
    ("store", "transaction"), // and transactions that commit through it
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(crate_name: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(crate_name).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    assert!(!files.is_empty(), "{crate_name} has sources");
    files
}

/// The module at the top of the crate that a file belongs to.
fn module(crate_name: &str, file: &Path) -> String {
    let inside = file.strip_prefix(root().join(crate_name).join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules of its own crate that a source names, comments and tests left out.
fn used_modules(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines
        .flat_map(|line| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>())
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .filter(|name: &String| name.chars().next().is_some_and(char::is_lowercase))
        .collect()
}

#[test]
fn modules_of_the_core_form_a_list_not_a_web() {
    let order: BTreeMap<_, _> =
        MODULES.split_whitespace().enumerate().map(|(at, name)| (name, at)).collect();
    let mut wrong = Vec::new();
    for (file, text) in sources("event-core") {
        let module = module("event-core", &file);
        if module == "lib" {
            continue;
        }
        let own =
            *order.get(module.as_str()).unwrap_or_else(|| panic!("{module} is not in the list"));
        for used in used_modules(&text) {
            let Some(at) = order.get(used.as_str()) else { continue };
            let mutual = MUTUAL
                .iter()
                .any(|(a, b)| (*a == module && *b == used) || (*b == module && *a == used));
            if *at > own && !mutual {
                wrong.push(format!("{module} uses {used}, which stands to its right"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_list_names_every_module_once() {
    let listed: Vec<_> = MODULES.split_whitespace().collect();
    let distinct: BTreeSet<_> = listed.iter().copied().collect();
    assert_eq!(listed.len(), distinct.len());
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let shown = listed.join(" → ");
    let flat = architecture.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(&shown), "ARCHITECTURE.md shows another list; it should read:\n{shown}");
}

#[test]
fn manifests_keep_the_direction_between_crates() {
    for (crate_name, allowed) in [
        ("event-derive", &[][..]),
        ("event-core", &["event-derive"][..]),
        ("event-postgres", &["event-core"][..]),
        ("event-sqlite", &["event-core"][..]),
        ("game-events", &["event-core"][..]),
        ("gamebot", &["event-core", "event-postgres", "event-sqlite", "game-events"][..]),
    ] {
        let manifest = fs::read_to_string(root().join(crate_name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
        let dependencies = dependencies.split("\n[").next().unwrap();
        for sibling in [
            "event-derive",
            "event-core",
            "event-postgres",
            "event-sqlite",
            "game-events",
            "gamebot",
        ] {
            let depends = dependencies.lines().any(|line| line.starts_with(sibling));
            assert!(!depends || allowed.contains(&sibling), "{crate_name} must not know {sibling}");
        }
    }
}

/// S-26: clients use the facade, never an adapter.
#[test]
fn game_code_never_calls_an_adapter() {
    for crate_name in ["game-events", "gamebot"] {
        for (file, text) in sources(crate_name) {
            for word in ["Adapter", "event_core::adapter", ".commit(&", "sqlx"] {
                assert!(!text.contains(word), "{} says `{word}`", file.display());
            }
        }
    }
}

#[test]
fn the_core_knows_no_sql_and_no_game() {
    for (file, text) in sources("event-core") {
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for word in ["SELECT ", "INSERT ", "sqlx", "guess", "knockout", "guild"] {
            assert!(!code.contains(word), "{} says `{word}`", file.display());
        }
    }
}
