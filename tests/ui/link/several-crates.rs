event_core::link!(
    event_tests_left,
    game_events,
    event_tests_right,
);

fn main() {}
