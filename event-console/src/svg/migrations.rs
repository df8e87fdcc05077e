//! The migrations of an event type: its versions from left to right, an arrow for each migration, as an arc where it skips
//! versions.

use std::collections::BTreeSet;

use event_core::EventVersion;
use maud::{Markup, html};

/// The distance of two versions.
const STEP: usize = 96;
const RADIUS: usize = 20;
/// Room for one more arc.
const ARC: usize = 26;

/// A version, and a word about it.
pub(crate) struct Node {
    pub(crate) version: EventVersion,
    /// A class: `stored`, `unused`, `latest`, `missing`.
    pub(crate) kind: &'static str,
}

/// The graph. `label` says the same in words.
pub(crate) fn draw(nodes: &[Node], edges: &[(EventVersion, EventVersion)], label: &str) -> Markup {
    let place = |version: EventVersion| nodes.iter().position(|node| node.version == version);
    let edges: BTreeSet<(usize, usize)> =
        edges.iter().filter_map(|(from, to)| Some((place(*from)?, place(*to)?))).collect();
    let span = |(from, to): &(usize, usize)| to.abs_diff(*from);
    let arcs = edges.iter().map(span).max().unwrap_or(1).saturating_sub(1).min(6);
    let (width, line) = (nodes.len().max(1) * STEP, RADIUS + 8 + arcs * ARC);
    let height = line + RADIUS + 8;
    let x = |at: usize| at * STEP + STEP / 2;
    html! {
        svg.migrations width=(width) height=(height) viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(label) {
            defs {
                marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto" {
                    path.tip d="M0 0L8 4L0 8z" {}
                }
            }
            @for (from, to) in &edges {
                @let skips = span(&(*from, *to)).saturating_sub(1).min(6);
                @if skips == 0 {
                    path.edge marker-end="url(#arrow)" d=(format!("M{} {line}H{}", x(*from) + RADIUS, x(*to) - RADIUS - 2)) {}
                } @else {
                    @let (start, end, top) = (x(*from), x(*to), line.saturating_sub(RADIUS + skips * ARC * 4 / 3));
                    path.edge marker-end="url(#arrow)"
                        d=(format!("M{start} {}C{start} {top} {end} {top} {end} {}", line - RADIUS, line - RADIUS - 2)) {}
                }
            }
            @for (at, node) in nodes.iter().enumerate() {
                circle class={ "node " (node.kind) } cx=(x(at)) cy=(line) r=(RADIUS) {}
                text x=(x(at)) y=(line + 5) text-anchor="middle" { (node.version) }
            }
        }
    }
}
