//! Sources as text, and what no text of the repository may say.

use std::fs;
use std::path::{Path, PathBuf};

use super::root;

/// Every Rust source below a folder, with its text.
pub(super) fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let sources = files(folder, &["rs"]);
    assert!(!sources.is_empty(), "{} has sources", folder.display());
    sources
}

fn files(folder: &Path, extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && (name == ".ci" || !name.starts_with('.')) {
                    folders.push(path);
                }
            } else if extensions.iter().any(|it| path.extension().is_some_and(|found| found == *it))
            {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    files
}

/// A requirement's number, such as a letter, a hyphen and two digits, or a mention of the document that numbers them.
fn citation(line: &str) -> Option<&str> {
    let words = line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    let is_number = |word: &&str| {
        ["S-", "D-", "AC-"].iter().any(|letters| {
            word.strip_prefix(letters).is_some_and(|rest| {
                let digits = rest.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
                (1..=3).contains(&rest.len())
                    && !digits.is_empty()
                    && digits.bytes().all(|byte| byte.is_ascii_digit())
            })
        })
    };
    let document = ["the", "seed"].join(" ");
    let mention = line.find(&document).map(|at| &line[at..at + document.len()]);
    words.into_iter().find(is_number).or(mention)
}

#[test]
fn no_text_cites_a_requirement_by_number() {
    let mut cited = Vec::new();
    for (file, text) in files(&root(), &["rs", "md", "sql", "toml", "stderr", "txt"]) {
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(word) = citation(line) {
                cited.push(format!("{}:{number}: {word}", file.display()));
            }
        }
    }
    assert_eq!(cited, Vec::<String>::new());
}

#[test]
fn citations_are_told_from_other_words() {
    for (line, expected) in [
        (["see ", "S", "-26"].concat(), true),
        (["(", "AC", "-D1)"].concat(), true),
        (["by ", "the", " seed"].concat(), true),
        ("UTF-8, SHA-256, FNV-1a, a D-Bus name".to_owned(), false),
        ("HTTPS-443 and --seed 7".to_owned(), false),
    ] {
        assert_eq!(citation(&line).is_some(), expected, "{line}");
    }
}
