//! Decoding against plain `serde_json::from_str` of the same struct: typed, through the registry, from an older
//! version. Read the ratios, not the times; the README beside this file says how.

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::struct_field_names, reason = "the fields are the game's")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use event_core::adapter::RecordedParts;
use event_core::{
    Event, EventId, EventVersion, Metadata, Position, RecordedEvent, Registry, StreamId,
    StreamVersion, Tenant,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Ten fields, seven of them strings: a guess of two players.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "bench.guess", version = 2, from = GuessV1)]
struct Guess {
    game_id: String,
    guild_id: String,
    team_id: String,
    player1_id: String,
    player2_id: String,
    player1_word: String,
    player2_word: String,
    guess_successful: bool,
    guess_count: u32,
    guess_duration: u64,
}

/// The version before, without a duration.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "bench.guess", version = 1)]
struct GuessV1 {
    game_id: String,
    guild_id: String,
    team_id: String,
    player1_id: String,
    player2_id: String,
    player1_word: String,
    player2_word: String,
    guess_successful: bool,
    guess_count: u32,
}

impl From<GuessV1> for Guess {
    fn from(old: GuessV1) -> Self {
        Self {
            game_id: old.game_id,
            guild_id: old.guild_id,
            team_id: old.team_id,
            player1_id: old.player1_id,
            player2_id: old.player2_id,
            player1_word: old.player1_word,
            player2_word: old.player2_word,
            guess_successful: old.guess_successful,
            guess_count: old.guess_count,
            guess_duration: 0,
        }
    }
}

fn recorded(version: u32, data: &str) -> RecordedEvent {
    RecordedEvent::from_parts(RecordedParts {
        tenant: Tenant::default(),
        stream_id: StreamId::new("game-1").expect("a valid name"),
        stream_version: StreamVersion::new(1),
        position: Position::new(1),
        event_id: EventId::new(),
        event_type: Guess::TYPE.into(),
        event_version: EventVersion::new(version),
        data: RawValue::from_string(data.to_owned()).expect("valid JSON"),
        metadata: Metadata::new(),
        recorded_at: chrono::DateTime::UNIX_EPOCH,
    })
}

const V1: &str = r#""game_id":"game-0001","guild_id":"812345678901234567","team_id":"red","player1_id":"712345678901234561","player2_id":"712345678901234562","player1_word":"beach","player2_word":"coast","guess_successful":false,"guess_count":3"#;

/// What is compared: name, what it is compared with, the work.
type Case<'a> = (&'static str, usize, Box<dyn Fn() + 'a>);

fn decode(criterion: &mut Criterion) {
    let (old, new) = (format!("{{{V1}}}"), format!("{{{V1},\"guess_duration\":5210}}"));
    let (old, new) = (recorded(1, &old), recorded(2, &new));
    let registry = Registry::global().expect("the events of this bench hold together");
    let cases: Vec<Case<'_>> = vec![
        ("plain serde_json", 0, Box::new(|| drop(plain::<Guess>(&new)))),
        ("typed", 0, Box::new(|| drop(black_box(black_box(&new).decode::<Guess>())))),
        ("registry, boxed", 0, Box::new(|| drop(black_box(black_box(&new).decode_with(registry))))),
        ("plain serde_json of v1", 3, Box::new(|| drop(plain::<GuessV1>(&old)))),
        ("typed, v1 to v2", 3, Box::new(|| drop(black_box(black_box(&old).decode::<Guess>())))),
        (
            "registry, v1 to v2",
            3,
            Box::new(|| drop(black_box(black_box(&old).decode_with(registry)))),
        ),
    ];
    let mut group = criterion.benchmark_group("decode");
    for (name, _, work) in &cases {
        group.bench_function(*name, |bencher| bencher.iter(work));
    }
    group.finish();
    // `--test` compiles and runs each bench once: no figures then.
    if !std::env::args().any(|argument| argument == "--test") {
        ratios(&cases);
    }
}

fn plain<T: serde::de::DeserializeOwned>(event: &RecordedEvent) -> serde_json::Result<T> {
    black_box(serde_json::from_str(black_box(event.data().get())))
}

/// The machine's speed drifts while criterion goes from one case to the next: here they take turns.
fn ratios(cases: &[Case<'_>]) {
    const ROUNDS: usize = 61;
    const CALLS: u32 = 10_000;
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for ((.., work), times) in cases.iter().zip(&mut times) {
            let started = Instant::now();
            (0..CALLS).for_each(|_| work());
            times.push(started.elapsed().as_secs_f64());
        }
    }
    println!("\nratios of {ROUNDS} rounds in turns, each {CALLS} calls: median (quartiles)");
    for (at, (name, base, _)) in cases.iter().enumerate() {
        let mut ratios: Vec<f64> =
            times[at].iter().zip(&times[*base]).map(|(time, base)| time / base).collect();
        ratios.sort_by(f64::total_cmp);
        let [low, median, high] = [1, 2, 3].map(|quarter| ratios[ROUNDS * quarter / 4]);
        println!("{name:<24} {median:.3} ({low:.3} to {high:.3}) of {}", cases[*base].0);
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
