//! The derive called as a function: the mistakes it reports, the tokens they point at, and the code it generates.

mod attributes;
mod expansion;
mod histories;
mod keys;
mod sets;
mod values;

use syn::DeriveInput;

/// Asserts the mistakes of an item in order: each message, and the source text that it points at.
#[track_caller]
fn check(item: &str, expected: &[(&str, &str)]) {
    assert_eq!(mistakes(item), expected, "\n{item}");
}

/// As [`check`], for the attribute of a struct: `event(...)`.
#[track_caller]
fn check_struct(attribute: &str, expected: &[(&str, &str)]) {
    check(&format!("#[{attribute}] struct GameStarted;"), expected);
}

fn mistakes(item: &str) -> Vec<(&'static str, &'static str)> {
    let parsed: DeriveInput = syn::parse_str(item).unwrap();
    let Err(report) = crate::input::read(&parsed).input else { return Vec::new() };
    let pairs = report.into_iter().map(|mistake| {
        let under = item[mistake.span().byte_range()].to_owned();
        (leaked(mistake.to_string()), leaked(under))
    });
    pairs.collect()
}

/// Tests compare with string literals; the few bytes are freed when the test process ends.
fn leaked(text: String) -> &'static str {
    text.leak()
}
