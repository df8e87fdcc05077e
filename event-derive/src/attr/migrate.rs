//! The key `migrate(from = 1, to = 2, with = path)`: one step over stored JSON.

use proc_macro2::{Group, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{ExprPath, Ident, Lit, Token, Type};

use crate::errors::Errors;
use crate::key::{Slot, entries, skip, unknown};
use crate::value::{self, Number};

const FORM: &str = "migrate(from = 1, with = path)";

/// A step, as written.
pub(crate) struct Migrate {
    /// The whole entry, for errors about the step.
    pub(crate) tokens: TokenStream,
    pub(crate) source: Source,
    pub(crate) to: Option<Number>,
    pub(crate) with: ExprPath,
}

/// The version that a step starts from.
pub(crate) enum Source {
    Version(Number),
    /// The struct of that version. The chain of the struct covers the versions below.
    Struct(Box<Type>),
}

/// Reads the list after the key `migrate`; `None` after a mistake in it.
pub(crate) fn read(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<Migrate> {
    let Some(list) = parenthesized(input) else {
        errors.at(key, format!("expected `{FORM}`"));
        skip(input);
        return None;
    };
    let before = errors.count();
    let keys = Keys::read(&list, errors);
    let tokens = quote!(#key #list);
    keys.report_missing(&tokens, errors);
    let (Slot::Read(_, source), Slot::Read(_, with)) = (keys.from, keys.with) else { return None };
    let to = keys.to.get().copied();
    (errors.count() == before).then_some(Migrate { tokens, source, to, with })
}

fn parenthesized(input: ParseStream) -> Option<Group> {
    if input.peek(syn::token::Paren) { input.parse().ok() } else { None }
}

struct Keys {
    from: Slot<Source>,
    to: Slot<Number>,
    with: Slot<ExprPath>,
}

impl Keys {
    fn read(list: &Group, errors: &mut Errors) -> Self {
        let mut keys = Self { from: Slot::Absent, to: Slot::Absent, with: Slot::Absent };
        entries(list.stream(), errors, |key, input, errors| keys.entry(key, input, errors));
        keys
    }

    fn entry(&mut self, key: &Ident, input: ParseStream, errors: &mut Errors) {
        match key.to_string().as_str() {
            "from" => self.from.read(key, input, errors, source),
            "to" => self.to.read(key, input, errors, value::later_version),
            "with" => self.with.read(key, input, errors, value::function),
            _ => match unknown(key, input, &["from", "to", "with"], errors) {
                Some("from") => self.from.mark_broken(),
                Some("to") => self.to.mark_broken(),
                Some("with") => self.with.mark_broken(),
                _ => {}
            },
        }
    }

    fn report_missing(&self, tokens: &TokenStream, errors: &mut Errors) {
        if self.from.is_absent() {
            errors.at(tokens, "missing `from = ...`, the version the step starts from");
        }
        if self.with.is_absent() {
            errors.at(tokens, "missing `with = path`, the function of the step");
        }
    }
}

/// `from = 1`, `from = CardPlayedV2`
fn source(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<Source> {
    if !value::equals(key, "from = 1", input, errors) {
        return None;
    }
    let path = input.peek(Ident::peek_any) || input.peek(Token![::]) || input.peek(Token![<]);
    // `true` is both a name and a literal.
    if path && !input.peek(Lit) {
        return value::previous_type(input, errors).map(|ty| Source::Struct(Box::new(ty)));
    }
    let number = value::plain_number(key, 1, input, errors)?;
    Some(Source::Version(number))
}
