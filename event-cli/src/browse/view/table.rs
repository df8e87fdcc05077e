//! [`Table`]: columns that fit the width. Those that matter least are left out first.

use ratatui::text::{Line, Span};

use super::theme::Theme;
use crate::browse::text;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    title: &'static str,
    width: Width,
    is_right: bool,
    /// The columns with the highest number are left out first; those with 0 stay.
    rank: u8,
}

#[derive(Debug, Clone, Copy)]
enum Width {
    /// As wide as its cells, and at least this.
    Cells(usize),
    /// At least the first, at most the second, of what is left.
    Rest(usize, usize),
}

impl Column {
    pub(super) const fn text(title: &'static str, least: usize, rank: u8) -> Self {
        Self { title, width: Width::Cells(least), is_right: false, rank }
    }

    pub(super) const fn number(title: &'static str, least: usize, rank: u8) -> Self {
        Self { title, width: Width::Cells(least), is_right: true, rank }
    }

    pub(super) const fn rest(title: &'static str, least: usize, most: usize, rank: u8) -> Self {
        Self { title, width: Width::Rest(least, most), is_right: false, rank }
    }
}

/// A row of cells, which were not escaped, and whether it is under the cursor.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    pub(super) is_selected: bool,
    pub(super) is_bad: bool,
}

/// Draws rows in columns: a mark, then the columns with a blank between.
pub(super) fn lines(
    columns: &[Column],
    rows: &[Row],
    width: usize,
    with_header: bool,
    theme: Theme,
) -> Vec<Line<'static>> {
    let inner = width.saturating_sub(1);
    let widths = widths(columns, rows, inner);
    let mut lines = Vec::with_capacity(rows.len() + 1);
    if with_header {
        let titles = columns.iter().map(|column| column.title);
        let line = format!(" {}", join(columns, &widths, titles));
        lines.push(Line::styled(text::fit(&line, width), theme.header()));
    }
    for row in rows {
        let shown = join(columns, &widths, row.cells.iter().map(String::as_str));
        let mark = if row.is_selected { "›" } else { " " };
        let style = if row.is_bad { theme.bad() } else { ratatui::style::Style::new() };
        let mut line = Line::from(vec![Span::raw(mark), Span::styled(shown, style)]);
        if row.is_selected {
            line = line.style(theme.selected());
        }
        lines.push(line);
    }
    lines
}

fn join<'t>(columns: &[Column], widths: &[usize], cells: impl Iterator<Item = &'t str>) -> String {
    let mut out = String::new();
    for ((column, &width), cell) in columns.iter().zip(widths).zip(cells) {
        if width == 0 {
            continue;
        }
        if !out.is_empty() {
            out.push_str("  ");
        }
        let pad = if column.is_right { text::right } else { text::left };
        out.push_str(&pad(cell, width));
    }
    out
}

/// The width of each column; 0 for one that is left out.
fn widths(columns: &[Column], rows: &[Row], inner: usize) -> Vec<usize> {
    let natural = |(at, column): (usize, &Column)| {
        let cells = rows.iter().filter_map(|row| row.cells.get(at));
        let widest = cells.map(|cell| text::width(&text::fit(cell, 40))).max().unwrap_or(0);
        match column.width {
            Width::Cells(least) => least.max(widest).max(column.title.chars().count()),
            Width::Rest(least, _) => least,
        }
    };
    let mut widths: Vec<_> = columns.iter().enumerate().map(natural).collect();
    let needed = |widths: &[usize]| {
        let shown = widths.iter().filter(|width| **width > 0).count();
        widths.iter().sum::<usize>() + shown.saturating_sub(1) * 2
    };
    while needed(&widths) > inner {
        let least = (0..columns.len()).filter(|at| widths[*at] > 0 && columns[*at].rank > 0);
        match least.max_by_key(|at| columns[*at].rank) {
            Some(at) => widths[at] = 0,
            None => break,
        }
    }
    let mut free = inner.saturating_sub(needed(&widths));
    // What is left is shared by the columns that can take it, one cell each in turn.
    while free > 0 {
        let before = free;
        for (at, column) in columns.iter().enumerate() {
            if let Width::Rest(_, most) = column.width
                && widths[at] > 0
                && widths[at] < most
                && free > 0
            {
                widths[at] += 1;
                free -= 1;
            }
        }
        if free == before {
            break;
        }
    }
    let over = needed(&widths).saturating_sub(inner);
    if let Some(last) = widths.iter_mut().rev().find(|width| **width > 0) {
        *last = last.saturating_sub(over);
    }
    widths
}
