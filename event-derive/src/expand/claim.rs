//! The claim: a hidden macro named after the (type, version), so that a second one in the crate does not compile.
//!
//! `event_core::link!` brings the claims of several crates into one scope. Every token has the span of the type
//! string, so the compiler points there.

use proc_macro2::TokenStream;
use quote::{format_ident, quote_spanned};
use syn::LitStr;

use crate::model::EventInput;

/// One claim for the type string and one for each alias; none for an event that is not registered.
pub(super) fn claims(event: &EventInput) -> TokenStream {
    if !event.register {
        return TokenStream::new();
    }
    let names = std::iter::once(&event.event_type).chain(&event.aliases);
    names.map(|name| claim(name, event.version)).collect()
}

fn claim(event_type: &LitStr, version: u32) -> TokenStream {
    let span = event_type.span();
    // No type string contains `__`, so no other one leads to this name.
    let words = event_type.value().replace('.', "__");
    let name = format_ident!("event_type_{words}_version_{version}", span = span);
    quote_spanned! {span=>
        #[doc(hidden)]
        #[allow(non_local_definitions, reason = "an event inside a function claims its type as well")]
        #[macro_export]
        macro_rules! #name {
            () => {};
        }
    }
}
