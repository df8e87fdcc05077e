//! `impl Event`, the proof of its version chain, and its registration.
//!
//! A call that proves something has the span of the tokens it is about: a failed proof is shown there.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ExprPath, Ident, LitStr, Type};

use crate::expand::hygiene::{at_call_site, at_span};
use crate::expand::shape;
use crate::model::{EventInput, History, Step};
use crate::tokens::text_of;

/// All items of an event.
pub(super) fn implementation(event: &EventInput) -> TokenStream {
    let name = at_call_site(&event.ident);
    let trait_impl = event_impl(event, &name);
    let chain = version_chain(&event.history, &name);
    let also = shortcuts(&event.also_from, &name);
    let shape = shape::implementation(&event.shape, None);
    let submit =
        event.register.then(|| quote!(__ev::submit! { __ev::Registration::of::<#name>() }));
    quote! {
        #trait_impl
        #shape
        #chain
        #also
        #submit
    }
}

fn event_impl(event: &EventInput, name: &Ident) -> TokenStream {
    let event_type = event.event_type.value();
    let version = Literal::u32_unsuffixed(event.version);
    let history = history(&event.history);
    let also = (!event.also_from.is_empty()).then(|| quote!(.also(__EV_ALSO_FROM)));
    let facts = facts(event);
    let validate = event.validate.as_ref().map(validate);
    let doc = sentence(event);
    quote! {
        const __EV_HISTORY: __ev::History<#name> = #history #also;
        #[doc = #doc]
        #[allow(rustdoc::private_intra_doc_links, reason = "an older version can be private")]
        #[automatically_derived]
        impl __ev::Event for #name {
            const TYPE: &'static __ev::str = #event_type;
            const VERSION: __ev::EventVersion = __ev::EventVersion::new(#version);
            const HISTORY: __ev::History<Self> = __EV_HISTORY;
            const FACTS: __ev::Facts = #facts;
            const ORIGIN: __ev::Origin = __ev::Origin::new(
                __ev::env!("CARGO_PKG_NAME"),
                __ev::env!("CARGO_PKG_VERSION"),
                __ev::file!(),
                __ev::line!(),
            );

            fn __ev_history() -> &'static __ev::History<Self> {
                &__EV_HISTORY
            }

            #validate
        }
    }
}

fn facts(event: &EventInput) -> TokenStream {
    let docs = &event.docs;
    let docs = (!docs.is_empty()).then(|| quote!(.docs(#docs)));
    let aliases = &event.aliases;
    let aliases = (!aliases.is_empty()).then(|| {
        let aliases = aliases.iter().map(LitStr::value);
        quote!(.aliases(&[#(#aliases),*]))
    });
    let readonly = event.readonly.then(|| quote!(.readonly()));
    quote!(__ev::facts!(Self) #docs #aliases #readonly)
}

/// The shortcuts, each with a proof that is shown at its type.
fn shortcuts(also: &[Type], name: &Ident) -> TokenStream {
    if also.is_empty() {
        return TokenStream::new();
    }
    let steps = also.iter().map(|from| {
        let span = from.span();
        let this = at_span(name, span);
        quote_spanned!(span=> __ev::also_from::<#from, #this>())
    });
    quote!(const __EV_ALSO_FROM: &'static [__ev::Also] = &[#(#steps),*];)
}

fn history(history: &History) -> TokenStream {
    match history {
        History::First => quote!(__ev::History::first()),
        History::Since(since) => {
            let since = Literal::u32_unsuffixed(*since);
            quote!(__ev::History::since(#since))
        }
        History::Typed { since, .. } => {
            let since = Literal::u32_unsuffixed(*since);
            quote!(__ev::History::typed(#since, &__EV_VERSION_CHAIN))
        }
        History::Json { since, .. } => {
            let since = Literal::u32_unsuffixed(*since);
            quote!(__ev::History::json(#since, __EV_VERSION_CHAIN))
        }
    }
}

fn validate(path: &ExprPath) -> TokenStream {
    // The names keep the hygiene of the derive but have the span of the path: a wrong signature is shown there.
    let span = Span::call_site().located_at(path.span());
    let arguments = quote_spanned!(span=> (self, __ev_now));
    let now = quote_spanned!(span=> __ev_now);
    let receiver = quote_spanned!(span=> &self);
    quote! {
        fn validate(
            #receiver,
            #now: __ev::DateTime<__ev::Utc>,
        ) -> __ev::Result<(), __ev::InvalidEvent> {
            #path #arguments
        }
    }
}

/// One typed step or all JSON steps, with their proof.
///
/// The const is not generic: `cargo check` does not evaluate consts in generic code.
fn version_chain(history: &History, name: &Ident) -> TokenStream {
    match history {
        History::First | History::Since(_) => TokenStream::new(),
        History::Typed { from, .. } => {
            let span = from.span();
            // An unmet bound is shown at the generic argument that fails it.
            let this = at_span(name, span);
            let step = quote_spanned!(span=> __ev::typed_step::<#from, #this>());
            quote!(const __EV_VERSION_CHAIN: __ev::Typed<#name> = #step;)
        }
        History::Json { since, steps } => json_chain(*since, steps, name),
    }
}

fn json_chain(since: u32, steps: &[Step], name: &Ident) -> TokenStream {
    let span = steps.iter().find_map(struct_span).unwrap_or_else(Span::call_site);
    let since = Literal::u32_unsuffixed(since);
    let steps = steps.iter().map(|step| json_step(step, name));
    let chain = quote_spanned!(span=> __ev::json_chain::<#name>(#since, &[#(#steps),*]));
    quote!(const __EV_VERSION_CHAIN: &'static [__ev::JsonStep] = #chain;)
}

/// Where a failed proof is shown. Steps between numbers need none: the macro has checked them.
fn struct_span(step: &Step) -> Option<Span> {
    match step {
        Step::FromStruct { from, .. } => Some(from.span()),
        Step::FromVersion { .. } => None,
    }
}

fn json_step(step: &Step, name: &Ident) -> TokenStream {
    match step {
        Step::FromVersion { from, to, with } => {
            let (from, to) = (Literal::u32_unsuffixed(*from), Literal::u32_unsuffixed(*to));
            quote!(__ev::json_step(#from, #to, #with))
        }
        Step::FromStruct { from, to, with } => {
            // 0 means the version after the struct's, which the macro does not know.
            let to = Literal::u32_unsuffixed(to.unwrap_or(0));
            let span = from.span();
            let this = at_span(name, span);
            quote_spanned!(span=> __ev::json_step_from::<#from, #this>(#to, #with))
        }
    }
}

/// The documentation of the impl.
fn sentence(event: &EventInput) -> String {
    let (event_type, version) = (event.event_type.value(), event.version);
    let history = match &event.history {
        History::First => String::new(),
        History::Since(since) => format!("; no version below {since} was ever stored"),
        History::Typed { from, .. } => format!("; migrates from {}", link(from)),
        History::Json { steps, .. } => format!("; migrates from {}", sources(steps)),
    };
    format!("Event `{event_type}`, version {version}{history}.")
}

fn sources(steps: &[Step]) -> String {
    let sources = steps.iter().map(|step| match step {
        Step::FromVersion { from, .. } => format!("version {from}"),
        Step::FromStruct { from, .. } => link(from),
    });
    sources.collect::<Vec<_>>().join(" and ")
}

/// A link in rustdoc, if the type is a plain path.
fn link(ty: &impl ToTokens) -> String {
    let name = text_of(ty);
    if name.contains(|it: char| !it.is_alphanumeric() && it != '_' && it != ':') {
        format!("`{name}`")
    } else {
        format!("[`{name}`]")
    }
}
