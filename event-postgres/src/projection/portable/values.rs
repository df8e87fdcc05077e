//! Portable values as the server's, and back. A parameter is sent as the type that the server has for it.

use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use event_core::error::BoxError;
use event_core::projection::{Decimal, FromTableValue, TableRow, TableValue};
use event_core::{Error, Result, serde_json};
use event_sql::rows::corrupt;
use sqlx::encode::IsNull;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{
    PgArgumentBuffer, PgArguments, PgRow, PgTypeInfo, PgValueFormat, PgValueRef, Postgres,
};
use sqlx::{Arguments, Column, Encode, Row, Type, TypeInfo, ValueRef};
use uuid::Uuid;

use super::numeric;
use crate::row::EPOCH_MICROS;

/// Days from the first of January of the year 1 to that of 2000, where the server's calendar starts.
const EPOCH_DAYS: i32 = 730_119;
/// The version of the binary form of `jsonb`.
const JSONB: u8 = 1;

/// Parameters of the types that the server has for them; without those, of each value's own type.
pub(super) fn arguments(
    operation: &'static str,
    params: &[TableValue],
    types: Option<&[PgTypeInfo]>,
) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for (index, value) in params.iter().enumerate() {
        let wanted = match types {
            Some(types) => types.get(index).cloned(),
            None => Some(own_type(value)),
        };
        let wanted = wanted.unwrap_or_else(|| own_type(value));
        let refused = || {
            let (number, kind, name) = (index + 1, value.kind(), wanted.name());
            let reason =
                format!("the parameter ${number} is {kind}, where the server expects {name}");
            Error::adapter(operation, reason)
        };
        let bytes = match value {
            TableValue::Null => None,
            value => Some(encode(value, wanted.name()).ok_or_else(refused)?),
        };
        let added = arguments.add(Bound { info: wanted.clone(), bytes });
        added.map_err(|error| Error::adapter(operation, error))?;
    }
    Ok(arguments)
}

/// The type of a value itself.
fn own_type(value: &TableValue) -> PgTypeInfo {
    match value {
        // The server decides.
        TableValue::Null => PgTypeInfo::with_oid(Oid(0)),
        TableValue::Bool(_) => of::<bool>(),
        TableValue::Integer(_) => of::<i64>(),
        TableValue::Real(_) => of::<f64>(),
        TableValue::Decimal(_) => PgTypeInfo::with_oid(Oid(1700)),
        TableValue::Text(_) => of::<String>(),
        TableValue::Bytes(_) => of::<Vec<u8>>(),
        TableValue::Time(_) => of::<DateTime<Utc>>(),
        TableValue::Date(_) => of::<NaiveDate>(),
        TableValue::Json(_) => of::<serde_json::Value>(),
        TableValue::Uuid(_) => of::<Uuid>(),
    }
}

fn of<T: Type<Postgres>>() -> PgTypeInfo {
    T::type_info()
}

/// The binary form of a value; `None` where it is no value of the type.
fn encode(value: &TableValue, name: &str) -> Option<Vec<u8>> {
    let integer = || match value {
        TableValue::Integer(value) => Some(*value),
        TableValue::Decimal(value) => value.to_integer(),
        _ => None,
    };
    Some(match (name, value) {
        ("BOOL", TableValue::Bool(value)) => vec![u8::from(*value)],
        ("INT2", _) => i16::try_from(integer()?).ok()?.to_be_bytes().to_vec(),
        ("INT4", _) => i32::try_from(integer()?).ok()?.to_be_bytes().to_vec(),
        ("INT8", _) => integer()?.to_be_bytes().to_vec(),
        // Digits that it would lose are refused, as on the other backends.
        ("FLOAT8", TableValue::Decimal(value)) => value.to_real()?.to_be_bytes().to_vec(),
        ("FLOAT8", _) => f64::from_value(value)?.to_be_bytes().to_vec(),
        ("NUMERIC" | "?", TableValue::Decimal(value)) => numeric::encode(value.as_str())?,
        ("NUMERIC", TableValue::Integer(value)) => numeric::encode(&value.to_string())?,
        ("NUMERIC", TableValue::Real(value)) => {
            numeric::encode(Decimal::from_real(*value)?.as_str())?
        }
        ("TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN", value) => match value {
            TableValue::Integer(_) | TableValue::Real(_) | TableValue::Decimal(_) => return None,
            value => String::from_value(value)?.into_bytes(),
        },
        ("BYTEA", TableValue::Bytes(value)) => value.clone(),
        ("TIMESTAMPTZ" | "TIMESTAMP", _) => {
            let micros = DateTime::<Utc>::from_value(value)?.timestamp_micros();
            micros.checked_sub(EPOCH_MICROS)?.to_be_bytes().to_vec()
        }
        ("DATE", _) => {
            let days = NaiveDate::from_value(value)?.num_days_from_ce();
            (days - 1 - EPOCH_DAYS).to_be_bytes().to_vec()
        }
        ("JSON", TableValue::Json(value)) => value.to_string().into_bytes(),
        ("JSON", TableValue::Text(value)) => value.clone().into_bytes(),
        ("JSONB", TableValue::Json(value)) => jsonb(&value.to_string()),
        ("JSONB", TableValue::Text(value)) => jsonb(value),
        ("UUID", _) => Uuid::from_value(value)?.as_bytes().to_vec(),
        _ => return None,
    })
}

