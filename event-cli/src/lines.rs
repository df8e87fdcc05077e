//! [`Lines`]: the lines of a file or of standard input, read by a thread, so that a source that says nothing delays no Ctrl-C.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use tokio::sync::mpsc::{Receiver, channel};

use crate::failure::Failure;

/// Lines are handed over together, once there are so many bytes of them.
const BYTES: usize = 1 << 16;
/// How many such parts wait at most.
const PARTS: usize = 4;

/// The lines of a source, in parts of many.
pub(crate) struct Lines {
    parts: Receiver<io::Result<Vec<u8>>>,
    /// The size of the source in bytes; 0 if it is not known.
    pub(crate) size: u64,
}

impl Lines {
    /// Those of a file; of standard input without one, or for `-`.
    pub(crate) fn of(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = file.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::read(io::stdin(), 0));
        };
        let fail = |error| Failure::general(format!("could not open {}: {error}", path.display()));
        let file = File::open(path).map_err(fail)?;
        let size = file.metadata().map_or(0, |it| it.len());
        Ok(Self::read(file, size))
    }

    fn read(source: impl Read + Send + 'static, size: u64) -> Self {
        let mut source = BufReader::with_capacity(BYTES, source);
        let (sender, parts) = channel(PARTS);
        // Nobody waits for it: it ends with the process, also while it reads.
        std::thread::spawn(move || {
            loop {
                let part = part(&mut source);
                let is_last = !part.as_ref().is_ok_and(|part| !part.is_empty());
                if sender.blocking_send(part).is_err() || is_last {
                    return;
                }
            }
        });
        Self { parts, size }
    }

    /// The next whole lines, with their ends; empty after the last.
    pub(crate) async fn next(&mut self) -> io::Result<Vec<u8>> {
        self.parts.recv().await.unwrap_or_else(|| Ok(Vec::new()))
    }
}

/// Reads whole lines; none at the end. What is there already does not wait for more.
fn part(source: &mut BufReader<impl Read>) -> io::Result<Vec<u8>> {
    let mut part = Vec::new();
    loop {
        let is_last = source.read_until(b'\n', &mut part)? == 0;
        if is_last || part.len() >= BYTES || source.buffer().is_empty() {
            return Ok(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// A source that says nothing until it is given something.
    struct Slow(mpsc::Receiver<Vec<u8>>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let given = self.0.recv().unwrap_or_default();
            buffer[..given.len()].copy_from_slice(&given);
            Ok(given.len())
        }
    }

    #[tokio::test]
    async fn a_line_that_is_there_does_not_wait_for_more() {
        let (source, given) = mpsc::channel();
        let mut lines = Lines::read(Slow(given), 0);
        source.send(b"first\nsec".to_vec()).unwrap();
        source.send(b"ond\n".to_vec()).unwrap();
        for expected in ["first\nsecond\n", "third\n"] {
            let part = timeout(Duration::from_mins(1), lines.next()).await;
            assert_eq!(part.expect("it waits for more").unwrap(), expected.as_bytes());
            source.send(b"third\n".to_vec()).unwrap();
        }
    }

    #[tokio::test]
    async fn all_lines_come_whole_and_in_order() {
        let text: Vec<u8> =
            (0..20_000).flat_map(|n| format!("line {n}\n").into_bytes()).chain(*b"end").collect();
        let mut lines = Lines::read(io::Cursor::new(text.clone()), 0);
        let mut read = Vec::new();
        loop {
            let part = lines.next().await.unwrap();
            if part.is_empty() {
                break;
            }
            assert!(part.ends_with(b"\n") || part.ends_with(b"end"));
            read.extend(part);
        }
        assert!(read == text);
    }
}
