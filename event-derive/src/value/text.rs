//! Strings: type strings, and the form of a field in words.

use syn::parse::ParseStream;
use syn::{Ident, Lit, LitStr};

use crate::errors::Errors;
use crate::key::{next, skip};
use crate::value::literal::{equals, literal, literal_or_skip};

const LONGEST_TYPE: usize = 128;

/// `type = "card.drawn"`, `alias = "card.taken"`
pub(crate) fn type_string(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<LitStr> {
    if !equals(key, &format!("{key} = \"...\""), input, errors) {
        return None;
    }
    let found = next(input);
    let words = match literal(input) {
        Some(Lit::Str(text)) => return is_type_string(&text, errors).then_some(text),
        Some(_) => "...".to_owned(),
        None => bare_words(input),
    };
    errors.at_span(found.span, format!("expected a string, write `{key} = \"{words}\"`"));
    None
}

/// Consumes a type string without quotes, to show it with quotes in the message; `...` if other tokens are in it.
fn bare_words(input: ParseStream) -> String {
    let words: String = skip(input).into_iter().map(|token| token.to_string()).collect();
    let plain = words.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte));
    if plain { words } else { "...".to_owned() }
}

/// Whether `text` is a valid type string; reports the rule that it breaks.
fn is_type_string(text: &LitStr, errors: &mut Errors) -> bool {
    let Err(message) = check_words(&text.value()) else { return true };
    errors.at(text, message);
    false
}

fn check_words(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("type string is empty".to_owned());
    }
    if text.len() > LONGEST_TYPE {
        return Err(format!("type string is longer than {LONGEST_TYPE} bytes"));
    }
    if !text.split(['.', '_']).all(is_word) {
        let rule = "type strings are lower-case words joined by `.` or `_`, like \"game.started\"";
        return Err(rule.to_owned());
    }
    match version_word(text) {
        Some(version) => {
            Err(format!("the version is not part of the type string; use `version = {version}`"))
        }
        None => Ok(()),
    }
}

/// Whether a word is not empty and has no `_`.
///
/// So no type string contains `__`, which replaces `.` in the name of the claim macro: two types never share a claim.
fn is_word(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The number in a last word such as `v2`.
fn version_word(text: &str) -> Option<u32> {
    let (_, last) = text.rsplit_once(['.', '_'])?;
    last.strip_prefix('v')?.parse().ok().map(|version: u32| version.max(1))
}

/// `shape = "uuid"`
pub(crate) fn shape_text(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<LitStr> {
    if !equals(key, &format!("{key} = \"...\""), input, errors) {
        return None;
    }
    let found = next(input);
    match literal_or_skip(input) {
        Some(Lit::Str(text)) if !text.value().trim().is_empty() && !text.value().contains('\n') => {
            Some(text)
        }
        Some(Lit::Str(_)) => {
            errors.at_span(found.span, "the text of a shape is one line, like \"uuid\"");
            None
        }
        _ => {
            errors.at_span(found.span, format!("expected a string, write `{key} = \"...\"`"));
            None
        }
    }
}
