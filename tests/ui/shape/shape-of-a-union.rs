#[derive(event_core::Shape)]
union Either {
    left: u8,
    right: u16,
}

fn main() {}
