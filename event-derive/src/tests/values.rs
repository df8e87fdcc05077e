//! Values: type strings, versions, types and paths.

use super::check_struct;

const LOWER_CASE_WORDS: &str =
    "type strings are lower-case words joined by `.` or `_`, like \"game.started\"";

#[track_caller]
fn check_type(value: &str, message: &str) {
    check_struct(&format!("event(type = {value}, version = 1)"), &[(message, value)]);
}

#[track_caller]
fn check_version(value: &str, message: &str, under: &str) {
    check_struct(&format!("event(type = \"x\", version = {value})"), &[(message, under)]);
}

#[test]
fn a_type_string_is_a_string_literal() {
    check_type("x", "expected a string, write `type = \"x\"`");
    check_type("7", "expected a string, write `type = \"...\"`");
    check_type("b\"x\"", "expected a string, write `type = \"...\"`");
    check_struct(
        "event(type = game.started, version = 1)",
        &[("expected a string, write `type = \"game.started\"`", "game")],
    );
    check_struct(
        "event(type = concat!(\"a\", \"b\"), version = 1)",
        &[("expected a string, write `type = \"...\"`", "concat")],
    );
}

#[test]
fn a_type_string_consists_of_lower_case_words() {
    for text in
        ["Game Started", "game.Started", ".game", "game..started", "game_", "1st", "spiel-ende"]
    {
        check_type(&format!("\"{text}\""), LOWER_CASE_WORDS);
    }
    for text in ["game.started", "card_drawn", "a1.b2_c3", "v2", "r.v", "serve2"] {
        check_struct(&format!("event(type = \"{text}\", version = 1)"), &[]);
    }
}

#[test]
fn a_type_string_contains_no_version() {
    let message = "the version is not part of the type string; use `version = 2`";
    check_type("\"game.started.v2\"", message);
    check_type("\"game_started_v2\"", message);
}

#[test]
fn a_type_string_has_1_to_128_bytes() {
    check_type("\"\"", "type string is empty");
    check_type(&format!("\"{}\"", "a".repeat(129)), "type string is longer than 128 bytes");
    check_struct(&format!("event(type = \"{}\", version = 1)", "a".repeat(128)), &[]);
}

#[test]
fn a_version_is_an_integer_literal() {
    check_version("\"1\"", "expected an integer, write `version = 1`", "\"1\"");
    check_version("\"3\"", "expected an integer, write `version = 3`", "\"3\"");
    check_version("1.0", "expected an integer, write `version = 1`", "1.0");
    let constant = "expected an integer literal; a constant cannot be checked by the derive";
    check_version("VERSION", constant, "VERSION");
    check_version("consts::VERSION", constant, "consts");
}

#[test]
fn a_version_is_positive_and_fits_a_signed_32_bit_column() {
    check_version("0", "versions start at 1", "0");
    check_version("-1", "versions start at 1", "-");
    check_version("99999999999", "version does not fit in u32", "99999999999");
    check_version("2147483648", "versions end at 2147483647", "2147483648");
}

#[test]
fn a_version_has_no_suffix_prefix_or_underscore() {
    check_version("1u64", "write the version as a plain number: `1`", "1u64");
    check_version("0x1", "write the version as a plain number: `1`", "0x1");
    check_version("1_000", "write the version as a plain number: `1000`", "1_000");
}

#[test]
fn a_predecessor_is_a_type() {
    let attribute = |value| format!("event(type = \"x\", version = 2, from = {value})");
    check_struct(&attribute("\"V1\""), &[("expected a type, write `from = V1`", "\"V1\"")]);
    check_struct(
        &attribute("1"),
        &[("expected a type; a number goes with `migrate(from = 1, with = path)`", "1")],
    );
    check_struct(&attribute("= V1"), &[("expected a type, write `from = PreviousVersion`", "=")]);
    check_struct(&attribute("old::Wrapped<A, B>"), &[]);
}

#[test]
fn a_path_has_no_quotes() {
    let attribute = |entry| format!("event(type = \"x\", version = 1, {entry})");
    check_struct(
        &attribute("crate = \"event_core\""),
        &[("expected a path, write `crate = event_core`", "\"event_core\"")],
    );
    check_struct(
        &attribute("validate = \"check\""),
        &[("expected a path, write `validate = check`", "\"check\"")],
    );
    check_struct(
        &attribute("validate = |event, now| Ok(())"),
        &[("expected a path, write `validate = path`", "|")],
    );
    check_struct(&attribute("validate = Self::check, crate = crate::inner"), &[]);
}
