//! The board: a game at a glance, for people and for programs. Whatever comes from users is printed escaped.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use event_core::StreamVersion;
use event_core::value::Escaped;
use game_events::{EliminationReason, GameEvent, GameSession, SessionStatus, TeamSession};
use serde::Serialize;

/// The board as a table.
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
    let width = session.team_ids.iter().map(|id| shown(id.as_str()).chars().count()).max();
    let width = width.unwrap_or(0).max(4);
    let _ = writeln!(text, "  {:width$}  score  matches  guesses  average", "team");
    for (id, team) in session.team_ids.iter().filter_map(|id| session.teams.get_key_value(id)) {
        let mark = if session.winners.contains(id) { '*' } else { ' ' };
        let _ = writeln!(
            text,
            "{mark} {:width$}  {:5}  {:7}  {:7}  {:7.2}{}",
            shown(id.as_str()),
            team.score,
            team.matches,
            team.total_guesses,
            team.average_guesses(),
            out(team),
        );
    }
    text.push_str(&ending(session));
    text
}

fn shown(text: &str) -> String {
    Escaped(text).to_string()
}

fn out(team: &TeamSession) -> String {
    match (team.eliminated, team.eliminated_in_round) {
        (Some(reason), Some(round)) => format!("  out in round {round}: {}", why(reason)),
        _ => String::new(),
    }
}

const fn why(reason: EliminationReason) -> &'static str {
    match reason {
        EliminationReason::Timeout => "time was up",
        EliminationReason::MaxGuesses => "too many guesses",
        EliminationReason::RoundLoss => "most guesses of the round",
        EliminationReason::Forfeit => "gave up",
    }
}

fn ending(session: &GameSession) -> String {
    let winners: Vec<_> = session.winners.iter().map(|id| shown(id.as_str())).collect();
    match (session.status, winners.as_slice()) {
        (SessionStatus::Completed, []) => "nobody wins\n".into(),
        (SessionStatus::Completed, winners) => format!("{} wins\n", winners.join(", ")),
        _ => String::new(),
    }
}

#[derive(Serialize)]
struct Json<'a> {
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

/// The board as one line of JSON.
pub(crate) fn json(session: &GameSession, version: StreamVersion) -> String {
    let team = |team: &TeamSession| JsonTeam {
        score: team.score,
        matches: team.matches,
        total_guesses: team.total_guesses,
        eliminated: !team.is_active(),
    };
    let board = Json {
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
    // Strings and numbers only: there is nothing in it that JSON cannot hold.
    serde_json::to_string(&board).unwrap_or_default()
}

/// An event as the game goes, in one line.
pub(crate) fn told(event: &GameEvent) -> String {
    let time = event.base().timestamp.format("%H:%M:%S");
    let words = match event {
        GameEvent::Started(start) => {
            let teams: Vec<_> = start.team_ids.iter().map(|id| shown(id.as_str())).collect();
            format!("{} begins: {}", start.base.mode, teams.join(", "))
        }
        GameEvent::RoundStarted(round) => {
            let teams: Vec<_> = round.team_states.keys().map(|id| shown(id.as_str())).collect();
            format!("round {} for {}", round.base.round_number, teams.join(", "))
        }
        GameEvent::GuessProcessed(guess) => {
            let outcome = if guess.guess_successful { "match" } else { "no match" };
            format!(
                "{}: {} / {}: {outcome}, attempt {}",
                shown(guess.team_id.as_str()),
                shown(&guess.player1_word),
                shown(&guess.player2_word),
                guess.guess_count
            )
        }
        GameEvent::GuessAbandoned(guess) => {
            let (team, player) = (&guess.team_id, &guess.abandoning_player_id);
            format!(
                "{}: {} gives attempt {} up",
                shown(team.as_str()),
                shown(player.as_str()),
                guess.guess_count
            )
        }
        GameEvent::TeamEliminated(team) => {
            format!("{} is out: {}", shown(team.team_id.as_str()), why(team.reason))
        }
        GameEvent::KnockoutRoundCompleted(round) => {
            let (out, on) = (round.eliminated_teams.len(), round.advancing_teams.len());
            format!("round {} is over: {out} out, {on} go on", round.base.round_number)
        }
        GameEvent::RaceModeTimeExpired(_) => "time is up".to_owned(),
        GameEvent::Completed(_) => "the game is over".to_owned(),
    };
    format!("{time}  {words}")
}
