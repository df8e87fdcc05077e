//! A form as JSON Schema (draft 2020-12): describes every payload that can be read.

use serde_json::{Map, Value, json};

use crate::shape::{FieldForm, Form, Tagging, VariantForm};

impl Form {
    /// Converts the form into JSON Schema, draft 2020-12, without the `$schema` key.
    ///
    /// The schema describes what can be read: a key that may be missing is not required, and unknown keys are allowed,
    /// as serde allows them.
    pub fn to_json_schema(&self) -> Value {
        Writer { pointer: String::new(), enclosing: Vec::new() }.schema(self)
    }
}

struct Writer {
    /// The JSON pointer of the schema that is being written.
    pointer: String,
    /// The JSON pointers of the enclosing named types, outermost first.
    enclosing: Vec<String>,
}

impl Writer {
    fn schema(&mut self, form: &Form) -> Value {
        match form {
            Form::Bool => json!({ "type": "boolean" }),
            Form::Int(ty) => integer(ty),
            Form::Float(_) => json!({ "type": "number" }),
            Form::Text(format) => text(format),
            Form::Null => json!({ "type": "null" }),
            Form::Any => json!(true),
            Form::Option(form) => {
                let inner = self.child("anyOf/0", form);
                json!({ "anyOf": [inner, { "type": "null" }] })
            }
            Form::List(form) => json!({ "type": "array", "items": self.child("items", form) }),
            Form::Set(form) => {
                json!({ "type": "array", "items": self.child("items", form), "uniqueItems": true })
            }
            Form::Map(_, value) => {
                json!({ "type": "object", "additionalProperties": self.child("additionalProperties", value) })
            }
            Form::Tuple(items) => {
                let schemas: Vec<Value> = (items.iter().enumerate())
                    .map(|(n, item)| self.child(&format!("prefixItems/{n}"), item))
                    .collect();
                json!({ "type": "array", "prefixItems": schemas, "minItems": items.len(), "maxItems": items.len() })
            }
            Form::Struct(fields) => self.object(fields),
            Form::Enum(tagging, variants) => self.enumeration(*tagging, variants),
            Form::Named(_, form) => {
                self.enclosing.push(self.pointer.clone());
                let schema = self.schema(form);
                self.enclosing.pop();
                schema
            }
            Form::Marked(_, form) | Form::Sampled(_, form) => self.schema(form),
            Form::Recursive(levels) => {
                let index = self.enclosing.len().checked_sub(*levels);
                let pointer = index.and_then(|index| self.enclosing.get(index));
                json!({ "$ref": format!("#{}", pointer.map_or("", String::as_str)) })
            }
            Form::Foreign(text) | Form::Fixed(text) => json!({ "$comment": text }),
        }
    }

    /// The schema of a form at the relative pointer `step`.
    fn child(&mut self, step: &str, form: &Form) -> Value {
        let before = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(step);
        let schema = self.schema(form);
        self.pointer.truncate(before);
        schema
    }

    fn object(&mut self, fields: &[FieldForm]) -> Value {
        let mut object = Object::default();
        self.fields(fields, false, &mut object);
        object.schema()
    }

    fn fields(&mut self, fields: &[FieldForm], optional: bool, object: &mut Object) {
        for field in fields {
            if field.flatten {
                self.flattened(&field.form, optional || field.default, object);
                continue;
            }
            let step = format!("properties/{}", pointer_segment(field.name));
            let schema = self.child(&step, &field.form);
            object.properties.insert(field.name.to_owned(), schema.clone());
            for alias in field.aliases {
                object.properties.insert((*alias).to_owned(), schema.clone());
            }
            if !optional && !field.may_be_missing() && field.aliases.is_empty() {
                object.required.push(field.name.into());
            }
        }
    }

    fn flattened(&mut self, form: &Form, optional: bool, object: &mut Object) {
        match form {
            Form::Named(_, form) => {
                self.enclosing.push(self.pointer.clone());
                self.flattened(form, optional, object);
                self.enclosing.pop();
            }
            Form::Marked(_, form) | Form::Sampled(_, form) => {
                self.flattened(form, optional, object);
            }
            Form::Option(form) => self.flattened(form, true, object),
            Form::Struct(fields) => self.fields(fields, optional, object),
            // Unknown keys are allowed anyway.
            Form::Map(..) => {}
            form if !optional => {
                let step = format!("allOf/{}", object.all_of.len());
                let schema = self.child(&step, form);
                object.all_of.push(schema);
            }
            _ => {}
        }
    }

