//! One event through three versions, in the order in which a team would write them, with what the compiler and the
//! lock say at each step that is forgotten. The words are the compiler's own: each stands as a case in `tests/ui`.
//!
//! ```sh
//! cargo run -p game-events --example evolution
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use event_core::{Event, EventStore, ExpectedVersion, ReadOptions, Shape, StreamId};
use event_testing::stored;
use serde::{Deserialize, Serialize};
use serde_json::json;

// Day 1. A hint is given to a team. The lock writes down `team_id: string` and `letters: u8`.

/// A hint was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "hint_given", version = 1, readonly)]
struct HintGivenV1 {
    team_id: String,
    letters: u8,
}

// Day 100. A hint may cost points. Whoever adds the field to the struct above is told by the test of the lock:
//
//     the shape of hint_given v1 changed (…):
//       + cost: Points(i64)
//     what is stored keeps the locked shape. Undo the change, or make it the next version: …
//
// and finds the beginning of version 2 below it. Whoever writes `version = 2` and nothing else is told by the compiler:
//
//     error: version 2 needs `from = …` naming the struct of version 1, or `since = 2` if version 1 was never stored
//
// and whoever writes `from = HintGivenV1` without the `impl From`:
//
//     error[E0277]: no migration from `HintGivenV1` to `HintGivenV2`

/// Points of the game. A newtype: that they are not seconds is part of the shape.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Shape)]
struct Points(i64);

/// A hint was given, at a price.
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

// Day 200. The letters themselves are kept. Whoever lets version 3 begin at version 1 is told:
//
//     error[E0080]: evaluation panicked: event `hint_given` version 3 migrates from version 1, expected version 2
//
// and whoever removes `HintGivenV2`, because nothing appends it any more, by the test of the lock:
//
//     hint_given v2 is locked and gone: stored events of it could not be read. Bring the struct back, add
//     `migrate(from = 2, with = path)` to the next version, or, if no store holds it, write
//     `retired hint_given v2: <reason>` before `end`

/// A hint was given: these letters, at a price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "hint_given", version = 3, from = HintGivenV2)]
struct HintGiven {
    team_id: String,
    letters: Letters,
    cost: Points,
}

/// What was shown. Of old hints only the number of letters is known.
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

// The game's set holds the latest version only. A `match` that forgets it does not compile:
//
//     error[E0004]: non-exhaustive patterns: `TeamEvent::Hint(_)` not covered

/// What happens to a team.
#[derive(Debug, PartialEq, Event)]
enum TeamEvent {
    Hint(HintGiven),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> event_core::Result<()> {
    let store = EventStore::in_memory()?;
    let team = StreamId::new("team-red")?;
    // What the binaries of the first 200 days stored; this one refuses to append it.
    let refused = store
        .append(&team, ExpectedVersion::Any, [HintGivenV1 { team_id: "red".into(), letters: 2 }])
        .await;
    println!("{}", refused.expect_err("version 1 is read-only"));
    let old = [
        (1, json!({ "team_id": "red", "letters": 2 })),
        (2, json!({ "team_id": "red", "letters": 1, "cost": 5 })),
    ];
    let old = old.map(|(version, data)| {
        let data = serde_json::value::to_raw_value(&data).expect("JSON is JSON");
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
    // The same without a store, as a test would tell it.
    stored::<HintGiven>(1, json!({ "team_id": "red", "letters": 2 })).reads_as(&HintGiven {
        team_id: "red".into(),
        letters: Letters::Counted(2),
        cost: Points(0),
    });
    Ok(())
}
