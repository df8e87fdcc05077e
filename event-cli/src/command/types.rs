//! `types`: the events that this program knows.

use clap::Args;
use event_core::Registry;
use event_core::registry::CatalogueType;
use serde_json::json;

use crate::failure::Failure;
use crate::output::table::cell;
use crate::output::{Column, Style, Table};
use crate::session::Session;

/// The arguments of `types`.
#[derive(Debug, Args)]
pub struct Types {
    /// Only types whose name contains this text.
    name: Option<String>,
    /// Prints JSON, one object a line.
    #[arg(long)]
    json: bool,
}

impl Types {
    pub(super) fn run(&self, session: &mut Session) -> Result<(), Failure> {
        let registry = Registry::global().map_err(event_core::Error::from)?;
        let wanted = self.name.as_deref().unwrap_or_default();
        let types =
            registry.catalogue().types.into_iter().filter(|it| it.event_type.contains(wanted));
        let mut table = Table::new([
            Column::text("TYPE"),
            Column::number("LATEST"),
            Column::cut("MIGRATIONS"),
            Column::cut("FORMER NAMES"),
            Column::cut("CRATE"),
            Column::cut("DESCRIPTION"),
        ]);
        for entry in types {
            if self.json {
                session.out.json(&as_json(&entry))?;
                continue;
            }
            let latest = entry.versions.last();
            table.row(
                &mut session.out,
                [
                    cell(&entry.event_type, Style::Accent),
                    latest.map(|it| it.version.to_string()).unwrap_or_default().into(),
                    graph(&entry).into(),
                    entry.aliases.join(", ").into(),
                    latest.map_or("", |it| it.origin.krate).into(),
                    latest.and_then(|it| it.docs.lines().next()).unwrap_or_default().into(),
                ],
            )?;
        }
        table.flush(&mut session.out)
    }
}

/// The migrations as text: `v1→v2 v2→v3`.
fn graph(entry: &CatalogueType) -> String {
    let edges: Vec<_> =
        entry.migrations.iter().map(|edge| format!("{}→{}", edge.from, edge.to)).collect();
    edges.join(" ")
}

fn as_json(entry: &CatalogueType) -> serde_json::Value {
    let versions = entry.versions.iter().map(|it| {
        json!({
            "version": it.version.get(),
            "rust_type": it.rust_type,
            "crate": it.origin.krate,
            "file": it.origin.file,
            "line": it.origin.line,
            "readonly": it.readonly,
            "description": it.docs,
        })
    });
    let migrations = entry.migrations.iter().map(|edge| {
        json!({ "from": edge.from.get(), "to": edge.to.get(), "declared_by": edge.declared_by })
    });
    json!({
        "type": entry.event_type,
        "former_names": entry.aliases,
        "versions": versions.collect::<Vec<_>>(),
        "migrations": migrations.collect::<Vec<_>>(),
    })
}
