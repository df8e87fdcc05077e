//! The lock file: parsed strictly and written in one canonical form, so that its diff is the history of the shapes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::IgnoredAny;

use event_core::EventVersion;
use event_core::registry::Registration;
use event_core::shape::{Form, ShapeLine, fingerprint};

use crate::lock::reading::{Reading, Sample};

/// The format that is written.
const FORMAT: u8 = 2;

const HEAD: &str = "\
# The shape of every event version of this crate that may be stored, and what its golden payload reads as (`=`, and where
# functions convert it `~`, by `Debug`), and so other payloads (`-`). `EVENTS_LOCK=bless cargo test` adds to it and rewrites
# no block whose stored events would read differently. It belongs under version control: its diff is what reviewers read.
";

/// The content of an `events.lock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    format: u8,
    crate_name: String,
    blocks: BTreeMap<Key, Block>,
    retired: BTreeMap<Key, String>,
}

type Key = (String, EventVersion);

/// The locked shape of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    lines: Vec<ShapeLine>,
    samples: Vec<Sample>,
}

/// A problem in a lock file: the line, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {reason}")]
pub struct LockError {
    /// The number of the line, from 1.
    pub line: usize,
    /// The problem and its remedy.
    pub reason: String,
}

impl Block {
    /// Creates the block of a shape.
    pub fn of(form: &Form) -> Self {
        Self { lines: form.lines(), samples: Vec::new() }
    }

    /// The payloads of the version, with what they read as; the golden one first.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Whether every payload of another block reads the same, as `Debug` shows it.
    pub(crate) fn reads_as(&self, other: &Self) -> bool {
        let is_shown = |sample: &Sample| sample.readings.iter().any(|it| it.shown.is_some());
        !other.samples.is_empty()
            && other.samples.iter().all(|it| is_shown(it) && self.samples.contains(it))
    }

    /// The lines of the block, in the order of the struct's fields.
    pub fn lines(&self) -> &[ShapeLine] {
        &self.lines
    }

    /// The 64-bit FNV-1a hash of the lines, sorted.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(&self.lines)
    }

    /// The hash in format 1, which knew one line a path.
    fn first_fingerprint(&self) -> u64 {
        let by_path: BTreeMap<&str, &ShapeLine> =
            self.lines.iter().map(|line| (line.path.as_str(), line)).collect();
        fingerprint(&by_path.into_values().cloned().collect::<Vec<_>>())
    }
}

impl LockFile {
    /// Creates an empty lock file of a crate.
    pub fn new(crate_name: &str) -> Self {
        Self {
            format: FORMAT,
            crate_name: crate_name.into(),
            blocks: BTreeMap::new(),
            retired: BTreeMap::new(),
        }
    }

    /// The name of the crate whose events are locked.
    pub fn crate_name(&self) -> &str {
        &self.crate_name
    }

    /// The versions that may be stored, retired ones excluded, by type and version.
    pub fn blocks(&self) -> impl Iterator<Item = (&str, EventVersion, &Block)> {
        let stored = self.blocks.iter().filter(|(key, _)| !self.retired.contains_key(*key));
        stored.map(|((event_type, version), block)| (event_type.as_str(), *version, block))
    }

    /// All locked versions, retired ones included.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, EventVersion)> {
        self.blocks.keys().map(|(event_type, version)| (event_type.as_str(), *version))
    }

    /// The block of a version, retired or not.
    pub fn block(&self, event_type: &str, version: EventVersion) -> Option<&Block> {
        self.blocks.get(&(event_type.to_owned(), version))
    }

    /// The retired versions with their reasons.
    pub fn retired(&self) -> impl Iterator<Item = (&str, EventVersion, &str)> {
        self.retired
            .iter()
            .map(|((event_type, version), reason)| (event_type.as_str(), *version, reason.as_str()))
    }

    /// Whether a version is retired.
    pub(crate) fn is_retired(&self, event_type: &str, version: EventVersion) -> bool {
        self.retired.contains_key(&(event_type.to_owned(), version))
    }

    /// The format of the file: 1 says less, and is written as 2 by the next bless.
    pub(crate) const fn is_first_format(&self) -> bool {
        self.format == 1
    }

    /// Makes the file one of the current format.
    pub(crate) const fn upgrade(&mut self) {
        self.format = FORMAT;
    }

    /// Adds a block for each event without one; existing blocks are unchanged.
    pub(crate) fn add<'a>(&mut self, events: impl Iterator<Item = &'a Registration>) {
        for event in events {
            let key = (event.event_type().to_owned(), event.version());
            self.blocks.entry(key).or_insert_with(|| Block::of(&event.shape()));
        }
    }

    /// Records the shape of a version as it is now, in place of one that reads no other payload.
    pub(crate) fn set_lines(&mut self, event_type: &str, version: EventVersion, form: &Form) {
        if let Some(block) = self.blocks.get_mut(&(event_type.to_owned(), version)) {
            block.lines = form.lines();
        }
    }

    /// Records what the payloads of a version read as.
    pub(crate) fn set_samples(
        &mut self,
        event_type: &str,
        version: EventVersion,
        samples: Vec<Sample>,
    ) {
        if let Some(block) = self.blocks.get_mut(&(event_type.to_owned(), version)) {
            block.samples = samples;
        }
    }

    /// Checks that this is the lock file of a crate.
    ///
    /// # Errors
    /// [`LockError`] with both names if it is not.
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
        write!(f, "{HEAD}format {FORMAT}\ncrate {}\n", self.crate_name)?;
        for ((event_type, version), block) in &self.blocks {
            writeln!(f, "\nevent {event_type} {version} {:016x}", block.fingerprint())?;
            block.lines.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
            for sample in &block.samples {
                if let Some(payload) = &sample.payload {
                    writeln!(f, "  - {payload}")?;
                }
                for Reading { version, json, shown } in &sample.readings {
                    writeln!(f, "  = {version} {json}")?;
                    if let Some(shown) = shown {
                        writeln!(f, "  ~ {}", serde_json::Value::from(shown.as_str()))?;
                    }
                }
            }
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
        // Some editors write a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = Reader::default();
        for (at, line) in text.lines().enumerate() {
            reader.line(at + 1, line)?;
        }
        reader.finish(text.lines().count())
    }
}

