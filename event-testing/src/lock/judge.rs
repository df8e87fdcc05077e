//! Judges whether a shape still reads what was stored with the locked one: line by line, both halves of serde apart.
//!
//! What counts is that every payload that the locked shape reads is read as the same value. A change of what is only written
//! is recorded, so that the next change is compared with it.

use std::collections::{BTreeMap, BTreeSet};

use event_core::shape::ShapeLine;

use crate::lock::difference::Difference;
use crate::lock::types::types;
use crate::lock::verdict::Verdict;

/// Compares two shapes. `first_format` says that the locked lines are of format 1, which said less.
pub(crate) fn judge(
    locked: &[ShapeLine],
    now: &[ShapeLine],
    first_format: bool,
) -> Vec<(Verdict, Difference)> {
    let now = under_locked_names(locked, now);
    let (locked, now) = (by_path(locked), by_path(&now));
    let paths: BTreeSet<&str> = locked.keys().chain(now.keys()).copied().collect();
    let mut found = Vec::new();
    let mut refined: Vec<&str> = Vec::new();
    for path in paths {
        let none = Vec::new();
        let (before, after) = (locked.get(path).unwrap_or(&none), now.get(path).unwrap_or(&none));
        if before == after {
            continue;
        }
        // Several lines of one path, as of two flattened types, are compared in their order.
        for at in 0..before.len().max(after.len()) {
            let (before, after) = (before.get(at).copied(), after.get(at).copied());
            // A line that only says something more about an object stands for nothing where it is missing.
            let said = before.or(after).unwrap_or_default();
            let plain = ["struct", "flattened"].into_iter().find(|plain| {
                said.starts_with(plain) && (path.is_empty() || *plain == "flattened")
            });
            let (before, after) = (before.or(plain), after.or(plain));
            let verdict = match (before, after) {
                (Some(before), Some(after)) => {
                    let (mut before, after) = (Text::parse(before), Text::parse(after));
                    let is_read_now = before.has("never read") && !after.has("never read");
                    let was_refused = is_read_now && is_refused(path, &before, &locked);
                    if was_refused {
                        before.marks.remove("never read");
                    }
                    if before.ty.contains('?') && !after.ty.contains('?') {
                        refined.push(path);
                    }
                    let at_least = if was_refused { Verdict::Grown } else { Verdict::Same };
                    judge_line(&before, &after, first_format).max(at_least)
                }
                (Some(_), None) => Verdict::Broken,
                (None, Some(_)) if refined.iter().any(|outer| is_inside(path, outer)) => {
                    Verdict::Wider
                }
                (None, Some(after)) => added(path, after, &locked, &now),
                (None, None) => Verdict::Same,
            };
            if verdict > Verdict::Same {
                let owned = |text: Option<&str>| text.map(str::to_owned);
                let (locked, now) = (owned(before), owned(after));
                found.push((verdict, Difference { path: path.to_owned(), locked, now }));
            }
        }
    }
    found
}

fn by_path(lines: &[ShapeLine]) -> BTreeMap<&str, Vec<&str>> {
    let mut paths: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines {
        paths.entry(&line.path).or_default().push(&line.text);
    }
    paths
}

pub(crate) fn is_inside(path: &str, outer: &str) -> bool {
    let rest = if outer.is_empty() { Some(path) } else { path.strip_prefix(outer) };
    rest.is_some_and(|rest| {
        rest.starts_with(['.', '[', '{', '<']) || (outer.is_empty() && !rest.is_empty())
    })
}

/// Whether the name of a variant that is never read was refused, and not read as another variant.
fn is_refused(path: &str, text: &Text<'_>, locked: &BTreeMap<&str, Vec<&str>>) -> bool {
    let Some((outer, _)) = path.strip_suffix('>').and_then(|path| path.rsplit_once('<')) else {
        return false;
    };
    let takes_it = |(other, texts): (&&str, &Vec<&str>)| {
        is_inside(other, outer) && texts.iter().any(|text| text.contains("takes every other name"))
    };
    text.after("tried as number ").is_none() && !locked.iter().any(takes_it)
}

