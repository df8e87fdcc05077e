//! The rules of `from`, `since` and `migrate` together: every version that is stored has a path to this one.

use proc_macro2::Literal;
use quote::{ToTokens, quote};

use crate::attr::StructKeys;
use crate::check::steps;
use crate::errors::Errors;
use crate::key::Slot;
use crate::model::History;
use crate::tokens::text_of;
use crate::value::Number;

/// The history that the keys describe; `None` after a mistake in it.
pub(super) fn history(keys: &StructKeys, errors: &mut Errors) -> Option<History> {
    let version = *keys.version.get()?;
    from_beside_migrate(keys, errors)?;
    if keys.since.is_broken() || keys.from.is_broken() || keys.migrate_broken {
        return None;
    }
    let since = since(keys, version, errors)?;
    if version.value == since {
        return first(keys, since, errors);
    }
    if let Some(from) = keys.from.get() {
        return Some(History::Typed { since, from: Box::new(from.clone()) });
    }
    if keys.migrate.is_empty() {
        errors.at_span(version.span, no_predecessor(version.value));
        return None;
    }
    let steps = steps::connected(&keys.migrate, version, since, errors)?;
    Some(History::Json { since, steps })
}

fn from_beside_migrate(keys: &StructKeys, errors: &mut Errors) -> Option<()> {
    let Slot::Read(key, from) = &keys.from else { return Some(()) };
    if keys.migrate.is_empty() {
        return Some(());
    }
    let named = text_of(from);
    let message = format!(
        "`from` and `migrate` do not go together; a JSON step from that struct is \
         `migrate(from = {named}, with = path)`"
    );
    errors.at(quote!(#key = #from), message);
    None
}

/// The oldest version that a store can hold.
fn since(keys: &StructKeys, version: Number, errors: &mut Errors) -> Option<u32> {
    let Some(since) = keys.since.get() else { return Some(1) };
    if since.value > version.value {
        errors.at_span(since.span, "`since` cannot exceed `version`");
        return None;
    }
    Some(since.value)
}

/// The history of the oldest version, which takes neither `from` nor `migrate`.
fn first(keys: &StructKeys, since: u32, errors: &mut Errors) -> Option<History> {
    let before = errors.count();
    if let Slot::Read(key, from) = &keys.from {
        report_predecessor(keys, since, "from", &quote!(#key = #from), errors);
    }
    for step in &keys.migrate {
        report_predecessor(keys, since, "migrate", &step.tokens, errors);
    }
    if errors.count() > before {
        return None;
    }
    Some(if since == 1 { History::First } else { History::Since(since) })
}

fn report_predecessor(
    keys: &StructKeys,
    since: u32,
    key: &str,
    tokens: &impl ToTokens,
    errors: &mut Errors,
) {
    if since == 1 {
        errors.at(tokens, format!("version 1 is the first; remove `{key}`"));
        return;
    }
    let Slot::Read(since_key, number) = &keys.since else { return };
    let mut literal = Literal::u32_unsuffixed(number.value);
    literal.set_span(number.span);
    let message = format!(
        "`since = {since}` says versions below {since} are gone; remove `{key}` or lower `since`"
    );
    errors.at(quote!(#since_key = #literal), message);
}

fn no_predecessor(version: u32) -> String {
    let previous = version - 1;
    format!(
        "version {version} needs `from = …` naming the struct of version {previous}, \
         or `since = {version}` if version {previous} was never stored"
    )
}
