//! The lock file: read strictly, written in one form, so that its diff is the history of the shapes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use event_core::EventVersion;
use event_core::registry::Registration;
use event_core::shape::{Form, ShapeLine, fingerprint};

const HEAD: &str = "\
# The shape of every event version of this crate that may be stored. `EVENTS_LOCK=bless cargo test` adds to it and
# never rewrites a block. It belongs under version control: its diff is what reviewers read.
";

/// An `events.lock`, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    crate_name: String,
    blocks: BTreeMap<Key, Block>,
    retired: BTreeMap<Key, String>,
}

type Key = (String, EventVersion);

/// The shape of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    lines: Vec<ShapeLine>,
}

/// What is wrong with a lock file: the line, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {reason}")]
pub struct LockError {
    /// The line at fault, from 1.
    pub line: usize,
    /// What is wrong, and what to do about it.
    pub reason: String,
}

impl Block {
    /// The block of a form.
    pub fn of(form: &Form) -> Self {
        Self { lines: form.lines() }
    }

    /// Its lines, in the order of the struct's fields.
    pub fn lines(&self) -> &[ShapeLine] {
        &self.lines
    }

    /// The lines by path: the order of an object's keys is no part of its shape.
    pub(crate) fn by_path(&self) -> BTreeMap<&str, &str> {
        self.lines.iter().map(|line| (line.path.as_str(), line.text.as_str())).collect()
    }

    /// 64-bit FNV-1a of the lines in the order of their paths.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(&self.lines)
    }
}

impl LockFile {
    /// An empty one.
    pub fn new(crate_name: &str) -> Self {
        Self { crate_name: crate_name.into(), blocks: BTreeMap::new(), retired: BTreeMap::new() }
    }

    /// The crate whose events these are.
    pub fn crate_name(&self) -> &str {
        &self.crate_name
    }

    /// The versions that can be stored, by type and version.
    pub fn blocks(&self) -> impl Iterator<Item = (&str, EventVersion, &Block)> {
        let live = self.blocks.iter().filter(|(key, _)| !self.retired.contains_key(*key));
        live.map(|((event_type, version), block)| (event_type.as_str(), *version, block))
    }

    /// Every version that was ever locked, retired ones included.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, EventVersion)> {
        self.blocks.keys().map(|(event_type, version)| (event_type.as_str(), *version))
    }

    /// The block of a version, retired or not.
    pub fn block(&self, event_type: &str, version: EventVersion) -> Option<&Block> {
        self.blocks.get(&(event_type.to_owned(), version))
    }

    /// The versions that were given up, with the reasons.
    pub fn retired(&self) -> impl Iterator<Item = (&str, EventVersion, &str)> {
        self.retired
            .iter()
            .map(|((event_type, version), reason)| (event_type.as_str(), *version, reason.as_str()))
    }

    /// Whether a version was given up.
    pub(crate) fn is_retired(&self, event_type: &str, version: EventVersion) -> bool {
        self.retired.contains_key(&(event_type.to_owned(), version))
    }

    /// Adds the events that have no block; those that have one stay as they are.
    pub(crate) fn add<'a>(&mut self, events: impl Iterator<Item = &'a Registration>) {
        for event in events {
            let key = (event.event_type().to_owned(), event.version());
            self.blocks.entry(key).or_insert_with(|| Block::of(&event.shape()));
        }
    }

    /// Whether this is the lock file of a crate.
    ///
    /// # Errors
    /// [`LockError`] with both names.
    pub(crate) fn belongs_to(&self, crate_name: &str) -> Result<(), LockError> {
        if self.crate_name == crate_name {
            return Ok(());
        }
        Err(LockError {
            line: 1,
            reason: format!(
                "this is the lock file of crate `{}`, not of `{crate_name}`; remove it and bless one for this crate, or write `crate {crate_name}` if the crate was renamed",
                self.crate_name
            ),
        })
    }
}

impl fmt::Display for LockFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEAD}format 1\ncrate {}\n", self.crate_name)?;
        for ((event_type, version), block) in &self.blocks {
            writeln!(f, "\nevent {event_type} {version} {:016x}", block.fingerprint())?;
            block.lines.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        if !self.retired.is_empty() {
            writeln!(f)?;
        }
        for ((event_type, version), reason) in &self.retired {
            writeln!(f, "retired {event_type} {version}: {reason}")?;
        }
        f.write_str("\nend\n")
    }
}

impl FromStr for LockFile {
    type Err = LockError;

    fn from_str(text: &str) -> Result<Self, LockError> {
        let mut reader = Reader::default();
        for (at, line) in text.lines().enumerate() {
            reader.line(at + 1, line)?;
        }
        reader.finish(text.lines().count())
    }
}

#[derive(Default)]
struct Reader {
    format: bool,
    crate_name: Option<String>,
    blocks: BTreeMap<Key, Block>,
    retired: BTreeMap<Key, String>,
    open: Option<Open>,
    ended: bool,
}

/// The block that is being read.
struct Open {
    key: Key,
    at: usize,
    fingerprint: u64,
    lines: Vec<ShapeLine>,
}

