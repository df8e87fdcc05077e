//! [`Facts`]: what the derive states about an event besides its history: shape, docs, aliases, read-only.

use std::any::type_name;

use crate::shape::{Form, Shape, form_of};

/// Static attributes of one event version, besides type, version and history.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    pub(crate) shape: fn() -> Form,
    pub(crate) docs: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) readonly: bool,
}

impl Facts {
    /// The facts of a type without a known shape.
    pub const fn unknown<T>() -> Self {
        Self { shape: || Form::Foreign(type_name::<T>()), docs: "", aliases: &[], readonly: false }
    }

    /// The facts of a type with a shape.
    pub const fn of<T: Shape>() -> Self {
        Self { shape: form_of::<T>, docs: "", aliases: &[], readonly: false }
    }

    /// Sets the doc comment.
    #[must_use]
    pub const fn docs(self, docs: &'static str) -> Self {
        Self { docs, ..self }
    }

    /// Sets the former type strings.
    #[must_use]
    pub const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// Marks the version as readable but not appendable.
    #[must_use]
    pub const fn readonly(self) -> Self {
        Self { readonly: true, ..self }
    }
}
