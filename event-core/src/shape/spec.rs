//! The static description of a type that the derive emits; converted into a [`Form`] on demand.
//!
//! It consists of constants and function pointers to keep expansions cheap to compile: the code that builds a form is
//! here, not in each expansion.

use crate::shape::{FieldForm, Form, Shapes, Tagging, VariantForm};

/// Returns the form of a type; [`Form::Foreign`] with the given text if the type does not implement `Shape`.
pub type FormFn = fn(&mut Shapes, &'static str) -> Form;

/// A type as its derive describes it.
#[derive(Debug, Clone, Copy)]
pub enum Spec {
    /// A struct.
    Fields(FieldsSpec),
    /// An enum.
    Enum(Tagging, &'static [VariantSpec]),
    /// A type that is deserialized as another type (`#[serde(from)]`), with that type's form and name.
    Via(FormFn, &'static str),
}

/// The fields of a struct or of a variant.
#[derive(Debug, Clone, Copy)]
pub enum FieldsSpec {
    /// No fields: `null`.
    Unit,
    /// One unnamed field: serialized as its value.
    Newtype(&'static FieldSpec),
    /// Unnamed fields: serialized as a list.
    Tuple(&'static [FieldSpec]),
    /// Named fields: serialized as an object.
    Struct(&'static [FieldSpec]),
}

/// One variant of an enum.
#[derive(Debug, Clone, Copy)]
pub struct VariantSpec {
    /// The name in JSON.
    pub name: &'static str,
    /// Other names accepted when reading.
    pub aliases: &'static [&'static str],
    /// Whether unknown names are read as this variant.
    pub other: bool,
    /// The content.
    pub fields: FieldsSpec,
    /// What serde's other attributes say, as the lock words it.
    pub marks: &'static [&'static str],
}

/// One field of a struct or a variant.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "independent serde attributes")]
pub struct FieldSpec {
    name: &'static str,
    rust_type: &'static str,
    form: FormSpec,
    aliases: &'static [&'static str],
    default: bool,
    omitted: bool,
    flatten: bool,
    with: Option<&'static str>,
    marks: &'static [&'static str],
}

/// How the form of a field is determined.
#[derive(Debug, Clone, Copy)]
enum FormSpec {
    /// By the field's type.
    Type(FormFn),
    /// By the text of `#[event(shape = "…")]`.
    Fixed(&'static str),
    /// By that text, with the JSON of `#[event(sample = …)]`.
    Sampled(&'static str, &'static str),
    /// Not at all: only the name of the Rust type is known.
    Opaque,
}

impl FieldSpec {
    /// A field whose form is that of its type.
    pub const fn of(name: &'static str, rust_type: &'static str, form: FormFn) -> Self {
        Self::new(name, rust_type, FormSpec::Type(form))
    }

    /// A field whose form is stated by `#[event(shape = "…")]`.
    pub const fn fixed(name: &'static str, rust_type: &'static str, form: &'static str) -> Self {
        Self::new(name, rust_type, FormSpec::Fixed(form))
    }

    /// A field of which only the name of the Rust type is known.
    pub const fn opaque(name: &'static str, rust_type: &'static str) -> Self {
        Self::new(name, rust_type, FormSpec::Opaque)
    }

    /// As [`fixed`](Self::fixed), with the JSON of `#[event(sample = …)]`.
    pub const fn sampled(
        name: &'static str,
        rust_type: &'static str,
        form: &'static str,
        sample: &'static str,
    ) -> Self {
        Self::new(name, rust_type, FormSpec::Sampled(form, sample))
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
            marks: &[],
        }
    }

    /// Allows the key to be missing when reading.
    #[must_use]
    pub const fn default(self) -> Self {
        Self { default: true, ..self }
    }

    /// Allows the key to be left out when writing.
    #[must_use]
    pub const fn omitted(self) -> Self {
        Self { omitted: true, ..self }
    }

    /// Merges the keys of the value into the enclosing object.
    #[must_use]
    pub const fn flatten(self) -> Self {
        Self { flatten: true, ..self }
    }

    /// Sets other keys accepted when reading.
    #[must_use]
    pub const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// Sets the path of a custom (de)serialization function.
    #[must_use]
    pub const fn with(self, path: &'static str) -> Self {
        Self { with: Some(path), ..self }
    }

    /// Sets what serde's other attributes say, as the lock words it.
    #[must_use]
    pub const fn marks(self, marks: &'static [&'static str]) -> Self {
        Self { marks, ..self }
    }

    /// The form of a field that has no key of its own, with what its attributes say.
    fn marked_form(&self, shapes: &mut Shapes) -> Form {
        let mut marks: Vec<String> = self.marks.iter().map(|mark| (*mark).to_owned()).collect();
        marks.extend(self.with.map(|path| format!("with {path}")));
        let form = self.form(shapes);
        if marks.is_empty() { form } else { Form::Marked(marks, Box::new(form)) }
    }

    fn form(&self, shapes: &mut Shapes) -> Form {
        match self.form {
            FormSpec::Type(form) => form(shapes, self.rust_type),
            FormSpec::Fixed(text) => Form::fixed(text),
            FormSpec::Sampled(text, sample) => Form::Sampled(sample, Box::new(Form::fixed(text))),
            FormSpec::Opaque => Form::Foreign(self.rust_type),
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
            marks: self.marks,
        }
    }
}

impl VariantSpec {
    fn variant(&self, shapes: &mut Shapes) -> VariantForm {
        let form = match self.fields {
            FieldsSpec::Unit => None,
            fields => Some(fields.form(shapes)),
        };
        VariantForm {
            name: self.name,
            aliases: self.aliases,
            form,
            other: self.other,
            marks: self.marks,
        }
    }
}

impl FieldsSpec {
    fn form(self, shapes: &mut Shapes) -> Form {
        match self {
            Self::Unit => Form::Null,
            Self::Newtype(field) => field.marked_form(shapes),
            Self::Tuple(fields) => {
                Form::Tuple(fields.iter().map(|field| field.marked_form(shapes)).collect())
            }
            Self::Struct(fields) => {
                Form::Struct(fields.iter().map(|field| field.field(shapes)).collect())
            }
        }
    }
}

impl Spec {
    fn form(&self, shapes: &mut Shapes) -> Form {
        match *self {
            Self::Fields(fields) => fields.form(shapes),
            Self::Via(form, text) => form(shapes, text),
            Self::Enum(tagging, variants) => {
                Form::Enum(tagging, variants.iter().map(|it| it.variant(shapes)).collect())
            }
        }
    }
}

impl Shapes {
    /// Builds the form of a derived type; [`Form::Recursive`] if the type encloses itself.
    ///
    /// `path` is the [`type_name`](std::any::type_name), which identifies the type. Unlike a `TypeId` it is the same
    /// when a crate is compiled twice, as a library and for its unit tests.
    pub fn named(&mut self, path: &'static str, name: &'static str, spec: &Spec) -> Form {
        self.enclosed(path, name, |shapes| spec.form(shapes))
    }

    /// As [`named`](Self::named), for a type with attributes of serde that concern it as a whole.
    pub fn marked(
        &mut self,
        path: &'static str,
        name: &'static str,
        spec: &Spec,
        marks: &[&'static str],
    ) -> Form {
        self.enclosed(path, name, |shapes| {
            let marks = marks.iter().map(|mark| (*mark).to_owned()).collect();
            Form::Marked(marks, Box::new(spec.form(shapes)))
        })
    }
}
