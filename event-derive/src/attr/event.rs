//! The keys of a struct: one version of one event.

use syn::parse::ParseStream;
use syn::{Attribute, ExprPath, Ident, LitStr, Meta, Path, Type};

use crate::attr::list::{event_attributes, list_of};
use crate::attr::migrate::{self, Migrate};
use crate::errors::Errors;
use crate::key::{Slot, entries, unknown};
use crate::value::{self, Number, Pin};

pub(crate) const STRUCT_KEYS: &[&str] = &[
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

/// The keys of a struct, as written.
pub(crate) struct StructKeys {
    /// The first attribute, where a missing key is reported.
    pub(crate) list: Option<Meta>,
    pub(crate) event_type: Slot<LitStr>,
    pub(crate) version: Slot<Number>,
    pub(crate) from: Slot<Type>,
    pub(crate) since: Slot<Number>,
    pub(crate) migrate: Vec<Migrate>,
    /// A `migrate` could not be read: the history is not known, so its rules are not checked.
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
    /// Reads the keys; `None` without any `#[event]` attribute.
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
            self.event_type.mark_broken();
            self.version.mark_broken();
            return;
        };
        self.list.get_or_insert_with(|| attr.meta.clone());
        let bare_string =
            entries(list, errors, |key, input, errors| self.entry(key, input, errors));
        if bare_string {
            self.event_type.mark_broken();
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
                self.mark_broken(meant);
            }
        }
    }

    fn mark_broken(&mut self, key: Option<&str>) {
        match key {
            Some("type") => self.event_type.mark_broken(),
            Some("version") => self.version.mark_broken(),
            Some("from") => self.from.mark_broken(),
            Some("since") => self.since.mark_broken(),
            Some("migrate") => self.migrate_broken = true,
            _ => {}
        }
    }
}
