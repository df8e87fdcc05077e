use event_core::Event;

#[derive(Event)]
union GameStarted {
    round: u8,
}

fn main() {}
