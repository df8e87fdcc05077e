//! Random valid events of each type (feature `testing`), for property tests.
//!
//! Every one passes its own validation at [`LATEST`] and later. They do not make up a game: for that there is
//! `gamebot simulate`.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use event_testing::lock::golden::Golden;
use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::{
    AbandonReason, AdvancingTeam, EliminatedTeam, EliminationReason, EventBase, GameCompleted,
    GameEvent, GameMode, GameStarted, GuessAbandoned, GuessProcessed, KnockoutRoundCompleted,
    LastGuess, PlayerId, PlayerInfo, PlayerStats, RaceModeTimeExpired, RaceResult, RoundStarted,
    TeamEliminated, TeamId, TeamInfo, TeamScore, TeamState,
};

/// One stored payload of every version, for crates that build on these events:
/// `event_testing::lock::golden::check(game_events::testing::GOLDEN)`.
pub const GOLDEN: &[Golden] = event_testing::golden![
    "game_completed.v1",
    "game_started.v1",
    "guess_abandoned.v1",
    "guess_processed.v1",
    "knockout_round_completed.v1",
    "race_mode_time_expired.v1",
    "round_started.v1",
    "team_eliminated.v1",
];

/// No random event happens later than this.
pub const LATEST: &str = "2026-01-01T00:00:00Z";

/// One random event of each of the eight types.
pub fn one_of_each(rng: &mut Rng) -> [GameEvent; 8] {
    [
        game_started(rng).into(),
        round_started(rng).into(),
        guess_processed(rng).into(),
        guess_abandoned(rng).into(),
        team_eliminated(rng).into(),
        game_completed(rng).into(),
        knockout_round_completed(rng).into(),
        race_mode_time_expired(rng).into(),
    ]
}

/// A random `game_started`.
pub fn game_started(rng: &mut Rng) -> GameStarted {
    let mode = mode(rng);
    let count = if mode == GameMode::TwoPlayer { 1 } else { rng.usize(2..=12) };
    let mut teams = BTreeMap::new();
    while teams.len() < count {
        teams.insert(TeamId::from(id(rng)), vec![PlayerId::from(id(rng)), PlayerId::from(id(rng))]);
    }
    let mut team_ids: Vec<_> = teams.keys().cloned().collect();
    rng.shuffle(&mut team_ids);
    let player_ids: Vec<PlayerId> = teams.values().flatten().cloned().collect();
    let roles = player_ids
        .iter()
        .filter(|_| rng.bool())
        .map(|player| (player.clone(), "giver".to_owned()))
        .collect();
    let mut base = base(rng, mode);
    base.round_number = 1;
    let started_at = base.timestamp;
    GameStarted { base, teams, team_ids, player_ids, roles, config: map(rng), started_at }
}

/// A random `round_started`.
pub fn round_started(rng: &mut Rng) -> RoundStarted {
    let mode = mode(rng);
    let states = (0..=rng.usize(0..4)).map(|_| {
        let team_id = TeamId::from(id(rng));
        let state = TeamState {
            team_id: team_id.clone(),
            active_players: players(rng),
            eliminated_players: players(rng),
            score: rng.i64(-9..99),
            matches: rng.u32(..),
            total_guesses: rng.u32(..),
            words: if rng.bool() { vec![text(rng), text(rng)] } else { Vec::new() },
            average_guesses: rng.bool().then(|| float(rng)),
            remaining_guesses: rng.bool().then(|| rng.u32(..)),
        };
        (team_id, state)
    });
    RoundStarted { team_states: states.collect(), base: base(rng, mode) }
}

/// A random `guess_processed`.
pub fn guess_processed(rng: &mut Rng) -> GuessProcessed {
    let mode = mode(rng);
    let guess_successful = rng.bool();
    GuessProcessed {
        base: base(rng, mode),
        team_id: id(rng).into(),
        player1_info: player_info(rng),
        player2_info: player_info(rng),
        player1_word: text(rng),
        player2_word: text(rng),
        guess_successful,
        match_score: guess_successful.then(|| rng.u32(1..)),
        guess_count: rng.u32(1..),
        round_guess_count: rng.u32(1..),
        total_guesses: rng.u32(1..),
        guess_duration: rng.u64(..),
        player1_duration: rng.u64(..),
        player2_duration: rng.u64(..),
    }
}

/// A random `guess_abandoned`.
pub fn guess_abandoned(rng: &mut Rng) -> GuessAbandoned {
    let mode = mode(rng);
    let last_guess = rng.bool().then(|| LastGuess {
        player_id: id(rng).into(),
        word: text(rng),
        timestamp: time(rng),
    });
    let reasons = [AbandonReason::Timeout, AbandonReason::PlayerQuit, AbandonReason::Disconnected];
    GuessAbandoned {
        base: base(rng, mode),
        team_id: id(rng).into(),
        player1_info: player_info(rng),
        player2_info: player_info(rng),
        reason: reasons[rng.usize(..reasons.len())],
        abandoning_player_id: id(rng).into(),
        last_guess,
        guess_count: rng.u32(1..),
        round_guess_count: rng.u32(1..),
        total_guesses: rng.u32(1..),
        guess_duration: rng.bool().then(|| rng.u64(..)),
    }
}

