//! [`Terminal`]: where the program prints. Nothing that it prints is obeyed by a terminal, whoever wrote it, and a reader
//! that went away is no failure.

use std::io::{self, ErrorKind, Write};

use event_core::value::Printable;

/// What a command does once nobody reads its output any more, as behind `| head`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It ends.
    Ends,
    /// It goes on: what it stores matters, not what it prints.
    GoesOn,
}

/// A stream of the process that escapes what a terminal would obey.
#[derive(Debug)]
pub struct Terminal<W> {
    out: W,
    unread: Unread,
    /// Whether the reader went away.
    is_closed: bool,
}

impl<W: Write> Terminal<W> {
    /// A terminal behind a stream.
    pub const fn new(out: W) -> Self {
        Self { out, unread: Unread::Ends, is_closed: false }
    }

    /// Sets what happens once nobody reads any more.
    pub const fn when_unread(&mut self, unread: Unread) {
        self.unread = unread;
    }

    /// Whether the reader went away, which is no failure.
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The same without escapes, for a command that draws on the screen and escapes what it draws.
    pub const fn screen(&mut self) -> Screen<'_, W> {
        Screen(self)
    }

    fn note<T>(&mut self, done: io::Result<T>, instead: T) -> io::Result<T> {
        match done {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                if self.unread == Unread::GoesOn { Ok(instead) } else { Err(error) }
            }
            done => done,
        }
    }
}

impl<W: Write> Write for Terminal<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_closed && self.unread == Unread::GoesOn {
            return Ok(bytes.len());
        }
        let text = String::from_utf8_lossy(bytes);
        let written = write!(self.out, "{}", Printable(&text));
        self.note(written.map(|()| bytes.len()), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.note(flushed, ())
    }
}

/// The terminal, which obeys.
#[derive(Debug)]
pub struct Screen<'t, W>(&'t mut Terminal<W>);

impl<W: Write> Write for Screen<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.out.write(bytes);
        self.0.note(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_obeyed() {
        let mut printed = Vec::new();
        let mut terminal = Terminal::new(&mut printed);
        terminal.write_all("a\u{1b}]0;x\u{7}b\r\u{7f}\u{9b}\n".as_bytes()).unwrap();
        terminal.write_all(b"\xff\t\"").unwrap();
        let text = String::from_utf8(printed).unwrap();
        assert_eq!(text, "a\\u001b]0;x\\u0007b\\u000d\\u007f\\u009b\n\u{fffd}\t\"");
    }

    #[test]
    fn a_reader_that_went_away_ends_the_output() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(ErrorKind::BrokenPipe.into())
            }
        }
        let mut terminal = Terminal::new(Gone);
        writeln!(terminal, "x").unwrap_err();
        assert!(terminal.is_closed());
        terminal.when_unread(Unread::GoesOn);
        writeln!(terminal, "x").unwrap();
        terminal.flush().unwrap();
    }
}