    fn enumeration(&mut self, tagging: Tagging, variants: &[VariantForm]) -> Value {
        if tagging == Tagging::External && variants.iter().all(|it| it.form.is_none()) {
            if variants.iter().any(|variant| variant.other) {
                return json!({ "type": "string" });
            }
            let names = variants
                .iter()
                .flat_map(|it| [it.name].into_iter().chain(it.aliases.iter().copied()));
            return json!({ "enum": names.collect::<Vec<_>>() });
        }
        let schemas: Vec<Value> = (variants.iter().enumerate())
            .map(|(n, variant)| self.variant(&format!("anyOf/{n}"), tagging, variant))
            .collect();
        json!({ "anyOf": schemas })
    }

    fn variant(&mut self, step: &str, tagging: Tagging, variant: &VariantForm) -> Value {
        let mut names: Vec<&str> = vec![variant.name];
        names.extend(variant.aliases);
        let name =
            if variant.other { json!({ "type": "string" }) } else { json!({ "enum": names }) };
        match (tagging, &variant.form) {
            (Tagging::External, None) => name,
            (Tagging::External, Some(form)) => {
                let content = self
                    .child(&format!("{step}/properties/{}", pointer_segment(variant.name)), form);
                tagged(&[(variant.name, content)])
            }
            (Tagging::Internal(tag) | Tagging::Adjacent(tag, _), None) => tagged(&[(tag, name)]),
            (Tagging::Internal(tag), Some(form)) => {
                let content = self.child(&format!("{step}/allOf/1"), form);
                json!({ "allOf": [tagged(&[(tag, name)]), content] })
            }
            (Tagging::Adjacent(tag, key), Some(form)) => {
                let content =
                    self.child(&format!("{step}/properties/{}", pointer_segment(key)), form);
                tagged(&[(tag, name), (key, content)])
            }
            (Tagging::Untagged, None) => json!({ "type": "null" }),
            (Tagging::Untagged, Some(form)) => self.child(step, form),
        }
    }
}

#[derive(Default)]
struct Object {
    properties: Map<String, Value>,
    required: Vec<Value>,
    all_of: Vec<Value>,
}

impl Object {
    fn schema(self) -> Value {
        let mut schema =
            json!({ "type": "object", "properties": self.properties, "required": self.required });
        if !self.all_of.is_empty() {
            schema["allOf"] = self.all_of.into();
        }
        schema
    }
}

fn tagged(fields: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn integer(ty: &str) -> Value {
    let mut schema = json!({ "type": "integer" });
    let nonzero = ty.strip_prefix("nonzero ");
    if nonzero.is_some() {
        schema["not"] = json!({ "const": 0 });
    }
    let ty = nonzero.unwrap_or(ty);
    if ty.starts_with('u') {
        schema["minimum"] = 0.into();
    }
    let bounds: Option<(Option<i64>, u64)> = match ty {
        "u8" => Some((None, u8::MAX.into())),
        "u16" => Some((None, u16::MAX.into())),
        "u32" => Some((None, u32::MAX.into())),
        "i8" => Some((Some(i8::MIN.into()), 127)),
        "i16" => Some((Some(i16::MIN.into()), 32_767)),
        "i32" => Some((Some(i32::MIN.into()), 2_147_483_647)),
        _ => None,
    };
    if let Some((min, max)) = bounds {
        schema["maximum"] = max.into();
        if let Some(min) = min {
            schema["minimum"] = min.into();
        }
    }
    schema
}

fn text(format: &str) -> Value {
    match format {
        "datetime" => json!({ "type": "string", "format": "date-time" }),
        "date" => json!({ "type": "string", "format": "date" }),
        "uuid" => json!({ "type": "string", "format": "uuid" }),
        "time" => json!({ "type": "string", "format": "time" }),
        "url" => json!({ "type": "string", "format": "uri" }),
        "ipv4" | "ipv6" => json!({ "type": "string", "format": format }),
        "ip" => {
            json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
        }
        "char" => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        _ => json!({ "type": "string" }),
    }
}

/// A key escaped for a JSON pointer (RFC 6901).
fn pointer_segment(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_has_the_bounds_of_its_type() {
        for (ty, minimum, maximum) in [
            ("u8", Some(0), Some(255_u64)),
            ("u16", Some(0), Some(65_535)),
            ("u32", Some(0), Some(4_294_967_295)),
            ("u64", Some(0), None),
            ("i8", Some(-128), Some(127)),
            ("i16", Some(-32_768), Some(32_767)),
            ("i32", Some(-2_147_483_648_i64), Some(2_147_483_647)),
            ("i64", None, None),
        ] {
            for (ty, not) in [(ty.to_owned(), None), (format!("nonzero {ty}"), Some(0))] {
                let schema = integer(&ty);
                assert_eq!(schema["minimum"].as_i64(), minimum, "{ty}: {schema}");
                assert_eq!(schema["maximum"].as_u64(), maximum, "{ty}: {schema}");
                assert_eq!(schema["not"]["const"].as_i64(), not, "{ty}: {schema}");
            }
        }
    }
}
