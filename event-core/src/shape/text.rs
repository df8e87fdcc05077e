//! A form as text: one line per key, so that `git diff` shows each change.
//!
//! A line is `path: type`. Paths consist of keys (`config.limit`), list items (`teams[]`), map values (`scores{}`),
//! tuple items (`point.0`) and variants (`reason<timeout>`). They omit the names of structs, as JSON does.

use std::fmt::{self, Write as _};

use crate::shape::{FieldForm, Form, Tagging, VariantForm};

/// One line of a form's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeLine {
    /// The path; empty for the payload as a whole.
    pub path: String,
    /// The type at the path, with its attributes.
    pub text: String,
}

impl fmt::Display for ShapeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "." } else { &self.path };
        write!(f, "{path}: {}", self.text)
    }
}

impl Form {
    /// Returns the form as lines, in the order of the fields.
    pub fn lines(&self) -> Vec<ShapeLine> {
        let mut writer = Writer { lines: Vec::new(), enclosing: Vec::new() };
        let marks = marks_of(self);
        match self.bare() {
            Self::Struct(_) if marks.is_empty() => writer.write_children("", self),
            _ => writer.write_line("", self, ""),
        }
        writer.lines
    }

    /// The named structs and enums inside of the form, each with its path and name, outermost first.
    pub fn named_types(&self) -> Vec<(String, &'static str, &Self)> {
        let mut named = Vec::new();
        collect_named("", self, &mut named);
        named
    }

    /// Returns the [`fingerprint`] of the form's lines.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(&self.lines())
    }
}

/// Returns the 64-bit FNV-1a hash of lines, sorted: the order of an object's keys is not part of its shape. Equal shapes
/// have equal fingerprints in every program and version.
pub fn fingerprint(lines: &[ShapeLine]) -> u64 {
    let mut sorted: Vec<_> = lines.iter().map(|line| (&line.path, &line.text)).collect();
    sorted.sort_unstable();
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for (path, text) in sorted {
        for byte in format!("{path}: {text}\n").bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

impl fmt::Display for Form {
    /// Writes the type without the content of objects and enums.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_type(self, &[], f)
    }
}

struct Writer {
    lines: Vec<ShapeLine>,
    /// The paths of the enclosing named types, outermost first.
    enclosing: Vec<String>,
}

impl Writer {
    /// Writes the line of a form, then the lines of its children.
    fn write_line(&mut self, path: &str, form: &Form, attributes: &str) {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write_type(form, &self.enclosing, &mut text);
        for mark in marks_of(form) {
            text.push_str(", ");
            text.push_str(&mark);
        }
        self.lines.push(ShapeLine { path: path.to_owned(), text: text + attributes });
        self.write_children(path, form);
    }

    fn write_children(&mut self, path: &str, form: &Form) {
        match form {
            Form::Named(_, form) => {
                self.enclosing.push(path.to_owned());
                self.write_children(path, form);
                self.enclosing.pop();
            }
            Form::Option(form) | Form::Marked(_, form) | Form::Sampled(_, form) => {
                self.write_children(path, form);
            }
            Form::List(form) | Form::Set(form) => self.write_children(&format!("{path}[]"), form),
            Form::Map(key, form) => {
                self.write_children(&format!("{path}{{key}}"), key);
                self.write_children(&format!("{path}{{}}"), form);
            }
            Form::Tuple(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.write_line(&join(path, &index.to_string()), item, "");
                }
            }
            Form::Struct(fields) => fields.iter().for_each(|field| self.write_field(path, field)),
            Form::Enum(tagging, variants) => {
                // Without names the first variant that fits is read, so their order counts.
                let ordered = *tagging == Tagging::Untagged;
                for (index, variant) in variants.iter().enumerate() {
                    self.write_variant(path, variant, ordered.then_some(index + 1));
                }
            }
            _ => {}
        }
    }

    fn write_field(&mut self, path: &str, field: &FieldForm) {
        if field.flatten && field.form.is_object() {
            let missing = field.default || matches!(field.form.bare(), Form::Option(_));
            let mut marks: Vec<String> = marks_of(&field.form);
            marks.extend(field.marks.iter().map(|mark| (*mark).to_owned()));
            if missing || !marks.is_empty() {
                let mut text = "flattened".to_owned();
                let missing = missing.then(|| "may be missing".to_owned());
                for mark in missing.into_iter().chain(marks) {
                    text.push_str(", ");
                    text.push_str(&mark);
                }
                self.lines.push(ShapeLine { path: join(path, field.name), text });
            }
            if let Form::Map(_, value) = field.form.bare() {
                self.write_line(&join(path, "*"), value, "");
            } else {
                self.write_children(path, &field.form);
            }
            return;
        }
        let mut attributes = String::new();
        if field.flatten {
            attributes.push_str(", flattened");
        }
        if field.default {
            attributes.push_str(", may be missing");
        }
        if field.omitted {
            attributes.push_str(", may be left out");
        }
        if let Some(with) = field.with {
            let _ = write!(attributes, ", with {with}");
        }
        push_marks(field.marks, &mut attributes);
        if !field.aliases.is_empty() {
            attributes.push_str(&alias_list(field.aliases));
        }
        self.write_line(&join(path, field.name), &field.form, &attributes);
    }

    fn write_variant(&mut self, path: &str, variant: &VariantForm, place: Option<usize>) {
        let path = format!("{path}<{}>", path_segment(variant.name));
        let mut attributes = String::new();
        if let Some(place) = place {
            let _ = write!(attributes, ", tried as number {place}");
        }
        push_marks(variant.marks, &mut attributes);
        if variant.other {
            attributes.push_str(", takes every other name");
        }
        if !variant.aliases.is_empty() {
            attributes.push_str(&alias_list(variant.aliases));
        }
        match &variant.form {
            None => self.lines.push(ShapeLine { path, text: format!("unit{attributes}") }),
            Some(form) => self.write_line(&path, form, &attributes),
        }
    }
}

