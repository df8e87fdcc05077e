//! Source code to start the next version from: the locked struct under a versioned name, and a skeleton of its `From`.

use std::fmt::Write as _;

use crate::lock::difference::Difference;
use crate::lock::file::Block;
use crate::lock::judge::is_inside;
use event_core::EventVersion;
use event_core::registry::Registration;
use event_core::shape::{FieldForm, Form};

/// What to do about a changed shape: which types keep their old form under another name, and the source code of it. Where
/// the author has to decide, a comment takes the place of an expression, so that it does not compile as it is.
pub(crate) fn advice(
    event: &Registration,
    locked: &Block,
    now: &Form,
    differences: &[Difference],
    latest: EventVersion,
) -> String {
    let kept = Kept::of(now, differences);
    let name = last_name(event.rust_type());
    let mut text = String::new();
    // Writing to a string cannot fail.
    if let [.., inner] = kept.types.as_slice() {
        let _ = write!(
            text,
            "What changed is `{}`, at `{}`: undo the change, or keep both, the old one as `{}`",
            inner.name,
            inner.path,
            old_name(inner.name, 1)
        );
        let _ = writeln!(
            text,
            ". Keep `{}` for {} {}:",
            old_name(inner.name, 1),
            event.event_type(),
            event.version()
        );
        for one in kept.types.iter().rev() {
            let _ = write!(text, "\n{}", one.stub(locked, &kept));
        }
        text.push('\n');
    } else if event.version() < latest {
        // The next version is there already, and reads what this one reads.
        let _ = writeln!(
            text,
            "Undo the change: {name} is {} of {}, and there is a {latest} for what is new. As it was:\n",
            event.version(),
            event.event_type()
        );
        write_struct(&mut text, name, &keys_below(locked, ""), fields_of(now), &kept);
        return text;
    } else {
        text.push_str("Undo the change, or make it the next version:\n\n");
    }
    if event.version() < latest {
        let _ = writeln!(
            text,
            "    // {name} is {} of {}, there is a {latest}: only its fields change, from {}.",
            event.version(),
            event.event_type(),
            kept.renames()
                .map(|(new, old)| format!("`{new}` to `{old}`"))
                .collect::<Vec<_>>()
                .join(", ")
        );
        return text;
    }
    next_version(event, locked, now, &kept, &mut text);
    text
}

/// The types inside of the event that changed, with those around them, outermost first.
struct Kept<'a> {
    types: Vec<KeptType<'a>>,
}

struct KeptType<'a> {
    name: &'static str,
    path: String,
    form: &'a Form,
}

impl<'a> Kept<'a> {
    fn of(now: &'a Form, differences: &[Difference]) -> Self {
        let mut types: Vec<KeptType<'a>> = Vec::new();
        for (path, name, form) in now.named_types() {
            let changed = differences.iter().any(|it| is_inside(&it.path, &path));
            if !path.is_empty() && changed && types.iter().all(|known| known.name != name) {
                types.push(KeptType { name, path, form });
            }
        }
        Self { types }
    }

    fn renames(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.types.iter().map(|it| (it.name, old_name(it.name, 1)))
    }

    /// A Rust type, with the old names of the types that changed.
    fn renamed(&self, rust_type: &str) -> String {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let mut text = String::new();
        let mut word = String::new();
        for c in rust_type.chars().chain(['\0']) {
            if is_word(c) {
                word.push(c);
                continue;
            }
            match self.renames().find(|(name, _)| *name == word) {
                Some((_, old)) => text.push_str(&old),
                None => text.push_str(&word),
            }
            word.clear();
            text.push(c);
        }
        text.trim_end_matches('\0').to_owned()
    }
}

impl KeptType<'_> {
    /// The old type under its new name, and the step to the type as it is now.
    fn stub(&self, locked: &Block, kept: &Kept<'_>) -> String {
        let (name, old) = (self.name, old_name(self.name, 1));
        let mut text =
            "    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]\n".to_string();
        if let Form::Struct(fields) = self.form.bare() {
            write_struct(&mut text, &old, &keys_below(locked, &self.path), fields, kept);
            let _ = write!(
                text,
                "\n    impl From<{old}> for {name} {{\n        fn from(old: {old}) -> Self {{\n            Self {{\n"
            );
            write_fields(&mut text, &keys_below(locked, &self.path), fields, kept);
            text.push_str("            }\n        }\n    }\n");
        } else {
            let _ = writeln!(text, "    pub enum {old} {{");
            let start = format!("{}<", self.path);
            let variants = locked.lines().iter().filter_map(|line| {
                let rest = line.path.strip_prefix(&start)?.strip_suffix('>')?;
                (!rest.contains('<')).then_some((rest, line.text.as_str()))
            });
            for (variant, form) in variants {
                let _ = writeln!(text, "        /* `{variant}`: {form} */");
            }
            let _ = write!(
                text,
                "    }}\n\n    impl From<{old}> for {name} {{ /* each variant as it is now */ }}\n"
            );
        }
        text
    }
}

