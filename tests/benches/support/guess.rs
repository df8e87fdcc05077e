//! The event that the benches decode: a guess of two players, in its current and its previous version.

#![allow(clippy::struct_field_names, reason = "the fields are the game's")]

use std::hint::black_box;

use event_core::envelope::RecordedParts;
use event_core::{
    Event, EventId, EventVersion, Metadata, Position, RecordedEvent, StreamId, StreamVersion,
    Tenant,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A guess of two players: ten fields, seven of them strings.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "bench.guess", version = 2, from = GuessV1)]
pub(crate) struct Guess {
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

/// The previous version, without a duration.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "bench.guess", version = 1)]
pub(crate) struct GuessV1 {
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

/// A guess stored in version 1 and one stored in version 2.
pub(crate) fn stored() -> (RecordedEvent, RecordedEvent) {
    let (old, new) = (format!("{{{V1}}}"), format!("{{{V1},\"guess_duration\":5210}}"));
    (recorded(1, &old), recorded(2, &new))
}

/// The reference: decodes the data with plain `serde_json`.
pub(crate) fn plain<T: serde::de::DeserializeOwned>(
    event: &RecordedEvent,
) -> serde_json::Result<T> {
    black_box(serde_json::from_str(black_box(event.data().get())))
}