fn push_marks(marks: &[&str], attributes: &mut String) {
    for mark in marks {
        attributes.push_str(", ");
        attributes.push_str(mark);
    }
}

/// What serde's attributes say about a value, or about the items of one.
fn marks_of(form: &Form) -> Vec<String> {
    match form {
        Form::Marked(marks, form) => marks.iter().cloned().chain(marks_of(form)).collect(),
        Form::Named(_, form)
        | Form::Sampled(_, form)
        | Form::Option(form)
        | Form::List(form)
        | Form::Set(form) => marks_of(form),
        Form::Map(key, value) => {
            let key = marks_of(key).into_iter().map(|mark| format!("key {mark}"));
            key.chain(marks_of(value)).collect()
        }
        _ => Vec::new(),
    }
}

/// Walks a form as [`Writer`] does, and collects its named structs and enums.
fn collect_named<'a>(
    path: &str,
    form: &'a Form,
    named: &mut Vec<(String, &'static str, &'a Form)>,
) {
    match form {
        Form::Named(name, inner) => {
            if matches!(inner.bare(), Form::Struct(_) | Form::Enum(..)) {
                named.push((path.to_owned(), name, form));
            }
            collect_named(path, inner, named);
        }
        Form::Option(form) | Form::Marked(_, form) | Form::Sampled(_, form) => {
            collect_named(path, form, named);
        }
        Form::List(form) | Form::Set(form) => collect_named(&format!("{path}[]"), form, named),
        Form::Map(key, form) => {
            collect_named(&format!("{path}{{key}}"), key, named);
            collect_named(&format!("{path}{{}}"), form, named);
        }
        Form::Tuple(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_named(&join(path, &index.to_string()), item, named);
            }
        }
        Form::Struct(fields) => {
            for field in fields {
                let merged = field.flatten && field.form.is_object();
                let own = || join(path, field.name);
                let path = if merged { path.to_owned() } else { own() };
                collect_named(&path, &field.form, named);
            }
        }
        Form::Enum(_, variants) => {
            for variant in variants {
                if let Some(form) = &variant.form {
                    let path = format!("{path}<{}>", path_segment(variant.name));
                    collect_named(&path, form, named);
                }
            }
        }
        _ => {}
    }
}

fn join(path: &str, name: &str) -> String {
    let name = path_segment(name);
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

/// A name as a segment of a path; quoted if it contains characters that paths use.
fn path_segment(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || "_-*".contains(c)) && !name.is_empty();
    if plain { name.to_owned() } else { format!("{name:?}") }
}

fn alias_list(aliases: &[&str]) -> String {
    let escaped: Vec<String> =
        aliases.iter().map(|alias| alias.escape_debug().to_string()).collect();
    format!(", also `{}`", escaped.join("`, `"))
}

fn write_type(form: &Form, enclosing: &[String], out: &mut impl fmt::Write) -> fmt::Result {
    match form {
        Form::Bool => out.write_str("bool"),
        Form::Int(text) | Form::Float(text) | Form::Text(text) | Form::Fixed(text) => {
            out.write_str(text)
        }
        Form::Null => out.write_str("null"),
        Form::Any => out.write_str("any"),
        Form::Option(form) => {
            out.write_str("option ")?;
            write_type(form, enclosing, out)
        }
        Form::List(form) => {
            out.write_str("list of ")?;
            write_type(form, enclosing, out)
        }
        Form::Set(form) => {
            out.write_str("set of ")?;
            write_type(form, enclosing, out)
        }
        Form::Map(key, value) => {
            out.write_str("map of ")?;
            write_type(key, enclosing, out)?;
            out.write_str(" to ")?;
            write_type(value, enclosing, out)
        }
        Form::Tuple(items) => write!(out, "tuple of {}", items.len()),
        Form::Struct(_) => out.write_str("struct"),
        Form::Enum(tagging, _) => write_tagging(*tagging, out),
        Form::Marked(_, form) | Form::Sampled(_, form) => write_type(form, enclosing, out),
        Form::Named(name, form) => match form.bare() {
            Form::Struct(_) | Form::Enum(..) => write_type(form, enclosing, out),
            _ => {
                write!(out, "{name}(")?;
                write_type(form, enclosing, out)?;
                out.write_char(')')
            }
        },
        Form::Recursive(levels) => {
            let index = enclosing.len().checked_sub(*levels);
            match index.and_then(|index| enclosing.get(index)) {
                Some(path) if path.is_empty() => out.write_str("the whole again"),
                Some(path) => write!(out, "`{path}` again"),
                None => out.write_str("itself again"),
            }
        }
        Form::Foreign(text) => write!(out, "?{text}"),
    }
}

fn write_tagging(tagging: Tagging, out: &mut impl fmt::Write) -> fmt::Result {
    match tagging {
        Tagging::External => out.write_str("enum"),
        Tagging::Internal(tag) => write!(out, "enum tagged `{tag}`"),
        Tagging::Adjacent(tag, content) => write!(out, "enum tagged `{tag}`, content `{content}`"),
        Tagging::Untagged => out.write_str("enum untagged"),
    }
}
