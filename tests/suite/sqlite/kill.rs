//! A program that is killed while it appends: what it was told is stored is there, and nothing is there by halves.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use event_core::ExpectedVersion::Any;
use event_core::adapter::Adapter;
use event_core::{EventId, EventStore, NewEvent};
use event_testing::Noted;

use super::{everything, new_file, open, open_store, stream};

/// Set for the program that is killed: the file it appends to.
const CHILD: &str = "EVENTS_KILL_CHILD";
/// How often it is killed; 20 unless set.
const KILLS: &str = "EVENTS_KILLS";
const EVENTS: usize = 3;
const WRITERS: usize = 8;

#[test]
fn a_killed_program_loses_nothing_that_was_acknowledged() {
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    let kills = std::env::var(KILLS).map_or(20, |kills| kills.parse().unwrap());
    let path = new_file();
    let mut acknowledged = BTreeMap::new();
    for kill in 0..kills {
        acknowledged.extend(appends_until_killed(&path, kill));
    }
    assert!(acknowledged.len() >= kills, "each of them stored something first");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let adapter = open(&path).await;
        adapter.check().await.unwrap();
        adapter.close().await;
        let all = everything(&open_store(&path).await).await;
        let mut streams: BTreeMap<String, u64> = BTreeMap::new();
        let mut batches: BTreeMap<String, usize> = BTreeMap::new();
        for event in &all {
            let version = streams.entry(event.stream_id().to_string()).or_default();
            *version += 1;
            assert_eq!(event.stream_version().get(), *version, "a gap");
            *batches.entry(event.decode::<Noted>().unwrap().text).or_default() += 1;
            acknowledged.remove(&event.event_id());
        }
        assert!(batches.values().all(|events| *events == EVENTS), "half an append");
        assert!(acknowledged.is_empty(), "{} acknowledged events are lost", acknowledged.len());
        println!("{kills} kills, {} events, nothing lost", all.len());
    });
}

/// Starts the program, kills it at some moment, and gives back what it said was stored.
fn appends_until_killed(path: &Path, kill: usize) -> BTreeMap<EventId, usize> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::kill::appends_and_says_so", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    // At least one append, and then any moment.
    while !said.contains("ack ") {
        assert_ne!(out.read_line(&mut said).unwrap(), 0, "the program ended: {said}");
    }
    std::thread::sleep(Duration::from_micros(fastrand::u64(0..60_000)));
    child.kill().unwrap();
    child.wait().unwrap();
    out.read_to_string(&mut said).unwrap();
    // The last line may be cut.
    let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let ids = whole
        .lines()
        .filter_map(|line| line.split_once("ack "))
        .flat_map(|(_, ids)| ids.split(' '));
    ids.map(|id| (id.parse().unwrap(), kill)).collect()
}

/// The program that is killed: it appends for ever, and prints the ids of what is stored.
#[test]
fn appends_and_says_so() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(async {
        let store = EventStore::builder(open(Path::new(&path)).await).stream_limit(None);
        let store = store.build().unwrap();
        let writers: Vec<_> =
            (0..WRITERS).map(|n| tokio::spawn(append_for_ever(store.clone(), n))).collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn append_for_ever(store: EventStore, writer: usize) {
    loop {
        let batch = EventId::new().to_string();
        let events = vec![Noted::new(&batch); EVENTS];
        let ids: Vec<EventId> = (0..EVENTS).map(|_| EventId::new()).collect();
        let events =
            events.into_iter().zip(&ids).map(|(event, id)| NewEvent::from(event).with_id(*id));
        store.append(&stream(&format!("s-{writer}")), Any, events).await.unwrap();
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        // In one write: a line is whole or is the last.
        let line = format!("ack {}\n", ids.join(" "));
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        std::io::stdout().lock().flush().unwrap();
    }
}
