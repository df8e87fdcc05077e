//! [`Facts`]: what the derive states about an event besides its history: shape, docs, aliases, read-only, `Debug`.

use std::any::{Any, type_name};

use crate::shape::{Form, Shape, form_of};

/// Static attributes of one event version, besides type, version and history.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    pub(crate) shape: fn() -> Form,
    pub(crate) docs: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) readonly: bool,
    /// The event as `Debug` shows it; `None` for a type without `Debug`.
    pub(crate) shown: fn(&dyn Any) -> Option<String>,
}

impl Facts {
    /// The facts of a type without a known shape.
    pub const fn unknown<T>() -> Self {
        Self::with_shape(|| Form::Foreign(type_name::<T>()))
    }

    /// The facts of a type with a shape.
    pub const fn of<T: Shape>() -> Self {
        Self::with_shape(form_of::<T>)
    }

    const fn with_shape(shape: fn() -> Form) -> Self {
        Self { shape, docs: "", aliases: &[], readonly: false, shown: |_| None }
    }

    /// Sets how an event of the type is shown by `Debug`.
    #[must_use]
    pub const fn shown(self, shown: fn(&dyn Any) -> Option<String>) -> Self {
        Self { shown, ..self }
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
