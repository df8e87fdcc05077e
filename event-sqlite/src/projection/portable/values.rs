//! Portable values as SQLite's, and back.

use std::sync::Arc;

use event_core::adapter::time_text;
use event_core::projection::{TableRow, TableValue};
use event_core::{Error, Result};
use event_sql::rows::corrupt;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Column, Row, TypeInfo, ValueRef};

use crate::error::unreadable;
use crate::sql::SqliteQuery;

/// A statement in SQLite's dialect, with its parameters.
pub(super) fn query(
    operation: &'static str,
    text: String,
    params: Vec<TableValue>,
) -> Result<SqliteQuery> {
    let mut query = sqlx::query(AssertSqlSafe(text));
    for (number, value) in (1..).zip(params) {
        query = bind(query, value).ok_or_else(|| {
            let reason = format!(
                "the parameter ${number} is a decimal number of more than 15 digits, and SQLite computes with floating-point numbers"
            );
            Error::adapter(operation, reason)
        })?;
    }
    Ok(query)
}

fn bind(query: SqliteQuery, value: TableValue) -> Option<SqliteQuery> {
    Some(match value {
        TableValue::Null => query.bind(None::<i64>),
        TableValue::Bool(value) => query.bind(value),
        TableValue::Integer(value) => query.bind(value),
        TableValue::Real(value) => query.bind(value),
        TableValue::Decimal(value) => query.bind(value.to_real()?),
        TableValue::Text(value) => query.bind(value),
        TableValue::Bytes(value) => query.bind(value),
        TableValue::Time(value) => query.bind(time_text(&value)),
        TableValue::Date(value) => query.bind(value.to_string()),
        TableValue::Json(value) => query.bind(value.to_string()),
        TableValue::Uuid(value) => query.bind(value.to_string()),
    })
}

/// The rows of a result, one after the other.
#[derive(Debug, Default)]
pub(super) struct Rows {
    columns: Option<Arc<[String]>>,
    found: Vec<TableRow>,
}

impl Rows {
    pub(super) fn push(&mut self, row: &SqliteRow) -> Result<()> {
        let names = || row.columns().iter().map(|column| column.name().to_owned()).collect();
        let columns = Arc::clone(self.columns.get_or_insert_with(names));
        let values: Result<_> = (0..columns.len()).map(|index| value(row, index)).collect();
        self.found.push(TableRow::new(columns, values?));
        Ok(())
    }

    pub(super) fn end(self) -> Vec<TableRow> {
        self.found
    }
}

fn value(row: &SqliteRow, index: usize) -> Result<TableValue> {
    let read = || -> Result<TableValue, sqlx::Error> {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() {
            return Ok(TableValue::Null);
        }
        let kind = raw.type_info().name().to_owned();
        Ok(match kind.as_str() {
            "INTEGER" => TableValue::Integer(row.try_get_unchecked(index)?),
            "REAL" => TableValue::Real(row.try_get_unchecked(index)?),
            "BLOB" => TableValue::Bytes(row.try_get_unchecked(index)?),
            _ => TableValue::Text(row.try_get_unchecked(index)?),
        })
    };
    read().map_err(|error| corrupt(unreadable(&index.to_string(), &error)))
}