fn last_name(rust_type: &'static str) -> &'static str {
    rust_type.rsplit("::").next().unwrap_or("Event")
}

/// The name for the old form of a type: a version in the name is replaced, not repeated.
fn old_name(name: &str, version: u32) -> String {
    format!("{}V{version}", without_version(name))
}

fn without_version(name: &str) -> &str {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    match base.strip_suffix('V') {
        Some(base) if base.len() + 1 < name.len() && !base.is_empty() => base,
        _ => name,
    }
}

fn next_version(
    event: &Registration,
    locked: &Block,
    now: &Form,
    kept: &Kept<'_>,
    text: &mut String,
) {
    let name = last_name(event.rust_type());
    let (event_type, version) = (event.event_type(), event.version().get());
    let next = version + 1;
    let old = old_name(name, version);
    let new = if name == old { old_name(name, next) } else { name.to_owned() };
    let fields = fields_of(now);
    let locked = keys_below(locked, "");
    let _ = write!(
        text,
        "    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]\n    #[event(type = \"{event_type}\", version = {version})]\n"
    );
    write_struct(text, &old, &locked, fields, kept);
    let _ = write!(
        text,
        "\n    // on `{new}`, as it is now:\n    #[event(type = \"{event_type}\", version = {next}, from = {old})]\n\n    impl From<{old}> for {new} {{\n        fn from(old: {old}) -> Self {{\n            Self {{\n"
    );
    write_fields(text, &locked, fields, kept);
    text.push_str("            }\n        }\n    }\n");
}

fn fields_of(form: &Form) -> &[FieldForm] {
    match form.bare() {
        Form::Struct(fields) => fields,
        _ => &[],
    }
}

/// The struct as it was.
fn write_struct(
    text: &mut String,
    name: &str,
    locked: &[(&str, &str)],
    fields: &[FieldForm],
    kept: &Kept<'_>,
) {
    let _ = writeln!(text, "    pub struct {name} {{");
    for (field, form) in locked {
        let rust_type = rust_type(form, fields.iter().find(|it| it.name == *field));
        if form.contains(", may be missing") {
            text.push_str("        #[serde(default)]\n");
        }
        let _ = writeln!(text, "        pub {field}: {},", kept.renamed(&rust_type));
    }
    text.push_str("    }\n");
}

/// The fields of today's type, each from the old one.
fn write_fields(text: &mut String, locked: &[(&str, &str)], fields: &[FieldForm], kept: &Kept<'_>) {
    for field in fields {
        let before = locked.iter().find(|(name, _)| *name == field.name).map(|(_, form)| *form);
        let words = field.form.to_string();
        let is_kept = kept.renamed(field.rust_type) != field.rust_type;
        let _ = match before {
            Some(form) if without_marks(form) == words && is_kept => {
                writeln!(
                    text,
                    "                {name}: /* from {old}: */ old.{name}.into(),",
                    name = field.name,
                    old = kept.renamed(field.rust_type)
                )
            }
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
}

/// The keys directly below a path.
fn keys_below<'a>(block: &'a Block, path: &str) -> Vec<(&'a str, &'a str)> {
    let plain = |c: char| c.is_alphanumeric() || c == '_';
    let lines = block.lines().iter();
    lines
        .filter_map(|line| {
            let key = match path {
                "" => Some(line.path.as_str()),
                path => line.path.strip_prefix(path)?.strip_prefix('.'),
            };
            let key = key.filter(|key| !key.is_empty() && key.chars().all(plain))?;
            Some((key, line.text.as_str()))
        })
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
        "date" => "NaiveDate".into(),
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

#[cfg(test)]
mod tests {
    use event_core::{Event, Registry, Shape};
    use serde::{Deserialize, Serialize};

    use crate::lock::{Mode, checked_with};
    use event_core::registry::Registration;

    #[derive(Serialize, Deserialize, Shape)]
    enum Unit {
        Metre,
    }

    mod before {
        use super::*;

        #[derive(Serialize, Deserialize, Shape)]
        pub(super) enum Size {
            Unknown,
            Exact { length: String, unit: Unit },
        }
    }

    #[derive(Serialize, Deserialize, Shape)]
    enum Size {
        Unknown,
        Exact { length: u16, unit: Unit },
    }

    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "stub.cut", version = 1, register = false)]
    struct CutBefore {
        size: before::Size,
    }

    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "stub.cut", version = 1, register = false)]
    struct Cut {
        size: Size,
    }

    #[test]
    fn the_variants_of_a_changed_enum_are_listed_without_those_of_types_inside() {
        let folder = tempfile::tempdir().unwrap();
        let check = |event: Registration, bless| {
            let registry = Registry::builder().registrations(&[event]).build().unwrap();
            checked_with(
                &registry,
                env!("CARGO_PKG_NAME"),
                folder.path(),
                Mode { bless, strict: false },
            )
        };
        check(Registration::of::<CutBefore>(), true).unwrap();
        let report = check(Registration::of::<Cut>(), false).unwrap_err();
        let kept = "pub enum SizeV1 {\n        /* `Unknown`: unit */\n        /* `Exact`: struct */\n    }\n";
        assert!(report.contains(kept), "{report}");
    }
}