#[derive(Default)]
struct Reader {
    format: Option<u8>,
    crate_name: Option<String>,
    blocks: BTreeMap<Key, Block>,
    retired: BTreeMap<Key, String>,
    open: Option<Open>,
    ended: bool,
}

/// The block that is being parsed.
struct Open {
    key: Key,
    at: usize,
    fingerprint: u64,
    lines: Vec<ShapeLine>,
    samples: Vec<Sample>,
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
        if line.trim_ascii().is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if self.ended {
            return wrong("unexpected line after `end`; move it before `end`".into());
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "format" if rest == "1" => self.format = Some(1),
            "format" if rest == "2" => self.format = Some(2),
            "format" => {
                return wrong(format!(
                    "format {rest} is not known to this version of event-testing, which writes format {FORMAT}; update it"
                ));
            }
            "crate" if self.crate_name.is_some() => {
                return wrong("duplicate `crate` line; keep the one of this crate".into());
            }
            "crate" => self.crate_name = Some(rest.to_owned()),
            "event" => return self.open_block(at, rest),
            "retired" => return self.retire(at, rest),
            "end" => self.ended = true,
            _ => {
                return wrong(format!(
                    "`{line}` is not a line of a lock file; restore the file from version control"
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
            return wrong("a shape line outside of a block");
        };
        let is_json = |text: &str| serde_json::from_str::<IgnoredAny>(text).is_ok();
        if let Some(payload) = line.strip_prefix("- ") {
            if !is_json(payload) {
                return wrong("this payload was edited by hand or truncated");
            }
            let payload = Some(payload.to_owned());
            open.samples.push(Sample { payload, readings: Vec::new() });
            return Ok(());
        }
        if let Some(reading) = line.strip_prefix("= ") {
            let parts = reading.split_once(' ');
            let parts = parts.and_then(|(version, json)| Some((version_of(version)?, json)));
            let Some((version, json)) = parts.filter(|(_, json)| is_json(json)) else {
                return wrong("this event was edited by hand or truncated");
            };
            if open.samples.is_empty() {
                open.samples.push(Sample { payload: None, readings: Vec::new() });
            }
            if let Some(sample) = open.samples.last_mut() {
                sample.readings.push(Reading { version, json: json.to_owned(), shown: None });
            }
            return Ok(());
        }
        if let Some(shown) = line.strip_prefix("~ ") {
            let last = open.samples.last_mut().and_then(|it| it.readings.last_mut());
            let (Some(reading), Ok(shown)) = (last, serde_json::from_str(shown)) else {
                return wrong("this event, as `Debug` shows it, was edited by hand or truncated");
            };
            reading.shown = Some(shown);
            return Ok(());
        }
        let Some((path, text)) = split_path(line) else {
            return wrong("this shape line was edited by hand or truncated");
        };
        let path = if path == "." { "" } else { path };
        open.lines.push(ShapeLine { path: path.to_owned(), text: text.to_owned() });
        Ok(())
    }

    fn open_block(&mut self, at: usize, rest: &str) -> Result<(), LockError> {
        let words: Vec<&str> = rest.split(' ').collect();
        let parsed = match words.as_slice() {
            [event_type, version, fingerprint] => version_of(version)
                .zip(u64::from_str_radix(fingerprint, 16).ok())
                .map(|(version, fingerprint)| (((*event_type).to_owned(), version), fingerprint)),
            _ => None,
        };
        let Some((key, fingerprint)) = parsed else {
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
        self.open = Some(Open { key, at, fingerprint, lines: Vec::new(), samples: Vec::new() });
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

    /// Closes the open block, after checking its lines against the fingerprint.
    fn close(&mut self) -> Result<(), LockError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let block = Block { lines: open.lines, samples: open.samples };
        let first = || self.format == Some(1) && block.first_fingerprint() == open.fingerprint;
        let found = block.fingerprint();
        if found != open.fingerprint && !first() {
            let (event_type, version) = &open.key;
            let reason = format!(
                "the block of {event_type} {version} was edited by hand or truncated (its lines give {found:016x}, its head line says {:016x}); restore it from version control, or, if it was never released, delete it and bless",
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
                "the file is truncated: its last line is not `end`; restore it from version control",
            );
        }
        let Some((format, crate_name)) = self.format.zip(self.crate_name) else {
            return wrong(
                1,
                "the file does not begin with `format 2` and `crate <name>`; restore it from version control",
            );
        };
        Ok(LockFile { format, crate_name, blocks: self.blocks, retired: self.retired })
    }
}

/// Splits a line at the colon after its path; a quoted key in the path may contain colons.
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
