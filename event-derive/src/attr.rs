//! The grammar of `#[event(...)]`: which keys stand on a struct, an enum, a variant and a field.
//!
//! - struct: `type = "a.b"`, `version = 1`, `from = Type`, `since = 2`, `also_from(Type, …)`, `migrate(from, to, with)`,
//!   `alias = "old"`, `validate = path`, `readonly`, `register = false`, `shape = 0x…`, `crate = path`
//! - enum: `crate = path`
//! - variant: `other`
//! - field: `shape = "…"`, `opaque`
//!
//! Several attributes on one item count as one. What the values mean together is for `check`.

use proc_macro2::TokenStream;
use syn::parse::ParseStream;
use syn::{Attribute, ExprPath, Ident, LitStr, Meta, Path, Token, Type};

use crate::errors::Errors;
use crate::key::{Slot, entries, skip, unknown};
use crate::migrate::{self, Migrate};
use crate::value::{self, Number, Pin};

const STRUCT_KEYS: &[&str] = &[
    "type",
    "version",
    "from",
    "since",
    "also_from",
    "migrate",
    "alias",
    "validate",
    "readonly",
    "register",
    "shape",
    "crate",
];

/// The keys of a field; they stand on the fields of `#[derive(Shape)]`, too.
pub(crate) const FIELD_KEYS: &[&str] = &["shape", "opaque"];

/// What the attributes of a struct say.
pub(crate) struct StructKeys {
    /// The first list, at which a missing key is reported.
    pub(crate) list: Option<Meta>,
    pub(crate) event_type: Slot<LitStr>,
    pub(crate) version: Slot<Number>,
    pub(crate) from: Slot<Type>,
    pub(crate) since: Slot<Number>,
    pub(crate) migrate: Vec<Migrate>,
    /// A `migrate` that cannot be read: the history is not known, so nothing is said about it.
    pub(crate) migrate_broken: bool,
    pub(crate) also_from: Slot<Vec<Type>>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) validate: Slot<ExprPath>,
    pub(crate) readonly: Slot<()>,
    pub(crate) register: Slot<bool>,
    pub(crate) shape: Slot<Pin>,
    pub(crate) krate: Slot<Path>,
}

impl StructKeys {
    /// Reads the keys; `None` when there is no attribute at all.
    pub(crate) fn read(attrs: &[Attribute], errors: &mut Errors) -> Option<Self> {
        let mut keys = Self::none();
        let mut any = false;
        for attr in event_attributes(attrs) {
            any = true;
            keys.read_attribute(attr, errors);
        }
        any.then_some(keys)
    }

    fn none() -> Self {
        Self {
            list: None,
            event_type: Slot::Absent,
            version: Slot::Absent,
            from: Slot::Absent,
            since: Slot::Absent,
            migrate: Vec::new(),
            migrate_broken: false,
            also_from: Slot::Absent,
            aliases: Vec::new(),
            validate: Slot::Absent,
            readonly: Slot::Absent,
            register: Slot::Absent,
            shape: Slot::Absent,
            krate: Slot::Absent,
        }
    }

    fn read_attribute(&mut self, attr: &Attribute, errors: &mut Errors) {
        let Some(list) = list_of(attr, "type = \"...\", version = ...", errors) else {
            self.event_type.was_meant();
            self.version.was_meant();
            return;
        };
        self.list.get_or_insert_with(|| attr.meta.clone());
        let bare_string =
            entries(list, errors, |key, input, errors| self.entry(key, input, errors));
        if bare_string {
            self.event_type.was_meant();
        }
    }

    fn entry(&mut self, key: &Ident, input: ParseStream, errors: &mut Errors) {
        match key.to_string().as_str() {
            "type" => self.event_type.read(key, input, errors, value::type_string),
            "version" => self.version.read(key, input, errors, value::version),
            "from" => self.from.read(key, input, errors, value::previous),
            "since" => self.since.read(key, input, errors, value::later_version),
            "migrate" => match migrate::read(key, input, errors) {
                Some(step) => self.migrate.push(step),
                None => self.migrate_broken = true,
            },
            "also_from" => self.also_from.read(key, input, errors, value::types),
            "alias" => self.aliases.extend(value::type_string(key, input, errors)),
            "validate" => self.validate.read(key, input, errors, value::function),
            "readonly" => self.readonly.read(key, input, errors, value::flag),
            "register" => self.register.read(key, input, errors, value::switch),
            "shape" => self.shape.read(key, input, errors, value::pin),
            "crate" => self.krate.read(key, input, errors, value::module),
            _ => {
                let meant = unknown(key, input, STRUCT_KEYS, errors);
                self.was_meant(meant);
            }
        }
    }

    fn was_meant(&mut self, key: Option<&str>) {
        match key {
            Some("type") => self.event_type.was_meant(),
            Some("version") => self.version.was_meant(),
            Some("from") => self.from.was_meant(),
            Some("since") => self.since.was_meant(),
            Some("migrate") => self.migrate_broken = true,
            _ => {}
        }
    }
}

/// What the attributes of an enum say.
pub(crate) struct EnumKeys {
    pub(crate) krate: Slot<Path>,
    /// A key of a struct stood here: what the variants look like is not worth a word then.
    pub(crate) meant_for_structs: bool,
}

impl EnumKeys {
    pub(crate) fn read(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut keys = Self { krate: Slot::Absent, meant_for_structs: false };
        for attr in event_attributes(attrs) {
            if let Some(list) = list_of(attr, "crate = path", errors) {
                entries(list, errors, |key, input, errors| keys.entry(key, input, errors));
            }
        }
        keys
    }

