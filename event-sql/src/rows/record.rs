//! [`Record`]: a row that is read by the names of its columns.

use chrono::{DateTime, Utc};
use event_core::{EventId, Position, Result, StreamVersion, Tenant};

use super::{Column, Values, checked, corrupt};

/// A row that is read by the names of its columns; for rows that are read rarely.
#[derive(Debug, Clone, Copy)]
pub struct Record<'v, V>(pub &'v V);

#[expect(clippy::missing_errors_doc, reason = "every error is `Error::Corrupt`")]
impl<V: Values> Record<'_, V> {
    fn column(&self, name: &'static str) -> Result<Column> {
        Ok((self.0.index(name).map_err(corrupt)?, name))
    }

    /// A whole number.
    pub fn number(&self, name: &'static str) -> Result<i64> {
        self.0.number(self.column(name)?).map_err(corrupt)
    }

    /// A number that is not negative.
    pub fn count(&self, name: &'static str) -> Result<u64> {
        checked(u64::try_from(self.number(name)?))
    }

    /// A small number that is not negative.
    pub fn small(&self, name: &'static str) -> Result<u32> {
        checked(u32::try_from(self.number(name)?))
    }

    /// A position.
    pub fn position(&self, name: &'static str) -> Result<Position> {
        checked(Position::try_from(self.number(name)?))
    }

    /// The version of a stream.
    pub fn version(&self, name: &'static str) -> Result<StreamVersion> {
        checked(StreamVersion::try_from(self.number(name)?))
    }

    /// A truth value.
    pub fn flag(&self, name: &'static str) -> Result<bool> {
        self.0.flag(self.column(name)?).map_err(corrupt)
    }

    /// A text.
    pub fn text(&self, name: &'static str) -> Result<String> {
        self.0.text(self.column(name)?).map(str::to_owned).map_err(corrupt)
    }

    /// The name of a tenant.
    pub fn tenant(&self, name: &'static str) -> Result<Tenant> {
        checked(Tenant::new(self.text(name)?))
    }

    /// The id of an event.
    pub fn event_id(&self, name: &'static str) -> Result<EventId> {
        self.0.id(self.column(name)?).map(EventId::from_uuid).map_err(corrupt)
    }

    /// A time.
    pub fn time(&self, name: &'static str) -> Result<DateTime<Utc>> {
        self.0.time(self.column(name)?).map_err(corrupt)
    }

    /// A value that may be missing: `record.optional("owner", Record::text)`.
    pub fn optional<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&Self, &'static str) -> Result<T>,
    ) -> Result<Option<T>> {
        if self.0.is_null(self.column(name)?) { Ok(None) } else { read(self, name).map(Some) }
    }

    /// An event and its position, which are both there or both missing.
    pub(crate) fn event_at(
        &self,
        event_id: &'static str,
        position: &'static str,
    ) -> Result<Option<(Position, EventId)>> {
        let position = self.optional(position, Self::position)?;
        Ok(position.zip(self.optional(event_id, Self::event_id)?))
    }
}
