//! Keys: walks the entries of `#[event(...)]`, keeps the value of each key, and suggests a known key for a typo.
//!
//! The walk is written by hand: syn's own stops at the first error, and the entries after it would stay unchecked.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, Lit, Token};

use crate::errors::Errors;

/// The value of one key, as far as it could be read.
pub(crate) enum Slot<T> {
    Absent,
    /// The key is there, or a typo of it, but its value cannot be read. That is reported: do not report it as missing.
    Broken,
    Read(Ident, T),
}

impl<T> Slot<T> {
    /// Reads the value of `key` into the slot; a duplicate key is a mistake.
    pub(crate) fn read(
        &mut self,
        key: &Ident,
        input: ParseStream,
        errors: &mut Errors,
        value: fn(&Ident, ParseStream, &mut Errors) -> Option<T>,
    ) {
        if !self.is_absent() {
            errors.at(key, format!("duplicate key `{key}`"));
            skip(input);
            return;
        }
        *self = match value(key, input, errors) {
            Some(value) => Self::Read(key.clone(), value),
            None => Self::Broken,
        };
    }

    /// Marks a key that was probably meant by an entry that cannot be read.
    pub(crate) fn mark_broken(&mut self) {
        if self.is_absent() {
            *self = Self::Broken;
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Self::Broken)
    }

    pub(crate) fn get(&self) -> Option<&T> {
        match self {
            Self::Read(_, value) => Some(value),
            _ => None,
        }
    }
}

/// Walks the entries of a list and calls `read` after each key, which consumes the value or [`skip`]s it.
///
/// Returns whether one of the entries is a string without a key: it was probably meant as the type.
pub(crate) fn entries(
    list: TokenStream,
    errors: &mut Errors,
    mut read: impl FnMut(&Ident, ParseStream, &mut Errors),
) -> bool {
    let mut bare_string = false;
    let walk = |input: ParseStream| {
        while !input.is_empty() {
            match input.call(Ident::parse_any) {
                Ok(key) => read(&key, input, errors),
                Err(_) => bare_string |= report_missing_key(input, errors),
            }
            separator(input, errors);
        }
        Ok(())
    };
    if let Err(error) = walk.parse2(list) {
        errors.at_span(error.span(), error);
    }
    bare_string
}

/// Reports an entry without a key; returns whether it is a string.
fn report_missing_key(input: ParseStream, errors: &mut Errors) -> bool {
    let found = next(input);
    let string = matches!(input.fork().parse(), Ok(Lit::Str(_)));
    if string {
        let message = format!("expected a key, found a string; write `type = {}`", found.text);
        errors.at_span(found.span, message);
    } else {
        errors.at_span(found.span, format!("expected a key, found `{}`", found.text));
    }
    if !input.peek(Token![,]) {
        skip(input);
    }
    string
}

fn separator(input: ParseStream, errors: &mut Errors) {
    if input.is_empty() || input.parse::<Token![,]>().is_ok() {
        return;
    }
    errors.at_span(next(input).span, "expected `,`");
    if !starts_entry(input) {
        skip(input);
        // Fails only at the end of the list, where no comma is needed.
        let _ = input.parse::<Token![,]>();
    }
}

/// Consumes the rest of an entry.
///
/// An entry ends at a comma outside `<…>` and outside a closure's `|…|`, or before `key =`, where only the comma is
/// missing.
pub(crate) fn skip(input: ParseStream) -> Vec<TokenTree> {
    let mut skipped = Vec::new();
    let mut depth = 0_usize;
    let mut in_bars = false;
    while depth > 0 || in_bars || !ends_entry(input, skipped.is_empty()) {
        let Ok(token) = input.parse() else { break };
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == '|' => in_bars = !in_bars,
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        skipped.push(token);
    }
    skipped
}

fn ends_entry(input: ParseStream, at_its_start: bool) -> bool {
    input.is_empty() || input.peek(Token![,]) || (!at_its_start && starts_entry(input))
}

fn starts_entry(input: ParseStream) -> bool {
    input.peek(Ident::peek_any) && input.peek2(Token![=])
}

/// The next token: where an error points, and the text that it quotes.
pub(crate) struct Found {
    pub(crate) span: Span,
    pub(crate) text: String,
}

pub(crate) fn next(input: ParseStream) -> Found {
    match input.fork().parse::<TokenTree>() {
        Ok(token) => Found { span: token.span(), text: token.to_string() },
        Err(error) => Found { span: error.span(), text: String::new() },
    }
}

/// Reports a key that is not one of `keys` and skips its value; returns the key that was probably meant.
pub(crate) fn unknown(
    key: &Ident,
    input: ParseStream,
    keys: &'static [&'static str],
    errors: &mut Errors,
) -> Option<&'static str> {
    let name = key.to_string();
    let meant = keys.iter().copied().find(|known| is_near(&name, known));
    if let Some(meant) = meant {
        errors.at(key, format!("unknown key `{name}`; did you mean `{meant}`?"));
    } else {
        errors.at(key, format!("unknown key `{name}`; expected {}", listed(keys)));
    }
    skip(input);
    meant
}

fn listed(keys: &[&str]) -> String {
    let quoted: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    match quoted.len() {
        1 => quoted.concat(),
        _ => format!("one of {}", quoted.join(", ")),
    }
}

/// Whether `name` is a typo of `known`: one edit, or one for every three letters of it.
fn is_near(name: &str, known: &str) -> bool {
    edits(name.as_bytes(), known.as_bytes()) <= (known.len() / 3).max(1)
}

/// The edit distance; swapping two neighbours counts as one edit.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 { i + j } else { cheapest(&rows, a, b, i, j) };
        }
    }
    rows[a.len()][b.len()]
}

fn cheapest(rows: &[Vec<usize>], a: &[u8], b: &[u8], i: usize, j: usize) -> usize {
    let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
    let one = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
        return one.min(rows[i - 2][j - 2] + 1);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_matches_its_key_and_another_word_does_not() {
        for (name, known) in [("verison", "version"), ("tpye", "type"), ("form", "from")] {
            assert!(is_near(name, known), "{name} means {known}");
        }
        for (name, known) in [("colour", "version"), ("name", "type"), ("into", "to")] {
            assert!(!is_near(name, known), "{name} is not {known}");
        }
    }
}
