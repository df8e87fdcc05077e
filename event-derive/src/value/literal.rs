//! The `=` and the literal that every reader starts with, and the values that need no more: flags and booleans.

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
    // Another token follows: the comma before it is missing, which the walk over the entries reports.
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

/// Consumes the `=`. A key without a value is reported at the key, with the `form` it should have.
pub(crate) fn equals(key: &Ident, form: &str, input: ParseStream, errors: &mut Errors) -> bool {
    let equals = input.parse::<Token![=]>().is_ok();
    if equals && !ended(input) {
        return true;
    }
    errors.at(key, format!("expected `{form}`"));
    skip(input);
    false
}

/// Consumes a literal, if one comes next.
pub(crate) fn literal(input: ParseStream) -> Option<Lit> {
    // syn reads `-1` as one literal; a reader reports the sign on its own.
    if input.peek(Token![-]) || !input.peek(Lit) { None } else { input.parse().ok() }
}

/// Consumes a literal; skips a value that is something else.
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