/// A key that was not there before: fine if it may be missing, with everything inside of it, and so is a variant.
fn added(
    path: &str,
    text: &str,
    locked: &BTreeMap<&str, Vec<&str>>,
    now: &BTreeMap<&str, Vec<&str>>,
) -> Verdict {
    let optional = |path: &str, text: &str| {
        let text = Text::parse(text);
        path.ends_with('>') && !text.has("untagged")
            || text.missing().is_some()
            || text.has("never read")
    };
    let outer_is_new = || {
        now.iter().any(|(outer, texts)| {
            !locked.contains_key(outer)
                && is_inside(path, outer)
                && texts.iter().any(|text| optional(outer, text))
        })
    };
    if optional(path, text) || outer_is_new() { Verdict::Grown } else { Verdict::Broken }
}

/// Renames the paths of a shape to those of the locked one, where a name is read as an alias.
fn under_locked_names(locked: &[ShapeLine], now: &[ShapeLine]) -> Vec<ShapeLine> {
    let known: BTreeSet<&str> = locked.iter().map(|line| line.path.as_str()).collect();
    let mut renamed: Vec<(String, String)> = Vec::new();
    let mut lines = Vec::new();
    for line in now {
        let outer = renamed.iter().rev().find(|(from, _)| is_inside(&line.path, from));
        let mut path = match outer {
            Some((from, to)) => format!("{to}{}", &line.path[from.len()..]),
            None => line.path.clone(),
        };
        let mut text = line.text.clone();
        if !known.contains(path.as_str()) {
            let mut parsed = Text::parse(&line.text);
            let written = parsed.quoted("written as ").map(str::to_owned);
            let others = parsed.also.iter().cloned().chain(written);
            let unnamed = || untagged_path(&path, &parsed, locked, now);
            if let Some(other) = unnamed() {
                renamed.push((line.path.clone(), other.clone()));
                lines.push(ShapeLine { path: other, text });
                continue;
            }
            let found = others
                .filter_map(|name| Some((replaced(&path, &name)?, name)))
                .find(|((other, _), _)| known.contains(other.as_str()));
            if let Some(((other, own), name)) = found {
                let own = own.trim_matches('"').to_owned();
                if parsed.also.remove(&name) {
                    // What is written from now on has to be recorded.
                    let mark = format!("written as `{own}`");
                    let said =
                        parsed.quoted("written as ").is_some() || parsed.has("never written");
                    parsed.also.insert(own);
                    text = parsed.text();
                    if !said {
                        text.push_str(", ");
                        text.push_str(&mark);
                    }
                } else {
                    text = parsed.text();
                }
                renamed.push((line.path.clone(), other.clone()));
                path = other;
            }
        }
        lines.push(ShapeLine { path, text });
    }
    lines
}

/// The locked path of a variant that is read by its place among the others: its name is not stored.
fn untagged_path(
    path: &str,
    text: &Text<'_>,
    locked: &[ShapeLine],
    now: &[ShapeLine],
) -> Option<String> {
    let place = text.after("tried as number ")?;
    let outer = |path: &str| Some(path.strip_suffix('>')?.rsplit_once('<')?.0.to_owned());
    let is_it = |line: &&ShapeLine| {
        outer(&line.path) == outer(path)
            && Text::parse(&line.text).after("tried as number ") == Some(place)
            && now.iter().all(|it| it.path != line.path)
    };
    locked.iter().find(is_it).map(|line| line.path.clone())
}

/// The path with another last name, and the name that it had.
fn replaced(path: &str, name: &str) -> Option<(String, String)> {
    let quoted = |name: &str| {
        let plain =
            name.chars().all(|c| c.is_alphanumeric() || "_-*".contains(c)) && !name.is_empty();
        if plain { name.to_owned() } else { format!("{name:?}") }
    };
    if let Some(rest) = path.strip_suffix('>') {
        let (outer, own) = rest.rsplit_once('<')?;
        return Some((format!("{outer}<{}>", quoted(name)), own.to_owned()));
    }
    let (outer, own) = path.rsplit_once('.').map_or(("", path), |(outer, own)| (outer, own));
    let dot = if outer.is_empty() { "" } else { "." };
    Some((format!("{outer}{dot}{}", quoted(name)), own.to_owned()))
}

