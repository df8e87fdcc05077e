//! The rules of the eight events, field by field, and of the order in which they may follow each other.

use chrono::{DateTime, TimeDelta, Utc};
use event_core::envelope::Serializer;
use event_core::{
    Aggregate, Clock, EventSet, EventStore, EventVersion, ExpectedVersion, NewEvent, RecordedEvent,
    Registry, StreamId,
};
use fastrand::Rng;
use game_events::testing::{LATEST, one_of_each};
use game_events::{GameEvent, GameSession, PlayerStats, RaceResult, TeamScore};
use proptest::prelude::*;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

fn now() -> DateTime<Utc> {
    LATEST.parse().unwrap()
}

fn samples(seed: u64) -> [GameEvent; 8] {
    one_of_each(&mut Rng::with_seed(seed))
}

/// The event that a payload decodes to, as an append takes it.
fn event_of(event_type: &str, data: &Value) -> GameEvent {
    let raw =
        NewEvent::raw(event_type.to_owned(), EventVersion::FIRST, to_raw_value(data).unwrap());
    let store = EventStore::in_memory().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let recorded: RecordedEvent = runtime.block_on(async {
        let stream = StreamId::new("s").unwrap();
        store.append(&stream, ExpectedVersion::Any, [raw]).await.unwrap();
        store.read_stream(&stream, event_core::ReadOptions::forward()).await.unwrap().remove(0)
    });
    GameEvent::decode(&recorded).unwrap()
}

fn refusal(event: GameEvent) -> Option<String> {
    let serializer = Serializer::new().clock(Clock::fixed(now()));
    let error = serializer.to_stored(event).err()?;
    assert_eq!(error.code(), "invalid_event_data", "{error}");
    Some(error.to_string())
}

/// Sets a value at the path of a payload; `*` is the first key of an object.
fn set(data: &mut Value, path: &str, value: Value) -> bool {
    let mut target = data;
    for step in path.split('.') {
        let next = match target {
            Value::Object(map) => match step {
                "*" => map.values_mut().next(),
                _ => Some(map.entry(step).or_insert(Value::Null)),
            },
            Value::Array(list) => list.first_mut(),
            _ => None,
        };
        let Some(next) = next else { return false };
        target = next;
    }
    *target = value;
    true
}

/// Every rule: the event type (empty: all), the value that breaks it, the field that is named.
fn rules() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    let future = json!(now() + TimeDelta::seconds(1));
    let (empty, info) = (json!(""), json!({"player_id": ""}));
    let mut rules = vec![
        ("", "game_id", empty.clone(), "game_id"),
        ("", "guild_id", empty.clone(), "guild_id"),
        ("", "round_number", json!(0), "round_number"),
        ("", "timestamp", future.clone(), "timestamp"),
        ("", "metadata", json!({"source_id": null}), "metadata"),
        ("", "metadata", json!({"correlation_id": null}), "metadata"),
        ("game_started", "round_number", json!(2), "round_number"),
        ("game_started", "team_ids", json!([]), "team_ids"),
        ("game_started", "team_ids", json!(["stranger"]), "team_ids"),
        ("game_started", "player_ids", json!([]), "player_ids"),
        ("game_started", "player_ids", json!(["stranger"]), "player_ids"),
        ("game_started", "teams.*", json!([]), "teams"),
        ("game_started", "roles", json!({"stranger": "giver"}), "roles"),
        ("game_started", "started_at", future, "started_at"),
        ("round_started", "team_states", json!({}), "team_states"),
        ("round_started", "team_states", json!({"": {}}), "team_states"),
        ("team_eliminated", "team_id", json!(""), "team_id"),
        ("team_eliminated", "final_state.team_id", json!("another"), "final_state"),
        ("game_completed", "final_scores", json!({}), "final_scores"),
        ("game_completed", "winners", json!(["stranger"]), "winners"),
        ("game_completed", "total_rounds", json!(0), "total_rounds"),
        ("game_completed", "finished_at", json!(now()), "finished_at"),
        ("knockout_round_completed", "mode", json!("race"), "mode"),
        ("knockout_round_completed", "eliminated_teams.0.team_id", json!(""), "eliminated_teams"),
        ("knockout_round_completed", "advancing_teams.0.team_id", json!(""), "advancing_teams"),
        ("race_mode_time_expired", "mode", json!("knockout"), "mode"),
        (
            "race_mode_time_expired",
            "final_matches",
            json!({"": {"matches": 0, "total_guesses": 0, "average_guesses": 0.0, "player_stats": {}, "last_match_timestamp": null}}),
            "final_matches",
        ),
        ("guess_processed", "match_score", json!(0), "match_score"),
        ("guess_abandoned", "abandoning_player_id", empty.clone(), "abandoning_player_id"),
        ("guess_abandoned", "last_guess.player_id", empty.clone(), "last_guess"),
    ];
    for guess in ["guess_processed", "guess_abandoned"] {
        rules.push((guess, "team_id", empty.clone(), "team_id"));
        rules.push((guess, "player1_info", info.clone(), "player1_info"));
        rules.push((guess, "player2_info", info.clone(), "player2_info"));
        for count in ["guess_count", "round_guess_count", "total_guesses"] {
            rules.push((guess, count, json!(0), count));
        }
    }
    rules
}

