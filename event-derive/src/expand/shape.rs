//! `impl Shape`: what a type looks like in JSON, with a function for each type inside it, as types may be recursive.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Generics, parse_quote};

use crate::expand::hygiene::at_call_site;
use crate::model::{
    Body, FieldInput, FieldsInput, FormInput, ShapeInput, TaggingInput, VariantInput,
};
use crate::tokens::text_of;

/// The impl for a type. Only a type that derives `Shape` can have `generics`: an event has none.
pub(super) fn implementation(shape: &ShapeInput, generics: Option<&Generics>) -> TokenStream {
    let name = at_call_site(&shape.ident);
    let text = shape.ident.unraw().to_string();
    let spec = body(&shape.body);
    let mut generics = generics.cloned().unwrap_or_default();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(__ev::Shape));
    }
    let (parameters, arguments, bounds) = generics.split_for_impl();
    let marks = &shape.marks;
    let form = if marks.is_empty() {
        quote!(__ev::Shapes::named(__ev_shapes, __ev::type_name::<Self>(), #text, &__ev_spec))
    } else {
        quote! {
            __ev::Shapes::marked(__ev_shapes, __ev::type_name::<Self>(), #text, &__ev_spec, &[#(#marks),*])
        }
    };
    quote! {
        #[automatically_derived]
        impl #parameters __ev::Shape for #name #arguments #bounds {
            fn shape(__ev_shapes: &mut __ev::Shapes) -> __ev::Form {
                #[allow(unused_imports, reason = "for types without a `Shape`")]
                use __ev::ForeignForm as _;
                let __ev_spec = const { #spec };
                #form
            }
        }
    }
}

fn body(body: &Body) -> TokenStream {
    match body {
        Body::Fields(fields) => {
            let fields = fields_spec(fields);
            quote!(__ev::Spec::Fields(#fields))
        }
        Body::Via(ty) => {
            let text = text_of(ty);
            quote!(__ev::Spec::Via(__ev::Probe::<#ty>::form, #text))
        }
        Body::Enum(tagging, variants) => {
            let tagging = self::tagging(tagging);
            let variants = variants.iter().map(variant);
            quote!(__ev::Spec::Enum(#tagging, &[#(#variants),*]))
        }
    }
}

fn tagging(tagging: &TaggingInput) -> TokenStream {
    match tagging {
        TaggingInput::External => quote!(__ev::Tagging::External),
        TaggingInput::Internal(tag) => quote!(__ev::Tagging::Internal(#tag)),
        TaggingInput::Adjacent(tag, content) => quote!(__ev::Tagging::Adjacent(#tag, #content)),
        TaggingInput::Untagged => quote!(__ev::Tagging::Untagged),
    }
}

/// A struct literal, not a call: the slices in it then live as long as the const.
fn variant(variant: &VariantInput) -> TokenStream {
    let VariantInput { name, aliases, other, fields, marks } = variant;
    let fields = fields_spec(fields);
    quote! {
        __ev::VariantSpec {
            name: #name, aliases: &[#(#aliases),*], other: #other, fields: #fields, marks: &[#(#marks),*]
        }
    }
}

fn fields_spec(fields: &FieldsInput) -> TokenStream {
    match fields {
        FieldsInput::Unit => quote!(__ev::FieldsSpec::Unit),
        FieldsInput::Newtype(only) => {
            let only = field(only);
            quote!(__ev::FieldsSpec::Newtype(&#only))
        }
        FieldsInput::Tuple(fields) => {
            let fields = fields.iter().map(field);
            quote!(__ev::FieldsSpec::Tuple(&[#(#fields),*]))
        }
        FieldsInput::Struct(fields) => {
            let fields = fields.iter().map(field);
            quote!(__ev::FieldsSpec::Struct(&[#(#fields),*]))
        }
    }
}

fn field(field: &FieldInput) -> TokenStream {
    let (name, ty) = (&field.name, &field.ty);
    let text = text_of(ty);
    let new = match &field.form {
        FormInput::Type => quote!(__ev::field!(#name, #ty, #text)),
        FormInput::Words(words, None) => quote!(__ev::FieldSpec::fixed(#name, #text, #words)),
        FormInput::Words(words, Some(sample)) => {
            quote!(__ev::FieldSpec::sampled(#name, #text, #words, #sample))
        }
        FormInput::Opaque => quote!(__ev::FieldSpec::opaque(#name, #text)),
    };
    let aliases = aliases(&field.aliases);
    let default = field.default.then(|| quote!(.default()));
    let omitted = field.omitted.then(|| quote!(.omitted()));
    let flatten = field.flatten.then(|| quote!(.flatten()));
    let with = field.with.as_ref().map(|path| quote!(.with(#path)));
    let marks = &field.marks;
    let marks = (!marks.is_empty()).then(|| quote!(.marks(&[#(#marks),*])));
    quote!(#new #aliases #default #omitted #flatten #with #marks)
}

fn aliases(aliases: &[String]) -> Option<TokenStream> {
    (!aliases.is_empty()).then(|| quote!(.aliases(&[#(#aliases),*])))
}
