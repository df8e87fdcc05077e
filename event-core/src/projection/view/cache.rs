//! [`Cache`]: the documents of a build that are in memory, and those of them that are not stored yet.

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::adapter::DocumentKey;
use crate::event::{EncodeError, encode_proven};

/// Documents to write, with their texts; one without is removed.
pub(super) type Changes = Vec<(DocumentKey, Option<String>)>;

/// About so many bytes of documents are held in memory.
const ROOM: usize = 64 << 20;
/// At most so many changed documents are written in one transaction.
const MOST_CHANGED: usize = 1 << 17;
/// What a document takes in memory beside itself.
const OVERHEAD: usize = 160;
/// Each so manieth fold measures its document.
const SAMPLE: u32 = 64;

/// A document in memory.
struct Slot<V> {
    document: V,
    is_changed: bool,
    /// It is to be removed.
    is_gone: bool,
}

/// The documents of a build in memory.
pub(super) struct Cache<V> {
    slots: HashMap<DocumentKey, Slot<V>>,
    changed: Vec<DocumentKey>,
    /// Every document of the build is here: what is not does not exist.
    is_complete: bool,
    /// Changed documents at most: fewer after a slow write.
    most: usize,
    /// Documents in the last write.
    written: usize,
    /// The mean size of a document as text, and how many were measured.
    mean: (f64, u32),
    folds: u32,
}

impl<V: Serialize + DeserializeOwned + Default> Cache<V> {
    pub(super) fn new() -> Self {
        Self {
            slots: HashMap::new(),
            changed: Vec::new(),
            is_complete: false,
            most: MOST_CHANGED,
            written: 0,
            mean: (0.0, 0),
            folds: 0,
        }
    }

    /// Forgets everything. `is_empty` says that the build has no documents.
    pub(super) fn forget(&mut self, is_empty: bool) {
        self.slots.clear();
        self.changed.clear();
        self.is_complete = is_empty;
    }

    /// Whether a document has to be loaded before it is folded.
    pub(super) fn lacks(&self, key: &DocumentKey) -> bool {
        !self.is_complete && !self.slots.contains_key(key)
    }

    /// Takes in a document that was loaded.
    pub(super) fn put(&mut self, key: DocumentKey, text: &str) -> Result<(), serde_json::Error> {
        self.measure(text.len());
        let document = serde_json::from_str(text)?;
        self.slots.insert(key, Slot { document, is_changed: false, is_gone: false });
        Ok(())
    }

    /// A document to fold an event into; the default one if it does not exist.
    pub(super) fn document(&mut self, key: &DocumentKey) -> &mut V {
        let slot = self.slots.entry(key.clone()).or_insert_with(|| Slot {
            document: V::default(),
            is_changed: false,
            is_gone: false,
        });
        if !slot.is_changed {
            slot.is_changed = true;
            self.changed.push(key.clone());
        }
        slot.is_gone = false;
        &mut slot.document
    }

    /// Notes that a document is to be removed.
    pub(super) fn remove(&mut self, key: &DocumentKey) {
        if let Some(slot) = self.slots.get_mut(key) {
            slot.document = V::default();
            slot.is_gone = true;
        }
    }

    /// Notes a fold; now and then it measures the document.
    pub(super) fn sample(&mut self, key: &DocumentKey) {
        self.folds = self.folds.wrapping_add(1);
        if (self.folds % SAMPLE == 1 || self.mean.1 < SAMPLE)
            && let Some(slot) = self.slots.get(key)
            && let Ok(text) = serde_json::to_string(&slot.document)
        {
            self.measure(text.len());
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn measure(&mut self, length: usize) {
        let (mean, count) = &mut self.mean;
        *count = count.saturating_add(1).min(4 * SAMPLE);
        *mean += (length as f64 - *mean) / f64::from(*count);
    }

    /// About how many bytes it takes.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a mean of lengths is not negative"
    )]
    fn size(&self) -> usize {
        // As text when it is written, and as a value of about the same size.
        let each = OVERHEAD + size_of::<V>() + 2 * self.mean.0 as usize;
        self.slots.len().saturating_mul(each)
    }

    /// Whether what is changed has to be written before more is folded.
    pub(super) fn is_full(&self) -> bool {
        !self.changed.is_empty() && (self.changed.len() >= self.most || self.size() >= ROOM)
    }

    /// The texts of the changed documents, sorted by key; `None` for one that is to be removed. The key of the one that would
    /// not read back beside the error.
    pub(super) fn changes(&mut self) -> Result<Changes, (DocumentKey, EncodeError)> {
        self.changed.sort_unstable();
        self.written = self.changed.len();
        let text = |key: &DocumentKey| match self.slots.get(key) {
            Some(slot) if !slot.is_gone => match encode_proven(&slot.document) {
                Ok(text) => Ok((key.clone(), Some(Box::<str>::from(text).into()))),
                Err(error) => Err((key.clone(), error)),
            },
            _ => Ok((key.clone(), None)),
        };
        self.changed.iter().map(text).collect()
    }

    /// Notes that the changes are stored. The documents stay in memory as long as there is room for others.
    pub(super) fn stored(&mut self) {
        if self.size() > ROOM / 2 {
            self.forget(false);
            return;
        }
        for key in self.changed.drain(..) {
            match self.slots.get_mut(&key) {
                Some(slot) if slot.is_gone => drop(self.slots.remove(&key)),
                Some(slot) => slot.is_changed = false,
                None => {}
            }
        }
    }

    /// Writes fewer documents at once after a write that was too slow, and more after a quick one.
    pub(super) fn adapt(&mut self, is_slow: bool) {
        self.most = if is_slow {
            (self.most.min(self.written.max(2)) / 2).max(1)
        } else {
            self.most.saturating_mul(2).min(MOST_CHANGED)
        };
    }
}
