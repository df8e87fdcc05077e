//! Reading one stream.

use serde_json::value::RawValue;

use super::{Subject, append, exact, store, stream, versions};
use crate::Noted;
use event_core::ExpectedVersion::NoStream;
use event_core::adapter::StreamState;
use event_core::{BatchSize, Error, EventId, EventVersion, NewEvent, ReadOptions, StreamVersion};

pub async fn pages_forward_and_backward(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(7)).await;
    let two = BatchSize::new(2).unwrap();
    let (forward, backward) = (ReadOptions::forward(), ReadOptions::backward());
    let at = StreamVersion::new;
    for (options, expected) in [
        (forward, vec![1, 2, 3, 4, 5, 6, 7]),
        (forward.from(at(0)), vec![1, 2, 3, 4, 5, 6, 7]),
        (forward.from(at(1)).limit(two), vec![1, 2]),
        (forward.from(at(6)).limit(two), vec![6, 7]),
        (forward.from(at(7)), vec![7]),
        (forward.from(at(8)), vec![]),
        (backward, vec![7, 6, 5, 4, 3, 2, 1]),
        (backward.from(at(3)), vec![3, 2, 1]),
        (backward.from(at(3)).limit(two), vec![3, 2]),
        (backward.from(at(1)), vec![1]),
        (backward.from(at(99)).limit(two), vec![7, 6]),
        (backward.from(at(0)).limit(two), vec![7, 6]),
    ] {
        let page = store.read_stream(&stream("s"), options).await.unwrap();
        assert_eq!(versions(&page), expected, "{options:?}");
    }
}

pub async fn a_missing_stream_is_an_error(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "other", NoStream, Noted::many(1)).await;
    for options in [ReadOptions::forward(), ReadOptions::backward().from(StreamVersion::new(3))] {
        let error = store.read_stream(&stream("s"), options).await.unwrap_err();
        assert_eq!(error.code(), "stream_not_found");
    }
    let mut events = store.stream_events(&stream("s"), ReadOptions::forward());
    assert_eq!(events.next().await.unwrap().unwrap_err().code(), "stream_not_found");
    assert!(events.next().await.is_none());
}

pub async fn start_versions_out_of_range(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(2)).await;
    let highest = StreamVersion::MAX;
    let page = store.read_stream(&stream("s"), ReadOptions::forward().from(highest)).await.unwrap();
    assert!(page.is_empty());
    let page =
        store.read_stream(&stream("s"), ReadOptions::backward().from(highest)).await.unwrap();
    assert_eq!(versions(&page), [2, 1]);
    let beyond = StreamVersion::new(highest.get() + 1);
    let error = store.read_stream(&stream("s"), ReadOptions::forward().from(beyond)).await;
    assert_eq!(error.unwrap_err().code(), "invalid_start_version");
}

pub async fn streams_lazily_across_pages(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(25)).await;
    for (options, expected) in [
        (ReadOptions::forward(), (1..=25).collect::<Vec<u64>>()),
        (ReadOptions::backward(), (1..=25).rev().collect()),
    ] {
        for size in [1, 5, 10, 25, 26] {
            let page = options.limit(BatchSize::new(size).unwrap());
            let mut events = store.stream_events(&stream("s"), page);
            let mut seen = Vec::new();
            while let Some(event) = events.next().await {
                seen.push(event.unwrap().stream_version().get());
            }
            assert_eq!(seen, expected, "pages of {size}");
        }
    }
}

pub async fn undecodable_events_are_returned(adapter: Subject) {
    let store = store(&adapter);
    let raw = |json: &str, version| {
        let data = RawValue::from_string(json.into()).unwrap();
        NewEvent::raw("contract.noted", EventVersion::new(version), data)
    };
    let events = vec![Noted::new("fine").into(), raw(r#"{"text":7}"#, 1), raw("{}", 2)];
    append(&store, "s", NoStream, events).await;
    let page = store.read_stream(&stream("s"), ReadOptions::forward()).await.unwrap();
    assert_eq!(page.len(), 3);
    page[0].decode::<Noted>().unwrap();
    let error = page[1].decode::<Noted>().unwrap_err();
    let Error::Deserialization { at: Some(location), event_type, version, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((event_type.as_str(), version.get()), ("contract.noted", 1));
    assert_eq!((location.stream_version.get(), location.position), (2, page[1].position()));
    assert!(error.to_string().contains("`text`"), "{error}");
    let error = page[2].decode::<Noted>().unwrap_err();
    assert!(matches!(error, Error::FromTheFuture { .. }), "{error}");
}

pub async fn reads_one_event_by_id(adapter: Subject) {
    let store = store(&adapter);
    let event = NewEvent::from(Noted::new("this one"));
    let id = event.id();
    append(&store, "s", NoStream, vec![Noted::new("not this").into(), event]).await;
    let found = store.read_event(id).await.unwrap().unwrap();
    assert_eq!((found.event_id(), found.stream_version().get()), (id, 2));
    assert!(store.read_event(EventId::new()).await.unwrap().is_none());
}

pub async fn stream_info_and_version(adapter: Subject) {
    let store = store(&adapter);
    let name = stream("s");
    assert_eq!(store.stream_version(&name).await.unwrap(), StreamVersion::NONE);
    assert_eq!(store.stream_info(&name).await.unwrap_err().code(), "stream_not_found");
    let appended = append(&store, "s", exact(0), Noted::many(3)).await;
    assert_eq!(store.stream_version(&name).await.unwrap(), appended.stream_version);
    let info = store.stream_info(&name).await.unwrap();
    assert_eq!((info.version.get(), info.first_version.get()), (3, 1));
    assert_eq!((info.state, info.stream_id), (StreamState::Active, name));
}
