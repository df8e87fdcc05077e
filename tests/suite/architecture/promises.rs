//! `tests/README.md` names the tests of each promise: they exist, and those of the contract run for every backend.

use std::fs;

use super::root;

/// Where the paths of the document begin.
const FOLDERS: [(&str, &str); 4] = [
    ("contract/", "event-testing/src/contract/"),
    ("suite/", "tests/suite/"),
    ("postgres/", "tests/postgres/"),
    ("apart/", "tests/apart/"),
];

#[test]
fn every_test_that_a_promise_names_exists() {
    let document = fs::read_to_string(root().join("tests/README.md")).unwrap();
    let cases = fs::read_to_string(root().join("event-testing/src/contract/macros.rs")).unwrap();
    let named: Vec<&str> = document.split('`').filter(|text| text.contains(".rs")).collect();
    assert!(named.len() > 100, "{named:?}");
    let mut missing = Vec::new();
    for test in named {
        let (path, name) = test.split_once("::").unwrap_or((test, ""));
        let folder = FOLDERS.iter().find(|(start, _)| path.starts_with(start));
        let path =
            folder.map_or(path.to_owned(), |(start, folder)| path.replacen(start, folder, 1));
        let is_case = test.starts_with("contract/");
        let text = match path.strip_suffix(".rs").map(|folder| format!("{folder}/mod.rs")) {
            Some(folder) if is_case && root().join(&folder).exists() => {
                fs::read_to_string(root().join(folder))
            }
            _ => fs::read_to_string(root().join(&path)),
        };
        let is_there =
            text.is_ok_and(|text| name.is_empty() || text.contains(&format!("fn {name}(")));
        let is_run = !is_case || cases.contains(name);
        if !is_there || !is_run {
            missing.push(test);
        }
    }
    assert_eq!(missing, Vec::<&str>::new());
}
