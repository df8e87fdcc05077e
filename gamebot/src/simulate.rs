//! `gamebot simulate`: plays random games of all modes, by the same rules and appends as transcripts.
//!
//! Equal seeds of the random number generator play equal games. Game ids start with an id of the run, so that a second
//! run on the same store plays new games.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use event_core::{Error, EventId, EventStore, ExpectedVersion, Scope, StreamVersion, Tenant};
use fastrand::Rng;
use game_events::{
    AbandonReason, GameEvent, GameId, GameMode, GuildId, PlayerId, SessionStatus, TeamId,
    game_stream,
};
use serde_json::Map;

use crate::decide::decide;
use crate::failure::Failure;
use crate::game_state::GameState;
use crate::play::new_events;
use crate::transcript::{Action, Line, Start};

/// Number of games that are played concurrently.
const CONCURRENT_GAMES: u64 = 8;
/// Words of the players; few, so that teams often match.
const WORDS: [&str; 5] = ["sun", "sea", "beach", "Wave", "sand"];

/// The counters of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Number of completed games.
    pub games: u64,
    /// Number of stored events.
    pub events: u64,
    /// Number of appends that were rejected because another process plays the same game.
    pub conflicts: u64,
}

/// Plays random games and prints the counters.
///
/// # Errors
/// [`Failure`] with exit code 1 if the store fails.
pub async fn simulate(
    store: &EventStore,
    games: u64,
    seed: u64,
    out: &mut impl Write,
) -> Result<Tally, Failure> {
    let run = format!("sim-{seed}-{}", EventId::new());
    let started = Instant::now();
    let tasks: Vec<_> = (0..CONCURRENT_GAMES.min(games))
        .map(|first| {
            let (store, run) = (store.clone(), run.clone());
            tokio::spawn(async move {
                let mut tally = Tally::default();
                let mut number = first;
                while number < games {
                    tally = tally.plus(play_game(&store, &run, number, seed).await?);
                    number += CONCURRENT_GAMES;
                }
                Ok::<_, Failure>(tally)
            })
        })
        .collect();
    let mut tally = Tally::default();
    for task in tasks {
        let result = task.await;
        tally = tally.plus(result.map_err(|error| Failure::general(error.to_string()))??);
    }
    report(tally, started.elapsed(), &run, out)?;
    Ok(tally)
}

impl Tally {
    const fn plus(self, other: Self) -> Self {
        Self {
            games: self.games + other.games,
            events: self.events + other.events,
            conflicts: self.conflicts + other.conflicts,
        }
    }
}

fn report(tally: Tally, time: Duration, run: &str, out: &mut impl Write) -> std::io::Result<()> {
    let Tally { games, events, conflicts } = tally;
    let events_f = f64::from(u32::try_from(events).unwrap_or(u32::MAX));
    let rate = events_f / time.as_secs_f64().max(f64::EPSILON);
    writeln!(out, "games      {games}  (ids from {run}-0)")?;
    writeln!(out, "events     {events}")?;
    writeln!(out, "events/s   {rate:.0}")?;
    writeln!(out, "conflicts  {conflicts}")
}

/// Plays one game to its end.
async fn play_game(
    store: &EventStore,
    run: &str,
    number: u64,
    seed: u64,
) -> Result<Tally, Failure> {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number));
    let mut generator = LineGenerator::new(&mut rng, format!("{run}-{number}"));
    let guild = Tenant::new(generator.guild.as_str()).map_err(Error::from)?;
    let store = store.with_scope(Scope::tenant(guild).correlation(generator.game.as_str()));
    let stream = game_stream(&generator.game).map_err(Error::from)?;
    let (mut state, mut version, mut tally) = (GameState::default(), 0, Tally::default());
    while state.session.status != SessionStatus::Completed {
        let (line, events) = decide_or_tick(&state, generator.next_line(&mut rng, &state))?;
        if !events.is_empty() {
            let new = new_events(&events);
            let expected = ExpectedVersion::Exact(StreamVersion::new(version));
            match store.append(&stream, expected, new).await {
                Ok(appended) => version = appended.stream_version.get(),
                Err(Error::WrongExpectedVersion { .. }) => {
                    // Another process plays this game: leave it to that process.
                    tally.conflicts += 1;
                    return Ok(tally);
                }
                Err(error) => return Err(error.into()),
            }
            tally.events += events.len() as u64;
        }
        state.apply(&line, events);
    }
    tally.games = 1;
    Ok(tally)
}

