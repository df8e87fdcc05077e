//! The rules that need more than one value, and the message for each that is broken.
//!
//! A rule is skipped if a value that it needs could not be read: that is reported already.

use syn::{GenericParam, Generics};

use crate::errors::Errors;

mod event;
mod history;
mod pin;
mod set;
mod steps;

pub(crate) use event::event;
pub(crate) use set::member;

/// Events and sets are not generic: a type string names exactly one Rust type.
pub(crate) fn generics(generics: &Generics, what: &str, errors: &mut Errors) {
    let lifetimes_only = generics.params.iter().all(|it| matches!(it, GenericParam::Lifetime(_)));
    match generics.lifetimes().next() {
        _ if generics.params.is_empty() => {}
        Some(first) if lifetimes_only => {
            let lifetime = &first.lifetime;
            let message = format!("{what} owns its data; replace `{lifetime}` by owned types");
            errors.at(generics, message);
        }
        _ => {
            let message = format!("{what} cannot be generic; make one struct per concrete payload");
            errors.at(generics, message);
        }
    }
}
