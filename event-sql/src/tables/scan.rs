//! [`scan`]: the parts of a statement that both dialects read alike.

use event_core::value::Escaped;

/// A part of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'s> {
    /// A word: a keyword, a name, or a number.
    Word(&'s str),
    /// `{name}`, without the braces.
    Table(&'s str),
    /// `$1`, as a number.
    Param(usize),
    /// One of `( ) , ;`.
    Mark(char),
    /// Anything else, that is passed on: text in quotes, comments, spaces, operators.
    Other(&'s str),
}

impl Part<'_> {
    /// Whether it is this keyword.
    pub(super) fn is(self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// Whether it says nothing: spaces or a comment.
    pub(super) fn is_blank(self) -> bool {
        let Self::Other(text) = self else { return false };
        text.starts_with("--") || text.starts_with("/*") || text.trim().is_empty()
    }
}

/// Splits a statement.
pub(super) fn scan(sql: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (part, length) = part_of(first, rest)?;
        parts.push(part);
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(parts)
}

fn part_of(first: char, rest: &str) -> Result<(Part<'_>, usize), String> {
    let other = |length: usize| (Part::Other(rest.get(..length).unwrap_or(rest)), length);
    Ok(match first {
        '\'' | '"' => other(quoted(first, rest)?),
        '-' if rest.starts_with("--") => other(rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => match rest.find("*/") {
            Some(end) => other(end + 2),
            None => return Err("a comment `/*` without an end".into()),
        },
        '{' => {
            let end = rest.find('}').ok_or("`{` without `}`")?;
            let name = rest.get(1..end).unwrap_or_default();
            if !is_name(name) {
                let name = Escaped(name);
                return Err(format!(
                    "`{{{name}}}` is no table: its name is `a`-`z`, `0`-`9` and `_`"
                ));
            }
            (Part::Table(name), end + 1)
        }
        '$' => {
            let digits = length_of(rest.get(1..).unwrap_or_default(), |it| it.is_ascii_digit());
            let number = rest.get(1..=digits).unwrap_or_default().parse();
            match number {
                Ok(number @ 1..=1_000) => (Part::Param(number), digits + 1),
                _ => return Err("`$` is not followed by the number of a parameter, from 1".into()),
            }
        }
        '?' if rest.get(1..2).is_none_or(|next| !"|&?".contains(next)) => {
            return Err("`?`: parameters are `$1`, `$2`".into());
        }
        '(' | ')' | ',' | ';' => (Part::Mark(first), 1),
        _ if is_word(first) => {
            let length = length_of(rest, is_word);
            (Part::Word(rest.get(..length).unwrap_or(rest)), length)
        }
        _ if first.is_whitespace() => other(length_of(rest, char::is_whitespace)),
        _ => other(first.len_utf8()),
    })
}

/// The length of a text in quotes; a quote within is written twice, which is the end and the start of another text.
fn quoted(quote: char, rest: &str) -> Result<usize, String> {
    let after = rest.get(1..).unwrap_or_default();
    let end = after.find(quote).ok_or_else(|| format!("a {quote} without an end"))?;
    Ok(end + 2)
}

fn length_of(text: &str, is_part: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !is_part(letter)).unwrap_or(text.len())
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '.'
}

/// Whether a table may have this name.
pub(super) fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (1..=50).contains(&name.len())
        && name.bytes().all(is_part)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_parameters_are_found_outside_of_quotes_only() {
        let parts =
            scan("SELECT '{a} $1 ;' AS \"{b}\" -- {c}\nFROM {d} /* {e} */ WHERE x = $12").unwrap();
        let found: Vec<_> =
            parts.iter().filter(|part| matches!(part, Part::Table(_) | Part::Param(_))).collect();
        assert_eq!(found, [&Part::Table("d"), &Part::Param(12)]);
        let text: String = scan("it's ''ok'' ü{x}").map_or_else(|error| error, |_| String::new());
        assert_eq!(text, "a ' without an end");
    }

    #[test]
    fn what_is_no_statement_is_refused() {
        for (sql, words) in [
            ("SELECT '", "without an end"),
            ("SELECT \"", "without an end"),
            ("/* ", "without an end"),
            ("{", "without `}`"),
            ("{A}", "no table"),
            ("{}", "no table"),
            ("{1a}", "no table"),
            ("$0", "from 1"),
            ("$", "from 1"),
            ("$ü", "from 1"),
            ("$99999999999999999999", "from 1"),
            ("x = ?", "parameters are"),
        ] {
            let refused = scan(sql).unwrap_err();
            assert!(refused.contains(words), "{sql}: {refused}");
        }
    }
}