fn jsonb(text: &str) -> Vec<u8> {
    let mut bytes = vec![JSONB];
    bytes.extend(text.bytes());
    bytes
}

/// A parameter in its binary form.
struct Bound {
    info: PgTypeInfo,
    bytes: Option<Vec<u8>>,
}

impl Type<Postgres> for Bound {
    fn type_info() -> PgTypeInfo {
        of::<String>()
    }
}

impl Encode<'_, Postgres> for Bound {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxError> {
        let Some(bytes) = &self.bytes else { return Ok(IsNull::Yes) };
        buffer.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.info.clone())
    }
}

/// The rows of a result, one after the other.
#[derive(Debug, Default)]
pub(super) struct Rows {
    columns: Option<Arc<[String]>>,
    found: Vec<TableRow>,
    failed: Option<Error>,
}

impl Rows {
    pub(super) fn push(&mut self, row: &PgRow) {
        if self.failed.is_none()
            && let Err(error) = self.read(row)
        {
            self.failed = Some(error);
        }
    }

    fn read(&mut self, row: &PgRow) -> Result<()> {
        let names = || row.columns().iter().map(|column| column.name().to_owned()).collect();
        let columns = Arc::clone(self.columns.get_or_insert_with(names));
        let mut values = Vec::with_capacity(columns.len());
        for (index, name) in columns.iter().enumerate() {
            let raw = row.try_get_raw(index).map_err(|error| corrupt(error.to_string()))?;
            let kind = raw.type_info().name().to_owned();
            values.push(decode(&raw, &kind).ok_or_else(|| {
                let reason = format!("the column `{name}` is a {kind}, or a value of it, that no backend but the server has; cast it");
                Error::adapter("read a row of a table", reason)
            })?);
        }
        self.found.push(TableRow::new(columns, values));
        Ok(())
    }

    pub(super) fn end(self) -> Result<Vec<TableRow>> {
        self.failed.map_or(Ok(self.found), Err)
    }
}

/// A value; `None` for one of a type that is not portable.
fn decode(raw: &PgValueRef<'_>, name: &str) -> Option<TableValue> {
    if raw.is_null() || name == "VOID" {
        return Some(TableValue::Null);
    }
    if raw.format() != PgValueFormat::Binary {
        return None;
    }
    let bytes = raw.as_bytes().ok()?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    Some(match name {
        "BOOL" => TableValue::Bool(bytes != [0]),
        "INT2" => TableValue::Integer(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        "INT4" => TableValue::Integer(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        "INT8" => TableValue::Integer(i64::from_be_bytes(bytes.try_into().ok()?)),
        "FLOAT4" => TableValue::Real(f32::from_be_bytes(bytes.try_into().ok()?).into()),
        "FLOAT8" => TableValue::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
        "NUMERIC" => TableValue::Decimal(numeric::decode(bytes)?.parse().ok()?),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" => TableValue::Text(text(bytes)?),
        "BYTEA" => TableValue::Bytes(bytes.to_vec()),
        "TIMESTAMPTZ" | "TIMESTAMP" => {
            let micros = i64::from_be_bytes(bytes.try_into().ok()?).checked_add(EPOCH_MICROS)?;
            TableValue::Time(DateTime::from_timestamp_micros(micros)?)
        }
        "DATE" => {
            let days = i32::from_be_bytes(bytes.try_into().ok()?).checked_add(EPOCH_DAYS + 1)?;
            TableValue::Date(NaiveDate::from_num_days_from_ce_opt(days)?)
        }
        "JSON" => TableValue::Json(serde_json::from_slice(bytes).ok()?),
        "JSONB" => TableValue::Json(serde_json::from_slice(bytes.get(1..)?).ok()?),
        "UUID" => TableValue::Uuid(Uuid::from_slice(bytes).ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_of_the_server_starts_in_2000() {
        let first = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();
        let days = first.num_days_from_ce() - 1;
        assert_eq!(days, EPOCH_DAYS);
        assert_eq!(encode(&TableValue::Date(first), "DATE"), Some(vec![0; 4]));
        let midnight = first.and_hms_opt(0, 0, 0).unwrap().and_utc();
        assert_eq!(encode(&TableValue::Time(midnight), "TIMESTAMPTZ"), Some(vec![0; 8]));
    }

    #[test]
    fn a_value_is_sent_as_the_type_that_is_expected() {
        let integer = TableValue::Integer(70_000);
        assert_eq!(encode(&integer, "INT4"), Some(vec![0, 1, 0x11, 0x70]));
        assert_eq!(encode(&integer, "INT2"), None, "too large");
        assert_eq!(encode(&integer, "TEXT"), None);
        assert_eq!(encode(&"x".into(), "UUID"), None);
        assert_eq!(encode(&"{}".into(), "JSONB"), Some(vec![1, b'{', b'}']));
    }
}
