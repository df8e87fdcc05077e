//! Random values of the field types of events.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::{EliminationReason, GameMode, PlayerId, PlayerInfo, PlayerStats};

/// Latest timestamp of a random event.
pub const LATEST: &str = "2026-01-01T00:00:00Z";

pub(super) fn mode(rng: &mut Rng) -> GameMode {
    [GameMode::TwoPlayer, GameMode::Knockout, GameMode::Race][rng.usize(..3)]
}

pub(super) fn elimination_reason(rng: &mut Rng) -> EliminationReason {
    use EliminationReason::{Forfeit, MaxGuesses, RoundLoss, Timeout};
    [Timeout, MaxGuesses, RoundLoss, Forfeit][rng.usize(..4)]
}

/// Any time up to [`LATEST`], in microseconds.
pub(super) fn time(rng: &mut Rng) -> DateTime<Utc> {
    let latest: DateTime<Utc> = LATEST.parse().unwrap_or(DateTime::UNIX_EPOCH);
    latest - Duration::microseconds(rng.i64(0..2_000_000_000_000_000))
}

/// A float, half of the time without a fraction, which must still decode as a float.
pub(super) fn float(rng: &mut Rng) -> f64 {
    if rng.bool() { f64::from(rng.u8(..)) } else { rng.f64() * 1e3 }
}

pub(super) fn id(rng: &mut Rng) -> String {
    let length = rng.usize(1..12);
    (0..length).map(|_| rng.alphanumeric()).collect()
}

/// Any text: empty, quotes, control characters, other scripts, a text that looks like a time.
pub(super) fn text(rng: &mut Rng) -> String {
    match rng.u8(..8) {
        0 => String::new(),
        1 => "2026-01-01T00:00:00Z".into(),
        2 => "\"\\\u{0}\n\u{202e}".into(),
        _ => (0..rng.usize(0..9)).map(|_| rng.char(..)).collect(),
    }
}

pub(super) fn players(rng: &mut Rng) -> Vec<PlayerId> {
    (0..rng.usize(0..3)).map(|_| id(rng).into()).collect()
}

pub(super) fn player_info(rng: &mut Rng) -> PlayerInfo {
    PlayerInfo {
        player_id: id(rng).into(),
        team_id: rng.bool().then(|| id(rng).into()),
        name: rng.bool().then(|| text(rng)),
        role: rng.bool().then(|| text(rng)),
    }
}

pub(super) fn player_stats(rng: &mut Rng) -> BTreeMap<PlayerId, PlayerStats> {
    let players = (0..rng.usize(0..3)).map(|_| {
        let stats = PlayerStats {
            total_guesses: rng.u32(..),
            successful_matches: rng.u32(..),
            abandoned_guesses: rng.u32(..),
            average_guess_count: float(rng),
        };
        (PlayerId::from(id(rng)), stats)
    });
    players.collect()
}

pub(super) fn map(rng: &mut Rng) -> Map<String, Value> {
    let values = (0..rng.usize(0..4)).map(|_| {
        let value = match rng.u8(..6) {
            0 => Value::Null,
            1 => json!(rng.bool()),
            2 => json!(rng.i64(..)),
            3 => json!(float(rng)),
            4 => json!([text(rng), {"nested": rng.u64(..)}]),
            _ => json!(text(rng)),
        };
        (id(rng), value)
    });
    values.collect()
}
