//! `docs/shop.md` against the shop: its code is the shop's, and its requests are answered as it says.

use std::path::Path;

use crate::session::play;

fn guide() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/shop.md"))
        .unwrap()
}

/// The blocks of code in one language.
fn blocks<'g>(guide: &'g str, language: &str) -> Vec<&'g str> {
    let start = format!("```{language}\n");
    let blocks: Vec<&str> =
        guide.split(&start).skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty(), "the guide has {language}");
    blocks
}

#[test]
fn the_code_of_the_guide_is_that_of_the_shop() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = std::fs::read_dir(sources).unwrap().map(|file| file.unwrap().path());
    let shop: Vec<String> = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    for block in blocks(&guide(), "rust") {
        assert!(shop.iter().any(|file| file.contains(block)), "no file of the shop has:\n{block}");
    }
}

#[tokio::test]
async fn the_requests_of_the_guide_are_answered_as_it_says() {
    play("../../docs/shop.md", "http", None).await;
}
