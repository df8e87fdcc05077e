//! The keys of an enum and of its variants: a closed set of events.

use syn::parse::ParseStream;
use syn::{Attribute, Ident, Path, Token, Variant};

use crate::attr::event::STRUCT_KEYS;
use crate::attr::list::{event_attributes, list_of};
use crate::errors::Errors;
use crate::key::{Slot, entries, skip, unknown};
use crate::model::SetMember;
use crate::tokens::text_of;
use crate::value;

/// The keys of an enum, as written.
pub(crate) struct EnumKeys {
    pub(crate) krate: Slot<Path>,
    /// The enum has keys of a struct. It is no set then, so its variants are not checked.
    pub(crate) meant_for_structs: bool,
}

impl EnumKeys {
    pub(crate) fn read(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut keys = Self { krate: Slot::Absent, meant_for_structs: false };
        for attr in event_attributes(attrs) {
            if let Some(list) = list_of(attr, "crate = path", errors) {
                entries(list, errors, |key, input, errors| keys.entry(key, input, errors));
            }
        }
        keys
    }

    fn entry(&mut self, key: &Ident, input: ParseStream, errors: &mut Errors) {
        match key.to_string().as_str() {
            "crate" => self.krate.read(key, input, errors, value::module),
            name if STRUCT_KEYS.contains(&name) => self.key_of_struct(key, input, errors),
            _ => {
                unknown(key, input, &["crate"], errors);
            }
        }
    }

    fn key_of_struct(&mut self, key: &Ident, input: ParseStream, errors: &mut Errors) {
        skip(input);
        let first = !self.meant_for_structs;
        self.meant_for_structs = true;
        if first {
            let keys = misplaced_keys(key);
            let message =
                format!("an enum is a set of events; put {keys} on the structs its variants hold");
            errors.at(key, message);
        }
    }
}

/// The key `other` of a variant, if it is there. The field of the variant takes no keys.
pub(crate) fn other(variant: &Variant, errors: &mut Errors) -> Option<Ident> {
    let other = other_key(variant, errors);
    for field in &variant.fields {
        no_keys(&field.attrs, errors);
    }
    other
}

fn other_key(variant: &Variant, errors: &mut Errors) -> Option<Ident> {
    let mut other: Option<Ident> = None;
    let mut misplaced = false;
    for attr in event_attributes(&variant.attrs) {
        let Some(list) = list_of(attr, "other", errors) else { continue };
        entries(list, errors, |key, input, errors| match key.to_string().as_str() {
            "other" if input.peek(Token![=]) => {
                errors.at(key, "expected `#[event(other)]`, without a value");
                skip(input);
            }
            "other" if other.is_some() => errors.at(key, "duplicate key `other`"),
            "other" => other = Some(key.clone()),
            name if STRUCT_KEYS.contains(&name) => {
                skip(input);
                if !misplaced {
                    errors.at(key, belongs_on_struct(key, variant));
                }
                misplaced = true;
            }
            _ => {
                unknown(key, input, &["other"], errors);
            }
        });
    }
    other
}

fn belongs_on_struct(key: &Ident, variant: &Variant) -> String {
    let keys = misplaced_keys(key);
    let holds = SetMember::of(variant, false)
        .map_or("the struct it holds".to_owned(), |member| format!("`{}`", text_of(&member.ty)));
    let belong = if keys.contains("and") { "belong" } else { "belongs" };
    format!("a variant takes only `other`; {keys} {belong} on {holds}")
}

/// The misplaced key. `type` and `version` belong together, so one message names both.
fn misplaced_keys(key: &Ident) -> String {
    if key == "type" || key == "version" {
        return "`type` and `version`".to_owned();
    }
    format!("`{key}`")
}

/// Reports an `#[event]` attribute on the field of a variant.
fn no_keys(attrs: &[Attribute], errors: &mut Errors) {
    for attr in event_attributes(attrs) {
        errors.at(attr.path(), "`#[event(other)]` belongs on the variant; its field takes no keys");
    }
}
