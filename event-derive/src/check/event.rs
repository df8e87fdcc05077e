//! The rules of a struct.

use crate::attr::StructKeys;
use crate::check::history::history;
use crate::check::pin::pin;
use crate::errors::Errors;
use crate::key::Slot;
use crate::model::{History, ShapeInput};
use crate::tokens::text_of;

/// Checks the keys of a struct against each other and against its shape; returns the history they describe.
pub(crate) fn event(keys: &StructKeys, shape: &ShapeInput, errors: &mut Errors) -> Option<History> {
    required(keys, errors);
    aliases(keys, errors);
    also_from(keys, errors);
    pin(keys, shape, errors);
    history(keys, errors)
}

/// Every event needs `type` and `version`.
fn required(keys: &StructKeys, errors: &mut Errors) {
    let Some(list) = &keys.list else { return };
    if keys.event_type.is_absent() {
        errors.at(list, "missing `type = \"...\"`");
    }
    if keys.version.is_absent() {
        errors.at(list, "missing `version = ...`; a new event starts at `version = 1`");
    }
}

/// An alias differs from the type string and from the other aliases.
fn aliases(keys: &StructKeys, errors: &mut Errors) {
    for (at, alias) in keys.aliases.iter().enumerate() {
        let name = alias.value();
        if keys.event_type.get().is_some_and(|own| own.value() == name) {
            errors.at(alias, format!("`{name}` is the type itself; an alias is a former name"));
        } else if keys.aliases[..at].iter().any(|before| before.value() == name) {
            errors.at(alias, format!("duplicate alias `{name}`"));
        }
    }
}

/// A shortcut starts from a struct other than `from`, and each struct is listed once.
fn also_from(keys: &StructKeys, errors: &mut Errors) {
    let Some(also) = keys.also_from.get() else { return };
    let from = keys.from.get().map(text_of);
    for (at, ty) in also.iter().enumerate() {
        let name = text_of(ty);
        if from.as_ref() == Some(&name) {
            errors.at(ty, format!("`from = {name}` is this step already; remove it here"));
        } else if also[..at].iter().any(|before| text_of(before) == name) {
            errors.at(ty, format!("duplicate source: `{name}` is listed twice in `also_from`"));
        }
    }
    if let (Slot::Read(key, _), Some(1)) = (&keys.also_from, keys.version.get().map(|it| it.value))
    {
        errors.at(key, "version 1 is the first; remove `also_from`");
    }
}
