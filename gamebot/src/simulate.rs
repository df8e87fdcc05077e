//! `gamebot simulate`: random games of all modes, decided and stored like any other.
//!
//! The seed fixes what is played; the ids of the games begin with a name of the run, so that a second run on the same
//! store plays new games.

use std::io::Write;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use event_core::{
    Error, EventId, EventStore, ExpectedVersion, NewEvent, Scope, StreamVersion, Tenant,
};
use fastrand::Rng;
use game_events::{
    AbandonReason, GameEvent, GameId, GameMode, GuildId, PlayerId, SessionStatus, TeamId,
    game_stream,
};
use serde_json::Map;

use crate::decide::decide;
use crate::failure::Failure;
use crate::play::new_event;
use crate::table::Table;
use crate::transcript::{Action, Line, Start};

/// Games that are played at the same time.
const AT_ONCE: u64 = 8;
/// Words to choose from: few, so that teams do match.
const WORDS: [&str; 5] = ["sun", "sea", "beach", "Wave", "sand"];

/// What a simulation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Games played to their end.
    pub games: u64,
    /// Events stored.
    pub events: u64,
    /// Appends that lost a race.
    pub conflicts: u64,
}

/// Plays random games and reports on them.
///
/// # Errors
/// [`Failure`] with exit code 1 when the store fails.
pub async fn simulate(
    store: &EventStore,
    games: u64,
    seed: u64,
    out: &mut impl Write,
) -> Result<Tally, Failure> {
    let run = format!("sim-{seed}-{}", EventId::new());
    let started = Instant::now();
    let tasks: Vec<_> = (0..AT_ONCE.min(games))
        .map(|first| {
            let (store, run) = (store.clone(), run.clone());
            tokio::spawn(async move {
                let mut tally = Tally::default();
                let mut number = first;
                while number < games {
                    tally = tally.plus(game(&store, &run, number, seed).await?);
                    number += AT_ONCE;
                }
                Ok::<_, Failure>(tally)
            })
        })
        .collect();
    let mut tally = Tally::default();
    for task in tasks {
        let played = task.await;
        tally = tally.plus(played.map_err(|error| Failure::general(error.to_string()))??);
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
    writeln!(out, "games      {games}  ({run}-0 and on)")?;
    writeln!(out, "events     {events}")?;
    writeln!(out, "events/s   {rate:.0}")?;
    writeln!(out, "conflicts  {conflicts}")
}

/// Plays one game to its end.
async fn game(store: &EventStore, run: &str, number: u64, seed: u64) -> Result<Tally, Failure> {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number));
    let mut dealer = Dealer::new(&mut rng, format!("{run}-{number}"));
    let guild = Tenant::new(dealer.guild.as_str()).map_err(Error::from)?;
    let store = store.with_scope(Scope::tenant(guild).correlation(dealer.game.as_str()));
    let stream = game_stream(&dealer.game).map_err(Error::from)?;
    let (mut table, mut version, mut tally) = (Table::default(), 0, Tally::default());
    while table.session.status != SessionStatus::Completed {
        let (line, events) = said(&table, dealer.next(&mut rng, &table))?;
        if !events.is_empty() {
            let new: Vec<NewEvent> = events.iter().map(new_event).collect();
            let expected = ExpectedVersion::Exact(StreamVersion::new(version));
            match store.append(&stream, expected, new).await {
                Ok(answer) => version = answer.stream_version.get(),
                Err(Error::WrongExpectedVersion { .. }) => {
                    // Nobody else plays this game: it is left to whoever does.
                    tally.conflicts += 1;
                    return Ok(tally);
                }
                Err(error) => return Err(error.into()),
            }
            tally.events += events.len() as u64;
        }
        table.take(&line, events);
    }
    tally.games = 1;
    Ok(tally)
}

/// A line and its events. What the rules refuse is not said: the time passes instead, and it may be that the time was
/// what stood in the way (a race that is over takes nothing but a tick).
fn said(table: &Table, line: Line) -> Result<(Line, Vec<GameEvent>), Failure> {
    if let Ok(events) = decide(table, &line) {
        return Ok((line, events));
    }
    let tick = Line { action: Action::Tick, ..line };
    let events = decide(table, &tick).map_err(Failure::general)?;
    Ok((tick, events))
}

/// Makes up what is said next.
struct Dealer {
    game: GameId,
    guild: GuildId,
    mode: GameMode,
    now: DateTime<Utc>,
    line: usize,
}

impl Dealer {
    fn new(rng: &mut Rng, game: String) -> Self {
        let modes = [GameMode::TwoPlayer, GameMode::Knockout, GameMode::Race];
        Self {
            game: game.into(),
            guild: format!("guild-{}", rng.u8(..4)).into(),
            mode: modes[rng.usize(..modes.len())],
            // Any time that has passed will do: nothing stored depends on the day of the run.
            now: DateTime::UNIX_EPOCH + TimeDelta::days(20_000),
            line: 0,
        }
    }

    fn next(&mut self, rng: &mut Rng, table: &Table) -> Line {
        self.line += 1;
        self.now += TimeDelta::milliseconds(rng.i64(200..4_000));
        let action = if table.session.mode.is_none() {
            Action::Start(self.start(rng))
        } else {
            self.move_on(rng, table)
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
            roles: std::collections::BTreeMap::new(),
            config: Map::new(),
        }
    }

    fn move_on(&self, rng: &mut Rng, table: &Table) -> Action {
        let session = &table.session;
        let idle: Vec<_> =
            session.active_teams().filter(|(_, team)| !team.round_open).map(|(id, _)| id).collect();
        let playing: Vec<_> = session.active_teams().filter(|(_, team)| team.round_open).collect();
        let whole_round = self.mode != GameMode::Race && playing.is_empty();
        if whole_round || (self.mode == GameMode::Race && !idle.is_empty()) {
            let mut words =
                |_: &TeamId| [WORDS[rng.usize(..5)], WORDS[rng.usize(..5)]].map(str::to_owned);
            return Action::Round(idle.into_iter().map(|id| (id.clone(), words(id))).collect());
        }
        let Some((team, state)) = rng.choice(playing) else { return Action::Tick };
        let Some(player) = rng.choice(state.players.clone()) else { return Action::Tick };
        let team = team.clone();
        match rng.u8(..40) {
            0 => Action::Abandon { team, player, reason: AbandonReason::PlayerQuit },
            1 => Action::Tick,
            _ => Action::Guess { team, player, word: WORDS[rng.usize(..5)].to_owned() },
        }
    }
}
