//! The rules: which values are right, alone and together, and the sentence for each that is not.
//!
//! A rule stays silent where a value it needs could not be read: that is reported already.

use proc_macro2::Literal;
use quote::{ToTokens, quote};
use syn::{Field, Fields, GenericParam, Generics, LitInt, LitStr, Type, Variant};

use crate::attr::{self, StructKeys};
use crate::errors::Errors;
use crate::input::{History, SetMember};
use crate::key::Slot;
use crate::shape::{ShapeInput, compact};
use crate::value::{Number, as_typed};

mod steps;

const LONGEST_TYPE: usize = 128;
/// The largest number that a store keeps in a signed 32-bit column.
const LAST_VERSION: u32 = 2_147_483_647;

/// Whether `text` can be a stored type string.
pub(crate) fn type_string(text: &LitStr, errors: &mut Errors) -> bool {
    let Err(message) = type_words(&text.value()) else { return true };
    errors.at(text, message);
    false
}

fn type_words(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("type string is empty".to_owned());
    }
    if text.len() > LONGEST_TYPE {
        return Err(format!("type string is longer than {LONGEST_TYPE} bytes"));
    }
    if !text.split(['.', '_']).all(is_word) {
        let rule = "type strings are lower-case words joined by `.` or `_`, like \"game.started\"";
        return Err(rule.to_owned());
    }
    match version_word(text) {
        Some(version) => {
            Err(format!("the version is not part of the type string; use `version = {version}`"))
        }
        None => Ok(()),
    }
}

