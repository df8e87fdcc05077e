//! [`GameState`]: the session folded from a game's events, and the words that wait for a partner.
//!
//! A pending word is no event and is not stored; playing a transcript again restores it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_core::Aggregate as _;
use game_events::{GameEvent, GameSession, PlayerId, TeamId};

use crate::transcript::{Action, Line};

/// The state of a game between two lines of a transcript.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GameState {
    /// State folded from the events.
    pub session: GameSession,
    /// Pending word of each team.
    pub pending: BTreeMap<TeamId, PendingWord>,
    /// Time of the last line.
    pub last_at: Option<DateTime<Utc>>,
}

/// A submitted word whose partner word is still missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingWord {
    /// The player who submitted it.
    pub player: PlayerId,
    /// The word, as submitted.
    pub word: String,
    /// Time of the submission.
    pub at: DateTime<Utc>,
}

impl GameState {
    /// Applies a line and the events that were decided on it.
    pub fn apply(&mut self, line: &Line, events: Vec<GameEvent>) {
        self.last_at = Some(line.at);
        let attempt_completed = events.iter().any(|event| {
            matches!(event, GameEvent::GuessProcessed(_) | GameEvent::GuessAbandoned(_))
        });
        for event in events {
            self.session.apply(event);
        }
        match &line.action {
            Action::Guess { team, .. } | Action::Abandon { team, .. } if attempt_completed => {
                self.pending.remove(team);
            }
            Action::Guess { team, player, word } => {
                let pending =
                    PendingWord { player: player.clone(), word: word.clone(), at: line.at };
                self.pending.insert(team.clone(), pending);
            }
            _ => {}
        }
        // The end of a round discards its pending words.
        let teams = &self.session.teams;
        self.pending.retain(|team, _| teams.get(team).is_some_and(|team| team.round_open));
    }
}
