//! Types and paths.

use proc_macro2::Group;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{ExprPath, Ident, Lit, Path, Token, Type, token};

use crate::errors::Errors;
use crate::key::{next, skip};
use crate::value::literal::{equals, literal};

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

/// The type after the `=`.
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
