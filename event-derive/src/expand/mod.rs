//! From a checked item to the code that stands beside it.
//!
//! Everything sits in one anonymous const, and names event-core once, in the alias `_event`: no generated name can
//! be met by the user's own. Std items come by `::core::…` or `_event::…` paths, never by the prelude. No
//! `#[diagnostic::…]` either: in a module with `no_implicit_prelude` that name does not exist.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, Path};

use crate::input::Input;

mod claim;
mod event;
mod set;
pub(crate) mod shape;

pub(crate) use set::{from_event, try_from_recorded};

/// The implementations for an item without mistakes.
pub(crate) fn expand(input: &Input, krate: &Path) -> TokenStream {
    match input {
        Input::Event(event) => {
            let claims = claim::claims(event);
            let body = wrapped(krate, &event::implementation(event));
            quote!(#claims #body)
        }
        Input::Set(set) => wrapped(krate, &set::implementation(set)),
    }
}

/// Puts generated items where they cannot be named, with `_event` in scope.
pub(crate) fn wrapped(krate: &Path, items: &TokenStream) -> TokenStream {
    quote! {
        #[doc(hidden)]
        const _: () = {
            use #krate::__private as _event;
            #items
        };
    }
}

/// The name of the item as generated code writes it in its headers.
///
/// With the user's span the compiler reports a bound that is not met twice: at the derive and at the name.
pub(crate) fn at_call_site(ident: &Ident) -> Ident {
    let mut name = ident.clone();
    name.set_span(Span::call_site());
    name
}
