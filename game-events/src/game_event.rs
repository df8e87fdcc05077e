//! [`GameEvent`]: the closed set of the eight events of a game.

use event_core::Event;

use crate::base::EventBase;
use crate::game::{GameCompleted, GameStarted};
use crate::guess::{GuessAbandoned, GuessProcessed};
use crate::id::TeamId;
use crate::race::RaceModeTimeExpired;
use crate::round::{KnockoutRoundCompleted, RoundStarted};
use crate::team::TeamEliminated;

/// Any event of a game. A `match` without a wildcard stops compiling when a variant is added.
#[derive(Debug, Clone, PartialEq, Event)]
pub enum GameEvent {
    /// The game started.
    Started(GameStarted),
    /// A round started.
    RoundStarted(RoundStarted),
    /// Both players of a team submitted a word.
    GuessProcessed(GuessProcessed),
    /// An attempt was abandoned.
    GuessAbandoned(GuessAbandoned),
    /// A team was eliminated.
    TeamEliminated(TeamEliminated),
    /// The game ended.
    Completed(GameCompleted),
    /// A round of a knockout game ended.
    KnockoutRoundCompleted(KnockoutRoundCompleted),
    /// The time limit of a race was reached.
    RaceModeTimeExpired(RaceModeTimeExpired),
}

impl GameEvent {
    /// Returns the base fields of the event.
    pub const fn base(&self) -> &EventBase {
        match self {
            Self::Started(event) => &event.base,
            Self::RoundStarted(event) => &event.base,
            Self::GuessProcessed(event) => &event.base,
            Self::GuessAbandoned(event) => &event.base,
            Self::TeamEliminated(event) => &event.base,
            Self::Completed(event) => &event.base,
            Self::KnockoutRoundCompleted(event) => &event.base,
            Self::RaceModeTimeExpired(event) => &event.base,
        }
    }

    /// Returns the team of a guess, an abandoned attempt or an elimination; none for other events.
    pub const fn team_id(&self) -> Option<&TeamId> {
        match self {
            Self::GuessProcessed(event) => Some(&event.team_id),
            Self::GuessAbandoned(event) => Some(&event.team_id),
            Self::TeamEliminated(event) => Some(&event.team_id),
            Self::Started(_)
            | Self::RoundStarted(_)
            | Self::Completed(_)
            | Self::KnockoutRoundCompleted(_)
            | Self::RaceModeTimeExpired(_) => None,
        }
    }
}
