//! [`Table`]: rows in columns that fit the terminal. Where not even the narrowest columns fit, each row is a block of lines.
//!
//! Rows are printed as they come: the first ones decide the widths.

use crate::failure::Failure;
use crate::output::text::{columns, fit, in_one_line, is_wider, split};
use crate::output::{Output, Style};

/// How many rows decide the widths.
const ROWS: usize = 100;
/// And how much text at most.
const BYTES: usize = 1 << 20;
/// The columns between two columns.
const GAP: usize = 2;
/// The narrowest that a column becomes that may be cut.
const NARROWEST: usize = 8;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    right: bool,
    may_be_cut: bool,
}

impl Column {
    /// A column of text that is always shown whole.
    pub(crate) const fn text(title: &'static str) -> Self {
        Self { title, right: false, may_be_cut: false }
    }

    /// A column of numbers.
    pub(crate) const fn number(title: &'static str) -> Self {
        Self { title, right: true, may_be_cut: false }
    }

    /// A column of text that may be cut to fit the terminal.
    pub(crate) const fn cut(title: &'static str) -> Self {
        Self { title, right: false, may_be_cut: true }
    }
}

/// A cell: its text, and how it looks.
#[derive(Debug, Clone)]
pub(crate) struct Cell(String, Style);

impl<T: ToString> From<T> for Cell {
    fn from(text: T) -> Self {
        Self(in_one_line(text.to_string()), Style::Plain)
    }
}

/// A cell in a style.
pub(crate) fn cell(text: impl Into<Cell>, style: Style) -> Cell {
    Cell(text.into().0, style)
}

/// A table that is printed while its rows come.
pub(crate) struct Table {
    columns: Vec<Column>,
    waiting: Vec<Vec<Cell>>,
    bytes: usize,
    layout: Option<Layout>,
}

enum Layout {
    Columns(Vec<usize>),
    Blocks,
}

impl Table {
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), waiting: Vec::new(), bytes: 0, layout: None }
    }

    /// Adds a row, one cell for each column.
    pub(crate) fn row(
        &mut self,
        out: &mut Output,
        cells: impl Into<Vec<Cell>>,
    ) -> Result<(), Failure> {
        let cells = cells.into();
        self.bytes += cells.iter().map(|cell| cell.0.len()).sum::<usize>();
        self.waiting.push(cells);
        if self.layout.is_some() || self.waiting.len() >= ROWS || self.bytes >= BYTES {
            self.flush(out)?;
        }
        Ok(())
    }

    /// Prints the rows that wait.
    pub(crate) fn flush(&mut self, out: &mut Output) -> Result<(), Failure> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let is_first = self.layout.is_none();
        self.lay_out(out.width());
        if is_first && let Some(Layout::Columns(_)) = self.layout {
            let titles = self.columns.iter().map(|it| cell(it.title, Style::Title)).collect();
            self.print(out, titles)?;
        }
        for row in std::mem::take(&mut self.waiting) {
            self.print(out, row)?;
        }
        Ok(())
    }

    /// Widens the columns for the rows that wait.
    fn lay_out(&mut self, limit: Option<usize>) {
        let mut widths: Vec<usize> = match &self.layout {
            Some(Layout::Blocks) => return,
            Some(Layout::Columns(widths)) => widths.clone(),
            None => self.columns.iter().map(|column| columns(column.title)).collect(),
        };
        let is_first = self.layout.is_none();
        for row in &self.waiting {
            for ((width, cell), column) in widths.iter_mut().zip(row).zip(&self.columns) {
                // Later rows widen what may not be cut only.
                if is_first || !column.may_be_cut {
                    *width = (*width).max(columns(&cell.0));
                }
            }
        }
        let fits = limit.is_none_or(|limit| self.shrink(&mut widths, limit));
        self.layout = Some(if fits { Layout::Columns(widths) } else { Layout::Blocks });
    }

    /// Shrinks what may be cut, the widest first, until all fits.
    fn shrink(&self, widths: &mut [usize], limit: usize) -> bool {
        let gaps = GAP * widths.len().saturating_sub(1);
        loop {
            let total = widths.iter().sum::<usize>() + gaps;
            if total <= limit {
                return true;
            }
            let widest = widths.iter_mut().zip(&self.columns);
            let widest = widest.filter(|(width, it)| it.may_be_cut && **width > NARROWEST);
            let Some((width, _)) = widest.max_by_key(|(width, _)| **width) else { return false };
            *width = width.saturating_sub(total - limit).max(NARROWEST);
        }
    }

    fn print(&self, out: &mut Output, row: Vec<Cell>) -> Result<(), Failure> {
        match &self.layout {
            Some(Layout::Columns(widths)) => self.print_line(out, widths, row),
            _ => self.print_block(out, row),
        }
    }

    fn print_line(
        &self,
        out: &mut Output,
        widths: &[usize],
        row: Vec<Cell>,
    ) -> Result<(), Failure> {
        let last = row.iter().rposition(|cell| !cell.0.is_empty()).unwrap_or(0);
        let mut line = String::with_capacity(row.iter().map(|cell| cell.0.len() + GAP).sum());
        let pad = |line: &mut String, columns| line.extend(std::iter::repeat_n(' ', columns));
        for (at, Cell(text, style)) in row.into_iter().enumerate().take(last + 1) {
            let (width, column) = (widths[at], self.columns[at]);
            let cut = column.may_be_cut && out.width().is_some() && is_wider(&text, width);
            let text = if cut { fit(&text, width) } else { text };
            // The last column needs no padding, and its text may be long.
            let missing =
                if at == last && !column.right { 0 } else { width.saturating_sub(columns(&text)) };
            if column.right {
                pad(&mut line, missing);
            }
            out.paint_into(&mut line, style, &text);
            if at < last {
                pad(&mut line, if column.right { GAP } else { missing + GAP });
            }
        }
        line.push('\n');
        out.composed(&line)
    }

    /// A row on a narrow terminal: a line for each cell, wrapped.
    fn print_block(&self, out: &mut Output, row: Vec<Cell>) -> Result<(), Failure> {
        let width = out.width().unwrap_or(usize::MAX);
        for (column, Cell(text, style)) in self.columns.iter().zip(row) {
            if text.is_empty() {
                continue;
            }
            let title = fit(column.title, width);
            out.paint(Style::Title, &title)?;
            let taken = columns(&title) + 1;
            if !is_wider(&text, width.saturating_sub(taken)) {
                out.text(" ")?;
                out.styled(style, &text)?;
                continue;
            }
            out.line("")?;
            let (indent, inner) = if width > 4 { ("  ", width - 2) } else { ("", width) };
            let mut rest = if column.may_be_cut { fit(&text, inner * 4) } else { text };
            while !rest.is_empty() {
                let (head, tail) = split(&rest, inner);
                let tail = tail.to_owned();
                out.text(indent)?;
                out.styled(style, head)?;
                rest = tail;
            }
        }
        out.line("")
    }
}
