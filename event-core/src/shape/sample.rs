//! Payloads generated from a form: a fixed one for golden files, random ones for property tests.

use serde_json::{Map, Value};

use crate::shape::{FieldForm, Form, Generator, Tagging, VariantForm};

/// Maximum depth of a path at which a recursive type is expanded again.
const MAX_DEPTH: usize = 12;

/// A form for which no payload can be generated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot generate a value for `{path}`, a `{rust_type}`; derive `Shape` for it, or write `#[event(shape = \"…\")]`"
)]
pub struct NoSample {
    /// The path in the payload.
    pub path: String,
    /// The Rust type, as the source code spells it.
    pub rust_type: String,
}

/// Generates a payload of the form.
///
/// # Errors
/// [`NoSample`] for a required value whose form is unknown.
pub fn sample(form: &Form, generator: &mut Generator) -> Result<Value, NoSample> {
    sampler(generator, None).value(form)
}

/// As [`sample`], with the value of a known payload wherever none can be generated.
///
/// # Errors
/// [`NoSample`] for a required value whose form is unknown, and that the payload does not have.
pub fn sample_beside(
    form: &Form,
    generator: &mut Generator,
    known: &Value,
) -> Result<Value, NoSample> {
    sampler(generator, Some(known)).value(form)
}

const fn sampler<'a>(generator: &'a mut Generator, known: Option<&'a Value>) -> Sampler<'a> {
    Sampler { generator, known, enclosing: Vec::new(), path: Vec::new() }
}

struct Sampler<'a> {
    generator: &'a mut Generator,
    /// A payload with values that cannot be generated.
    known: Option<&'a Value>,
    /// The enclosing named types, outermost first.
    enclosing: Vec<&'a Form>,
    path: Vec<String>,
}

impl<'a> Sampler<'a> {
    fn value(&mut self, form: &'a Form) -> Result<Value, NoSample> {
        Ok(match form {
            Form::Bool => self.generator.bool().into(),
            Form::Int(ty) => self.generator.integer(ty),
            Form::Float(ty) => self.generator.float(ty),
            Form::Text(format) => self.generator.text(format).into(),
            Form::Null => Value::Null,
            Form::Any => self.generator.any(),
            Form::Option(form) => self.option(form),
            Form::List(form) => self.list(form)?.into(),
            Form::Set(form) => {
                let mut items = self.list(form)?;
                items.sort_by_key(ToString::to_string);
                items.dedup();
                items.into()
            }
            Form::Map(key, value) => self.map(key, value)?.into(),
            Form::Tuple(items) => {
                let items = items.iter().enumerate();
                let items = items.map(|(at, item)| self.child(at.to_string(), item));
                items.collect::<Result<Vec<_>, _>>()?.into()
            }
            Form::Struct(fields) => self.object(fields)?.into(),
            Form::Enum(tagging, variants) => self.enumeration(*tagging, variants)?,
            Form::Named(_, inner) => {
                self.enclosing.push(form);
                let value = self.value(inner);
                self.enclosing.pop();
                value?
            }
            Form::Marked(_, inner) => self.value(inner)?,
            Form::Sampled(json, inner) => match serde_json::from_str(json) {
                Ok(value) => value,
                Err(_) => self.value(inner)?,
            },
            Form::Recursive(levels) => self.recursive(*levels)?,
            Form::Foreign(text) | Form::Fixed(text) => {
                self.known_value().cloned().ok_or_else(|| self.unknown(text))?
            }
        })
    }

    fn recursive(&mut self, levels: usize) -> Result<Value, NoSample> {
        let index = self.enclosing.len().checked_sub(levels);
        let form = index.and_then(|index| self.enclosing.get(index)).copied();
        let form = form.filter(|_| self.path.len() < MAX_DEPTH && self.generator.recurse());
        let Some(form) = form else { return Err(self.unknown("the type that contains it")) };
        // `form` counts its levels from its own position, so the types inside of it must not be on the stack.
        let inner = self.enclosing.split_off(index.unwrap_or_default());
        let value = self.value(form);
        self.enclosing.extend(inner);
        value
    }

    /// `null` if no value can be generated.
    fn option(&mut self, form: &'a Form) -> Value {
        if self.generator.one_in(4) {
            return Value::Null;
        }
        self.value(form).unwrap_or(Value::Null)
    }

