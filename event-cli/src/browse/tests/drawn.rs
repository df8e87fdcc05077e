//! What is drawn, at three sizes.

use super::stage::Stage;

/// The screens after some keys, at each size.
fn at_each_size(name: &str, keys: &str) {
    for (columns, rows) in [(20, 10), (80, 24), (200, 50)] {
        let mut stage = Stage::new();
        stage.resize(columns, rows);
        stage.press(keys);
        insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), stage.screen());
    }
}

#[test]
fn streams() {
    at_each_size("streams", "");
}

#[test]
fn events_of_a_stream() {
    at_each_size("events", "/order-007<enter><enter>");
}

#[test]
fn everything() {
    at_each_size("everything", "2");
}

#[test]
fn one_event() {
    at_each_size("event", "/order-007<enter><enter><enter>");
}

#[test]
fn subscriptions() {
    at_each_size("subscriptions", "4");
}

#[test]
fn the_keys() {
    at_each_size("keys", "?");
}

#[test]
fn a_question() {
    at_each_size("question", "4Rnow<enter>");
}

#[test]
fn a_search() {
    at_each_size("search", "2/ship");
}

#[test]
fn the_guide_shows_an_event_as_it_is_drawn() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/browse.md");
    let mut stage = Stage::new();
    stage.press("/order-007<enter><enter><enter>");
    let screen = stage.screen();
    assert!(std::fs::read_to_string(guide).unwrap().contains(&screen), "{screen}");
}
