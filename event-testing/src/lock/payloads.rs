//! The golden payloads of a crate, in files, and what they read as.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use event_core::registry::Registration;
use event_core::{EventVersion, Registry};

use crate::lock::reading::{Reader, Sample};
use crate::lock::{BLESS, LockFile, golden, write};

/// The folder of a crate's golden payloads.
pub(crate) struct Payloads<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) own: &'a [&'a Registration],
    pub(crate) folder: PathBuf,
    pub(crate) bless: bool,
    /// Payloads that were generated, before they are written.
    pub(crate) generated: RefCell<BTreeMap<(String, EventVersion), String>>,
}

impl<'a> Payloads<'a> {
    pub(crate) fn new(
        registry: &'a Registry,
        own: &'a [&'a Registration],
        folder: PathBuf,
        bless: bool,
    ) -> Self {
        Self { registry, own, folder, bless, generated: RefCell::default() }
    }

    /// Checks the payloads of a version against what was recorded of them; `Err` is the problem. `Ok` holds what has to be
    /// recorded, if anything has.
    pub(crate) fn check(
        &self,
        event_type: &str,
        version: EventVersion,
        recorded: &[Sample],
        first_format: bool,
    ) -> Result<Option<Vec<Sample>>, String> {
        let path = self.path(event_type, version);
        let shown = path.display();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("could not read {shown}: {error}"));
            }
            Err(_) if !self.bless => {
                return Err(format!(
                    "{event_type} {version} has no golden payload; `{BLESS}=bless cargo test` records {shown}"
                ));
            }
            Err(_) => self.generate(event_type, version).map_err(|reason| {
                format!(
                    "no golden payload of {event_type} {version} could be recorded: {reason}; write {shown} by hand"
                )
            })?,
        };
        golden::verify(self.registry, event_type, version, &text)
            .map_err(|reason| format!("{shown}: {reason}"))?;
        let reader = Reader { registry: self.registry, event_type, version };
        let mut samples = self.with_others(&reader, &text, recorded);
        let mut is_new = false;
        for sample in &mut samples {
            let compared =
                reader.compare(sample.payload.as_deref().unwrap_or(&text), &sample.readings);
            let compared = compared.map_err(|reason| match &sample.payload {
                None => format!("{shown}: {reason}"),
                Some(payload) => format!("{event_type} {version}, the payload {payload}: {reason}"),
            })?;
            if let Some(readings) = compared {
                let unrecorded = readings
                    .iter()
                    .any(|now| sample.readings.iter().all(|before| before.version != now.version));
                if unrecorded && !self.bless && !first_format {
                    return Err(format!(
                        "what the payloads of {event_type} {version} read as is not recorded; `{BLESS}=bless cargo test` adds it"
                    ));
                }
                sample.readings = readings;
                is_new = true;
            }
        }
        Ok((is_new || samples.len() != recorded.len()).then_some(samples))
    }

    /// Whether every recorded payload of a version reads as recorded, as `Debug` shows it.
    pub(crate) fn is_proved(
        &self,
        event_type: &str,
        version: EventVersion,
        recorded: &[Sample],
    ) -> bool {
        let Ok(golden) = fs::read_to_string(self.path(event_type, version)) else { return false };
        let reader = Reader { registry: self.registry, event_type, version };
        let is_proved = |sample: &Sample| {
            reader.is_proved(sample.payload.as_deref().unwrap_or(&golden), &sample.readings)
        };
        !recorded.is_empty() && recorded.iter().all(is_proved)
    }

    /// The recorded payloads. Where some are recorded, those that show what the golden one does not are among them.
    fn with_others(&self, reader: &Reader<'_>, golden: &str, recorded: &[Sample]) -> Vec<Sample> {
        let mut samples = recorded.to_vec();
        if !samples.is_empty() && !self.bless {
            return samples;
        }
        let sample = |payload| Sample { payload, readings: Vec::new() };
        if samples.is_empty() {
            samples.push(sample(None));
        }
        let Some(event) = self.own(reader.event_type, reader.version) else { return samples };
        let beside = golden::beside(event, golden);
        for payload in &beside {
            let is_known = samples.iter().any(|it| it.payload.as_ref() == Some(payload));
            // A variant that is never written cannot be compared.
            if !is_known && reader.readings(payload).is_ok_and(|it| !it.is_empty()) {
                samples.push(sample(Some(payload.clone())));
            }
        }
        let payloads = [golden].into_iter().chain(beside.iter().map(String::as_str));
        for payload in golden::converted(event, payloads) {
            let is_known = samples.iter().any(|it| it.payload.as_ref() == Some(&payload));
            if let Ok(readings) = reader.recordable(&payload)
                && !is_known
                && !readings.is_empty()
            {
                samples.push(Sample { payload: Some(payload), readings });
            }
        }
        samples
    }

    /// Writes the payload that was generated for a version.
    pub(crate) fn keep(&self, event_type: &str, version: EventVersion) -> Result<(), String> {
        match self.generated.borrow_mut().remove(&(event_type.to_owned(), version)) {
            Some(text) => write(&self.path(event_type, version), &text),
            None => Ok(()),
        }
    }

    /// Reports payloads of versions that are not locked, such as a misspelt file name.
    pub(crate) fn without_version(&self, lock: &LockFile) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let own = self.own.iter().map(|event| (event.event_type(), event.version()));
        let names: Vec<String> = lock
            .all()
            .chain(own)
            .map(|(event_type, version)| format!("{event_type}.{version}"))
            .collect();
        let known = |path: &PathBuf| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            names.contains(&name)
        };
        paths
            .iter()
            .filter(|path| path.extension().is_some_and(|it| it == "json") && !known(path))
            .map(|path| {
                let path = path.display();
                format!("{path}: no version of that name is locked; rename or remove it")
            })
            .collect()
    }

    fn generate(&self, event_type: &str, version: EventVersion) -> Result<String, String> {
        let event = self.own(event_type, version).ok_or("its struct is no longer defined")?;
        let text = golden::generate(event)?;
        self.generated.borrow_mut().insert((event_type.to_owned(), version), text.clone());
        Ok(text)
    }

    fn own(&self, event_type: &str, version: EventVersion) -> Option<&'a Registration> {
        let is_it = |it: &&&Registration| it.event_type() == event_type && it.version() == version;
        self.own.iter().find(is_it).copied()
    }

    fn path(&self, event_type: &str, version: EventVersion) -> PathBuf {
        self.folder.join(format!("{event_type}.{version}.json"))
    }
}
