event_core::link!(event_tests_left, event_tests_right);

fn main() {}
