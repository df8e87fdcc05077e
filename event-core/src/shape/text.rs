//! A form as text: one line per key, so that `git diff` shows each change.
//!
//! A line is `path: type`. Paths consist of keys (`config.limit`), list items (`teams[]`), map values (`scores{}`),
//! tuple items (`point.0`) and variants (`reason<timeout>`). They omit the names of structs, as JSON does.

use std::collections::BTreeMap;
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
        match self.bare() {
            Self::Struct(_) => writer.write_children("", self),
            _ => writer.write_line("", self, ""),
        }
        writer.lines
    }

    /// Returns the [`fingerprint`] of the form's lines.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(&self.lines())
    }
}

/// Returns the 64-bit FNV-1a hash of lines, sorted by path: the order of an object's keys is not part of its shape.
/// Equal shapes have equal fingerprints in every program and version.
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
            Form::Option(form) => self.write_children(path, form),
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
            Form::Enum(_, variants) => variants.iter().for_each(|it| self.write_variant(path, it)),
            _ => {}
        }
    }

    fn write_field(&mut self, path: &str, field: &FieldForm) {
        if field.flatten && field.form.is_object() {
            if field.default || matches!(field.form.bare(), Form::Option(_)) {
                let text = "flattened, may be missing".to_owned();
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
        if !field.aliases.is_empty() {
            attributes.push_str(&alias_list(field.aliases));
        }
        self.write_line(&join(path, field.name), &field.form, &attributes);
    }

    fn write_variant(&mut self, path: &str, variant: &VariantForm) {
        let path = format!("{path}<{}>", path_segment(variant.name));
        let mut attributes = String::new();
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
