//! [`GameEvent`]: the closed set of the seed's eight events (S-23).

use event_core::Event;

use crate::base::EventBase;
use crate::game::{GameCompleted, GameStarted};
use crate::guess::{GuessAbandoned, GuessProcessed};
use crate::race::RaceModeTimeExpired;
use crate::round::{KnockoutRoundCompleted, RoundStarted};
use crate::team::TeamEliminated;

/// Everything that happens in a game. A `match` on it is exhaustive: a ninth event breaks the build where it must.
#[derive(Debug, Clone, PartialEq, Event)]
pub enum GameEvent {
    /// A game begins.
    Started(GameStarted),
    /// A round begins.
    RoundStarted(RoundStarted),
    /// Both players said a word.
    GuessProcessed(GuessProcessed),
    /// An attempt was given up.
    GuessAbandoned(GuessAbandoned),
    /// A team is out.
    TeamEliminated(TeamEliminated),
    /// A game is over.
    Completed(GameCompleted),
    /// A round of a knockout game is over.
    KnockoutRoundCompleted(KnockoutRoundCompleted),
    /// The time of a race is up.
    RaceModeTimeExpired(RaceModeTimeExpired),
}

impl GameEvent {
    /// The fields that every event has.
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

    /// The team that an event is about, where it is about one.
    pub const fn team_id(&self) -> Option<&crate::id::TeamId> {
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
