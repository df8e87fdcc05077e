//! Leaderboard, player statistics and statistics of a game: on the shipped games, on their prefixes, on random games.

use std::collections::BTreeMap;

use event_core::{AllOptions, EventStore, Filter};
use game_events::statistics::{
    GameStatistics, Leaderboard, ModeStatistics, NoGameStarted, PlayerStatistics,
};
use game_events::{GameEvent, PlayerId, TeamId};
use gamebot::{Failure, Stats, simulate, stats};
use serde_json::Value;

use crate::games;

fn team(name: &str) -> TeamId {
    TeamId::from(name)
}

async fn statistics_of(name: &str) -> GameStatistics {
    GameStatistics::from_events(&games::events(name).await).unwrap()
}

#[tokio::test]
async fn shipped_games_have_the_expected_statistics() {
    let knockout = statistics_of("knockout").await;
    // The abandoned attempt is not counted: only one word was submitted.
    assert_eq!(knockout.total_guesses, 13);
    assert_eq!((knockout.player_count, knockout.team_count, knockout.rounds), (8, 4, 3));
    let ModeStatistics::Knockout(mode) = &knockout.mode else { panic!("{knockout:?}") };
    assert_eq!(mode.winning_team, Some(team("green")));
    let out: Vec<_> =
        mode.eliminations.iter().map(|(round, teams)| (*round, teams.len())).collect();
    assert_eq!(out, [(1, 1), (2, 1), (3, 1)]);
    let green = &mode.team_stats[&team("green")];
    assert_eq!(
        (green.eliminated_in_round, green.successful_guesses, green.total_guesses),
        (None, 3, 3)
    );
    assert_eq!(mode.team_stats[&team("gold")].eliminated_in_round, Some(1));

    let race = statistics_of("race").await;
    let ModeStatistics::Race(mode) = &race.mode else { panic!("{race:?}") };
    assert_eq!((race.duration_seconds, mode.match_completion_time), (120, Some(120)));
    assert_eq!(mode.winning_team, Some(team("red")));
    assert_eq!(mode.team_progress[&team("red")], 2);
    assert!((mode.team_speeds[&team("red")] - 1.0).abs() < 1e-9, "2 matches in 2 minutes");

    let pair = statistics_of("two_player").await;
    let ModeStatistics::TwoPlayer(mode) = &pair.mode else { panic!("{pair:?}") };
    assert_eq!((mode.successful_guesses, mode.failed_guesses), (3, 2));
    assert_eq!(mode.team_scores, BTreeMap::from([(team("red"), 3)]));
    assert_eq!((pair.total_guesses, mode.winning_team.clone()), (5, Some(team("red"))));
    assert!(mode.average_guess_time.is_some_and(|time| time > 0.0));
}

#[tokio::test]
async fn every_prefix_of_a_game_has_statistics_if_it_contains_the_start() {
    for name in games::SHIPPED {
        let events = games::events(name).await;
        assert_eq!(GameStatistics::from_events(&events[..0]), Err(NoGameStarted));
        assert_eq!(GameStatistics::from_events(&events[1..]), Err(NoGameStarted));
        for end in 1..=events.len() {
            let statistics = GameStatistics::from_events(&events[..end]).unwrap();
            assert!(statistics.rounds >= 1);
            serde_json::to_string(&statistics).unwrap();
        }
        // Events before the start are ignored.
        let twice: Vec<_> = events[1..].iter().chain(&events).cloned().collect();
        assert_eq!(GameStatistics::from_events(&twice), GameStatistics::from_events(&events));
    }
    assert_eq!(NoGameStarted.code(), "stats_calculation_error");
}

fn fold(events: &[GameEvent]) -> (Leaderboard, PlayerStatistics) {
    let (mut leaderboard, mut players) = (Leaderboard::default(), PlayerStatistics::default());
    for event in events {
        leaderboard.fold(event.clone());
        players.fold(event.clone());
    }
    (leaderboard, players)
}

