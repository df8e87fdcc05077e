//! The model: what an item means, with every value checked. Generated code needs nothing else.
//!
//! It has three types: [`EventInput`] for a struct, [`SetInput`] for an enum, and [`ShapeInput`] for the JSON of a type.

use syn::{ExprPath, Fields, Ident, LitStr, Path, Type, Variant};

/// The model of an item or its mistakes, and the path of event-core, which the code beside a mistake needs as well.
pub(crate) struct Reading<T> {
    pub(crate) krate: Path,
    pub(crate) input: syn::Result<T>,
}

/// An item that derives `Event`.
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
    /// No version below this one was ever stored.
    Since(u32),
    /// One step from the struct of the version before.
    Typed {
        since: u32,
        from: Box<Type>,
    },
    /// Steps over stored JSON.
    Json {
        since: u32,
        /// By source version, a step from a struct first.
        steps: Vec<Step>,
    },
}

/// One JSON step.
pub(crate) enum Step {
    FromVersion { from: u32, to: u32, with: ExprPath },
    FromStruct { from: Box<Type>, to: Option<u32>, with: ExprPath },
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
    /// Holds the events of every type outside the set.
    pub(crate) other: bool,
}

impl SetMember {
    /// The one type that a variant like `Started(GameStarted)` holds; `None` where it holds anything else.
    pub(crate) fn of(variant: &Variant, other: bool) -> Option<Self> {
        match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                let ty = fields.unnamed.first()?.ty.clone();
                Some(Self { ident: variant.ident.clone(), ty, other })
            }
            _ => None,
        }
    }
}

/// What a type looks like in JSON.
pub(crate) struct ShapeInput {
    pub(crate) ident: Ident,
    pub(crate) body: Body,
    /// What serde's attributes say about the type as a whole.
    pub(crate) marks: Vec<String>,
}

pub(crate) enum Body {
    Fields(FieldsInput),
    Enum(TaggingInput, Vec<VariantInput>),
    /// `#[serde(from = "…")]`: another type is read in its place.
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
    pub(crate) marks: Vec<String>,
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
    /// What serde's other attributes say.
    pub(crate) marks: Vec<String>,
}

/// Where the form of a field comes from.
pub(crate) enum FormInput {
    /// The type itself.
    Type,
    /// `#[event(shape = "…")]`, with the JSON of `sample = …`
    Words(LitStr, Option<String>),
    /// The text of the type: `#[event(opaque)]`, or `#[serde(with = "…")]`.
    Opaque,
}
