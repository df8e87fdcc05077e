//! `schema`: the payloads of the events, for programs in other languages and for documents.

use clap::{Args, ValueEnum};
use event_core::registry::{Catalogue, CatalogueType};
use event_core::{Error, Registry};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::output::pretty::pretty;
use crate::session::Session;

/// The arguments of `schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// The format.
    #[arg(default_value = "json-schema")]
    format: Format,
    /// Only this event type; every version of it.
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Prints JSON on one line; of JSON Schema one version a line.
    #[arg(long)]
    json: bool,
}

/// The formats of `schema`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// JSON Schema, draft 2020-12, of each version.
    #[value(alias = "json")]
    JsonSchema,
    /// `AsyncAPI` 3.0: a message for each version, on one channel.
    Asyncapi,
    /// The migrations as a Mermaid graph.
    Mermaid,
    /// The catalogue as Markdown.
    Markdown,
}

impl Schema {
    pub(super) fn run(self, session: &mut Session) -> Result<(), Failure> {
        let registry = Registry::global().map_err(Error::from)?;
        let mut catalogue = registry.catalogue();
        if let Some(wanted) = &self.event_type {
            let known = registry.latest(wanted).map_err(Failure::not_found)?;
            catalogue.types.retain(|it| it.event_type == known.event_type());
        }
        let title = session.host.program.get_name().to_owned();
        let document = match self.format {
            Format::Mermaid => return session.out.text(&catalogue.to_mermaid()),
            Format::Markdown => return session.out.text(&catalogue.to_markdown()),
            Format::JsonSchema if self.json => {
                for (_, _, schema) in catalogue.json_schemas() {
                    session.out.json(&schema)?;
                }
                return Ok(());
            }
            Format::JsonSchema => bundle(&catalogue),
            Format::Asyncapi => asyncapi(&catalogue, &title),
        };
        if self.json {
            return session.out.json(&document);
        }
        session.out.line(pretty(&document.to_string()))
    }
}

/// One document with the schema of each version, by name.
fn bundle(catalogue: &Catalogue) -> Value {
    let schemas = catalogue.json_schemas().map(|(event_type, version, schema)| {
        let name = format!("{event_type}.{version}");
        let schema = embedded(schema, &format!("#/$defs/{name}"));
        (name, schema)
    });
    let schemas: Map<String, Value> = schemas.collect();
    let any: Vec<Value> =
        schemas.keys().map(|name| json!({ "$ref": format!("#/$defs/{name}") })).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:event:catalogue",
        "anyOf": any,
        "$defs": schemas,
    })
}

fn asyncapi(catalogue: &Catalogue, title: &str) -> Value {
    let mut messages = Map::new();
    for entry in &catalogue.types {
        for (name, message) in messages_of(entry) {
            messages.insert(name, message);
        }
    }
    let refer = |to: &str, name: &String| json!({ "$ref": format!("#/{to}/{name}") });
    let on_channel: Map<String, Value> =
        messages.keys().map(|name| (name.clone(), refer("components/messages", name))).collect();
    let of_operation: Vec<Value> =
        messages.keys().map(|name| refer("channels/events/messages", name)).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The events of this program: each version of each type that may be stored.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": {
                "address": "events",
                "description": "All streams, in the global order.",
                "messages": on_channel,
            },
        },
        "operations": {
            "receiveEvents": {
                "action": "receive",
                "channel": { "$ref": "#/channels/events" },
                "messages": of_operation,
            },
        },
        "components": { "messages": messages },
    })
}

fn messages_of(entry: &CatalogueType) -> impl Iterator<Item = (String, Value)> + '_ {
    entry.versions.iter().map(|version| {
        let name = format!("{}.{}", entry.event_type, version.version);
        let root = format!("#/components/messages/{name}/payload/schema");
        let schema = embedded(version.json_schema(&entry.event_type), &root);
        let message = json!({
            "name": entry.event_type,
            "title": format!("{} {}", entry.event_type, version.version),
            "summary": version.docs.lines().next().unwrap_or_default(),
            "payload": {
                "schemaFormat": "application/schema+json;version=draft-2020-12",
                "schema": schema,
            },
        });
        (name, message)
    })
}

/// A schema inside of a document: what it refers to in itself is at another place there.
fn embedded(mut schema: Value, root: &str) -> Value {
    if let Value::Object(keys) = &mut schema {
        keys.remove("$schema");
        keys.remove("$id");
    }
    move_references(&mut schema, root);
    schema
}

fn move_references(schema: &mut Value, root: &str) {
    match schema {
        Value::Object(keys) => {
            for (key, value) in keys {
                match value {
                    Value::String(to) if key == "$ref" && to.starts_with('#') => {
                        *to = format!("{root}{}", &to[1..]);
                    }
                    value => move_references(value, root),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_references(item, root)),
        _ => {}
    }
}
