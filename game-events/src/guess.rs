//! Attempts of a team: [`GuessProcessed`], [`GuessAbandoned`]. All durations are in milliseconds.

use chrono::{DateTime, Utc};
use event_core::{Event, InvalidEvent, Shape};
use serde::{Deserialize, Serialize};

use crate::base::{EventBase, at_least_one, not_empty};
use crate::id::{PlayerId, TeamId};

/// A player who takes part in an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub struct PlayerInfo {
    /// Id of the player; not empty.
    pub player_id: PlayerId,
    /// Team of the player, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_id: Option<TeamId>,
    /// Display name of the player, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Role of the player, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// Both players of a team submitted a word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "guess_processed", version = 1, validate = GuessProcessed::check)]
pub struct GuessProcessed {
    /// The base fields.
    #[serde(flatten)]
    pub base: EventBase,
    /// Id of the team; not empty.
    pub team_id: TeamId,
    /// The player who submitted first.
    pub player1_info: PlayerInfo,
    /// The other player of the team.
    pub player2_info: PlayerInfo,
    /// Word of the first player, as submitted.
    pub player1_word: String,
    /// Word of the partner, as submitted.
    pub player2_word: String,
    /// True if the words match.
    pub guess_successful: bool,
    /// Points for a match, at least 1; null without a match.
    pub match_score: Option<u32>,
    /// Number of the attempt within the current match, from 1.
    pub guess_count: u32,
    /// Number of the attempt within the round, from 1.
    pub round_guess_count: u32,
    /// Number of attempts of the team in the whole game, including this one.
    pub total_guesses: u32,
    /// Milliseconds from the start of the round to the second word.
    pub guess_duration: u64,
    /// Milliseconds from the start of the round to the first player's word.
    pub player1_duration: u64,
    /// Milliseconds from the start of the round to the partner's word.
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

/// Reason for abandoning an attempt.
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

/// The word that was submitted before the attempt was abandoned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub struct LastGuess {
    /// The player who submitted it.
    pub player_id: PlayerId,
    /// The word, as submitted.
    pub word: String,
    /// Time of the submission.
    pub timestamp: DateTime<Utc>,
}

/// A player abandoned an attempt; the attempt is counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "guess_abandoned", version = 1, validate = GuessAbandoned::check)]
pub struct GuessAbandoned {
    /// The base fields.
    #[serde(flatten)]
    pub base: EventBase,
    /// Id of the team; not empty.
    pub team_id: TeamId,
    /// The first player of the team.
    pub player1_info: PlayerInfo,
    /// The other player of the team.
    pub player2_info: PlayerInfo,
    /// Reason for abandoning the attempt.
    pub reason: AbandonReason,
    /// The player who abandoned the attempt; not empty.
    pub abandoning_player_id: PlayerId,
    /// The word one player had submitted; null if neither had.
    pub last_guess: Option<LastGuess>,
    /// Number of the attempt within the current match, from 1.
    pub guess_count: u32,
    /// Number of the attempt within the round, from 1.
    pub round_guess_count: u32,
    /// Number of attempts of the team in the whole game, including this one.
    pub total_guesses: u32,
    /// Milliseconds from the start of the round to the end of the attempt.
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
