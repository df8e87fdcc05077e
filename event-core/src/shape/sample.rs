//! Payloads made from a form: one that is always the same, for the golden payloads, and random ones, for properties.

use fastrand::Rng;
use serde_json::{Map, Number, Value};

use crate::shape::{FieldForm, Form, Tagging, VariantForm};

/// Deep enough for every payload of sense; what contains itself ends here.
const DEEPEST: usize = 12;

/// What decides between the values of a form.
#[derive(Debug, Clone)]
pub enum Dice {
    /// Everything present, first variants, one item a list.
    Always,
    /// Anything that the form allows, extremes more often than by chance.
    Random(Rng),
}

/// A form for which no payload can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "nothing is known of the values of `{path}`, a `{rust_type}`; derive `Shape` for it, or write `#[event(shape = \"…\")]`"
)]
pub struct NoSample {
    /// Where it stands in the payload.
    pub path: String,
    /// The type, as it is written.
    pub rust_type: String,
}

/// Makes a payload that has the form.
///
/// # Errors
/// [`NoSample`] for a type that says nothing of itself, unless it may be missing.
pub fn sample(form: &Form, dice: &mut Dice) -> Result<Value, NoSample> {
    Maker { dice, above: Vec::new(), path: Vec::new() }.value(form)
}

struct Maker<'a> {
    dice: &'a mut Dice,
    above: Vec<&'a Form>,
    path: Vec<String>,
}

