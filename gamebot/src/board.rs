//! The board of a game, as a table and as JSON, and the one-line description of an event. Ids and words come from users and
//! are escaped for the terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use event_core::StreamVersion;
use event_core::value::{Escaped, Printable};
use game_events::{EliminationReason, GameEvent, GameSession, SessionStatus, TeamSession};
use serde::Serialize;

/// Formats the board as a table.
pub(crate) fn table(session: &GameSession, version: StreamVersion) -> String {
    let status = match session.status {
        SessionStatus::Completed => "completed",
        SessionStatus::Initializing | SessionStatus::Active => "in progress",
    };
    let mode = session.mode.map_or("", game_events::GameMode::as_str);
    let mut text = format!(
        "game {} · guild {} · {mode} · {status} · round {} · {version} events\n",
        Escaped(session.game_id.as_str()),
        Escaped(session.guild_id.as_str()),
        session.round_number,
    );
    let width = session.team_ids.iter().map(|id| escaped(id.as_str()).chars().count()).max();
    let width = width.unwrap_or(0).max(4);
    let _ = writeln!(text, "  {:width$}  score  matches  guesses  average", "team");
    for (id, team) in session.team_ids.iter().filter_map(|id| session.teams.get_key_value(id)) {
        let mark = if session.winners.contains(id) { '*' } else { ' ' };
        let _ = writeln!(
            text,
            "{mark} {:width$}  {:5}  {:7}  {:7}  {:7.2}{}",
            escaped(id.as_str()),
            team.score,
            team.matches,
            team.total_guesses,
            team.average_guesses(),
            elimination(team),
        );
    }
    text.push_str(&result(session));
    text
}

fn escaped(text: &str) -> String {
    Escaped(text).to_string()
}

fn elimination(team: &TeamSession) -> String {
    match (team.eliminated, team.eliminated_in_round) {
        (Some(reason), Some(round)) => format!("  out in round {round}: {}", reason_text(reason)),
        _ => String::new(),
    }
}

const fn reason_text(reason: EliminationReason) -> &'static str {
    match reason {
        EliminationReason::Timeout => "time was up",
        EliminationReason::MaxGuesses => "too many guesses",
        EliminationReason::RoundLoss => "most guesses of the round",
        EliminationReason::Forfeit => "gave up",
    }
}

fn result(session: &GameSession) -> String {
    let winners: Vec<_> = session.winners.iter().map(|id| escaped(id.as_str())).collect();
    match (session.status, winners.as_slice()) {
        (SessionStatus::Completed, []) => "nobody wins\n".into(),
        (SessionStatus::Completed, winners) => format!("{} wins\n", winners.join(", ")),
        _ => String::new(),
    }
}

#[derive(Serialize)]
struct JsonBoard<'a> {
    game: &'a str,
    mode: &'a str,
    status: &'a str,
    winners: Vec<&'a str>,
    teams: BTreeMap<&'a str, JsonTeam>,
    stream_version: u64,
}

#[derive(Serialize)]
struct JsonTeam {
    score: i64,
    matches: u32,
    total_guesses: u32,
    eliminated: bool,
}

/// Formats the board as one line of JSON.
pub(crate) fn json(session: &GameSession, version: StreamVersion) -> String {
    let team = |team: &TeamSession| JsonTeam {
        score: team.score,
        matches: team.matches,
        total_guesses: team.total_guesses,
        eliminated: !team.is_active(),
    };
    let board = JsonBoard {
        game: session.game_id.as_str(),
        mode: session.mode.map_or("", game_events::GameMode::as_str),
        status: match session.status {
            SessionStatus::Completed => "completed",
            SessionStatus::Initializing | SessionStatus::Active => "in_progress",
        },
        winners: session.winners.iter().map(game_events::TeamId::as_str).collect(),
        teams: session.teams.iter().map(|(id, state)| (id.as_str(), team(state))).collect(),
        stream_version: version.get(),
    };
    // Cannot fail: the board contains only strings, booleans and integers.
    let json = serde_json::to_string(&board).unwrap_or_default();
    Printable(&json).to_string()
}

/// Describes an event in one line.
pub(crate) fn describe(event: &GameEvent) -> String {
    let time = event.base().timestamp.format("%H:%M:%S");
    let text = match event {
        GameEvent::Started(start) => {
            let teams: Vec<_> = start.team_ids.iter().map(|id| escaped(id.as_str())).collect();
            format!("{} starts: {}", start.base.mode, teams.join(", "))
        }
        GameEvent::RoundStarted(round) => {
            let teams: Vec<_> = round.team_states.keys().map(|id| escaped(id.as_str())).collect();
            format!("round {} for {}", round.base.round_number, teams.join(", "))
        }
        GameEvent::GuessProcessed(guess) => {
            let outcome = if guess.guess_successful { "match" } else { "no match" };
            format!(
                "{}: {} / {}: {outcome}, attempt {}",
                escaped(guess.team_id.as_str()),
                escaped(&guess.player1_word),
                escaped(&guess.player2_word),
                guess.guess_count
            )
        }
        GameEvent::GuessAbandoned(guess) => {
            let (team, player) = (&guess.team_id, &guess.abandoning_player_id);
            format!(
                "{}: {} abandons attempt {}",
                escaped(team.as_str()),
                escaped(player.as_str()),
                guess.guess_count
            )
        }
        GameEvent::TeamEliminated(team) => {
            format!("{} is out: {}", escaped(team.team_id.as_str()), reason_text(team.reason))
        }
        GameEvent::KnockoutRoundCompleted(round) => {
            let (eliminated, advancing) =
                (round.eliminated_teams.len(), round.advancing_teams.len());
            let number = round.base.round_number;
            format!("round {number} ends: {eliminated} eliminated, {advancing} advance")
        }
        GameEvent::RaceModeTimeExpired(_) => "the time limit is reached".to_owned(),
        GameEvent::Completed(_) => "the game ends".to_owned(),
    };
    format!("{time}  {text}")
}
