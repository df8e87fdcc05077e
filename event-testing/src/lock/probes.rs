//! Payloads with other values where a function converts what is read: what such a function reads is known by samples only.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use event_core::shape::{FieldForm, Form, Tagging, VariantForm};

/// Returns the payload with other values, one at a time, at each place where the form converts what is read; not where
/// another payload was `seen` to have a value.
pub(crate) fn probes(form: &Form, payload: &Value, seen: &mut BTreeSet<String>) -> Vec<Value> {
    let mut places = Vec::new();
    collect(form, payload, String::new(), &mut places);
    let mut probes = Vec::new();
    for place in places {
        let mut leaves = Vec::new();
        if let Some(value) = payload.pointer(&place) {
            collect_leaves(value, place, &mut leaves);
        }
        leaves.retain(|(leaf, _)| seen.insert(leaf.clone()));
        for (leaf, value) in leaves {
            for other in others(value) {
                let mut probe = payload.clone();
                if let Some(place) = probe.pointer_mut(&leaf) {
                    *place = other;
                    probes.push(probe);
                }
            }
        }
    }
    probes
}

/// Values of other kinds and sizes.
fn others(value: &Value) -> Vec<Value> {
    let mut others = match value {
        Value::Bool(value) => vec![json!(!value), json!(0), json!(1)],
        Value::Number(number) => vec![
            json!(12),
            json!(0),
            json!(-3),
            json!(70_000),
            json!(3_000_000),
            json!(0.25),
            json!(number.to_string()),
        ],
        Value::String(text) => {
            vec![json!(""), json!("other"), json!(format!("{text}2")), json!("12"), json!(12)]
        }
        _ => vec![json!(12), json!("text")],
    };
    others.push(Value::Null);
    others.retain(|other| other != value);
    others
}

fn collect_leaves<'a>(value: &'a Value, place: String, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                collect_leaves(value, child(&place, key), found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, value) in items.iter().enumerate() {
                collect_leaves(value, format!("{place}/{at}"), found);
            }
        }
        value => found.push((place, value)),
    }
}

/// The places, as JSON pointers, of the values that functions convert, and of those known by name only.
fn collect(form: &Form, value: &Value, place: String, found: &mut Vec<String>) {
    match (form, value) {
        (Form::Marked(marks, inner), _) => {
            let is_converted = marks.iter().any(|mark| mark.starts_with("read through "));
            if is_converted || is_read_by_function(None, marks) {
                found.push(place);
            } else {
                collect(inner, value, place, found);
            }
        }
        (Form::Named(_, inner) | Form::Sampled(_, inner), _) => collect(inner, value, place, found),
        (Form::Option(inner), _) if !value.is_null() => collect(inner, value, place, found),
        (Form::List(inner) | Form::Set(inner), Value::Array(items)) => {
            if let Some(first) = items.first() {
                collect(inner, first, format!("{place}/0"), found);
            }
        }
        (Form::Map(_, inner), Value::Object(entries)) => {
            if let Some((key, value)) = entries.iter().next() {
                collect(inner, value, child(&place, key), found);
            }
        }
        (Form::Tuple(forms), Value::Array(items)) => {
            for (at, (form, item)) in forms.iter().zip(items).enumerate() {
                collect(form, item, format!("{place}/{at}"), found);
            }
        }
        (Form::Struct(fields), _) => {
            for field in fields {
                collect_field(field, value, &place, found);
            }
        }
        (Form::Enum(tagging, variants), _) => {
            let variants = variants.iter();
            variants.for_each(|it| collect_variant(*tagging, it, value, &place, found));
        }
        (Form::Foreign(_) | Form::Fixed(_), _) => found.push(place),
        _ => {}
    }
}

fn collect_field(field: &FieldForm, value: &Value, place: &str, found: &mut Vec<String>) {
    let names = || [field.name].into_iter().chain(field.aliases.iter().copied());
    let (place, value) = if field.flatten {
        (place.to_owned(), Some(value))
    } else {
        let name = names().find(|name| value.get(name).is_some()).unwrap_or(field.name);
        (child(place, name), value.get(name))
    };
    match value {
        Some(_) if is_read_by_function(field.with, field.marks) => found.push(place),
        Some(value) => collect(&field.form, value, place, found),
        None => {}
    }
}

fn collect_variant(
    tagging: Tagging,
    variant: &VariantForm,
    value: &Value,
    place: &str,
    found: &mut Vec<String>,
) {
    let Some(form) = &variant.form else { return };
    let is_named = |tag: &str| {
        let name = value.get(tag).and_then(Value::as_str);
        name.is_some_and(|name| name == variant.name || variant.aliases.contains(&name))
    };
    let key = match tagging {
        Tagging::External => Some(variant.name),
        Tagging::Internal(tag) if is_named(tag) => None,
        Tagging::Adjacent(tag, content) if is_named(tag) => Some(content),
        Tagging::Untagged => None,
        _ => return,
    };
    let (place, value) = match key {
        Some(key) => (child(place, key), value.get(key)),
        None => (place.to_owned(), Some(value)),
    };
    match value {
        Some(_) if is_read_by_function(None, variant.marks) => found.push(place),
        Some(value) => collect(form, value, place, found),
        None => {}
    }
}

fn is_read_by_function(with: Option<&str>, marks: &[impl AsRef<str>]) -> bool {
    let starts = |mark: &str| mark.starts_with("with ") || mark.starts_with("read with ");
    with.is_some() || marks.iter().any(|mark| starts(mark.as_ref()))
}

fn child(place: &str, key: &str) -> String {
    format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"))
}
