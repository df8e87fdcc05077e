//! Playing transcripts into a store: the shipped games, files that are played again, every kind of invalid line.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use event_core::{EventStore, ReadOptions, Scope, StreamId, StreamVersion, Tenant};
use game_events::{GameId, SessionStatus, recover_session};
use gamebot::{Failure, Output, Show, play, show, simulate};
use serde_json::Value;

const SHIPPED: [&str; 3] = ["knockout", "race", "two_player"];

fn games() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("gamebot/games")
}

fn shipped(name: &str) -> PathBuf {
    games().join(format!("{name}.jsonl"))
}

fn guild(store: &EventStore) -> EventStore {
    store.with_scope(Scope::tenant(Tenant::new("98").unwrap()))
}

async fn play_json(store: &EventStore, file: &Path) -> Result<Value, Failure> {
    let mut out = Vec::new();
    play(store, file, Output::Json, &mut out).await?;
    Ok(serde_json::from_slice(&out).unwrap())
}

async fn shown(store: &EventStore, args: Show) -> Result<String, Failure> {
    let mut out = Vec::new();
    show(store, &args, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

fn file(lines: &[String]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(lines.join("\n").as_bytes()).unwrap();
    file
}

fn lines(name: &str) -> Vec<String> {
    std::fs::read_to_string(shipped(name)).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn shipped_games_end_with_the_expected_boards() {
    for name in SHIPPED {
        let store = EventStore::in_memory().unwrap();
        let board = std::fs::read_to_string(games().join(format!("{name}.board.json"))).unwrap();
        let expected: Value = serde_json::from_str(&board).unwrap();
        assert_eq!(expected["status"], "completed");
        assert_eq!(play_json(&store, &shipped(name)).await.unwrap(), expected, "{name}");
        let game = expected["game"].as_str().unwrap().to_owned();
        let args = Show { game, json: true, ..Show::default() };
        let recovered: Value = serde_json::from_str(&shown(&store, args).await.unwrap()).unwrap();
        assert_eq!(recovered, expected, "{name}, recovered");
    }
}

#[tokio::test]
async fn the_recovered_session_equals_the_played_one() {
    for name in SHIPPED {
        let store = EventStore::in_memory().unwrap();
        let played = play(&store, &shipped(name), Output::Json, &mut Vec::new()).await.unwrap();
        let game = played.session.game_id.clone();
        let recovered = recover_session(&guild(&store), &game).await.unwrap();
        assert_eq!(recovered.state, played.session);
        assert_eq!(recovered.version, played.version);
    }
}

#[tokio::test]
async fn replaying_a_file_stores_nothing_and_a_partial_game_is_resumed() {
    let all = lines("knockout");
    let whole = EventStore::in_memory().unwrap();
    let expected = play_json(&whole, &shipped("knockout")).await.unwrap();
    for cut in 1..=all.len() {
        let store = EventStore::in_memory().unwrap();
        play_json(&store, file(&all[..cut]).path()).await.unwrap();
        assert_eq!(play_json(&store, file(&all).path()).await.unwrap(), expected, "cut at {cut}");
        let again = play(&store, file(&all).path(), Output::Text, &mut Vec::new()).await.unwrap();
        assert_eq!(again.stored, 0);
        let events = stored(&store).await;
        assert_eq!(events, stored(&whole).await, "the events do not depend on the number of runs");
    }
}

/// Type, data and metadata of each event in the game's stream.
async fn stored(store: &EventStore) -> Vec<(String, String, String)> {
    let stream = StreamId::new("game-knockout-1").unwrap();
    let page = guild(store).read_stream(&stream, ReadOptions::forward()).await.unwrap();
    page.iter()
        .map(|event| {
            // The cause of all but the first event of a line is an id, which each playing draws anew.
            let metadata = event.metadata().clone().with_causation_id("").as_json().to_owned();
            (event.event_type().to_owned(), event.data().get().to_owned(), metadata)
        })
        .collect()
}

#[tokio::test]
async fn a_rejected_line_keeps_the_events_of_the_lines_before_it() {
    let good = &lines("knockout")[..4];
    let invalid = [
        ("{", "not a JSON object"),
        ("[1]", "expected"),
        (r#"{"do":"tick"}"#, "missing field `at`"),
        (r#"{"at":"yesterday","do":"tick"}"#, "invalid"),
        (r#"{"at":"2026-03-14T18:00:30Z"}"#, "missing field `do`"),
        (r#"{"at":"2026-03-14T18:00:30Z","do":"dance"}"#, "unknown variant `dance`"),
        (r#"{"at":"2026-03-14T18:00:30Z","do":"tick","extra":1}"#, "unknown field `extra`"),
        (r#"{"at":"2026-03-14T17:00:00Z","do":"tick"}"#, "`at` must not decrease"),
        (r#"{"at":"2026-03-14T18:00:30Z","do":"round","words":{"red":["a","b"]}}"#, "still open"),
        (r#"{"at":"2026-03-14T18:00:30Z","do":"round","words":{"red":["a"]}}"#, "length 1"),
        (
            r#"{"at":"2026-03-14T18:00:30Z","do":"guess","team":"red","player":"zoe","word":"x"}"#,
            "`red` has no open round",
        ),
        (
            r#"{"at":"2026-03-14T18:00:30Z","do":"abandon","team":"blue","player":"cy","reason":"bored"}"#,
            "unknown variant `bored`",
        ),
        (&good[0].replace("18:00:00", "18:00:30"), "has already started"),
        ("\"\u{7}\"", "control character"),
    ];
    for (line, message) in invalid {
        let store = EventStore::in_memory().unwrap();
        let mut all = good.to_vec();
        all.push(line.to_owned());
        let file = file(&all);
        let failure = play_json(&store, file.path()).await.unwrap_err();
        assert_eq!(failure.code, 2, "{line}");
        let location = format!("{}:5: ", file.path().display());
        assert!(failure.message.starts_with(&location), "{failure}");
        assert!(failure.message.contains(message), "{failure} contains {message}");
        assert_eq!(stored(&store).await.len(), 3, "start, round and one attempt");
    }
}

#[tokio::test]
async fn a_file_that_is_not_a_transcript_is_rejected() {
    let store = EventStore::in_memory().unwrap();
    for (content, message) in [
        (&b""[..], "contains no game"),
        (b"\n \n", "contains no game"),
        (b"\xff\xfe", "not UTF-8"),
        (br#"{"at":"2026-03-14T18:00:30Z","do":"tick"}"#, "must be `start`"),
    ] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let failure = play_json(&store, file.path()).await.unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(failure.message.contains(message), "{failure}");
    }
    let missing = play_json(&store, Path::new("no/such/file.jsonl")).await.unwrap_err();
    assert_eq!(missing.code, 1);
    assert!(missing.message.contains("no/such/file.jsonl"), "{missing}");
}

#[tokio::test]
async fn a_stored_event_that_differs_is_reported_with_its_line() {
    let store = EventStore::in_memory().unwrap();
    let mut all = lines("knockout");
    play_json(&store, file(&all[..10]).path()).await.unwrap();
    all[3] = all[3].replace("beach", "stone");
    let failure = play_json(&store, file(&all).path()).await.unwrap_err();
    assert_eq!(failure.code, 2);
    assert!(failure.message.contains(":4: the stored game differs at version 3"), "{failure}");
}

#[tokio::test]
async fn a_timestamp_in_the_future_is_reported_with_its_line() {
    let store = EventStore::in_memory().unwrap();
    let start = lines("race")[0].replace("2026-03-14", "9026-03-14");
    let failure = play_json(&store, file(&[start]).path()).await.unwrap_err();
    assert_eq!(failure.code, 2);
    assert!(failure.message.contains("timestamp"), "{failure}");
}

#[tokio::test]
async fn equal_game_ids_in_two_guilds_are_two_games() {
    let store = EventStore::in_memory().unwrap();
    let other: Vec<String> = lines("race")
        .iter()
        .map(|line| line.replace(r#""guild": "98""#, r#""guild": "99""#))
        .collect();
    play_json(&store, &shipped("race")).await.unwrap();
    play_json(&store, file(&other[..2]).path()).await.unwrap();
    let args = Show { game: "race-1".into(), ..Show::default() };
    let failure = shown(&store, args.clone()).await.unwrap_err();
    assert_eq!(failure.code, 1);
    assert!(failure.message.contains("--guild 98\n  --guild 99"), "{failure}");
    let guild = Some("99".to_owned());
    let board = shown(&store, Show { guild, ..args }).await.unwrap();
    assert!(board.contains("guild 99 · race · in progress"), "{board}");
}

#[tokio::test]
async fn show_prints_an_earlier_version_and_lists_events() {
    let store = EventStore::in_memory().unwrap();
    play_json(&store, &shipped("knockout")).await.unwrap();
    let args = |at, events| Show { game: "knockout-1".into(), at, events, ..Show::default() };
    let then = shown(&store, args(Some(2), false)).await.unwrap();
    assert!(then.contains("in progress · round 1 · 2 events"), "{then}");
    let listed = shown(&store, args(Some(3), true)).await.unwrap();
    let rows: Vec<Vec<&str>> = listed.lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[1], ["1", "1", "game_started", "v1", "2026-03-14T18:00:00Z"]);
    assert_eq!(rows[3], ["3", "3", "guess_processed", "v1", "2026-03-14T18:00:13Z"]);
    for (args, message) in [
        (args(Some(900), false), "there is no version 900"),
        (Show { game: "nobody".into(), ..Show::default() }, "there is no game nobody"),
        (Show { game: "\u{7}".into(), ..Show::default() }, "control character"),
    ] {
        let failure = shown(&store, args).await.unwrap_err();
        assert_eq!(failure.code, 1);
        assert!(failure.message.contains(message), "{failure}");
    }
}

#[tokio::test]
async fn control_characters_in_names_are_escaped_on_the_terminal() {
    let store = EventStore::in_memory().unwrap();
    let start = r#"{"at":"2026-03-14T18:00:00Z","do":"start","game":"\u202egame","guild":"9'8%","mode":"two_player","teams":{"r\u001b[31m":["a","b"]}}"#;
    let mut out = Vec::new();
    play(&store, file(&[start.to_owned()]).path(), Output::Text, &mut out).await.unwrap();
    let board = String::from_utf8(out).unwrap();
    assert!(!board.contains(['\u{1b}', '\u{202e}']), "{board:?}");
    assert!(board.contains("\\u{202e}game") && board.contains("9'8%"), "{board}");
}

#[tokio::test]
async fn every_simulated_game_can_be_recovered() {
    let store = EventStore::in_memory().unwrap();
    let mut out = Vec::new();
    let tally = simulate(&store, 60, 7, &mut out).await.unwrap();
    assert_eq!((tally.games, tally.conflicts), (60, 0));
    let streams = store.all_tenants().list_streams(event_core::ListOptions::new()).await.unwrap();
    assert_eq!(streams.len(), 60);
    let mut events = 0;
    for stream in streams {
        let store = store.with_scope(Scope::tenant(stream.tenant));
        let game = stream.stream_id.as_str().trim_start_matches("game-");
        let recovered = recover_session(&store, &GameId::from(game)).await.unwrap();
        assert_eq!(recovered.state.status, SessionStatus::Completed);
        assert_ne!(recovered.version, StreamVersion::NONE);
        events += recovered.version.get();
    }
    assert_eq!(events, tally.events);
    let report = String::from_utf8(out).unwrap();
    for word in ["games      60", "events", "events/s", "conflicts  0"] {
        assert!(report.contains(word), "{report}");
    }
}

#[tokio::test]
async fn equal_random_seeds_play_equal_games() {
    let mut tallies = Vec::new();
    for seed in [1, 1, 2] {
        let store = EventStore::in_memory().unwrap();
        tallies.push(simulate(&store, 10, seed, &mut Vec::new()).await.unwrap());
    }
    assert_eq!(tallies[0], tallies[1]);
    assert_ne!(tallies[0], tallies[2]);
}
