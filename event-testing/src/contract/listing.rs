//! The list of streams by time, by size and by a part of the name; the log backward; the number of events of a stream.

use event_core::ExpectedVersion::{Any, NoStream};
use event_core::adapter::ListOrder;
use event_core::{
    AllOptions, BatchSize, Delete, EventStore, ListOptions, Position, Scope, StreamInfo,
    StreamVersion, Tenant,
};

use super::{Subject, append, everything, store, stream};
use crate::{Closed, Noted};

fn limit(n: u32) -> BatchSize {
    BatchSize::new(n).unwrap()
}

/// Reads the whole list, page by page.
async fn pages(store: &EventStore, options: ListOptions) -> Vec<StreamInfo> {
    let (mut all, mut options) = (Vec::<StreamInfo>::new(), options.limit(limit(2)));
    loop {
        let page = store.list_streams(options.clone()).await.unwrap();
        let Some(last) = page.last() else { return all };
        options = options.after(last);
        all.extend(page);
    }
}

fn names(list: &[StreamInfo]) -> Vec<&str> {
    list.iter().map(|info| info.stream_id.as_str()).collect()
}

pub async fn streams_are_listed_by_time_and_by_size(adapter: Subject) {
    let store = store(&adapter);
    for (name, events) in [("m", 2), ("z", 5), ("a", 2), ("k", 1), ("b", 3)] {
        append(&store, name, NoStream, Noted::many(events)).await;
    }
    append(&store, "b", Any, Noted::many(4)).await;
    store.truncate_before(&stream("b"), StreamVersion::new(6)).await.unwrap();
    let by = |order| pages(&store, ListOptions::new().order(order));
    let sorted = async |order: ListOrder| {
        let mut all = pages(&store, ListOptions::new()).await;
        all.sort_by_key(|info| order.key(info));
        all
    };
    for order in [ListOrder::Name, ListOrder::Oldest, ListOrder::Newest, ListOrder::Largest] {
        assert_eq!(by(order).await, sorted(order).await, "{order:?}");
    }
    assert_eq!(names(&by(ListOrder::Largest).await), ["z", "a", "b", "m", "k"]);
    assert_eq!(names(&by(ListOrder::Name).await), ["a", "b", "k", "m", "z"]);
    let oldest = by(ListOrder::Oldest).await;
    assert!(oldest.windows(2).all(|pair| pair[0].created_at <= pair[1].created_at));
    // What is deleted is listed on request, and holds nothing once it is removed.
    store.delete_stream(&stream("z"), Any, Delete::Hard).await.unwrap();
    assert_eq!(names(&by(ListOrder::Largest).await), ["a", "b", "m", "k"]);
    let all = pages(&store, ListOptions::new().order(ListOrder::Largest).deleted()).await;
    assert_eq!(names(&all), ["a", "b", "m", "k", "z"]);
    // Equal ones of several tenants are told apart by tenant and name.
    for tenant in ["red", "blue"] {
        let other = store.with_scope(Scope::tenant(Tenant::new(tenant).unwrap()));
        append(&other, "m", NoStream, Noted::many(2)).await;
        let own = pages(&other, ListOptions::new().order(ListOrder::Newest)).await;
        assert_eq!(names(&own), ["m"]);
    }
    let all = pages(&store.all_tenants(), ListOptions::new().order(ListOrder::Largest)).await;
    let all: Vec<_> = all.iter().map(|i| (i.tenant.as_str(), i.stream_id.as_str())).collect();
    let own = store.scope().tenant.as_str();
    let mut twos = [("blue", "m"), ("red", "m"), (own, "a"), (own, "b"), (own, "m")];
    twos.sort_unstable();
    assert_eq!(all[..5], twos);
}

pub async fn streams_are_found_by_a_part_of_their_name(adapter: Subject) {
    let store = store(&adapter);
    for name in ["game-ann-1", "game-bob", "door-ann", "50%_off", "ANN", "übermut"] {
        append(&store, name, NoStream, Noted::many(1)).await;
    }
    for (text, expected) in [
        ("ann", vec!["door-ann", "game-ann-1"]),
        ("%_", vec!["50%_off"]),
        ("%", vec!["50%_off"]),
        ("berm", vec!["übermut"]),
        ("ü", vec!["übermut"]),
        ("nobody", vec![]),
        ("a\0b", vec![]),
    ] {
        let found = pages(&store, ListOptions::new().contains(text)).await;
        assert_eq!(names(&found), expected, "{text:?}");
        let newest = ListOptions::new().contains(text).order(ListOrder::Newest);
        assert_eq!(pages(&store, newest).await.len(), expected.len(), "{text:?}");
        assert_eq!(pages(&store.all_tenants(), ListOptions::new().contains(text)).await, found);
    }
    let both = ListOptions::new().contains("ann").category("game");
    assert_eq!(names(&pages(&store, both.clone()).await), ["game-ann-1"]);
    assert_eq!(names(&pages(&store, both.order(ListOrder::Oldest)).await), ["game-ann-1"]);
    let both = ListOptions::new().contains("ann").prefix("door");
    assert_eq!(names(&pages(&store, both).await), ["door-ann"]);
}