#[test]
fn each_event_refuses_each_broken_field() {
    let mut broken = 0;
    for (event_type, path, value, field) in rules() {
        let mut seen = 0;
        for event in (0..6).flat_map(samples) {
            let view = event.as_event().unwrap();
            if !event_type.is_empty() && view.event_type() != event_type {
                continue;
            }
            let mut data: Value = serde_json::from_str(view.to_json_any().unwrap().get()).unwrap();
            // The finish of a game is only too late beside its own time.
            if field == "finished_at" {
                data["timestamp"] = json!(now() - TimeDelta::seconds(1));
            }
            if !set(&mut data, path, value.clone())
                || data["last_guess"].get("word").is_none() && field == "last_guess"
            {
                continue;
            }
            let reason = refusal(event_of(view.event_type(), &data));
            let words = format!("`{field}`");
            assert!(
                reason.as_ref().is_some_and(|reason| reason.contains(&words)),
                "{} with {path} = {value}: {reason:?}",
                view.event_type()
            );
            seen += 1;
        }
        assert!(seen > 0, "{event_type}: no sample has {path}");
        broken += seen;
    }
    println!("{broken} broken events");
}

#[test]
fn a_number_that_json_does_not_have_is_refused_by_the_games_own_rules() {
    let stats = PlayerStats { average_guess_count: f64::NAN, ..PlayerStats::default() };
    for seed in 0..20 {
        for event in samples(seed) {
            let event = match event {
                GameEvent::RoundStarted(mut it) => {
                    let team = it.team_states.values_mut().next().unwrap();
                    team.average_guesses = Some(f64::INFINITY);
                    it.into()
                }
                GameEvent::TeamEliminated(mut it) => {
                    it.player_stats.insert("p".into(), stats.clone());
                    it.into()
                }
                GameEvent::Completed(mut it) => {
                    let score: &mut TeamScore = it.final_scores.values_mut().next().unwrap();
                    score.average_guesses = f64::NAN;
                    it.into()
                }
                GameEvent::RaceModeTimeExpired(mut it) => {
                    let Some(result) = it.final_matches.values_mut().next() else { continue };
                    let result: &mut RaceResult = result;
                    result.average_guesses = f64::NEG_INFINITY;
                    it.into()
                }
                GameEvent::KnockoutRoundCompleted(mut it) => {
                    let Some(team) = it.eliminated_teams.first_mut() else { continue };
                    team.player_stats.insert("p".into(), stats.clone());
                    it.into()
                }
                _ => continue,
            };
            let event: GameEvent = event;
            let reason = refusal(event).unwrap();
            assert!(reason.contains("must be a finite number"), "{reason}");
        }
    }
}

proptest! {
    /// Every field of every event is written, and read back as it was.
    #[test]
    fn every_event_survives_a_round_trip(seed in any::<u64>()) {
        for event in samples(seed) {
            let view = event.as_event().unwrap();
            let event_type = view.event_type();
            let data: Value = serde_json::from_str(view.to_json_any().unwrap().get()).unwrap();
            prop_assert_eq!(&event_of(event_type, &data), &event);
            // No key of the locked shape is missing, unless the shape says so.
            let shape = Registry::global().unwrap().latest(event_type).unwrap().shape();
            for line in shape.lines() {
                let top = !line.path.contains(['.', '{', '[', '<']);
                if top && !line.text.contains("may be left out") {
                    prop_assert!(data.get(&line.path).is_some(), "{} of {}", line.path, event_type);
                }
            }
        }
    }
}