impl<'a> Maker<'a> {
    fn value(&mut self, form: &'a Form) -> Result<Value, NoSample> {
        Ok(match form {
            Form::Bool => self.dice.bool().into(),
            Form::Int(ty) => self.dice.integer(ty),
            Form::Float(ty) => self.dice.float(ty),
            Form::Text(rule) => self.dice.text(rule).into(),
            Form::Null => Value::Null,
            Form::Any => self.dice.any(),
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
                items.iter().map(|item| self.value(item)).collect::<Result<Vec<_>, _>>()?.into()
            }
            Form::Struct(fields) => self.object(fields)?.into(),
            Form::Enum(tagging, variants) => self.choice(*tagging, variants)?,
            Form::Named(_, inner) => {
                self.above.push(form);
                let value = self.value(inner);
                self.above.pop();
                value?
            }
            Form::Again(up) => self.again(*up)?,
            Form::Foreign(text) | Form::Fixed(text) => return Err(self.unknown(text)),
        })
    }

    fn again(&mut self, up: usize) -> Result<Value, NoSample> {
        let at = self.above.len().checked_sub(up);
        let form = at.and_then(|at| self.above.get(at)).copied();
        let form = form.filter(|_| self.path.len() < DEEPEST && self.dice.goes_on());
        let Some(form) = form else { return Err(self.unknown("the type that contains it")) };
        // Seen from there, the names above are those that were above it.
        let below = self.above.split_off(at.unwrap_or_default());
        let value = self.value(form);
        self.above.extend(below);
        value
    }

    /// None where there is no telling what the value would be.
    fn option(&mut self, form: &'a Form) -> Value {
        if self.dice.one_in(4) {
            return Value::Null;
        }
        self.value(form).unwrap_or(Value::Null)
    }

    fn list(&mut self, form: &'a Form) -> Result<Vec<Value>, NoSample> {
        let mut items = Vec::new();
        for at in 0..self.dice.count() {
            let item = self.inside(format!("[{at}]"), form);
            match item {
                Ok(item) => items.push(item),
                // What contains itself ends with an empty list.
                Err(_) if contains_itself(form) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(items)
    }

    fn map(&mut self, key: &'a Form, value: &'a Form) -> Result<Map<String, Value>, NoSample> {
        let mut map = Map::new();
        for _ in 0..self.dice.count() {
            let key = match self.value(key)? {
                Value::String(text) => text,
                other => other.to_string(),
            };
            match self.inside(key.clone(), value) {
                Ok(value) => map.insert(key, value),
                Err(_) if contains_itself(value) => break,
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
        let missing = field.may_be_missing();
        if missing && self.dice.one_in(6) {
            return Ok(());
        }
        if field.flatten {
            match self.value(&field.form) {
                Ok(Value::Object(inside)) => object.extend(inside),
                Ok(_) => {}
                Err(_) if missing => {}
                Err(error) => return Err(error),
            }
            return Ok(());
        }
        match self.inside(field.name.to_owned(), &field.form) {
            Ok(value) => {
                object.insert(field.name.to_owned(), value);
                Ok(())
            }
            Err(_) if missing => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn choice(&mut self, tagging: Tagging, variants: &'a [VariantForm]) -> Result<Value, NoSample> {
        let first = self.dice.below(variants.len());
        let mut failed = None;
        // The first one that can be made, from the one that was drawn on.
        for at in 0..variants.len() {
            let variant = &variants[(first + at) % variants.len()];
            match self.variant(tagging, variant) {
                Ok(value) => return Ok(value),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or_else(|| self.unknown("enum without variants")))
    }

    fn variant(&mut self, tagging: Tagging, variant: &'a VariantForm) -> Result<Value, NoSample> {
        let name = || Value::from(variant.name);
        let held = match &variant.form {
            Some(form) => Some(self.inside(variant.name.to_owned(), form)?),
            None => None,
        };
        Ok(match (tagging, held) {
            (Tagging::External, None) => name(),
            (Tagging::External, Some(value)) => one(variant.name, value).into(),
            (Tagging::Internal(tag), held) => {
                let mut object = one(tag, name());
                if let Some(Value::Object(inside)) = held {
                    object.extend(inside);
                }
                object.into()
            }
            (Tagging::Adjacent(tag, content), held) => {
                let mut object = one(tag, name());
                object.extend(held.map(|value| (content.to_owned(), value)));
                object.into()
            }
            (Tagging::Untagged, held) => held.unwrap_or(Value::Null),
        })
    }

    fn inside(&mut self, step: String, form: &'a Form) -> Result<Value, NoSample> {
        self.path.push(step);
        let value = self.value(form);
        self.path.pop();
        value
    }

    fn unknown(&self, rust_type: &str) -> NoSample {
        NoSample { path: self.path.join("."), rust_type: rust_type.to_owned() }
    }
}

fn one(key: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), value)])
}

fn contains_itself(form: &Form) -> bool {
    match form {
        Form::Again(_) => true,
        Form::Option(form) | Form::List(form) | Form::Set(form) | Form::Named(_, form) => {
            contains_itself(form)
        }
        Form::Map(_, form) => contains_itself(form),
        Form::Tuple(items) => items.iter().any(contains_itself),
        Form::Struct(fields) => fields.iter().any(|field| contains_itself(&field.form)),
        Form::Enum(_, variants) => {
            variants.iter().filter_map(|variant| variant.form.as_ref()).any(contains_itself)
        }
        _ => false,
    }
}

impl Dice {
    fn bool(&mut self) -> bool {
        match self {
            Self::Always => true,
            Self::Random(rng) => rng.bool(),
        }
    }

    /// Never, for what is always the same.
    fn one_in(&mut self, chances: u8) -> bool {
        match self {
            Self::Always => false,
            Self::Random(rng) => rng.u8(..chances) == 0,
        }
    }

    fn goes_on(&mut self) -> bool {
        match self {
            Self::Always => false,
            Self::Random(rng) => rng.bool(),
        }
    }

    fn count(&mut self) -> usize {
        match self {
            Self::Always => 1,
            Self::Random(rng) => rng.usize(..4),
        }
    }

    fn below(&mut self, count: usize) -> usize {
        match self {
            Self::Random(rng) if count > 0 => rng.usize(..count),
            _ => 0,
        }
    }

    fn integer(&mut self, ty: &str) -> Value {
        let (least, most) = range(ty);
        let Self::Random(rng) = self else { return 1.into() };
        match rng.u8(..8) {
            0 => number(least),
            1 => number(most),
            2..=5 => number(i128::from(rng.u8(..100))),
            _ => number(rng.i128(least..=most)),
        }
    }

    fn float(&mut self, ty: &str) -> Value {
        let Self::Random(rng) = self else { return 1.5.into() };
        let number = match rng.u8(..6) {
            0 => 0.0,
            1 => -1.0,
            2 => 1e300,
            _ => (rng.f64() - 0.5) * 1e6,
        };
        // What does not fit the narrow type would not come back.
        let number = if ty == "f32" { number.clamp(-1e6, 1e6).round() } else { number };
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }

    fn text(&mut self, rule: &str) -> String {
        let Self::Random(rng) = self else {
            return match rule {
                "datetime" => "2026-01-02T03:04:05Z".to_owned(),
                "uuid" => "018f4b2e-7c3a-7d21-9b5e-1f2a3b4c5d6e".to_owned(),
                "char" => "a".to_owned(),
                _ => "text".to_owned(),
            };
        };
        match rule {
            "datetime" => {
                let time = chrono::DateTime::from_timestamp(rng.i64(0..4_000_000_000), 0);
                time.unwrap_or_default().to_rfc3339()
            }
            "uuid" => uuid::Uuid::from_u128(rng.u128(..)).to_string(),
            "char" => rng.char(..).to_string(),
            _ => {
                let words =
                    ["", "a", "Zoë", "0", "null", "2026-01-02T03:04:05Z", "\"\\\u{0}", "🃏"];
                match rng.usize(..words.len() * 2) {
                    at if at < words.len() => words[at].to_owned(),
                    _ => (0..rng.usize(..9)).map(|_| rng.char(..)).collect(),
                }
            }
        }
    }

    fn any(&mut self) -> Value {
        match self.below(4) {
            0 => "text".into(),
            1 => Value::Null,
            2 => serde_json::json!({ "a": [1, 2.5, "x"] }),
            _ => 7.into(),
        }
    }
}

fn range(ty: &str) -> (i128, i128) {
    match ty {
        "u8" => (0, u8::MAX.into()),
        "u16" => (0, u16::MAX.into()),
        "u32" => (0, u32::MAX.into()),
        "i8" => (i8::MIN.into(), i8::MAX.into()),
        "i16" => (i16::MIN.into(), i16::MAX.into()),
        "i32" => (i32::MIN.into(), i32::MAX.into()),
        "i64" | "isize" | "i128" => (i64::MIN.into(), i64::MAX.into()),
        // Wider numbers than 64 bits are rare in JSON, and those of 64 bits fit them.
        _ => (0, u64::MAX.into()),
    }
}

fn number(number: i128) -> Value {
    i64::try_from(number)
        .map_or_else(|_| u64::try_from(number).map_or(Value::Null, Value::from), Value::from)
}
