//! Histories: `from`, `since` and `migrate` together.

use super::check_struct;

#[track_caller]
fn check(keys: &str, expected: &[(&str, &str)]) {
    check_struct(&format!("event(type = \"x\", {keys})"), expected);
}

#[test]
fn histories_without_a_gap_are_accepted() {
    for keys in [
        "version = 1",
        "version = 1, since = 1",
        "version = 3, since = 3",
        "version = 3, from = V2",
        "version = 3, since = 2, from = V2",
        "version = 2, migrate(from = 1, with = f)",
        "version = 3, migrate(from = 2, with = g), migrate(from = 1, with = f)",
        "version = 3, migrate(from = 1, to = 3, with = f), migrate(from = 2, with = g)",
        "version = 3, since = 2, migrate(from = 2, with = g)",
        "version = 3, migrate(from = V2, with = g)",
        "version = 4, migrate(from = 3, with = g), migrate(from = old::V2, to = 3, with = Self::f)",
    ] {
        check(keys, &[]);
    }
}

#[test]
fn the_first_version_has_no_predecessor() {
    check("version = 1, from = V0", &[("version 1 is the first; remove `from`", "from = V0")]);
    check(
        "version = 1, migrate(from = 1, with = f)",
        &[("version 1 is the first; remove `migrate`", "migrate(from = 1, with = f)")],
    );
}

#[test]
fn a_later_version_needs_a_predecessor_or_since() {
    check(
        "version = 2",
        &[(
            "version 2 needs `from = …` naming the struct of version 1, or `since = 2` if version 1 \
             was never stored",
            "2",
        )],
    );
    check(
        "version = 4, since = 2",
        &[(
            "version 4 needs `from = …` naming the struct of version 3, or `since = 4` if version 3 \
             was never stored",
            "4",
        )],
    );
}

#[test]
fn no_step_starts_below_since() {
    let gone = "`since = 3` says versions below 3 are gone; remove `from` or lower `since`";
    check("version = 3, since = 3, from = V2", &[(gone, "since = 3")]);
    let gone = "`since = 2` says versions below 2 are gone; remove `migrate` or lower `since`";
    check("version = 2, since = 2, migrate(from = 1, with = f)", &[(gone, "since = 2")]);
    let gone = "`since = 2` says versions below 2 are gone; remove this `migrate` or lower `since`";
    let steps = "migrate(from = 1, with = f), migrate(from = 2, with = g)";
    check(&format!("version = 3, since = 2, {steps}"), &[(gone, "1")]);
    check("since = 4, version = 3", &[("`since` cannot exceed `version`", "4")]);
}

#[test]
fn from_and_migrate_exclude_each_other() {
    check(
        "version = 2, from = V1, migrate(from = 1, with = f)",
        &[(
            "`from` and `migrate` do not go together; a JSON step from that struct is \
             `migrate(from = V1, with = path)`",
            "from = V1",
        )],
    );
}

#[test]
fn each_source_has_one_step() {
    check(
        "version = 2, migrate(from = 1, with = f), migrate(from = 1, to = 2, with = g)",
        &[("duplicate source: version 1 already has a `migrate`", "1")],
    );
    check(
        "version = 2, migrate(from = V1, with = f), migrate(from = V1, with = g)",
        &[("duplicate source: `V1` already has a `migrate`", "V1")],
    );
    check(
        "version = 3, migrate(from = V2, with = f), migrate(from = V1, with = g)",
        &[(
            "only one `migrate` can start from a struct; its own chain covers the versions below",
            "V1",
        )],
    );
}

#[test]
fn a_gap_is_reported_with_the_missing_versions() {
    check(
        "version = 3, migrate(from = 1, with = f)",
        &[("version 3 has no way from version 2; add `migrate(from = 2, with = path)`", "3")],
    );
    check(
        "version = 3, migrate(from = 2, with = f)",
        &[(
            "version 3 has no way from version 1; add `migrate(from = 1, with = path)`, or \
             `since = 2` if version 1 was never stored",
            "3",
        )],
    );
    check(
        "version = 7, since = 2, migrate(from = 2, with = f), migrate(from = 5, with = g)",
        &[
            (
                "version 7 has no way from versions 3 to 4; add `migrate(from = 3, with = path)`",
                "7",
            ),
            ("version 7 has no way from version 6; add `migrate(from = 6, with = path)`", "7"),
        ],
    );
    check(
        "version = 4, migrate(from = V1, with = f), migrate(from = 2, with = g)",
        &[("version 4 has no way from version 3; add `migrate(from = 3, with = path)`", "4")],
    );
}

#[test]
fn a_step_leads_to_a_later_version() {
    check(
        "version = 3, migrate(from = 2, to = 2, with = f)",
        &[("`to` must be above `from`", "2")],
    );
    check(
        "version = 2, migrate(from = 1, to = 3, with = f)",
        &[("`to` cannot exceed `version`", "3")],
    );
    check("version = 2, migrate(from = 2, with = f)", &[("`from` must be below `version`", "2")]);
}

#[test]
fn a_step_needs_a_source_and_a_function() {
    let no_source = "missing `from = ...`, the version the step starts from";
    let no_function = "missing `with = path`, the function of the step";
    check("version = 2, migrate()", &[(no_source, "migrate()"), (no_function, "migrate()")]);
    check(
        "version = 2, migrate(from = 1, wiht = f)",
        &[("unknown key `wiht`; did you mean `with`?", "wiht")],
    );
    check(
        "version = 2, migrate(from = 1, with = f, colour = 1)",
        &[("unknown key `colour`; expected one of `from`, `to`, `with`", "colour")],
    );
    check(
        "version = 2, migrate(from = 0, with = \"f\")",
        &[("versions start at 1", "0"), ("expected a path, write `with = f`", "\"f\"")],
    );
}

#[test]
fn a_history_with_an_unreadable_value_is_not_checked() {
    check(
        "version = \"3\", migrate(from = 1, with = f)",
        &[("expected an integer, write `version = 3`", "\"3\"")],
    );
    check("version = 2, since = 0", &[("versions start at 1", "0")]);
}