/// The name of the type of which only the name is known, if there is one in a line.
pub(crate) fn unknown_name(text: &str) -> Option<&str> {
    let (_, name) = Text::parse(text).ty.split_once('?')?;
    let open = |text: &str| text.matches('(').count();
    // The brackets of newtypes around it.
    Some(if open(name) < name.matches(')').count() { name.trim_end_matches(')') } else { name })
}

/// Whether a function converts the value of a line, gives it where it is missing, or leaves it out.
pub(crate) fn converts(text: &str) -> bool {
    let text = Text::parse(text);
    let starts = [
        "with ",
        "written with ",
        "read with ",
        "written through ",
        "read through ",
        "missing reads by ",
        "may be left out",
        "never written",
    ];
    starts.iter().any(|start| text.after(start).is_some())
}

/// The text of a line: the type, the other names, and what else is said about it.
struct Text<'a> {
    ty: &'a str,
    also: BTreeSet<String>,
    marks: BTreeSet<&'a str>,
}

/// How a mark begins; any other words after a comma belong to what stands before it.
const MARKS: [&str; 20] = [
    "flattened",
    "may be missing",
    "may be left out",
    "may be refused",
    "missing reads by ",
    "with ",
    "written with ",
    "read with ",
    "written as ",
    "written through ",
    "read through ",
    "never written",
    "never read",
    "takes every other name",
    "tried as number ",
    "refuses other keys",
    "tagged `",
    "untagged",
    "serde(",
    "key ",
];

impl<'a> Text<'a> {
    fn parse(text: &'a str) -> Self {
        let starts: Vec<usize> = text
            .match_indices(", ")
            .map(|(at, _)| at)
            .filter(|at| {
                let rest = &text[at + 2..];
                rest.starts_with("also `") || MARKS.iter().any(|mark| rest.starts_with(mark))
            })
            .collect();
        let end = starts.first().copied().unwrap_or(text.len());
        let (mut ty, mut marks, mut also) = (&text[..end], BTreeSet::new(), BTreeSet::new());
        // A line of a flattened value has no type.
        if let Some(mark) = MARKS.iter().find(|mark| ty == **mark) {
            marks.insert(*mark);
            ty = "";
        }
        for (index, at) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(text.len());
            let mark = &text[at + 2..end];
            match mark.strip_prefix("also `").and_then(|names| names.strip_suffix('`')) {
                Some(names) => also.extend(names.split("`, `").map(str::to_owned)),
                None => {
                    marks.insert(mark);
                }
            }
        }
        Self { ty, also, marks }
    }

    fn text(&self) -> String {
        let mut text = self.ty.to_owned();
        for mark in &self.marks {
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(mark);
        }
        if !self.also.is_empty() {
            let names: Vec<&str> = self.also.iter().map(String::as_str).collect();
            text.push_str(", also `");
            text.push_str(&names.join("`, `"));
            text.push('`');
        }
        text
    }

    fn has(&self, mark: &str) -> bool {
        self.marks.contains(mark)
    }

    fn after(&self, start: &str) -> Option<&'a str> {
        self.marks.iter().find_map(|mark| mark.strip_prefix(start))
    }

    fn quoted(&self, start: &str) -> Option<&'a str> {
        self.after(start).map(|name| name.trim_matches('`'))
    }

    /// The function that reads the value, apart from its type.
    fn read_codec(&self) -> Option<String> {
        let own = self.after("read with ").map(str::to_owned);
        own.or_else(|| self.after("with ").map(|path| format!("{path}::deserialize")))
    }

    fn write_codec(&self) -> Option<String> {
        let own = self.after("written with ").map(str::to_owned);
        own.or_else(|| self.after("with ").map(|path| format!("{path}::serialize")))
    }

    /// What a missing key is read as; `None` if it is refused.
    fn missing(&self) -> Option<&'a str> {
        let option = self.ty.starts_with("option ") && self.read_codec().is_none();
        let optional = self.ty.contains("option ") || self.ty.starts_with("?Option<");
        match self.after("missing reads by ") {
            Some(by) => Some(by),
            // The default of an option is what serde reads without `default`.
            None if option || (self.has("may be missing") && optional) => Some("none"),
            None if self.has("may be missing") => Some("default"),
            None => None,
        }
    }
}

