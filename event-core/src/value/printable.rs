//! [`Escaped`] and [`Printable`]: text from elsewhere in messages and on terminals.

use std::fmt::{self, Write as _};

/// A name in a message: double quotes, backslashes, control characters and bidirectional controls are printed as escapes.
///
/// ```
/// use event_core::value::Escaped;
///
/// assert_eq!(Escaped("a\u{202e}b\n").to_string(), r"a\u{202e}b\n");
/// assert_eq!(Escaped("größe").to_string(), "größe");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_invisible(c) {
                write!(f, "{}", c.escape_unicode())?;
            } else if c == '\'' {
                // Messages put names in double quotes or in none: an apostrophe needs no escape.
                f.write_char(c)?;
            } else {
                write!(f, "{}", c.escape_debug())?;
            }
        }
        Ok(())
    }
}

/// A whole message, or JSON, that may hold text from elsewhere: control characters other than line ends and tabs, and
/// bidirectional controls, are printed as JSON escapes, so that a terminal does not obey them.
///
/// ```
/// use event_core::value::Printable;
///
/// assert_eq!(Printable("a \"b\"\n\u{1b}[31m\u{9b}").to_string(), "a \"b\"\n\\u001b[31m\\u009b");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        // Nearly every text: looked at byte by byte, which is several times as fast.
        if rest.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
            return f.write_str(rest);
        }
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_obeyed(*c)) {
            f.write_str(&rest[..at])?;
            write!(f, "\\u{:04x}", u32::from(c))?;
            rest = &rest[at + c.len_utf8()..];
        }
        f.write_str(rest)
    }
}

/// Whether a terminal does something else than to show it.
fn is_obeyed(c: char) -> bool {
    is_invisible(c) || (c.is_control() && !matches!(c, '\n' | '\t'))
}

/// Bidirectional controls (Unicode standard annex 9) and zero-width characters: they can disguise a name.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_disguise_a_name_are_escaped_and_their_neighbours_are_not() {
        for c in [
            '\u{61c}', '\u{200b}', '\u{200f}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}',
            '\u{feff}',
        ] {
            let code = u32::from(c);
            assert_eq!(Printable(&format!("a{c}b")).to_string(), format!("a\\u{code:04x}b"));
            assert_eq!(Escaped(&format!("a{c}b")).to_string(), format!("a\\u{{{code:x}}}b"));
        }
        for text in ["\u{61b}", "\u{2010}", "größe", "a\tb\n"] {
            assert_eq!(Printable(text).to_string(), text);
        }
    }
}
