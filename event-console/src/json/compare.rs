//! The comparison of what is stored with what it is read as: by path, so that the order of keys does not matter.

use std::collections::HashMap;

use super::lines::{Line, Lines};

/// What a line is, compared with the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is the same on both sides.
    Same,
    /// The other side has another value at the path.
    Changed,
    /// The other side has nothing at the path.
    Alone,
}

/// The marks of the lines of both sides.
pub(crate) fn compare(left: &Lines, right: &Lines) -> (Vec<Mark>, Vec<Mark>) {
    (marks(left, right), marks(right, left))
}

fn marks(side: &Lines, other: &Lines) -> Vec<Mark> {
    let by_path: HashMap<&str, &Line> =
        other.lines.iter().filter(|it| !is_close(it)).map(|it| (&*it.path, it)).collect();
    let mark = |line: &Line| match by_path.get(&*line.path) {
        _ if is_close(line) => Mark::Same,
        None => Mark::Alone,
        Some(same) if is_same(line, same) => Mark::Same,
        Some(_) => Mark::Changed,
    };
    side.lines.iter().map(mark).collect()
}

fn is_close(line: &Line) -> bool {
    matches!(&*line.value, "}" | "]")
}

/// An object stands for itself, whatever is in it: its lines are compared one by one.
fn is_same(line: &Line, other: &Line) -> bool {
    let kind = |value: &str| value.chars().next().filter(|c| matches!(c, '{' | '['));
    let value = |line: &Line| line.whole.clone().unwrap_or_else(|| line.value.clone());
    match (kind(&line.value), kind(&other.value)) {
        (None, None) => value(line) == value(other),
        (left, right) => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_came_went_and_changed_are_marked() {
        let stored = Lines::of(r#"{"rank":7,"old":true,"same":{"a":[1]},"empty":{}}"#);
        let latest = Lines::of(r#"{"same":{"a":[1]},"rank":"7","suit":"hearts","empty":{"b":1}}"#);
        let (left, right) = compare(&stored, &latest);
        let of = |lines: &Lines, marks: &[Mark], wanted: Mark| -> Vec<String> {
            let lines = lines.lines.iter().zip(marks);
            lines.filter(|(_, mark)| **mark == wanted).map(|(it, _)| it.path.clone()).collect()
        };
        assert_eq!(of(&stored, &left, Mark::Changed), ["/\"rank\""]);
        assert_eq!(of(&stored, &left, Mark::Alone), ["/\"old\""]);
        assert_eq!(of(&latest, &right, Mark::Changed), ["/\"rank\""]);
        assert_eq!(of(&latest, &right, Mark::Alone), ["/\"suit\"", "/\"empty\"/\"b\""]);
    }

    #[test]
    fn a_change_behind_the_cut_is_seen() {
        let text = |end: char| format!("\"{}{end}\"", "x".repeat(5_000));
        let (left, right) = compare(&Lines::of(&text('a')), &Lines::of(&text('b')));
        assert_eq!((left, right), (vec![Mark::Changed], vec![Mark::Changed]));
    }
}
