//! Random valid events of each type (feature `testing`), for property tests.
//!
//! Every event passes its own validation at [`LATEST`] and later. The events do not form a game; `gamebot simulate`
//! produces complete games.

mod random;

use std::collections::BTreeMap;

use chrono::Duration;
use event_testing::lock::golden::Golden;
use fastrand::Rng;
use serde_json::{Value, json};

pub use self::random::LATEST;
use self::random::{
    elimination_reason, float, id, map, mode, player_info, player_stats, players, text, time,
};
use crate::{
    AbandonReason, AdvancingTeam, EliminatedTeam, EventBase, GameCompleted, GameEvent, GameMode,
    GameStarted, GuessAbandoned, GuessProcessed, KnockoutRoundCompleted, LastGuess, PlayerId,
    RaceModeTimeExpired, RaceResult, RoundStarted, TeamEliminated, TeamId, TeamInfo, TeamScore,
    TeamState,
};

/// One stored payload of every event version. Crates that build on these events check that they still decode:
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

/// Returns one random event of each of the eight types.
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

/// Returns a random `game_started`.
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

/// Returns a random `round_started`.
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

/// Returns a random `guess_processed`.
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

/// Returns a random `guess_abandoned`.
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

/// Returns a random `team_eliminated`.
pub fn team_eliminated(rng: &mut Rng) -> TeamEliminated {
    let mode = mode(rng);
    let team_id = TeamId::from(id(rng));
    TeamEliminated {
        base: base(rng, mode),
        team_id: team_id.clone(),
        reason: elimination_reason(rng),
        final_state: TeamInfo {
            team_id,
            player_ids: players(rng),
            score: rng.i64(..),
            matches: rng.u32(..),
            total_guesses: rng.u32(..),
        },
        final_score: rng.i64(..),
        player_stats: player_stats(rng),
    }
}

/// Returns a random `game_completed`.
pub fn game_completed(rng: &mut Rng) -> GameCompleted {
    let mode = mode(rng);
    let base = base(rng, mode);
    let scores = (0..=rng.usize(0..4)).map(|_| {
        let score = TeamScore {
            score: rng.i64(..),
            matches: rng.u32(..),
            total_guesses: rng.u32(..),
            average_guesses: float(rng),
            player_stats: player_stats(rng),
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

/// Returns a random `knockout_round_completed`.
pub fn knockout_round_completed(rng: &mut Rng) -> KnockoutRoundCompleted {
    let eliminated = (0..rng.usize(0..4)).map(|_| EliminatedTeam {
        team_id: id(rng).into(),
        reason: elimination_reason(rng),
        final_score: rng.i64(..),
        player_stats: player_stats(rng),
    });
    let eliminated_teams = eliminated.collect();
    let advancing = (0..rng.usize(0..4)).map(|_| AdvancingTeam {
        team_id: id(rng).into(),
        score: rng.i64(..),
        matches: rng.u32(..),
        total_guesses: rng.u32(..),
    });
    KnockoutRoundCompleted {
        eliminated_teams,
        advancing_teams: advancing.collect(),
        round_duration: rng.u64(..),
        base: base(rng, GameMode::Knockout),
    }
}

/// Returns a random `race_mode_time_expired`.
pub fn race_mode_time_expired(rng: &mut Rng) -> RaceModeTimeExpired {
    let results = (0..rng.usize(0..4)).map(|_| {
        let result = RaceResult {
            matches: rng.u32(..),
            total_guesses: rng.u32(..),
            average_guesses: float(rng),
            last_match_timestamp: rng.bool().then(|| time(rng)),
            player_stats: player_stats(rng),
        };
        (TeamId::from(id(rng)), result)
    });
    RaceModeTimeExpired {
        final_matches: results.collect(),
        game_duration: rng.u64(..),
        base: base(rng, GameMode::Race),
    }
}

/// Returns random base fields of a mode.
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
