//! Generated code as snapshots: a change to it is a diff that can be reviewed.

use syn::DeriveInput;

#[track_caller]
fn expanded(item: &str) -> String {
    let item: DeriveInput = syn::parse_str(item).unwrap();
    let file = syn::parse2(crate::derive(&item)).unwrap();
    prettyplease::unparse(&file)
}

#[test]
fn first_version() {
    let item = r#"#[event(type = "card.drawn", version = 1)] struct CardDrawn { rank: u8 }"#;
    insta::assert_snapshot!(expanded(item));
}

#[test]
fn typed_step_with_validate_and_crate() {
    let item = r#"
        #[event(type = "card_drawn", version = 3, since = 2, from = old::CardDrawnV2)]
        #[event(validate = checks::card_drawn, crate = inner::core)]
        struct CardDrawn { rank: u8 }
    "#;
    insta::assert_snapshot!(expanded(item));
}

#[test]
fn json_steps_below_a_struct() {
    let item = r#"
        #[event(type = "card_played", version = 4)]
        #[event(migrate(from = 3, with = seat_to_string), migrate(from = V2, with = add_seat))]
        struct CardPlayed { seat: String }
    "#;
    insta::assert_snapshot!(expanded(item));
}

#[test]
fn set_with_other() {
    let item = r"
        enum TableEvent { Drawn(CardDrawn), Played(CardPlayed), #[event(other)] Other(RecordedEvent) }
    ";
    insta::assert_snapshot!(expanded(item));
}

#[test]
fn aliases_shortcuts_and_docs() {
    let item = r#"
        /// A card leaves the deck.
        #[event(type = "card.drawn", version = 3, from = V2, also_from(V1), alias = "drawn", readonly)]
        struct CardDrawn { rank: u8, #[serde(default, rename = "colour")] #[event(shape = "string")] suit: Suit }
    "#;
    insta::assert_snapshot!(expanded(item));
}

#[test]
fn neither_registered_nor_claimed() {
    let item =
        r#"#[event(type = "card.drawn", version = 1, register = false)] struct CardDrawn(u8);"#;
    insta::assert_snapshot!(expanded(item));
}

#[test]
fn shape_of_an_enum() {
    let item: DeriveInput = syn::parse_str(
        r#"#[serde(tag = "kind", rename_all = "snake_case")] enum Move<T> { Draw { card: T }, #[serde(alias = "skip")] Pass }"#,
    )
    .unwrap();
    let file = syn::parse2(crate::shape_of(&item)).unwrap();
    insta::assert_snapshot!(prettyplease::unparse(&file));
}

/// A limit for the size of generated code, which the compiler and readers of `cargo expand` have to read.
#[test]
fn a_struct_of_six_fields_expands_to_at_most_seventy_lines() {
    let item = r#"
        /// A guess.
        #[event(type = "guess", version = 2, from = GuessV1)]
        struct Guess { game: String, team: String, words: Vec<String>, count: u32, matched: bool, at: DateTime<Utc> }
    "#;
    let lines = expanded(item).lines().count();
    assert!(lines <= 70, "{lines} lines");
}

#[test]
fn stub_of_a_struct() {
    insta::assert_snapshot!(expanded(r#"#[event(type = "x")] struct CardDrawn;"#));
}

#[test]
fn stub_of_a_set() {
    insta::assert_snapshot!(expanded("enum TableEvent { Drawn(CardDrawn), Both(A, B) }"));
}

#[test]
fn a_generic_item_gets_no_stub() {
    let item = r#"#[event(type = "x", version = 1)] struct CardDrawn<T>(T);"#;
    assert!(!expanded(item).contains("impl"));
}

/// User tokens are pasted beside generated items: a plain name there would hide the user's own.
#[test]
fn every_name_that_the_expansion_introduces_is_reserved() {
    let traits =
        ["TYPE", "VERSION", "HISTORY", "FACTS", "ORIGIN", "TYPES", "REGISTRATIONS", "Error"];
    let methods = ["validate", "shape", "from", "try_from", "decode", "as_event"];
    for item in [
        r#"#[event(type = "a", version = 3, from = V2, also_from(V1), validate = valid)] struct A { b: B }"#,
        r#"#[event(type = "a", version = 4, migrate(from = V3, with = step))] struct A { b: B }"#,
        "enum Set { A(A), B(B), #[event(other)] Other(RecordedEvent) }",
        "enum Broken { A(A), Both(A, B) }",
        r#"#[event(type = "x")] struct Broken;"#,
    ] {
        let code = expanded(item);
        let words: Vec<&str> = code
            .split(|it: char| !it.is_alphanumeric() && it != '_')
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let [keyword, name] = pair else { continue };
            let introduces = ["const", "let", "fn", "mod"].contains(keyword);
            let known = name.starts_with("__ev")
                || name.starts_with("__EV")
                || ["_", "fn"].contains(name)
                || traits.contains(name)
                || methods.contains(name);
            assert!(
                !introduces || known || code.contains(&format!(" as {name}>")),
                "{keyword} {name}\n{code}"
            );
        }
        let aliases =
            code.lines().filter_map(|line| line.trim().strip_prefix("use ")?.split_once(" as "));
        assert!(aliases.into_iter().all(|(_, alias)| ["__ev;", "_;"].contains(&alias)), "{code}");
    }
}
