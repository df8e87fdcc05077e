//! A transcript of a game: one JSON object per line, with its time and what happened.
//!
//! Parsing is strict: unknown and missing keys are errors. The order of the teams in the start line is kept.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use chrono::{DateTime, Utc};
use game_events::{AbandonReason, GameId, GameMode, GuildId, PlayerId, TeamId};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// One line of a transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Number of the line in the file, from 1.
    pub number: usize,
    /// Time of the line in the game.
    pub at: DateTime<Utc>,
    /// What happened.
    pub action: Action,
}

/// What happens in a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// The game starts.
    Start(Start),
    /// A round starts, with a word pair for each of its teams.
    Round(BTreeMap<TeamId, [String; 2]>),
    /// A player submits a word.
    Guess {
        /// Team of the player.
        team: TeamId,
        /// Player who submits the word.
        player: PlayerId,
        /// The word, as submitted.
        word: String,
    },
    /// A player abandons an attempt.
    Abandon {
        /// Team of the player.
        team: TeamId,
        /// Player who abandons the attempt.
        player: PlayerId,
        /// Reason for abandoning the attempt.
        reason: AbandonReason,
    },
    /// Time passes, which ends rounds and games at their time limit.
    Tick,
}

/// The start line of a game.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Id of the game.
    pub game: GameId,
    /// Guild in which the game is played.
    pub guild: GuildId,
    /// Mode of the game.
    pub mode: GameMode,
    /// Teams with their players, in the order of the line.
    pub teams: Vec<(TeamId, Vec<PlayerId>)>,
    /// Role of a player: `giver` or `guesser`.
    pub roles: BTreeMap<PlayerId, String>,
    /// Settings of the mode.
    pub config: Map<String, Value>,
}

/// The JSON form of a line.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum JsonLine {
    Start {
        at: DateTime<Utc>,
        game: GameId,
        guild: GuildId,
        mode: GameMode,
        teams: Teams,
        #[serde(default)]
        roles: BTreeMap<PlayerId, String>,
        #[serde(default)]
        config: Map<String, Value>,
    },
    Round {
        at: DateTime<Utc>,
        words: BTreeMap<TeamId, [String; 2]>,
    },
    Guess {
        at: DateTime<Utc>,
        team: TeamId,
        player: PlayerId,
        word: String,
    },
    Abandon {
        at: DateTime<Utc>,
        team: TeamId,
        player: PlayerId,
        reason: AbandonReason,
    },
    Tick {
        at: DateTime<Utc>,
    },
}

impl Line {
    /// Parses one line.
    ///
    /// # Errors
    /// A message that says what is wrong with the text.
    pub fn parse(number: usize, text: &str) -> Result<Self, String> {
        let line: JsonLine = serde_json::from_str(text).map_err(|error| error_text(&error))?;
        let (at, action) = match line {
            JsonLine::Start { at, game, guild, mode, teams, roles, config } => {
                let teams = teams.0;
                (at, Action::Start(Start { game, guild, mode, teams, roles, config }))
            }
            JsonLine::Round { at, words } => (at, Action::Round(words)),
            JsonLine::Guess { at, team, player, word } => {
                (at, Action::Guess { team, player, word })
            }
            JsonLine::Abandon { at, team, player, reason } => {
                (at, Action::Abandon { team, player, reason })
            }
            JsonLine::Tick { at } => (at, Action::Tick),
        };
        Ok(Self { number, at, action })
    }
}

/// Removes serde's line number, which counts within the text of one line.
fn error_text(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    match error.classify() {
        serde_json::error::Category::Data => text.to_owned(),
        _ => format!("not a JSON object: {text} at column {}", error.column()),
    }
}

/// Teams in the order of the text, which a map would sort.
struct Teams(Vec<(TeamId, Vec<PlayerId>)>);

impl<'de> Deserialize<'de> for Teams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TeamsVisitor;

        impl<'de> Visitor<'de> for TeamsVisitor {
            type Value = Teams;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of teams, each with a list of players")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Teams, A::Error> {
                let mut teams: Vec<(TeamId, Vec<PlayerId>)> = Vec::new();
                let mut seen = HashSet::new();
                while let Some((team, players)) = map.next_entry::<TeamId, Vec<PlayerId>>()? {
                    if !seen.insert(team.clone()) {
                        return Err(A::Error::custom(format!("team `{team}` is listed twice")));
                    }
                    teams.push((team, players));
                }
                Ok(Teams(teams))
            }
        }

        deserializer.deserialize_map(TeamsVisitor)
    }
}
