//! The catalogue of registered events: JSON Schemas checked with a validator, Markdown, the migration graph.

use std::fs;
use std::path::Path;

use boon::{Compiler, Schemas};
use event_core::error::with_causes;
use event_core::registry::Registration;
use event_core::{
    Event, EventStore, EventVersion, Filter, Keys, RecordedEvent, Registry, Shape, View,
};
use event_testing::{arbitrary_payload, stored};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A square of the board.
#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
#[serde(tag = "kind", content = "at", rename_all = "snake_case")]
enum Spot {
    Corner,
    Edge(u8),
    Inside { row: u8, column: u8 },
}

/// A recursive type.
#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Plan {
    spot: Spot,
    next: Vec<Plan>,
    fallback: Option<Box<Plan>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "catalogue.moved", version = 1, alias = "catalogue.shifted")]
struct MovedV1 {
    by: String,
}

/// A move was made.
///
/// With its plan.
#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "catalogue.moved", version = 2, from = MovedV1)]
struct Moved {
    by: String,
    #[serde(default, rename = "plan/of~moves")]
    plan: Option<Plan>,
    #[serde(flatten)]
    place: Place,
    #[serde(default)]
    tags: std::collections::BTreeSet<String>,
    weight: (i8, f64),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Place {
    #[serde(alias = "seat")]
    chair: Option<u16>,
    letter: char,
}

impl From<MovedV1> for Moved {
    fn from(old: MovedV1) -> Self {
        let place = Place { chair: None, letter: '-' };
        Self { by: old.by, plan: None, place, tags: [].into(), weight: (0, 0.0) }
    }
}

fn registry() -> Registry {
    Registry::builder().event::<MovedV1>().event::<Moved>().build().unwrap()
}

#[track_caller]
fn validate(schema: &Value, payload: &Value) -> Result<(), String> {
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    let id = schema["$id"].as_str().unwrap().to_owned();
    compiler.add_resource(&id, schema.clone()).unwrap();
    let schema = match compiler.compile(&id, &mut schemas) {
        Ok(index) => index,
        Err(error) => panic!("{error:#}\n{id}"),
    };
    schemas.validate(payload, schema).map_err(|error| format!("{error:#}"))
}

#[test]
fn golden_payloads_of_the_game_are_valid_against_their_schemas() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../game-events/fixtures");
    let catalogue = Registry::global().unwrap().catalogue().of_crate("game-events");
    let mut checked = 0;
    for (event_type, version, schema) in catalogue.json_schemas() {
        let file = folder.join(format!("{event_type}.{version}.json"));
        let payload = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(validate(&schema, &payload), Ok(()), "{event_type} {version}");
        assert!(validate(&schema, &json!({})).is_err(), "{event_type} {version} requires its keys");
        checked += 1;
    }
    assert_eq!(checked, 8);
}

#[test]
fn random_payloads_are_valid_against_the_schema_and_deserialize() {
    let (_, _, schema) =
        registry().catalogue().json_schemas().last().map(|(a, b, c)| (a.to_owned(), b, c)).unwrap();
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let payload = arbitrary_payload(&Registration::of::<Moved>(), &mut rng).unwrap();
        assert_eq!(validate(&schema, &payload), Ok(()), "{payload}");
        serde_json::from_value::<Moved>(payload.clone())
            .unwrap_or_else(|e| panic!("{e}: {payload}"));
    }
}

#[test]
fn a_payload_that_does_not_deserialize_is_invalid_against_the_schema() {
    let catalogue = registry().catalogue();
    let (_, _, schema) = catalogue.json_schemas().last().unwrap();
    let good = json!({ "by": "ann", "letter": "x", "weight": [1, 2.5] });
    assert_eq!(validate(&schema, &good), Ok(()));
    for (path, wrong) in [
        ("/by", json!(7)),
        ("/letter", json!("xy")),
        ("/weight", json!([1])),
        ("/weight/0", json!(200)),
    ] {
        let mut payload = good.clone();
        *payload.pointer_mut(path).unwrap() = wrong;
        assert!(validate(&schema, &payload).is_err(), "{payload}");
        assert!(serde_json::from_value::<Moved>(payload).is_err());
    }
    let mut deep = good;
    deep["plan/of~moves"] = json!({ "spot": { "kind": "corner" }, "next": [{ "spot": { "kind": "nowhere" }, "next": [] }] });
    assert!(validate(&schema, &deep).is_err(), "nested plans are validated");
    assert!(serde_json::from_value::<Moved>(deep).is_err());
}

