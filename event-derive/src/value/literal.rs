//! What every reader starts with: the `=` and a literal; and the values that are no more than that.

use syn::parse::ParseStream;
use syn::{Ident, Lit, Token, token};

use crate::errors::Errors;
use crate::key::{next, skip};

/// `readonly`
pub(crate) fn flag(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<()> {
    if ended(input) {
        return Some(());
    }
    let form = format!("expected `{key}`, without a value");
    if input.peek(Token![=]) || input.peek(token::Paren) {
        errors.at(key, form);
        skip(input);
        return None;
    }
    // Something else follows: only a comma is missing.
    Some(())
}

/// `register = false`
pub(crate) fn switch(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<bool> {
    if !equals(key, &format!("{key} = false"), input, errors) {
        return None;
    }
    let found = next(input);
    if let Some(Lit::Bool(value)) = literal_or_skip(input) {
        return Some(value.value);
    }
    errors.at_span(found.span, format!("expected `true` or `false`, write `{key} = false`"));
    None
}

/// Takes the `=`; a key without a value is reported on the key, in its right `form`.
pub(crate) fn equals(key: &Ident, form: &str, input: ParseStream, errors: &mut Errors) -> bool {
    let equals = input.parse::<Token![=]>().is_ok();
    if equals && !ended(input) {
        return true;
    }
    errors.at(key, format!("expected `{form}`"));
    skip(input);
    false
}

/// Takes a literal, and nothing else.
pub(crate) fn literal(input: ParseStream) -> Option<Lit> {
    // `-1` would be read as one literal.
    if input.peek(Token![-]) || !input.peek(Lit) { None } else { input.parse().ok() }
}

/// Takes a literal, or skips the value that is something else.
pub(crate) fn literal_or_skip(input: ParseStream) -> Option<Lit> {
    let literal = literal(input);
    if literal.is_none() {
        skip(input);
    }
    literal
}

fn ended(input: ParseStream) -> bool {
    input.is_empty() || input.peek(Token![,])
}
