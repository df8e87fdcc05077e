//! The shape of a type: what it looks like in JSON, as far as its tokens say.
//!
//! serde writes the payload, so serde's attributes count: names, defaults, flattening, tags. Docs and other attributes
//! do not.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Data, DeriveInput, Expr, Fields, Ident, Lit, LitStr, Meta, Type, Variant};

use crate::attr::FieldKeys;
use crate::errors::Errors;
use crate::shape::case::Case;
use crate::shape::serde::Serde;

mod case;
mod serde;

/// What a type looks like.
pub(crate) struct ShapeInput {
    pub(crate) ident: Ident,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    Fields(FieldsInput),
    Enum(TaggingInput, Vec<VariantInput>),
    /// `#[serde(into = "…")]` and its like: another type is written.
    Via(Box<Type>),
}

pub(crate) enum FieldsInput {
    Unit,
    Newtype(Box<FieldInput>),
    Tuple(Vec<FieldInput>),
    Struct(Vec<FieldInput>),
}

pub(crate) enum TaggingInput {
    External,
    Internal(String),
    Adjacent(String, String),
    Untagged,
}

pub(crate) struct VariantInput {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) other: bool,
    pub(crate) fields: FieldsInput,
}

pub(crate) struct FieldInput {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) ty: Type,
    pub(crate) form: FormInput,
    pub(crate) default: bool,
    pub(crate) omitted: bool,
    pub(crate) flatten: bool,
    pub(crate) with: Option<String>,
}

/// Where the form of a field comes from.
pub(crate) enum FormInput {
    /// The type itself.
    Type,
    /// `#[event(shape = "…")]`
    Words(LitStr),
    /// `#[event(opaque)]`, or a function that writes it.
    Text,
}

/// Reads the shape of an item; mistakes of serde's attributes are serde's to report.
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

/// The doc comment of an item, as text.
pub(crate) fn docs(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter_map(|attr| {
        let Meta::NameValue(pair) = &attr.meta else { return None };
        let Expr::Lit(literal) = &pair.value else { return None };
        let Lit::Str(text) = &literal.lit else { return None };
        let text = text.value();
        pair.path.is_ident("doc").then(|| text.strip_prefix(' ').unwrap_or(&text).to_owned())
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
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
        // serde drops skipped fields of a tuple, but counts those that were written down for a newtype.
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
    let own = field.ident.as_ref().map_or_else(|| at.to_string(), unraw);
    let cased = naming.case.map_or_else(|| own.clone(), |case| case.field(&own));
    let form = match keys.shape {
        Some(words) => FormInput::Words(words),
        None if keys.opaque || serde.with.is_some() => FormInput::Text,
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
    let own = unraw(&variant.ident);
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

fn unraw(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").unwrap_or(&name).to_owned()
}

impl ShapeInput {
    /// A number for the struct's own tokens: what a pin holds. Types inside of it count by their text.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut text = String::new();
        match &self.body {
            Body::Fields(fields) => describe(fields, &mut text),
            Body::Via(ty) => text.push_str(&compact(ty)),
            // No event is an enum.
            Body::Enum(..) => {}
        }
        fnv(text.as_bytes())
    }
}

fn describe(fields: &FieldsInput, text: &mut String) {
    let (in_order, fields): (bool, Vec<&FieldInput>) = match fields {
        FieldsInput::Unit => (true, Vec::new()),
        FieldsInput::Newtype(field) => (true, vec![field]),
        FieldsInput::Tuple(fields) => (true, fields.iter().collect()),
        FieldsInput::Struct(fields) => (false, fields.iter().collect()),
    };
    let mut lines: Vec<String> = fields.into_iter().map(line).collect();
    // In an object order says nothing.
    if !in_order {
        lines.sort();
    }
    text.push_str(&lines.concat());
}

fn line(field: &FieldInput) -> String {
    let form = match &field.form {
        FormInput::Words(words) => words.value(),
        FormInput::Type | FormInput::Text => compact(&field.ty),
    };
    format!(
        "{} {form} {:?} {} {} {} {:?}\n",
        field.name, field.aliases, field.default, field.omitted, field.flatten, field.with
    )
}

/// 64-bit FNV-1a (Fowler, Noll, Vo): small, and the same wherever it is written down.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Tokens the way a person writes them, whatever the spaces were and whichever macro they went through.
pub(crate) fn compact(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    push(tokens.to_token_stream(), &mut text);
    text
}

fn push(tokens: TokenStream, text: &mut String) {
    let mut word_before = false;
    for token in tokens {
        let word = matches!(token, TokenTree::Ident(_) | TokenTree::Literal(_));
        if word && word_before {
            text.push(' ');
        }
        match token {
            // What `$ty:ty` of a macro leaves behind.
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                push(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => {
                text.push(punct.as_char());
                if matches!(punct.as_char(), ',' | ';') {
                    text.push(' ');
                }
            }
            token => text.push_str(&token.to_string()),
        }
        word_before = word;
    }
}
