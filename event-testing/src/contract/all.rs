//! Reading the log: the global order and its filters, the list of streams.

use super::{Subject, append, everything, store, stream};
use crate::{Closed, Noted};
use event_core::ExpectedVersion::{Any, NoStream};
use event_core::{AllOptions, BatchSize, Delete, EventStore, ListOptions, Position, RecordedEvent};

fn streams_and_versions(events: &[RecordedEvent]) -> Vec<(String, u64)> {
    events
        .iter()
        .map(|event| (event.stream_id().to_string(), event.stream_version().get()))
        .collect()
}

fn owned(list: &[(&str, u64)]) -> Vec<(String, u64)> {
    list.iter().map(|(name, version)| ((*name).to_owned(), *version)).collect()
}

async fn two_games_and_a_door(store: &EventStore) {
    append(store, "game-1", NoStream, Noted::many(2)).await;
    append(store, "door", NoStream, vec![Closed { by: "ann".into() }.into()]).await;
    append(store, "game-2", NoStream, Noted::many(1)).await;
    append(store, "game-1", Any, vec![Closed { by: "bob".into() }.into()]).await;
}

pub async fn reads_in_global_order_with_filters(adapter: Subject) {
    let store = store(&adapter);
    two_games_and_a_door(&store).await;
    let all = [("game-1", 1), ("game-1", 2), ("door", 1), ("game-2", 1), ("game-1", 3)];
    for (options, expected) in [
        (AllOptions::new(), owned(&all)),
        (AllOptions::new().category("game"), owned(&[all[0], all[1], all[3], all[4]])),
        (AllOptions::new().category("door"), owned(&[all[2]])),
        (AllOptions::new().category("game-1"), vec![]),
        (AllOptions::new().event_types(["contract.closed"]), owned(&[all[2], all[4]])),
        (AllOptions::new().category("game").event_types(["contract.closed"]), owned(&[all[4]])),
        (AllOptions::new().event_types(["contract.closed", "contract.noted"]), owned(&all)),
        (AllOptions::new().event_types(Vec::<String>::new()), vec![]),
        (AllOptions::new().event_types(["%"]), vec![]),
        (AllOptions::new().event_types(["contract.closed", "a\0b"]), owned(&[all[2], all[4]])),
    ] {
        let page = store.read_all(options.clone()).await.unwrap();
        assert_eq!(streams_and_versions(&page), expected, "{options:?}");
    }
}

pub async fn pages_by_position(adapter: Subject) {
    let store = store(&adapter);
    two_games_and_a_door(&store).await;
    let all = everything(&store).await;
    assert!(all.windows(2).all(|pair| pair[0].position() < pair[1].position()));
    let after = AllOptions::new().after(all[1].position()).limit(BatchSize::new(2).unwrap());
    assert_eq!(store.read_all(after).await.unwrap(), all[2..4]);
    let end = AllOptions::new().after(all[4].position());
    assert!(store.read_all(end).await.unwrap().is_empty());
    let beyond = AllOptions::new().after(Position::new(u64::MAX));
    assert!(store.read_all(beyond).await.unwrap().is_empty());
    let games = AllOptions::new().category("game").limit(BatchSize::new(1).unwrap());
    let mut pages = store.all_events(games);
    let mut seen = Vec::new();
    while let Some(event) = pages.next().await {
        seen.push(event.unwrap());
    }
    assert_eq!(
        streams_and_versions(&seen),
        owned(&[("game-1", 1), ("game-1", 2), ("game-2", 1), ("game-1", 3)])
    );
}

