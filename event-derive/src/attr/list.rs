//! The `#[event]` attributes of an item, and the list in each.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Meta};

use crate::errors::Errors;

pub(crate) fn event_attributes(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("event"))
}

/// The tokens between the parentheses; an attribute without them is reported with the `form` they should have.
pub(crate) fn list_of(attr: &Attribute, form: &str, errors: &mut Errors) -> Option<TokenStream> {
    match &attr.meta {
        Meta::List(list) => return Some(list.tokens.clone()),
        Meta::Path(path) => errors.at(path, format!("expected `#[event({form})]`")),
        Meta::NameValue(pair) => {
            let value = &pair.value;
            let form = form.replace("\"...\"", &quote!(#value).to_string());
            errors.at(pair.eq_token, format!("expected `#[event({form})]`"));
        }
    }
    None
}
