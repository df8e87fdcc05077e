//! The rules of the three modes: the events that each line decides, each summarised in a few words.

use chrono::{DateTime, TimeDelta, Utc};
use game_events::{GameEvent, GameSession, TeamId};
use gamebot::{GameState, Line, decide};
use serde_json::{Value, json};

/// A game that is decided line by line. The players of team `red` are `red1` and `red2`.
struct Game {
    state: GameState,
    lines: usize,
}

impl Game {
    fn start(mode: &str, teams: &[&str], config: &Value) -> Self {
        let mut game = Self { state: GameState::default(), lines: 0 };
        let teams: Vec<String> =
            teams.iter().map(|team| format!(r#""{team}":["{team}1","{team}2"]"#)).collect();
        // Written as text, because a JSON value would sort the teams.
        let line = format!(
            r#"{{"at":"{}","do":"start","game":"g","guild":"98","mode":"{mode}","teams":{{{}}},"config":{config}}}"#,
            time(0),
            teams.join(",")
        );
        assert_eq!(game.decide_text(&line), Ok("started".to_owned()));
        game
    }

    fn decide_text(&mut self, line: &str) -> Result<String, String> {
        self.lines += 1;
        let line = Line::parse(self.lines, line)?;
        let events = decide(&self.state, &line)?;
        let summaries: Vec<String> = events.iter().map(summary).collect();
        self.state.apply(&line, events);
        Ok(summaries.join(", "))
    }

    fn decide_at(&mut self, at: i64, mut line: Value) -> Result<String, String> {
        line["at"] = time(at).into();
        self.decide_text(&line.to_string())
    }

    fn round(&mut self, at: i64, teams: &[&str]) -> Result<String, String> {
        let words: serde_json::Map<_, _> =
            teams.iter().map(|team| ((*team).to_owned(), json!(["sun", "sea"]))).collect();
        self.decide_at(at, json!({"do": "round", "words": words}))
    }

    fn word(&mut self, at: i64, player: &str, word: &str) -> Result<String, String> {
        let team = player.trim_end_matches(char::is_numeric);
        self.decide_at(at, json!({"do": "guess", "team": team, "player": player, "word": word}))
    }

    /// Both players submit the same word.
    fn matches(&mut self, at: i64, team: &str) -> String {
        assert_eq!(self.word(at, &format!("{team}1"), "beach").unwrap(), "");
        self.word(at, &format!("{team}2"), " BEACH").unwrap()
    }

    /// The players submit different words.
    fn misses(&mut self, at: i64, team: &str) -> String {
        assert_eq!(self.word(at, &format!("{team}1"), "beach").unwrap(), "");
        self.word(at, &format!("{team}2"), "wave").unwrap()
    }

    fn abandon(&mut self, at: i64, player: &str) -> Result<String, String> {
        let team = player.trim_end_matches(char::is_numeric);
        let line = json!({"do": "abandon", "team": team, "player": player, "reason": "timeout"});
        self.decide_at(at, line)
    }

    fn tick(&mut self, at: i64) -> String {
        self.decide_at(at, json!({"do": "tick"})).unwrap()
    }

    fn session(&self) -> &GameSession {
        &self.state.session
    }
}

fn time(at: i64) -> String {
    (DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(at)).to_rfc3339()
}

fn summary(event: &GameEvent) -> String {
    match event {
        GameEvent::Started(_) => "started".into(),
        GameEvent::RoundStarted(round) => {
            let teams: Vec<_> = round.team_states.keys().map(TeamId::as_str).collect();
            format!("round {} {}", round.base.round_number, teams.join("+"))
        }
        GameEvent::GuessProcessed(guess) => {
            let outcome = if guess.guess_successful { "match" } else { "miss" };
            format!("{outcome} {}/{}", guess.guess_count, guess.total_guesses)
        }
        GameEvent::GuessAbandoned(guess) => {
            format!("abandoned {}/{}", guess.guess_count, guess.total_guesses)
        }
        GameEvent::TeamEliminated(team) => format!("{} out {}", team.team_id, team.reason.as_str()),
        GameEvent::Completed(end) => {
            let winners: Vec<_> = end.winners.iter().map(TeamId::as_str).collect();
            format!("won by [{}] after {} s", winners.join("+"), end.game_duration)
        }
        GameEvent::KnockoutRoundCompleted(round) => format!(
            "round over {}-{} after {} s",
            round.eliminated_teams.len(),
            round.advancing_teams.len(),
            round.round_duration
        ),
        GameEvent::RaceModeTimeExpired(end) => format!("time up after {} s", end.game_duration),
    }
}

#[track_caller]
fn rejected(result: Result<String, String>, message: &str) {
    let reason = result.expect_err("the line is rejected");
    assert!(reason.contains(message), "{reason:?} contains {message:?}");
}

// Words and attempts.

#[test]
fn words_match_ignoring_case_and_surrounding_spaces() {
    let mut game = Game::start("two_player", &["red"], &json!({}));
    assert_eq!(game.round(1, &["red"]).unwrap(), "round 1 red");
    assert_eq!(game.word(2, "red1", "  Ärger ").unwrap(), "");
    assert_eq!(game.word(3, "red2", "ÄRGER").unwrap(), "match 1/1");
}

#[test]
fn attempt_counts_restart_with_each_round_and_totals_do_not() {
    let mut game = Game::start("two_player", &["red"], &json!({}));
    game.round(1, &["red"]).unwrap();
    assert_eq!(game.misses(2, "red"), "miss 1/1");
    assert_eq!(game.abandon(3, "red2").unwrap(), "abandoned 2/2");
    assert_eq!(game.matches(4, "red"), "match 3/3");
    game.round(5, &["red"]).unwrap();
    assert_eq!(game.matches(6, "red"), "match 1/4");
}

#[test]
fn an_abandoned_attempt_discards_its_pending_word() {
    let mut game = Game::start("two_player", &["red"], &json!({}));
    game.round(1, &["red"]).unwrap();
    game.word(2, "red1", "beach").unwrap();
    assert_eq!(game.abandon(3, "red1").unwrap(), "abandoned 1/1");
    // The partner's word is the first one of a new attempt.
    assert_eq!(game.word(4, "red2", "beach").unwrap(), "");
}

#[test]
fn an_invalid_guess_is_rejected() {
    let mut game = Game::start("knockout", &["red", "blue"], &json!({}));
    rejected(game.word(1, "red1", "beach"), "`red` has no open round");
    game.round(2, &["red", "blue"]).unwrap();
    rejected(game.word(3, "red1", " \t"), "`word` must not be empty");
    rejected(game.word(3, "green1", "beach"), "no team `green`");
    let foreign = json!({"do": "guess", "team": "red", "player": "blue1", "word": "x"});
    rejected(game.decide_at(3, foreign), "`blue1` does not play in team `red`");
    game.word(4, "red1", "beach").unwrap();
    rejected(game.word(5, "red1", "sand"), "the partner's word is missing");
    rejected(game.word(1, "red2", "sand"), "`at` must not decrease");
}

#[test]
fn an_invalid_start_is_rejected() {
    let start = |mode: &str, teams: Value, config: Value| {
        let line = json!({"at": time(0), "do": "start", "game": "g", "guild": "98", "mode": mode,
                          "teams": teams, "config": config});
        Line::parse(1, &line.to_string()).and_then(|line| decide(&GameState::default(), &line))
    };
    let rejected = |mode, teams, config, message: &str| {
        let reason = start(mode, teams, config).expect_err(message);
        assert!(reason.contains(message), "{reason:?} contains {message:?}");
    };
    let two = || json!({"red": ["a", "b"], "blue": ["c", "d"]});
    rejected("two_player", two(), json!({}), "exactly one team, found 2");
    rejected("knockout", json!({"red": ["a", "b"]}), json!({}), "2 to 12 teams, found 1");
    let thirteen_teams: serde_json::Map<_, _> =
        (0..13).map(|n| (format!("t{n}"), json!([format!("{n}a"), format!("{n}b")]))).collect();
    rejected("race", thirteen_teams.into(), json!({}), "2 to 12 teams, found 13");
    rejected("two_player", json!({"red": ["a"]}), json!({}), "exactly two players, found 1");
    rejected("two_player", json!({"red": ["a", "a"]}), json!({}), "`a` is listed twice");
    rejected("race", two(), json!({"time_limit": 0}), "`time_limit` must be an integer from 1");
    rejected("golf_race", two(), json!({}), "golf_race");
    assert!(start("knockout", two(), json!({"anything": "else"})).is_ok());
}

// two_player

#[test]
fn two_player_is_won_up_to_the_threshold_of_attempts_per_match() {
    let config = json!({"rounds_required": 2, "success_threshold": 2});
    let mut game = Game::start("two_player", &["red"], &config);
    game.round(1, &["red"]).unwrap();
    game.misses(2, "red");
    assert_eq!(game.matches(3, "red"), "match 2/2");
    rejected(game.word(4, "red1", "x"), "no open round");
    game.round(5, &["red"]).unwrap();
    game.misses(6, "red");
    assert_eq!(game.matches(7, "red"), "match 2/4, won by [red] after 7 s");

    let mut game = Game::start("two_player", &["red"], &config);
    game.round(1, &["red"]).unwrap();
    game.matches(2, "red");
    game.round(3, &["red"]).unwrap();
    for at in 4..7 {
        game.misses(at, "red");
    }
    assert_eq!(game.matches(8, "red"), "match 4/5, won by [] after 8 s");
    assert_eq!(game.tick(9_999), "", "a tick after the end has no events");
    rejected(game.round(9_999, &["red"]), "the game has ended");
}

#[test]
fn two_player_defaults_are_five_matches_and_four_attempts_per_match() {
    let mut game = Game::start("two_player", &["red"], &json!({}));
    for round in 1..=5 {
        game.round(round, &["red"]).unwrap();
        for _ in 0..3 {
            game.misses(round, "red");
        }
        let end = if round == 5 { ", won by [red] after 5 s" } else { "" };
        assert_eq!(game.matches(round, "red"), format!("match 4/{}{end}", 4 * round));
    }
}

#[test]
fn a_round_is_for_all_active_teams_and_only_after_the_previous_one() {
    let mut game = Game::start("knockout", &["red", "blue"], &json!({}));
    rejected(game.round(1, &["red"]), "`blue` is missing");
    rejected(game.round(1, &["red", "blue", "green"]), "`green`, which is not an active team");
    game.round(1, &["red", "blue"]).unwrap();
    rejected(game.round(2, &["red", "blue"]), "round 1 is still open");
}

// knockout

#[test]
fn a_knockout_round_ends_when_every_active_team_has_matched() {
    let mut game = Game::start("knockout", &["red", "blue"], &json!({}));
    game.round(10, &["red", "blue"]).unwrap();
    assert_eq!(game.matches(12, "red"), "match 1/1");
    rejected(game.word(13, "red1", "x"), "no open round");
    assert_eq!(game.matches(20, "blue"), "match 1/1, round over 0-2 after 10 s");
    assert_eq!(game.round(21, &["red", "blue"]).unwrap(), "round 2 blue+red");
}

#[test]
fn the_time_limit_eliminates_teams_without_a_match() {
    let mut game = Game::start("knockout", &["red", "blue", "green"], &json!({}));
    game.round(10, &["red", "blue", "green"]).unwrap();
    game.matches(20, "red");
    game.matches(21, "blue");
    assert_eq!(game.tick(309), "");
    game.word(309, "green1", "late").unwrap();
    assert_eq!(game.tick(310), "green out timeout, round over 1-2 after 300 s");
    // The end of the round discards the pending word.
    assert!(game.state.pending.is_empty());
    rejected(game.round(311, &["red", "blue", "green"]), "`green`, which is not an active team");
}

#[test]
fn a_rejected_line_does_not_end_an_expired_round() {
    let mut game = Game::start("knockout", &["red", "blue", "green"], &json!({}));
    game.round(10, &["red", "blue", "green"]).unwrap();
    game.matches(20, "red");
    game.matches(21, "blue");
    let before = game.state.clone();
    rejected(game.word(400, "green1", "late"), "`green` is eliminated");
    assert_eq!(game.state, before, "a rejected line changes nothing");
    assert_eq!(
        game.round(400, &["red", "blue"]).unwrap(),
        "green out timeout, round over 1-2 after 300 s, round 2 blue+red"
    );
}

#[test]
fn a_knockout_round_without_any_match_ends_the_game_without_a_winner() {
    let mut game =
        Game::start("knockout", &["red", "blue"], &json!({"round_duration_seconds": 30}));
    game.round(10, &["red", "blue"]).unwrap();
    assert_eq!(
        game.tick(40),
        "red out timeout, blue out timeout, round over 2-0 after 30 s, won by [] after 40 s"
    );
    rejected(game.word(41, "red1", "x"), "the game has ended");
}

#[test]
fn the_attempt_limit_counts_abandoned_attempts_and_eliminates_at_once() {
    let mut game = Game::start("knockout", &["red", "blue", "green"], &json!({}));
    game.round(1, &["red", "blue", "green"]).unwrap();
    for at in 2..12 {
        game.misses(at, "red");
    }
    assert_eq!(game.abandon(12, "red1").unwrap(), "abandoned 11/11");
    assert_eq!(game.misses(13, "red"), "miss 12/12, red out max_guesses");
    // A match on the last allowed attempt counts.
    for at in 14..25 {
        game.misses(at, "blue");
    }
    assert_eq!(game.matches(25, "blue"), "match 12/12");
    // The elimination of green leaves one active team: the round and the game end.
    for at in 26..37 {
        game.misses(at, "green");
    }
    assert_eq!(
        game.misses(37, "green"),
        "miss 12/12, green out max_guesses, round over 2-1 after 36 s, won by [blue] after 37 s"
    );
}

#[test]
fn the_last_active_team_wins_even_without_a_match() {
    let config = json!({"elimination_guess_limit": 1});
    let mut game = Game::start("knockout", &["red", "blue"], &config);
    game.round(1, &["red", "blue"]).unwrap();
    assert_eq!(
        game.misses(2, "red"),
        "miss 1/1, red out max_guesses, round over 1-1 after 1 s, won by [blue] after 2 s"
    );
}

#[test]
fn more_than_eight_teams_lose_three_at_the_end_of_a_round() {
    let teams = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let mut game = Game::start("knockout", &teams, &json!({}));
    game.round(1, &teams).unwrap();
    game.misses(2, "c");
    game.misses(3, "c");
    game.misses(4, "b");
    game.misses(4, "f");
    for team in &teams[..9] {
        game.matches(5, team);
    }
    assert_eq!(
        game.matches(6, "j"),
        "match 1/1, c out round_loss, f out round_loss, b out round_loss, round over 3-7 after 5 s"
    );
}

#[test]
fn eight_teams_are_not_reduced_by_force() {
    let teams = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let mut game = Game::start("knockout", &teams, &json!({"round_duration_seconds": 60}));
    game.round(1, &teams).unwrap();
    for team in &teams[..8] {
        game.matches(5, team);
    }
    assert_eq!(game.tick(61), "i out timeout, round over 1-8 after 60 s");
}

// race

#[test]
fn each_team_of_a_race_plays_its_own_rounds() {
    let mut game = Game::start("race", &["red", "blue"], &json!({}));
    assert_eq!(game.round(1, &["red"]).unwrap(), "round 1 red");
    assert_eq!(game.matches(2, "red"), "match 1/1");
    // Red starts its second round, blue its first: one event for each round number.
    assert_eq!(game.round(3, &["red", "blue"]).unwrap(), "round 1 blue, round 2 red");
    rejected(game.round(4, &["blue"]), "round 1 of team `blue` is still open");
    rejected(game.round(4, &["green"]), "`green`, which is not a team");
    rejected(game.round(4, &[]), "at least one team");
    assert_eq!(game.session().round_number, 2);
}

#[test]
fn a_race_ends_at_its_time_limit_and_the_most_matches_win() {
    let mut game = Game::start("race", &["red", "blue"], &json!({"time_limit": 100}));
    game.round(1, &["red", "blue"]).unwrap();
    game.matches(2, "blue");
    game.word(99, "red1", "late").unwrap();
    rejected(game.word(100, "red2", "late"), "the game has ended");
    assert_eq!(game.tick(130), "time up after 100 s, won by [blue] after 100 s");
    assert_eq!(game.session().final_scores.len(), 2);
}

#[test]
fn equal_matches_are_ranked_by_attempts_then_by_team_order() {
    let mut game = Game::start("race", &["red", "blue", "green"], &json!({}));
    game.round(1, &["red", "blue", "green"]).unwrap();
    game.misses(2, "red");
    for team in ["green", "red", "blue"] {
        game.matches(3, team);
    }
    assert_eq!(game.tick(180), "time up after 180 s, won by [blue] after 180 s");
}

#[test]
fn a_race_without_a_match_has_no_winner_and_at_least_one_round() {
    let mut game = Game::start("race", &["red", "blue"], &json!({}));
    assert_eq!(game.tick(179), "");
    assert_eq!(game.tick(180), "time up after 180 s, won by [] after 180 s");
    assert_eq!(game.session().winners, []);
}
