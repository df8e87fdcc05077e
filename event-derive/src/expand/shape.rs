//! `impl Shape`: what a type looks like in JSON, linked lazily to the types inside of it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, Ident, Type, parse_quote};

use crate::expand::at_call_site;
use crate::shape::{
    Body, FieldInput, FieldsInput, FormInput, ShapeInput, TaggingInput, VariantInput, compact,
};

/// The implementation for a type; `generics` are those of `#[derive(Shape)]`, an event has none.
pub(crate) fn implementation(shape: &ShapeInput, generics: Option<&Generics>) -> TokenStream {
    let name = at_call_site(&shape.ident);
    let text = shape.ident.to_string();
    let text = text.strip_prefix("r#").unwrap_or(&text);
    let form = body(&shape.body);
    let mut generics = generics.cloned().unwrap_or_default();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(_event::Shape));
    }
    let (parameters, arguments, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters _event::Shape for #name #arguments #bounds {
            fn shape(shapes: &mut _event::Shapes) -> _event::Form {
                #[allow(unused_imports, reason = "for types that say nothing of themselves")]
                use _event::ForeignForm as _;
                _event::Shapes::named::<Self>(shapes, #text, |shapes| #form)
            }
        }
    }
}

/// Beside the report of a mistake: a shape that says nothing.
pub(crate) fn stub(name: &Ident, generics: &Generics) -> TokenStream {
    let (parameters, arguments, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters _event::Shape for #name #arguments #bounds {
            fn shape(_: &mut _event::Shapes) -> _event::Form {
                _event::Form::Null
            }
        }
    }
}

fn body(body: &Body) -> TokenStream {
    match body {
        Body::Fields(fields) => form_of_fields(fields),
        Body::Via(ty) => form_of_type(ty),
        Body::Enum(tagging, variants) => {
            let tagging = self::tagging(tagging);
            let variants = variants.iter().map(variant);
            quote!(_event::Form::choice(#tagging, [#(#variants),*]))
        }
    }
}

fn tagging(tagging: &TaggingInput) -> TokenStream {
    match tagging {
        TaggingInput::External => quote!(_event::Tagging::External),
        TaggingInput::Internal(tag) => quote!(_event::Tagging::Internal(#tag)),
        TaggingInput::Adjacent(tag, content) => quote!(_event::Tagging::Adjacent(#tag, #content)),
        TaggingInput::Untagged => quote!(_event::Tagging::Untagged),
    }
}

fn variant(variant: &VariantInput) -> TokenStream {
    let name = &variant.name;
    let aliases = aliases(&variant.aliases);
    let other = variant.other.then(|| quote!(.other()));
    match &variant.fields {
        FieldsInput::Unit => quote!(_event::VariantForm::unit(#name) #aliases #other),
        fields => {
            let form = form_of_fields(fields);
            quote!(_event::VariantForm::holding(#name, #form) #aliases #other)
        }
    }
}

fn form_of_fields(fields: &FieldsInput) -> TokenStream {
    match fields {
        FieldsInput::Unit => quote!(_event::Form::Null),
        FieldsInput::Newtype(field) => form(field),
        FieldsInput::Tuple(fields) => {
            let forms = fields.iter().map(form);
            quote!(_event::Form::tuple([#(#forms),*]))
        }
        FieldsInput::Struct(fields) => {
            let fields = fields.iter().map(field);
            quote!(_event::Form::structure([#(#fields),*]))
        }
    }
}

fn field(field: &FieldInput) -> TokenStream {
    let name = &field.name;
    let text = compact(&field.ty);
    let aliases = aliases(&field.aliases);
    let default = field.default.then(|| quote!(.default()));
    let omitted = field.omitted.then(|| quote!(.omitted()));
    let flatten = field.flatten.then(|| quote!(.flatten()));
    let with = field.with.as_ref().map(|path| quote!(.with(#path)));
    let new = match &field.form {
        FormInput::Type => {
            let ty = &field.ty;
            quote!(_event::field!(shapes, #name, #ty, #text))
        }
        _ => {
            let form = form(field);
            quote!(_event::FieldForm::new(#name, #text, #form))
        }
    };
    quote!(#new #aliases #default #omitted #flatten #with)
}

fn aliases(aliases: &[String]) -> Option<TokenStream> {
    (!aliases.is_empty()).then(|| quote!(.aliases(&[#(#aliases),*])))
}

fn form(field: &FieldInput) -> TokenStream {
    match &field.form {
        FormInput::Type => form_of_type(&field.ty),
        FormInput::Words(words) => quote!(_event::Form::fixed(#words)),
        FormInput::Text => {
            let text = compact(&field.ty);
            quote!(_event::Form::Foreign(#text))
        }
    }
}

fn form_of_type(ty: &Type) -> TokenStream {
    let text = compact(ty);
    quote!(_event::Probe::<#ty>::form(shapes, #text))
}
