//! Values: the readers behind each key, and what they say when the value is of another kind.
//!
//! A reader starts at the `=`, and answers `None` after it reported and skipped what it could not read.

use proc_macro2::{Group, Span};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{ExprPath, Ident, Lit, LitInt, LitStr, Path, Token, Type, token};

use crate::check;
use crate::errors::Errors;
use crate::key::{next, skip};

/// A version as it was written.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    pub(crate) value: u32,
    pub(crate) span: Span,
}

/// `type = "card.drawn"`, `alias = "card.taken"`
pub(crate) fn type_string(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<LitStr> {
    if !equals(key, &format!("{key} = \"...\""), input, errors) {
        return None;
    }
    let found = next(input);
    let words = match literal(input) {
        Some(Lit::Str(text)) => return check::type_string(&text, errors).then_some(text),
        Some(_) => "...".to_owned(),
        None => bare_words(input),
    };
    errors.at_span(found.span, format!("expected a string, write `{key} = \"{words}\"`"));
    None
}

/// Takes the words of a type string that lacks its quotes; other tokens are no help in a message.
fn bare_words(input: ParseStream) -> String {
    let words: String = skip(input).into_iter().map(|token| token.to_string()).collect();
    let plain = words.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte));
    if plain { words } else { "...".to_owned() }
}

/// `version = 1`
pub(crate) fn version(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<Number> {
    number(key, 1, input, errors)
}

/// `since = 2`, `to = 2`
pub(crate) fn later_version(
    key: &Ident,
    input: ParseStream,
    errors: &mut Errors,
) -> Option<Number> {
    number(key, 2, input, errors)
}

fn number(key: &Ident, example: u32, input: ParseStream, errors: &mut Errors) -> Option<Number> {
    if !equals(key, &format!("{key} = {example}"), input, errors) {
        return None;
    }
    plain_number(key, example, input, errors)
}

/// The number itself, behind the `=`.
pub(crate) fn plain_number(
    key: &Ident,
    example: u32,
    input: ParseStream,
    errors: &mut Errors,
) -> Option<Number> {
    let found = next(input);
    let name = input.peek(Ident::peek_any) || input.peek(Token![::]);
    let negative = input.peek(Token![-]);
    let message = match value(input) {
        Some(Lit::Int(integer)) => match check::number(&integer) {
            Ok(value) => return Some(Number { value, span: integer.span() }),
            Err(message) => message,
        },
        Some(Lit::Str(text)) => {
            let meant = text.value().trim().parse().unwrap_or(example);
            format!("expected an integer, write `{key} = {meant}`")
        }
        // One token: where a joined `-1` is shown differs between compilers.
        None if negative => "versions start at 1".to_owned(),
        None if name => {
            "expected an integer literal; a constant cannot be checked by the derive".to_owned()
        }
        _ => format!("expected an integer, write `{key} = {example}`"),
    };
    errors.at_span(found.span, message);
    None
}

/// `from = CardDrawnV1`
pub(crate) fn previous(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<Type> {
    if !equals(key, "from = PreviousVersion", input, errors) {
        return None;
    }
    let found = next(input);
    let message = match literal(input) {
        None => return previous_type(input, errors),
        Some(Lit::Str(text)) => format!("expected a type, write `from = {}`", text.value()),
        Some(Lit::Int(integer)) => {
            format!("expected a type; a number goes with `migrate(from = {integer}, with = path)`")
        }
        Some(_) => "expected a type, write `from = PreviousVersion`".to_owned(),
    };
    errors.at_span(found.span, message);
    None
}

/// The type itself, behind the `=`.
pub(crate) fn previous_type(input: ParseStream, errors: &mut Errors) -> Option<Type> {
    let found = next(input);
    if let Ok(ty) = input.parse() {
        return Some(ty);
    }
    errors.at_span(found.span, "expected a type, write `from = PreviousVersion`");
    skip(input);
    None
}

/// `also_from(CardDrawnV1, CardDrawnV2)`
pub(crate) fn types(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<Vec<Type>> {
    let form = "expected `also_from(OlderVersion, ...)`";
    if !input.peek(token::Paren) {
        errors.at(key, form);
        skip(input);
        return None;
    }
    let group: Group = input.parse().ok()?;
    let parsed = Punctuated::<Type, Token![,]>::parse_terminated.parse2(group.stream());
    match parsed {
        Ok(types) if !types.is_empty() => Some(types.into_iter().collect()),
        Ok(_) => {
            errors.at(key, form);
            None
        }
        Err(error) => {
            errors.at_span(error.span(), form);
            None
        }
    }
}

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
    if let Some(Lit::Bool(value)) = value(input) {
        return Some(value.value);
    }
    errors.at_span(found.span, format!("expected `true` or `false`, write `{key} = false`"));
    None
}

/// A pinned shape as it was written.
#[derive(Clone, Copy)]
pub(crate) struct Pin {
    pub(crate) value: u64,
    pub(crate) span: Span,
}

/// `shape = 0x1f2e3d4c5b6a7988`
pub(crate) fn pin(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<Pin> {
    if !equals(key, "shape = 0x0", input, errors) {
        return None;
    }
    let found = next(input);
    if let Some(Lit::Int(integer)) = value(input)
        && let Ok(value) = integer.base10_parse()
        && integer.suffix().is_empty()
    {
        return Some(Pin { value, span: integer.span() });
    }
    let message = "expected the shape's number, write `shape = 0x0` and the compiler says it";
    errors.at_span(found.span, message);
    None
}

/// `shape = "uuid"`
pub(crate) fn text(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<LitStr> {
    if !equals(key, &format!("{key} = \"...\""), input, errors) {
        return None;
    }
    let found = next(input);
    match value(input) {
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

/// `validate = path`, `with = path`
pub(crate) fn function(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<ExprPath> {
    path(key, ExprPath::parse, input, errors)
}

/// `crate = path`
pub(crate) fn module(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<Path> {
    path(key, Path::parse_mod_style, input, errors)
}

fn path<P>(
    key: &Ident,
    parse: fn(ParseStream) -> syn::Result<P>,
    input: ParseStream,
    errors: &mut Errors,
) -> Option<P> {
    if !equals(key, &format!("{key} = path"), input, errors) {
        return None;
    }
    let found = next(input);
    let given = match literal(input) {
        None => {
            if let Ok(path) = input.call(parse) {
                return Some(path);
            }
            skip(input);
            "path".to_owned()
        }
        Some(Lit::Str(text)) => text.value(),
        Some(_) => "path".to_owned(),
    };
    errors.at_span(found.span, format!("expected a path, write `{key} = {given}`"));
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

/// Takes a literal, or skips whatever stands in its place.
fn value(input: ParseStream) -> Option<Lit> {
    let literal = literal(input);
    if literal.is_none() {
        skip(input);
    }
    literal
}

fn ended(input: ParseStream) -> bool {
    input.is_empty() || input.peek(Token![,])
}

/// An integer the way it was typed, to tell `0x1` from `1`.
pub(crate) fn as_typed(integer: &LitInt) -> String {
    integer.to_token_stream().to_string()
}
