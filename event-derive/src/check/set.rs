//! The rules of a set: one event in each variant, and at most one variant for all other events.

use quote::quote;
use syn::{Ident, Type, Variant};

use crate::errors::Errors;
use crate::model::SetMember;
use crate::tokens::text_of;

/// The event that `variant` holds; `other` is the key of that name on it, and `before` the variants above it.
pub(crate) fn member(
    variant: &Variant,
    other: Option<&Ident>,
    before: &[SetMember],
    errors: &mut Errors,
) -> Option<SetMember> {
    if let Some(key) = other
        && before.iter().any(|member| member.other)
    {
        errors.at(key, "only one variant can be `other`");
    }
    let Some(member) = SetMember::of(variant, other.is_some()) else {
        let (name, fields) = (&variant.ident, &variant.fields);
        errors.at(quote!(#name #fields), expected_form(other.is_some()));
        return None;
    };
    if !member.other {
        held_once(&member.ty, before, errors);
    }
    Some(member)
}

fn expected_form(other: bool) -> &'static str {
    if other {
        "the `other` variant holds exactly one `RecordedEvent`, like `Other(RecordedEvent)`"
    } else {
        "each variant of an event set holds exactly one event, like `Started(GameStarted)`"
    }
}

/// Two variants of one Rust type would need two `From` impls. Two types of one type string are left to event-core.
fn held_once(ty: &Type, before: &[SetMember], errors: &mut Errors) {
    let name = text_of(ty);
    if before.iter().any(|member| !member.other && text_of(&member.ty) == name) {
        errors.at(ty, format!("`{name}` is held by two variants of this event set"));
    }
}
