//! [`PlayerStatistics`]: what each player did, over all games.

use std::collections::BTreeMap;

use event_core::{Projection, RecordedEvent};
use serde::Serialize;

use crate::game_event::GameEvent;
use crate::guess::GuessProcessed;
use crate::id::PlayerId;
use crate::statistics::average;
use crate::statistics::roster::Roster;

/// What one player did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PlayerRecord {
    /// Games begun.
    pub started: u32,
    /// Games that ended.
    pub completed: u32,
    /// Games won.
    pub won: u32,
    /// Attempts with both words said.
    pub guesses: u32,
    /// Those that matched.
    pub matches: u32,
    /// Rounds matched at the first attempt.
    pub perfect_rounds: u32,
    /// Attempts that this player gave up.
    pub abandoned: u32,
    /// From the round's start to this player's word, over all attempts, in milliseconds.
    pub time_ms: u64,
}

impl PlayerRecord {
    /// Attempts for a match; none without a match.
    pub fn guesses_per_match(&self) -> Option<f64> {
        average(self.guesses.into(), self.matches.into())
    }

    /// From the round's start to this player's word, in milliseconds; none without an attempt.
    pub fn average_time_ms(&self) -> Option<f64> {
        average(self.time_ms, self.guesses.into())
    }

    fn guess(&mut self, guess: &GuessProcessed, time_ms: u64) {
        add(&mut self.guesses, true);
        add(&mut self.matches, guess.guess_successful);
        add(&mut self.perfect_rounds, guess.guess_successful && guess.round_guess_count == 1);
        self.time_ms = self.time_ms.saturating_add(time_ms);
    }
}

fn add(count: &mut u32, one: bool) {
    *count = count.saturating_add(u32::from(one));
}

/// The records of all players.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlayerStatistics {
    players: BTreeMap<PlayerId, PlayerRecord>,
    roster: Roster,
}

impl PlayerStatistics {
    /// The record of one player.
    pub fn player(&self, player: &PlayerId) -> Option<&PlayerRecord> {
        self.players.get(player)
    }

    /// All players with their records, by id.
    pub fn players(&self) -> impl Iterator<Item = (&PlayerId, &PlayerRecord)> {
        self.players.iter()
    }

    fn of(&mut self, player: &PlayerId) -> &mut PlayerRecord {
        self.players.entry(player.clone()).or_default()
    }

    /// Takes one event in.
    pub fn take(&mut self, event: GameEvent) {
        match event {
            GameEvent::Started(start) => {
                for player in start.teams.values().flatten() {
                    add(&mut self.of(player).started, true);
                }
                self.roster.start(start);
            }
            GameEvent::GuessProcessed(guess) => {
                self.of(&guess.player1_info.player_id).guess(&guess, guess.player1_duration);
                self.of(&guess.player2_info.player_id).guess(&guess, guess.player2_duration);
            }
            GameEvent::GuessAbandoned(guess) => {
                add(&mut self.of(&guess.abandoning_player_id).abandoned, true);
            }
            GameEvent::Completed(end) => {
                for (player, won) in self.roster.end(&end) {
                    let record = self.of(&player);
                    add(&mut record.completed, true);
                    add(&mut record.won, won);
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
        self.take(event);
    }
}