pub async fn the_log_is_read_backward(adapter: Subject) {
    let store = store(&adapter);
    for n in 0..12 {
        let name = if n % 3 == 0 { "door" } else { "game-1" };
        append(&store, name, Any, Noted::many(2)).await;
    }
    append(&store, "game-1", Any, vec![Closed { by: "ann".into() }.into()]).await;
    let other = store.with_scope(Scope::tenant(Tenant::new("red").unwrap()).correlation("c"));
    append(&other, "game-1", NoStream, Noted::many(3)).await;
    let backward = |mut all: Vec<_>| {
        all.reverse();
        all
    };
    let all = backward(everything(&store).await);
    assert_eq!(all.len(), 25);
    let read = async |options: AllOptions| store.read_all(options).await.unwrap();
    assert_eq!(read(AllOptions::new().backward()).await, all);
    assert_eq!(read(AllOptions::new().last(limit(3))).await, all[..3]);
    let before = all[5].position();
    let within = AllOptions::new().backward().up_to(before).after(all[9].position());
    assert_eq!(read(within).await, all[5..9]);
    assert!(read(AllOptions::new().backward().after(all[0].position())).await.is_empty());
    assert!(read(AllOptions::new().backward().up_to(Position::START)).await.is_empty());
    let doors: Vec<_> =
        all.iter().filter(|event| event.stream_id().as_str() == "door").cloned().collect();
    assert_eq!(read(AllOptions::new().backward().category("door")).await, doors);
    assert_eq!(read(AllOptions::new().backward().stream(stream("door"))).await, doors);
    let closed = AllOptions::new().event_types(["contract.closed"]).last(limit(1));
    assert_eq!(read(closed).await, all[..1]);
    // Pages follow one another down to the beginning.
    for size in [1, 4, 25, 100] {
        let mut events = store.all_events(AllOptions::new().last(limit(size)));
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            seen.push(event.unwrap());
        }
        assert_eq!(seen, all, "pages of {size}");
    }
    let correlated = AllOptions::new().correlation_id("c").last(limit(2));
    let found = other.read_all(correlated).await.unwrap();
    assert_eq!(found, backward(everything(&other).await)[..2]);
    let operator = backward(everything(&store.all_tenants()).await);
    let last = store.all_tenants().read_all(AllOptions::new().last(limit(5))).await.unwrap();
    assert_eq!(last, operator[..5]);
    // Neither truncated nor removed events are shown.
    store.truncate_before(&stream("game-1"), StreamVersion::new(17)).await.unwrap();
    store.delete_stream(&stream("door"), Any, Delete::Hard).await.unwrap();
    assert_eq!(read(AllOptions::new().backward()).await, all[..1]);
}

pub async fn events_of_a_stream_are_counted(adapter: Subject) {
    let store = store(&adapter);
    assert_eq!(store.count_events(&stream("s")).await.unwrap(), 0, "it does not exist");
    append(&store, "s", NoStream, Noted::many(7)).await;
    assert_eq!(store.count_events(&stream("s")).await.unwrap(), 7);
    store.truncate_before(&stream("s"), StreamVersion::new(5)).await.unwrap();
    assert_eq!(store.count_events(&stream("s")).await.unwrap(), 3);
    store.archive_stream(&stream("s"), Any).await.unwrap();
    assert_eq!(store.count_events(&stream("s")).await.unwrap(), 3);
    store.delete_stream(&stream("s"), Any, Delete::Soft).await.unwrap();
    assert_eq!(store.count_events(&stream("s")).await.unwrap(), 0, "it is deleted");
    assert_eq!(store.stream_info(&stream("s")).await.unwrap().events(), 3, "they are in the log");
    store.delete_stream(&stream("s"), Any, Delete::Hard).await.unwrap();
    assert_eq!(store.stream_info(&stream("s")).await.unwrap().events(), 0);
}
