//! Keys that are missing, duplicate, unknown or misplaced, and entries without a key.

use super::{check, check_struct};

const KEYS: &str = "unknown key `colour`; expected one of `type`, `version`, `from`, `since`, \
                    `also_from`, `migrate`, `alias`, `validate`, `readonly`, `register`, `shape`, \
                    `crate`";

#[test]
fn a_struct_needs_an_attribute_with_a_list() {
    check(
        "struct GameStarted;",
        &[("missing `#[event(type = \"...\", version = ...)]` on `GameStarted`", "GameStarted")],
    );
    check_struct("event", &[("expected `#[event(type = \"...\", version = ...)]`", "event")]);
    check_struct("event = \"x\"", &[("expected `#[event(type = \"x\", version = ...)]`", "=")]);
}

#[test]
fn type_and_version_are_required() {
    let no_type = "missing `type = \"...\"`";
    let no_version = "missing `version = ...`; a new event starts at `version = 1`";
    check_struct("event()", &[(no_type, "event()"), (no_version, "event()")]);
    check_struct("event(version = 1)", &[(no_type, "event(version = 1)")]);
    check_struct("event(type = \"x\")", &[(no_version, "event(type = \"x\")")]);
}

#[test]
fn the_table_of_keys_is_complete_and_shown_in_the_readme() {
    let table = include_str!("../grammar.md");
    let (_, known) = KEYS.split_once("expected one of ").unwrap();
    for key in known.split(", ") {
        let cell = format!("| {key} |");
        let mut rows = table.lines().filter(|row| row.starts_with("| struct"));
        assert!(rows.any(|row| row.contains(&cell)), "{key} has no row");
    }
    assert!(include_str!("../../README.md").contains(table), "the README shows another table");
}

#[test]
fn several_attributes_count_as_one() {
    check("#[event(type = \"x\")] #[event(version = 1)] struct A;", &[]);
    check(
        "#[event(type = \"x\", version = 1)] #[event(type = \"y\")] struct A;",
        &[("duplicate key `type`", "type")],
    );
}

#[test]
fn a_key_occurs_once() {
    check_struct(
        "event(type = \"x\", type = \"y\", version = 1)",
        &[("duplicate key `type`", "type")],
    );
}

#[test]
fn an_unknown_key_is_reported_with_the_known_ones() {
    check_struct("event(type = \"x\", colour = 1, version = 1)", &[(KEYS, "colour")]);
    check_struct("event(type = \"x\", version = 1, colour(a, b))", &[(KEYS, "colour")]);
    check_struct(
        "event(type = \"x\", colour = Map<A, B>, version = 0)",
        &[(KEYS, "colour"), ("versions start at 1", "0")],
    );
}

#[test]
fn a_misspelled_key_is_reported_and_not_called_missing_too() {
    check_struct(
        "event(type = \"x\", verison = 1)",
        &[("unknown key `verison`; did you mean `version`?", "verison")],
    );
    check_struct(
        "event(type = \"x\", version = 2, form = V1)",
        &[("unknown key `form`; did you mean `from`?", "form")],
    );
    check_struct(
        "event(tpye = \"x\", version = 1)",
        &[("unknown key `tpye`; did you mean `type`?", "tpye")],
    );
}

#[test]
fn a_string_without_a_key_is_taken_for_the_type() {
    check_struct(
        "event(\"x\", version = 1)",
        &[("expected a key, found a string; write `type = \"x\"`", "\"x\"")],
    );
    check_struct("event(type = \"x\", version = 1, 7)", &[("expected a key, found `7`", "7")]);
    check_struct("event(type = \"x\",, version = 1)", &[("expected a key, found `,`", ",")]);
}

#[test]
fn entries_are_separated_by_commas() {
    check_struct("event(type = \"x\" version = 1)", &[("expected `,`", "version")]);
    check_struct("event(type = \"x\" \"y\", version = 1)", &[("expected `,`", "\"y\"")]);
    check_struct("event(type = \"x\", version = 1,)", &[]);
}

#[test]
fn a_key_without_a_value_is_reported_with_its_form() {
    for (entry, form) in [
        ("from", "from = PreviousVersion"),
        ("since", "since = 2"),
        ("validate", "validate = path"),
        ("crate", "crate = path"),
        ("migrate", "migrate(from = 1, with = path)"),
    ] {
        let attribute = format!("event(type = \"x\", version = 2, since = 2, {entry})");
        let attribute = match entry {
            "since" => "event(type = \"x\", version = 2, since)".to_owned(),
            _ => attribute,
        };
        check_struct(&attribute, &[(&format!("expected `{form}`"), entry)]);
    }
    check_struct("event(type, version = 1)", &[("expected `type = \"...\"`", "type")]);
    check_struct("event(type = \"x\", version)", &[("expected `version = 1`", "version")]);
    check_struct("event(type = \"x\", version(1))", &[("expected `version = 1`", "version")]);
}

#[test]
fn a_field_takes_only_shape_and_opaque() {
    let field = |attribute: &str| {
        format!("#[event(type = \"x\", version = 1)] struct A {{ #[{attribute}] b: u8 }}")
    };
    check(&field("event(shape = \"list of u8\")"), &[]);
    check(&field("event(opaque)"), &[]);
    let misplaced = "`type` belongs on the struct; a field takes `shape` or `opaque`";
    check(&field("event(type = \"y\")"), &[(misplaced, "type")]);
    let unknown = "unknown key `colour`; expected one of `shape`, `sample`, `opaque`";
    check(&field("event(colour)"), &[(unknown, "colour")]);
    let near = "unknown key `opaq`; did you mean `opaque`?";
    check(&field("event(opaq)"), &[(near, "opaq")]);
    check(&field("event"), &[("expected `#[event(shape = \"...\")]`", "event")]);
    check(&field("event(shape)"), &[("expected `shape = \"...\"`", "shape")]);
    check(&field("event(shape = 7)"), &[("expected a string, write `shape = \"...\"`", "7")]);
    let empty = "the text of a shape is one line, like \"uuid\"";
    check(&field("event(shape = \" \")"), &[(empty, "\" \"")]);
    check(&field("event(opaque = true)"), &[("expected `opaque`, without a value", "opaque")]);
    check(&field("event(opaque, opaque)"), &[("duplicate key `opaque`", "opaque")]);
    check(
        &field("event(opaque, shape = \"u8\")"),
        &[("`opaque` says that the shape is left out; remove it or `shape`", "opaque")],
    );
}

#[test]
fn an_event_is_a_concrete_struct() {
    check("union A { a: u8 }", &[("unions cannot be events", "union")]);
    let generic = "an event cannot be generic; make one struct per concrete payload";
    for parameters in ["<T>", "<const N: usize>", "<'a, T>"] {
        check(
            &format!("#[event(type = \"x\", version = 1)] struct A{parameters} {{ a: u8 }}"),
            &[(generic, parameters)],
        );
    }
    check(
        "#[event(type = \"x\", version = 1)] struct A<'a> { a: &'a str }",
        &[("an event owns its data; replace `'a` by owned types", "<'a>")],
    );
}

#[test]
fn all_mistakes_are_reported_in_source_order() {
    check_struct(
        "event(type = \"Game Started\", version = \"1\", colour = 1)",
        &[
            (
                "type strings are lower-case words joined by `.` or `_`, like \"game.started\"",
                "\"Game Started\"",
            ),
            ("expected an integer, write `version = 1`", "\"1\""),
            (KEYS, "colour"),
        ],
    );
}
