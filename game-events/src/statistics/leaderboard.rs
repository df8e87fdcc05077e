//! [`Leaderboard`]: who won how often.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use event_core::{Projection, RecordedEvent};
use serde::Serialize;

use crate::game_event::GameEvent;
use crate::id::PlayerId;
use crate::statistics::roster::Roster;

/// What a player reached in all games that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Standing {
    /// Games won.
    pub wins: u32,
    /// Games played to their end.
    pub games: u32,
    /// Points of the player's team, in games under way too.
    pub points: u64,
}

/// A line of the leaderboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rank {
    /// From 1; those who reached the same share it, and the next one is as far down as there are players above.
    pub rank: usize,
    /// The player.
    pub player: PlayerId,
    /// What the player reached.
    #[serde(flatten)]
    pub standing: Standing,
}

/// The players by wins, then points.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leaderboard {
    standings: BTreeMap<PlayerId, Standing>,
    roster: Roster,
}

impl Leaderboard {
    /// What one player reached.
    pub fn standing(&self, player: &PlayerId) -> Option<&Standing> {
        self.standings.get(player)
    }

    /// All players, best first; those who reached the same by their id.
    pub fn ranking(&self) -> Vec<Rank> {
        let mut standings: Vec<_> = self.standings.iter().collect();
        // Stable: equals stay in the order of their ids.
        standings.sort_by_key(|(_, standing)| Reverse((standing.wins, standing.points)));
        let mut ranking: Vec<Rank> = Vec::with_capacity(standings.len());
        for (above, (player, standing)) in standings.into_iter().enumerate() {
            let same = |last: &&Rank| {
                (last.standing.wins, last.standing.points) == (standing.wins, standing.points)
            };
            let rank = ranking.last().filter(same).map_or(above + 1, |last| last.rank);
            ranking.push(Rank { rank, player: player.clone(), standing: *standing });
        }
        ranking
    }

    fn of(&mut self, player: PlayerId) -> &mut Standing {
        self.standings.entry(player).or_default()
    }

    /// Takes one event in.
    pub fn take(&mut self, event: GameEvent) {
        match event {
            GameEvent::Started(start) => {
                for player in start.teams.values().flatten() {
                    self.of(player.clone());
                }
                self.roster.start(start);
            }
            GameEvent::GuessProcessed(guess) => {
                let points = u64::from(guess.match_score.unwrap_or(0));
                for player in [guess.player1_info.player_id, guess.player2_info.player_id] {
                    let standing = self.of(player);
                    standing.points = standing.points.saturating_add(points);
                }
            }
            GameEvent::Completed(end) => {
                for (player, won) in self.roster.end(&end) {
                    let standing = self.of(player);
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
        self.take(event);
    }
}