    fn list(&mut self, form: &'a Form) -> Result<Vec<Value>, NoSample> {
        let mut items = Vec::new();
        for index in 0..self.generator.count() {
            let item = self.child(format!("[{index}]"), form);
            match item {
                Ok(item) => items.push(item),
                // The end of a recursive type: a shorter list.
                Err(_) if is_recursive(form) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(items)
    }

    fn map(&mut self, key: &'a Form, value: &'a Form) -> Result<Map<String, Value>, NoSample> {
        let mut map = Map::new();
        for _ in 0..self.generator.count() {
            let key = match self.value(key)? {
                Value::String(text) => text,
                other => other.to_string(),
            };
            match self.child(key.clone(), value) {
                Ok(value) => map.insert(key, value),
                Err(_) if is_recursive(value) => break,
                Err(error) => return Err(error),
            };
        }
        Ok(map)
    }

    fn object(&mut self, fields: &'a [FieldForm]) -> Result<Map<String, Value>, NoSample> {
        let mut object = Map::new();
        for field in fields {
            self.field(field, &mut object)?;
        }
        Ok(object)
    }

    fn field(
        &mut self,
        field: &'a FieldForm,
        object: &mut Map<String, Value>,
    ) -> Result<(), NoSample> {
        if !field.is_read() {
            return Ok(());
        }
        let missing = field.may_be_missing();
        if missing && self.generator.leaves_out() {
            return Ok(());
        }
        if field.flatten {
            match self.value(&field.form) {
                Ok(Value::Object(fields)) => object.extend(fields),
                Ok(_) => {}
                Err(_) if missing => {}
                Err(error) => return Err(error),
            }
            return Ok(());
        }
        match self.child(field.name.to_owned(), &field.form) {
            Ok(value) => {
                object.insert(field.name.to_owned(), value);
                Ok(())
            }
            Err(_) if missing => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn enumeration(
        &mut self,
        tagging: Tagging,
        variants: &'a [VariantForm],
    ) -> Result<Value, NoSample> {
        let variants: Vec<&VariantForm> = variants.iter().filter(|it| it.is_read()).collect();
        let first = self.generator.variant(&self.path, variants.len());
        let mut failed = None;
        // Falls back to the variants after the chosen one if no value can be generated for it.
        for offset in 0..variants.len() {
            let variant = variants[(first + offset) % variants.len()];
            match self.variant(tagging, variant) {
                Ok(value) => return Ok(value),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or_else(|| self.unknown("enum without variants")))
    }

    fn variant(&mut self, tagging: Tagging, variant: &'a VariantForm) -> Result<Value, NoSample> {
        let name = || Value::from(variant.name);
        let content = match &variant.form {
            Some(form) => Some(self.child(variant.name.to_owned(), form)?),
            None => None,
        };
        Ok(match (tagging, content) {
            (Tagging::External, None) => name(),
            (Tagging::External, Some(value)) => single_key(variant.name, value).into(),
            (Tagging::Internal(tag), content) => {
                let mut object = single_key(tag, name());
                if let Some(Value::Object(fields)) = content {
                    object.extend(fields);
                }
                object.into()
            }
            (Tagging::Adjacent(tag, key), content) => {
                let mut object = single_key(tag, name());
                object.extend(content.map(|value| (key.to_owned(), value)));
                object.into()
            }
            (Tagging::Untagged, content) => content.unwrap_or(Value::Null),
        })
    }

    /// The value of the known payload at the path.
    fn known_value(&self) -> Option<&'a Value> {
        let mut value = self.known?;
        for step in &self.path {
            let item = step.strip_prefix('[').and_then(|step| step.strip_suffix(']'));
            value = match (value, item) {
                (Value::Array(items), Some(_)) => items.first()?,
                (Value::Array(items), None) => items.get(step.parse::<usize>().ok()?)?,
                (Value::Object(fields), _) => match fields.get(step) {
                    Some(field) => field,
                    // A variant beside its tag has no key of its own.
                    None => value,
                },
                _ => return None,
            };
        }
        Some(value)
    }

    fn child(&mut self, step: String, form: &'a Form) -> Result<Value, NoSample> {
        self.path.push(step);
        let value = self.value(form);
        self.path.pop();
        value
    }

    fn unknown(&self, rust_type: &str) -> NoSample {
        NoSample { path: self.path.join("."), rust_type: rust_type.to_owned() }
    }
}

fn single_key(key: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), value)])
}

fn is_recursive(form: &Form) -> bool {
    match form {
        Form::Recursive(_) => true,
        Form::Option(form)
        | Form::List(form)
        | Form::Set(form)
        | Form::Named(_, form)
        | Form::Marked(_, form)
        | Form::Sampled(_, form)
        | Form::Map(_, form) => is_recursive(form),
        Form::Tuple(items) => items.iter().any(is_recursive),
        Form::Struct(fields) => fields.iter().any(|field| is_recursive(&field.form)),
        Form::Enum(_, variants) => {
            variants.iter().filter_map(|variant| variant.form.as_ref()).any(is_recursive)
        }
        _ => false,
    }
}