/// Words, so that `.` written as `__` in the name of the claim macro never makes two types one.
fn is_word(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The number in a last word like `v2`.
fn version_word(text: &str) -> Option<u32> {
    let (_, last) = text.rsplit_once(['.', '_'])?;
    last.strip_prefix('v')?.parse().ok().map(|version: u32| version.max(1))
}

/// The value of a version, or what is wrong with it.
pub(crate) fn number(integer: &LitInt) -> Result<u32, String> {
    let digits = integer.base10_digits();
    if digits == "0" || digits.starts_with('-') {
        return Err("versions start at 1".to_owned());
    }
    let Ok(value) = digits.parse() else { return Err("version does not fit in u32".to_owned()) };
    if as_typed(integer) != digits {
        return Err(format!("write the version as a plain number: `{digits}`"));
    }
    if value > LAST_VERSION {
        return Err(format!("versions end at {LAST_VERSION}"));
    }
    Ok(value)
}

/// Events and sets are concrete types: a stored type string names one of them.
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

/// Reports the keys that every event needs.
pub(crate) fn required(keys: &StructKeys, errors: &mut Errors) {
    let Some(list) = &keys.list else { return };
    if keys.event_type.is_absent() {
        errors.at(list, "missing `type = \"...\"`");
    }
    if keys.version.is_absent() {
        errors.at(list, "missing `version = ...`; a new event starts at `version = 1`");
    }
}

/// A former name is another name, once.
pub(crate) fn aliases(keys: &StructKeys, errors: &mut Errors) {
    for (at, alias) in keys.aliases.iter().enumerate() {
        let name = alias.value();
        if keys.event_type.get().is_some_and(|own| own.value() == name) {
            errors.at(alias, format!("`{name}` is the type itself; an alias is a former name"));
        } else if keys.aliases[..at].iter().any(|before| before.value() == name) {
            errors.at(alias, format!("duplicate alias `{name}`"));
        }
    }
}

/// A shortcut is no step of the chain, and starts at one struct once.
pub(crate) fn also_from(keys: &StructKeys, errors: &mut Errors) {
    let Some(also) = keys.also_from.get() else { return };
    let from = keys.from.get().map(tokens_as_text);
    for (at, ty) in also.iter().enumerate() {
        let name = tokens_as_text(ty);
        if from.as_ref() == Some(&name) {
            errors.at(ty, format!("`from = {name}` is this step already; remove it here"));
        } else if also[..at].iter().any(|before| tokens_as_text(before) == name) {
            errors.at(ty, format!("duplicate source: `{name}` stands twice in `also_from`"));
        }
    }
    if let (Slot::Read(key, _), Some(1)) = (&keys.also_from, keys.version.get().map(|it| it.value))
    {
        errors.at(key, "version 1 is the first; remove `also_from`");
    }
}

/// A pinned shape is the one that the struct has.
pub(crate) fn pin(keys: &StructKeys, shape: &ShapeInput, errors: &mut Errors) {
    let (Some(pin), Some(event_type), Some(version)) =
        (keys.shape.get(), keys.event_type.get(), keys.version.get())
    else {
        return;
    };
    let fingerprint = shape.fingerprint();
    if pin.value != fingerprint {
        let message = format!(
            "shape of `{}` version {} is {fingerprint:#018x}, pinned {:#018x}; bump the version or \
             update the pin",
            event_type.value(),
            version.value,
            pin.value
        );
        errors.at_span(pin.span, message);
    }
}

/// How older versions become this one, if the keys say so without a gap.
pub(crate) fn history(keys: &StructKeys, errors: &mut Errors) -> Option<History> {
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
    let named = tokens_as_text(from);
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

/// The oldest version has no predecessor.
fn first(keys: &StructKeys, since: u32, errors: &mut Errors) -> Option<History> {
    let before = errors.count();
    if let Slot::Read(key, from) = &keys.from {
        nothing_before(keys, since, "from", &quote!(#key = #from), errors);
    }
    for step in &keys.migrate {
        nothing_before(keys, since, "migrate", &step.tokens, errors);
    }
    if errors.count() > before {
        return None;
    }
    Some(if since == 1 { History::First } else { History::Since(since) })
}

fn nothing_before(
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

/// The members of a set: one event each, and at most one variant for all others.
pub(crate) fn variants(variants: &[&Variant], errors: &mut Errors) -> Vec<SetMember> {
    let mut members: Vec<SetMember> = Vec::new();
    for variant in variants {
        let Some(member) = member(variant, &members, errors) else { continue };
        members.push(member);
    }
    members
}

fn member(variant: &Variant, before: &[SetMember], errors: &mut Errors) -> Option<SetMember> {
    let held = held(variant);
    let holds = held.map_or("the struct it holds".to_owned(), |field| {
        format!("`{}`", tokens_as_text(&field.ty))
    });
    let other = attr::variant(&variant.attrs, &holds, errors);
    for field in &variant.fields {
        attr::no_keys(&field.attrs, errors);
    }
    if let Some(key) = &other
        && before.iter().any(|member| member.other)
    {
        errors.at(key, "only one variant can be `other`");
    }
    let Some(field) = held else {
        let (name, fields) = (&variant.ident, &variant.fields);
        errors.at(quote!(#name #fields), shape_of_variant(other.is_some()));
        return None;
    };
    if other.is_none() {
        held_once(&field.ty, before, errors);
    }
    Some(SetMember { ident: variant.ident.clone(), ty: field.ty.clone(), other: other.is_some() })
}

fn shape_of_variant(other: bool) -> &'static str {
    if other {
        "the `other` variant holds exactly one `RecordedEvent`, like `Other(RecordedEvent)`"
    } else {
        "each variant of an event set holds exactly one event, like `Started(GameStarted)`"
    }
}

/// Two variants of one Rust type would be two `From` for it; two types of one type string are seen later.
fn held_once(ty: &Type, before: &[SetMember], errors: &mut Errors) {
    let name = tokens_as_text(ty);
    if before.iter().any(|member| !member.other && tokens_as_text(&member.ty) == name) {
        errors.at(ty, format!("`{name}` is held by two variants of this event set"));
    }
}

/// The one field of a variant like `Started(GameStarted)`.
pub(crate) fn held(variant: &Variant) -> Option<&Field> {
    match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => fields.unnamed.first(),
        _ => None,
    }
}

/// Tokens the way a person writes them, for messages and docs.
pub(crate) fn tokens_as_text(tokens: &impl ToTokens) -> String {
    compact(tokens)
}
