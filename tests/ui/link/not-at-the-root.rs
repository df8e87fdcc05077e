mod inner {
    event_core::link!(event_tests_left);
}

fn main() {}
