//! What an event is in memory, as its `Debug` shows it: a function whose two halves change alike writes the same JSON.
//!
//! Only values are compared, by the names of the fields that hold them: names of types and variants, fields that are added,
//! and the order of fields are no part of what is stored.

use std::collections::BTreeMap;

use event_core::shape::Form;

use crate::lock::judge::converts;

/// Whether the JSON of a form may hide what is read: where functions convert it, or not all of it is written.
pub(crate) fn is_hidden(form: &Form) -> bool {
    form.lines().iter().any(|line| converts(&line.text)) || has_own_words(form)
}

fn has_own_words(form: &Form) -> bool {
    match form {
        Form::Fixed(_) | Form::Foreign(_) => true,
        Form::Named(_, form)
        | Form::Marked(_, form)
        | Form::Sampled(_, form)
        | Form::Option(form)
        | Form::List(form)
        | Form::Set(form) => has_own_words(form),
        Form::Map(key, value) => has_own_words(key) || has_own_words(value),
        Form::Tuple(items) => items.iter().any(has_own_words),
        Form::Struct(fields) => fields.iter().any(|field| has_own_words(&field.form)),
        Form::Enum(_, variants) => {
            variants.iter().filter_map(|it| it.form.as_ref()).any(has_own_words)
        }
        _ => false,
    }
}

/// The field that holds another value than recorded, if there is one; `.` for the event as a whole.
pub(crate) fn difference(recorded: &str, now: &str) -> Option<String> {
    let (before, after) = (values(recorded), values(now));
    let mut rest = under(&after, "");
    let mut gone = Vec::new();
    for (path, exact) in &before {
        let Some(exact_now) = after.get(path) else {
            gone.extend(exact);
            continue;
        };
        // The value may be inside of a wrapper, or no longer be.
        let is_same = without(under(&after, path), exact).is_some()
            && without(under(&before, path), exact_now).is_some();
        match without(rest.clone(), exact) {
            Some(others) if is_same => rest = others,
            _ => return Some(if path.is_empty() { ".".to_owned() } else { path.clone() }),
        }
    }
    // A renamed field holds the value under another name.
    without(rest, gone).is_none().then(|| ".".to_owned())
}

type Values = BTreeMap<String, Vec<String>>;

/// All values at a path and inside of it.
fn under<'a>(values: &'a Values, outer: &str) -> Vec<&'a String> {
    let is_under = |path: &str| {
        let rest = path.strip_prefix(outer);
        rest.is_some_and(|rest| outer.is_empty() || rest.is_empty() || rest.starts_with('.'))
    };
    values.iter().filter(|(path, _)| is_under(path)).flat_map(|(_, values)| values).collect()
}

/// The values that are left when some are taken out; `None` if one of these is missing.
fn without<'a>(
    mut from: Vec<&'a String>,
    taken: impl IntoIterator<Item = &'a String>,
) -> Option<Vec<&'a String>> {
    for value in taken {
        let at = from.iter().position(|it| *it == value)?;
        from.swap_remove(at);
    }
    Some(from)
}

/// The numbers, texts and truth values of a `Debug` output, by the names of the fields that hold them.
fn values(text: &str) -> Values {
    let mut found = Values::from([(String::new(), Vec::new())]);
    let mut outer = Vec::new();
    let mut path = String::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '{' | '(' | '[' => {
                outer.push(path.clone());
                1
            }
            '}' | ')' | ']' => {
                path = outer.pop().unwrap_or_default();
                1
            }
            ',' => {
                path = outer.last().cloned().unwrap_or_default();
                1
            }
            _ => word(rest),
        };
        let (token, after) = rest.split_at(length);
        let is_key = after.starts_with(": ");
        let is_name = token.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if is_key && is_name {
            let enclosing = outer.last().filter(|it| !it.is_empty());
            path = enclosing.map_or_else(|| token.to_owned(), |it| format!("{it}.{token}"));
            found.entry(path.clone()).or_default();
        } else if is_value(token) {
            found.entry(path.clone()).or_default().push(token.to_owned());
        }
        rest = after.strip_prefix(": ").unwrap_or(after).trim_start();
    }
    found
}

/// The length of a text in quotes, or of everything up to a space or a bracket; a time contains colons.
fn word(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    let is_quoted = text.starts_with('"');
    let mut escaped = false;
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let ends = if is_quoted {
            at > 0 && c == '"' && !escaped
        } else {
            next.is_none_or(|next| next.is_whitespace() || "{}()[],".contains(next))
                || (next == Some(':') && text[at + c.len_utf8()..].starts_with(": "))
        };
        if ends {
            return at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

fn is_value(token: &str) -> bool {
    let is_name = token.starts_with(|c: char| c.is_alphabetic() || c == '_');
    match token.chars().next() {
        Some('{' | '(' | '[' | '}' | ')' | ']' | ',') | None => false,
        _ => !is_name || ["true", "false", "NaN", "inf"].contains(&token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_count() {
        let same = [
            ("T { a: 7 }", "Renamed { a: 7 }"),
            ("T { a: 7, b: 1 }", "T { b: 1, a: 7 }"),
            ("T { a: 7 }", "T { a: 7, new: Some(\"x\") }"),
            ("T { a: 7 }", "T { a: W { inner: 7 } }"),
            ("T { a: W { inner: 7 } }", "T { a: 7 }"),
            ("T { a: 7, b: 1 }", "T { p: 7, q: 1 }"),
            ("T { m: {\"k: {\": 7, 3: true} }", "T { m: {3: true, \"k: {\": 7} }"),
            ("T { at: 2026-01-02T03:04:05Z }", "T { at: At(2026-01-02T03:04:05Z) }"),
            ("One(7)", "Two(7)"),
            ("T(\"a\\\"}\", 'x')", "T(\"a\\\"}\", 'x')"),
            ("", ""),
        ];
        for (before, now) in same {
            assert_eq!(difference(before, now), None, "{before} and {now}");
        }
        let differ = [
            ("T { a: 7 }", "T { a: 700 }", "a"),
            ("T { a: 7, b: 1 }", "T { a: 1, b: 7 }", "a"),
            ("T { a: None }", "T { a: Some(0) }", "a"),
            ("T { p: P { a: true } }", "T { p: P { a: false } }", "p.a"),
            ("T(7)", "T(8)", "."),
            ("T { a: 7 }", "T { b: 8 }", "."),
            ("T { at: 2026-01-02T03:04:05Z }", "T { at: 2026-01-02T03:04:06Z }", "at"),
            ("T { a: \"x\" }", "T { a: \"y\" }", "a"),
        ];
        for (before, now, path) in differ {
            assert_eq!(difference(before, now).as_deref(), Some(path), "{before} and {now}");
        }
    }

    #[test]
    fn text_that_is_no_debug_output_of_a_derive_is_compared_too() {
        for text in ["}}}", "((", "\"open", "a: ", ": :", "é: ü, \"\\", "<redacted>"] {
            assert_eq!(difference(text, text), None, "{text}");
        }
    }
}
