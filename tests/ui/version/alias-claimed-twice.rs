use event_core::Event;

#[derive(serde::Serialize, serde::Deserialize, Event)]
#[event(type = "card.drawn", version = 1)]
struct Drawn;
#[derive(serde::Serialize, serde::Deserialize, Event)]
#[event(type = "card.taken", version = 1, alias = "card.drawn")]
struct Taken;

fn main() {}
