//! Attempts of a pair: [`GuessProcessed`], [`GuessAbandoned`]. Durations of guesses are milliseconds.

use chrono::{DateTime, Utc};
use event_core::{Event, InvalidEvent, Shape};
use serde::{Deserialize, Serialize};

use crate::base::{EventBase, at_least_one, not_empty};
use crate::id::{PlayerId, TeamId};

/// A player in an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub struct PlayerInfo {
    /// The player; not empty.
    pub player_id: PlayerId,
    /// The team, where it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_id: Option<TeamId>,
    /// The name, where it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The role, where it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// Both players said a word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "guess_processed", version = 1, validate = GuessProcessed::check)]
pub struct GuessProcessed {
    /// The base fields.
    #[serde(flatten)]
    pub base: EventBase,
    /// The team; not empty.
    pub team_id: TeamId,
    /// Who spoke first.
    pub player1_info: PlayerInfo,
    /// The partner.
    pub player2_info: PlayerInfo,
    /// The first player's word, as it was said.
    pub player1_word: String,
    /// The partner's word, as it was said.
    pub player2_word: String,
    /// Whether the words agree.
    pub guess_successful: bool,
    /// Points: at least 1 for a match, null otherwise.
    pub match_score: Option<u32>,
    /// Number of the attempt within the current match, from 1.
    pub guess_count: u32,
    /// Number of the attempt within the round, from 1.
    pub round_guess_count: u32,
    /// Attempts of the team in the whole game, this one included.
    pub total_guesses: u32,
    /// From the round's start to the second word, in milliseconds.
    pub guess_duration: u64,
    /// From the round's start to the first player's word, in milliseconds.
    pub player1_duration: u64,
    /// From the round's start to the partner's word, in milliseconds.
    pub player2_duration: u64,
}

impl GuessProcessed {
    fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        self.base.validate(now)?;
        check_pair(&self.team_id, &self.player1_info, &self.player2_info)?;
        check_counts(self.guess_count, self.round_guess_count, self.total_guesses)?;
        match (self.guess_successful, self.match_score) {
            (true, Some(score)) if score > 0 => Ok(()),
            (true, _) => Err(InvalidEvent::field("match_score", "must be at least 1 for a match")),
            (false, None) => Ok(()),
            (false, Some(_)) => {
                Err(InvalidEvent::field("match_score", "must be null without a match"))
            }
        }
    }
}

/// Why an attempt was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Shape)]
#[serde(rename_all = "snake_case")]
pub enum AbandonReason {
    /// The player took too long.
    Timeout,
    /// The player left.
    PlayerQuit,
    /// The connection was lost.
    Disconnected,
}

/// The word that was said before the attempt was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub struct LastGuess {
    /// Who said it.
    pub player_id: PlayerId,
    /// The word.
    pub word: String,
    /// When.
    pub timestamp: DateTime<Utc>,
}

/// An attempt was given up; it counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "guess_abandoned", version = 1, validate = GuessAbandoned::check)]
pub struct GuessAbandoned {
    /// The base fields.
    #[serde(flatten)]
    pub base: EventBase,
    /// The team; not empty.
    pub team_id: TeamId,
    /// The team's first player.
    pub player1_info: PlayerInfo,
    /// The partner.
    pub player2_info: PlayerInfo,
    /// Why.
    pub reason: AbandonReason,
    /// Who gave up; not empty.
    pub abandoning_player_id: PlayerId,
    /// The word that was pending, if one was.
    pub last_guess: Option<LastGuess>,
    /// Number of the attempt within the current match, from 1.
    pub guess_count: u32,
    /// Number of the attempt within the round, from 1.
    pub round_guess_count: u32,
    /// Attempts of the team in the whole game, this one included.
    pub total_guesses: u32,
    /// From the round's start to the end of the attempt, in milliseconds.
    pub guess_duration: Option<u64>,
}

impl GuessAbandoned {
    fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        self.base.validate(now)?;
        check_pair(&self.team_id, &self.player1_info, &self.player2_info)?;
        not_empty("abandoning_player_id", self.abandoning_player_id.as_str())?;
        if let Some(last) = &self.last_guess {
            not_empty("last_guess", last.player_id.as_str())?;
        }
        check_counts(self.guess_count, self.round_guess_count, self.total_guesses)
    }
}

fn check_pair(team: &TeamId, first: &PlayerInfo, second: &PlayerInfo) -> Result<(), InvalidEvent> {
    not_empty("team_id", team.as_str())?;
    not_empty("player1_info", first.player_id.as_str())?;
    not_empty("player2_info", second.player_id.as_str())
}

fn check_counts(guess: u32, round: u32, total: u32) -> Result<(), InvalidEvent> {
    at_least_one("guess_count", guess)?;
    at_least_one("round_guess_count", round)?;
    at_least_one("total_guesses", total)
}