    fn entry(&mut self, key: &Ident, input: ParseStream, errors: &mut Errors) {
        match key.to_string().as_str() {
            "crate" => self.krate.read(key, input, errors, value::module),
            name if STRUCT_KEYS.contains(&name) => self.key_of_struct(key, input, errors),
            _ => {
                unknown(key, input, &["crate"], errors);
            }
        }
    }

    fn key_of_struct(&mut self, key: &Ident, input: ParseStream, errors: &mut Errors) {
        skip(input);
        let first = !self.meant_for_structs;
        self.meant_for_structs = true;
        if first {
            let keys = both_or_one(key);
            let message =
                format!("an enum is a set of events; put {keys} on the structs its variants hold");
            errors.at(key, message);
        }
    }
}

/// Where event-core is, by the attributes of a type with `#[derive(Shape)]`: they take only `crate`.
pub(crate) fn shape_crate(attrs: &[Attribute], errors: &mut Errors) -> Path {
    let mut krate = Slot::Absent;
    for attr in event_attributes(attrs) {
        let Some(list) = list_of(attr, "crate = path", errors) else { continue };
        entries(list, errors, |key, input, errors| {
            if key == "crate" {
                krate.read(key, input, errors, value::module);
            } else {
                unknown(key, input, &["crate"], errors);
            }
        });
    }
    krate.get().cloned().unwrap_or_else(|| syn::parse_quote!(::event_core))
}

/// Reads the attributes of a variant: the `other` key, if it is there.
///
/// `holds` is the type in the variant, where the keys of a struct belong.
pub(crate) fn variant(attrs: &[Attribute], holds: &str, errors: &mut Errors) -> Option<Ident> {
    let mut other: Option<Ident> = None;
    let mut misplaced = false;
    for attr in event_attributes(attrs) {
        let Some(list) = list_of(attr, "other", errors) else { continue };
        entries(list, errors, |key, input, errors| match key.to_string().as_str() {
            "other" if input.peek(Token![=]) => {
                errors.at(key, "expected `#[event(other)]`, without a value");
                skip(input);
            }
            "other" if other.is_some() => errors.at(key, "duplicate key `other`"),
            "other" => other = Some(key.clone()),
            name if STRUCT_KEYS.contains(&name) => {
                skip(input);
                if !misplaced {
                    errors.at(key, belongs_on_struct(key, holds));
                }
                misplaced = true;
            }
            _ => {
                unknown(key, input, &["other"], errors);
            }
        });
    }
    other
}

fn belongs_on_struct(key: &Ident, holds: &str) -> String {
    let keys = both_or_one(key);
    let belong = if keys.contains("and") { "belong" } else { "belongs" };
    format!("a variant takes only `other`; {keys} {belong} on {holds}")
}

/// `type` and `version` go together: who misplaced one is told about both, once.
fn both_or_one(key: &Ident) -> String {
    if key == "type" || key == "version" {
        return "`type` and `version`".to_owned();
    }
    format!("`{key}`")
}

/// What the attributes of a field say of its shape.
#[derive(Default)]
pub(crate) struct FieldKeys {
    /// `shape = "…"`: the form in words.
    pub(crate) shape: Option<LitStr>,
    /// `opaque`: only the text of the type counts.
    pub(crate) opaque: bool,
}

impl FieldKeys {
    pub(crate) fn read(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut keys = Self::default();
        let (mut shape, mut opaque) = (Slot::Absent, Slot::Absent);
        for attr in event_attributes(attrs) {
            let Some(list) = list_of(attr, "shape = \"...\"", errors) else { continue };
            entries(list, errors, |key, input, errors| match key.to_string().as_str() {
                "shape" => shape.read(key, input, errors, value::text),
                "opaque" => opaque.read(key, input, errors, value::flag),
                name if STRUCT_KEYS.contains(&name) => {
                    skip(input);
                    let message =
                        format!("`{key}` belongs on the struct; a field takes `shape` or `opaque`");
                    errors.at(key, message);
                }
                _ => {
                    unknown(key, input, FIELD_KEYS, errors);
                }
            });
        }
        if let (Slot::Read(key, ()), Slot::Read(..)) = (&opaque, &shape) {
            errors.at(key, "`opaque` says that the shape is left out; remove it or `shape`");
        }
        keys.opaque = opaque.get().is_some();
        if let Slot::Read(_, text) = shape {
            keys.shape = Some(text);
        }
        keys
    }
}

/// The field of a variant of a set takes no attribute of ours.
pub(crate) fn no_keys(attrs: &[Attribute], errors: &mut Errors) {
    for attr in event_attributes(attrs) {
        errors.at(attr.path(), "`#[event(other)]` stands on the variant; its field takes no keys");
    }
}

fn event_attributes(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("event"))
}

/// The tokens between the parentheses; `form` is what belongs there.
fn list_of(attr: &Attribute, form: &str, errors: &mut Errors) -> Option<TokenStream> {
    match &attr.meta {
        Meta::List(list) => return Some(list.tokens.clone()),
        Meta::Path(path) => errors.at(path, format!("expected `#[event({form})]`")),
        Meta::NameValue(pair) => {
            let value = &pair.value;
            let form = form.replace("\"...\"", &quote::quote!(#value).to_string());
            errors.at(pair.eq_token, format!("expected `#[event({form})]`"));
        }
    }
    None
}
