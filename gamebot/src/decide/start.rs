//! Decides the start line: validates names, teams, players and settings.

use std::collections::{BTreeMap, HashSet};

use event_core::Tenant;
use game_events::{EventBase, GameEvent, GameId, GameMode, GameStarted, GuildId, game_stream};
use serde_json::{Map, Value};

use crate::decide::Refused;
use crate::decide::settings::Settings;
use crate::transcript::{Line, Start};

/// Maximum number of teams in a game.
const MAX_TEAMS: usize = 12;

pub(crate) fn decide(start: &Start, line: &Line) -> Result<Vec<GameEvent>, Refused> {
    check_names(&start.game, &start.guild)?;
    check_teams(start)?;
    Settings::from_config(&start.config)?;
    let teams: BTreeMap<_, _> = start.teams.iter().cloned().collect();
    let player_ids: Vec<_> = start.teams.iter().flat_map(|(_, players)| players.clone()).collect();
    if let Some(player) = start.roles.keys().find(|player| !player_ids.contains(*player)) {
        return Err(format!("`roles` contains `{player}`, who plays in no team"));
    }
    let event = GameStarted {
        base: EventBase {
            game_id: start.game.clone(),
            guild_id: start.guild.clone(),
            mode: start.mode,
            round_number: 1,
            timestamp: line.at,
            metadata: metadata(line.number, &start.game),
        },
        teams,
        team_ids: start.teams.iter().map(|(team, _)| team.clone()).collect(),
        player_ids,
        roles: start.roles.clone(),
        config: start.config.clone(),
        started_at: line.at,
    };
    Ok(vec![event.into()])
}

/// Returns the metadata of every event of a line: the line as source, the game as correlation.
pub(crate) fn metadata(line: usize, game: &GameId) -> Map<String, Value> {
    let mut metadata = Map::new();
    metadata.insert("source_id".into(), format!("line-{line}").into());
    metadata.insert("correlation_id".into(), game.as_str().into());
    metadata
}

fn check_names(game: &GameId, guild: &GuildId) -> Result<(), Refused> {
    if game.is_empty() {
        return Err("`game` must not be empty".into());
    }
    game_stream(game).map_err(|error| format!("`game` is not a valid game id: {error}"))?;
    Tenant::new(guild.as_str())
        .map_err(|error| format!("`guild` is not a valid guild id: {error}"))?;
    Ok(())
}

fn check_teams(start: &Start) -> Result<(), Refused> {
    match (start.mode, start.teams.len()) {
        (GameMode::TwoPlayer, 1) | (GameMode::Knockout | GameMode::Race, 2..=MAX_TEAMS) => {}
        (GameMode::TwoPlayer, n) => {
            return Err(format!("two_player requires exactly one team, found {n}"));
        }
        (mode, n) => {
            return Err(format!("{mode} requires 2 to {MAX_TEAMS} teams, found {n}"));
        }
    }
    let mut players = HashSet::new();
    for (team, members) in &start.teams {
        if team.is_empty() {
            return Err("a team id must not be empty".into());
        }
        if members.len() != 2 {
            return Err(format!(
                "team `{team}` must have exactly two players, found {}",
                members.len()
            ));
        }
        for player in members {
            if player.is_empty() {
                return Err(format!("a player id of team `{team}` must not be empty"));
            }
            if !players.insert(player) {
                return Err(format!("player `{player}` is listed twice"));
            }
        }
    }
    Ok(())
}
