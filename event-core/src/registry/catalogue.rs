//! [`Catalogue`]: documentation of a registry's events.
//!
//! Exported as JSON Schema for each (type, version), as Markdown, and as a Mermaid graph of the migrations.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::event::Origin;
use crate::registry::Registry;
use crate::shape::Form;
use crate::value::EventVersion;

/// The events of a registry, by type.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Catalogue {
    /// The event types, sorted by type string.
    pub types: Vec<CatalogueType>,
}

/// One event type.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CatalogueType {
    /// The stored type string.
    pub event_type: String,
    /// The former type strings.
    pub aliases: Vec<String>,
    /// The registered versions, in ascending order.
    pub versions: Vec<CatalogueVersion>,
    /// The migrations, sorted by source version.
    pub migrations: Vec<CatalogueMigration>,
}

/// One version of a type.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CatalogueVersion {
    /// The schema version.
    pub version: EventVersion,
    /// The path of the Rust type.
    pub rust_type: &'static str,
    /// The source location: crate, file and line.
    pub origin: Origin,
    /// The doc comment; empty if there is none.
    pub docs: &'static str,
    /// Whether the version can be read but not appended.
    pub readonly: bool,
    /// The form of the payloads.
    pub shape: Form,
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CatalogueMigration {
    /// The source version.
    pub from: EventVersion,
    /// The target version.
    pub to: EventVersion,
    /// Where it was declared: a Rust type or a module.
    pub declared_by: &'static str,
}

impl Registry {
    /// Returns the catalogue of this registry's events.
    pub fn catalogue(&self) -> Catalogue {
        let types = self.types().into_iter().map(|event_type| CatalogueType {
            event_type: event_type.to_owned(),
            aliases: self.stored_names(event_type).skip(1).map(str::to_owned).collect(),
            versions: self
                .iter()
                .filter(|registration| registration.event_type() == event_type)
                .map(|registration| CatalogueVersion {
                    version: registration.version(),
                    rust_type: registration.rust_type(),
                    origin: registration.origin(),
                    docs: registration.docs(),
                    readonly: registration.is_readonly(),
                    shape: registration.shape(),
                })
                .collect(),
            migrations: self
                .edges(event_type)
                .iter()
                .map(|edge| CatalogueMigration {
                    from: edge.from(),
                    to: edge.to(),
                    declared_by: edge.declared_by(),
                })
                .collect(),
        });
        Catalogue { types: types.collect() }
    }
}

impl Catalogue {
    /// Keeps only the versions that the given package defines, and the types that have one.
    #[must_use]
    pub fn of_crate(mut self, crate_name: &str) -> Self {
        for entry in &mut self.types {
            entry.versions.retain(|version| version.origin.krate == crate_name);
        }
        self.types.retain(|entry| !entry.versions.is_empty());
        self
    }

    /// Returns a JSON Schema (draft 2020-12) for the payload of each (type, version).
    pub fn json_schemas(&self) -> impl Iterator<Item = (&str, EventVersion, Value)> {
        self.types.iter().flat_map(|entry| {
            let event_type = entry.event_type.as_str();
            let versions = entry.versions.iter();
            versions.map(move |it| (event_type, it.version, it.json_schema(event_type)))
        })
    }

    /// Returns the catalogue as Markdown: a table of the types, then a section for each with its versions and keys.
    pub fn to_markdown(&self) -> String {
        let mut text = String::from("| Event type | Versions | Description |\n|---|---|---|\n");
        for entry in &self.types {
            let docs = entry.versions.last().map_or("", |latest| first_line(latest.docs));
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| [`{name}`](#{name}) | {versions} | {docs} |",
                name = entry.event_type,
                versions = entry.version_list(),
                docs = docs.replace('|', "\\|"),
            );
        }
        for entry in &self.types {
            entry.to_markdown(&mut text);
        }
        text
    }

    /// Returns the migrations as a Mermaid graph, one subgraph per type; types without migrations are omitted.
    pub fn to_mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for entry in self.types.iter().filter(|entry| !entry.migrations.is_empty()) {
            let name = &entry.event_type;
            let node = |version: EventVersion| format!("{}_{version}", name.replace('.', "__"));
            let _ = writeln!(text, "    subgraph {name}");
            for version in entry.all_versions() {
                let _ = writeln!(text, "        {}[{version}]", node(version));
            }
            for edge in &entry.migrations {
                let _ = writeln!(text, "        {} --> {}", node(edge.from), node(edge.to));
            }
            text.push_str("    end\n");
        }
        text
    }
}

impl CatalogueType {
    /// The registered versions and those that only migrations mention.
    fn all_versions(&self) -> Vec<EventVersion> {
        let edges = self.migrations.iter().flat_map(|edge| [edge.from, edge.to]);
        let mut all: Vec<_> = self.versions.iter().map(|it| it.version).chain(edges).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn version_list(&self) -> String {
        let all: Vec<String> = self.all_versions().iter().map(ToString::to_string).collect();
        all.join(", ")
    }

    fn to_markdown(&self, text: &mut String) {
        let _ = writeln!(text, "\n### {}\n", self.event_type);
        if !self.aliases.is_empty() {
            let _ = writeln!(text, "Formerly stored as `{}`.\n", self.aliases.join("`, `"));
        }
        for version in &self.versions {
            version.to_markdown(text);
        }
        for edge in &self.migrations {
            let _ = writeln!(text, "- {} → {}, by `{}`", edge.from, edge.to, edge.declared_by);
        }
    }
}

impl CatalogueVersion {
    /// Returns the JSON Schema of the payload; `event_type` becomes part of its `$id` and `title`.
    pub fn json_schema(&self, event_type: &str) -> Value {
        let mut schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": format!("urn:event:{event_type}:{}", self.version),
            "title": format!("{event_type} {}", self.version),
        });
        if !self.docs.is_empty() {
            schema["description"] = self.docs.into();
        }
        // The schema of `any` is `true`, which has no keywords.
        if let (Value::Object(schema), Value::Object(shape)) =
            (&mut schema, self.shape.to_json_schema())
        {
            schema.extend(shape);
        }
        schema
    }

    fn to_markdown(&self, text: &mut String) {
        let readonly = if self.readonly { ", read-only" } else { "" };
        let name = self.rust_type.rsplit("::").next().unwrap_or(self.rust_type);
        let _ =
            writeln!(text, "**{}**{readonly} · `{name}` in `{}`\n", self.version, self.origin.file);
        if !self.docs.is_empty() {
            let _ = writeln!(text, "{}\n", self.docs);
        }
        text.push_str("| Key | Form |\n|---|---|\n");
        for line in self.shape.lines() {
            let path = if line.path.is_empty() { "." } else { &line.path };
            let _ = writeln!(text, "| `{path}` | {} |", line.text.replace('|', "\\|"));
        }
        text.push('\n');
    }
}

fn first_line(docs: &str) -> &str {
    docs.lines().next().unwrap_or("")
}