/// A random `team_eliminated`.
pub fn team_eliminated(rng: &mut Rng) -> TeamEliminated {
    let mode = mode(rng);
    let team_id = TeamId::from(id(rng));
    TeamEliminated {
        base: base(rng, mode),
        team_id: team_id.clone(),
        reason: elimination(rng),
        final_state: TeamInfo {
            team_id,
            player_ids: players(rng),
            score: rng.i64(..),
            matches: rng.u32(..),
            total_guesses: rng.u32(..),
        },
        final_score: rng.i64(..),
        player_stats: stats(rng),
    }
}

/// A random `game_completed`.
pub fn game_completed(rng: &mut Rng) -> GameCompleted {
    let mode = mode(rng);
    let base = base(rng, mode);
    let scores = (0..=rng.usize(0..4)).map(|_| {
        let score = TeamScore {
            score: rng.i64(..),
            matches: rng.u32(..),
            total_guesses: rng.u32(..),
            average_guesses: float(rng),
            player_stats: stats(rng),
        };
        (TeamId::from(id(rng)), score)
    });
    let final_scores: BTreeMap<_, _> = scores.collect();
    GameCompleted {
        winners: final_scores.keys().filter(|_| rng.bool()).cloned().collect(),
        final_scores,
        game_duration: rng.u64(..),
        total_rounds: rng.u32(1..),
        finished_at: base.timestamp - Duration::microseconds(rng.i64(0..1_000_000)),
        base,
    }
}

/// A random `knockout_round_completed`.
pub fn knockout_round_completed(rng: &mut Rng) -> KnockoutRoundCompleted {
    let out = (0..rng.usize(0..4)).map(|_| EliminatedTeam {
        team_id: id(rng).into(),
        reason: elimination(rng),
        final_score: rng.i64(..),
        player_stats: stats(rng),
    });
    let eliminated_teams = out.collect();
    let on = (0..rng.usize(0..4)).map(|_| AdvancingTeam {
        team_id: id(rng).into(),
        score: rng.i64(..),
        matches: rng.u32(..),
        total_guesses: rng.u32(..),
    });
    KnockoutRoundCompleted {
        eliminated_teams,
        advancing_teams: on.collect(),
        round_duration: rng.u64(..),
        base: base(rng, GameMode::Knockout),
    }
}

/// A random `race_mode_time_expired`.
pub fn race_mode_time_expired(rng: &mut Rng) -> RaceModeTimeExpired {
    let results = (0..rng.usize(0..4)).map(|_| {
        let result = RaceResult {
            matches: rng.u32(..),
            total_guesses: rng.u32(..),
            average_guesses: float(rng),
            last_match_timestamp: rng.bool().then(|| time(rng)),
            player_stats: stats(rng),
        };
        (TeamId::from(id(rng)), result)
    });
    RaceModeTimeExpired {
        final_matches: results.collect(),
        game_duration: rng.u64(..),
        base: base(rng, GameMode::Race),
    }
}

/// Random base fields for a mode.
pub fn base(rng: &mut Rng, mode: GameMode) -> EventBase {
    let mut metadata = map(rng);
    metadata.insert("source_id".into(), json!(id(rng)));
    metadata.insert("correlation_id".into(), if rng.bool() { Value::Null } else { json!(id(rng)) });
    EventBase {
        game_id: id(rng).into(),
        guild_id: id(rng).into(),
        mode,
        round_number: rng.u32(1..),
        timestamp: time(rng),
        metadata,
    }
}

fn mode(rng: &mut Rng) -> GameMode {
    [GameMode::TwoPlayer, GameMode::Knockout, GameMode::Race][rng.usize(..3)]
}

fn elimination(rng: &mut Rng) -> EliminationReason {
    use EliminationReason::{Forfeit, MaxGuesses, RoundLoss, Timeout};
    [Timeout, MaxGuesses, RoundLoss, Forfeit][rng.usize(..4)]
}

/// With microseconds, any time up to [`LATEST`].
fn time(rng: &mut Rng) -> DateTime<Utc> {
    let latest: DateTime<Utc> = LATEST.parse().unwrap_or(DateTime::UNIX_EPOCH);
    latest - Duration::microseconds(rng.i64(0..2_000_000_000_000_000))
}

/// A float that is whole half of the time: it must stay a float.
fn float(rng: &mut Rng) -> f64 {
    if rng.bool() { f64::from(rng.u8(..)) } else { rng.f64() * 1e3 }
}

fn id(rng: &mut Rng) -> String {
    let length = rng.usize(1..12);
    (0..length).map(|_| rng.alphanumeric()).collect()
}

/// Any text: empty, quotes, control characters, other scripts, what looks like a time.
fn text(rng: &mut Rng) -> String {
    match rng.u8(..8) {
        0 => String::new(),
        1 => "2026-01-01T00:00:00Z".into(),
        2 => "\"\\\u{0}\n\u{202e}".into(),
        _ => (0..rng.usize(0..9)).map(|_| rng.char(..)).collect(),
    }
}

fn players(rng: &mut Rng) -> Vec<PlayerId> {
    (0..rng.usize(0..3)).map(|_| id(rng).into()).collect()
}

fn player_info(rng: &mut Rng) -> PlayerInfo {
    PlayerInfo {
        player_id: id(rng).into(),
        team_id: rng.bool().then(|| id(rng).into()),
        name: rng.bool().then(|| text(rng)),
        role: rng.bool().then(|| text(rng)),
    }
}

fn stats(rng: &mut Rng) -> BTreeMap<PlayerId, PlayerStats> {
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

fn map(rng: &mut Rng) -> Map<String, Value> {
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
