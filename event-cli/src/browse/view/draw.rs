//! [`draw`]: the whole screen.

use std::fmt::Write as _;

use ratatui::Frame;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::theme::Theme;
use super::{boxes, event, lists};
use crate::browse::keys::{self, Hint};
use crate::browse::layout::Layout;
use crate::browse::model::Model;
use crate::browse::overlay::Overlay;
use crate::browse::request::{EventFilter, EventsOf};
use crate::browse::screens::{Kind, Screen, Search};
use crate::browse::text;

/// Draws the model.
pub(in crate::browse) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let layout = Layout::new((area.width, area.height));
    let theme = Theme { colours: model.colours };
    let width = usize::from(area.width);

    frame.render_widget(title(model, width, theme), layout.title);
    frame.render_widget(Paragraph::new(body(model, layout, theme)), layout.body);
    frame.render_widget(status(model, width, theme), layout.status);
    let hints = hints(model);
    let foot = foot(&hints, width, layout.keys.height.into(), theme);
    frame.render_widget(Paragraph::new(foot), layout.keys);
    if let Some(overlay) = &model.overlay {
        boxes::draw(model, overlay, layout, theme, frame);
    }
}

/// Where one is: the screens up to this one, as many as fit; the store at the right.
fn title(model: &Model, width: usize, theme: Theme) -> Line<'static> {
    let names: Vec<_> = model.screens().iter().map(name).collect();
    let mut path = String::new();
    for name in names.iter().rev() {
        let longer = if path.is_empty() { name.clone() } else { format!("{name} › {path}") };
        if !path.is_empty() && text::width(&text::fit(&longer, width)) + 2 > width {
            break;
        }
        path = longer;
    }
    let path = text::fit(&path, width);
    let free = width.saturating_sub(text::width(&path) + 2);
    let store = if free >= 12 { text::right(&model.store, free) } else { String::new() };
    Line::from(vec![
        Span::styled(path, theme.title()),
        Span::raw("  "),
        Span::styled(store, theme.dim()),
    ])
}

/// What a screen is called.
fn name(screen: &Screen) -> String {
    match &screen.kind {
        Kind::Streams(screen) => match &screen.search {
            None => "streams".to_owned(),
            Some(Search::Prefix(text)) => format!("streams {text}…"),
            Some(Search::Contains(text)) => format!("streams …{text}…"),
        },
        Kind::Events(screen) => match &screen.of {
            EventsOf::Stream(_, stream) => stream.as_str().to_owned(),
            EventsOf::All(filter) => format!("events{}", filtered(filter)),
        },
        Kind::Event(screen) => match &screen.page {
            Some(page) if page.row.is_damaged => format!("damaged event {}", page.row.position),
            Some(page) => format!("{} {}", page.row.version, page.row.event_type),
            None => format!("event {}", screen.key.position),
        },
        Kind::Tail(screen) => format!("tail{}", filtered(&screen.filter)),
        Kind::Subscriptions(_) => "subscriptions".to_owned(),
        Kind::Parked(screen) => format!("parked events of {}", screen.subscription.name),
        Kind::Projections(_) => "projections".to_owned(),
    }
}

fn filtered(filter: &EventFilter) -> String {
    let mut out = String::new();
    if let Some((_, stream)) = &filter.stream {
        out.push_str(" of ");
        out.push_str(stream.as_str());
    }
    if let [first, rest @ ..] = filter.types.as_slice() {
        out.push(' ');
        out.push_str(first);
        if !rest.is_empty() {
            let _ = write!(out, " +{}", rest.len());
        }
    }
    if let Some(correlation) = &filter.correlation {
        out.push_str(" correlated ");
        out.push_str(correlation);
    }
    out
}

