//! The stub beside a report: code that uses the broken item still compiles, so that only the mistake is shown.
//!
//! The type string of a stub is empty, which makes event-core's proofs skip it. Generic items and unions that derive
//! `Event` get no stub: it would only add errors.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DataEnum, DeriveInput, Generics, Ident};

use crate::expand::hygiene::at_call_site;
use crate::expand::set::{from_event, try_from_recorded};
use crate::model::SetMember;
use crate::tokens::text_of;

/// The stub of an item that derives `Event`.
pub(super) fn item(item: &DeriveInput) -> Option<TokenStream> {
    if !item.generics.params.is_empty() {
        return None;
    }
    let name = at_call_site(&item.ident);
    match &item.data {
        Data::Struct(_) => Some(event(&name)),
        Data::Enum(data) => Some(set(&name, data)),
        Data::Union(_) => None,
    }
}

/// The stub of an item that derives `Shape`: its form is null.
pub(super) fn shape(name: &Ident, generics: &Generics) -> TokenStream {
    let (parameters, arguments, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters __ev::Shape for #name #arguments #bounds {
            fn shape(_: &mut __ev::Shapes) -> __ev::Form {
                __ev::Form::Null
            }
        }
    }
}

fn event(name: &Ident) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl __ev::Event for #name {
            const TYPE: &'static __ev::str = "";
            const VERSION: __ev::EventVersion = __ev::EventVersion::new(1);
            const HISTORY: __ev::History<Self> = __ev::History::first();
        }
    }
}

fn set(name: &Ident, data: &DataEnum) -> TokenStream {
    let from_events = members(data);
    let from_events = from_events.iter().map(|member| from_event(name, member));
    let try_from_recorded = try_from_recorded(name);
    quote! {
        #[automatically_derived]
        impl __ev::EventSet for #name {
            const TYPES: &'static [&'static __ev::str] = &[];
            const REGISTRATIONS: &'static [__ev::Registration] = &[];

            fn decode(
                __ev_recorded: &__ev::RecordedEvent,
            ) -> __ev::Result<Self, __ev::Error> {
                __ev::Err(__ev::not_in_set(__ev_recorded, &[], ""))
            }

            fn as_event(&self) -> __ev::Option<&dyn __ev::AnyEvent> {
                __ev::None
            }
        }
        #try_from_recorded
        #(#from_events)*
        #[automatically_derived]
        impl __ev::From<#name> for __ev::NewEvent {
            fn from(_: #name) -> Self {
                loop {}
            }
        }
    }
}

/// The variants that hold one type. A type held twice counts once: two `From` impls for it would conflict.
fn members(data: &DataEnum) -> Vec<SetMember> {
    let mut members: Vec<SetMember> = Vec::new();
    for member in data.variants.iter().filter_map(|variant| SetMember::of(variant, false)) {
        let name = text_of(&member.ty);
        if members.iter().all(|before| text_of(&before.ty) != name) {
            members.push(member);
        }
    }
    members
}
