//! [`Output`]: standard output. Only it writes there, so that foreign text is always escaped and colours are always wanted.

pub(crate) mod pretty;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod text;

use std::io::{self, BufWriter, IsTerminal as _, Write};

use serde::Serialize;

pub(crate) use self::style::Style;
pub(crate) use self::table::{Column, Table};
use crate::failure::Failure;
use crate::terminal::{Terminal, Unread};

/// Standard output.
pub(crate) struct Output {
    out: Terminal<Box<dyn Write + Send>>,
    width: Option<usize>,
    colours: bool,
    is_terminal: bool,
}

impl Output {
    /// That of the process.
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let out: Box<dyn Write + Send> = Box::new(BufWriter::with_capacity(1 << 16, stdout));
        Self {
            out: Terminal::new(out),
            width: width(is_terminal),
            colours: is_terminal && style::wanted(),
            is_terminal,
        }
    }

    /// The columns of the terminal; `None` for no limit.
    pub(crate) const fn width(&self) -> Option<usize> {
        self.width
    }

    /// Goes on when nobody reads any more: what the command stores matters, not what it prints.
    pub(crate) const fn goes_on_unread(&mut self) {
        self.out.when_unread(Unread::GoesOn);
    }

    /// Prints a line.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        Ok(writeln!(self.out, "{}", text.as_ref())?)
    }

    /// Prints a line in a style.
    pub(crate) fn styled(&mut self, style: Style, text: &str) -> Result<(), Failure> {
        self.paint(style, text)?;
        self.line("")
    }

    /// Prints text as it is given, escaped, such as a script or JSON on several lines.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        Ok(self.out.write_all(text.as_bytes())?)
    }

    /// Writes bytes as they are; on a terminal they are escaped, as all else.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.is_terminal {
            return Ok(self.out.write_all(bytes)?);
        }
        Ok(self.out.screen().write_all(bytes)?)
    }

    /// Prints an object as one line of JSON.
    pub(crate) fn json(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_string(object)
            .map_err(|error| Failure::general(format!("could not write JSON: {error}")))?;
        self.json_line(&line)
    }

    /// Prints JSON on one line: line ends in it are between its values, never within.
    pub(crate) fn json_line(&mut self, json: &str) -> Result<(), Failure> {
        if json.contains(['\n', '\r']) {
            self.line(json.replace(['\n', '\r'], " "))
        } else {
            self.line(json)
        }
    }

    /// Adds text to a line that is [`composed`](Self::composed), in a style.
    pub(crate) fn paint_into(&self, line: &mut String, style: Style, text: &str) {
        match style.code().filter(|_| self.colours) {
            Some(code) => line.extend(["\u{1b}[", code, "m", text, "\u{1b}[0m"]),
            None => line.push_str(text),
        }
    }

    /// Prints lines of which the foreign text is escaped already, such as the cells of a table.
    pub(crate) fn composed(&mut self, lines: &str) -> Result<(), Failure> {
        Ok(self.out.screen().write_all(lines.as_bytes())?)
    }

    /// Prints text in a style, without a line end.
    pub(crate) fn paint(&mut self, style: Style, text: &str) -> Result<(), Failure> {
        let code = style.code().filter(|_| self.colours);
        if let Some(code) = code {
            write!(self.out.screen(), "\u{1b}[{code}m")?;
        }
        self.out.write_all(text.as_bytes())?;
        if code.is_some() {
            write!(self.out.screen(), "\u{1b}[0m")?;
        }
        Ok(())
    }

    /// Shows what was printed so far.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }

    /// Whether the reader went away.
    pub(crate) const fn is_closed(&self) -> bool {
        self.out.is_closed()
    }
}

/// The columns to print into: those of the terminal; elsewhere those that `COLUMNS` asks for.
fn width(is_terminal: bool) -> Option<usize> {
    let of_terminal = || {
        let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
        Some(usize::from(width.0)).filter(|width| *width > 0)
    };
    let asked = || std::env::var("COLUMNS").ok()?.parse().ok().filter(|width| *width > 0);
    if is_terminal { of_terminal().or_else(asked).or(Some(80)) } else { asked() }
}
