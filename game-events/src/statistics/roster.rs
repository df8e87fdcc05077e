//! [`Roster`]: who plays in which team of the games under way.

use std::collections::BTreeMap;

use crate::base::EventBase;
use crate::game::{GameCompleted, GameStarted};
use crate::id::{GameId, GuildId, PlayerId, TeamId};

type Teams = BTreeMap<TeamId, Vec<PlayerId>>;

/// The games that have begun and not ended; the id of a game is its guild's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Roster(BTreeMap<GuildId, BTreeMap<GameId, Teams>>);

impl Roster {
    /// A game begins.
    pub(super) fn start(&mut self, event: GameStarted) {
        let EventBase { guild_id, game_id, .. } = event.base;
        self.0.entry(guild_id).or_default().insert(game_id, event.teams);
    }

    /// A game is over: its players, and whether each of them won.
    pub(super) fn end(&mut self, event: &GameCompleted) -> Vec<(PlayerId, bool)> {
        let EventBase { guild_id, game_id, .. } = &event.base;
        let Some(games) = self.0.get_mut(guild_id) else { return Vec::new() };
        let teams = games.remove(game_id).unwrap_or_default();
        if games.is_empty() {
            self.0.remove(guild_id);
        }
        let won = |(team, players): (TeamId, Vec<PlayerId>)| {
            let won = event.winners.contains(&team);
            players.into_iter().map(move |player| (player, won))
        };
        teams.into_iter().flat_map(won).collect()
    }
}
