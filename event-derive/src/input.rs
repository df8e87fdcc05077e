//! The model of a checked item: an event, or a set of events, with every value in place.
//!
//! What is in here can be expanded without another question.

use syn::{Data, DeriveInput, ExprPath, Ident, LitStr, Path, Type, Variant, parse_quote};

use crate::attr::{EnumKeys, StructKeys};
use crate::check;
use crate::errors::Errors;
use crate::shape::{self, ShapeInput};

/// What an item turned out to be, and where event-core is; the latter is needed for the stub, too.
pub(crate) struct Reading {
    pub(crate) krate: Path,
    pub(crate) input: syn::Result<Input>,
}

/// An item without mistakes.
pub(crate) enum Input {
    Event(Box<EventInput>),
    Set(SetInput),
}

/// One version of one event.
pub(crate) struct EventInput {
    pub(crate) ident: Ident,
    pub(crate) event_type: LitStr,
    pub(crate) version: u32,
    pub(crate) history: History,
    pub(crate) also_from: Vec<Type>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) validate: Option<ExprPath>,
    pub(crate) readonly: bool,
    pub(crate) register: bool,
    pub(crate) docs: String,
    pub(crate) shape: ShapeInput,
}

/// How older versions become this one.
pub(crate) enum History {
    First,
    /// This version is the oldest that any store holds.
    Since(u32),
    Typed {
        since: u32,
        from: Box<Type>,
    },
    Json {
        since: u32,
        /// The step from a struct first, then by source version.
        steps: Vec<Step>,
    },
}

/// One JSON step.
pub(crate) enum Step {
    Numbered { from: u32, to: u32, with: ExprPath },
    Below { from: Box<Type>, to: Option<u32>, with: ExprPath },
}

/// A closed set of events.
pub(crate) struct SetInput {
    pub(crate) ident: Ident,
    pub(crate) variants: Vec<SetMember>,
}

/// A variant and the one type it holds.
pub(crate) struct SetMember {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    /// Takes the events of every type outside of the set.
    pub(crate) other: bool,
}

/// Reads and checks an item, collecting every mistake.
pub(crate) fn read(item: &DeriveInput) -> Reading {
    let mut errors = Errors::default();
    let mut krate = None;
    let input = match &item.data {
        Data::Struct(_) => {
            event(item, &mut krate, &mut errors).map(|event| Input::Event(Box::new(event)))
        }
        Data::Enum(data) => {
            let variants: Vec<&Variant> = data.variants.iter().collect();
            set(item, &variants, &mut krate, &mut errors).map(Input::Set)
        }
        Data::Union(data) => {
            errors.at(data.union_token, "unions cannot be events");
            None
        }
    };
    Reading {
        krate: krate.unwrap_or_else(|| parse_quote!(::event_core)),
        input: report(input, item, errors),
    }
}

fn report(input: Option<Input>, item: &DeriveInput, errors: Errors) -> syn::Result<Input> {
    match (errors.finish(), input) {
        (Some(mistakes), _) => Err(mistakes),
        (None, Some(input)) => Ok(input),
        // Not reached: what cannot be read is reported where it is read.
        (None, None) => Err(syn::Error::new_spanned(&item.ident, "this item cannot be read")),
    }
}

fn event(item: &DeriveInput, krate: &mut Option<Path>, errors: &mut Errors) -> Option<EventInput> {
    let keys = StructKeys::read(&item.attrs, errors);
    check::generics(&item.generics, "an event", errors);
    let shape = shape::read(item, errors);
    let Some(keys) = keys else {
        let name = &item.ident;
        let message = format!("missing `#[event(type = \"...\", version = ...)]` on `{name}`");
        errors.at(name, message);
        return None;
    };
    *krate = keys.krate.get().cloned();
    check::required(&keys, errors);
    check::aliases(&keys, errors);
    check::also_from(&keys, errors);
    check::pin(&keys, &shape, errors);
    let history = check::history(&keys, errors)?;
    Some(EventInput {
        ident: item.ident.clone(),
        event_type: keys.event_type.get()?.clone(),
        version: keys.version.get()?.value,
        history,
        also_from: keys.also_from.get().cloned().unwrap_or_default(),
        aliases: keys.aliases,
        validate: keys.validate.get().cloned(),
        readonly: keys.readonly.get().is_some(),
        register: keys.register.get().copied().unwrap_or(true),
        docs: shape::docs(&item.attrs),
        shape,
    })
}

fn set(
    item: &DeriveInput,
    variants: &[&Variant],
    krate: &mut Option<Path>,
    errors: &mut Errors,
) -> Option<SetInput> {
    let keys = EnumKeys::read(&item.attrs, errors);
    check::generics(&item.generics, "an event set", errors);
    *krate = keys.krate.get().cloned();
    if keys.meant_for_structs {
        return None;
    }
    if variants.is_empty() {
        errors.at(&item.ident, "an event set needs at least one variant");
    }
    let variants = check::variants(variants, errors);
    Some(SetInput { ident: item.ident.clone(), variants })
}
