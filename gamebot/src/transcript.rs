//! The transcript: a game as it was said, one JSON object a line.
//!
//! Strict: unknown keys, missing ones and times that run back are refused with the line's number. The order of the
//! teams in the start line is kept.

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
    /// Its number in the file, from 1.
    pub number: usize,
    /// When it was said.
    pub at: DateTime<Utc>,
    /// What was said.
    pub action: Action,
}

/// What a line does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A game begins.
    Start(Start),
    /// A round begins, with a pair of words for each team it names.
    Round(BTreeMap<TeamId, [String; 2]>),
    /// A player says a word.
    Guess {
        /// The team.
        team: TeamId,
        /// The player.
        player: PlayerId,
        /// The word, as it was said.
        word: String,
    },
    /// A player gives an attempt up.
    Abandon {
        /// The team.
        team: TeamId,
        /// The player.
        player: PlayerId,
        /// Why.
        reason: AbandonReason,
    },
    /// Time passes.
    Tick,
}

/// The first line of a game.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// The game.
    pub game: GameId,
    /// The guild it is played in.
    pub guild: GuildId,
    /// The mode.
    pub mode: GameMode,
    /// The teams with their players, in the order of the line.
    pub teams: Vec<(TeamId, Vec<PlayerId>)>,
    /// Parts of players.
    pub roles: BTreeMap<PlayerId, String>,
    /// Settings of the mode.
    pub config: Map<String, Value>,
}

/// The line as JSON has it.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Raw {
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
    /// Reads one line.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(number: usize, text: &str) -> Result<Self, String> {
        let raw: Raw = serde_json::from_str(text).map_err(|error| described(&error))?;
        let (at, action) = match raw {
            Raw::Start { at, game, guild, mode, teams, roles, config } => {
                let teams = teams.0;
                (at, Action::Start(Start { game, guild, mode, teams, roles, config }))
            }
            Raw::Round { at, words } => (at, Action::Round(words)),
            Raw::Guess { at, team, player, word } => (at, Action::Guess { team, player, word }),
            Raw::Abandon { at, team, player, reason } => {
                (at, Action::Abandon { team, player, reason })
            }
            Raw::Tick { at } => (at, Action::Tick),
        };
        Ok(Self { number, at, action })
    }
}

/// serde counts lines within the text, of which there is one.
fn described(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    match error.classify() {
        serde_json::error::Category::Data => words.to_owned(),
        _ => format!("not a JSON object: {words} at column {}", error.column()),
    }
}

/// Teams in the order of the text; a JSON map would sort them.
struct Teams(Vec<(TeamId, Vec<PlayerId>)>);

impl<'de> Deserialize<'de> for Teams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Teams;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of teams, each with a list of players")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Teams, A::Error> {
                let mut teams: Vec<(TeamId, Vec<PlayerId>)> = Vec::new();
                let mut seen = HashSet::new();
                while let Some((team, players)) = map.next_entry::<TeamId, Vec<PlayerId>>()? {
                    if !seen.insert(team.clone()) {
                        return Err(A::Error::custom(format!("team `{team}` stands twice")));
                    }
                    teams.push((team, players));
                }
                Ok(Teams(teams))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}
