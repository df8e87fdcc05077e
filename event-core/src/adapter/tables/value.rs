//! [`TableValue`]: a value that every backend with tables stores, and how Rust's become one.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use uuid::Uuid;

use super::decimal::Decimal;
use crate::event::DEEPEST;
use crate::value::{EventId, Position, StreamId, StreamVersion, Tenant};

/// A value of a column, or of a parameter. Most types become one by `into()`; `None` becomes [`Null`](Self::Null).
#[derive(Debug, Clone, PartialEq)]
pub enum TableValue {
    /// No value.
    Null,
    /// Of a column `boolean`.
    Bool(bool),
    /// Of a column `integer`.
    Integer(i64),
    /// Of a column `real`; finite.
    Real(f64),
    /// Of a column `numeric`.
    Decimal(Decimal),
    /// Of a column `text`; without U+0000.
    Text(String),
    /// Of a column `bytes`.
    Bytes(Vec<u8>),
    /// Of a column `timestamp`, in microseconds; of the years 0 to 9999.
    Time(DateTime<Utc>),
    /// Of a column `date`; of the years 0 to 9999.
    Date(NaiveDate),
    /// Of a column `json`.
    Json(serde_json::Value),
    /// Of a column `uuid`.
    Uuid(Uuid),
}

impl TableValue {
    /// What it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Real(_) => "a floating-point number",
            Self::Decimal(_) => "a decimal number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Time(_) => "a time",
            Self::Date(_) => "a date",
            Self::Json(_) => "JSON",
            Self::Uuid(_) => "a UUID",
        }
    }

    /// Why no backend stores it; `None` if all do.
    pub(crate) fn refused(&self) -> Option<&'static str> {
        let is_old = |year: i32| !(0..=9999).contains(&year);
        match self {
            Self::Text(text) if text.contains('\0') => Some("text with U+0000"),
            Self::Real(real) if !real.is_finite() => Some("a number that is not finite"),
            Self::Time(time) if is_old(time.year()) => Some("a time beyond the years 0 to 9999"),
            Self::Date(date) if is_old(date.year()) => Some("a date beyond the years 0 to 9999"),
            Self::Json(json) => refused_json(json, 0),
            _ => None,
        }
    }
}

fn refused_json(json: &serde_json::Value, depth: usize) -> Option<&'static str> {
    use serde_json::Value;
    let nul = |text: &str| text.contains('\0').then_some("JSON with U+0000");
    if matches!(json, Value::Array(_) | Value::Object(_)) && depth == DEEPEST {
        return Some("JSON that is nested deeper than 127 lists and objects");
    }
    match json {
        Value::String(text) => nul(text),
        Value::Array(items) => items.iter().find_map(|item| refused_json(item, depth + 1)),
        Value::Object(items) => {
            items.iter().find_map(|(key, item)| nul(key).or_else(|| refused_json(item, depth + 1)))
        }
        _ => None,
    }
}

macro_rules! value_of {
    ($($type:ty => |$value:ident| $made:expr;)*) => {
        $(impl From<$type> for TableValue {
            fn from($value: $type) -> Self {
                $made
            }
        })*
    };
}

value_of! {
    bool => |value| Self::Bool(value);
    i8 => |value| Self::Integer(value.into());
    i16 => |value| Self::Integer(value.into());
    i32 => |value| Self::Integer(value.into());
    i64 => |value| Self::Integer(value);
    u8 => |value| Self::Integer(value.into());
    u16 => |value| Self::Integer(value.into());
    u32 => |value| Self::Integer(value.into());
    u64 => |value| i64::try_from(value).map_or_else(|_| Self::Decimal(value.into()), Self::Integer);
    f32 => |value| Self::Real(value.into());
    f64 => |value| Self::Real(value);
    Decimal => |value| Self::Decimal(value);
    &Decimal => |value| Self::Decimal(value.clone());
    &str => |value| Self::Text(value.to_owned());
    String => |value| Self::Text(value);
    &String => |value| Self::Text(value.clone());
    Vec<u8> => |value| Self::Bytes(value);
    &[u8] => |value| Self::Bytes(value.to_vec());
    DateTime<Utc> => |value| Self::Time(value);
    NaiveDate => |value| Self::Date(value);
    serde_json::Value => |value| Self::Json(value);
    &serde_json::Value => |value| Self::Json(value.clone());
    Uuid => |value| Self::Uuid(value);
    EventId => |value| Self::Uuid(value.as_uuid());
    &StreamId => |value| Self::Text(value.as_str().to_owned());
    &Tenant => |value| Self::Text(value.as_str().to_owned());
    Position => |value| value.get().into();
    StreamVersion => |value| value.get().into();
}

impl<T: Into<Self>> From<Option<T>> for TableValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The values of `$1`, `$2` and so on: a tuple, an array, a list; `()` for none.
pub trait IntoParams: Send {
    /// The values, in order.
    fn into_params(self) -> Vec<TableValue>;
}

impl IntoParams for () {
    fn into_params(self) -> Vec<TableValue> {
        Vec::new()
    }
}

impl<T: Into<TableValue> + Send, const N: usize> IntoParams for [T; N] {
    fn into_params(self) -> Vec<TableValue> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<TableValue> + Send> IntoParams for Vec<T> {
    fn into_params(self) -> Vec<TableValue> {
        self.into_iter().map(Into::into).collect()
    }
}

macro_rules! params_of {
    ($($name:ident)+) => {
        impl<$($name: Into<TableValue> + Send),+> IntoParams for ($($name,)+) {
            fn into_params(self) -> Vec<TableValue> {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)+) = self;
                vec![$($name.into()),+]
            }
        }
    };
}

params_of!(A);
params_of!(A B);
params_of!(A B C);
params_of!(A B C D);
params_of!(A B C D E);
params_of!(A B C D E F);
params_of!(A B C D E F G);
params_of!(A B C D E F G H);
params_of!(A B C D E F G H I);
params_of!(A B C D E F G H I J);
params_of!(A B C D E F G H I J K);
params_of!(A B C D E F G H I J K L);
