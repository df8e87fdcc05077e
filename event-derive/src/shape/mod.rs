//! Reads the shape of a type: what it looks like in JSON, as far as its tokens show.
//!
//! serde writes the payload, so serde's attributes count: names, defaults, flattening, tags. Docs and other attributes
//! do not.

use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Variant};

use crate::attr::FieldKeys;
use crate::errors::Errors;
use crate::model::{
    Body, FieldInput, FieldsInput, FormInput, ShapeInput, TaggingInput, VariantInput,
};
use crate::shape::case::Case;
use crate::shape::serde::Serde;

mod case;
mod serde;

/// Reads the shape of an item. Mistakes in serde's attributes are reported by serde's own derive.
pub(crate) fn read(item: &DeriveInput, errors: &mut Errors) -> ShapeInput {
    let serde = Serde::read(&item.attrs);
    let body = match &item.data {
        _ if serde.via.is_some() => serde
            .via
            .map_or_else(|| Body::Fields(FieldsInput::Unit), |via| Body::Via(Box::new(via))),
        Data::Struct(data) => {
            let naming = Naming { case: serde.rename_all, default: serde.default };
            Body::Fields(fields(&data.fields, naming, serde.transparent, errors))
        }
        Data::Enum(data) => {
            let variants = data.variants.iter();
            let variants = variants.filter_map(|it| variant(it, &serde, errors)).collect();
            Body::Enum(tagging(&serde), variants)
        }
        Data::Union(_) => Body::Fields(FieldsInput::Unit),
    };
    ShapeInput { ident: item.ident.clone(), body }
}

/// How fields get their names, and whether all of them may be missing.
#[derive(Clone, Copy)]
struct Naming {
    case: Option<Case>,
    default: bool,
}

fn fields(fields: &Fields, naming: Naming, transparent: bool, errors: &mut Errors) -> FieldsInput {
    let read: Vec<FieldInput> = fields
        .iter()
        .enumerate()
        .filter_map(|(at, field)| self::field(at, field, naming, errors))
        .collect();
    let mut read = read.into_iter();
    match fields {
        Fields::Unit => FieldsInput::Unit,
        Fields::Named(_) if !transparent => FieldsInput::Struct(read.collect()),
        // serde omits skipped fields of a tuple, but counts them where it tells a tuple from a newtype.
        Fields::Unnamed(all) if all.unnamed.len() != 1 && !transparent => {
            FieldsInput::Tuple(read.collect())
        }
        _ => read.next().map_or(FieldsInput::Unit, |field| FieldsInput::Newtype(Box::new(field))),
    }
}

fn field(at: usize, field: &syn::Field, naming: Naming, errors: &mut Errors) -> Option<FieldInput> {
    let keys = FieldKeys::read(&field.attrs, errors);
    let serde = Serde::read(&field.attrs);
    if serde.skip {
        return None;
    }
    let own = field.ident.as_ref().map_or_else(|| at.to_string(), |name| name.unraw().to_string());
    let cased = naming.case.map_or_else(|| own.clone(), |case| case.field(&own));
    let form = match keys.shape {
        Some(words) => FormInput::Words(words),
        None if keys.opaque || serde.with.is_some() => FormInput::Opaque,
        None => FormInput::Type,
    };
    Some(FieldInput {
        name: serde.rename.unwrap_or(cased),
        aliases: serde.aliases,
        ty: field.ty.clone(),
        form,
        default: serde.default || naming.default,
        omitted: serde.omitted,
        flatten: serde.flatten,
        with: serde.with,
    })
}

fn variant(variant: &Variant, of: &Serde, errors: &mut Errors) -> Option<VariantInput> {
    let serde = Serde::read(&variant.attrs);
    if serde.skip {
        return None;
    }
    let own = variant.ident.unraw().to_string();
    let cased = of.rename_all.map_or_else(|| own.clone(), |case| case.variant(&own));
    let naming = Naming { case: serde.rename_all.or(of.rename_all_fields), default: false };
    Some(VariantInput {
        name: serde.rename.unwrap_or(cased),
        aliases: serde.aliases,
        other: serde.other,
        fields: fields(&variant.fields, naming, false, errors),
    })
}

fn tagging(serde: &Serde) -> TaggingInput {
    match (&serde.tag, &serde.content) {
        _ if serde.untagged => TaggingInput::Untagged,
        (Some(tag), Some(content)) => TaggingInput::Adjacent(tag.clone(), content.clone()),
        (Some(tag), None) => TaggingInput::Internal(tag.clone()),
        _ => TaggingInput::External,
    }
}
