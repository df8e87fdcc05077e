//! Numbers: versions, and the number of a pinned shape.

use proc_macro2::Span;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, Lit, LitInt, Token};

use crate::errors::Errors;
use crate::key::next;
use crate::value::literal::{equals, literal_or_skip};

/// The largest number that a store keeps in a signed 32-bit column.
const LAST_VERSION: u32 = 2_147_483_647;

/// A version, and where it is written.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    pub(crate) value: u32,
    pub(crate) span: Span,
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

/// The number after the `=`.
pub(crate) fn plain_number(
    key: &Ident,
    example: u32,
    input: ParseStream,
    errors: &mut Errors,
) -> Option<Number> {
    let found = next(input);
    let name = input.peek(Ident::peek_any) || input.peek(Token![::]);
    let negative = input.peek(Token![-]);
    let message = match literal_or_skip(input) {
        Some(Lit::Int(integer)) => match version_value(&integer) {
            Ok(value) => return Some(Number { value, span: integer.span() }),
            Err(message) => message,
        },
        Some(Lit::Str(text)) => {
            let meant = text.value().trim().parse().unwrap_or(example);
            format!("expected an integer, write `{key} = {meant}`")
        }
        // At the sign alone: compilers differ in how they show the span of `-1`.
        None if negative => "versions start at 1".to_owned(),
        None if name => {
            "expected an integer literal; a constant cannot be checked by the derive".to_owned()
        }
        _ => format!("expected an integer, write `{key} = {example}`"),
    };
    errors.at_span(found.span, message);
    None
}

/// The value of a version, or the rule that it breaks.
fn version_value(integer: &LitInt) -> Result<u32, String> {
    let digits = integer.base10_digits();
    if digits == "0" || digits.starts_with('-') {
        return Err("versions start at 1".to_owned());
    }
    let Ok(value) = digits.parse() else { return Err("version does not fit in u32".to_owned()) };
    if as_written(integer) != digits {
        return Err(format!("write the version as a plain number: `{digits}`"));
    }
    if value > LAST_VERSION {
        return Err(format!("versions end at {LAST_VERSION}"));
    }
    Ok(value)
}

/// An integer as it is written, to tell `0x1` from `1`.
fn as_written(integer: &LitInt) -> String {
    integer.to_token_stream().to_string()
}

/// The number of a pinned shape, and where it is written.
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
    if let Some(Lit::Int(integer)) = literal_or_skip(input)
        && let Ok(value) = integer.base10_parse()
        && integer.suffix().is_empty()
    {
        return Some(Pin { value, span: integer.span() });
    }
    let message = "expected the shape's number, write `shape = 0x0` and the compiler reports it";
    errors.at_span(found.span, message);
    None
}