#[tokio::test]
async fn the_leaderboard_ranks_the_players_of_the_shipped_games() {
    let mut events = Vec::new();
    for name in games::SHIPPED {
        events.extend(games::events(name).await);
    }
    let (leaderboard, players) = fold(&events);
    let ranking = leaderboard.ranking();
    let top: Vec<_> = ranking
        .iter()
        .map(|line| (line.rank, line.player.as_str(), line.standing.wins, line.standing.points))
        .take(5)
        .collect();
    // ann and bob won the race and the two_player game, eve and fay the knockout game.
    assert_eq!(top[..2], [(1, "ann", 2, 7), (1, "bob", 2, 7)]);
    assert_eq!(top[2..4], [(3, "eve", 1, 3), (3, "fay", 1, 3)]);
    assert_eq!((top[4].0, top[4].2), (5, 0));
    let ann = players.player(&PlayerId::from("ann")).unwrap();
    assert_eq!((ann.started, ann.completed, ann.won, ann.matches), (3, 3, 2, 7));
    let hal = players.player(&PlayerId::from("hal")).unwrap();
    assert_eq!((hal.abandoned, hal.matches, hal.guesses_per_match()), (1, 0, None));
    assert_eq!(players.players().count(), ranking.len());
}

#[tokio::test]
async fn statistics_of_random_games_agree_with_their_events() {
    let store = EventStore::in_memory().unwrap();
    simulate(&store, 60, 7, &mut Vec::new()).await.unwrap();
    let mut log = store.all_tenants().all_events(AllOptions::new());
    let mut events = Vec::new();
    while let Some(event) = log.next().await {
        events.push(GameEvent::try_from(&event.unwrap()).unwrap());
    }
    let (leaderboard, players) = fold(&events);
    let mut live = store.all_tenants().project(Leaderboard::default(), Filter::all());
    live.catch_up().await.unwrap();
    assert_eq!(*live.state(), leaderboard);

    let matches = |event: &GameEvent| match event {
        GameEvent::GuessProcessed(guess) if guess.guess_successful => guess.match_score.unwrap(),
        _ => 0,
    };
    let points: u64 = leaderboard.ranking().iter().map(|line| line.standing.points).sum();
    assert_eq!(points, 2 * events.iter().map(|event| u64::from(matches(event))).sum::<u64>());
    let winners: usize = events
        .iter()
        .map(|event| match event {
            GameEvent::Completed(end) => 2 * end.winners.len(),
            _ => 0,
        })
        .sum();
    let won: u32 = players.players().map(|(_, record)| record.won).sum();
    assert_eq!(won as usize, winners, "every team has two players");
    for line in leaderboard.ranking() {
        let record = players.player(&line.player).unwrap();
        assert_eq!((record.won, record.completed), (line.standing.wins, line.standing.games));
    }
}

async fn printed(store: &EventStore, args: Stats) -> Result<String, Failure> {
    let mut out = Vec::new();
    stats(store, &args, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn stats_print_a_table_or_json() {
    let store = EventStore::in_memory().unwrap();
    let all = Stats { top: 3, ..Stats::default() };
    assert!(printed(&store, all.clone()).await.unwrap().starts_with("no game was played yet"));
    for name in games::SHIPPED {
        games::played(&store, name).await;
    }
    let table = printed(&store, all.clone()).await.unwrap();
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[1].starts_with("   1  ann"), "{table}");
    let json = printed(&store, Stats { json: true, ..all.clone() }).await.unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["leaderboard"][0]["player"], json["events"].as_u64()),
        (&"ann".into(), Some(51))
    );

    let of = |game: &str| Stats { game: Some(game.to_owned()), ..Stats::default() };
    assert!(printed(&store, of("race-1")).await.unwrap().ends_with("red wins\n"));
    let game = Stats { json: true, ..of("two-player-1") };
    let game: Value = serde_json::from_str(&printed(&store, game).await.unwrap()).unwrap();
    assert_eq!(game["mode"]["two_player"]["team_scores"]["red"], 3);
    let elsewhere = Some("99".to_owned());
    let missing = printed(&store, Stats { guild: elsewhere.clone(), ..of("race-1") }).await;
    assert!(missing.unwrap_err().message.contains("there is no game race-1 in guild 99"));
    let empty = printed(&store, Stats { guild: elsewhere, ..all }).await.unwrap();
    assert!(empty.starts_with("no game"), "{empty}");
}
