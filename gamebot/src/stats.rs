//! `gamebot stats`: the leaderboard and what each player did, or one game in figures.

use std::io::Write;

use event_core::{
    BatchSize, Error, Escaped, EventStore, Filter, Projection, ReadOptions, RecordedEvent, Scope,
    Tenant,
};
use game_events::statistics::{
    GameStatistics, Leaderboard, ModeStatistics, PlayerRecord, PlayerStatistics, Rank,
};
use game_events::{GameEvent, GameId, PlayerId, game_stream};
use serde::Serialize;

use crate::failure::Failure;
use crate::show::{Show, bound, not_found};

/// What to count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// One game instead of all.
    pub game: Option<String>,
    /// Only what is played in this guild.
    pub guild: Option<String>,
    /// Lines of the leaderboard at most.
    pub top: usize,
    /// Prints for programs.
    pub json: bool,
}

/// Prints statistics.
///
/// # Errors
/// [`Failure`] with exit code 1: no such game or guild, an event that cannot be read, a store that fails.
pub async fn stats(
    store: &EventStore,
    wanted: &Stats,
    out: &mut impl Write,
) -> Result<(), Failure> {
    match &wanted.game {
        Some(game) => of_game(store, game, wanted, out).await,
        None => of_all(store, wanted, out).await,
    }
}

async fn of_game(
    store: &EventStore,
    game: &str,
    wanted: &Stats,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let stream = game_stream(&GameId::from(game)).map_err(Error::from)?;
    let shown = Show { game: game.to_owned(), guild: wanted.guild.clone(), ..Show::default() };
    let store = bound(store, &shown, &stream).await?;
    let page = ReadOptions::forward().limit(BatchSize::MAX);
    let mut stored = store.stream_events(&stream, page);
    let mut events = Vec::new();
    while let Some(event) = stored.next().await {
        match event {
            Err(Error::StreamNotFound { .. }) => return Err(not_found(&shown)),
            event => events.push(GameEvent::try_from(&event?)?),
        }
    }
    let figures = GameStatistics::from_events(&events)
        .map_err(|error| Failure::general(error.to_string()))?;
    if wanted.json {
        writeln!(out, "{}", json(&figures))?;
        return Ok(());
    }
    writeln!(
        out,
        "game {} · {} teams · {} players · {} rounds · {} attempts · {} s",
        Escaped(game),
        figures.team_count,
        figures.player_count,
        figures.rounds,
        figures.total_guesses,
        figures.duration_seconds,
    )?;
    print_mode(&figures.mode, out)?;
    Ok(())
}

fn print_mode(mode: &ModeStatistics, out: &mut impl Write) -> std::io::Result<()> {
    let winner = match mode {
        ModeStatistics::TwoPlayer(it) => {
            write!(out, "{} matched, {} failed", it.successful_guesses, it.failed_guesses)?;
            if let Some(time) = it.average_guess_time {
                write!(out, ", {:.1} s an attempt", time / 1_000.0)?;
            }
            writeln!(out)?;
            &it.winning_team
        }
        ModeStatistics::Knockout(it) => {
            for (team, stats) in &it.team_stats {
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
            &it.winning_team
        }
        ModeStatistics::Race(it) => {
            for (team, matches) in &it.team_progress {
                let speed = it.team_speeds.get(team).copied().unwrap_or_default();
                let team = Escaped(team.as_str());
                writeln!(out, "  {team}: {matches} matches, {speed:.2} a minute")?;
            }
            &it.winning_team
        }
    };
    match winner {
        Some(team) => writeln!(out, "{} wins", Escaped(team.as_str())),
        None => writeln!(out, "no winner"),
    }
}

/// Both read models, from one reading of the log.
#[derive(Debug, Default)]
struct Both {
    leaderboard: Leaderboard,
    players: PlayerStatistics,
}

impl Projection for Both {
    type Event = GameEvent;

    fn apply(&mut self, event: GameEvent, _recorded: &RecordedEvent) {
        self.leaderboard.fold(event.clone());
        self.players.fold(event);
    }
}

#[derive(Serialize)]
struct Json<'a> {
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

async fn of_all(store: &EventStore, wanted: &Stats, out: &mut impl Write) -> Result<(), Failure> {
    let store = match &wanted.guild {
        Some(guild) => {
            store.with_scope(Scope::tenant(Tenant::new(guild.as_str()).map_err(Error::from)?))
        }
        None => store.all_tenants(),
    };
    let mut live = store.project(Both::default(), Filter::all().category("game"));
    let events = live.catch_up().await?;
    let Both { leaderboard, players } = live.into_state();
    let mut ranking = leaderboard.ranking();
    ranking.truncate(wanted.top);
    if wanted.json {
        let players = players.players().map(|(player, record)| JsonPlayer {
            player,
            record,
            guesses_per_match: record.guesses_per_match(),
            average_time_ms: record.average_time_ms(),
        });
        let all = Json { leaderboard: ranking, players: players.collect(), events };
        writeln!(out, "{}", json(&all))?;
        return Ok(());
    }
    print_all(&ranking, &players, events, out)?;
    Ok(())
}

fn print_all(
    ranking: &[Rank],
    players: &PlayerStatistics,
    events: u64,
    out: &mut impl Write,
) -> std::io::Result<()> {
    if ranking.is_empty() {
        return writeln!(out, "no game was played yet ({events} events)");
    }
    let names = ranking.iter().map(|line| shown(&line.player).chars().count());
    let width = names.max().unwrap_or(0).max("player".len());
    writeln!(
        out,
        "rank  {:width$}  wins  games  points  guesses  per match  perfect  given up  seconds",
        "player"
    )?;
    for Rank { rank, player, standing } in ranking {
        let record = players.player(player).cloned().unwrap_or_default();
        writeln!(
            out,
            "{rank:4}  {:width$}  {:4}  {:5}  {:6}  {:7}  {:>9}  {:7}  {:8}  {:>7}",
            shown(player),
            standing.wins,
            standing.games,
            standing.points,
            record.guesses,
            rounded(record.guesses_per_match()),
            record.perfect_rounds,
            record.abandoned,
            rounded(record.average_time_ms().map(|time| time / 1_000.0)),
        )?;
    }
    Ok(())
}

fn shown(player: &PlayerId) -> String {
    Escaped(player.as_str()).to_string()
}

fn rounded(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.2}"))
}

fn json(value: &impl Serialize) -> String {
    // Strings and finite numbers under text keys: there is nothing in it that JSON cannot hold.
    serde_json::to_string(value).unwrap_or_default()
}
