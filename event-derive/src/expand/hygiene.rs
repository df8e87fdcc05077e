//! Names in generated code: their spans, and the scope that keeps them apart from the user's names.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, Path};

/// Wraps generated items in a const without a name, with `__ev` in scope: no path leads to them.
pub(crate) fn wrapped(krate: &Path, items: &TokenStream) -> TokenStream {
    quote! {
        #[doc(hidden)]
        const _: () = {
            use #krate::__private as __ev;
            #items
        };
    }
}

/// The name of the item for the headers of impls.
///
/// With the user's span the compiler reports an unmet bound twice: at the derive and at the name.
pub(crate) fn at_call_site(ident: &Ident) -> Ident {
    let mut name = ident.clone();
    name.set_span(Span::call_site());
    name
}

/// The name of the item with the span of some of the user's tokens, where an unmet bound is then shown.
pub(crate) fn at_span(ident: &Ident, span: Span) -> Ident {
    let mut name = ident.clone();
    name.set_span(span);
    name
}
