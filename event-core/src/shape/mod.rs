//! [`Form`]: the JSON structure of a value; [`Shape`]: the types whose form is known.
//!
//! The derive records the form of each event version: JSON names, types, optional keys. The lock file of an event crate
//! compares it with the released one, the catalogue exports it, the testing helpers generate payloads from it. Forms
//! are computed lazily through function pointers, so a type may contain itself.

mod foreign;
mod generator;
pub(crate) mod of;
mod sample;
mod schema;
mod shapes;
mod spec;
mod text;

pub use self::generator::{Generator, Turns};
pub(crate) use self::of::Shape;
pub use self::of::{ForeignForm, Probe, form_of};
pub use self::sample::{NoSample, sample, sample_beside};
pub use self::shapes::Shapes;
#[doc(hidden)]
pub use self::spec::{FieldSpec, FieldsSpec, FormFn, Spec, VariantSpec};
pub use self::text::{ShapeLine, fingerprint};

/// The structure of a value in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// `true` or `false`.
    Bool,
    /// An integer, with its Rust type: `u8`, `i64`; `nonzero u8` if it is never 0.
    Int(&'static str),
    /// A floating-point number, with its Rust type: `f32`, `f64`.
    Float(&'static str),
    /// A string, with its format: `string`, `char`, `datetime`, `uuid`, and the other words of [`Form::fixed`].
    Text(&'static str),
    /// `null`.
    Null,
    /// Any JSON value.
    Any,
    /// `null`, or a value of the form.
    Option(Box<Self>),
    /// A list of any length.
    List(Box<Self>),
    /// An unordered list of distinct items.
    Set(Box<Self>),
    /// An object with arbitrary keys: the forms of a key and of a value.
    Map(Box<Self>, Box<Self>),
    /// A list of fixed length, with a form for each item.
    Tuple(Vec<Self>),
    /// An object with fixed keys.
    Struct(Vec<FieldForm>),
    /// One of several variants.
    Enum(Tagging, Vec<VariantForm>),
    /// A named Rust type. The name is part of the shape of a newtype (`Seconds` is not `Millis`), not of an object.
    Named(&'static str, Box<Self>),
    /// A form with what serde's attributes say about it, as the lock words it: `refuses other keys`.
    Marked(Vec<String>, Box<Self>),
    /// A form with the JSON of a value of it, for payloads that are generated.
    Sampled(&'static str, Box<Self>),
    /// A recursive type: the enclosing [`Named`](Self::Named) form this many levels up, 1 for the innermost.
    Recursive(usize),
    /// A type without a known form, by its Rust name; see `#[event(shape = "…")]` and `#[derive(Shape)]`.
    Foreign(&'static str),
    /// A form stated by a custom text in `#[event(shape = "…")]`.
    Fixed(&'static str),
}

impl Form {
    /// Parses a form as the lock file spells it; any other text becomes [`Form::Fixed`].
    ///
    /// The words are `bool`, the names of the integers and floats, `string`, `char`, `datetime` (with an offset),
    /// `local datetime`, `date`, `time`, `weekday`, `month`, `uuid`, `decimal`, `url`, `ip`, `ipv4`, `ipv6`,
    /// `socket address`, `null` and `any`; and with any of them in place of `…`: `nonzero …` of an integer, `option …`,
    /// `list of …`, `set of …`, `map of … to …`.
    pub fn fixed(text: &'static str) -> Self {
        match text {
            "bool" => Self::Bool,
            "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64"
            | "i128" | "isize" => Self::Int(text),
            "f32" | "f64" => Self::Float(text),
            "string" | "char" | "datetime" | "local datetime" | "date" | "time" | "weekday"
            | "month" | "uuid" | "decimal" | "url" | "ip" | "ipv4" | "ipv6" | "socket address" => {
                Self::Text(text)
            }
            "null" => Self::Null,
            "any" => Self::Any,
            text => Self::composed(text),
        }
    }

    fn composed(text: &'static str) -> Self {
        let boxed = |text| Box::new(Self::fixed(text));
        match text.split_once(' ') {
            Some(("nonzero", rest)) if matches!(Self::fixed(rest), Self::Int(_)) => Self::Int(text),
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

    /// Returns the form without the names of newtypes and structs around it.
    pub fn bare(&self) -> &Self {
        match self {
            Self::Named(_, form) | Self::Marked(_, form) | Self::Sampled(_, form) => form.bare(),
            form => form,
        }
    }

    /// Whether the value is an object, or an optional one: only then can it be flattened into another object.
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
#[allow(clippy::struct_excessive_bools, reason = "independent serde attributes")]
pub struct FieldForm {
    /// The key in JSON.
    pub name: &'static str,
    /// Other keys accepted when reading.
    pub aliases: &'static [&'static str],
    /// The Rust type, as the source code spells it.
    pub rust_type: &'static str,
    /// The form of the value.
    pub form: Form,
    /// Whether the key may be missing when reading (`#[serde(default)]`).
    pub default: bool,
    /// Whether the key may be left out when writing (`#[serde(skip_serializing_if)]`).
    pub omitted: bool,
    /// Whether the keys of the value are merged into this object (`#[serde(flatten)]`).
    pub flatten: bool,
    /// The path of a custom (de)serialization function (`#[serde(with)]`).
    pub with: Option<&'static str>,
    /// What serde's other attributes say, as the lock words it: `never read`.
    pub marks: &'static [&'static str],
}

impl FieldForm {
    /// Whether a payload without the key can be read.
    pub(crate) fn may_be_missing(&self) -> bool {
        // serde reads a missing `Option` as `None`, unless a custom function deserializes it.
        self.default || (self.with.is_none() && matches!(self.form, Form::Option(_)))
    }

    /// Whether the value is read; one that is only written is of no use to a reader.
    pub(crate) fn is_read(&self) -> bool {
        !self.marks.contains(&"never read")
    }
}

/// One variant of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantForm {
    /// The name in JSON.
    pub name: &'static str,
    /// Other names accepted when reading.
    pub aliases: &'static [&'static str],
    /// The form of the content; `None` for a unit variant.
    pub form: Option<Form>,
    /// Whether unknown names are read as this variant (`#[serde(other)]`).
    pub other: bool,
    /// What serde's other attributes say, as the lock words it.
    pub marks: &'static [&'static str],
}

impl VariantForm {
    /// Whether the variant is read; one that is only written is of no use to a reader.
    pub(crate) fn is_read(&self) -> bool {
        !self.marks.contains(&"never read")
    }
}

/// serde's four enum representations: where JSON holds the name of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tagging {
    /// `{"Name": …}`, or `"Name"` for a unit variant.
    External,
    /// `{"tag": "Name", …}`.
    Internal(&'static str),
    /// `{"tag": "Name", "content": …}`.
    Adjacent(&'static str, &'static str),
    /// No name; the first variant that fits is read.
    Untagged,
}