/// Decides the events of a line. If the rules reject it, a tick at the same time takes its place: after the time limit of
/// a race, for example, no other line is accepted.
fn decide_or_tick(state: &GameState, line: Line) -> Result<(Line, Vec<GameEvent>), Failure> {
    if let Ok(events) = decide(state, &line) {
        return Ok((line, events));
    }
    let tick = Line { action: Action::Tick, ..line };
    let events = decide(state, &tick).map_err(Failure::general)?;
    Ok((tick, events))
}

/// Generates the lines of a random game.
struct LineGenerator {
    game: GameId,
    guild: GuildId,
    mode: GameMode,
    now: DateTime<Utc>,
    line: usize,
}

impl LineGenerator {
    fn new(rng: &mut Rng, game: String) -> Self {
        let modes = [GameMode::TwoPlayer, GameMode::Knockout, GameMode::Race];
        Self {
            game: game.into(),
            guild: format!("guild-{}", rng.u8(..4)).into(),
            mode: modes[rng.usize(..modes.len())],
            // A fixed time in the past, so that the events do not depend on the day of the run.
            now: DateTime::UNIX_EPOCH + TimeDelta::days(20_000),
            line: 0,
        }
    }

    fn next_line(&mut self, rng: &mut Rng, state: &GameState) -> Line {
        self.line += 1;
        self.now += TimeDelta::milliseconds(rng.i64(200..4_000));
        let action = if state.session.mode.is_none() {
            Action::Start(self.start(rng))
        } else {
            self.next_action(rng, state)
        };
        Line { number: self.line, at: self.now, action }
    }

    fn start(&self, rng: &mut Rng) -> Start {
        let count = if self.mode == GameMode::TwoPlayer { 1 } else { rng.usize(2..=12) };
        let teams = (0..count)
            .map(|n| {
                let players = ["a", "b"].map(|p| PlayerId::from(format!("player-{n}{p}")));
                (TeamId::from(format!("team-{n}")), players.to_vec())
            })
            .collect();
        Start {
            game: self.game.clone(),
            guild: self.guild.clone(),
            mode: self.mode,
            teams,
            roles: BTreeMap::new(),
            config: Map::new(),
        }
    }

    fn next_action(&self, rng: &mut Rng, state: &GameState) -> Action {
        let session = &state.session;
        let idle: Vec<_> =
            session.active_teams().filter(|(_, team)| !team.round_open).map(|(id, _)| id).collect();
        let playing: Vec<_> = session.active_teams().filter(|(_, team)| team.round_open).collect();
        let round_for_all = self.mode != GameMode::Race && playing.is_empty();
        if round_for_all || (self.mode == GameMode::Race && !idle.is_empty()) {
            let mut words =
                |_: &TeamId| [WORDS[rng.usize(..5)], WORDS[rng.usize(..5)]].map(str::to_owned);
            return Action::Round(idle.into_iter().map(|id| (id.clone(), words(id))).collect());
        }
        let Some((team, team_state)) = rng.choice(playing) else { return Action::Tick };
        let Some(player) = rng.choice(team_state.players.clone()) else { return Action::Tick };
        let team = team.clone();
        match rng.u8(..40) {
            0 => Action::Abandon { team, player, reason: AbandonReason::PlayerQuit },
            1 => Action::Tick,
            _ => Action::Guess { team, player, word: WORDS[rng.usize(..5)].to_owned() },
        }
    }
}
