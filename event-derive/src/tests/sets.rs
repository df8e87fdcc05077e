//! Sets: the keys of an enum, its variants and their keys.

use super::check;

const ONE_EVENT: &str =
    "each variant of an event set holds exactly one event, like `Started(GameStarted)`";

#[test]
fn a_set_of_events_is_accepted() {
    check("enum Set { A(GameStarted), B(old::GameEnded) }", &[]);
    check("#[event(crate = inner)] enum Set { #[event(other)] Other(RecordedEvent), A(A) }", &[]);
}

#[test]
fn keys_of_a_struct_are_rejected_on_an_enum() {
    let message =
        "an enum is a set of events; put `type` and `version` on the structs its variants hold";
    check("#[event(type = \"x\", version = 1)] enum Set { Y { a: u8 } }", &[(message, "type")]);
    check("#[event(version = 1)] enum Set { A(A) }", &[(message, "version")]);
    check(
        "#[event(from = V1)] enum Set { A(A) }",
        &[("an enum is a set of events; put `from` on the structs its variants hold", "from")],
    );
}

#[test]
fn an_enum_takes_only_crate() {
    check(
        "#[event(other)] enum Set { A(A) }",
        &[("unknown key `other`; expected `crate`", "other")],
    );
    check(
        "#[event(crat = inner)] enum Set { A(A) }",
        &[("unknown key `crat`; did you mean `crate`?", "crat")],
    );
    check("#[event] enum Set { A(A) }", &[("expected `#[event(crate = path)]`", "event")]);
}

#[test]
fn a_variant_holds_one_event() {
    for variant in ["Y { a: u8 }", "Z", "W(A, B)"] {
        check(&format!("enum Set {{ {variant} }}"), &[(ONE_EVENT, variant)]);
    }
    check(
        "enum Set { A(GameStarted), B(GameStarted) }",
        &[("`GameStarted` is held by two variants of this event set", "GameStarted")],
    );
}

#[test]
fn a_variant_takes_only_other() {
    check(
        "enum Set { #[event(type = \"x\", version = 1)] Started(GameStarted) }",
        &[("a variant takes only `other`; `type` and `version` belong on `GameStarted`", "type")],
    );
    check(
        "enum Set { #[event(from = V1)] Started(GameStarted) }",
        &[("a variant takes only `other`; `from` belongs on `GameStarted`", "from")],
    );
    check(
        "enum Set { #[event(colour = 1)] Started(GameStarted) }",
        &[("unknown key `colour`; expected `other`", "colour")],
    );
    check(
        "enum Set { #[event(othr)] Other(RecordedEvent) }",
        &[("unknown key `othr`; did you mean `other`?", "othr")],
    );
    check(
        "enum Set { A(#[event(type = \"x\")] A) }",
        &[("`#[event(other)]` belongs on the variant; its field takes no keys", "event")],
    );
}

#[test]
fn at_most_one_variant_holds_all_other_events() {
    check(
        "enum Set { #[event(other)] A(RecordedEvent), #[event(other)] B(RecordedEvent) }",
        &[("only one variant can be `other`", "other")],
    );
    check(
        "enum Set { #[event(other)] Other }",
        &[(
            "the `other` variant holds exactly one `RecordedEvent`, like `Other(RecordedEvent)`",
            "Other",
        )],
    );
    check(
        "enum Set { #[event(other = true)] Other(RecordedEvent) }",
        &[("expected `#[event(other)]`, without a value", "other")],
    );
    check("enum Set { #[event] A(A) }", &[("expected `#[event(other)]`", "event")]);
}

#[test]
fn a_set_is_concrete_and_not_empty() {
    check("enum Set {}", &[("an event set needs at least one variant", "Set")]);
    check(
        "enum Set<T> { A(T) }",
        &[("an event set cannot be generic; make one struct per concrete payload", "<T>")],
    );
}
