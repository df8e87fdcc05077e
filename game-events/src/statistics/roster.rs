//! [`Roster`]: the teams of the games in progress.

use std::collections::BTreeMap;

use crate::base::EventBase;
use crate::game::{GameCompleted, GameStarted};
use crate::id::{GameId, GuildId, PlayerId, TeamId};

type Teams = BTreeMap<TeamId, Vec<PlayerId>>;

/// The teams of every game that has started and not ended. Game ids are unique within a guild only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Roster(BTreeMap<GuildId, BTreeMap<GameId, Teams>>);

impl Roster {
    /// Adds the teams of a game.
    pub(super) fn start(&mut self, event: GameStarted) {
        let EventBase { guild_id, game_id, .. } = event.base;
        self.0.entry(guild_id).or_default().insert(game_id, event.teams);
    }

    /// Removes a game and returns its players, each with `true` for a winner.
    pub(super) fn end(&mut self, event: &GameCompleted) -> Vec<(PlayerId, bool)> {
        let EventBase { guild_id, game_id, .. } = &event.base;
        let Some(games) = self.0.get_mut(guild_id) else { return Vec::new() };
        let teams = games.remove(game_id).unwrap_or_default();
        if games.is_empty() {
            self.0.remove(guild_id);
        }
        let players_of = |(team, players): (TeamId, Vec<PlayerId>)| {
            let won = event.winners.contains(&team);
            players.into_iter().map(move |player| (player, won))
        };
        teams.into_iter().flat_map(players_of).collect()
    }
}
