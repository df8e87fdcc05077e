//! [`Leaderboard`]: ranks the players by games won.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use event_core::{Projection, RecordedEvent};
use serde::Serialize;

use crate::game_event::GameEvent;
use crate::id::PlayerId;
use crate::statistics::roster::Roster;

/// The totals of a player over all games.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Standing {
    /// Number of games won.
    pub wins: u32,
    /// Number of completed games.
    pub games: u32,
    /// Points of the player's teams, including those of games in progress.
    pub points: u64,
}

/// A row of the leaderboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rank {
    /// Rank from 1. Players with equal wins and points share a rank; the next rank counts all players above it.
    pub rank: usize,
    /// Id of the player.
    pub player: PlayerId,
    /// Totals of the player.
    #[serde(flatten)]
    pub standing: Standing,
}

/// Ranks all players by wins, then by points.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leaderboard {
    standings: BTreeMap<PlayerId, Standing>,
    roster: Roster,
}

impl Leaderboard {
    /// Returns the totals of a player.
    pub fn standing(&self, player: &PlayerId) -> Option<&Standing> {
        self.standings.get(player)
    }

    /// Returns all players, best first; equal players in the order of their ids.
    pub fn ranking(&self) -> Vec<Rank> {
        let mut standings: Vec<_> = self.standings.iter().collect();
        // The sort is stable, so equal players stay in the order of their ids.
        standings.sort_by_key(|(_, standing)| Reverse((standing.wins, standing.points)));
        let mut ranking: Vec<Rank> = Vec::with_capacity(standings.len());
        for (above, (player, standing)) in standings.into_iter().enumerate() {
            let equal = |last: &&Rank| {
                (last.standing.wins, last.standing.points) == (standing.wins, standing.points)
            };
            let rank = ranking.last().filter(equal).map_or(above + 1, |last| last.rank);
            ranking.push(Rank { rank, player: player.clone(), standing: *standing });
        }
        ranking
    }

    fn standing_mut(&mut self, player: PlayerId) -> &mut Standing {
        self.standings.entry(player).or_default()
    }

    /// Applies one event.
    pub fn fold(&mut self, event: GameEvent) {
        match event {
            GameEvent::Started(start) => {
                for player in start.teams.values().flatten() {
                    self.standing_mut(player.clone());
                }
                self.roster.start(start);
            }
            GameEvent::GuessProcessed(guess) => {
                let points = u64::from(guess.match_score.unwrap_or(0));
                for player in [guess.player1_info.player_id, guess.player2_info.player_id] {
                    let standing = self.standing_mut(player);
                    standing.points = standing.points.saturating_add(points);
                }
            }
            GameEvent::Completed(end) => {
                for (player, won) in self.roster.end(&end) {
                    let standing = self.standing_mut(player);
                    standing.games = standing.games.saturating_add(1);
                    standing.wins = standing.wins.saturating_add(u32::from(won));
                }
            }
            GameEvent::RoundStarted(_)
            | GameEvent::GuessAbandoned(_)
            | GameEvent::TeamEliminated(_)
            | GameEvent::KnockoutRoundCompleted(_)
            | GameEvent::RaceModeTimeExpired(_) => {}
        }
    }
}

impl Projection for Leaderboard {
    type Event = GameEvent;

    fn apply(&mut self, event: GameEvent, _recorded: &RecordedEvent) {
        self.fold(event);
    }
}
