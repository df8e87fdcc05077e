//! Broadcast by topic: after the commit, once or once for each topic, and a failed handler does not stop the others.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta};
use event_core::broadcast::{Broadcast, Cached, Copies, EventCache, Listener, Message};
use event_core::{
    Clock, EventId, EventStore, EventVersion, ExpectedVersion, Filter, NewEvent, Scope, StartFrom,
    StreamId, Tenant,
};
use event_testing::{Closed, Noted};
use game_events::topics;
use tokio::sync::mpsc;

use crate::games;

fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

async fn append(store: &EventStore, name: &str, event: impl Into<NewEvent>) {
    store.append(&stream(name), ExpectedVersion::Any, [event.into()]).await.unwrap();
}

/// Topics by stream and by event type; the stream's topic is returned twice.
fn by_stream_and_type(store: &EventStore) -> Broadcast {
    Broadcast::new(store, |event| {
        let stream = format!("stream:{}", event.stream_id());
        vec![stream.clone(), format!("event_type:{}", event.event_type()), stream]
    })
}

async fn texts(listener: &mut Listener, count: usize) -> Vec<String> {
    let mut received = Vec::new();
    for _ in 0..count {
        let Message { topics, event, .. } = listener.next().await.unwrap().unwrap();
        received.push(format!("{} {}", event.position(), topics.join("+")));
    }
    received
}

#[tokio::test]
async fn a_listener_of_two_topics_receives_an_event_once_or_once_for_each() {
    let store = EventStore::in_memory().unwrap();
    append(&store, "a", Noted::new("before")).await;
    let broadcast = by_stream_and_type(&store);
    let both = ["stream:a", "event_type:contract.noted"];
    let mut once = broadcast.listen(both, Copies::Once, StartFrom::Now).await.unwrap();
    let mut each = broadcast.listen(both, Copies::PerTopic, StartFrom::Now).await.unwrap();
    let mut single =
        broadcast.listen(["stream:a"], Copies::Once, StartFrom::Beginning).await.unwrap();
    append(&store, "a", Noted::new("x")).await;
    append(&store, "b", Noted::new("y")).await;
    append(&store, "b", Closed { by: "z".into() }).await;
    append(&store, "a", Closed { by: "z".into() }).await;
    assert_eq!(
        texts(&mut once, 3).await,
        ["2 stream:a+event_type:contract.noted", "3 event_type:contract.noted", "5 stream:a"]
    );
    assert_eq!(
        texts(&mut each, 4).await,
        ["2 stream:a", "2 event_type:contract.noted", "3 event_type:contract.noted", "5 stream:a"]
    );
    assert_eq!(texts(&mut single, 3).await, ["1 stream:a", "2 stream:a", "5 stream:a"]);

    // Topics can change; subscribing twice has no further effect.
    for _ in 0..2 {
        single.subscribe("stream:b");
    }
    assert!(single.unsubscribe("stream:a") && !single.unsubscribe("stream:a"));
    append(&store, "a", Noted::new("unsubscribed")).await;
    append(&store, "b", Noted::new("subscribed")).await;
    assert_eq!(texts(&mut single, 1).await, ["7 stream:b"]);
}

#[tokio::test]
async fn refused_appends_are_not_broadcast_and_tenants_are_isolated() {
    let store = EventStore::in_memory().unwrap();
    let guild = store.with_scope(Scope::tenant(Tenant::new("g").unwrap()));
    let topics = ["event_type:contract.noted"];
    let listen = async |store: &EventStore| {
        let broadcast = by_stream_and_type(store).filter(Filter::all().category("a"));
        broadcast.listen(topics, Copies::Once, StartFrom::Now).await.unwrap()
    };
    let (mut own, mut theirs) = (listen(&store).await, listen(&guild).await);
    let mut all = listen(&store.all_tenants()).await;
    let refused = store.append(&stream("a"), ExpectedVersion::StreamExists, Noted::many(1)).await;
    refused.unwrap_err();
    append(&guild, "a", Noted::new("1")).await;
    append(&store, "b", Noted::new("filtered")).await;
    append(&store, "a", Noted::new("3")).await;
    assert_eq!(texts(&mut own, 1).await, ["3 event_type:contract.noted"]);
    assert_eq!(texts(&mut theirs, 1).await, ["1 event_type:contract.noted"]);
    assert_eq!(texts(&mut all, 2).await.len(), 2);
}

