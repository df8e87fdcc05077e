//! A form as text: one line a key, made for `git diff`.
//!
//! A line is `path: type`. Paths go through keys (`config.limit`), items of lists (`teams[]`), values of maps
//! (`scores{}`), items of tuples (`point.0`) and variants (`reason<timeout>`); the names of structs are no part of
//! them, since JSON does not have them either.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::shape::{FieldForm, Form, Tagging, VariantForm};

/// One line of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeLine {
    /// Where: empty for the payload as a whole.
    pub path: String,
    /// What.
    pub text: String,
}

impl fmt::Display for ShapeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "." } else { &self.path };
        write!(f, "{path}: {}", self.text)
    }
}

impl Form {
    /// The form as lines, in the order of the fields.
    pub fn lines(&self) -> Vec<ShapeLine> {
        let mut writer = Writer { lines: Vec::new(), above: Vec::new() };
        match self.bare() {
            Self::Struct(_) => writer.parts("", self),
            _ => writer.node("", self, ""),
        }
        writer.lines
    }
}

impl Form {
    /// A hash of its lines, whatever their order: 64-bit FNV-1a. Equal shapes have equal hashes, in every program.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(&self.lines())
    }
}

/// The hash of lines in the order of their paths: the order of an object's keys is no part of its shape.
pub fn fingerprint(lines: &[ShapeLine]) -> u64 {
    let by_path: BTreeMap<_, _> = lines.iter().map(|line| (&line.path, &line.text)).collect();
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for (path, text) in by_path {
        for byte in format!("{path}: {text}\n").bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

impl fmt::Display for Form {
    /// The type in words, without what is inside of objects and enums.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words(self, &[], f)
    }
}

struct Writer {
    lines: Vec<ShapeLine>,
    /// The paths of the named types above.
    above: Vec<String>,
}

impl Writer {
    fn node(&mut self, path: &str, form: &Form, marks: &str) {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = words(form, &self.above, &mut text);
        self.lines.push(ShapeLine { path: path.to_owned(), text: text + marks });
        self.parts(path, form);
    }

    /// What is inside of a form.
    fn parts(&mut self, path: &str, form: &Form) {
        match form {
            Form::Named(_, form) => {
                self.above.push(path.to_owned());
                self.parts(path, form);
                self.above.pop();
            }
            Form::Option(form) => self.parts(path, form),
            Form::List(form) | Form::Set(form) => self.parts(&format!("{path}[]"), form),
            Form::Map(key, form) => {
                self.parts(&format!("{path}{{key}}"), key);
                self.parts(&format!("{path}{{}}"), form);
            }
            Form::Tuple(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.node(&joined(path, &at.to_string()), item, "");
                }
            }
            Form::Struct(fields) => fields.iter().for_each(|field| self.field(path, field)),
            Form::Enum(_, variants) => variants.iter().for_each(|it| self.variant(path, it)),
            _ => {}
        }
    }

    fn field(&mut self, path: &str, field: &FieldForm) {
        if field.flatten && field.form.is_object() {
            if field.default || matches!(field.form.bare(), Form::Option(_)) {
                let text = "flattened, may be missing".to_owned();
                self.lines.push(ShapeLine { path: joined(path, field.name), text });
            }
            if let Form::Map(_, value) = field.form.bare() {
                self.node(&joined(path, "*"), value, "");
            } else {
                self.parts(path, &field.form);
            }
            return;
        }
        let mut marks = String::new();
        if field.flatten {
            marks.push_str(", flattened");
        }
        if field.default {
            marks.push_str(", may be missing");
        }
        if field.omitted {
            marks.push_str(", may be left out");
        }
        if let Some(with) = field.with {
            let _ = write!(marks, ", with {with}");
        }
        if !field.aliases.is_empty() {
            marks.push_str(&also(field.aliases));
        }
        self.node(&joined(path, field.name), &field.form, &marks);
    }

    fn variant(&mut self, path: &str, variant: &VariantForm) {
        let path = format!("{path}<{}>", key(variant.name));
        let mut marks = String::new();
        if variant.other {
            marks.push_str(", takes every other name");
        }
        if !variant.aliases.is_empty() {
            marks.push_str(&also(variant.aliases));
        }
        match &variant.form {
            None => self.lines.push(ShapeLine { path, text: format!("unit{marks}") }),
            Some(form) => self.node(&path, form, &marks),
        }
    }
}

fn joined(path: &str, name: &str) -> String {
    let name = key(name);
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

/// A name as a part of a path; one that looks like a path, or like the end of one, is quoted.
fn key(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || "_-*".contains(c)) && !name.is_empty();
    if plain { name.to_owned() } else { format!("{name:?}") }
}

fn also(aliases: &[&str]) -> String {
    let shown: Vec<String> = aliases.iter().map(|alias| alias.escape_debug().to_string()).collect();
    format!(", also `{}`", shown.join("`, `"))
}

fn words(form: &Form, above: &[String], out: &mut impl fmt::Write) -> fmt::Result {
    match form {
        Form::Bool => out.write_str("bool"),
        Form::Int(text) | Form::Float(text) | Form::Text(text) | Form::Fixed(text) => {
            out.write_str(text)
        }
        Form::Null => out.write_str("null"),
        Form::Any => out.write_str("any"),
        Form::Option(form) => {
            out.write_str("option ")?;
            words(form, above, out)
        }
        Form::List(form) => {
            out.write_str("list of ")?;
            words(form, above, out)
        }
        Form::Set(form) => {
            out.write_str("set of ")?;
            words(form, above, out)
        }
        Form::Map(key, value) => {
            out.write_str("map of ")?;
            words(key, above, out)?;
            out.write_str(" to ")?;
            words(value, above, out)
        }
        Form::Tuple(items) => write!(out, "tuple of {}", items.len()),
        Form::Struct(_) => out.write_str("struct"),
        Form::Enum(tagging, _) => tagging_words(*tagging, out),
        Form::Named(name, form) => match form.bare() {
            Form::Struct(_) | Form::Enum(..) => words(form, above, out),
            _ => {
                write!(out, "{name}(")?;
                words(form, above, out)?;
                out.write_char(')')
            }
        },
        Form::Again(up) => match above.len().checked_sub(*up).and_then(|at| above.get(at)) {
            Some(path) if path.is_empty() => out.write_str("the whole again"),
            Some(path) => write!(out, "`{path}` again"),
            None => out.write_str("itself again"),
        },
        Form::Foreign(text) => write!(out, "?{text}"),
    }
}

fn tagging_words(tagging: Tagging, out: &mut impl fmt::Write) -> fmt::Result {
    match tagging {
        Tagging::External => out.write_str("enum"),
        Tagging::Internal(tag) => write!(out, "enum tagged `{tag}`"),
        Tagging::Adjacent(tag, content) => write!(out, "enum tagged `{tag}`, content `{content}`"),
        Tagging::Untagged => out.write_str("enum untagged"),
    }
}
