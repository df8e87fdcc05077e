//! The claim: a hidden macro whose name is the (type, version), so that a second one in the crate does not compile.
//!
//! `event_core::link!` brings the claims of several crates together. Every token stands at the type string, which
//! is where the compiler then points.

use proc_macro2::TokenStream;
use quote::{format_ident, quote_spanned};
use syn::LitStr;

use crate::model::EventInput;

/// The claims of an event: its type, and every name it had before; none when it is not registered.
pub(super) fn claims(event: &EventInput) -> TokenStream {
    if !event.register {
        return TokenStream::new();
    }
    let names = std::iter::once(&event.event_type).chain(&event.aliases);
    names.map(|name| claim(name, event.version)).collect()
}

fn claim(event_type: &LitStr, version: u32) -> TokenStream {
    let span = event_type.span();
    // A type string never has `__` in it, so no other one has this name.
    let words = event_type.value().replace('.', "__");
    let name = format_ident!("event_type_{words}_version_{version}", span = span);
    quote_spanned! {span=>
        #[doc(hidden)]
        #[allow(non_local_definitions, reason = "an event inside of a function claims its type, too")]
        #[macro_export]
        macro_rules! #name {
            () => {};
        }
    }
}
