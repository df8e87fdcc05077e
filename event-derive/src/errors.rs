//! Collects the mistakes of one item, so that one report shows all of them.

use std::fmt::Display;

use proc_macro2::Span;
use quote::ToTokens;

/// The mistakes of one item, in the order they were found.
#[must_use]
#[derive(Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
}

impl Errors {
    /// Reports a mistake under `tokens`, from the first to the last.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.found.push(syn::Error::new_spanned(tokens, message));
    }

    /// Reports a mistake under one token.
    pub(crate) fn at_span(&mut self, span: Span, message: impl Display) {
        self.found.push(syn::Error::new(span, message));
    }

    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// All mistakes as one error; `None` without a mistake.
    pub(crate) fn finish(self) -> Option<syn::Error> {
        self.found.into_iter().reduce(|mut report, mistake| {
            report.combine(mistake);
            report
        })
    }
}
