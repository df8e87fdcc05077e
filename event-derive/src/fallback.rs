//! The stub beside a report: what refers to the broken item still compiles, so that only the mistake is shown.
//!
//! Its type string is empty, by which event-core's proofs know it. Generic items and unions get none: a stub for
//! them would be wrong in its own way.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DataEnum, DeriveInput, Ident, Path};

use crate::check::{held, tokens_as_text};
use crate::expand::{at_call_site, from_event, try_from_recorded, wrapped};
use crate::input::SetMember;

/// The mistakes as `compile_error!`s, and the stub.
pub(crate) fn report(item: &DeriveInput, krate: &Path, mistakes: &syn::Error) -> TokenStream {
    let mistakes = mistakes.to_compile_error();
    let stub = stub(item).map(|items| wrapped(krate, &items));
    quote!(#mistakes #stub)
}

fn stub(item: &DeriveInput) -> Option<TokenStream> {
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

fn event(name: &Ident) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl _event::Event for #name {
            const TYPE: &'static ::core::primitive::str = "";
            const VERSION: _event::EventVersion = _event::EventVersion::new(1);
            const HISTORY: _event::History<Self> = _event::History::first();
        }
    }
}

fn set(name: &Ident, data: &DataEnum) -> TokenStream {
    let from_events = members(data);
    let from_events = from_events.iter().map(|member| from_event(name, member));
    let try_from_recorded = try_from_recorded(name);
    quote! {
        #[automatically_derived]
        impl _event::EventSet for #name {
            const TYPES: &'static [&'static ::core::primitive::str] = &[];
            const REGISTRATIONS: &'static [_event::Registration] = &[];

            fn decode(recorded: &_event::RecordedEvent) -> _event::Result<Self, _event::Error> {
                _event::Err(_event::not_in_set(recorded, &[], ""))
            }

            fn as_event(&self) -> _event::Option<&dyn _event::AnyEvent> {
                _event::None
            }
        }
        #try_from_recorded
        #(#from_events)*
        #[automatically_derived]
        impl _event::From<#name> for _event::NewEvent {
            fn from(_: #name) -> Self {
                loop {}
            }
        }
    }
}

/// The variants that hold one type; a type that is held twice counts once, or its two `From` would clash.
fn members(data: &DataEnum) -> Vec<SetMember> {
    let mut members: Vec<SetMember> = Vec::new();
    for variant in &data.variants {
        let Some(field) = held(variant) else { continue };
        let name = tokens_as_text(&field.ty);
        if members.iter().all(|member| tokens_as_text(&member.ty) != name) {
            let (ident, ty) = (variant.ident.clone(), field.ty.clone());
            members.push(SetMember { ident, ty, other: false });
        }
    }
    members
}
