//! The session of `README.md`, played against the shop.

use std::path::Path;

use serde_json::Value;

use crate::process::Shop;

/// Plays what the blocks of one language in a document say; `target` stands for the server that it moves to.
pub(crate) async fn play(document: &str, language: &str, target: Option<&str>) {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = std::fs::read_to_string(text).unwrap();
    let start = format!("```{language}\n");
    let blocks: Vec<&str> =
        text.split(&start).skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty(), "{document} has {language}");
    let mut shop = Shop::open().await;
    let mut moved = shop.store().to_owned();
    for step in blocks.iter().flat_map(|block| block.trim().split("\n\n")) {
        let lines: Vec<&str> = step.lines().collect();
        let words: Vec<&str> = lines[0].split(' ').collect();
        let (status, answer) = match (&*words, &*lines) {
            (["$", "kill", ..], _) => {
                shop.kill();
                continue;
            }
            (["$", "shop", "copy", "--to", _], _) => {
                let Some(target) = target else { return };
                target.clone_into(&mut moved);
                assert!(shop.run(&["copy", "--to", target]).success());
                continue;
            }
            (["$", "shop", .., "open"], _) => {
                if !shop.is_open() {
                    shop.move_to(moved.clone()).await;
                }
                continue;
            }
            (["GET", path], _) => shop.get(path).await,
            (["POST", path, key], [_, body, _]) => {
                shop.post(path, key, &serde_json::from_str(body).unwrap()).await
            }
            _ => panic!("neither a command nor a request: {step}"),
        };
        // A text stands for an answer with this code.
        let (expected_status, expected) = lines[lines.len() - 1].split_once(' ').unwrap();
        let expected: Value = serde_json::from_str(expected).unwrap();
        let shown = if expected.is_string() { &answer["code"] } else { &answer };
        assert_eq!((status.to_string().as_str(), shown), (expected_status, &expected), "{step}");
    }
}

#[tokio::test]
async fn the_session_of_the_readme_goes_as_it_says() {
    play("README.md", "session", None).await;
}

/// The metric that the README counts by.
#[test]
fn the_readme_counts_the_lines_of_the_shop() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let mut all = 0;
    for file in std::fs::read_dir(folder.join("src")).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap().lines().map(str::trim);
        let code = code.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        let row = format!("| `{}` | {code} |", file.file_name().display());
        assert!(readme.contains(&row), "{row}");
        all += code;
    }
    assert!(all < 350 && readme.contains(&format!("of {all} lines")), "{all} lines");
}
