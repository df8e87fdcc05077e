//! [`TableRow`]: a row that a query returned, read by the names of its columns.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use uuid::Uuid;

use super::decimal::Decimal;
use super::value::TableValue;
use crate::error::{Error, Result};
use crate::value::Escaped;

const READ: &str = "read a row of a table";

/// A row of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRow {
    columns: Arc<[String]>,
    values: Vec<TableValue>,
}

impl TableRow {
    /// For authors of backends: a row, by the names of its columns.
    pub const fn new(columns: Arc<[String]>, values: Vec<TableValue>) -> Self {
        Self { columns, values }
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The value of a column as it is; `None` if there is no such column.
    pub fn value(&self, column: &str) -> Option<&TableValue> {
        let index = self.columns.iter().position(|name| name == column)?;
        self.values.get(index)
    }

    /// The value of a column; `Option` for one that may be null.
    ///
    /// A value is read as what the column is declared as, on every backend. Numbers are read as each other where none of their
    /// digits is lost, and everything but bytes as text.
    ///
    /// # Errors
    /// [`Error::Adapter`] for a column that the row does not have, and for a value that is not of this type.
    pub fn get<T: FromTableValue>(&self, column: &str) -> Result<T> {
        let shown = || Escaped(column).to_string();
        let Some(value) = self.value(column) else {
            let names = self.columns.join(", ");
            let reason = format!("there is no column `{}`; the row has {names}", shown());
            return Err(Error::adapter(READ, reason));
        };
        T::from_value(value).ok_or_else(|| {
            let wanted = std::any::type_name::<T>();
            let reason = format!("the column `{}` is {}, not a {wanted}", shown(), value.kind());
            Error::adapter(READ, reason)
        })
    }
}

/// A type that a value of a column is read as.
pub trait FromTableValue: Sized {
    /// The value; `None` if it is not of this type.
    fn from_value(value: &TableValue) -> Option<Self>;
}

impl FromTableValue for TableValue {
    fn from_value(value: &TableValue) -> Option<Self> {
        Some(value.clone())
    }
}

impl<T: FromTableValue> FromTableValue for Option<T> {
    fn from_value(value: &TableValue) -> Option<Self> {
        if *value == TableValue::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

impl FromTableValue for i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
    fn from_value(value: &TableValue) -> Option<Self> {
        match value {
            TableValue::Integer(value) => Some(*value),
            TableValue::Bool(value) => Some((*value).into()),
            TableValue::Decimal(value) => value.to_integer(),
            TableValue::Real(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
                Some(*value as Self)
            }
            _ => None,
        }
    }
}

macro_rules! smaller_integers {
    ($($type:ty)*) => {
        $(impl FromTableValue for $type {
            fn from_value(value: &TableValue) -> Option<Self> {
                i64::from_value(value).and_then(|value| value.try_into().ok())
            }
        })*
    };
}

smaller_integers!(i8 i16 i32 u8 u16 u32);

impl FromTableValue for u64 {
    fn from_value(value: &TableValue) -> Option<Self> {
        match value {
            TableValue::Decimal(value) => value.as_str().parse().ok(),
            value => i64::from_value(value).and_then(|value| value.try_into().ok()),
        }
    }
}

impl FromTableValue for f64 {
    #[expect(clippy::cast_precision_loss, reason = "larger ones are refused")]
    fn from_value(value: &TableValue) -> Option<Self> {
        match value {
            TableValue::Real(value) => Some(*value),
            TableValue::Integer(value) if value.unsigned_abs() <= 1 << 53 => Some(*value as Self),
            // Most averages have more digits than a floating-point number.
            TableValue::Decimal(value) => {
                value.as_str().parse().ok().filter(|real: &Self| real.is_finite())
            }
            _ => None,
        }
    }
}

impl FromTableValue for bool {
    fn from_value(value: &TableValue) -> Option<Self> {
        match value {
            TableValue::Bool(value) => Some(*value),
            TableValue::Integer(0) => Some(false),
            TableValue::Integer(1) => Some(true),
            _ => None,
        }
    }
}

impl FromTableValue for Decimal {
    fn from_value(value: &TableValue) -> Option<Self> {
        match value {
            TableValue::Decimal(value) => Some(value.clone()),
            TableValue::Integer(value) => Some((*value).into()),
            TableValue::Real(value) => Self::from_real(*value),
            _ => None,
        }
    }
}

impl FromTableValue for String {
    fn from_value(value: &TableValue) -> Option<Self> {
        Some(match value {
            TableValue::Text(value) => value.clone(),
            TableValue::Uuid(value) => value.to_string(),
            TableValue::Time(value) => time_text(value),
            TableValue::Date(value) => value.to_string(),
            TableValue::Json(value) => value.to_string(),
            TableValue::Integer(value) => value.to_string(),
            TableValue::Real(value) => value.to_string(),
            TableValue::Decimal(value) => value.to_string(),
            TableValue::Bool(_) | TableValue::Bytes(_) | TableValue::Null => return None,
        })
    }
}

impl FromTableValue for Vec<u8> {
    fn from_value(value: &TableValue) -> Option<Self> {
        if let TableValue::Bytes(value) = value { Some(value.clone()) } else { None }
    }
}

impl FromTableValue for DateTime<Utc> {
    fn from_value(value: &TableValue) -> Option<Self> {
        match value {
            TableValue::Time(value) => Some(*value),
            TableValue::Text(value) => {
                DateTime::parse_from_rfc3339(value).ok().map(|time| time.to_utc())
            }
            _ => None,
        }
    }
}

impl FromTableValue for NaiveDate {
    fn from_value(value: &TableValue) -> Option<Self> {
        match value {
            TableValue::Date(value) => Some(*value),
            TableValue::Text(value) => value.parse().ok(),
            _ => None,
        }
    }
}

impl FromTableValue for Uuid {
    fn from_value(value: &TableValue) -> Option<Self> {
        match value {
            TableValue::Uuid(value) => Some(*value),
            TableValue::Text(value) => value.parse().ok(),
            _ => None,
        }
    }
}

impl FromTableValue for serde_json::Value {
    fn from_value(value: &TableValue) -> Option<Self> {
        match value {
            TableValue::Json(value) => Some(value.clone()),
            TableValue::Text(value) => serde_json::from_str(value).ok(),
            _ => None,
        }
    }
}

/// A time as text: texts of times are in the order of the times.
pub fn time_text(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