#[test]
fn an_event_that_cannot_follow_is_refused_with_its_reason() {
    let [start, round, ..] = samples(1);
    let session = GameSession::default();
    assert!(session.may_follow(&start).is_ok());
    let reason = session.may_follow(&round).unwrap_err().to_string();
    assert!(reason.contains("must be `game_started`"), "{reason}");
    let mut started = GameSession::default();
    started.apply(start.clone());
    let reason = started.may_follow(&start).unwrap_err().to_string();
    assert!(reason.contains("already started"), "{reason}");
    let reason = started.may_follow(&round).unwrap_err().to_string();
    assert!(reason.contains("belongs to game"), "{reason}");
}

#[test]
fn a_state_that_no_game_has_is_refused_with_its_reason() {
    let [start, ..] = samples(2);
    let mut sound = GameSession::default();
    sound.apply(start);
    assert!(sound.validate().is_ok());
    let broken = |change: fn(&mut GameSession)| {
        let mut session = sound.clone();
        change(&mut session);
        session.validate().unwrap_err().to_string()
    };
    for (change, words) in [
        ((|it| *it = GameSession::default()) as fn(&mut GameSession), "no start"),
        (|it| it.game_id = "".into(), "no id"),
        (|it| it.guild_id = "".into(), "no guild"),
        (|it| it.mode = None, "no mode"),
        (|it| it.teams.clear(), "no teams"),
        (|it| it.started_at = None, "no start time"),
        (|it| it.teams.values_mut().next().unwrap().matches = 7, "more matches (7) than attempts"),
    ] {
        let reason = broken(change);
        assert!(reason.contains(words), "{reason}, not {words}");
    }
}

/// What recovery says of a game whose events do not belong where they are.
async fn misplaced(stream: &str, tenant: &str, change: impl Fn(&mut Value, &[String])) -> String {
    let tenant = event_core::Tenant::new(tenant).unwrap();
    let store = EventStore::in_memory().unwrap();
    let store = store.with_scope(event_core::Scope::tenant(tenant));
    let game = crate::games::events("knockout").await;
    let ids: Vec<String> = game.iter().map(|_| event_core::EventId::new().to_string()).collect();
    let events = game.iter().zip(&ids).enumerate().map(|(n, (event, id))| {
        let view = event.as_event().unwrap();
        let mut data: Value = serde_json::from_str(view.to_json_any().unwrap().get()).unwrap();
        data["game_id"] = json!("one");
        data["guild_id"] = json!("guild-9");
        if n == 1 {
            change(&mut data, &ids);
        }
        let raw = to_raw_value(&data).unwrap();
        NewEvent::raw(view.event_type().to_owned(), EventVersion::FIRST, raw)
            .with_id(id.parse::<event_core::EventId>().unwrap())
    });
    let (events, stream): (Vec<_>, _) = (events.collect(), StreamId::new(stream).unwrap());
    store.append(&stream, ExpectedVersion::Any, events).await.unwrap();
    match store.recover::<GameSession>(&stream).await {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_game_is_recovered_from_its_own_stream_and_tenant_only() {
    let nothing = |_: &mut Value, _: &[String]| {};
    assert_eq!(misplaced("game-one", "guild-9", nothing).await, "");
    assert_eq!(misplaced("game-one", "default", nothing).await, "", "a store without tenants");
    let reason = misplaced("game-two", "guild-9", nothing).await;
    assert!(reason.contains("belongs to game `one`, its stream to `two`"), "{reason}");
    let reason = misplaced("game-one", "guild-8", nothing).await;
    assert!(reason.contains("belongs to guild `guild-9`, its tenant is `guild-8`"), "{reason}");
}

#[tokio::test]
async fn a_cause_in_the_base_fields_comes_before_its_effect() {
    let cause = |at: usize| {
        move |data: &mut Value, ids: &[String]| data["metadata"]["causation_id"] = json!(ids[at])
    };
    assert_eq!(misplaced("game-one", "guild-9", cause(0)).await, "");
    let reason = misplaced("game-one", "guild-9", cause(1)).await;
    assert!(reason.contains("names itself as its cause"), "{reason}");
    let reason = misplaced("game-one", "guild-9", cause(4)).await;
    assert!(reason.contains("version 2 names it as its cause, and comes before it"), "{reason}");
}
