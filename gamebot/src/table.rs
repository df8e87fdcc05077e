//! [`Table`]: what the players of a game see: the session that its events make, and the words that are half said.
//!
//! A half guess is no event: it lives here only, and a transcript that is played again says it again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_core::Aggregate as _;
use game_events::{GameEvent, GameSession, PlayerId, TeamId};

use crate::transcript::{Action, Line};

/// A word whose partner is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Who said it.
    pub player: PlayerId,
    /// The word.
    pub word: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A game under way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// The state that the events make.
    pub session: GameSession,
    /// Half guesses by team.
    pub pending: BTreeMap<TeamId, Pending>,
    /// The time of the last line.
    pub last_at: Option<DateTime<Utc>>,
}

impl Table {
    /// Takes a line in, with the events that were decided on it.
    pub fn take(&mut self, line: &Line, events: Vec<GameEvent>) {
        self.last_at = Some(line.at);
        let completed = events.iter().any(|event| {
            matches!(event, GameEvent::GuessProcessed(_) | GameEvent::GuessAbandoned(_))
        });
        for event in events {
            self.session.apply(event);
        }
        match &line.action {
            // An attempt that is over takes the word that was pending with it.
            Action::Guess { team, .. } | Action::Abandon { team, .. } if completed => {
                self.pending.remove(team);
            }
            Action::Guess { team, player, word } => {
                let pending = Pending { player: player.clone(), word: word.clone(), at: line.at };
                self.pending.insert(team.clone(), pending);
            }
            _ => {}
        }
        // A half guess does not outlive its round.
        let teams = &self.session.teams;
        self.pending.retain(|team, _| teams.get(team).is_some_and(|team| team.round_open));
    }
}
