//! Reads an item into the model: its keys, the rules between them, and its shape. Every mistake is collected.

use syn::{Data, DataEnum, DeriveInput, parse_quote};

use crate::attr::{self, EnumKeys, StructKeys};
use crate::check;
use crate::errors::Errors;
use crate::model::{EventInput, Input, Reading, SetInput, ShapeInput};
use crate::shape;

/// Reads an item that derives `Event`.
pub(crate) fn read(item: &DeriveInput) -> Reading<Input> {
    let mut errors = Errors::default();
    let (krate, input) = match &item.data {
        Data::Struct(_) => {
            let keys = StructKeys::read(&item.attrs, &mut errors);
            let krate = keys.as_ref().and_then(|keys| keys.krate.get().cloned());
            let event = event(item, keys, &mut errors);
            (krate, event.map(|event| Input::Event(Box::new(event))))
        }
        Data::Enum(data) => {
            let keys = EnumKeys::read(&item.attrs, &mut errors);
            let set = set(item, data, &keys, &mut errors);
            (keys.krate.get().cloned(), set.map(Input::Set))
        }
        Data::Union(data) => {
            errors.at(data.union_token, "unions cannot be events");
            (None, None)
        }
    };
    Reading {
        krate: krate.unwrap_or_else(|| parse_quote!(::event_core)),
        input: report(input, item, errors),
    }
}

/// Reads an item that derives `Shape`.
pub(crate) fn read_shape(item: &DeriveInput) -> Reading<ShapeInput> {
    let mut errors = Errors::default();
    let krate = attr::shape_crate(&item.attrs, &mut errors);
    if let Data::Union(data) = &item.data {
        errors.at(data.union_token, "unions have no shape");
    }
    let shape = shape::read(item, &mut errors);
    Reading { krate, input: report(Some(shape), item, errors) }
}

fn report<T>(input: Option<T>, item: &DeriveInput, errors: Errors) -> syn::Result<T> {
    match (errors.finish(), input) {
        (Some(mistakes), _) => Err(mistakes),
        (None, Some(input)) => Ok(input),
        // Not reached: a reader that returns nothing has reported why.
        (None, None) => Err(syn::Error::new_spanned(&item.ident, "this item cannot be read")),
    }
}

fn event(item: &DeriveInput, keys: Option<StructKeys>, errors: &mut Errors) -> Option<EventInput> {
    check::generics(&item.generics, "an event", errors);
    let shape = shape::read(item, errors);
    let Some(keys) = keys else {
        let name = &item.ident;
        let message = format!("missing `#[event(type = \"...\", version = ...)]` on `{name}`");
        errors.at(name, message);
        return None;
    };
    let history = check::event(&keys, &shape, errors)?;
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
        docs: attr::docs(&item.attrs),
        shape,
    })
}

fn set(
    item: &DeriveInput,
    data: &DataEnum,
    keys: &EnumKeys,
    errors: &mut Errors,
) -> Option<SetInput> {
    check::generics(&item.generics, "an event set", errors);
    if keys.meant_for_structs {
        return None;
    }
    if data.variants.is_empty() {
        errors.at(&item.ident, "an event set needs at least one variant");
    }
    let mut variants = Vec::new();
    for variant in &data.variants {
        let other = attr::other(variant, errors);
        variants.extend(check::member(variant, other.as_ref(), &variants, errors));
    }
    Some(SetInput { ident: item.ident.clone(), variants })
}