#[tokio::test]
async fn the_events_of_a_game_are_on_its_topics() {
    let store = EventStore::in_memory().unwrap();
    for name in games::SHIPPED {
        games::played(&store, name).await;
    }
    let broadcast = Broadcast::new(&store.all_tenants(), topics);
    let listen = async |topics: &[&str], copies| {
        let topics = topics.iter().copied();
        broadcast.listen(topics, copies, StartFrom::Beginning).await.unwrap()
    };
    let mut game = listen(&["game:race-1"], Copies::Once).await;
    let received = texts(&mut game, 15).await;
    assert!(received.iter().all(|text| text.ends_with("game:race-1")));
    let mut ends = listen(&["event_type:game_completed"], Copies::Once).await;
    assert_eq!(texts(&mut ends, 3).await.len(), 3);
    // Exactly one copy for each topic.
    let mut both = listen(&["game:race-1", "event_type:game_completed"], Copies::PerTopic).await;
    assert_eq!(texts(&mut both, 1 + 15 + 1 + 1).await.len(), 18);
    let mut guild = listen(&["guild:98"], Copies::Once).await;
    assert_eq!(texts(&mut guild, 51).await.len(), 51);
}

#[tokio::test]
async fn a_failed_handler_continues_and_a_panicked_one_is_created_anew() {
    let store = EventStore::in_memory().unwrap();
    let broadcast = by_stream_and_type(&store);
    let (created, (sender, mut receiver)) =
        (Arc::new(AtomicU32::new(0)), mpsc::unbounded_channel());
    let listener =
        broadcast.listen(["stream:a"], Copies::Once, StartFrom::Beginning).await.unwrap();
    let handling = tokio::spawn({
        let created = Arc::clone(&created);
        listener.run("test", move || {
            let number = created.fetch_add(1, Ordering::SeqCst) + 1;
            let (sender, mut handled) = (sender.clone(), 0);
            move |message: Message| {
                handled += 1;
                let (sender, handled) = (sender.clone(), handled);
                let text = message.event.decode::<Noted>().unwrap().text;
                assert!(text != "panic at once", "as the test demands");
                async move {
                    assert!(text != "panic", "as the test demands");
                    if text == "fail" {
                        return Err("as the test demands");
                    }
                    sender.send((number, handled, text)).unwrap();
                    Ok(())
                }
            }
        })
    });
    for text in ["1", "fail", "2", "panic", "3", "panic at once", "panic", "4"] {
        append(&store, "a", Noted::new(text)).await;
    }
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(receiver.recv().await.unwrap());
    }
    let expected = [(1, 1, "1"), (1, 3, "2"), (2, 1, "3"), (4, 1, "4")];
    assert_eq!(seen, expected.map(|(number, handled, text)| (number, handled, text.to_owned())));
    assert_eq!(created.load(Ordering::SeqCst), 4, "anew after each of three panics");
    handling.abort();
}

fn at(seconds: i64) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

#[tokio::test]
async fn a_cache_is_bounded_and_keeps_the_stored_version() {
    let store = EventStore::in_memory().unwrap();
    let now = Arc::new(Mutex::new(at(0)));
    let clock = Clock::new({
        let now = Arc::clone(&now);
        move || *now.lock().unwrap()
    });
    let cache = EventCache::new(3, TimeDelta::seconds(10)).clock(clock);
    let own = Tenant::default();
    let ids: Vec<_> = (0..4).map(|_| EventId::new()).collect();
    for id in &ids {
        append(&store, "a", NewEvent::from(Closed { by: "x".into() }).with_id(*id)).await;
    }
    let mut events = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
    for second in 0..4 {
        *now.lock().unwrap() = at(second);
        let event = Arc::new(events.next().await.unwrap().unwrap());
        cache.insert(Arc::clone(&event));
        cache.insert(event);
    }
    assert_eq!((cache.len(), cache.get(&own, ids[0])), (3, Cached::NotFound), "it was evicted");
    assert_eq!(cache.get(&Tenant::new("g").unwrap(), ids[1]), Cached::NotFound);
    let Cached::Found(event) = cache.get(&own, ids[1]) else { panic!("the event is cached") };
    assert_eq!((event.event_id(), event.event_version()), (ids[1], EventVersion::new(3)));
    *now.lock().unwrap() = at(11);
    assert_eq!(cache.get(&own, ids[1]), Cached::Expired);
    assert_eq!((cache.get(&own, ids[1]), cache.len()), (Cached::NotFound, 2));
    assert!(matches!(cache.get(&own, ids[2]), Cached::Found(_)));

    // An insert evicts expired events.
    *now.lock().unwrap() = at(20);
    append(&store, "a", Noted::new("new")).await;
    cache.insert(Arc::new(events.next().await.unwrap().unwrap()));
    assert_eq!(cache.len(), 1);

    let following = tokio::spawn({
        let (cache, store) = (cache.clone(), store.clone());
        async move { cache.follow(&store, Filter::all()).await }
    });
    // Following may begin after the first append.
    while cache.len() < 2 {
        append(&store, "a", Noted::new("followed")).await;
        tokio::task::yield_now().await;
    }
    following.abort();
}
