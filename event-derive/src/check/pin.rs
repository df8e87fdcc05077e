//! The pin of a shape: a number over the struct's own tokens.

use crate::attr::StructKeys;
use crate::errors::Errors;
use crate::model::{Body, FieldInput, FieldsInput, FormInput, ShapeInput};
use crate::tokens::text_of;

/// The pinned number is the number of the shape.
pub(super) fn pin(keys: &StructKeys, shape: &ShapeInput, errors: &mut Errors) {
    let (Some(pin), Some(event_type), Some(version)) =
        (keys.shape.get(), keys.event_type.get(), keys.version.get())
    else {
        return;
    };
    let fingerprint = fingerprint(shape);
    if pin.value != fingerprint {
        let message = format!(
            "shape of `{}` version {} is {fingerprint:#018x}, pinned {:#018x}; bump the version or \
             update the pin",
            event_type.value(),
            version.value,
            pin.value
        );
        errors.at_span(pin.span, message);
    }
}

/// The number of a struct's own tokens. A type inside it counts by its text only.
fn fingerprint(shape: &ShapeInput) -> u64 {
    let mut text = String::new();
    match &shape.body {
        Body::Fields(fields) => describe(fields, &mut text),
        Body::Via(ty) => text.push_str(&text_of(ty)),
        // No event is an enum.
        Body::Enum(..) => {}
    }
    // Only what serde is told beyond the plain keys, so that the pins of most events do not depend on it.
    text.push_str(&shape.marks.concat());
    fnv(text.as_bytes())
}

fn describe(fields: &FieldsInput, text: &mut String) {
    let (in_order, fields): (bool, Vec<&FieldInput>) = match fields {
        FieldsInput::Unit => (true, Vec::new()),
        FieldsInput::Newtype(field) => (true, vec![field]),
        FieldsInput::Tuple(fields) => (true, fields.iter().collect()),
        FieldsInput::Struct(fields) => (false, fields.iter().collect()),
    };
    let mut lines: Vec<String> = fields.into_iter().map(line).collect();
    // The order of the fields of an object does not matter.
    if !in_order {
        lines.sort();
    }
    text.push_str(&lines.concat());
}

fn line(field: &FieldInput) -> String {
    let form = match &field.form {
        FormInput::Words(words, _) => words.value(),
        FormInput::Type | FormInput::Opaque => text_of(&field.ty),
    };
    format!(
        "{} {form} {:?} {} {} {} {:?}{}\n",
        field.name,
        field.aliases,
        field.default,
        field.omitted,
        field.flatten,
        field.with,
        field.marks.concat()
    )
}

/// 64-bit FNV-1a (Fowler, Noll, Vo): a few lines, and the same result on every platform and compiler.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
