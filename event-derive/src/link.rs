//! `link!`: links event crates, so that their claims meet in the macro namespace of the application.
//!
//! The compiler reports a claim that is there already at the attribute that brings it in. Each attribute therefore spans
//! from the first crate of the list to its own: both crates of a clash are shown.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Error, Ident, Result, Token};

/// The items of `link!(a, b)`, or the mistakes in it.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    crates(input).map_or_else(|mistake| mistake.to_compile_error(), |crates| items(&crates))
}

fn crates(input: TokenStream) -> Result<Vec<Ident>> {
    let list = Punctuated::<Ident, Token![,]>::parse_terminated.parse2(input)?;
    let crates: Vec<Ident> = list.into_iter().collect();
    if crates.is_empty() {
        let words = "name the event crates of this application: `link!(game_events, arena_events)`";
        return Err(Error::new(Span::call_site(), words));
    }
    let mistakes = crates.iter().enumerate().filter(|(at, krate)| crates[..*at].contains(krate));
    let twice =
        |(_, krate): (_, &Ident)| Error::new_spanned(krate, format!("`{krate}` is named twice"));
    match mistakes.map(twice).reduce(|mut all, next| {
        all.combine(next);
        all
    }) {
        Some(mistakes) => Err(mistakes),
        None => Ok(crates),
    }
}

fn items(crates: &[Ident]) -> TokenStream {
    let links = crates.iter().map(|krate| link(crates[0].span(), krate));
    let names = crates.iter().map(ToString::to_string);
    quote! {
        #(#links)*

        /// The event crates that this application links.
        #[allow(dead_code, reason = "an application may use the check only")]
        pub(crate) const fn linked_events() -> &'static [&'static str] {
            &[#(#names),*]
        }
    }
}

fn link(first: Span, krate: &Ident) -> TokenStream {
    let hash = Token![#](first).to_token_stream();
    let words = quote_spanned!(krate.span()=> [macro_use]);
    quote! {
        #hash #words
        #[allow(unused_imports, reason = "linked for its events and their compile-time claims")]
        extern crate #krate;
    }
}
