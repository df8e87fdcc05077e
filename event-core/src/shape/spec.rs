//! What the derive states of a type: consts of names and function pointers, made into a [`Form`] when it is asked for.
//!
//! Data, so that it costs the compiler next to nothing: the code that builds a form stands here once, not in each
//! expansion.

use crate::shape::{FieldForm, Form, Shapes, Tagging, VariantForm};

/// Gives the form of a type, or writes down its text.
pub type FormFn = fn(&mut Shapes, &'static str) -> Form;

/// A type as its derive states it.
#[derive(Debug, Clone, Copy)]
pub enum Spec {
    /// A struct.
    Fields(FieldsSpec),
    /// An enum.
    Enum(Tagging, &'static [VariantSpec]),
    /// Another type is written in its place.
    Via(FormFn, &'static str),
}

/// The fields of a struct or of a variant.
#[derive(Debug, Clone, Copy)]
pub enum FieldsSpec {
    /// None.
    Unit,
    /// One without a name: what it holds is what is written.
    Newtype(&'static FieldSpec),
    /// A list.
    Tuple(&'static [FieldSpec]),
    /// An object.
    Struct(&'static [FieldSpec]),
}

/// One variant.
#[derive(Debug, Clone, Copy)]
pub struct VariantSpec {
    /// Its name in JSON.
    pub name: &'static str,
    /// Other names that are read.
    pub aliases: &'static [&'static str],
    /// Takes every unknown name.
    pub other: bool,
    /// What it holds.
    pub fields: FieldsSpec,
}

/// One field.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "three facts that serde states apart")]
pub struct FieldSpec {
    name: &'static str,
    rust_type: &'static str,
    form: FormSpec,
    aliases: &'static [&'static str],
    default: bool,
    omitted: bool,
    flatten: bool,
    with: Option<&'static str>,
}

#[derive(Debug, Clone, Copy)]
enum FormSpec {
    Of(FormFn),
    Words(&'static str),
    Text,
}

impl FieldSpec {
    /// A field whose type says what it looks like, or does not.
    pub const fn of(name: &'static str, rust_type: &'static str, form: FormFn) -> Self {
        Self::new(name, rust_type, FormSpec::Of(form))
    }

    /// A field whose form is given in words.
    pub const fn words(name: &'static str, rust_type: &'static str, words: &'static str) -> Self {
        Self::new(name, rust_type, FormSpec::Words(words))
    }

    /// A field of which only the text of its type counts.
    pub const fn opaque(name: &'static str, rust_type: &'static str) -> Self {
        Self::new(name, rust_type, FormSpec::Text)
    }

    const fn new(name: &'static str, rust_type: &'static str, form: FormSpec) -> Self {
        Self {
            name,
            rust_type,
            form,
            aliases: &[],
            default: false,
            omitted: false,
            flatten: false,
            with: None,
        }
    }

    /// May be missing when it is read.
    #[must_use]
    pub const fn default(self) -> Self {
        Self { default: true, ..self }
    }

    /// May be left out when it is written.
    #[must_use]
    pub const fn omitted(self) -> Self {
        Self { omitted: true, ..self }
    }

    /// Stands beside the fields around it.
    #[must_use]
    pub const fn flatten(self) -> Self {
        Self { flatten: true, ..self }
    }

    /// Is read under other names, too.
    #[must_use]
    pub const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// Is written and read by a function.
    #[must_use]
    pub const fn with(self, path: &'static str) -> Self {
        Self { with: Some(path), ..self }
    }

    fn form(&self, shapes: &mut Shapes) -> Form {
        match self.form {
            FormSpec::Of(form) => form(shapes, self.rust_type),
            FormSpec::Words(words) => Form::fixed(words),
            FormSpec::Text => Form::Foreign(self.rust_type),
        }
    }

    fn field(&self, shapes: &mut Shapes) -> FieldForm {
        FieldForm {
            name: self.name,
            aliases: self.aliases,
            rust_type: self.rust_type,
            form: self.form(shapes),
            default: self.default,
            omitted: self.omitted,
            flatten: self.flatten,
            with: self.with,
        }
    }
}

impl VariantSpec {
    fn variant(&self, shapes: &mut Shapes) -> VariantForm {
        let form = match self.fields {
            FieldsSpec::Unit => None,
            fields => Some(fields.form(shapes)),
        };
        VariantForm { name: self.name, aliases: self.aliases, form, other: self.other }
    }
}

impl FieldsSpec {
    fn form(self, shapes: &mut Shapes) -> Form {
        match self {
            Self::Unit => Form::Null,
            Self::Newtype(field) => field.form(shapes),
            Self::Tuple(fields) => {
                Form::Tuple(fields.iter().map(|field| field.form(shapes)).collect())
            }
            Self::Struct(fields) => {
                Form::Struct(fields.iter().map(|field| field.field(shapes)).collect())
            }
        }
    }
}

impl Spec {
    pub(crate) fn form(&self, shapes: &mut Shapes) -> Form {
        match *self {
            Self::Fields(fields) => fields.form(shapes),
            Self::Via(form, text) => form(shapes, text),
            Self::Enum(tagging, variants) => {
                Form::Enum(tagging, variants.iter().map(|it| it.variant(shapes)).collect())
            }
        }
    }
}