#[test]
fn the_catalogue_contains_aliases_docs_origins_and_migrations() {
    let catalogue = registry().catalogue();
    let entry = &catalogue.types[0];
    assert_eq!(
        (entry.event_type.as_str(), entry.aliases.as_slice()),
        ("catalogue.moved", &["catalogue.shifted".to_owned()][..])
    );
    let latest = entry.versions.last().unwrap();
    assert_eq!(latest.docs, "A move was made.\n\nWith its plan.");
    assert!(latest.origin.file.ends_with("catalogue.rs") && latest.origin.line > 0);
    assert_eq!(
        (entry.migrations[0].from, entry.migrations[0].to),
        (EventVersion::new(1), EventVersion::new(2))
    );
    assert_eq!(
        catalogue.to_mermaid(),
        "flowchart LR\n    subgraph catalogue.moved\n        catalogue__moved_v1[v1]\n        catalogue__moved_v2[v2]\n        catalogue__moved_v1 --> catalogue__moved_v2\n    end\n"
    );
    let markdown = catalogue.to_markdown();
    for text in [
        "| [`catalogue.moved`](#catalogue.moved) | v1, v2 | A move was made. |",
        "Formerly stored as `catalogue.shifted`.",
        "| `\"plan/of~moves\".next` | list of `\"plan/of~moves\"` again |",
        "| `\"plan/of~moves\".spot` | enum tagged `kind`, content `at` |",
        "| `chair` | option u16, also `seat` |",
        "- v1 → v2, by `suite::catalogue::Moved`",
    ] {
        assert!(markdown.contains(text), "{markdown}\ncontains {text}");
    }
}

#[test]
fn an_event_stored_under_an_alias_decodes_as_the_current_type() {
    stored::<Moved>(1, json!({ "by": "ann" })).reads_as(&MovedV1 { by: "ann".into() }.into());
    let registry = registry();
    let names: Vec<_> = registry.stored_names("catalogue.moved").collect();
    assert_eq!(names, ["catalogue.moved", "catalogue.shifted"]);
    let data = serde_json::value::to_raw_value(&json!({ "by": "ann" })).unwrap();
    let event = registry.decode("catalogue.shifted", EventVersion::FIRST, &data).unwrap();
    assert_eq!((event.event_type(), event.event_version().get()), ("catalogue.moved", 2));
}

/// The moves that were made, in a program that knows the type by its former name or by its current one.
macro_rules! moves {
    ($view:ident, $name:literal) => {
        #[derive(Debug, Default, Serialize, Deserialize)]
        struct $view;

        impl View for $view {
            type Event = Move;
            const NAME: &'static str = "moves";

            fn filter() -> Filter {
                Filter::all().event_types([$name])
            }

            fn keys(_: &Move, _: &RecordedEvent) -> Keys {
                Keys::one("moves")
            }

            fn fold(&mut self, _: &Move, _: &RecordedEvent) {}
        }
    };
}

#[derive(Event)]
enum Move {
    Moved(#[allow(dead_code, reason = "the view counts nothing")] Moved),
}

moves!(Before, "catalogue.shifted");
moves!(Since, "catalogue.moved");
moves!(Other, "catalogue.rested");

#[tokio::test]
async fn a_view_of_a_renamed_type_is_the_same_view() {
    let store = EventStore::in_memory().unwrap();
    store.view::<Before>().catch_up().await.unwrap();
    store.view::<Since>().catch_up().await.unwrap();
    store.view::<Since>().get("moves").await.unwrap();
    let refused = store.view::<Other>().catch_up().await.unwrap_err();
    assert!(with_causes(&refused).contains("raise `VERSION`"), "{refused:?}");
}