fn judge_line(locked: &Text<'_>, now: &Text<'_>, first_format: bool) -> Verdict {
    let mut verdict = types(locked.ty, now.ty);
    let mut at_least = |found: Verdict| verdict = verdict.max(found);
    if locked.also.iter().any(|name| !now.also.contains(name)) {
        // Format 1 listed the name that is read as another name of the one that is written.
        at_least(if first_format { Verdict::Wider } else { Verdict::Broken });
    } else if locked.also != now.also {
        at_least(Verdict::Wider);
    }
    let unsaid = if first_format { Verdict::Wider } else { Verdict::Broken };
    at_least(match (locked.missing(), now.missing()) {
        (before, after) if before == after => Verdict::Same,
        (None, _) => Verdict::Wider,
        (Some(_), Some(_)) => unsaid,
        (Some(_), None) => Verdict::Broken,
    });
    at_least(match (locked.read_codec(), now.read_codec()) {
        (before, after) if before == after => Verdict::Same,
        // Format 1 had one word for three attributes.
        (Some(_), _) if first_format && same_path(locked, now) => Verdict::Wider,
        // The same function in another module, or one that does what the type does.
        (Some(_), _) => Verdict::Unproven,
        // What a new function refuses is not known.
        _ => Verdict::Broken,
    });
    at_least(match (locked.after("read through "), now.after("read through ")) {
        (before, after) if before == after => Verdict::Same,
        (Some(_), _) => Verdict::Unproven,
        _ => unsaid,
    });
    if locked.write_codec() != now.write_codec() {
        at_least(Verdict::Grown);
    }
    let marks: BTreeSet<&str> = locked.marks.iter().chain(&now.marks).copied().collect();
    // serde gives a flattened struct only the keys that it knows.
    let is_flattened = locked.ty.is_empty() && now.ty.is_empty();
    for mark in marks {
        let found = judge_mark(mark, locked.has(mark), now.has(mark), unsaid);
        let is_idle = is_flattened && mark == "refuses other keys";
        at_least(if is_idle { found.min(Verdict::Grown) } else { found });
    }
    verdict
}

fn same_path(locked: &Text<'_>, now: &Text<'_>) -> bool {
    let path = locked.after("with ");
    path.is_some()
        && ["with ", "read with ", "written with "].iter().any(|start| now.after(start) == path)
}

/// The meaning of one mark that is on one side only; what the callers compare themselves is the same here.
fn judge_mark(mark: &str, before: bool, after: bool, unsaid: Verdict) -> Verdict {
    let starts = |words: &[&str]| words.iter().any(|word| mark.starts_with(word));
    if before == after
        || starts(&[
            "may be missing",
            "missing reads by ",
            "with ",
            "read with ",
            "written with ",
            "read through ",
        ])
    {
        return Verdict::Same;
    }
    match mark {
        "may be left out" if before => Verdict::Wider,
        "may be left out" | "never written" => Verdict::Grown,
        "takes every other name" | "refuses other keys" | "may be refused" => {
            let stricter = after != (mark == "takes every other name");
            if !stricter {
                Verdict::Wider
            } else if before {
                Verdict::Broken
            } else {
                unsaid
            }
        }
        // The tag of a struct is written, and ignored by readers.
        _ if starts(&["written as ", "written through ", "tagged `"]) => Verdict::Grown,
        // Format 1 could not say any other mark but this one.
        "flattened" => Verdict::Broken,
        _ if before => Verdict::Broken,
        _ => unsaid,
    }
}
