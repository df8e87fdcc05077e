#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "card.drawn", version = 1, shape = 0x1234)]
struct CardDrawn {
    rank: u8,
}

fn main() {}