pub async fn reads_one_stream_up_to_a_position(adapter: Subject) {
    let store = store(&adapter);
    two_games_and_a_door(&store).await;
    let all = everything(&store).await;
    let (third, game) = (all[2].position(), stream("game-1"));
    for (options, expected) in [
        (AllOptions::new().up_to(third), vec![0, 1, 2]),
        (AllOptions::new().after(all[0].position()).up_to(third), vec![1, 2]),
        (AllOptions::new().after(third).up_to(third), vec![]),
        (AllOptions::new().after(all[3].position()).up_to(third), vec![]),
        (AllOptions::new().up_to(Position::START), vec![]),
        (AllOptions::new().category("game").up_to(all[3].position()), vec![0, 1, 3]),
        (AllOptions::new().stream(game.clone()), vec![0, 1, 4]),
        (AllOptions::new().stream(game.clone()).limit(BatchSize::new(2).unwrap()), vec![0, 1]),
        (AllOptions::new().stream(game.clone()).after(all[1].position()), vec![4]),
        (AllOptions::new().stream(game.clone()).up_to(third), vec![0, 1]),
        (AllOptions::new().stream(game.clone()).event_types(["contract.closed"]), vec![4]),
        (AllOptions::new().stream(game.clone()).category("game"), vec![0, 1, 4]),
        (AllOptions::new().stream(game.clone()).category("door"), vec![]),
        (AllOptions::new().stream(stream("game-9")), vec![]),
    ] {
        let page = store.read_all(options.clone()).await.unwrap();
        let expected: Vec<_> = expected.into_iter().map(|at: usize| all[at].clone()).collect();
        assert_eq!(page, expected, "{options:?}");
    }
}

pub async fn filters_by_time(adapter: Subject) {
    let store = store(&adapter);
    two_games_and_a_door(&store).await;
    let all = everything(&store).await;
    let third = all[2].recorded_at();
    let from = store.read_all(AllOptions::new().recorded_from(third)).await.unwrap();
    assert!(from.iter().all(|event| event.recorded_at() >= third));
    let before = store.read_all(AllOptions::new().recorded_before(third)).await.unwrap();
    assert!(before.iter().all(|event| event.recorded_at() < third));
    assert_eq!(from.len() + before.len(), all.len());
}

pub async fn lists_streams(adapter: Subject) {
    let store = store(&adapter);
    two_games_and_a_door(&store).await;
    append(&store, "Game-0", NoStream, Noted::many(1)).await;
    append(&store, "ga%e-3", NoStream, Noted::many(1)).await;
    store.delete_stream(&stream("game-2"), Any, Delete::Soft).await.unwrap();
    for (options, expected) in [
        (ListOptions::new(), vec!["Game-0", "door", "ga%e-3", "game-1"]),
        (ListOptions::new().prefix("game-"), vec!["game-1"]),
        (ListOptions::new().prefix("ga%"), vec!["ga%e-3"]),
        (ListOptions::new().prefix("ga_e"), vec![]),
        (ListOptions::new().category("game").deleted(), vec!["game-1", "game-2"]),
    ] {
        let page = store.list_streams(options.clone()).await.unwrap();
        let names: Vec<_> = page.iter().map(|info| info.stream_id.as_str()).collect();
        assert_eq!(names, expected, "{options:?}");
    }
    let two = BatchSize::new(2).unwrap();
    let first = store.list_streams(ListOptions::new().limit(two)).await.unwrap();
    let second = ListOptions::new().limit(two).after(&first[1]);
    let second = store.list_streams(second).await.unwrap();
    let names: Vec<_> = second.iter().map(|info| info.stream_id.as_str()).collect();
    assert_eq!(names, ["ga%e-3", "game-1"]);
}

/// A reader that pages while writers commit sees every event once and in order: no event becomes visible at a position
/// that the reader has passed.
pub async fn concurrent_appends_become_visible_in_order(adapter: Subject) {
    let store = store(&adapter);
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for round in 0..12 {
                    let name = if round % 3 == 0 { "hot".into() } else { format!("own-{writer}") };
                    append(&store, &name, Any, Noted::many(1 + round % 2)).await;
                }
            })
        })
        .collect();
    let mut after = Position::START;
    let mut seen = Vec::new();
    loop {
        let done = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let page = store.read_all(AllOptions::new().after(after)).await.unwrap();
        after = page.last().map_or(after, RecordedEvent::position);
        let empty = page.is_empty();
        seen.extend(page.iter().map(RecordedEvent::event_id));
        if done && empty {
            break;
        }
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let all: Vec<_> = everything(&store).await.iter().map(RecordedEvent::event_id).collect();
    assert_eq!(seen.len(), 8 * (6 + 12));
    assert_eq!(seen, all);
}
