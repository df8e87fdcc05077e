//! `gamebot stats`: prints the leaderboard with the counters of each player, or the statistics of one game.

use std::io::Write;

use event_core::value::{Escaped, Printable};
use event_core::{
    BatchSize, Error, EventStore, Filter, Projection, ReadOptions, RecordedEvent, Scope, Tenant,
};
use game_events::statistics::{
    GameStatistics, Leaderboard, ModeStatistics, PlayerRecord, PlayerStatistics, Rank,
};
use game_events::{GameEvent, GameId, PlayerId, game_stream};
use serde::Serialize;

use crate::failure::Failure;
use crate::show::{Show, not_found, scoped_to_guild};

/// The arguments of `gamebot stats`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Prints the statistics of this game instead of the leaderboard.
    pub game: Option<String>,
    /// Counts the games of this guild only.
    pub guild: Option<String>,
    /// Maximum number of rows of the leaderboard.
    pub top: usize,
    /// Prints JSON.
    pub json: bool,
}

/// Prints the leaderboard or the statistics of one game.
///
/// # Errors
/// [`Failure`] with exit code 1: the game does not exist, an event cannot be decoded, the store fails.
pub async fn stats(store: &EventStore, args: &Stats, out: &mut impl Write) -> Result<(), Failure> {
    match &args.game {
        Some(game) => print_game(store, game, args, out).await,
        None => print_leaderboard(store, args, out).await,
    }
}

async fn print_game(
    store: &EventStore,
    game: &str,
    args: &Stats,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let stream = game_stream(&GameId::from(game)).map_err(Error::from)?;
    let show = Show { game: game.to_owned(), guild: args.guild.clone(), ..Show::default() };
    let store = scoped_to_guild(store, &show, &stream).await?;
    let page = ReadOptions::forward().limit(BatchSize::MAX);
    let mut stored = store.stream_events(&stream, page);
    let mut events = Vec::new();
    while let Some(event) = stored.next().await {
        match event {
            Err(Error::StreamNotFound { .. }) => return Err(not_found(&show)),
            event => events.push(GameEvent::try_from(&event?)?),
        }
    }
    let statistics = GameStatistics::from_events(&events)
        .map_err(|error| Failure::general(error.to_string()))?;
    if args.json {
        writeln!(out, "{}", to_json(&statistics))?;
        return Ok(());
    }
    writeln!(
        out,
        "game {} · {} teams · {} players · {} rounds · {} attempts · {} s",
        Escaped(game),
        statistics.team_count,
        statistics.player_count,
        statistics.rounds,
        statistics.total_guesses,
        statistics.duration_seconds,
    )?;
    print_mode(&statistics.mode, out)?;
    Ok(())
}

fn print_mode(mode: &ModeStatistics, out: &mut impl Write) -> std::io::Result<()> {
    let winner = match mode {
        ModeStatistics::TwoPlayer(game) => {
            write!(out, "{} matched, {} failed", game.successful_guesses, game.failed_guesses)?;
            if let Some(time) = game.average_guess_time {
                write!(out, ", {:.1} s an attempt", time / 1_000.0)?;
            }
            writeln!(out)?;
            &game.winning_team
        }
        ModeStatistics::Knockout(game) => {
            for (team, stats) in &game.team_stats {
                write!(
                    out,
                    "  {}: {} of {} attempts matched",
                    Escaped(team.as_str()),
                    stats.successful_guesses,
                    stats.total_guesses
                )?;
                match stats.eliminated_in_round {
                    Some(round) => writeln!(out, ", out in round {round}")?,
                    None => writeln!(out)?,
                }
            }
            &game.winning_team
        }
        ModeStatistics::Race(game) => {
            for (team, matches) in &game.team_progress {
                let speed = game.team_speeds.get(team).copied().unwrap_or_default();
                let team = Escaped(team.as_str());
                writeln!(out, "  {team}: {matches} matches, {speed:.2} a minute")?;
            }
            &game.winning_team
        }
    };
    match winner {
        Some(team) => writeln!(out, "{} wins", Escaped(team.as_str())),
        None => writeln!(out, "no winner"),
    }
}

/// Folds both read models in one pass over the log.
#[derive(Debug, Default)]
struct Totals {
    leaderboard: Leaderboard,
    players: PlayerStatistics,
}

impl Projection for Totals {
    type Event = GameEvent;

    fn apply(&mut self, event: GameEvent, _recorded: &RecordedEvent) {
        self.leaderboard.fold(event.clone());
        self.players.fold(event);
    }
}

#[derive(Serialize)]
struct JsonTotals<'a> {
    leaderboard: Vec<Rank>,
    players: Vec<JsonPlayer<'a>>,
    events: u64,
}

#[derive(Serialize)]
struct JsonPlayer<'a> {
    player: &'a PlayerId,
    #[serde(flatten)]
    record: &'a PlayerRecord,
    guesses_per_match: Option<f64>,
    average_time_ms: Option<f64>,
}

async fn print_leaderboard(
    store: &EventStore,
    args: &Stats,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let store = match &args.guild {
        Some(guild) => {
            store.with_scope(Scope::tenant(Tenant::new(guild.as_str()).map_err(Error::from)?))
        }
        None => store.all_tenants(),
    };
    let mut live = store.project(Totals::default(), Filter::all().category("game"));
    let events = live.catch_up().await?;
    let Totals { leaderboard, players } = live.into_state();
    let mut ranking = leaderboard.ranking();
    ranking.truncate(args.top);
    if args.json {
        let players = players.players().map(|(player, record)| JsonPlayer {
            player,
            record,
            guesses_per_match: record.guesses_per_match(),
            average_time_ms: record.average_time_ms(),
        });
        let totals = JsonTotals { leaderboard: ranking, players: players.collect(), events };
        writeln!(out, "{}", to_json(&totals))?;
        return Ok(());
    }
    print_table(&ranking, &players, events, out)?;
    Ok(())
}

fn print_table(
    ranking: &[Rank],
    players: &PlayerStatistics,
    events: u64,
    out: &mut impl Write,
) -> std::io::Result<()> {
    if ranking.is_empty() {
        return writeln!(out, "no game was played yet ({events} events)");
    }
    let names = ranking.iter().map(|row| escaped(&row.player).chars().count());
    let width = names.max().unwrap_or(0).max("player".len());
    writeln!(
        out,
        "rank  {:width$}  wins  games  points  guesses  per match  perfect  abandoned  seconds",
        "player"
    )?;
    for Rank { rank, player, standing } in ranking {
        let record = players.player(player).cloned().unwrap_or_default();
        writeln!(
            out,
            "{rank:4}  {:width$}  {:4}  {:5}  {:6}  {:7}  {:>9}  {:7}  {:9}  {:>7}",
            escaped(player),
            standing.wins,
            standing.games,
            standing.points,
            record.guesses,
            two_digits(record.guesses_per_match()),
            record.perfect_rounds,
            record.abandoned,
            two_digits(record.average_time_ms().map(|time| time / 1_000.0)),
        )?;
    }
    Ok(())
}

fn escaped(player: &PlayerId) -> String {
    Escaped(player.as_str()).to_string()
}

fn two_digits(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.2}"))
}

fn to_json(value: &impl Serialize) -> String {
    // Cannot fail: the values are structs and maps with text keys.
    Printable(&serde_json::to_string(value).unwrap_or_default()).to_string()
}
