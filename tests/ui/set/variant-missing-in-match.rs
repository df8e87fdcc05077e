#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "card.drawn", version = 1)]
struct Drawn;
#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "card.played", version = 1)]
struct Played;
#[derive(event_core::Event)]
enum CardEvent { Drawn(Drawn), Played(Played) }

fn main() {
    let event = CardEvent::from(Played);
    match event {
        CardEvent::Drawn(_) => {}
    }
}
