//! Projections in memory: they resume where they stopped, and stop at an event outside of their set.

use event_core::{
    Error, Event, EventStore, EventVersion, ExpectedVersion, Filter, NewEvent, Position,
    Projection, RecordedEvent, Scope, StreamId, Tenant,
};
use event_testing::{Closed, Noted};
use serde_json::value::RawValue;

/// All event types of the tests.
#[derive(Event)]
enum Known {
    Noted(Noted),
    Closed(Closed),
}

/// One event type, and a variant for all others.
#[derive(Event)]
enum Open {
    Noted(Noted),
    #[event(other)]
    Other(RecordedEvent),
}

#[derive(Debug, Default, PartialEq)]
struct Texts(Vec<String>);

impl Projection for Texts {
    type Event = Known;

    fn apply(&mut self, event: Known, recorded: &RecordedEvent) {
        let text = match event {
            Known::Noted(noted) => noted.text,
            Known::Closed(closed) => closed.by,
        };
        self.0.push(format!("{} {text}", recorded.stream_id()));
    }
}

#[derive(Debug, Default, PartialEq)]
struct Others(Vec<String>);

impl Projection for Others {
    type Event = Open;

    fn apply(&mut self, event: Open, _: &RecordedEvent) {
        match event {
            Open::Noted(_) => {}
            Open::Other(recorded) => self.0.push(recorded.event_type().to_owned()),
        }
    }
}

async fn append(store: &EventStore, name: &str, event: impl Into<NewEvent>) {
    let stream = StreamId::new(name).unwrap();
    store.append(&stream, ExpectedVersion::Any, [event.into()]).await.unwrap();
}

fn raw(event_type: &'static str, json: &str) -> NewEvent {
    let data = RawValue::from_string(json.into()).unwrap();
    NewEvent::raw(event_type, EventVersion::FIRST, data)
}

#[tokio::test]
async fn a_projection_applies_new_events_in_the_order_of_the_log() {
    let store = EventStore::in_memory().unwrap();
    let mut live = store.project(Texts::default(), Filter::all().category("a"));
    assert_eq!(live.catch_up().await.unwrap(), 0);
    for n in 0..5 {
        append(&store, "a-1", Noted::new(n.to_string())).await;
        append(&store, "b-1", Noted::new("elsewhere")).await;
        append(&store, "a-2", Closed { by: n.to_string() }).await;
    }
    assert_eq!(live.catch_up().await.unwrap(), 10);
    assert_eq!(live.catch_up().await.unwrap(), 0);
    append(&store, "a-1", Noted::new("later")).await;
    assert_eq!(live.catch_up().await.unwrap(), 1);
    assert_eq!((live.applied(), live.position().get()), (11, 16));
    let texts = live.into_state().0;
    assert_eq!(texts[..4], ["a-1 0", "a-2 0", "a-1 1", "a-2 1"]);
    assert_eq!(texts[10], "a-1 later");

    let guild = store.with_scope(Scope::tenant(Tenant::new("g").unwrap()));
    append(&guild, "a-1", Noted::new("theirs")).await;
    let mut guild_texts = guild.project(Texts::default(), Filter::all());
    guild_texts.catch_up().await.unwrap();
    assert_eq!(guild_texts.state().0, ["a-1 theirs"]);
    let mut all_tenants = store.all_tenants().project(Texts::default(), Filter::all());
    assert_eq!(all_tenants.catch_up().await.unwrap(), 17);
}

#[tokio::test]
async fn an_unknown_event_stops_a_projection_unless_its_filter_or_other_variant_admits_it() {
    let store = EventStore::in_memory().unwrap();
    append(&store, "a", Noted::new("first")).await;
    append(&store, "a", raw("contract.strange", "{}")).await;
    append(&store, "a", Noted::new("second")).await;

    let mut live = store.project(Texts::default(), Filter::all());
    for _ in 0..2 {
        let error = live.catch_up().await.unwrap_err();
        let Error::UnknownEventType { event_type, at: Some(location), .. } = &error else {
            panic!("{error}")
        };
        assert_eq!((event_type.as_str(), location.position.get()), ("contract.strange", 2));
        assert_eq!((live.position().get(), live.state().0.len()), (1, 1), "before the event");
    }
    let known = Filter::all().event_types([Noted::TYPE, Closed::TYPE]);
    let mut filtered = store.project(Texts::default(), known);
    assert_eq!(filtered.catch_up().await.unwrap(), 2);
    let mut open = store.project(Others::default(), Filter::all());
    assert_eq!(open.catch_up().await.unwrap(), 3);
    assert_eq!(open.state().0, ["contract.strange"]);

    append(&store, "b", raw("contract.noted", r#"{"text":7}"#)).await;
    let error = filtered.catch_up().await.unwrap_err();
    assert_eq!((error.code(), filtered.state().0.len()), ("deserialization_failed", 2));
}

#[tokio::test]
async fn a_writer_reads_its_own_writes_and_a_follower_gets_every_event() {
    let store = EventStore::in_memory().unwrap();
    let mut live = store.project(Texts::default(), Filter::all().category("a"));
    let follower = tokio::spawn({
        let mut live = store.project(Texts::default(), Filter::all().category("a"));
        async move {
            for _ in 0..20 {
                live.next().await.unwrap().unwrap();
            }
            live.into_state()
        }
    });
    for n in 0..20 {
        append(&store, "a-1", Noted::new(n.to_string())).await;
        append(&store, "b-1", Noted::new("elsewhere")).await;
        // The last position is of an event that does not pass the filter.
        assert_eq!(live.wait_for(Position::new(2 * n + 2)).await.unwrap(), 1);
        assert_eq!(live.state().0.len() as u64, n + 1);
    }
    assert_eq!(follower.await.unwrap(), live.into_state());
}
