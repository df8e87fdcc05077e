//! The optional keys: shortcuts, aliases, flags and pins.

use super::{check, check_struct};

#[track_caller]
fn check_keys(keys: &str, expected: &[(&str, &str)]) {
    check_struct(&format!("event(type = \"x\", version = 3, from = V2, {keys})"), expected);
}

#[test]
fn optional_keys_are_accepted() {
    check_keys(
        "also_from(V1, old::V0), alias = \"old.name\", alias = \"older\", readonly, register = false",
        &[],
    );
}

#[test]
fn shortcuts_are_types_other_than_the_source_of_the_chain() {
    let form = "expected `also_from(OlderVersion, ...)`";
    for keys in ["also_from", "also_from = V1", "also_from()"] {
        check_keys(keys, &[(form, "also_from")]);
    }
    check_keys("also_from(\"V1\")", &[(form, "\"V1\"")]);
    check_keys("also_from(V1 V0)", &[(form, "V0")]);
    check_keys("also_from(V1), also_from(V0)", &[("duplicate key `also_from`", "also_from")]);
    check_keys("also_from(V2)", &[("`from = V2` is this step already; remove it here", "V2")]);
    let twice = "duplicate source: `V1` is listed twice in `also_from`";
    check_keys("also_from(V1, V1)", &[(twice, "V1")]);
    check_struct(
        "event(type = \"x\", version = 1, also_from(V0))",
        &[("version 1 is the first; remove `also_from`", "also_from")],
    );
    check_keys(
        "also_form(V1)",
        &[("unknown key `also_form`; did you mean `also_from`?", "also_form")],
    );
}

#[test]
fn an_alias_is_a_type_string_of_its_own_and_occurs_once() {
    check_keys("alias", &[("expected `alias = \"...\"`", "alias")]);
    check_keys("alias = old", &[("expected a string, write `alias = \"old\"`", "old")]);
    let words = "type strings are lower-case words joined by `.` or `_`, like \"game.started\"";
    check_keys("alias = \"Old\"", &[(words, "\"Old\"")]);
    let itself = "`x` is the type itself; an alias is a former name";
    check_keys("alias = \"x\"", &[(itself, "\"x\"")]);
    check_keys("alias = \"a\", alias = \"a\"", &[("duplicate alias `a`", "\"a\"")]);
}

#[test]
fn readonly_takes_no_value_and_register_takes_a_boolean() {
    check_keys("readonly = true", &[("expected `readonly`, without a value", "readonly")]);
    check_keys("readonly(1)", &[("expected `readonly`, without a value", "readonly")]);
    check_keys("readonly, readonly", &[("duplicate key `readonly`", "readonly")]);
    check_keys("readonly register = false", &[("expected `,`", "register")]);
    check_keys("register", &[("expected `register = false`", "register")]);
    let switch = "expected `true` or `false`, write `register = false`";
    check_keys("register = 0", &[(switch, "0")]);
    check_keys("register = \"false\"", &[(switch, "\"false\"")]);
}

#[test]
fn a_pin_covers_fields_and_types_but_not_order_docs_or_spaces() {
    let pinned = |pin: &str, body: &str| {
        format!("#[event(type = \"x\", version = 1, shape = {pin})] struct A {body}")
    };
    let reported = super::mistakes(&pinned("0x0", "{ a: u8, b: Vec<Option<String>> }"));
    assert_eq!(reported.len(), 1, "{reported:?}");
    let (message, under) = reported[0];
    assert_eq!(under, "0x0");
    let found = message
        .strip_prefix("shape of `x` version 1 is ")
        .and_then(|rest| rest.split_once(", pinned 0x0000000000000000; bump the version"))
        .map(|(found, _)| found);
    let found = found.expect("the message contains the number of the shape");
    for same in [
        "{ a: u8, b: Vec<Option<String>> }",
        "{ b: Vec < Option < String > >, a: u8 }",
        "{ /** Words. */ a: u8, pub b: Vec<Option<String>> }",
        "{ #[serde(rename = \"a\")] first: u8, b: Vec<Option<String>> }",
    ] {
        check(&pinned(found, same), &[]);
    }
    for other in [
        "{ a: u16, b: Vec<Option<String>> }",
        "{ a: u8 }",
        "{ a: u8, #[serde(default)] b: Vec<Option<String>> }",
        "(u8, Vec<Option<String>>);",
    ] {
        assert_eq!(super::mistakes(&pinned(found, other)).len(), 1, "{other}");
    }
    let form = "expected the shape's number, write `shape = 0x0` and the compiler reports it";
    check(&pinned("\"0x0\"", ";"), &[(form, "\"0x0\"")]);
    check(&pinned("0u64", ";"), &[(form, "0u64")]);
}

#[test]
fn a_shape_is_derived_for_any_type_but_a_union() {
    let report = |item: &str| {
        let item: syn::DeriveInput = syn::parse_str(item).unwrap();
        crate::shape_of(&item).to_string()
    };
    assert!(!report("struct Page<T> { items: Vec<T> }").contains("compile_error"));
    assert!(report("union A { a: u8 }").contains("unions have no shape"));
    assert!(report("#[event(type = \"x\")] struct A;").contains("expected `crate`"));
}
