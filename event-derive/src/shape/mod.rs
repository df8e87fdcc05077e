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
use crate::shape::serde::{Cases, Serde};
use crate::tokens::text_of;

mod case;
mod serde;

/// Reads the shape of an item. Mistakes in serde's attributes are reported by serde's own derive.
pub(crate) fn read(item: &DeriveInput, errors: &mut Errors) -> ShapeInput {
    let serde = Serde::read(&item.attrs);
    let body = match (&item.data, &serde.from) {
        (_, Some(from)) => Body::Via(Box::new(from.clone())),
        (Data::Struct(data), None) => {
            let default = serde.default.then(|| match &serde.default_by {
                Some(path) => format!("`{path}` of the whole"),
                None => "the default of the whole".to_owned(),
            });
            let naming = Naming { cases: serde.rename_all, default: default.as_deref() };
            Body::Fields(fields(&data.fields, naming, serde.transparent, errors))
        }
        (Data::Enum(data), None) => {
            let variants = data.variants.iter();
            let variants = variants.filter_map(|it| variant(it, &serde, errors)).collect();
            Body::Enum(tagging(&serde), variants)
        }
        (Data::Union(_), None) => Body::Fields(FieldsInput::Unit),
    };
    ShapeInput { ident: item.ident.clone(), body, marks: container_marks(item, &serde) }
}

/// What the attributes of a type say beyond its fields.
fn container_marks(item: &DeriveInput, serde: &Serde) -> Vec<String> {
    let mut marks = Vec::new();
    if serde.closed {
        marks.push("refuses other keys".to_owned());
    }
    if let (Data::Struct(_), Some(tag)) = (&item.data, &serde.tag) {
        let own = || item.ident.unraw().to_string();
        let name = serde.written_name.clone().unwrap_or_else(own);
        marks.push(format!("tagged `{tag}` as `{name}`"));
    }
    if let Some(from) = &serde.from {
        marks.push(format!("read through `{}`", text_of(from)));
        if serde.fallible {
            marks.push("may be refused".to_owned());
        }
    }
    if let Some(into) = &serde.into {
        marks.push(format!("written through `{}`", text_of(into)));
    }
    marks.extend(unknown(serde));
    marks
}

fn unknown(serde: &Serde) -> impl Iterator<Item = String> {
    serde.unknown.iter().map(|key| format!("serde({key})"))
}

/// How fields get their names, and what gives the values of those that are missing.
#[derive(Clone, Copy)]
struct Naming<'a> {
    cases: Cases,
    default: Option<&'a str>,
}

fn fields(
    fields: &Fields,
    naming: Naming<'_>,
    transparent: bool,
    errors: &mut Errors,
) -> FieldsInput {
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

fn field(
    at: usize,
    field: &syn::Field,
    naming: Naming<'_>,
    errors: &mut Errors,
) -> Option<FieldInput> {
    let keys = FieldKeys::read(&field.attrs, errors);
    let serde = Serde::read(&field.attrs);
    if serde.is_skipped() {
        return None;
    }
    let own = field.ident.as_ref().map_or_else(|| at.to_string(), |name| name.unraw().to_string());
    let names = Names::of(&serde, |case| case.field(&own), naming.cases, &own);
    let form = match keys.shape {
        Some(words) => FormInput::Words(words, keys.sample),
        None if keys.opaque || serde.with.is_some() || serde.read_with.is_some() => {
            FormInput::Opaque
        }
        None => FormInput::Type,
    };
    let default = match &serde.default_by {
        Some(path) => Some(format!("`{path}`")),
        None if serde.default => None,
        None => naming.default.map(str::to_owned),
    };
    let mut marks = names.marks(&serde);
    marks.extend(default.map(|by| format!("missing reads by {by}")));
    Some(FieldInput {
        name: names.name,
        aliases: serde.aliases,
        ty: field.ty.clone(),
        form,
        default: serde.default || serde.never_read || naming.default.is_some(),
        omitted: serde.omitted,
        flatten: serde.flatten,
        with: serde.with,
        marks,
    })
}

/// The name of a field or a variant in JSON.
struct Names {
    /// The name that is read; of what is never read, the one that is written.
    name: String,
    written: String,
}

impl Names {
    fn of(serde: &Serde, convert: impl Fn(Case) -> String, cases: Cases, own: &str) -> Self {
        let name = |given: &Option<String>, case: Option<Case>| {
            let given = given.clone().or_else(|| case.map(&convert));
            given.unwrap_or_else(|| own.to_owned())
        };
        let written = name(&serde.written_name, cases.written);
        let read = name(&serde.read_name, cases.read);
        let name = if serde.never_read { written.clone() } else { read };
        Self { name, written }
    }

    /// What the attributes of a field or a variant say beyond its name and its default.
    fn marks(&self, serde: &Serde) -> Vec<String> {
        let mut marks = Vec::new();
        if serde.never_written {
            marks.push("never written".to_owned());
        } else if self.written != self.name {
            marks.push(format!("written as `{}`", self.written));
        }
        if serde.never_read {
            marks.push("never read".to_owned());
        }
        marks.extend(serde.written_with.iter().map(|path| format!("written with {path}")));
        marks.extend(serde.read_with.iter().map(|path| format!("read with {path}")));
        marks.extend(unknown(serde));
        marks
    }
}

fn variant(variant: &Variant, of: &Serde, errors: &mut Errors) -> Option<VariantInput> {
    let serde = Serde::read(&variant.attrs);
    if serde.is_skipped() {
        return None;
    }
    let own = variant.ident.unraw().to_string();
    let names = Names::of(&serde, |case| case.variant(&own), of.rename_all, &own);
    let naming = Naming { cases: serde.rename_all.or(of.rename_all_fields), default: None };
    let mut marks = names.marks(&serde);
    marks.extend(serde.with.iter().map(|path| format!("with {path}")));
    if serde.untagged {
        marks.push("untagged".to_owned());
    }
    Some(VariantInput {
        name: names.name,
        aliases: serde.aliases,
        other: serde.other,
        fields: fields(&variant.fields, naming, false, errors),
        marks,
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
