//! `impl EventSet` for an enum of events, and the conversions around it.
//!
//! The type of each variant is used in one const, with its own span: a type that is not an event is one error, there.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

use crate::expand::hygiene::at_call_site;
use crate::model::{SetInput, SetMember};

/// All items of a set.
pub(super) fn implementation(set: &SetInput) -> TokenStream {
    let name = at_call_site(&set.ident);
    let members = Members::of(set);
    let consts = members.consts();
    let event_set = members.event_set(&name);
    let try_from_recorded = try_from_recorded(&name);
    let from_events = members.events.iter().map(|member| from_event(&name, member));
    let new_event_from = members.new_event_from(&name);
    quote! {
        #consts
        #event_set
        #try_from_recorded
        #(#from_events)*
        #new_event_from
    }
}

/// `From<E>` for the variant that holds `E`.
pub(super) fn from_event(set: &Ident, member: &SetMember) -> TokenStream {
    let (variant, ty) = (&member.ident, &member.ty);
    quote! {
        #[automatically_derived]
        impl __ev::From<#ty> for #set {
            fn from(__ev_held: #ty) -> Self {
                Self::#variant(__ev_held)
            }
        }
    }
}

/// `TryFrom<&RecordedEvent>`, through `EventSet::decode`.
pub(super) fn try_from_recorded(set: &Ident) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl __ev::TryFrom<&__ev::RecordedEvent> for #set {
            type Error = __ev::Error;

            fn try_from(
                __ev_recorded: &__ev::RecordedEvent,
            ) -> __ev::Result<Self, __ev::Error> {
                <Self as __ev::EventSet>::decode(__ev_recorded)
            }
        }
    }
}

struct Members<'a> {
    events: Vec<&'a SetMember>,
    other: Option<&'a SetMember>,
    /// The const `__EV_VARIANT_i` of each event.
    variant_consts: Vec<Ident>,
    /// The const `__EV_TYPE_i` of each event.
    type_consts: Vec<Ident>,
}

impl<'a> Members<'a> {
    fn of(set: &'a SetInput) -> Self {
        let (others, events): (Vec<_>, Vec<_>) = set.variants.iter().partition(|it| it.other);
        let numbered = |word| (0..events.len()).map(|at| format_ident!("{word}_{at}")).collect();
        let (variant_consts, type_consts) = (numbered("__EV_VARIANT"), numbered("__EV_TYPE"));
        Self { other: others.first().copied(), events, variant_consts, type_consts }
    }

    fn consts(&self) -> TokenStream {
        let types = &self.type_consts;
        let each = (0..self.events.len()).map(|at| self.consts_of(at));
        quote! {
            #(#each)*
            const __EV_TYPES: &'static [&'static __ev::str] = &[#(#types),*];
        }
    }

    fn consts_of(&self, at: usize) -> TokenStream {
        let ty: &Type = &self.events[at].ty;
        let (variant, type_string) = (&self.variant_consts[at], &self.type_consts[at]);
        let distinct = format_ident!("__EV_DISTINCT_{at}");
        let index = Literal::usize_unsuffixed(at);
        let holds = quote_spanned!(ty.span()=> __ev::set_variant::<#ty>());
        let proof = quote_spanned!(ty.span()=> __ev::assert_distinct(__EV_TYPES, #index));
        quote! {
            const #variant: __ev::SetVariant<#ty> = #holds;
            const #type_string: &'static __ev::str = #variant.event_type;
            #[allow(dead_code, reason = "evaluated for its proof")]
            const #distinct: () = #proof;
        }
    }

    fn event_set(&self, name: &Ident) -> TokenStream {
        let variants = &self.variant_consts;
        let decode = self.decode(name);
        let as_event = self.as_event();
        let doc = self.sentence();
        quote! {
            #[doc = #doc]
            #[automatically_derived]
            impl __ev::EventSet for #name {
                const TYPES: &'static [&'static __ev::str] = __EV_TYPES;
                const REGISTRATIONS: &'static [__ev::Registration] =
                    &[#(#variants.registration),*];
                #decode
                #as_event
            }
        }
    }

    fn decode(&self, name: &Ident) -> TokenStream {
        let arms = self.events.iter().zip(&self.variant_consts).zip(&self.type_consts);
        let arms = arms.map(|((member, variant), type_string)| {
            let ident = &member.ident;
            quote!(#type_string => __ev::Result::map((#variant.decode)(__ev_recorded), Self::#ident))
        });
        let renamed = self.events.iter().zip(&self.variant_consts).map(|(member, variant)| {
            let ident = &member.ident;
            quote! {
                __ev_name if (#variant.matches_type)(__ev_name) => {
                    __ev::Result::map((#variant.decode)(__ev_recorded), Self::#ident)
                }
            }
        });
        let rest = self.rest(name);
        quote! {
            #[allow(unreachable_patterns, reason = "two variants of one type are reported as such")]
            fn decode(
                __ev_recorded: &__ev::RecordedEvent,
            ) -> __ev::Result<Self, __ev::Error> {
                match __ev::RecordedEvent::event_type(__ev_recorded) {
                    #(#arms,)*
                    #(#renamed)*
                    _ => #rest,
                }
            }
        }
    }

    /// The value for an event whose type is outside the set.
    fn rest(&self, name: &Ident) -> TokenStream {
        let set = name.to_string();
        let Some(other) = self.other else {
            return quote!(__ev::Err(__ev::not_in_set(__ev_recorded, __EV_TYPES, #set)));
        };
        let ident = &other.ident;
        // With the span of the held type: any type but `RecordedEvent` is an error there.
        let span = Span::call_site().located_at(other.ty.span());
        let recorded = quote_spanned!(span=> __ev::Clone::clone(__ev_recorded));
        quote!(__ev::Ok(Self::#ident(#recorded)))
    }

    fn as_event(&self) -> TokenStream {
        let arms = self.events.iter().zip(&self.variant_consts).map(|(member, variant)| {
            let ident = &member.ident;
            quote!(Self::#ident(__ev_held) => __ev::Some((#variant.view)(__ev_held)),)
        });
        let other = self.other.map(|member| {
            let ident = &member.ident;
            quote!(Self::#ident(_) => __ev::None,)
        });
        quote! {
            fn as_event(&self) -> __ev::Option<&dyn __ev::AnyEvent> {
                match self {
                    #(#arms)*
                    #other
                }
            }
        }
    }

    fn new_event_from(&self, name: &Ident) -> TokenStream {
        let arms = self.events.iter().zip(&self.variant_consts).map(|(member, variant)| {
            let ident = &member.ident;
            quote!(#name::#ident(__ev_held) => (#variant.into_new)(__ev_held),)
        });
        let other = self.other.map(|member| {
            let ident = &member.ident;
            let span = Span::call_site().located_at(member.ty.span());
            let again = quote_spanned!(span=> __ev::reappend(__ev_recorded));
            quote!(#name::#ident(__ev_recorded) => #again,)
        });
        quote! {
            #[automatically_derived]
            impl __ev::From<#name> for __ev::NewEvent {
                fn from(__ev_set: #name) -> Self {
                    match __ev_set {
                        #(#arms)*
                        #other
                    }
                }
            }
        }
    }

    fn sentence(&self) -> String {
        let rest = if self.other.is_some() { "; takes every other event, too" } else { "" };
        let count = self.events.len();
        let events = if count == 1 { "event" } else { "events" };
        format!("A closed set of {count} {events}{rest}.")
    }
}
