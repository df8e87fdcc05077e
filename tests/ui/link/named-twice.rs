event_core::link!(game_events, event_tests_left, game_events);

fn main() {}