impl Reader {
    fn line(&mut self, at: usize, line: &str) -> Result<(), LockError> {
        let wrong = |reason: String| Err(LockError { line: at, reason });
        if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| line.starts_with(mark)) {
            return wrong("merge conflict marks; keep the blocks of both sides, remove the marks, and run the test again".into());
        }
        if let Some(shape) = line.strip_prefix("  ") {
            return self.shape_line(at, shape);
        }
        self.close()?;
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if self.ended {
            return wrong("something follows `end`; move it before".into());
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "format" if rest == "1" => self.format = true,
            "format" => {
                return wrong(format!(
                    "format {rest} is not known to this version of event-core, which writes format 1; update it"
                ));
            }
            "crate" if self.crate_name.is_some() => {
                return wrong("`crate` stands twice; keep the line of this crate".into());
            }
            "crate" => self.crate_name = Some(rest.to_owned()),
            "event" => return self.open_block(at, rest),
            "retired" => return self.retire(at, rest),
            "end" => self.ended = true,
            _ => {
                return wrong(format!(
                    "`{line}` is no line of a lock file; restore the file from version control"
                ));
            }
        }
        Ok(())
    }

    fn shape_line(&mut self, at: usize, line: &str) -> Result<(), LockError> {
        let wrong = |reason: &str| {
            let reason = format!("{reason}; restore the file from version control");
            Err(LockError { line: at, reason })
        };
        let Some(open) = &mut self.open else {
            return wrong("a line of a shape outside of a block");
        };
        let Some((path, text)) = split_path(line) else {
            return wrong("this line of a shape was changed by hand or cut");
        };
        let path = if path == "." { "" } else { path };
        open.lines.push(ShapeLine { path: path.to_owned(), text: text.to_owned() });
        Ok(())
    }

    fn open_block(&mut self, at: usize, rest: &str) -> Result<(), LockError> {
        let parts: Vec<&str> = rest.split(' ').collect();
        let read = match parts.as_slice() {
            [event_type, version, fingerprint] => version_of(version)
                .zip(u64::from_str_radix(fingerprint, 16).ok())
                .map(|(version, print)| (((*event_type).to_owned(), version), print)),
            _ => None,
        };
        let Some((key, fingerprint)) = read else {
            let reason = format!(
                "expected `event <type> v<N> <fingerprint>`, found `event {rest}`; restore the file from version control"
            );
            return Err(LockError { line: at, reason });
        };
        if self.blocks.contains_key(&key) {
            let reason = format!(
                "{} {} is locked twice; remove the block that was never released",
                key.0, key.1
            );
            return Err(LockError { line: at, reason });
        }
        self.open = Some(Open { key, at, fingerprint, lines: Vec::new() });
        Ok(())
    }

    fn retire(&mut self, at: usize, rest: &str) -> Result<(), LockError> {
        let form = || {
            LockError {
            line: at,
            reason: "expected `retired <type> v<N>: <reason>`; the reason says why no store holds it any more".into(),
        }
        };
        let (name, reason) = rest.split_once(':').ok_or_else(form)?;
        let (event_type, version) = name.split_once(' ').ok_or_else(form)?;
        let version = version_of(version).ok_or_else(form)?;
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(form());
        }
        let key = (event_type.to_owned(), version);
        if self.retired.contains_key(&key) {
            let reason = format!("{name} is retired twice; keep one of the reasons");
            return Err(LockError { line: at, reason });
        }
        self.retired.insert(key, reason.to_owned());
        Ok(())
    }

    /// Ends the block that is open, if its lines are those that were written.
    fn close(&mut self) -> Result<(), LockError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let block = Block { lines: open.lines };
        let found = block.fingerprint();
        if found != open.fingerprint {
            let (event_type, version) = &open.key;
            let reason = format!(
                "the block of {event_type} {version} was changed by hand or cut (its lines give {found:016x}, its head says {:016x}); restore it from version control, or, if it was never released, delete it and bless",
                open.fingerprint
            );
            return Err(LockError { line: open.at, reason });
        }
        self.blocks.insert(open.key, block);
        Ok(())
    }

    fn finish(mut self, lines: usize) -> Result<LockFile, LockError> {
        self.close()?;
        let wrong = |line, reason: &str| Err(LockError { line, reason: reason.into() });
        if !self.ended {
            return wrong(
                lines,
                "the file is cut: its last line is not `end`; restore it from version control",
            );
        }
        let Some(crate_name) = self.crate_name.filter(|_| self.format) else {
            return wrong(
                1,
                "the file does not begin with `format 1` and `crate <name>`; restore it from version control",
            );
        };
        Ok(LockFile { crate_name, blocks: self.blocks, retired: self.retired })
    }
}

/// A path and what stands behind its colon; a quoted key may hold one itself.
fn split_path(line: &str) -> Option<(&str, &str)> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ':' if !quoted => return Some((&line[..at], line[at + 1..].strip_prefix(' ')?)),
            _ => {}
        }
    }
    None
}

fn version_of(text: &str) -> Option<EventVersion> {
    let number: u32 = text.strip_prefix('v')?.parse().ok()?;
    EventVersion::try_from(number).ok()
}
