//! The model: what an item means, with every value checked. Generated code needs nothing else.
//!
//! Three types: [`EventInput`] for a struct, [`SetInput`] for an enum, [`ShapeInput`] for what a type looks like in JSON.

use syn::{ExprPath, Fields, Ident, LitStr, Path, Type, Variant};

/// What was read of an item, and where event-core is; the latter is needed for the stub, too.
pub(crate) struct Reading<T> {
    pub(crate) krate: Path,
    pub(crate) input: syn::Result<T>,
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
