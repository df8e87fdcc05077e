//! Generates code from the model.
//!
//! All impls are in one anonymous const that names event-core once, in the alias `__ev`: generated names cannot
//! collide with the user's. Whatever the expansion names itself begins with `__ev` (`__EV` for consts, which a user's
//! pattern, type or const could mean otherwise). Items of std are reached by `__ev::…` paths, never through the
//! prelude or a crate called `core`.
//! There is no `#[diagnostic::…]`: it does not resolve in a module with `no_implicit_prelude`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::expand::hygiene::wrapped;
use crate::model::{Input, Reading, ShapeInput};

mod claim;
mod event;
mod hygiene;
mod set;
mod shape;
mod stub;

/// The impls for an item that derives `Event`; after a mistake, the report and a stub.
pub(crate) fn derive_event(item: &DeriveInput, read: &Reading<Input>) -> TokenStream {
    match &read.input {
        Ok(Input::Event(event)) => {
            let claims = claim::claims(event);
            let body = wrapped(&read.krate, &event::implementation(event));
            quote!(#claims #body)
        }
        Ok(Input::Set(set)) => wrapped(&read.krate, &set::implementation(set)),
        Err(mistakes) => {
            let mistakes = mistakes.to_compile_error();
            let stub = stub::item(item).map(|stub| wrapped(&read.krate, &stub));
            quote!(#mistakes #stub)
        }
    }
}

/// The impl for an item that derives `Shape`; after a mistake, the report and a stub.
pub(crate) fn derive_shape(item: &DeriveInput, read: &Reading<ShapeInput>) -> TokenStream {
    match &read.input {
        Ok(shape) => wrapped(&read.krate, &shape::implementation(shape, Some(&item.generics))),
        Err(mistakes) => {
            let mistakes = mistakes.to_compile_error();
            let stub = wrapped(&read.krate, &stub::shape(&item.ident, &item.generics));
            quote!(#mistakes #stub)
        }
    }
}
