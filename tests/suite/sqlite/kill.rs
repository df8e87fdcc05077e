//! A process that is killed while it appends: acknowledged appends are stored, and no append is stored in part.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use event_core::ExpectedVersion::Any;
use event_core::adapter::Adapter;
use event_core::{EventId, EventStore, NewEvent};
use event_testing::Noted;

use super::{all_events, new_file, open, open_store, stream};

/// Environment of the process that is killed: the file that it appends to.
const CHILD: &str = "EVENTS_KILL_CHILD";
/// Environment variable: the number of kills, 20 by default.
const KILLS: &str = "EVENTS_KILLS";
const EVENTS: usize = 3;
const WRITERS: usize = 8;

#[test]
fn a_killed_process_loses_no_acknowledged_append() {
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    let kills = std::env::var(KILLS).map_or(20, |kills| kills.parse().unwrap());
    let path = new_file();
    let mut acknowledged = BTreeMap::new();
    for kill in 0..kills {
        acknowledged.extend(appends_until_killed(&path, kill));
    }
    assert!(acknowledged.len() >= kills, "each process had an append acknowledged");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let adapter = open(&path).await;
        adapter.check().await.unwrap();
        adapter.close().await;
        let all = all_events(&open_store(&path).await).await;
        let mut streams: BTreeMap<String, u64> = BTreeMap::new();
        let mut batches: BTreeMap<String, usize> = BTreeMap::new();
        for event in &all {
            let version = streams.entry(event.stream_id().to_string()).or_default();
            *version += 1;
            assert_eq!(event.stream_version().get(), *version, "versions have no gap");
            *batches.entry(event.decode::<Noted>().unwrap().text).or_default() += 1;
            acknowledged.remove(&event.event_id());
        }
        assert!(batches.values().all(|events| *events == EVENTS), "no append is stored in part");
        assert!(acknowledged.is_empty(), "{} acknowledged events are lost", acknowledged.len());
        println!("{kills} kills, {} events, nothing lost", all.len());
    });
}

/// Starts the process and kills it at a random moment. Returns the ids that it reported as stored, each with `kill`.
fn appends_until_killed(path: &Path, kill: usize) -> BTreeMap<EventId, usize> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::kill::appending_process", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut output = String::new();
    // Kill it after the first acknowledged append, at a random moment.
    while !output.contains("ack ") {
        assert_ne!(out.read_line(&mut output).unwrap(), 0, "the process ended: {output}");
    }
    std::thread::sleep(Duration::from_micros(fastrand::u64(0..60_000)));
    child.kill().unwrap();
    child.wait().unwrap();
    out.read_to_string(&mut output).unwrap();
    // The last line may be incomplete.
    let complete = output.rsplit_once('\n').map_or("", |(complete, _)| complete);
    let ids = complete
        .lines()
        .filter_map(|line| line.split_once("ack "))
        .flat_map(|(_, ids)| ids.split(' '));
    ids.map(|id| (id.parse().unwrap(), kill)).collect()
}

/// Entry point of the process that is killed: appends without end and prints the ids of acknowledged events. Does nothing as
/// an ordinary test.
#[test]
fn appending_process() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(async {
        let store = EventStore::builder(open(Path::new(&path)).await).stream_limit(None);
        let store = store.build().unwrap();
        let writers: Vec<_> =
            (0..WRITERS).map(|n| tokio::spawn(append_forever(store.clone(), n))).collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn append_forever(store: EventStore, writer: usize) {
    loop {
        let batch = EventId::new().to_string();
        let events = vec![Noted::new(&batch); EVENTS];
        let ids: Vec<EventId> = (0..EVENTS).map(|_| EventId::new()).collect();
        let events =
            events.into_iter().zip(&ids).map(|(event, id)| NewEvent::from(event).with_id(*id));
        store.append(&stream(&format!("s-{writer}")), Any, events).await.unwrap();
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        // In one write, so that only the last line can be incomplete.
        let line = format!("ack {}\n", ids.join(" "));
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        std::io::stdout().lock().flush().unwrap();
    }
}
