//! Names in generated code, and the scope that keeps them apart from the user's own.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, Path};

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

/// The name of the item at tokens of the user's: a bound that is not met is shown there.
pub(crate) fn at_span(ident: &Ident, span: Span) -> Ident {
    let mut name = ident.clone();
    name.set_span(span);
    name
}
