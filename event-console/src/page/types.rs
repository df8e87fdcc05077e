//! The event types that this program knows, compared with those that the store holds; and a type with its migrations.

use axum::extract::Path;
use event_core::registry::{Catalogue, CatalogueType, CatalogueVersion, Census};
use event_core::{Error, EventVersion, Registry};
use maud::{Markup, html};

use crate::failure::Failure;
use crate::html::document::{Page, Place};
use crate::html::parts::{badge, nothing, notice, scrolling};
use crate::links::{name_of, query};
use crate::svg::migrations;
use crate::text;
use crate::visit::Visit;

/// `GET /types`
pub(crate) async fn list(visit: Visit) -> Result<Page, Failure> {
    let catalogue = catalogue()?;
    let census = visit.shared.store.census().await?;
    let body = html! {
        h1 { "Event types" }
        (unreadable(&census))
        @if catalogue.types.is_empty() {
            (nothing("This program knows no event type. Link the crates of your events to see them here."))
        } @else {
            table.stacks {
                caption.hidden { "Event types that this program knows" }
                thead { tr {
                    th scope="col" { "Type" } th scope="col" { "Versions" } th scope="col" { "Stored" } th scope="col" { "What it is" }
                } }
                tbody { @for entry in &catalogue.types { (row(&visit, entry, &census)) } }
            }
        }
    };
    Ok(Page::new(Place::Types, "Event types", body))
}

/// `GET /types/{type}`
pub(crate) async fn get(visit: Visit, Path(name): Path<String>) -> Result<Page, Failure> {
    let name = name_of(&name);
    let catalogue = catalogue()?;
    let mut types = catalogue.types.iter();
    let found = types.find(|it| it.event_type == name || it.aliases.iter().any(|it| it == name));
    let census = visit.shared.store.census().await?;
    let events = visit.links.to("/events") + &query(&[("type", name)]);
    let body = html! {
        p.crumbs { a href=(visit.links.to("/types")) { "Types" } }
        h1 { (text::name(found.map_or(name, |it| &it.event_type))) }
        @match found {
            None => {
                (notice("warn", &html! { "This program does not know the type. Its events are shown as they are stored." }))
                @if stored_versions(&census, &[name]).is_empty() { (nothing("It was never stored, either.")) }
            }
            Some(entry) => { (details(entry, &census)) }
        }
        p { a href=(events) { "Its latest events" } }
    };
    Ok(Page::new(Place::Types, text::plain_name(name), body))
}

fn catalogue() -> Result<Catalogue, Failure> {
    let registry = Registry::global().map_err(|error| Failure::Store(Error::from(error)))?;
    Ok(registry.catalogue())
}

fn unreadable(census: &Census) -> Markup {
    html! {
        @if !census.is_sound() {
            (notice("bad", &html! {
                p { strong { "This program cannot read everything that is stored." } }
                ul { @for it in &census.unreadable {
                    li { code { (text::name(&it.stored.event_type)) } " " (it.stored.event_version) ": " (text::shown(&it.reason.to_string(), 300)) }
                } }
            }))
        }
    }
}

fn row(visit: &Visit, entry: &CatalogueType, census: &Census) -> Markup {
    let stored = stored_versions(census, &names(entry));
    let docs =
        entry.versions.last().and_then(|latest| latest.docs.lines().next()).unwrap_or_default();
    html! {
        tr {
            th scope="row" { a href=(visit.links.event_type(&entry.event_type)) { (text::name(&entry.event_type)) } }
            td data-label="Versions" { (joined(&versions(entry))) }
            td data-label="Stored" { @if stored.is_empty() { (badge("quiet", "never")) } @else { (joined(&stored)) } }
            td data-label="What it is" { (text::shown(docs, 160)) }
        }
    }
}

fn details(entry: &CatalogueType, census: &Census) -> Markup {
    let stored = stored_versions(census, &names(entry));
    let edges: Vec<_> = entry.migrations.iter().map(|edge| (edge.from, edge.to)).collect();
    let latest = entry.versions.last().map(|it| it.version);
    let nodes: Vec<migrations::Node> = versions(entry)
        .into_iter()
        .map(|version| migrations::Node {
            version,
            kind: match version {
                _ if Some(version) == latest => "latest",
                _ if stored.contains(&version) => "stored",
                _ => "unused",
            },
        })
        .collect();
    let steps: Vec<String> = edges.iter().map(|(from, to)| format!("{from} to {to}")).collect();
    let label = if steps.is_empty() {
        "No migration".to_owned()
    } else {
        format!("Migrations: {}", steps.join(", "))
    };
    html! {
        @if !entry.aliases.is_empty() { p.quiet { "Formerly stored as " (entry.aliases.join(", ")) "." } }
        section aria-labelledby="migrations" {
            h2 id="migrations" { "Migrations" }
            (scrolling("Graph of migrations", &migrations::draw(&nodes, &edges, &label)))
            @if entry.migrations.is_empty() { p.quiet { "One version: nothing to migrate." } } @else {
                ul.plain { @for edge in &entry.migrations {
                    li { (edge.from) " → " (edge.to) span.quiet { " by " code { (text::shown(edge.declared_by, 120)) } } }
                } }
            }
        }
        @for version in entry.versions.iter().rev() { (version_section(version, &stored)) }
    }
}

fn version_section(version: &CatalogueVersion, stored: &[EventVersion]) -> Markup {
    let id = format!("version-{}", version.version);
    let label = format!("Form of {}", version.version);
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) {
                (version.version) " "
                @if stored.contains(&version.version) { (badge("good", "stored")) } @else { (badge("quiet", "never stored")) }
                @if version.readonly { " " (badge("warn", "read only")) }
            }
            @if !version.docs.is_empty() { p { (text::shown(version.docs, 500)) } }
            p.quiet { code { (text::shown(version.rust_type, 120)) } " in " (text::shown(version.origin.file, 120)) }
            (scrolling(&label, &html! {
                table { caption.hidden { (label) }
                    thead { tr { th scope="col" { "Key" } th scope="col" { "Type" } } }
                    tbody { @for line in version.shape.lines() {
                        tr { th scope="row" { code { (if line.path.is_empty() { "." } else { &line.path }) } } td { code { (text::shown(&line.text, 200)) } } }
                    } }
                }
            }))
        }
    }
}

/// The registered versions, and those that only migrations mention.
fn versions(entry: &CatalogueType) -> Vec<EventVersion> {
    let edges = entry.migrations.iter().flat_map(|edge| [edge.from, edge.to]);
    let mut all: Vec<_> = entry.versions.iter().map(|it| it.version).chain(edges).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn names(entry: &CatalogueType) -> Vec<&str> {
    std::iter::once(&*entry.event_type).chain(entry.aliases.iter().map(String::as_str)).collect()
}

fn stored_versions(census: &Census, names: &[&str]) -> Vec<EventVersion> {
    let readable = census.readable.iter();
    let stored = readable.chain(census.unreadable.iter().map(|it| &it.stored));
    let mut versions: Vec<_> =
        stored.filter(|it| names.contains(&&*it.event_type)).map(|it| it.event_version).collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}

fn joined(versions: &[EventVersion]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
