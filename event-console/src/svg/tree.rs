//! Events and what caused them as a tree: one row for each event, the lines beside them drawn. The rows are a list of links
//! beside the drawing, so that they are read, found and followed without it.

use maud::{Markup, html};

/// The height of a row, as in the stylesheet.
const ROW: usize = 44;
/// The width of a level.
const LEVEL: usize = 22;

/// One row.
pub(crate) struct Row {
    /// Its level, from 0.
    pub(crate) depth: usize,
    /// The row of its cause.
    pub(crate) cause: Option<usize>,
    pub(crate) is_current: bool,
    pub(crate) content: Markup,
}

/// The rows, and the lines between them.
pub(crate) fn draw(rows: &[Row]) -> Markup {
    let depth = rows.iter().map(|row| row.depth).max().unwrap_or_default();
    let (width, height) = ((depth + 1) * LEVEL, rows.len() * ROW);
    let x = |row: &Row| row.depth * LEVEL + LEVEL / 2;
    let y = |at: usize| at * ROW + ROW / 2;
    html! {
        div.tree {
            svg width=(width) height=(height) viewBox=(format!("0 0 {width} {height}")) aria-hidden="true" {
                @for (at, row) in rows.iter().enumerate() {
                    @if let Some(cause) = row.cause {
                        @let (from, to) = (x(&rows[cause]), x(row));
                        path.edge d=(format!("M{from} {}V{}Q{from} {} {} {}H{to}", y(cause), y(at) - 8, y(at), from + 8, y(at))) {}
                    }
                }
                @for (at, row) in rows.iter().enumerate() {
                    circle class=(if row.is_current { "node current" } else { "node" })
                        cx=(x(row)) cy=(y(at)) r=(if row.is_current { 7 } else { 5 }) {}
                }
            }
            ol {
                @for row in rows {
                    @let current = row.is_current.then_some("true");
                    li aria-current=[current] { (row.content) }
                }
            }
        }
    }
}
