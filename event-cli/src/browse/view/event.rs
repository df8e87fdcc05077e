//! The page of one event.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::theme::Theme;
use crate::browse::compare::{Comparison, Pair};
use crate::browse::pretty::{Pretty, PrettyLine};
use crate::browse::rows::{EventPage, Payload};
use crate::browse::screens::{EventScreen, Mode};
use crate::browse::text;

/// From this width on, stored and latest stand side by side.
const SIDE_BY_SIDE: usize = 60;

/// The lines of the page that are on the screen.
pub(super) fn page(
    screen: &EventScreen,
    rows: usize,
    width: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let Some(page) = &screen.page else { return Vec::new() };
    let painter = Painter { width, shift: screen.shift, theme };
    let all = parts(page, screen.mode, width);
    all.iter().skip(screen.scroll).take(rows).map(|part| painter.line(part)).collect()
}

/// One line of the page, before it is cut and styled.
enum Part<'p> {
    Fact(&'static str, &'p str),
    Blank,
    Title(String),
    Titles(String, String),
    Pair(&'p Comparison, Pair),
    /// A line of one payload, with a mark.
    Line(&'p PrettyLine, Mark),
    Cut,
    Bad(String),
}

#[derive(Clone, Copy)]
enum Mark {
    None,
    Stored,
    Latest,
}

fn parts(page: &EventPage, mode: Mode, width: usize) -> Vec<Part<'_>> {
    let mut parts: Vec<_> =
        page.facts.iter().map(|(label, value)| Part::Fact(label, value)).collect();
    parts.push(Part::Blank);
    let stored_title = format!("stored {}", page.row.event_version);
    match &page.payload {
        Payload::Compared { comparison, latest } => {
            let latest = latest.map_or("latest".to_owned(), |latest| format!("latest {latest}"));
            match mode {
                Mode::Stored => whole(&mut parts, stored_title, &comparison.stored),
                Mode::Latest => whole(&mut parts, latest, &comparison.latest),
                Mode::Both => both(&mut parts, comparison, (stored_title, latest), width),
            }
        }
        Payload::Unreadable { stored, reason } => {
            parts.extend(rows_of(reason, width).map(Part::Bad));
            parts.push(Part::Blank);
            whole(&mut parts, stored_title, stored);
        }
    }
    if !page.metadata.lines.is_empty() {
        parts.push(Part::Blank);
        whole(&mut parts, "metadata".to_owned(), &page.metadata);
    }
    parts
}

/// The first rows of a message.
fn rows_of(message: &str, width: usize) -> impl Iterator<Item = String> {
    let shown = text::fit(message, width * 4);
    let rows = shown.chars().collect::<Vec<_>>();
    let rows: Vec<String> = rows.chunks(width.max(1)).map(|row| row.iter().collect()).collect();
    rows.into_iter().take(4)
}

fn whole<'p>(parts: &mut Vec<Part<'p>>, title: String, text: &'p Pretty) {
    parts.push(Part::Title(title));
    parts.extend(text.lines.iter().map(|line| Part::Line(line, Mark::None)));
    if text.is_cut {
        parts.push(Part::Cut);
    }
}

fn both<'p>(
    parts: &mut Vec<Part<'p>>,
    comparison: &'p Comparison,
    (stored, latest): (String, String),
    width: usize,
) {
    let Comparison { stored: old, latest: new, pairs } = comparison;
    if width >= SIDE_BY_SIDE {
        parts.push(Part::Titles(stored, latest));
        parts.extend(pairs.iter().map(|pair| Part::Pair(comparison, *pair)));
    } else {
        let same = comparison.is_same();
        parts.push(Part::Title(format!("{stored} {} {latest}", if same { "=" } else { "-/+" })));
        let line = |text: &'p Pretty, at: Option<usize>| at.and_then(|at| text.lines.get(at));
        for pair in pairs {
            let (left, right) = (line(old, pair.stored), line(new, pair.latest));
            if pair.is_same {
                parts.extend(right.map(|line| Part::Line(line, Mark::None)));
            } else {
                parts.extend(left.map(|line| Part::Line(line, Mark::Stored)));
                parts.extend(right.map(|line| Part::Line(line, Mark::Latest)));
            }
        }
    }
    if old.is_cut || new.is_cut {
        parts.push(Part::Cut);
    }
}

struct Painter {
    width: usize,
    shift: usize,
    theme: Theme,
}

impl Painter {
    fn line(&self, part: &Part<'_>) -> Line<'static> {
        let Self { width, theme, .. } = *self;
        match part {
            Part::Blank => Line::default(),
            Part::Fact(label, value) => {
                let label = if width < 40 { format!("{label} ") } else { format!("{label:<12}") };
                let room = width.saturating_sub(label.len());
                let value = text::part(value, self.shift, room);
                Line::from(vec![Span::styled(label, theme.dim()), Span::raw(value)])
            }
            Part::Title(title) => Line::styled(text::fit(title, width), theme.title()),
            Part::Titles(stored, latest) => {
                let half = self.half();
                let stored = Span::styled(text::left(stored, half), theme.title());
                let latest = Span::styled(text::fit(latest, half), theme.title());
                Line::from(vec![stored, Span::styled(" │ ", theme.dim()), latest])
            }
            Part::Pair(comparison, pair) => self.pair(comparison, *pair),
            Part::Line(line, mark) => {
                let (sign, style) = match mark {
                    Mark::None => ("", Style::new()),
                    Mark::Stored => ("-", theme.removed()),
                    Mark::Latest => ("+", theme.added()),
                };
                let room = width.saturating_sub(sign.len());
                Line::styled(format!("{sign}{}", text::part(&line.text, self.shift, room)), style)
            }
            Part::Cut => Line::styled(text::fit("… what follows is left out", width), theme.dim()),
            Part::Bad(reason) => Line::styled(text::fit(reason, width), theme.bad()),
        }
    }

    /// The width of one of two columns.
    const fn half(&self) -> usize {
        self.width.saturating_sub(3) / 2
    }

    fn pair(&self, comparison: &Comparison, pair: Pair) -> Line<'static> {
        let half = self.half();
        let shown = |text: &Pretty, at: Option<usize>| {
            let line = at.and_then(|at| text.lines.get(at)).map_or("", |line| line.text.as_str());
            text::left(&text::part(line, self.shift, half), half)
        };
        let left = shown(&comparison.stored, pair.stored);
        let right = shown(&comparison.latest, pair.latest);
        let (middle, old, new) = match (pair.is_same, pair.stored, pair.latest) {
            (true, ..) => (" │ ", Style::new(), Style::new()),
            (false, Some(_), Some(_)) => (" ≠ ", self.theme.removed(), self.theme.added()),
            (false, Some(_), None) => (" - ", self.theme.removed(), Style::new()),
            (false, None, _) => (" + ", Style::new(), self.theme.added()),
        };
        Line::from(vec![
            Span::styled(left, old),
            Span::styled(middle, self.theme.dim()),
            Span::styled(right, new),
        ])
    }
}