fn body(model: &Model, layout: Layout, theme: Theme) -> Vec<Line<'static>> {
    let screen = model.screen();
    let width = usize::from(layout.body.width);
    if let Kind::Event(page) = &screen.kind {
        if page.page.is_some() {
            return event::page(page, layout.page_rows(), width, theme);
        }
        return vec![Line::styled(text::fit(instead(screen, true), width), theme.dim())];
    }
    let (mut lines, is_empty) =
        lists::list(&screen.kind, layout.list_rows(), width, layout.has_header(), theme);
    if is_empty {
        lines.push(Line::styled(text::fit(instead(screen, false), width), theme.dim()));
    }
    lines
}

/// What is said where nothing is to be shown.
fn instead(screen: &Screen, is_event: bool) -> &'static str {
    match &screen.kind {
        _ if screen.problem.is_some() => " could not be read, see below",
        Kind::Tail(_) => " waiting for events",
        _ if screen.is_loading() => " loading …",
        _ if is_event => " the event is not there any more",
        Kind::Streams(screen) if screen.search.is_some() => " no stream of such a name",
        Kind::Streams(_) => " no streams yet",
        Kind::Events(_) => " no events",
        Kind::Subscriptions(_) => " no durable subscriptions",
        Kind::Parked(_) => " no parked events",
        Kind::Projections(_) => " no projections in tables",
        Kind::Event(_) => "",
    }
}

fn status(model: &Model, width: usize, theme: Theme) -> Line<'static> {
    let screen = model.screen();
    if let Some(outage) = &model.outage {
        let text = format!("store unreachable, trying again: {}", outage.text);
        return Line::styled(text::fit(&text, width), theme.bad());
    }
    if let Some(problem) = &screen.problem {
        return Line::styled(text::fit(&problem.text, width), theme.bad());
    }
    if let Some(note) = &model.note {
        let style = if note.is_bad { theme.bad() } else { theme.good() };
        return Line::styled(text::fit(&note.text, width), style);
    }
    let text = if !model.acting.is_empty() {
        "working …".to_owned()
    } else if screen.is_loading() {
        "loading …".to_owned()
    } else {
        about(screen)
    };
    Line::styled(text::fit(&text, width), theme.dim())
}

/// What there is to say about what is shown.
fn about(screen: &Screen) -> String {
    match &screen.kind {
        Kind::Streams(screen) => {
            let deleted = if screen.with_deleted { ", deleted ones too" } else { "" };
            format!("{}{deleted}", screen.order_name())
        }
        Kind::Events(screen) if screen.is_backward => "latest first".to_owned(),
        Kind::Events(_) => "first to last".to_owned(),
        Kind::Tail(tail) if tail.sticks => "following".to_owned(),
        Kind::Tail(tail) => format!("stopped, {} more since", tail.unseen),
        _ => String::new(),
    }
}

/// The keys that do something now.
fn hints(model: &Model) -> Vec<Hint> {
    match &model.overlay {
        Some(Overlay::Help { .. }) => vec![("any key", "back")],
        Some(Overlay::Input(input)) => boxes::input_hints(input),
        Some(Overlay::Question(_)) => vec![("y", "yes"), ("any other key", "no")],
        None => {
            let own = keys::of(model.screen());
            let (first, rest) = own.split_at(own.len().min(2));
            [first, &keys::EVERYWHERE[..2], rest, &keys::EVERYWHERE[2..]].concat()
        }
    }
}

/// As many keys as fit into the rows at the foot.
fn foot(hints: &[Hint], width: usize, rows: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    let (mut line, mut used) = (Line::default(), 0);
    for (key, what) in hints {
        let needed = text::width(key) + 1 + text::width(what);
        let gap = if used == 0 { 0 } else { 2 };
        if used + gap + needed > width && used > 0 {
            lines.push(std::mem::take(&mut line));
            used = 0;
            if lines.len() == rows {
                return lines;
            }
        }
        if used > 0 {
            line.push_span("  ");
            used += 2;
        }
        line.push_span(Span::styled((*key).to_owned(), theme.header()));
        line.push_span(Span::styled(format!(" {what}"), theme.dim()));
        used += needed;
    }
    lines.push(line);
    lines
}
