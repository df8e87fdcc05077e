//! What lies over a screen: the list of keys, a question, a line to type into.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::theme::Theme;
use crate::browse::keys::{self, Hint};
use crate::browse::layout::Layout;
use crate::browse::model::Model;
use crate::browse::overlay::{Input, Overlay, Purpose, types_of};
use crate::browse::text;

/// The types that are suggested at a time.
const SUGGESTED: usize = 6;

/// Draws what lies over the screen.
pub(super) fn draw(
    model: &Model,
    overlay: &Overlay,
    layout: Layout,
    theme: Theme,
    frame: &mut Frame<'_>,
) {
    let area = layout.body;
    match overlay {
        Overlay::Help { scroll } => {
            let lines = help(model, area.width.saturating_sub(4).into(), theme);
            let shown = usize::from(area.height.saturating_sub(2));
            let from = (*scroll).min(lines.len().saturating_sub(shown));
            let lines = lines.into_iter().skip(from).collect();
            boxed(" keys ", lines, area, theme, frame);
        }
        Overlay::Question(question) => {
            let inner = usize::from(area.width.saturating_sub(4));
            let mut lines: Vec<_> = question.lines.iter().flat_map(|it| wrap(it, inner)).collect();
            // The foot says it as well.
            if lines.len() + 3 <= usize::from(area.height) {
                lines.push(Line::styled("y: yes   n: no", theme.header()));
            }
            boxed(" sure? ", lines, area, theme, frame);
        }
        Overlay::Input(input) => draw_input(model, input, layout, theme, frame),
    }
}

fn help(model: &Model, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let own = keys::of(model.screen());
    let hints =
        own.iter().chain(&keys::MOVING).chain(&keys::EVERYWHERE).filter(|hint| hint.0 != "1-5");
    let line = |(key, what): &Hint| {
        let key = text::left(key, 19.min(width / 2));
        let room = width.saturating_sub(text::width(&key) + 1);
        let what = text::fit(what, room);
        Line::from(vec![Span::styled(key, theme.header()), Span::raw(" "), Span::raw(what)])
    };
    hints.map(line).collect()
}

/// Lines in a box in the middle, as large as they need.
fn boxed(
    title: &'static str,
    lines: Vec<Line<'static>>,
    area: Rect,
    theme: Theme,
    frame: &mut Frame<'_>,
) {
    let widest = lines.iter().map(Line::width).max().unwrap_or(0).max(title.len());
    let wanted = u16::try_from(widest + 4).unwrap_or(u16::MAX);
    let width = wanted.min(area.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(Clear, place);
    if height < 3 || width < 5 {
        frame.render_widget(Paragraph::new(lines), place);
        return;
    }
    let block = Block::bordered().title(title).title_style(theme.title());
    let lines: Vec<_> = lines
        .into_iter()
        .map(|mut line| {
            line.spans.insert(0, Span::raw(" "));
            line
        })
        .collect();
    frame.render_widget(Paragraph::new(lines).block(block), place);
}

/// Breaks a text into lines of at most so many cells.
fn wrap(content: &str, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in content.split(' ') {
        let word = text::fit(word, width);
        if !line.is_empty() && text::width(&line) + 1 + text::width(&word) > width {
            lines.push(Line::raw(std::mem::take(&mut line)));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push(Line::raw(line));
    lines
}

/// The line, in the place of the status; above it, what it means so far.
fn draw_input(model: &Model, input: &Input, layout: Layout, theme: Theme, frame: &mut Frame<'_>) {
    let place = if layout.status.height > 0 { layout.status } else { last_row(layout.body) };
    let width = usize::from(place.width);
    let label = if width < 50 { "/".to_owned() } else { format!("{}: ", input.label()) };
    let room = width.saturating_sub(text::width(&label) + 1);
    // The end of the text, where it is typed.
    let escaped = text::fit(&input.text, 10_000);
    let hidden = text::width(&escaped).saturating_sub(room);
    let shown = text::part(&input.text, hidden, room);
    let line = Line::from(vec![
        Span::styled(label, theme.title()),
        Span::raw(shown),
        Span::styled(" ", theme.selected()),
    ]);
    frame.render_widget(Clear, place);
    frame.render_widget(line, place);
    if let Some(note) = &model.note {
        let line = Line::styled(text::fit(&note.text, width), theme.bad());
        frame.render_widget(line, last_row(layout.body));
    }
    if input.purpose == Purpose::Types && place != last_row(layout.body) {
        suggest(model, &input.text, layout.body, theme, frame);
    }
}

/// Lists the types that the text means so far, at the lower end of the body.
fn suggest(model: &Model, text: &str, body: Rect, theme: Theme, frame: &mut Frame<'_>) {
    let types =
        if text.trim().is_empty() { model.types.clone() } else { types_of(text, &model.types) };
    let rows = types.len().min(SUGGESTED).min(body.height.into());
    let height = u16::try_from(rows).unwrap_or(0);
    let place = Rect { y: body.bottom() - height, height, ..body };
    let width = usize::from(body.width);
    let lines: Vec<_> = types
        .iter()
        .take(rows)
        .enumerate()
        .map(|(at, name)| {
            let more = types.len() - rows;
            let more = if at + 1 == rows && more > 0 {
                format!("  and {more} more")
            } else {
                String::new()
            };
            let shown = text::fit(&format!("  {name}{more}"), width);
            Line::styled(shown, theme.dim())
        })
        .collect();
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(lines), place);
}

const fn last_row(area: Rect) -> Rect {
    let height = if area.height > 0 { 1 } else { 0 };
    Rect { x: area.x, y: area.y + area.height - height, width: area.width, height }
}

/// The keys of a line that is typed.
pub(super) fn input_hints(input: &Input) -> Vec<Hint> {
    let mut hints = vec![("⏎", "go"), ("esc", "cancel")];
    match input.purpose {
        Purpose::Streams { contains: false } => hints.push(("tab", "any part of the name")),
        Purpose::Streams { contains: true } => hints.push(("tab", "the beginning")),
        Purpose::Types | Purpose::Reset(_) | Purpose::Discard(..) => {}
    }
    hints.push(("^U", "clear"));
    hints
}
