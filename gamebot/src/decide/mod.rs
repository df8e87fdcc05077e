//! The rules: pure deciders, (table, line) → events. Nothing here reads a clock, a file or a store.
//!
//! Each line is decided as a whole: first what the clock brings at the line's time, then the line itself. If the line
//! is refused, neither happens.

mod draft;
mod knockout;
mod race;
mod settings;
mod start;
mod two_player;

use game_events::{GameEvent, GameMode, SessionStatus, TeamId};

use crate::decide::draft::Draft;
use crate::decide::settings::Settings;
use crate::table::Table;
use crate::transcript::{Action, Line};

/// Why a line cannot be applied, in words.
pub type Refused = String;

/// The events of a line, in order; none for a half guess and for a tick at which nothing ends.
///
/// # Errors
/// The rule that the line breaks.
pub fn decide(table: &Table, line: &Line) -> Result<Vec<GameEvent>, Refused> {
    if let Some(last) = table.last_at.filter(|last| line.at < *last) {
        return Err(format!("`at` runs back: {} is before {last}", line.at));
    }
    let mode = match (&line.action, table.session.mode) {
        (Action::Start(start), None) => return start::decide(start, line),
        (Action::Start(_), Some(_)) => {
            return Err(format!("the game `{}` has started already", table.session.game_id));
        }
        (_, None) => return Err("the first line of a game is its `start`".into()),
        (_, Some(mode)) => mode,
    };
    let settings = Settings::of(&table.session)?;
    let mut draft = Draft::new(&table.session, line, settings);
    check_clock(&mut draft, mode);
    if draft.session.status == SessionStatus::Completed {
        return match &line.action {
            Action::Tick => Ok(draft.events),
            _ => Err("the game is over; only `tick` may follow its end".into()),
        };
    }
    match &line.action {
        Action::Round(words) => start_round(&mut draft, mode, words)?,
        Action::Guess { team, player, word } => {
            // What ends a round ends what was half said in it.
            let open = |team: &TeamId| table.session.teams.get(team).is_some_and(|t| t.round_open);
            let pending = table.pending.get(team).filter(|_| open(team));
            if draft.guess(team, player, word, pending)? {
                attempt_over(&mut draft, mode, team);
            }
        }
        Action::Abandon { team, player, reason } => {
            draft.abandon(team, player, *reason, table.pending.get(team))?;
            attempt_over(&mut draft, mode, team);
        }
        Action::Tick | Action::Start(_) => {}
    }
    Ok(draft.events)
}

fn check_clock(draft: &mut Draft<'_>, mode: GameMode) {
    match mode {
        GameMode::TwoPlayer => {}
        GameMode::Knockout => knockout::check_clock(draft),
        GameMode::Race => race::check_clock(draft),
    }
}

fn start_round(
    draft: &mut Draft<'_>,
    mode: GameMode,
    words: &std::collections::BTreeMap<TeamId, [String; 2]>,
) -> Result<(), Refused> {
    match mode {
        GameMode::TwoPlayer | GameMode::Knockout => draft.round_for_all(words),
        GameMode::Race => race::start_round(draft, words),
    }
}

fn attempt_over(draft: &mut Draft<'_>, mode: GameMode, team: &TeamId) {
    match mode {
        GameMode::TwoPlayer => two_player::attempt_over(draft, team),
        GameMode::Knockout => knockout::attempt_over(draft, team),
        GameMode::Race => {}
    }
}
