//! [`PlayerStatistics`]: counters of each player over all games.

use std::collections::BTreeMap;

use event_core::{Projection, RecordedEvent};
use serde::Serialize;

use crate::game_event::GameEvent;
use crate::guess::GuessProcessed;
use crate::id::PlayerId;
use crate::statistics::average;
use crate::statistics::roster::Roster;

/// The counters of one player.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PlayerRecord {
    /// Number of games started.
    pub started: u32,
    /// Number of games completed.
    pub completed: u32,
    /// Number of games won.
    pub won: u32,
    /// Number of attempts in which both players submitted a word.
    pub guesses: u32,
    /// Number of those attempts that matched.
    pub matches: u32,
    /// Number of rounds matched on the first attempt.
    pub perfect_rounds: u32,
    /// Number of attempts that this player abandoned.
    pub abandoned: u32,
    /// Milliseconds from the start of the round to this player's word, summed over all attempts.
    pub time_ms: u64,
}

impl PlayerRecord {
    /// Returns the attempts per match; none without a match.
    pub fn guesses_per_match(&self) -> Option<f64> {
        average(self.guesses.into(), self.matches.into())
    }

    /// Returns the average milliseconds from the start of the round to this player's word; none without an attempt.
    pub fn average_time_ms(&self) -> Option<f64> {
        average(self.time_ms, self.guesses.into())
    }

    fn add_guess(&mut self, guess: &GuessProcessed, time_ms: u64) {
        count_if(&mut self.guesses, true);
        count_if(&mut self.matches, guess.guess_successful);
        count_if(&mut self.perfect_rounds, guess.guess_successful && guess.round_guess_count == 1);
        self.time_ms = self.time_ms.saturating_add(time_ms);
    }
}

fn count_if(count: &mut u32, condition: bool) {
    *count = count.saturating_add(u32::from(condition));
}

/// The counters of all players.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlayerStatistics {
    players: BTreeMap<PlayerId, PlayerRecord>,
    roster: Roster,
}

impl PlayerStatistics {
    /// Returns the counters of a player.
    pub fn player(&self, player: &PlayerId) -> Option<&PlayerRecord> {
        self.players.get(player)
    }

    /// Iterates over all players in the order of their ids.
    pub fn players(&self) -> impl Iterator<Item = (&PlayerId, &PlayerRecord)> {
        self.players.iter()
    }

    fn record_mut(&mut self, player: &PlayerId) -> &mut PlayerRecord {
        self.players.entry(player.clone()).or_default()
    }

    /// Applies one event.
    pub fn fold(&mut self, event: GameEvent) {
        match event {
            GameEvent::Started(start) => {
                for player in start.teams.values().flatten() {
                    count_if(&mut self.record_mut(player).started, true);
                }
                self.roster.start(start);
            }
            GameEvent::GuessProcessed(guess) => {
                self.record_mut(&guess.player1_info.player_id)
                    .add_guess(&guess, guess.player1_duration);
                self.record_mut(&guess.player2_info.player_id)
                    .add_guess(&guess, guess.player2_duration);
            }
            GameEvent::GuessAbandoned(guess) => {
                count_if(&mut self.record_mut(&guess.abandoning_player_id).abandoned, true);
            }
            GameEvent::Completed(end) => {
                for (player, won) in self.roster.end(&end) {
                    let record = self.record_mut(&player);
                    count_if(&mut record.completed, true);
                    count_if(&mut record.won, won);
                }
            }
            GameEvent::RoundStarted(_)
            | GameEvent::TeamEliminated(_)
            | GameEvent::KnockoutRoundCompleted(_)
            | GameEvent::RaceModeTimeExpired(_) => {}
        }
    }
}

impl Projection for PlayerStatistics {
    type Event = GameEvent;

    fn apply(&mut self, event: GameEvent, _recorded: &RecordedEvent) {
        self.fold(event);
    }
}
