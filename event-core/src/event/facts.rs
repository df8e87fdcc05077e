//! [`Facts`]: what the derive knows of an event beside its history: its shape, its words, its other names.

use std::any::type_name;

use crate::shape::{Form, Shape, form_of};

/// What is stated of one event version beside type, version and history.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    pub(crate) shape: fn() -> Form,
    pub(crate) docs: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) readonly: bool,
}

impl Facts {
    /// Of a type that says nothing of itself.
    pub const fn unknown<T>() -> Self {
        Self { shape: || Form::Foreign(type_name::<T>()), docs: "", aliases: &[], readonly: false }
    }

    /// Of a type with a shape.
    pub const fn of<T: Shape>() -> Self {
        Self { shape: form_of::<T>, docs: "", aliases: &[], readonly: false }
    }

    /// With its doc comment.
    #[must_use]
    pub const fn docs(self, docs: &'static str) -> Self {
        Self { docs, ..self }
    }

    /// With the type strings it was stored under before.
    #[must_use]
    pub const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// Read, but never appended.
    #[must_use]
    pub const fn readonly(self) -> Self {
        Self { readonly: true, ..self }
    }
}
