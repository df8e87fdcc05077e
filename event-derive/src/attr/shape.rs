//! The keys of a type that derives `Shape`, and of a field of any item.

use syn::{Attribute, LitStr, Path, parse_quote};

use crate::attr::event::STRUCT_KEYS;
use crate::attr::list::{event_attributes, list_of};
use crate::errors::Errors;
use crate::key::{Slot, entries, skip, unknown};
use crate::value;

/// The keys of a field, in events and in types that derive `Shape`.
const FIELD_KEYS: &[&str] = &["shape", "sample", "opaque"];

/// The path of event-core for a type that derives `Shape`: such a type takes only `crate`.
pub(crate) fn shape_crate(attrs: &[Attribute], errors: &mut Errors) -> Path {
    let mut krate = Slot::Absent;
    for attr in event_attributes(attrs) {
        let Some(list) = list_of(attr, "crate = path", errors) else { continue };
        entries(list, errors, |key, input, errors| {
            if key == "crate" {
                krate.read(key, input, errors, value::module);
            } else {
                unknown(key, input, &["crate"], errors);
            }
        });
    }
    krate.get().cloned().unwrap_or_else(|| parse_quote!(::event_core))
}

/// The keys of a field, as written.
#[derive(Default)]
pub(crate) struct FieldKeys {
    /// `shape = "…"`: the form of the field in words.
    pub(crate) shape: Option<LitStr>,
    /// `sample = …`: a value in JSON, for generated payloads.
    pub(crate) sample: Option<String>,
    /// `opaque`: the form of the field is the text of its type.
    pub(crate) opaque: bool,
}

impl FieldKeys {
    pub(crate) fn read(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut keys = Self::default();
        let (mut shape, mut opaque) = (Slot::Absent, Slot::Absent);
        let mut sample = Slot::Absent;
        for attr in event_attributes(attrs) {
            let Some(list) = list_of(attr, "shape = \"...\"", errors) else { continue };
            entries(list, errors, |key, input, errors| match key.to_string().as_str() {
                "shape" => shape.read(key, input, errors, value::shape_text),
                "sample" => sample.read(key, input, errors, value::sample),
                "opaque" => opaque.read(key, input, errors, value::flag),
                name if STRUCT_KEYS.contains(&name) => {
                    skip(input);
                    let message =
                        format!("`{key}` belongs on the struct; a field takes `shape` or `opaque`");
                    errors.at(key, message);
                }
                _ => {
                    unknown(key, input, FIELD_KEYS, errors);
                }
            });
        }
        if let (Slot::Read(key, ()), Slot::Read(..)) = (&opaque, &shape) {
            errors.at(key, "`opaque` says that the shape is left out; remove it or `shape`");
        }
        if let (Slot::Read(key, _), Slot::Absent) = (&sample, &shape) {
            errors.at(key, "`sample` is a value of a `shape`; add `shape = \"...\"`");
        }
        keys.opaque = opaque.get().is_some();
        if let Slot::Read(_, json) = sample {
            keys.sample = Some(json);
        }
        if let Slot::Read(_, text) = shape {
            keys.shape = Some(text);
        }
        keys
    }
}
