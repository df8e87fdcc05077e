//! The rules of the game as a pure function: state and line in, events out. Nothing here reads a clock, a file or a store.
//!
//! Each line is decided in two steps: a round or game whose time limit is reached ends, then the line itself is decided. A
//! rejected line has no effect at all.

mod draft;
mod knockout;
mod race;
mod settings;
mod start;
mod two_player;

use std::collections::BTreeMap;

use game_events::{GameEvent, GameMode, SessionStatus, TeamId};

use crate::decide::draft::Draft;
use crate::decide::settings::Settings;
use crate::game_state::GameState;
use crate::transcript::{Action, Line};

/// The reason why a line is rejected.
pub type Refused = String;

/// Decides the events of a line, in order. The first word of an attempt, and a tick before any time limit, have none.
///
/// # Errors
/// The rule that the line breaks.
pub fn decide(state: &GameState, line: &Line) -> Result<Vec<GameEvent>, Refused> {
    if let Some(last) = state.last_at.filter(|last| line.at < *last) {
        return Err(format!("`at` must not decrease: {} is before {last}", line.at));
    }
    let mode = match (&line.action, state.session.mode) {
        (Action::Start(start), None) => return start::decide(start, line),
        (Action::Start(_), Some(_)) => {
            return Err(format!("the game `{}` has already started", state.session.game_id));
        }
        (_, None) => return Err("the first line of a game must be `start`".into()),
        (_, Some(mode)) => mode,
    };
    let settings = Settings::from_session(&state.session)?;
    let mut draft = Draft::new(&state.session, line, settings);
    end_expired(&mut draft, mode);
    if draft.session.status == SessionStatus::Completed {
        return match &line.action {
            Action::Tick => Ok(draft.events),
            _ => Err("the game has ended; only `tick` may follow".into()),
        };
    }
    match &line.action {
        Action::Round(words) => start_round(&mut draft, mode, words)?,
        Action::Guess { team, player, word } => {
            // A word from a round that has ended is not pending any more.
            let open = |team: &TeamId| state.session.teams.get(team).is_some_and(|t| t.round_open);
            let pending = state.pending.get(team).filter(|_| open(team));
            if draft.guess(team, player, word, pending)? {
                after_attempt(&mut draft, mode, team);
            }
        }
        Action::Abandon { team, player, reason } => {
            draft.abandon(team, player, *reason, state.pending.get(team))?;
            after_attempt(&mut draft, mode, team);
        }
        Action::Tick | Action::Start(_) => {}
    }
    Ok(draft.events)
}

fn end_expired(draft: &mut Draft<'_>, mode: GameMode) {
    match mode {
        GameMode::TwoPlayer => {}
        GameMode::Knockout => knockout::end_expired(draft),
        GameMode::Race => race::end_expired(draft),
    }
}

fn start_round(
    draft: &mut Draft<'_>,
    mode: GameMode,
    words: &BTreeMap<TeamId, [String; 2]>,
) -> Result<(), Refused> {
    match mode {
        GameMode::TwoPlayer | GameMode::Knockout => draft.start_round_for_all(words),
        GameMode::Race => race::start_round(draft, words),
    }
}

fn after_attempt(draft: &mut Draft<'_>, mode: GameMode, team: &TeamId) {
    match mode {
        GameMode::TwoPlayer => two_player::after_attempt(draft, team),
        GameMode::Knockout => knockout::after_attempt(draft, team),
        GameMode::Race => {}
    }
}
