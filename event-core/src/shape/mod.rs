//! [`Form`]: what a value looks like in JSON; [`Shape`]: the types that say so.
//!
//! A derive writes down the form of each event version: names on the wire, types, what may be missing. The lock file
//! compares it with what was stored (`event_testing::lock`), the catalogue exports it, the testing helpers make random
//! payloads from it. Forms are linked lazily, function by function, so that a type may contain itself.

pub(crate) mod of;
mod sample;
mod schema;
mod spec;
mod text;

pub(crate) use self::of::Shape;
pub use self::of::{ForeignForm, Probe, Shapes, form_of};
pub use self::sample::{Dice, NoSample, sample};
#[doc(hidden)]
pub use self::spec::{FieldSpec, FieldsSpec, FormFn, Spec, VariantSpec};
pub use self::text::{ShapeLine, fingerprint};

/// What a value looks like in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// `true` or `false`.
    Bool,
    /// An integer of a Rust type: `u8`, `i64`.
    Int(&'static str),
    /// A number with a fraction: `f32`, `f64`.
    Float(&'static str),
    /// A text with a rule: `string`, `char`, `datetime`, `uuid`.
    Text(&'static str),
    /// `null`.
    Null,
    /// Any JSON.
    Any,
    /// `null`, or the form.
    Option(Box<Self>),
    /// A list of any length.
    List(Box<Self>),
    /// A list without an order, each item once.
    Set(Box<Self>),
    /// An object with free keys, of the first form, and values of the second.
    Map(Box<Self>, Box<Self>),
    /// A list of so many items, each of its own form.
    Tuple(Vec<Self>),
    /// An object with fixed keys.
    Struct(Vec<FieldForm>),
    /// One of several.
    Enum(Tagging, Vec<VariantForm>),
    /// A Rust type with a name, which counts for a newtype (`Seconds` is not `Millis`) and not for an object.
    Named(&'static str, Box<Self>),
    /// The named type so many names above, again.
    Again(usize),
    /// A type that says nothing of itself, by its text; see `#[event(shape = "…")]` and `#[derive(Shape)]`.
    Foreign(&'static str),
    /// A form that was fixed by a text, as `#[event(shape = "…")]` does.
    Fixed(&'static str),
}

impl Form {
    /// The form that a word of the lock file names, or the word itself as a form.
    pub fn fixed(text: &'static str) -> Self {
        match text {
            "bool" => Self::Bool,
            "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64"
            | "i128" | "isize" => Self::Int(text),
            "f32" | "f64" => Self::Float(text),
            "string" | "char" | "datetime" | "uuid" => Self::Text(text),
            "null" => Self::Null,
            "any" => Self::Any,
            text => Self::composed(text),
        }
    }

    fn composed(text: &'static str) -> Self {
        let boxed = |text| Box::new(Self::fixed(text));
        match text.split_once(' ') {
            Some(("option", rest)) => Self::Option(boxed(rest)),
            Some(("list", rest)) if rest.starts_with("of ") => Self::List(boxed(&rest[3..])),
            Some(("set", rest)) if rest.starts_with("of ") => Self::Set(boxed(&rest[3..])),
            Some(("map", rest)) if rest.starts_with("of ") => match rest[3..].split_once(" to ") {
                Some((key, value)) => Self::Map(boxed(key), boxed(value)),
                None => Self::Fixed(text),
            },
            _ => Self::Fixed(text),
        }
    }

    /// The form under the names of newtypes and structs.
    pub fn bare(&self) -> &Self {
        match self {
            Self::Named(_, form) => form.bare(),
            form => form,
        }
    }

    /// An object whose keys stand beside those of the object around it.
    pub(crate) fn is_object(&self) -> bool {
        match self.bare() {
            Self::Struct(_) | Self::Map(..) => true,
            Self::Option(form) => form.is_object(),
            _ => false,
        }
    }
}

/// One key of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "four facts that serde states apart")]
pub struct FieldForm {
    /// The key in JSON.
    pub name: &'static str,
    /// Other keys that are read.
    pub aliases: &'static [&'static str],
    /// The Rust type, as it is written.
    pub rust_type: &'static str,
    /// The form of the value.
    pub form: Form,
    /// May be missing when it is read.
    pub default: bool,
    /// May be left out when it is written.
    pub omitted: bool,
    /// The keys of the value stand beside this object's own.
    pub flatten: bool,
    /// Written and read by a function, whose path this is.
    pub with: Option<&'static str>,
}

impl FieldForm {
    /// Whether a payload without it can be read.
    pub(crate) fn may_be_missing(&self) -> bool {
        // serde reads a missing `Option` as none, unless a function reads it.
        self.default || (self.with.is_none() && matches!(self.form, Form::Option(_)))
    }
}

/// One variant of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantForm {
    /// Its name in JSON.
    pub name: &'static str,
    /// Other names that are read.
    pub aliases: &'static [&'static str],
    /// What it holds; a unit variant holds nothing.
    pub form: Option<Form>,
    /// `#[serde(other)]`: what every unknown name becomes.
    pub other: bool,
}

/// Where the name of a variant stands; serde's four ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tagging {
    /// `{"Name": …}`, or `"Name"` for a unit variant.
    External,
    /// `{"tag": "Name", …}`.
    Internal(&'static str),
    /// `{"tag": "Name", "content": …}`.
    Adjacent(&'static str, &'static str),
    /// Nowhere: the first variant that fits.
    Untagged,
}
