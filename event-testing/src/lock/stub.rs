//! Source code to start the next version from: the locked struct under a versioned name, and a skeleton of its `From`.

use std::fmt::Write as _;

use crate::lock::file::Block;
use event_core::registry::Registration;
use event_core::shape::{FieldForm, Form};

/// Writes the source code; where the author has to decide, a comment takes the place of an expression, so that it does
/// not compile as it is.
pub(crate) fn next_version(event: &Registration, locked: &Block, now: &Form) -> String {
    let name = event.rust_type().rsplit("::").next().unwrap_or("Event");
    let (event_type, version) = (event.event_type(), event.version().get());
    let old = format!("{name}V{version}");
    let fields = match now.bare() {
        Form::Struct(fields) => fields.as_slice(),
        _ => &[],
    };
    let locked = top_level(locked);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]\n    #[event(type = \"{event_type}\", version = {version})]\n    pub struct {old} {{\n"
    );
    for (field, form) in &locked {
        let rust_type = rust_type(form, fields.iter().find(|it| it.name == *field));
        if form.contains(", may be missing") {
            text.push_str("        #[serde(default)]\n");
        }
        let _ = writeln!(text, "        pub {field}: {rust_type},");
    }
    let _ = write!(
        text,
        "    }}\n\n    // on `{name}`, as it is now:\n    #[event(type = \"{event_type}\", version = {next}, from = {old})]\n\n    impl From<{old}> for {name} {{\n        fn from(old: {old}) -> Self {{\n            Self {{\n",
        next = version + 1
    );
    for field in fields {
        let before = locked.iter().find(|(name, _)| *name == field.name).map(|(_, form)| *form);
        let words = field.form.to_string();
        let _ = match before {
            Some(form) if without_marks(form) == words => {
                writeln!(text, "                {name}: old.{name},", name = field.name)
            }
            Some(form) => writeln!(
                text,
                "                {name}: /* from {form} to {words}: */ old.{name},",
                name = field.name
            ),
            None => writeln!(
                text,
                "                {}: /* new: a {} for events that never had one */,",
                field.name, field.rust_type
            ),
        };
    }
    text.push_str("            }\n        }\n    }\n");
    text
}

/// The keys at the top level of the payload.
fn top_level(block: &Block) -> Vec<(&str, &str)> {
    let lines = block.lines().iter();
    lines
        .filter(|line| {
            let plain = |c: char| c.is_alphanumeric() || c == '_';
            !line.path.is_empty() && line.path.chars().all(plain)
        })
        .map(|line| (line.path.as_str(), line.text.as_str()))
        .collect()
}

fn without_marks(form: &str) -> &str {
    form.split(", ").next().unwrap_or(form)
}

/// The Rust type of a locked form; where the form is unchanged, the type of the field today.
fn rust_type(form: &str, today: Option<&FieldForm>) -> String {
    let form = without_marks(form);
    if let Some(field) = today.filter(|field| field.form.to_string() == form) {
        return field.rust_type.to_owned();
    }
    if let Some(rest) = form.strip_prefix("option ") {
        return format!("Option<{}>", rust_type(rest, None));
    }
    if let Some(rest) = form.strip_prefix("list of ") {
        return format!("Vec<{}>", rust_type(rest, None));
    }
    if let Some(rest) = form.strip_prefix("set of ") {
        return format!("BTreeSet<{}>", rust_type(rest, None));
    }
    if let Some((key, value)) = form.strip_prefix("map of ").and_then(|it| it.split_once(" to ")) {
        return format!("BTreeMap<{}, {}>", rust_type(key, None), rust_type(value, None));
    }
    match form {
        "string" => "String".into(),
        "datetime" => "DateTime<Utc>".into(),
        "uuid" => "Uuid".into(),
        "any" => "serde_json::Value".into(),
        "null" => "()".into(),
        form if form.starts_with('?') => form[1..].to_owned(),
        // A newtype is written as its name, followed by its content in parentheses.
        form if form.contains('(') => form.split('(').next().unwrap_or(form).to_owned(),
        form if form.contains(' ') || form == "struct" || form == "enum" => {
            format!("/* the {form} as it was */")
        }
        form => form.to_owned(),
    }
}
