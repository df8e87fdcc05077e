//! Takes one event through three versions, in the order in which a team would write them. The comments quote the errors of
//! the compiler and of `events.lock` for each forgotten step; `tests/ui` has a case for every compiler error.
//!
//! ```sh
//! cargo run -p game-events --example evolution
//! ```

#![allow(clippy::print_stdout, reason = "an example prints its results")]

use event_core::{Event, EventStore, ExpectedVersion, ReadOptions, Shape, StreamId};
use event_testing::stored;
use serde::{Deserialize, Serialize};
use serde_json::json;

// Day 1: a team gets a hint. `events.lock` records `team_id: string` and `letters: u8`.

/// A team got a hint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "hint_given", version = 1, readonly)]
struct HintGivenV1 {
    team_id: String,
    letters: u8,
}

// Day 100: a hint may cost points. Adding the field to the struct above fails the test of the lock:
//
//     the shape of hint_given v1 changed (…):
//       + cost: Points(i64)
//     stored events keep the locked shape. Undo the change, or make it the next version: …
//
// The message also contains a draft of version 2. With `version = 2` and nothing else the compiler reports:
//
//     error: version 2 needs `from = …` naming the struct of version 1, or `since = 2` if version 1 was never stored
//
// With `from = HintGivenV1` but without the `impl From`:
//
//     error[E0277]: no migration from `HintGivenV1` to `HintGivenV2`

/// Points in the game. The name of a newtype is part of the shape, so points cannot become seconds unnoticed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Shape)]
struct Points(i64);

/// A team got a hint at a price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "hint_given", version = 2, from = HintGivenV1, readonly)]
struct HintGivenV2 {
    team_id: String,
    letters: u8,
    cost: Points,
}

impl From<HintGivenV1> for HintGivenV2 {
    fn from(old: HintGivenV1) -> Self {
        // Hints were free.
        Self { team_id: old.team_id, letters: old.letters, cost: Points(0) }
    }
}

// Day 200: the hint keeps the letters themselves. If version 3 migrates from version 1, the compiler reports:
//
//     error[E0080]: evaluation panicked: event `hint_given` version 3 migrates from version 1, expected version 2
//
// Removing `HintGivenV2`, which no code appends any more, fails the test of the lock:
//
//     hint_given v2 is locked, but no longer defined: stored events of it could not be read. Restore the struct, add
//     `migrate(from = 2, with = path)` to the next version, or, if no store holds it, write
//     `retired hint_given v2: <reason>` before `end`

/// A team got these letters as a hint, at a price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "hint_given", version = 3, from = HintGivenV2)]
struct HintGiven {
    team_id: String,
    letters: Letters,
    cost: Points,
}

/// The letters of a hint. For old hints only their number is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
#[serde(rename_all = "snake_case")]
enum Letters {
    Known(String),
    Counted(u8),
}

impl From<HintGivenV2> for HintGiven {
    fn from(old: HintGivenV2) -> Self {
        Self { team_id: old.team_id, letters: Letters::Counted(old.letters), cost: old.cost }
    }
}

// The closed set contains the latest version only. A `match` without the variant does not compile:
//
//     error[E0004]: non-exhaustive patterns: `TeamEvent::Hint(_)` not covered

/// Any event of a team.
#[derive(Debug, PartialEq, Event)]
enum TeamEvent {
    Hint(HintGiven),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> event_core::Result<()> {
    let store = EventStore::in_memory()?;
    let team = StreamId::new("team-red")?;
    // Binaries of the first 200 days stored these versions; this binary refuses to append them.
    let refused = store
        .append(&team, ExpectedVersion::Any, [HintGivenV1 { team_id: "red".into(), letters: 2 }])
        .await;
    println!("{}", refused.expect_err("version 1 is read-only"));
    let old = [
        (1, json!({ "team_id": "red", "letters": 2 })),
        (2, json!({ "team_id": "red", "letters": 1, "cost": 5 })),
    ];
    let old = old.map(|(version, data)| {
        let data =
            serde_json::value::to_raw_value(&data).expect("a JSON value can be written as text");
        event_core::NewEvent::raw("hint_given", event_core::EventVersion::new(version), data)
    });
    store.append(&team, ExpectedVersion::NoStream, old).await?;
    let letters = Letters::Known("su".into());
    let new = HintGiven { team_id: "red".into(), letters, cost: Points(3) };
    store.append(&team, ExpectedVersion::StreamExists, [new]).await?;

    for event in store.read_stream(&team, ReadOptions::forward()).await? {
        let TeamEvent::Hint(hint) = TeamEvent::try_from(&event)?;
        println!("stored as {}, read as {hint:?}", event.event_version());
    }
    // The same migration in a unit test, without a store.
    stored::<HintGiven>(1, json!({ "team_id": "red", "letters": 2 })).reads_as(&HintGiven {
        team_id: "red".into(),
        letters: Letters::Counted(2),
        cost: Points(0),
    });
    Ok(())
}
